# SPDX-License-Identifier: Apache-2.0
"""Clients that do not read, or read slowly, slow nobody else and cost bounded memory (001 10.6)."""

import contextlib
import resource
import socket
import time

import pytest

from harness import RawSocket

MANY = 1000
SETTINGS = {"ws.max_connections_per_address": 5000, "ws.max_connections_per_brand": 5000}


@pytest.fixture
def many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 3 * MANY
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"only {hard} open files are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Deaf(RawSocket):
    """A socket with the smallest receive buffer, which never reads after its handshake."""

    def __init__(self, port, brand, frame):
        super().__init__("127.0.0.1", port)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        status, _ = self.handshake(f"/ws/chat/{brand}")
        assert status == 101
        self.send_frame(1, frame)


def wait_for_turns(server, n, seconds=60):
    """Until n turns of this server have ended."""
    deadline = time.monotonic() + seconds
    with server.client(server.token) as client:
        while True:
            reply = client.get("/api/v1/metrics")
            assert reply.status_code == 200
            lines = reply.text.splitlines()
            ended = sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("parley_turns_total{"))
            if ended >= n:
                return
            assert time.monotonic() < deadline, f"{ended} of {n} turns have ended"
            time.sleep(0.1)


@pytest.mark.release
def test_a_thousand_that_never_read_do_not_block_the_next(server, llm, many_files):
    """Each of the thousand has asked for an answer of 110 KB, far more than its line takes."""
    llm.set(answer="count:20000", oneBlock=True)
    s = server(SETTINGS, llm={"a": {"baseUrl": llm.url, "maxConcurrent": 2000}})
    brand = s.brand()
    before = s.resident_kib()
    with contextlib.ExitStack() as stack:
        for i in range(MANY):
            stack.enter_context(Deaf(s.port, brand, b'{"type":"chat","data":{"message":"hello"}}'))
            if i % 100 == 99:  # the double makes one answer after the other: it must not be what the next waits for
                wait_for_turns(s, i + 1)
        with s.socket(brand) as ws:
            assert ws.receive()["type"] == "welcome"
            ws.send("ping")
            assert ws.receive()["type"] == "pong"
            turn = ws.turn("And I?")
            assert turn.complete["metadata"]["finish_reason"] == "stop"
            assert turn.text.endswith(" w20000")
        with s.client() as client:
            assert client.get("/health").status_code == 200
            assert client.post(f"/chat/{brand}", json={"message": "And over HTTP?"}).status_code == 200
        grown = s.resident_kib() - before
    # 256 KiB unsent, the event ring and the turn, for each, and never more.
    assert grown < MANY * 600, f"{grown} KiB for {MANY} sockets"
    with s.socket(brand) as ws:
        assert ws.turn("Still there?").text.endswith(" w20000")


@pytest.mark.release  # memory is counted
@pytest.mark.timeout(240)
def test_a_reader_that_stops_is_dropped_and_its_answer_kept(server, llm):
    """001 10.6: unsent bytes stop the model, 30 s without progress drop the socket, the turn goes on and is stored."""
    llm.set(answer="count:100000")
    s = server(SETTINGS, llm=llm)
    brand = s.brand()
    frame = b'{"type":"chat","data":{"message":"All of it","conversation_id":"deaf-1"}}'
    with Deaf(s.port, brand, frame):
        before = s.resident_kib()
        with s.socket(brand) as ws:
            ws.send("ping")
            assert ws.receive_until("pong")
        deadline = time.monotonic() + 150
        while len(messages := s.history(brand, "deaf-1")) < 2:
            assert time.monotonic() < deadline, "the answer was never stored"
            assert s.resident_kib() - before < 64 << 10
            time.sleep(1)
    assert messages[1]["content"].endswith(" w100000")


def test_slow_heads_and_bodies_do_not_hold_workers(server):
    """Clients that send a request byte by byte do not stop others."""
    s = server({"workers": 2})
    slow = [s.raw() for _ in range(50)]
    try:
        for i, one in enumerate(slow):
            one.send(b"POST /chat/techpro HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
            if i % 2:
                one.send(b"Content-Length: 100\r\n\r\n{")
        with s.client() as client:
            for _ in range(5):
                assert client.post("/chat/techpro", json={"message": "Hello"}).status_code == 200
    finally:
        for one in slow:
            one.sock.close()


def test_a_lost_reader_does_not_stop_its_turn(server, llm):
    """001-brands#29: the socket is lost in mid-answer; the history holds the whole answer, `resume` yields it once."""
    llm.set(answer="count:60", deltaDelayMs=10)
    s = server(llm=llm)
    brand = s.brand()
    ws = s.socket(brand)
    ws.send("chat", message="Go on", conversation_id="lost-1")
    ws.receive_until("chunk")
    ws.drop()
    with s.socket(brand) as again:
        again.receive_until("welcome")
        again.send("resume", conversation_id="lost-1")
        turn = again.wait_complete()
    whole = " ".join(f"w{i}" for i in range(1, 61))
    assert turn.text == whole and turn.types.count("complete") == 1
    assert s.history(brand, "lost-1")[1]["content"] == whole
