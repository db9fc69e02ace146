# SPDX-License-Identifier: Apache-2.0
"""RFC 6455 below the chat frames: sizes, fragments, control frames, close codes (001 10.6)."""
import json
import struct

import pytest

from api.helpers import alive

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


@pytest.fixture
def socket(site):
    """A raw socket on the sample brand that has had its welcome."""
    with site.server.raw() as socket:
        status, _ = socket.handshake("/ws/chat/techpro")
        assert status == 101
        opcode, payload = socket.receive_frame()
        assert opcode == TEXT and json.loads(payload)["type"] == "welcome"
        yield socket
    alive(site)


def frame(socket):
    opcode, payload = socket.receive_frame()
    assert opcode == TEXT, (opcode, payload)
    assert b'": ' not in payload.split(b'"content"')[0] and b"\n" not in payload  # compact
    return json.loads(payload)


def until_complete(socket):
    """JSON frames up to `complete`, and payloads of pong frames on the way."""
    frames, pongs = [], []
    while True:
        opcode, payload = socket.receive_frame()
        if opcode == PONG:
            pongs.append(payload)
            continue
        frames.append(json.loads(payload))
        if frames[-1]["type"] == "complete":
            return frames, pongs


def chat(**data):
    return json.dumps({"type": "chat", "data": {"message": "hi", **data}}).encode()


def still_open(socket):
    socket.send_frame(TEXT, b'{"type":"ping"}')
    assert frame(socket)["type"] == "pong"


def test_24_too_long(socket):
    """001-brands#24: 65537 bytes close with 1009, and the rest is not awaited."""
    socket.send(socket.frame(TEXT, b"x" * 65537)[:5000])
    assert socket.close_code() == 1009


def test_24_too_long_in_fragments(socket):
    """001-brands#24: fragments count together."""
    socket.send_frame(TEXT, b"x" * 65536, fin=False)
    socket.send_frame(CONT, b"x")
    assert socket.close_code() == 1009


def test_just_not_too_long(socket):
    body = chat(pad="")
    socket.send_frame(TEXT, body[:-3] + b"x" * (65536 - len(body)) + body[-3:])
    frames, _ = until_complete(socket)
    assert frames[-1]["data"]["metadata"]["finish_reason"] == "stop"


def test_24_binary(socket):
    """001-brands#24"""
    socket.send_frame(BINARY, b"hello")
    assert socket.close_code() == 1003


@pytest.mark.parametrize("payload", [b"\xff\xfe", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"ok \xe2\x82",
                                     b"\x80"])
def test_24_not_utf8(socket, payload):
    """001-brands#24"""
    socket.send_frame(TEXT, payload)
    assert socket.close_code() == 1007


def test_not_utf8_over_a_fragment_border(socket):
    socket.send_frame(TEXT, b"\xe2\x82", fin=False)
    socket.send_frame(CONT, b"\xff")
    assert socket.close_code() == 1007


def test_utf8_over_a_fragment_border(socket):
    body = chat(pad="😀é")
    body = json.dumps({"type": "chat", "data": {"message": "😀é日"}}, ensure_ascii=False).encode()
    for n, byte in enumerate(body):
        socket.send_frame(TEXT if n == 0 else CONT, bytes([byte]), fin=n == len(body) - 1)
    frames, _ = until_complete(socket)
    assert frames[-1]["data"]["metadata"]["finish_reason"] == "stop"


def test_24_unmasked(socket):
    """001-brands#24"""
    socket.send_frame(TEXT, b'{"type":"ping"}', masked=False)
    assert socket.close_code() == 1002


def test_24_ping_in_two_frames(socket):
    """001-brands#24"""
    socket.send_frame(PING, b"a", fin=False)
    socket.send_frame(CONT, b"b")
    assert socket.close_code() == 1002


def test_24_thirty_fragments(socket):
    """001-brands#24: one turn, and the ping between is answered."""
    body = chat(conversation_id="frag-30", pad="")
    body = body[:-3] + b"x" * (60 * 1024 - len(body)) + body[-3:]
    step = len(body) // 30 + 1
    parts = [body[at:at + step] for at in range(0, len(body), step)]
    assert len(parts) == 30
    for n, part in enumerate(parts):
        socket.send_frame(TEXT if n == 0 else CONT, part, fin=n == 29)
        if n == 14:
            socket.send_frame(PING, b"between")
    frames, pongs = until_complete(socket)
    assert pongs == [b"between"] and [f["type"] for f in frames].count("complete") == 1
    assert frames[-1]["data"]["conversation_id"] == "frag-30" and frames[-1]["data"]["metadata"][
        "finish_reason"] == "stop"
    still_open(socket)


@pytest.mark.parametrize("rsv", [1, 2, 4])
def test_reserved_bits(socket, rsv):
    socket.send_frame(TEXT, b'{"type":"ping"}', rsv=rsv)
    assert socket.close_code() == 1002


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
def test_reserved_opcodes(socket, opcode):
    socket.send_frame(opcode, b"")
    assert socket.close_code() == 1002


