# SPDX-License-Identifier: Apache-2.0
"""`parley chat` (001-brands 18): against servers that do what a test wants, then the real one."""

import collections
import contextlib
import json
import re
import subprocess
import threading
import time

import pytest

from api.chat_fakes import Bare, Scripted, accept_head, echo, frame, read_frames, text_frame
from harness import find_binary
from harness.program import child_environment

PRODUCT = {"id": "laptop-001", "name": "Halden Forge 16", "price": 2899, "availability": True}


@pytest.fixture
def chat(parley):
    """Runs `parley chat --url …` to its end."""

    def call(fake, *arguments, **options):
        return parley("chat", "--url", fake if isinstance(fake, str) else fake.url, *arguments, **options)

    return call


# ---- what is shown ----


def test_one_message(chat):
    async def script(peer):
        await peer.welcome()
        await peer.receive()
        await peer.send("typing", conversation_id="c-7", is_typing=True)
        for piece in ["The Halden ", "Forge 16 ", "fits 😀."]:
            await peer.chunk(piece)
        await peer.send("typing", conversation_id="c-7", is_typing=False)
        await peer.complete(products=[PRODUCT, {"id": "p2", "name": "Odd", "price": 0.5, "availability": False},
                                      {"id": "p3", "price": 1234567.125}, {"name": "Free"}, 7], confidence=0.8127)

    with Scripted(script) as fake:
        done = chat(fake, "--message", "Which one?")
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "The Halden Forge 16 fits 😀.\n"
        "  * Halden Forge 16: 2,899.00\n"
        "  * Odd: 0.50 (currently unavailable)\n"
        "  * p3: 1,234,567.125\n"
        "  * Free\n"
        "  * \n"
        "  confidence 0.8127\n"
    )
    sent = fake.frames[0]
    assert sent["type"] == "chat" and sent["data"]["message"] == "Which one?" and sent["data"]["voice"] is False
    assert re.fullmatch(r"[0-9a-f-]{36}", sent["data"]["conversation_id"])
    assert fake.requests[0][0] == "/ws/chat/techpro"


def test_messages_in_turn_keep_the_conversation(chat):
    with Scripted(echo) as fake:
        done = chat(fake, "--message", "one", "--message=two=2", "--message", "--three", "--voice")
    assert done.returncode == 0 and done.stdout == "You said: one\nYou said: two=2\nYou said: --three\n"
    conversations = [sent["data"]["conversation_id"] for sent in fake.frames]
    assert conversations[1:] == ["c-7", "c-7"]  # the server's word counts
    assert all(sent["data"]["voice"] for sent in fake.frames) and fake.connections == 1


def test_a_conversation_goes_on(chat):
    with Scripted(echo) as fake:
        chat(fake, "--message", "x", "--conversation", "c-9", "--brand", "luxury tech/ü")
    assert fake.frames[0]["data"]["conversation_id"] == "c-9"
    assert fake.requests[0][0] == "/ws/chat/luxury%20tech%2F%C3%BC"


def test_interactive(chat):
    with Scripted(echo) as fake:
        done = chat(fake, stdin="hello\n\n   \n größe \nQuit\nnever\n")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "TechPro: Welcome.\nYou said: hello\nYou said: größe\n"
    assert fake.connections == 1


@pytest.mark.parametrize("ends", ["bye\n", "exit", "EXIT\r\n", "", "quit"])
def test_interactive_leaves(chat, ends):
    with Scripted(echo) as fake:
        done = chat(fake, stdin=f"one\n{ends}")
    assert done.returncode == 0 and done.stdout == "TechPro: Welcome.\nYou said: one\n"


def test_interactive_last_line_without_an_end(chat):
    with Scripted(echo) as fake:
        done = chat(fake, stdin="one\ntwo")
    assert done.stdout.endswith("You said: one\nYou said: two\n")


