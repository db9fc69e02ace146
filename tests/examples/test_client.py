# SPDX-License-Identifier: Apache-2.0
"""examples/websocket_client_example.py: first against a server that does what a test wants, then the real one."""

import ast
import asyncio
import json
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLIENT = ROOT / "examples" / "websocket_client_example.py"
sys.path[:0] = [str(ROOT / "examples"), str(ROOT / "tests" / "browser")]

import websocket_client_example as client  # noqa: E402
from fake_parley import ANSWER, FakeParley  # noqa: E402

QUESTION = "Which laptop is good for video editing?"


@pytest.fixture
def fake():
    brands = json.dumps([{"id": "techpro", "name": "TechPro"}, {"id": "nope", "name": "Nope"}]).encode()
    with FakeParley({"/brands/active": ("application/json", brands)}) as one:
        yield one


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(client, "FIRST_DELAY", 0.01)


def ask(url, *questions):
    async def go():
        pieces = []
        async with client.ParleySocket("techpro", url) as chat:
            return [await chat.ask(question, on_text=pieces.append) for question in questions], pieces

    return asyncio.run(go())


def test_needs_the_standard_library_alone():
    names = set()
    for node in ast.walk(ast.parse(CLIENT.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.split(".")[0])
    assert names and names <= set(sys.stdlib_module_names)


def test_streams_an_answer(fake):
    (answer,), pieces = ask(fake.url, QUESTION)
    assert answer.text == "".join(pieces) == ANSWER and len(pieces) > 5
    assert answer.products[0]["id"] == "laptop-001" and answer.confidence == 0.8127 and not answer.errors


def test_resumes_a_lost_answer(fake):
    (answer,), pieces = ask(fake.url, "please lose this")
    assert answer.text == "".join(pieces) == ANSWER and fake.connections == 2
    assert [frame["type"] for frame in fake.frames] == ["chat", "resume"]


def test_asks_again_what_never_arrived(fake):
    answers, pieces = ask(fake.url, QUESTION, "swallow this once")
    assert [answer.text for answer in answers] == [ANSWER] * 2 and "".join(pieces) == ANSWER * 2
    assert [frame["type"] for frame in fake.frames] == ["chat", "chat", "resume", "chat"]


def test_an_error_is_part_of_the_answer(fake):
    (answer,), _ = ask(fake.url, "refuse this")
    assert answer.errors[0]["code"] == "rate_limited" and answer.text == ""


def test_closed_for_good(fake):
    with pytest.raises(client.Closed) as closed:
        ask(fake.url, "close 1008")
    assert closed.value.code == 1008 and fake.connections == 1


def test_every_brand(fake, capsys):
    answers = asyncio.run(client.test_multiple_brands(fake.url))
    assert answers["techpro"].text == ANSWER
    assert isinstance(answers["nope"], client.Closed) and answers["nope"].code == 4404
    assert "Halden Forge 16: 2,899.00" in capsys.readouterr().out


def test_control_characters_do_not_reach_the_terminal():
    assert client.plain("a\x1b[31mb\x9bc\u202ed\ne") == "a[31mbcd\ne"


@pytest.mark.parametrize("given", ["ws://a.example:8000", "http://a.example:8000/", "ws://a.example:8000/"])
def test_addresses(given):
    assert client.socket_base(given) == "ws://a.example:8000"
    assert client.http_base(given) == "http://a.example:8000"


def test_frames_of_every_length(fake):
    """The client's own codec: lengths around the borders of the three forms, answered by a library's."""
    for size in (0, 1, 125 - 60, 125, 126, 65535, 65536):
        (answer,), _ = ask(fake.url, "x" * size + " refuse")
        assert answer.errors
        assert fake.frames[-1]["data"]["message"] == "x" * size + " refuse"


def test_real_server(server, capsys):
    """001-brands#19 by the example's coroutines"""
    real = server()
    (answer,) = asyncio.run(client.chat_with_brand("techpro", real.url, [QUESTION]))
    assert answer.products[0]["id"] == "laptop-001" and "2,899.00 USD" in answer.text
    assert [brand["id"] for brand in asyncio.run(client.list_available_brands(real.url))] == ["techpro"]
    assert set(asyncio.run(client.test_multiple_brands(real.url))) == {"techpro"}


def test_real_server_as_a_program(server):
    real = server()
    done = subprocess.run(
        [sys.executable, CLIENT, "--url", real.url, "--message", QUESTION], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0 and "Halden Forge 16" in done.stdout, done.stderr
    done = subprocess.run([sys.executable, CLIENT, "--url", real.url, "--brand", "nope", "--message", "x"],
                          capture_output=True, text=True, timeout=60)  # fmt: skip
    assert done.returncode == 1 and "Brand 'nope' not found or inactive" in done.stderr
