# SPDX-License-Identifier: Apache-2.0
"""WebSocket clients: one that speaks 001's chat frames, and a raw one that can break every rule of RFC 6455."""

import base64
import dataclasses
import json
import os
import socket
import struct
import time

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

TURN_SECONDS = 60.0


@dataclasses.dataclass
class Turn:
    """The frames of one turn, from the chat frame to its `complete`."""

    frames: list

    @property
    def text(self):
        return "".join(f["data"]["content"] for f in self.frames if f["type"] == "chunk")

    @property
    def complete(self):
        return next((f["data"] for f in self.frames if f["type"] == "complete"), None)

    @property
    def errors(self):
        return [f["data"] for f in self.frames if f["type"] == "error"]

    @property
    def types(self):
        return [f["type"] for f in self.frames]

    @property
    def conversation_id(self):
        return self.complete["conversation_id"]


class ChatSocket:
    """
    with server.socket("techpro") as ws:
        ws.receive()["type"] == "welcome"
        turn = ws.turn("Which tent for two?")           sends a chat frame, reads until complete
        ws.send("ping"); ws.receive()
        ws.close_code(timeout=5)                        waits for the server's close
    """

    def __init__(self, url, headers=None, origin=None, subprotocols=None, timeout=10):
        self.ws = connect(
            url, additional_headers=headers or {}, origin=origin, subprotocols=subprotocols, compression=None,
            proxy=None, open_timeout=timeout, close_timeout=5, ping_interval=None, max_size=16 << 20,
            user_agent_header="parley-tests",
        ).__enter__()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self, code=1000):
        self.ws.close(code)

    def drop(self):
        """Loses the connection without a close frame."""
        self.ws.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.ws.close_socket()

    def send(self, type, **data):
        """One frame; without data the member is left out."""
        self.send_text(json.dumps({"type": type, "data": data} if data else {"type": type}))

    def send_text(self, text):
        self.ws.send(text)

    def receive(self, timeout=TURN_SECONDS):
        """The next frame as an object; TimeoutError, or ConnectionClosed when the server has closed."""
        return json.loads(self.ws.recv(timeout))

    def receive_until(self, type, timeout=TURN_SECONDS):
        """Frames up to and with the first of this type."""
        deadline, frames = time.monotonic() + timeout, []
        while True:
            frames.append(self.receive(max(0.0, deadline - time.monotonic())))
            if frames[-1]["type"] == type:
                return frames

    def wait_complete(self, timeout=TURN_SECONDS):
        """Reads until `complete`; the frames as a Turn (a `welcome` on the way is left out)."""
        return Turn([f for f in self.receive_until("complete", timeout) if f["type"] != "welcome"])

    def turn(self, message, timeout=TURN_SECONDS, **data):
        """One whole turn."""
        self.send("chat", message=message, **data)
        return self.wait_complete(timeout)

    def close_code(self, timeout=10):
        """Reads and drops frames until the server closes; its close code (1006 when there was no close frame)."""
        deadline = time.monotonic() + timeout
        try:
            while True:
                self.ws.recv(max(0.0, deadline - time.monotonic()))
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006


class RawSocket:
    """A TCP connection after (or without) a WebSocket handshake, for frames that no library would send."""

    def __init__(self, host, port, timeout=10):
        self.sock = socket.create_connection((host, port), timeout)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def handshake(self, path, headers=()):
        """Asks for an upgrade; (status, headers in lower case)."""
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {path} HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", *headers, "", "",
        ]
        self.send("\r\n".join(lines).encode())
        return self.head()

    def head(self):
        """Reads a response head."""
        while b"\r\n\r\n" not in self.buffer:
            data = self.sock.recv(65536)
            if not data:
                raise ConnectionError(f"closed within the head: {self.buffer!r}")
            self.buffer += data
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        first, *fields = head.decode("latin-1").split("\r\n")
        return int(first.split(" ")[1]), {k.strip().lower(): v.strip() for k, v in (f.split(":", 1) for f in fields)}

    @staticmethod
    def frame(opcode, payload=b"", fin=True, masked=True, rsv=0):
        """The bytes of one frame; every bit can be wrong."""
        head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
        bit = 0x80 if masked else 0
        if len(payload) < 126:
            head += bytes([bit | len(payload)])
        elif len(payload) < 65536:
            head += bytes([bit | 126]) + struct.pack(">H", len(payload))
        else:
            head += bytes([bit | 127]) + struct.pack(">Q", len(payload))
        if masked:
            mask = os.urandom(4)
            return head + mask + bytes(b ^ mask[i & 3] for i, b in enumerate(payload))
        return head + payload

    def send_frame(self, *arguments, **named):
        self.send(self.frame(*arguments, **named))

    def _exactly(self, count):
        while len(self.buffer) < count:
            data = self.sock.recv(65536)
            if not data:
                raise ConnectionError("closed")
            self.buffer += data
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def receive_frame(self):
        """(opcode, payload) of the next frame; ConnectionError at the end."""
        first, second = self._exactly(2)
        size = second & 0x7F
        if size == 126:
            size = struct.unpack(">H", self._exactly(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", self._exactly(8))[0]
        return first & 0x0F, self._exactly(size)

    def close_code(self):
        """Reads up to the close frame; its code, 1005 when empty, 1006 when the connection just ended."""
        try:
            while True:
                opcode, payload = self.receive_frame()
                if opcode == 8:
                    return struct.unpack(">H", payload[:2])[0] if len(payload) >= 2 else 1005
        except (ConnectionError, TimeoutError):
            return 1006
