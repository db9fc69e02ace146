#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Chats with a brand over its WebSocket, with Python's standard library alone.

    python3 websocket_client_example.py                                 chats with techpro on this machine
    python3 websocket_client_example.py --brand nordvik --url ws://chat.example:8000
    python3 websocket_client_example.py --list | --all-brands | --message TEXT

Or from a program of yours:

    from websocket_client_example import ParleySocket, chat_with_brand, list_available_brands, test_multiple_brands

    async with ParleySocket("techpro", "ws://127.0.0.1:8000") as chat:
        answer = await chat.ask("Which laptop is good for video editing?", on_text=print)
        answer.text, answer.products, answer.confidence, answer.metadata

`FrameStream` is a small WebSocket client (RFC 6455) over asyncio: text messages, fragments, ping, pong, close.
`ParleySocket` speaks the chat's frames on top of it, and finds a lost connection again: it connects anew and sends
`resume` with the number of characters that it has, so that no part of an answer is lost or shown twice.
"""

import argparse
import asyncio
import base64
import dataclasses
import hashlib
import json
import os
import random
import ssl
import struct
import sys
import unicodedata
import urllib.error
import urllib.parse
import urllib.request
import uuid

DEFAULT_URL = "ws://127.0.0.1:8000"
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
MESSAGE_BYTES = 16 << 20
CONNECT_SECONDS, FRAME_SECONDS, PING_SECONDS = 10, 60, 25
TRIES, FIRST_DELAY, LAST_DELAY, SLOW_DOWN = 8, 1.0, 30.0, 30.0
FINAL = {1000, 1002, 1003, 1007, 1008, 1009, 4404}  # close codes after which connecting again is of no use

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


class Closed(Exception):
    """The connection has ended; `code` is the close code, 1006 when there was no close frame."""

    def __init__(self, code, reason=""):
        super().__init__(f"closed with {code}{': ' + reason if reason else ''}")
        self.code = code


class Refused(Exception):
    """The server did not open a WebSocket; `status` is its HTTP status."""

    def __init__(self, status, body):
        super().__init__(f"the server answered {status}: {body}")
        self.status = status


class FrameStream:
    """One WebSocket connection: `await FrameStream.open(url)`, `send(text)`, `receive()`, `close()`."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.closing = False

    @classmethod
    async def open(cls, url, headers=None):
        return await asyncio.wait_for(cls._open(url, headers or {}), CONNECT_SECONDS)

    @classmethod
    async def _open(cls, url, headers):
        parts = urllib.parse.urlsplit(url)
        secure = parts.scheme == "wss"
        port = parts.port or (443 if secure else 80)
        context = ssl.create_default_context() if secure else None
        reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=context)
        try:
            key = base64.b64encode(os.urandom(16)).decode()
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            head = {
                "Host": parts.netloc.rpartition("@")[2],
                "Upgrade": "websocket",
                "Connection": "Upgrade",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": key,
                **headers,
            }
            lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", ""]
            writer.write("\r\n".join(lines).encode())
            await writer.drain()
            first, *fields = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            status = int(first.split(" ")[1])
            found = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
            if status != 101:
                size = min(int(found.get("content-length") or 0), 4096)
                raise Refused(status, (await reader.readexactly(size)).decode("utf-8", "replace"))
            accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
            if found.get("sec-websocket-accept") != accept:
                raise Refused(status, "wrong Sec-WebSocket-Accept")
            return cls(reader, writer)
        except BaseException:
            writer.close()
            raise

    async def send(self, text):
        await self._frame(TEXT, text.encode())

    async def _frame(self, opcode, payload):
        size = len(payload)
        if size < 126:
            head = struct.pack(">BB", 0x80 | opcode, 0x80 | size)
        elif size < 1 << 16:
            head = struct.pack(">BBH", 0x80 | opcode, 0x80 | 126, size)
        else:
            head = struct.pack(">BBQ", 0x80 | opcode, 0x80 | 127, size)
        mask = os.urandom(4)
        key = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
        masked = (int.from_bytes(payload, "big") ^ key).to_bytes(size, "big")
        try:
            self.writer.write(head + mask + masked)
            await self.writer.drain()
        except OSError as error:
            raise Closed(1006, str(error)) from error

    async def receive(self):
        """The next text message. Answers pings; raises Closed at the end."""
        message = None
        while True:
            try:
                final, opcode, payload = await self._read()
            except (asyncio.IncompleteReadError, OSError) as error:
                raise Closed(1006) from error
            if opcode == PING:
                await self._frame(PONG, payload)
            elif opcode == CLOSE:
                code = struct.unpack(">H", payload[:2])[0] if len(payload) >= 2 else 1005
                await self.close(code if code != 1005 else 1000)
                raise Closed(code, payload[2:].decode("utf-8", "replace"))
            elif opcode in (TEXT, CONTINUATION):
                if (opcode == TEXT) != (message is None):
                    await self._fault(1002)
                message = (message or b"") + payload
                if len(message) > MESSAGE_BYTES:
                    await self._fault(1009)
                if final:
                    try:
                        return message.decode("utf-8")
                    except UnicodeDecodeError:
                        await self._fault(1007)
            elif opcode != PONG:
                await self._fault(1003 if opcode == BINARY else 1002)

    async def _read(self):
        first, second = await self.reader.readexactly(2)
        opcode, size = first & 15, second & 127
        if size == 126:
            size = struct.unpack(">H", await self.reader.readexactly(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", await self.reader.readexactly(8))[0]
        if first & 0x70 or second & 0x80 or (opcode >= CLOSE and (size > 125 or not first & 0x80)):
            await self._fault(1002)
        if size > MESSAGE_BYTES:
            await self._fault(1009)
        return bool(first & 0x80), opcode, await self.reader.readexactly(size)

    async def _fault(self, code):
        await self.close(code)
        raise Closed(code, "the server broke the protocol")

    async def close(self, code=1000):
        if self.closing:
            return
        self.closing = True
        try:
            await self._frame(CLOSE, struct.pack(">H", code))
        except Closed:
            pass
        self.writer.close()


@dataclasses.dataclass
class Answer:
    """What one question brought."""

    text: str = ""
    products: list = dataclasses.field(default_factory=list)
    confidence: float | None = None
    metadata: dict = dataclasses.field(default_factory=dict)
    errors: list = dataclasses.field(default_factory=list)
    seen: bool = False  # the server has taken the question up


class ParleySocket:
    """A conversation with one brand. One question at a time."""

    def __init__(self, brand_id, server_url=DEFAULT_URL, api_key=None, conversation_id=None, voice=False):
        self.url = f"{socket_base(server_url)}/ws/chat/{urllib.parse.quote(brand_id, safe='')}"
        self.headers = {"X-API-Key": api_key} if api_key else {}
        self.conversation_id = conversation_id or str(uuid.uuid4())
        self.voice = voice
        self.welcome, self.brand_name = "", brand_id
        self.stream = None
        self.delay = FIRST_DELAY
        self.last_id = None  # message id of the newest answer that came to its end

    async def __aenter__(self):
        await self.connect()
        return self

    async def __aexit__(self, *_):
        if self.stream:
            await self.stream.close()

    async def connect(self):
        """Opens the socket and waits for the welcome. Raises Refused or Closed."""
        self.stream = await FrameStream.open(self.url, self.headers)
        while True:
            frame = await self._receive()
            data = frame.get("data") or {}
            if frame.get("type") == "welcome":
                self.welcome, self.brand_name = str(data.get("message", "")), str(data.get("brand_name", ""))
                self.delay = FIRST_DELAY
                return
            if frame.get("type") == "error":
                raise Closed(4404, str(data.get("message", "")))

    async def _receive(self):
        """The next frame as a dictionary; a message that is none is passed over. A silent line counts as lost."""
        while True:
            pending, silent = asyncio.ensure_future(self.stream.receive()), 0
            try:
                while not (await asyncio.wait({pending}, timeout=PING_SECONDS))[0]:
                    silent += PING_SECONDS
                    if silent > FRAME_SECONDS:
                        raise Closed(1006, "silence")
                    await self._send("ping")
                frame = json.loads(pending.result())
            except ValueError:
                continue
            finally:
                pending.cancel()
            if isinstance(frame, dict) and frame.get("type") != "pong":
                return frame

    async def _send(self, type, **data):
        await self.stream.send(json.dumps({"type": type, "data": data} if data else {"type": type}))

    async def ask(self, message, on_text=None):
        """Sends one message and waits for the whole answer; `on_text` gets each piece of text as it comes."""
        answer, resumed, tries = Answer(), False, 0
        while True:
            try:
                if resumed:
                    await self._send("resume", conversation_id=self.conversation_id, offset=len(answer.text))
                else:
                    await self._send("chat", conversation_id=self.conversation_id, message=message, voice=self.voice)
                lost = await self._until_complete(answer, on_text, resumed)
            except (Closed, OSError) as error:
                tries += 1
                await self._find_again(error, tries)
                answer, resumed = answer if answer.seen else Answer(), True
                continue
            if resumed and not answer.seen and (lost or answer.metadata.get("message_id") == self.last_id):
                answer, resumed = Answer(), False  # the question never arrived: what came is the answer before
                continue
            self.last_id = answer.metadata.get("message_id", self.last_id)
            if lost:
                answer.errors.append({"code": "nothing_to_resume", "message": "The rest of the answer was lost."})
            return answer

    async def _until_complete(self, answer, on_text, resumed):
        """Reads one turn into `answer`. True when there was nothing to resume."""
        lost, held = False, []
        while True:
            frame = await self._receive()
            kind, data = frame.get("type"), frame.get("data") or {}
            answer.seen |= kind in ("typing", "chunk") and not resumed
            if kind == "chunk":
                text = str(data.get("content") or "")
                answer.text += text
                self.conversation_id = data.get("conversation_id") or self.conversation_id
                if not answer.seen:
                    held.append(text)  # until it is clear whose answer this is, nothing is shown
                elif on_text:
                    on_text(text)
            elif kind == "error" and data.get("code") == "nothing_to_resume":
                lost = True
            elif kind == "error":
                answer.errors.append(data)
            elif kind == "complete":
                answer.products = data.get("suggested_products") or []
                answer.confidence = data.get("confidence_score")
                answer.metadata = data.get("metadata") or {}
                if on_text and held and answer.metadata.get("message_id") != self.last_id:
                    on_text("".join(held))
                return lost

    async def _find_again(self, error, tries):
        """Connects again, waiting longer each time; gives up when the close code says that it is of no use."""
        while True:
            code = error.code if isinstance(error, Closed) else 1006
            if code in FINAL or tries > TRIES:
                raise error
            wait = max(self.delay * random.uniform(0.75, 1.25), SLOW_DOWN if code == 4429 else 0)
            self.delay = min(LAST_DELAY, self.delay * 1.5)
            await asyncio.sleep(wait)
            try:
                return await self.connect()
            except (Closed, OSError, asyncio.TimeoutError) as again:
                error, tries = again, tries + 1


# ---- What the examples do with it ----


def socket_base(server_url):
    return "ws" + server_url.removeprefix("http").removeprefix("ws").rstrip("/")


def http_base(server_url):
    return "http" + socket_base(server_url).removeprefix("ws")


def plain(text):
    """Text without control characters, which could steer the terminal."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c)[0] != "C" or c in "\u200c\u200d")


def show(text):
    print(plain(text), end="", flush=True)


def show_rest(answer):
    print()
    for product in answer.products:
        stock = "" if product.get("availability", True) else " (currently unavailable)"
        print(f"  * {plain(str(product.get('name')))}: {product.get('price', 0):,.2f}{stock}")
    if answer.confidence:
        print(f"  confidence {answer.confidence:.2f}")
    for error in answer.errors:
        print(f"  ! {plain(str(error.get('message')))}")


async def chat_with_brand(brand_id="techpro", server_url=DEFAULT_URL, messages=None, api_key=None):
    """Chats with a brand: the given messages, or what is typed until `quit`. Returns the answers."""
    answers = []
    async with ParleySocket(brand_id, server_url, api_key) as chat:
        print(f"{plain(chat.brand_name)}: {plain(chat.welcome)}")
        waiting = list(messages or [])
        while True:
            if messages is None:
                line = await asyncio.to_thread(read_line)
            else:
                line = waiting.pop(0) if waiting else None
            if line is None or line.strip().lower() in ("quit", "exit", "bye"):
                return answers
            if line.strip():
                answers.append(await chat.ask(line.strip(), on_text=show))
                show_rest(answers[-1])


def read_line():
    try:
        return input("> ")
    except EOFError:
        return None


async def list_available_brands(server_url=DEFAULT_URL, api_key=None):
    """The active brands as [{"id", "name", …}]: those that the caller administers, else those that are listed."""

    def get(path):
        request = urllib.request.Request(http_base(server_url) + path, headers={"Accept": "application/json"})
        if api_key:
            request.add_header("X-API-Key", api_key)
        with urllib.request.urlopen(request, timeout=CONNECT_SECONDS) as reply:
            return json.load(reply)

    try:
        return await asyncio.to_thread(get, "/brands/active")
    except urllib.error.HTTPError as error:
        if error.code not in (401, 403):
            raise
        return (await asyncio.to_thread(get, "/"))["brands"]


async def test_multiple_brands(server_url=DEFAULT_URL, question="What can you recommend?", api_key=None):
    """Asks every active brand the same question at the same time; {brand id: Answer or exception}."""

    async def one(brand_id):
        async with ParleySocket(brand_id, server_url, api_key) as chat:
            return await chat.ask(question)

    brands = [brand["id"] for brand in await list_available_brands(server_url, api_key)]
    answers = await asyncio.gather(*(one(brand) for brand in brands), return_exceptions=True)
    for brand, answer in zip(brands, answers):
        print(f"--- {plain(brand)}")
        if isinstance(answer, Answer):
            show(answer.text)
            show_rest(answer)
        else:
            print(f"  ! {plain(str(answer))}")
    return dict(zip(brands, answers))


test_multiple_brands.__test__ = False  # an example, no test case for pytest to collect


async def main(arguments):
    if arguments.list:
        for brand in await list_available_brands(arguments.url, arguments.api_key):
            print(plain(f"{brand['id']}  {brand['name']}"))
    elif arguments.all_brands:
        await test_multiple_brands(arguments.url, api_key=arguments.api_key)
    else:
        await chat_with_brand(arguments.brand, arguments.url, arguments.message, arguments.api_key)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Chats with a brand over its WebSocket.")
    parser.add_argument("--url", default=DEFAULT_URL)
    parser.add_argument("--brand", default="techpro")
    parser.add_argument("--api-key")
    parser.add_argument("--message", action="append", help="ask this and leave; may be given several times")
    parser.add_argument("--list", action="store_true", help="list the brands")
    parser.add_argument("--all-brands", action="store_true", help="ask every brand one question")
    try:
        asyncio.run(main(parser.parse_args()))
    except KeyboardInterrupt:
        pass
    except (Closed, Refused) as error:
        sys.exit(f"refused: {error}")
    except (OSError, asyncio.TimeoutError) as error:
        sys.exit(f"cannot connect: {error}")
