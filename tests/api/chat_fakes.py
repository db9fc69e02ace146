# SPDX-License-Identifier: Apache-2.0
"""Servers for test_parley_chat.py that do on command what the real one does not: `Scripted` speaks frames in any order
and loses connections, `Bare` sends bytes of the test's own making, `cut` and `tunnel` stand between client and server.
"""

import asyncio
import base64
import contextlib
import hashlib
import http
import json
import socket
import struct
import threading

from websockets.asyncio.server import serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Response


class Peer:
    """One connection of a Scripted server, as its script sees it."""

    def __init__(self, server, ws, number):
        self.server, self.ws, self.number = server, ws, number

    async def send(self, type, **data):
        await self.ws.send(json.dumps({"type": type, "data": data}))

    async def raw(self, message):
        await self.ws.send(message)

    async def welcome(self):
        await self.send("welcome", message="Welcome.", brand_id="techpro", brand_name="TechPro")

    async def receive(self):
        """The next frame that is no ping."""
        async for text in self.ws:
            frame = json.loads(text)
            self.server.frames.append(frame)
            if frame["type"] == "ping":
                await self.send("pong", timestamp="2026-03-02T09:31:07.002Z")
            else:
                return frame
        raise ConnectionClosed(None, None)

    async def chunk(self, text, conversation="c-7"):
        await self.send("chunk", content=text, is_final=False, conversation_id=conversation, suggested_products=None,
                        confidence_score=None)

    async def complete(self, message_id="m-1", conversation="c-7", products=(), confidence=None, reason="stop"):
        await self.send("complete", content="", is_final=True, conversation_id=conversation,
                        suggested_products=list(products), confidence_score=confidence,
                        metadata={"message_id": message_id, "finish_reason": reason})

    async def answer(self, text, **options):
        await self.chunk(text)
        await self.complete(**options)

    async def refuse(self, code, message):
        await self.send("error", message=message, code=code, conversation_id="c-7")
        await self.send("complete", content="", is_final=True, conversation_id="c-7", suggested_products=[],
                        confidence_score=None, metadata={"finish_reason": "error", "error": code})

    async def drop(self):
        """Loses the connection without a close frame."""
        self.ws.transport.abort()
        await self.ws.wait_closed()

    async def close(self, code, reason=""):
        await self.ws.close(code, reason)


async def echo(peer):
    """Answers every question with itself."""
    await peer.welcome()
    while True:
        asked = await peer.receive()
        await peer.answer(f"You said: {asked['data']['message']}", message_id=f"m-{len(peer.server.frames)}")


class Scripted:
    """
    async def script(peer): await peer.welcome(); …
    with Scripted(script, {"/": (200, {"brands": []})}) as fake: fake.url, fake.frames, fake.connections, fake.requests
    """

    def __init__(self, script, pages=None, tls=None):
        self.script, self.pages, self.tls = script, pages or {}, tls
        self.frames, self.requests, self.connections, self.faults = [], [], 0, []

    def __enter__(self):
        ready = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run(ready)), daemon=True)
        self.thread.start()
        assert ready.wait(10)
        return self

    def __exit__(self, kind, *_):
        self.loop.call_soon_threadsafe(self.done.set)
        self.thread.join(10)
        assert kind or not self.faults, self.faults

    async def _run(self, ready):
        self.loop, self.done = asyncio.get_running_loop(), asyncio.Event()
        async with serve(self._socket, "127.0.0.1", 0, process_request=self._page, compression=None, ssl=self.tls,
                         ping_interval=None, close_timeout=1) as server:
            self.port = server.sockets[0].getsockname()[1]
            self.url = f"{'wss' if self.tls else 'ws'}://127.0.0.1:{self.port}"
            ready.set()
            await self.done.wait()

    def _page(self, connection, request):
        self.requests.append((request.path, dict(request.headers.raw_items())))
        page = self.pages.get(request.path.split("?")[0])
        if page is None:
            is_socket = request.path.split("?")[0].startswith("/ws/")
            return None if is_socket else connection.respond(http.HTTPStatus.NOT_FOUND, "{}")
        status, body, *headers = page
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = Headers({"Content-Type": "application/json", "Content-Length": str(len(body)), **dict(headers)})
        return Response(status, http.HTTPStatus(status).phrase, head, body)

    async def _socket(self, ws):
        self.connections += 1
        try:
            await self.script(Peer(self, ws, self.connections))
            await ws.wait_closed()
        except ConnectionClosed:
            pass
        except Exception as fault:  # a script's own fault is the test's
            self.faults.append(repr(fault))
            raise


