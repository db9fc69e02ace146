# SPDX-License-Identifier: Apache-2.0
"""The harness itself: a child that misbehaves fails the test, and the books of the double can be read."""

import sys
import textwrap

import httpx
import pytest

from harness import Program, ProgramFailed, RawSocket, run
from harness.sse import events


@pytest.fixture
def child(tmp_path):
    """A factory of Programs out of Python text."""
    started = []

    def make(text):
        script = tmp_path / f"child{len(started)}.py"
        script.write_text("import signal, sys, time\n" + textwrap.dedent(text), encoding="utf-8")
        started.append(Program([sys.executable, "-u", script]))
        return started[-1]

    yield make
    for program in started:
        if program.running:
            program.process.kill()


GOOD = """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print("listening http://127.0.0.1:1234")
    print("listening unix:/x")
    signal.pause()
"""


def test_a_good_child(child):
    program = child(GOOD).start()
    assert program.addresses[0] == "http://127.0.0.1:1234"
    assert program.running and program.resident_kib() > 0 and program.cpu_seconds() >= 0
    program.stop()
    assert not program.running
    program.start()
    program.kill()


def test_a_child_that_does_not_start(child):
    with pytest.raises(ProgramFailed, match="exit 2.*\n.*bad setting"):
        child("print('bad setting', file=sys.stderr); sys.exit(2)").start()


def test_a_child_that_never_listens(child):
    with pytest.raises(ProgramFailed, match="did not start"):
        child("signal.pause()").start(timeout=0.5)


def test_a_wrong_exit_code(child):
    program = child(GOOD.replace("sys.exit(0)", "sys.exit(3)")).start()
    with pytest.raises(ProgramFailed, match="exit 3 instead of 0"):
        program.stop()


def test_a_child_that_ended_by_itself(child):
    program = child("print('listening x'); sys.exit(4)").start()
    program.process.wait(20)
    with pytest.raises(ProgramFailed, match="exit 4"):
        program.stop()


def test_a_child_that_does_not_stop(child):
    program = child("signal.signal(signal.SIGTERM, signal.SIG_IGN); print('listening x')\nwhile True: signal.pause()")
    program.start()
    with pytest.raises(ProgramFailed, match="did not stop"):
        program.stop(timeout=0.5)


@pytest.mark.parametrize("report", [
    "==7==ERROR: AddressSanitizer: heap-use-after-free", "WARNING: ThreadSanitizer: data race (pid=7)",
    "a.c:3:4: runtime error: signed integer overflow", "==7==ERROR: LeakSanitizer: detected memory leaks",
])
def test_a_sanitizer_report_fails(child, report):
    program = child(GOOD.replace("sys.exit(0)", f"(print({report!r}, file=sys.stderr), sys.exit(0))")).start()
    with pytest.raises(ProgramFailed, match="anitizer|runtime error"):
        program.stop()
    with pytest.raises(ProgramFailed):
        run([sys.executable, "-c", f"import sys; print({report!r}, file=sys.stderr)"])


def test_waiting_for_a_line_of_standard_error(child):
    program = child("print('listening x'); print('ready now', file=sys.stderr); signal.pause()").start()
    program.wait_stderr("ready")
    with pytest.raises(ProgramFailed, match="no 'never'"):
        program.wait_stderr("never", timeout=0.2)
    program.kill()


def test_settings_of_the_caller_do_not_reach_the_child(monkeypatch):
    monkeypatch.setenv("PARLEY_LIMITS_CHAT", "1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-real")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    show = "import os; print([k for k in os.environ if k.startswith(('PARLEY', 'OPENAI')) or 'PROXY' in k])"
    assert run([sys.executable, "-c", show]).stdout.strip() == "[]"


def test_the_double_answers_and_keeps_books(llm):
    llm.set(answer="fixed:Good day.").queue({"status": 500})
    with httpx.Client(trust_env=False) as client:
        body = {"model": "m", "messages": [{"role": "user", "content": "Hello"}], "stream": True}
        assert client.post(f"{llm.url}/chat/completions", json=body).status_code == 500
        with client.stream("POST", f"{llm.url}/chat/completions", json=body) as reply:
            read = list(events(reply))
    assert read[-1].data == "[DONE]"
    text = "".join(c["delta"].get("content") or "" for e in read[:-1] for c in e.json["choices"])
    assert text == "Good day."
    assert [b["messages"][0]["content"] for b in llm.chats()] == ["Hello", "Hello"]
    assert llm.clear().log() == []


def test_raw_frames():
    assert RawSocket.frame(1, b"ab", masked=False) == b"\x81\x02ab"
    assert RawSocket.frame(9, b"", fin=False, masked=False, rsv=4) == b"\x49\x00"
    assert RawSocket.frame(2, b"x" * 200, masked=False)[:4] == b"\x82\x7e\x00\xc8"
    masked = RawSocket.frame(1, b"abcde")
    assert bytes(b ^ masked[2 + (i & 3)] for i, b in enumerate(masked[6:])) == b"abcde"
