# SPDX-License-Identifier: Apache-2.0
"""What the black-box tests stand on: the real programs as processes, and clients. Fixtures: ../conftest.py."""

from .program import Program, ProgramFailed, find_binary, run
from .fake_llm import FakeLlm
from .receiver import Receiver, closed_port, reply
from .server import ADMIN_EMAIL, ADMIN_PASSWORD, Server, no_limits
from .sockets import ChatSocket, RawSocket, Turn
from .sse import events

__all__ = [
    "ADMIN_EMAIL", "ADMIN_PASSWORD", "ChatSocket", "FakeLlm", "Program", "ProgramFailed", "RawSocket", "Receiver",
    "Server",
    "Turn", "closed_port", "events", "find_binary", "no_limits", "reply", "run",
]
