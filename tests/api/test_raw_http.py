# SPDX-License-Identifier: Apache-2.0
"""Heads that no library would send: what could smuggle a request is refused and the connection closed."""
import re
import socket
import time

import pytest

from api.helpers import alive, raw, request_head

BODY = b'{"message":"hi"}'
POST = b"POST /chat/techpro HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def closed_400(site, data, status=(400,)):
    reply = raw(site, data)
    assert reply.status in status, (data[:200], reply)
    assert reply.closed, "the connection stays open after a bad head"
    assert b"HTTP/1.1" not in reply.rest, "a second request was read"
    alive(site)
    return reply


@pytest.mark.parametrize("fields", [
    b"Content-Length: 16\r\nContent-Length: 17\r\n", b"Content-Length: 16\r\nContent-Length: 16\r\n",
    b"Content-Length: 16, 16\r\n", b"Content-Length: +16\r\n", b"Content-Length: -1\r\n",
    b"Content-Length: 0x10\r\n", b"Content-Length: 1 6\r\n", b"Content-Length: 16a\r\n", b"Content-Length:\r\n",
    b"Content-Length: 99999999999999999999999\r\n",
    b"Content-Length: 18446744073709551616\r\n", b"Content-Length: 16\r\nTransfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: chunked\r\nContent-Length: 16\r\n",
    b"Transfer-Encoding: chunked, identity\r\n", b"Transfer-Encoding: identity\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n", b"Transfer-Encoding: xchunked\r\n",
    b"Transfer-Encoding : chunked\r\n", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    b"Content-Length : 16\r\n", b"Transfer-Encoding: \x0bchunked\r\n"])
