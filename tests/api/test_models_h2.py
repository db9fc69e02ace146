# SPDX-License-Identifier: Apache-2.0
"""Providers over HTTP/2 (upstream-llm 6, 9): the double itself speaks it, A first, B behind it."""
import json

import pytest

from api.pairs import forget, pair_site, turn_of
from harness import FakeLlm

WHOLE = " ".join(f"w{i}" for i in range(1, 41))


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    papers = [tmp_path_factory.mktemp("papers") / f"{name}.pem" for name in "ab"]
    rows = [{"retries": 0, "tls.caFile": paper, "timeouts.interTokenMs": 400} for paper in papers]
    with pair_site(*rows, fakes=[FakeLlm("--h2", "--cert-out", str(paper)) for paper in papers]) as site:
        yield site


def fresh(pair, **knobs):
    forget(pair)
    pair.a.set(answer="count:40", **knobs).clear()
    pair.b.set(answer="count:40").clear()


def ask(pair, over):
    return turn_of(pair, over, "Count for me")


def chats(fake):
    return [entry for entry in fake.log() if entry["path"].endswith("/chat/completions")]


@pytest.mark.parametrize("over", ["http", "socket"])
@pytest.mark.parametrize("knobs", [{}, {"split": 3}, {"gzip": True}, {"jsonBody": True}, {"deltaDelayMs": 5},
                                   {"dialect": "azure"}], ids=json.dumps)
def test_whole(pair, knobs, over):
    """upstream-llm#2, #3: also where an answer is longer than one read of the connection."""
    fresh(pair, **knobs)
    text, metadata = ask(pair, over)
    assert text == WHOLE and metadata["finish_reason"] == "stop"
    assert [entry["alpn"] for entry in chats(pair.a)] == ["h2"] and chats(pair.b) == []


@pytest.mark.parametrize("over", ["http", "socket"])
@pytest.mark.parametrize("how", ["rst", "goaway", "fin", "hang"])
def test_cut(pair, how, over):
    """upstream-llm#10: a stream that is reset, a connection that says goodbye, ends or falls silent: B goes on."""
    fresh(pair, cutAfter=15, cutHow=how)
    text, metadata = ask(pair, over)
    assert text == WHOLE and metadata["mode"] == "model" and metadata["finish_reason"] == "stop"
    assert len(chats(pair.a)) == len(chats(pair.b)) == 1


@pytest.mark.parametrize("how", ["rst", "goaway"])
def test_a_kept_connection_that_is_gone(pair, how):
    """upstream-llm#22: refused before any byte, asked again on another connection, nobody sees or counts it."""
    fresh(pair)
    assert ask(pair, "http")[0] == WHOLE
    pair.a.queue({"noReply": how})
    assert ask(pair, "socket")[0] == WHOLE
    assert len(chats(pair.a)) == 3 and chats(pair.b) == []


@pytest.mark.parametrize("over", ["http", "socket"])
def test_cancel(pair, over):
    """upstream-llm#12 with HTTP/2: the double sees the end at once; B is not called."""
    fresh(pair)
    pair.a.set(answer="count:2000", deltaDelayMs=20)
    if over == "socket":
        with pair.server.socket() as ws:
            ws.send("chat", message="Count")
            ws.receive_until("chunk")
            ws.send("cancel")
            assert ws.wait_complete(5).complete["metadata"]["finish_reason"] == "cancelled"
    else:
        body = {"message": "Count", "stream": True}
        with pair.admin.stream("POST", "/api/v1/chatbots/techpro/conversation", json=body) as reply:
            assert any("delta" in line for line in reply.iter_lines())
    entry = seen_to_end(pair.a)
    assert entry["clientClosedAt"] and entry["bytesSent"] < 200_000 and chats(pair.b) == []


def seen_to_end(fake):
    """The newest request, once it has ended: an event of the double's own, told by its log."""
    for _ in range(2000):
        entry = chats(fake)[-1]
        if entry["finishedAt"]:
            return entry
    raise AssertionError("the double still writes")