def test_json_prints_every_frame(chat):
    async def script(peer):
        await peer.welcome()
        await peer.receive()
        await peer.send("weather", sky="blue")
        await peer.raw('{\n "type" : "chunk",\n "data" : {"content": "a\\u001b[31m\u009bb\\n", "price": 1.50}}')
        await peer.complete()

    with Scripted(script) as fake:
        done = chat(fake, "--message", "x", "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["type"] for line in lines] == ["welcome", "weather", "chunk", "complete"]
    assert lines[2]["data"]["content"] == "a\x1b[31m\x9bb\n" and '"price":1.50' in done.stdout
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", done.stdout)


def test_control_characters_do_not_reach_the_terminal(chat):
    evil = "a\x1b[31mb\x07\x00\r\x9bc\x7fd\u202ee\u2066f\u200bg\nline\ttab 👩\u200d💻"

    async def script(peer):
        await peer.send("welcome", message=evil, brand_id="techpro", brand_name=evil)
        await peer.receive()
        await peer.send("error", message=evil, code="rate_limited")
        await peer.chunk(evil)
        await peer.complete(products=[{"id": evil, "name": evil, "price": evil}])

    with Scripted(script) as fake:
        done = chat(fake, stdin="x\n")
    good = "a[31mbcdefg\nline\ttab 👩\u200d💻"
    assert done.stdout == f"TechPro: {good}\n".replace("TechPro", good) + f"{good}\n  * {good}\n"
    assert done.stderr == f"! {good}\n"


def test_credentials(chat):
    with Scripted(echo, {"/brands/active": (200, [])}) as fake:
        chat(fake, "--message", "x", "--api-key", "sk_abc")
        chat(fake, "--message", "x", "--api-key=ey.J.x")
        chat(fake, "--list", "--api-key", "sk_abc")
    heads = [{k.lower(): v for k, v in head.items()} for _, head in fake.requests]
    assert heads[0]["x-api-key"] == heads[2]["x-api-key"] == "sk_abc" and "authorization" not in heads[0]
    assert heads[1]["authorization"] == "Bearer ey.J.x"


# ---- frames in any order, and what is no frame ----


def test_odd_frames(chat):
    async def script(peer):
        await peer.send("pong", timestamp=0)
        await peer.complete()  # of nothing
        await peer.chunk("lost words")
        await peer.raw("not json")
        await peer.welcome()
        await peer.receive()
        await peer.raw("[1, 2]")
        await peer.raw("null")
        await peer.raw("{}")
        await peer.raw('{"type": 5, "data": []}')
        await peer.raw('{"type": "chunk"}')
        await peer.raw('{"type": "chunk", "data": {"content": null}}')
        await peer.raw('{"type": "chunk", "data": {"content": 5, "conversation_id": {}}}')
        await peer.raw('{"type": "typing", "data": null}')
        await peer.raw("[" * 100000)
        await peer.raw(b"\x00\x01 binary")
        await peer.welcome()
        await peer.send("weather", sky="blue")
        await peer.chunk("An answer")
        await peer.raw('{"data": {"content": ".", "conversation_id": null}, "type": "chunk"}')
        await peer.raw(
            '{"type": "complete", "data": {"suggested_products": null, "confidence_score": "x", "metadata": 7}}'
        )

    with Scripted(script) as fake:
        done = chat(fake, "--message", "x")
    assert (done.returncode, done.stdout) == (0, "An answer.\n"), done.stderr


def test_complete_with_the_whole_text(chat):
    async def script(peer):
        await peer.welcome()
        await peer.receive()
        await peer.send("complete", content="All at once.")

    with Scripted(script) as fake:
        assert chat(fake, "--message", "x").stdout == "All at once.\n"


def test_no_welcome_but_frames(chat):
    async def script(peer):
        await peer.send("typing", is_typing=False)
        await peer.receive()
        await peer.answer("Here.")

    with Scripted(script) as fake:
        done = chat(fake, "--message", "x", "--timeout", "1")
    assert (done.returncode, done.stdout) == (0, "Here.\n"), done.stderr


def test_error_frames_are_shown_and_it_goes_on(chat):
    async def script(peer):
        await peer.welcome()
        await peer.receive()
        await peer.refuse("rate_limited", "Rate limit exceeded. Try again in 12 seconds.")
        await echo(peer)

    with Scripted(script) as fake:
        done = chat(fake, stdin="one\ntwo\n")
        assert done.returncode == 0 and "You said: two" in done.stdout
        assert done.stderr == "! Rate limit exceeded. Try again in 12 seconds.\n"
        done = chat(fake, "--message", "one", "--message", "two")
        assert done.returncode == 1 and done.stdout == "You said: two\n"  # one of them was refused


def test_fragments_and_pings(chat):
    seen = []

    def talk(sock, request):
        sock.sendall(accept_head(request))
        whole = text_frame("welcome", message="Größe", brand_name="TechPro")[2:]
        at = whole.index("ö".encode()) + 1  # in the middle of a character
        for piece in [frame(9, b"p1"), frame(1, whole[:at], fin=False), frame(9, b"p2"), frame(0, b"", fin=False),
                      frame(0, whole[at:])]:  # fmt: skip
            sock.sendall(piece)
        for opcode, payload in read_frames(sock):
            seen.append((opcode, payload))
            if opcode == 1:
                answer = text_frame("chunk", content="x" * 70000) + text_frame("complete", content="")
                for i in range(0, len(answer), 1013):  # borders anywhere
                    sock.sendall(answer[i:i + 1013])

    with Bare(talk) as fake:
        done = chat(fake, stdin="hello\n")
    assert done.stdout == "TechPro: Größe\n" + "x" * 70000 + "\n", done.stderr
    assert [p for o, p in seen if o == 10] == [b"p1", b"p2"]
    assert seen[-1] == (8, b"\x03\xe8")  # it says goodbye


@pytest.mark.parametrize("size", [1, 40, 45, 50, 60, 200, 65000])
def test_frames_of_every_length(chat, size):
    with Scripted(echo) as fake:
        done = chat(fake, stdin="x" * size + "\n")
    assert fake.frames[0]["data"]["message"] == "x" * size, done.stderr


@pytest.mark.parametrize("wrong, code", [
    (frame(1, b"{}", masked=True), 1002),
    (frame(1, b"{}", rsv=4), 1002),
    (frame(3), 1002),
    (frame(11), 1002),
    (frame(0, b"{}"), 1002),
    (frame(1, b"{", fin=False) + frame(1, b"}"), 1002),
    (frame(9, b"", fin=False), 1002),
    (frame(9, b"x" * 126), 1002),
    (frame(8, b"\x03\xed"), 1002),  # 1005 may not be sent
    (frame(1, b"\xff\xfe"), 1007),
    (frame(1, b"\xc3", fin=False) + frame(0, b"("), 1007),
    (b"\x81\x7f" + (1 << 40).to_bytes(8, "big"), 1009),
    (b"\x81\x7f" + (1 << 63).to_bytes(8, "big"), 1009),
])
def test_broken_frames_end_it(chat, wrong, code):
    closes = []

    def talk(sock, request):
        sock.sendall(accept_head(request) + text_frame("welcome", message="Hi"))
        for opcode, payload in read_frames(sock):
            if opcode == 1:
                sock.sendall(wrong)
            elif opcode == 8:
                closes.append(payload)

    with Bare(talk) as fake:
        done = chat(fake, "--message", "x")
    assert done.returncode == 1 and f"({code})" in done.stderr
    assert fake.connections == 1
    assert closes[:1] in ([code.to_bytes(2, "big")], [])


# ---- losing and finding the connection ----


def test_resumes_a_lost_answer(chat):
    """001-brands 10.7: at the code point where it was lost"""

    async def script(peer):
        await peer.welcome()
        asked = await peer.receive()
        if peer.number == 1:
            await peer.send("typing", conversation_id="c-7", is_typing=True)
            await peer.chunk("Größe 😀 und ")
            return await peer.drop()
        assert asked == {"type": "resume", "data": {"conversation_id": "c-7", "offset": 12}}
        await peer.answer("Maß.", products=[PRODUCT])

    with Scripted(script) as fake:
        done = chat(fake, "--message", "x")
    assert done.returncode == 0 and done.stdout == "Größe 😀 und \nMaß.\n  * Halden Forge 16: 2,899.00\n"
    assert "lost" in done.stderr and fake.connections == 2


def test_resumes_again_and_again(chat):
    words = ["One ", "two ", "three ", "four."]

    async def script(peer):
        await peer.welcome()
        asked = await peer.receive()
        assert asked["data"].get("offset", 0) == len("".join(words[:peer.number - 1]))
        await peer.chunk(words[peer.number - 1])
        await (peer.complete() if peer.number == 4 else peer.drop())

    with Scripted(script) as fake:
        done = chat(fake, "--message", "x", "--json")
    texts = [f["data"]["content"] for f in map(json.loads, done.stdout.splitlines()) if f["type"] == "chunk"]
    assert done.returncode == 0 and texts == words and fake.connections == 4


@pytest.mark.parametrize("code", [1001, 1011, 4408])
def test_returns_after(chat, code):
    async def script(peer):
        await peer.welcome()
        if peer.number == 1:
            await peer.receive()
            await peer.chunk("One ")
            return await peer.close(code)
        assert (await peer.receive())["type"] == "resume"
        await peer.answer("two.")

    with Scripted(script) as fake:
        done = chat(fake, "--message", "x")
    assert (done.returncode, done.stdout) == (0, "One \ntwo.\n") and fake.connections == 2


@pytest.mark.parametrize("code", [1000, 1002, 1003, 1007, 1008, 1009, 4404, 4000])
def test_does_not_return_after(chat, code):
    async def script(peer):
        await peer.welcome()
        await peer.receive()
        await peer.chunk("One ")
        await peer.close(code)

    with Scripted(script) as fake:
        done = chat(fake, "--message", "x", "--message", "y")
    assert done.returncode == 1 and f"({code})" in done.stderr and done.stdout == "One \n"
    assert fake.connections == 1


def test_asks_again_what_never_arrived(chat):
    """The newest answer is the one before: it is not shown twice, and the question is asked again."""

    async def script(peer):
        await peer.welcome()
        if peer.number == 1:
            await peer.receive()
            await peer.answer("First.", message_id="m-1")
            await peer.receive()
            return await peer.drop()  # before it counted
        assert (await peer.receive())["type"] == "resume"
        await peer.answer("First.", message_id="m-1")
        assert (await peer.receive())["data"]["message"] == "two"
        await peer.answer("Second.", message_id="m-2")

    with Scripted(script) as fake:
        done = chat(fake, "--message", "one", "--message", "two")
    assert (done.returncode, done.stdout) == (0, "First.\nSecond.\n"), done.stderr
    assert [f["type"] for f in fake.frames] == ["chat", "chat", "resume", "chat"]


def test_asks_again_when_there_is_nothing_to_resume(chat):
    async def script(peer):
        await peer.welcome()
        await peer.receive()
        if peer.number == 1:
            return await peer.drop()
        await peer.refuse("nothing_to_resume", "Nothing to resume")
        assert (await peer.receive())["type"] == "chat"
        await peer.answer("Here.")

    with Scripted(script) as fake:
        done = chat(fake, "--message", "x")
    assert (done.returncode, done.stdout) == (0, "Here.\n") and "Nothing" not in done.stderr


def test_an_answer_that_was_ours_is_shown(chat):
    """Lost before the first sign, but the server had taken it up."""

    async def script(peer):
        await peer.welcome()
        asked = await peer.receive()
        if peer.number == 1:
            return await peer.drop()
        assert asked["type"] == "resume" and asked["data"]["offset"] == 0
        await peer.answer("It was heard.")

    with Scripted(script) as fake:
        assert chat(fake, "--message", "x").stdout == "It was heard.\n"


def test_in_a_given_conversation_an_old_answer_is_not_taken_for_ours(chat):
    async def script(peer):
        await peer.welcome()
        asked = await peer.receive()
        if peer.number == 1:
            return await peer.drop()
        assert asked["type"] == "chat"
        await peer.answer("New.")

    with Scripted(script) as fake:
        assert chat(fake, "--message", "x", "--conversation", "c-7").stdout == "New.\n"


def test_the_rest_of_an_answer_is_lost(chat):
    async def script(peer):
        await peer.welcome()
        await peer.receive()
        if peer.number == 1:
            await peer.chunk("The beginning")
            return await peer.drop()
        await peer.refuse("nothing_to_resume", "Nothing to resume")

    with Scripted(script) as fake:
        done = chat(fake, "--message", "x")
    assert done.returncode == 1 and done.stdout == "The beginning\n" and "rest of the answer was lost" in done.stderr


def test_a_socket_lost_while_nobody_types(parley):
    dropped = threading.Event()

    async def script(peer):
        await peer.welcome()
        asked = await peer.receive()
        await peer.answer(f"You said: {asked['data']['message']}", message_id=f"m-{peer.number}")
        if peer.number == 1:
            await peer.close(4408)
            dropped.set()

    with Scripted(script) as fake:
        child = _typing(fake)
        child.stdin.write("one\n")
        child.stdin.flush()
        assert dropped.wait(20)
        out, _ = child.communicate("two\nquit\n", timeout=30)
    assert child.returncode == 0 and out == "TechPro: Welcome.\nYou said: one\nYou said: two\n"
    assert fake.connections == 2 and [f["type"] for f in fake.frames] == ["chat", "chat"]


def test_a_brand_that_goes_away_while_nobody_types(parley):
    async def script(peer):
        await peer.welcome()
        await peer.send("error", message="Brand 'techpro' not found or inactive", code="brand_unavailable")
        await peer.close(4404)

    with Scripted(script) as fake:
        child = _typing(fake)
        assert child.wait(20) == 1  # standard input is still open
        assert "Brand 'techpro' not found or inactive" in child.stderr.read()
        child.communicate()


def _typing(fake):
    """`parley chat` with an open standard input."""
    return subprocess.Popen([find_binary("parley", "PARLEY_BIN"), "chat", "--url", fake.url], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env=child_environment())


def test_pings_are_answered_while_nobody_types(parley):
    pongs = threading.Event()

    def talk(sock, request):
        sock.sendall(accept_head(request) + text_frame("welcome", message="Hi") + frame(9, b"still there?"))
        for opcode, payload in read_frames(sock):
            if opcode == 10 and payload == b"still there?":
                pongs.set()

    with Bare(talk) as fake:
        child = _typing(fake)
        assert pongs.wait(20)
        child.communicate("quit\n", timeout=20)
        assert child.returncode == 0


# ---- refused, and not there ----


@pytest.mark.parametrize("status, body, says", [
    (401, {"detail": "Could not validate credentials"}, "HTTP 401: Could not validate credentials"),
    (403, {"detail": "Origin not allowed"}, "HTTP 403: Origin not allowed"),
    (404, {"error": "x\x1by"}, "HTTP 404: xy"),
    (429, {"detail": "Too many connections"}, "HTTP 429: Too many connections"),
    (503, b"busy", "HTTP 503"),
    (200, b"<html>", "HTTP 200"),
    (302, b"", "HTTP 302"),
])
def test_refused(chat, status, body, says):
    with Scripted(echo, {"/ws/chat/techpro": (status, body)}) as fake:
        done = chat(fake, "--message", "x")
    assert done.returncode == 1 and done.stderr == f"parley: {says}\n" and fake.connections == 0


def test_brand_unavailable(chat):
    """001-brands#22, from the client's side"""

    async def script(peer):
        await peer.send("error", message="Brand 'nope' not found or inactive", code="brand_unavailable")
        await peer.close(4404)

    with Scripted(script) as fake:
        done = chat(fake, "--brand", "nope", "--message", "x")
    assert done.returncode == 1 and "Brand 'nope' not found or inactive" in done.stderr and fake.connections == 1


def test_cannot_connect(chat, parley):
    assert chat("ws://127.0.0.1:1", "--message", "x").returncode == 3
    assert chat("ws://127.0.0.1:1", "--list").returncode == 3
    assert chat("ws://127.0.0.1:1", "--all-brands").returncode == 3
    assert chat("ws://no-such-host.invalid", "--message", "x", "--timeout", "5").returncode == 3
    assert "127.0.0.1:8000" in parley("help", "chat").stdout


@pytest.mark.parametrize("talk", [
    lambda sock, request: None,
    lambda sock, request: sock.sendall(b"HTTP/1.1 101 Switch"),
    lambda sock, request: sock.sendall(accept_head(request)),
    lambda sock, request: sock.sendall(b"SSH-2.0-x\r\n\r\n"),
    lambda sock, request: sock.sendall(b"HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n"),
    lambda sock, request: sock.sendall(accept_head(request, "Sec-WebSocket-Extensions: permessage-deflate\r\n")),
    lambda sock, request: sock.sendall(b"x" * 100000),
    lambda sock, request: sock.close(),
])
def test_what_is_no_such_server(chat, talk):
    with Bare(talk) as fake:
        started = time.monotonic()
        done = chat(fake, "--message", "x", "--timeout", "1")
    assert done.returncode == 3 and done.stderr.startswith("parley: ") and time.monotonic() - started < 30


def test_a_server_that_never_answers_a_question(chat):
    """It is silent: lost, found again, asked to resume, and so on until the time is over."""

    async def script(peer):
        await peer.welcome()
        await peer.ws.wait_closed()

    with Scripted(script) as fake:
        done = chat(fake, "--message", "x", "--timeout", "1")
    assert done.returncode == 1 and "no answer" in done.stderr and fake.connections >= 2


def test_a_server_that_only_answers_pings(chat):
    async def script(peer):
        await peer.welcome()
        while True:
            await peer.receive()

    with Scripted(script) as fake:
        done = chat(fake, "--message", "x", "--timeout", "1")
    assert done.returncode == 1 and "no answer in 10 s" in done.stderr and fake.connections == 1
    assert [f["type"] for f in fake.frames].count("ping") >= 2


def test_a_server_that_talks_without_end(chat):
    """Endless pings are no answer."""
    stop = threading.Event()

    def drain(sock):
        with contextlib.suppress(ConnectionError):
            collections.deque(read_frames(sock), 0)

    def talk(sock, request):
        sock.sendall(accept_head(request) + text_frame("welcome", message="Hi"))
        threading.Thread(target=drain, args=(sock,), daemon=True).start()
        while not stop.wait(0.0005):
            sock.sendall(frame(9, b"x") * 5)

    with Bare(talk) as fake:
        done = chat(fake, "--message", "x", "--timeout", "1")
        stop.set()
    assert done.returncode == 1 and "no answer in 10 s" in done.stderr


def test_a_server_that_never_comes_back(chat):
    async def script(peer):
        await peer.welcome()
        await peer.receive()
        await peer.chunk("One ")
        fake.pages["/ws/chat/techpro"] = (404, {"detail": "gone"})
        await peer.drop()

    with Scripted(script) as fake:
        done = chat(fake, "--message", "x")
    assert done.returncode == 1 and done.stdout == "One \n" and "HTTP 404: gone" in done.stderr


@pytest.mark.parametrize("arguments, says", [
    (["--mesage", "x"], "did you mean '--message'"),
    (["--nope"], "--nope"),
    (["word"], "word"),
    (["--message"], "a value is missing"),
    (["--brand"], "a value is missing"),
    (["--brand", ""], "--brand"),
    (["--brand", "x" * 129], "--brand"),
    (["--conversation", "x" * 129, "--message", "x"], "--conversation"),
    (["--url", "ftp://127.0.0.1"], "--url"),
    (["--url", "127.0.0.1:8000"], "--url"),
    (["--url", "ws://"], "--url"),
    (["--url", "ws://user@127.0.0.1"], "--url"),
    (["--url", "ws://127.0.0.1:99999"], "--url"),
    (["--api-key", ""], "--api-key"),
    (["--api-key", "a\r\nX: y"], "--api-key"),
    (["--timeout", "0"], "--timeout"),
    (["--timeout", "x"], "--timeout"),
])
def test_usage(parley, arguments, says):
    done = parley("chat", *arguments)
    assert done.returncode == 2 and says in done.stderr and done.stderr.count("\n") == 1 and not done.stdout


def test_output_that_nobody_reads(parley):
    with Scripted(echo) as fake:
        child = _typing(fake)
        child.stdout.close()
        child.stdin.write("one\ntwo\n")
        child.stdin.flush()
        assert child.wait(20) == 1
        child.stdin.close()
        child.stderr.close()