def test_lengths(site, fields):
    """Two lengths, both kinds of length, lengths that are none, other codings. README: an unknown coding is a 400."""
    status = (400, 413) if b"9999" in fields or b"1844" in fields else (400,)
    closed_400(site, POST + fields + b"\r\n" + BODY + b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", status)


@pytest.mark.parametrize("data", [
    b"GET /health HTTP/1.1\nHost: localhost\n\n", b"GET /health HTTP/1.1\r\nHost: localhost\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\r\n\tb\r\n\r\n",
    b"GET /health HTTP/1.1\r\n Host: localhost\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: localhost\r\nX y: a\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: localhost\r\nX\r\n\r\n", b"GET /health HTTP/1.1\r\nHost: localhost\r\n: a\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: localhost\r\nX : a\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: localhost\r\nX\x01: a\r\n\r\n", b"GET /health HTTP/1.1\rHost: localhost\r\r"])
def test_line_ends_and_fields(site, data):
    """Bare LF, bare CR, folded lines, NUL, names that are none."""
    if data.endswith(b"\r\r"):
        reply = raw(site, data, timeout=12)
        assert reply.status in (400, 408) and reply.closed
    else:
        closed_400(site, data)


@pytest.mark.parametrize("data", [
    b"GET /health HTTP/1.1\r\n\r\n", b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: a b\r\n\r\n", b"GET /health HTTP/1.1\r\nHost: a, b\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: a/b\r\n\r\n", b"GET /health HTTP/1.1\r\nHost: u@a\r\n\r\n"])
def test_hosts(site, data):
    closed_400(site, data)


@pytest.mark.parametrize("line, status", [
    (b"GET /health HTTP/2.0", (400, 505)), (b"GET /health HTTP/1.2", (200, 400, 505)),
    (b"GET /health HTTP/0.9", (400, 505)), (b"GET /health", (400,)), (b"GET  /health HTTP/1.1", (400,)),
    (b"GET /health  HTTP/1.1", (400,)), (b"GET /hea lth HTTP/1.1", (400,)), (b"GET\t/health HTTP/1.1", (400,)),
    (b"/health HTTP/1.1", (400,)), (b"GET health HTTP/1.1", (400,)),
    (b"G\x00T /health HTTP/1.1", (400,)), (b"GET /he\x00alth HTTP/1.1", (400,)),
    (b"GET /h\xffealth HTTP/1.1", (400, 404)), (b"GET /health HTTP/1.1x", (400,)), (b"GET /health http/1.1", (400,)),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01", (400,)), (b"PRI * HTTP/2.0", (400, 405, 505)),
    (b"GET * HTTP/1.1", (400, 404)), (b"CONNECT a.example:443 HTTP/1.1", (400, 404, 405, 501))])
def test_request_lines(site, line, status):
    """README: an unknown HTTP version is a 400. Never a 5xx but the 505 and 501 that a version or method may get."""
    reply = raw(site, line + b"\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert reply.status in status, reply
    alive(site)


def test_absurd_heads(site):
    """Too long a line, too long a head, too many fields: refused with their status, closed."""
    closed_400(site, b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", (414,))
    closed_400(site, b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 70000 + b"\r\n\r\n", (431,))
    closed_400(site, b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"X-%d: a\r\n" % n
            for n in range(1000)) + b"\r\n", (431,))
    closed_400(site, b"A" * 70000, (400, 414, 431))
    closed_400(site, b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + b"a" * 70000 + b": b\r\n\r\n", (431, 400))


@pytest.mark.parametrize("chunks", [
    b"zz\r\n", b"10\r\n" + BODY + b"x\r\n0\r\n\r\n", b"-1\r\n", b"FFFFFFFFFFFFFFFFF\r\n",
    b"0x10\r\n" + BODY + b"\r\n0\r\n\r\n", b"10\n" + BODY + b"\n0\n\n", b" 10\r\n" + BODY + b"\r\n0\r\n\r\n",
    b"10;\x00=1\r\n" + BODY + b"\r\n0\r\n\r\n", b"\r\n", b"1" * 5000])
def test_bad_chunks(site, chunks):
    closed_400(site, POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"\r\n" * 2, (400, 413, 431))


def test_good_chunks(site):
    for chunks in (b"10\r\n" + BODY + b"\r\n0\r\n\r\n",
                   b"4;ext=1\r\n" + BODY[:4] + b"\r\n00c\r\n" + BODY[4:] + b"\r\n0\r\nX-Trailer: a\r\n\r\n",
                   b"".join(b"1\r\n" + bytes([b]) + b"\r\n" for b in BODY) + b"0\r\n\r\n"):
        reply = raw(site, POST + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + chunks)
        assert reply.status == 200 and reply.closed, reply


def test_endless_chunks_are_refused_early(site):
    reply = raw(site, POST + b"Transfer-Encoding: chunked\r\n\r\n" + (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 20)
    assert reply.status == 413 and reply.json == {"detail": "Request body too large"}
    alive(site)


def test_body_announced_too_large_is_refused_before_it_comes(site):
    reply = raw(site, POST + b"Content-Length: 2097152\r\n\r\n")
    assert reply.status == 413 and reply.json == {"detail": "Request body too large"}


def test_expect_continue(site):
    with socket.create_connection(site.address, timeout=5) as sock:
        sock.sendall(POST + b"Expect: 100-continue\r\nContent-Length: 16\r\nConnection: close\r\n\r\n")
        got = sock.recv(65536)
        assert got.startswith(b"HTTP/1.1 100"), got
        sock.sendall(BODY)
        got = got.partition(b"\r\n\r\n")[2]
        while not got.startswith(b"HTTP/1.1 200"):
            part = sock.recv(65536)
            assert part
            got += part
    reply = raw(site, POST + b"Expect: the-impossible\r\nContent-Length: 16\r\n\r\n" + BODY, want_close=False)
    assert reply.status in (200, 417)


def test_pipelining(site):
    """Requests in one segment are answered in order."""
    last = request_head("GET", "/health", "localhost", "Connection: close")
    with socket.create_connection(site.address, timeout=5) as sock:
        sock.sendall(request_head() + request_head(path="/nope") + POST + b"Content-Length: 16\r\n\r\n" + BODY + last)
        got = b""
        while part := sock.recv(65536):
            got += part
    assert re.findall(rb"HTTP/1\.1 (\d+)", got) == [b"200", b"404", b"200", b"200"]


def test_keep_alive_and_old_versions(site):
    reply = raw(site, b"GET /health HTTP/1.0\r\n\r\n")
    assert reply.status == 200 and reply.closed  # 1.0: no Host needed, closed after it
    reply = raw(site, request_head("GET", "/health", "localhost", "Connection: close"))
    assert reply.status == 200 and reply.closed
    reply = raw(site, request_head(), timeout=0.5)
    assert reply.status == 200 and not reply.closed
    reply = raw(site, b"\r\n\r\n" + request_head("GET", "/health", "localhost", "Connection: close"))
    assert reply.status in (200, 400)


def test_absolute_form(site):
    reply = raw(site, b"GET http://localhost/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert reply.status in (200, 400)


def test_head_byte_by_byte(site):
    with socket.create_connection(site.address, timeout=5) as sock:
        for byte in request_head("GET", "/health", "localhost", "Connection: close"):
            sock.sendall(bytes([byte]))
        got = b""
        while part := sock.recv(65536):
            got += part
    assert got.startswith(b"HTTP/1.1 200")


def test_half_sent_requests_hold_nobody(site):
    """Many connections that stop in the middle of a head, of a body, or before anything."""
    hung = []
    for n in range(60):
        sock = socket.create_connection(site.address, timeout=5)
        sock.sendall((b"", b"GET /hea", POST + b"Content-Length: 16\r\n\r\n{",
                      POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab")[n % 4])
        hung.append(sock)
    begin = time.monotonic()
    alive(site)
    assert time.monotonic() - begin < 5
    for sock in hung:
        sock.close()
    alive(site)


def test_connections_cut_at_every_byte(site):
    whole = POST + b"Content-Length: 16\r\n\r\n" + BODY
    for cut in range(0, len(whole), 7):
        with socket.create_connection(site.address, timeout=5) as sock:
            sock.sendall(whole[:cut])
    alive(site)


def test_errors_of_the_head_have_the_shape_of_the_surface(site):
    reply = raw(site, b"GET /health HTTP/1.1\r\n\r\n")
    assert "detail" in reply.json and reply.headers["content-type"].startswith("application/json") and reply.headers[
        "x-request-id"]


def test_unfinished_heads_are_dropped(site):
    """10.1 and the head's time-out: after 10 s without a whole head the connection is closed."""
    starts = (b"", b"GET /health HTTP/1.1\r\nHost: x\r\n",
              b"GET /ws/chat/techpro HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n")
    waiting = [socket.create_connection(site.address, timeout=20) for _ in starts]
    begin = time.monotonic()
    for sock, start in zip(waiting, starts):
        sock.sendall(start)
    for sock, start in zip(waiting, starts):
        got = b""
        while part := sock.recv(65536):
            got += part
        assert got == b"" or b" 408 " in got.split(b"\r\n")[0], got
        assert 5 <= time.monotonic() - begin <= 19
        sock.close()
    alive(site)