def frame(opcode, payload=b"", fin=True, masked=False, rsv=0):
    """The bytes of one server frame; every bit can be wrong."""
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    bit = 0x80 if masked else 0
    size = len(payload)
    head += bytes([bit | size]) if size < 126 else (
        bytes([bit | 126]) + struct.pack(">H", size) if size < 65536 else bytes([bit | 127]) + struct.pack(">Q", size))
    return head + (b"\0\0\0\0" if masked else b"") + payload


def text_frame(type, **data):
    return frame(1, json.dumps({"type": type, "data": data}, ensure_ascii=False).encode())


class Bare:
    """A TCP server: `talk(sock, request)` is called for each connection, in a thread, with the bytes of the request's
    head (b"" when `reads` is False)."""

    def __init__(self, talk, reads=True):
        self.talk, self.reads = talk, reads
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{self.listener.getsockname()[1]}"
        self.connections, self.open, self.ended = 0, [], threading.Event()

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for sock in self.open:
            sock.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                self.connections += 1
                self.open.append(sock)
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        sock.settimeout(30)
        with contextlib.suppress(OSError):
            head = b""
            while self.reads and b"\r\n\r\n" not in head:
                data = sock.recv(65536)
                if not data:
                    return
                head += data
            self.talk(sock, head)
            self.ended.wait(30)


def accept_head(request, extra=""):
    """The 101 for a request's head."""
    fields = (line.partition(b":") for line in request.split(b"\r\n"))
    key = next(value.strip() for name, _, value in fields if name.lower() == b"sec-websocket-key")
    digest = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()
    return (f"HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nConnection: Upgrade\r\n{extra}"
            f"Sec-WebSocket-Accept: {digest}\r\n\r\n").encode()


def read_frames(sock):
    """(opcode, payload) of each frame that a client sends, unmasked; ends with the connection."""
    stream = sock.makefile("rb")
    while True:
        head = stream.read(2)
        if len(head) < 2:
            return
        size = head[1] & 0x7F
        assert head[1] & 0x80, "a client masks"
        if size >= 126:
            size = int.from_bytes(stream.read(2 if size == 126 else 8), "big")
        mask = stream.read(4)
        yield head[0] & 15, bytes(b ^ mask[i & 3] for i, b in enumerate(stream.read(size)))


def pump(source, target, limit=None):
    """Copies bytes until the end, or until `limit(bytes so far)` says stop; closes both."""
    seen = b""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
            seen += data
            if limit and limit(seen):
                break
    for sock in (source, target):
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def cut(port, when):
    """A forwarder to `port` that cuts its first connection when `when(bytes from the server)` is true; its address."""

    def talk(sock, _):
        server = socket.create_connection(("127.0.0.1", port), 10)
        server.settimeout(60)
        sock.settimeout(60)
        threading.Thread(target=pump, args=(sock, server), daemon=True).start()
        pump(server, sock, when if bare.connections == 1 else None)

    with Bare(talk, reads=False) as bare:
        yield bare


@contextlib.contextmanager
def tunnel(port):
    """A proxy that knows CONNECT; every name leads to `port` here."""

    def talk(sock, head):
        proxy.asked.append(head.split(b"\r\n", 1)[0].decode())
        server = socket.create_connection(("127.0.0.1", port), 10)
        sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        threading.Thread(target=pump, args=(sock, server), daemon=True).start()
        pump(server, sock)

    with Bare(talk) as proxy:
        proxy.asked = []
        yield proxy
