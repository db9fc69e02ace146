# SPDX-License-Identifier: Apache-2.0
"""The kill audit's clients and its books.

A client owns one conversation. It sends messages that each hold a number, and writes down what the server
acknowledged: over HTTP the reply, over WebSocket the first frame that belongs to the turn's answer (the customer's
message is committed before the model is called, so a chunk proves it). Whatever was under way at a kill is unknown:
it may be there or not, but never twice. The audit reads the public history and compares.
"""

import collections
import contextlib
import dataclasses
import threading

import httpx
from websockets.exceptions import WebSocketException

from harness import ChatSocket

MESSAGES_A_BOOK = 200


@dataclasses.dataclass
class Book:
    """One conversation: what was sent, and what the server let us know of it."""

    brand: str
    conversation_id: str
    sent: list = dataclasses.field(default_factory=list)
    acknowledged: dict = dataclasses.field(default_factory=dict)  # message → whole answer, or None when it was cut


class Gate:
    """Tells the clients which life of the server is on, and the audit when all of them have seen its end."""

    def __init__(self):
        self.changed = threading.Condition()
        self.life, self.server, self.ended, self.waiting = 0, None, False, 0

    def open(self, server):
        with self.changed:
            self.life, self.server = self.life + 1, server
            self.changed.notify_all()

    def close(self, end=False):
        with self.changed:
            self.server, self.ended = None, end
            self.changed.notify_all()

    def is_open(self, life):
        return self.life == life and self.server is not None

    def wait_open(self, after):
        """(life, server) of a life later than `after`; (0, None) at the end."""
        with self.changed:
            self.waiting += 1
            self.changed.notify_all()
            self.changed.wait_for(lambda: self.ended or (self.server is not None and self.life > after), 300)
            self.waiting -= 1
            return (self.life, self.server) if self.server is not None and self.life > after else (0, None)

    def wait_idle(self, clients, timeout=60):
        """Waits until every client has given up its last life; what it booked stands still from then on."""
        with self.changed:
            return self.changed.wait_for(lambda: self.waiting >= sum(c.is_alive() for c in clients), timeout)


class Client(threading.Thread):
    """Sends message after message over one channel until the gate ends; survives every loss of its server."""

    def __init__(self, number, channel, brand, gate):
        super().__init__(daemon=True)
        self.number, self.channel, self.brand, self.gate = number, channel, brand, gate
        self.books, self.fault = [], None

    @property
    def book(self):
        """The conversation under way; a new one after so many messages, so that the history stays in one page."""
        if not self.books or len(self.books[-1].sent) >= MESSAGES_A_BOOK:
            self.books.append(Book(self.brand, f"audit-{self.channel}-{self.number}-{len(self.books)}"))
        return self.books[-1]

    def run(self):
        life = 0
        try:
            while True:
                life, server = self.gate.wait_open(life)
                if server is None:
                    return
                with contextlib.suppress(httpx.TransportError, WebSocketException, OSError, TimeoutError, EOFError):
                    getattr(self, f"_{self.channel}")(server.url, life)
        except Exception as fault:  # for the audit to see
            self.fault = fault

    def _next(self):
        book = self.book
        message = f"n{self.number} q{len(book.sent)}"
        book.sent.append(message)
        return book, message

    def _http(self, url, life):
        with httpx.Client(base_url=url, trust_env=False, timeout=20) as client:
            while self.gate.is_open(life):
                book, message = self._next()
                body = {"message": message, "conversation_id": book.conversation_id}
                reply = client.post(f"/chat/{book.brand}", json=body)
                if reply.status_code == 200:
                    whole = reply.json()["metadata"]["finish_reason"] == "stop"
                    book.acknowledged[message] = reply.json()["response"] if whole else None
                elif reply.status_code not in (429, 503):
                    raise AssertionError(f"{reply.status_code} {reply.text[:300]}")

    def _ws(self, url, life):
        with ChatSocket("ws" + url[4:] + f"/ws/chat/{self.brand}") as ws:
            assert ws.receive(20)["type"] == "welcome"
            while self.gate.is_open(life):
                book, message = self._next()
                text = ""
                ws.send("chat", message=message, conversation_id=book.conversation_id)
                while (frame := ws.receive(20))["type"] != "complete":
                    if frame["type"] == "chunk":
                        text += frame["data"]["content"]
                        book.acknowledged.setdefault(message, None)
                if frame["data"]["metadata"]["finish_reason"] == "stop":
                    book.acknowledged[message] = text


def audit(book, messages, whole):
    """Faults of one conversation, given its public history and the answer that the model gives to everything."""
    name, faults = book.conversation_id, []
    asked = collections.Counter(m["content"] for m in messages if m["role"] == "user")
    faults += [f"{name}: acknowledged and lost: {message!r}" for message in book.acknowledged if not asked[message]]
    faults += [f"{name}: {times} times: {message!r}" for message, times in asked.items() if times > 1]
    faults += [f"{name}: never sent: {message!r}" for message in asked if message not in book.sent]
    if len({m["message_id"] for m in messages}) != len(messages):
        faults.append(f"{name}: a message id occurs twice")
    order = [book.sent.index(m["content"]) for m in messages if m["role"] == "user" and m["content"] in book.sent]
    if order != sorted(order):
        faults.append(f"{name}: out of order")

    answers, question = collections.defaultdict(list), None
    for m in messages:
        if m["role"] == "user":
            question = m["content"]
        else:
            answers[question].append(m["content"])
    for message, texts in answers.items():
        if len(texts) > 1:
            faults.append(f"{name}: {len(texts)} answers to {message!r}")
        if not all(text and whole.startswith(text) for text in texts):
            faults.append(f"{name}: answer to {message!r} is no part of the model's: {texts!r}")
    for message, answer in book.acknowledged.items():
        if answer is not None and answers[message] != [answer]:
            faults.append(f"{name}: answer to {message!r} is not the one given: {answers[message]!r}")
    return faults