@pytest.mark.parametrize("opcode", [PING, PONG, CLOSE])
def test_long_control_frames(socket, opcode):
    socket.send_frame(opcode, (b"\x03\xe8" if opcode == CLOSE else b"") + b"x" * 126)
    assert socket.close_code() == 1002


def test_continuation_without_start(socket):
    socket.send_frame(CONT, b"x")
    assert socket.close_code() == 1002


def test_new_message_within_a_fragmented_one(socket):
    socket.send_frame(TEXT, b"x", fin=False)
    socket.send_frame(TEXT, b"y")
    assert socket.close_code() == 1002


def test_length_with_the_top_bit(socket):
    socket.send(bytes([0x81, 0x80 | 127]) + struct.pack(">Q", 1 << 63) + b"mask")
    assert socket.close_code() in (1002, 1009)


def test_absurd_length(socket):
    socket.send(bytes([0x81, 0x80 | 127]) + struct.pack(">Q", 1 << 40) + b"mask")
    assert socket.close_code() == 1009


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535])
def test_bad_close_codes(socket, code):
    socket.send_frame(CLOSE, struct.pack(">H", code))
    assert socket.close_code() == 1002


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1007, 1011, 3000, 4999])
def test_close_is_echoed(socket, code):
    """10.6: echoed with its code, then TCP is closed by the server."""
    socket.send_frame(CLOSE, struct.pack(">H", code) + "grüße".encode())
    opcode, payload = socket.receive_frame()
    assert opcode == CLOSE and struct.unpack(">H", payload[:2])[0] == code
    with pytest.raises(ConnectionError):
        socket.receive_frame()


def test_close_without_a_code(socket):
    socket.send_frame(CLOSE, b"")
    assert socket.close_code() in (1000, 1005)


def test_close_of_one_byte(socket):
    socket.send_frame(CLOSE, b"\x03")
    assert socket.close_code() == 1002


def test_close_reason_not_utf8(socket):
    socket.send_frame(CLOSE, struct.pack(">H", 1000) + b"\xff")
    assert socket.close_code() == 1007


def test_pings_are_answered_with_their_payload(socket):
    for payload in (b"", b"x", b"\xff\x00" * 62 + b"z"):
        socket.send_frame(PING, payload)
        assert socket.receive_frame() == (PONG, payload)
    socket.send_frame(PONG, b"unasked")
    still_open(socket)


def test_many_frames_in_one_segment_and_one_frame_in_many(socket):
    socket.send(b"".join(socket.frame(TEXT, b'{"type":"ping"}') for _ in range(50)))
    assert [frame(socket)["type"] for _ in range(50)] == ["pong"] * 50
    for byte in socket.frame(TEXT, b'{"type":"ping"}'):
        socket.send(bytes([byte]))
    assert frame(socket)["type"] == "pong"


def test_frames_right_behind_the_handshake(site):
    """10.1: a client may send before reading; nothing is lost."""
    with site.server.raw() as socket:
        ping = socket.frame(TEXT, b'{"type":"ping"}')
        socket.send(b"GET /ws/chat/techpro HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n" + ping * 3)
        status, headers = socket.head()
        assert status == 101 and headers["sec-websocket-accept"]
        assert [frame(socket)["type"] for _ in range(4)] == ["welcome", "pong", "pong", "pong"]


def test_empty_fragments(socket):
    socket.send_frame(TEXT, b"", fin=False)
    for _ in range(5):
        socket.send_frame(CONT, b"", fin=False)
    socket.send_frame(CONT, b'{"type":"ping"}')
    assert frame(socket)["type"] == "pong"


def test_setting_of_the_longest_message(server):
    one = server({"ws.max_message_bytes": 1024})
    with one.raw() as socket:
        socket.handshake("/ws/chat/techpro")
        socket.receive_frame()
        body = chat(pad="")
        socket.send_frame(TEXT, body[:-3] + b"x" * (1024 - len(body)) + body[-3:])
        until_complete(socket)
        socket.send_frame(TEXT, b"x" * 1025)
        assert socket.close_code() == 1009


def test_server_pings(server):
    """10.6: a ping every `ws.ping_interval`."""
    one = server({"ws.ping_interval": 1})
    with one.raw() as socket:
        socket.handshake("/ws/chat/techpro")
        socket.receive_frame()
        opcode, payload = socket.receive_frame()
        assert opcode == PING
        socket.send_frame(PONG, payload)
        opcode, _ = socket.receive_frame()
        assert opcode == PING


@pytest.mark.slow
def test_no_pong(server):
    """10.6: a ping that is not answered within 20 s closes with 1011; messages alone are no answer."""
    one = server({"ws.ping_interval": 1})
    with one.raw(30) as socket:
        socket.handshake("/ws/chat/techpro")
        assert socket.close_code() == 1011
