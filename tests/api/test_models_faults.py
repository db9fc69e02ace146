# SPDX-License-Identifier: Apache-2.0
"""Rows of faults and deviations (upstream-llm 3, 4, 5) as a visitor meets them, over HTTP and over the socket: the
answer comes, once, and nothing tells who failed."""
import json
import sqlite3

import pytest

from api.pairs import forget, pair_site, turn_of

WHOLE = " ".join(f"w{i}" for i in range(1, 41))
BUSY = {"status": 500}

# name: (what A does with its requests, then always), does A's answer count, requests to A
ROWS = {
    "500 twice": ([BUSY, BUSY], {}, True, 3),  # upstream-llm#5
    "500 for ever": ([], BUSY, False, 3),
    "x-should-retry false": ([], {**BUSY, "shouldRetry": "false"}, False, 1),
    "html at 502": ([{"status": 502, "errorBody": "html"}], {}, True, 2),
    "429 with retry-after-ms": ([{"status": 429, "retryAfterMs": 300}], {}, True, 2),  # upstream-llm#6
    "429 with Retry-After": ([], {"status": 429, "retryAfter": "5"}, False, 1),
    "429 in words": ([{"status": 429, "errorBody": '{"error":{"message":"Retry after 1 seconds"}}'}], {}, True, 2),
    "529": ([], {"status": 529}, False, 1),
    "quota": ([], {"quota": 0}, False, 1),
    "401": ([], {"status": 401}, False, 1),
    "404": ([], {"status": 404}, False, 1),
    "loading": ([{"status": 503, "dialect": "llamacpp"}], {}, True, 2),
    "empty stream": ([], {"emptyStream": True}, False, 2),  # upstream-llm#4
    "html at 200": ([], {"html": True}, False, 2),
    "error text at 200": ([], {"status": 200, "dialect": "lmstudio", "cutAfter": 0, "cutHow": "errorData"}, False, 3),
    "garbage": ([], {"garbageAt": "0,0,0"}, False, 2),
    "redirect": ([], {"status": 302, "location": "http://127.0.0.1:9/"}, False, 2),  # upstream-llm#23
    "reset": ([{"noReply": "rst"}], {}, True, 2),
    "abort": ([], {"finish": "abort"}, False, 1),
    "refused stream_options": ([], {"refuse": ["stream_options"]}, True, 2),  # upstream-llm#16
    "refused max_tokens": ([], {"refuse": ["max_tokens"]}, True, 2),
    "refused temperature": ([], {"refuse": ["temperature"]}, True, 2),
    "refused system": ([], {"refuse": ["system"]}, True, 2),
    "no [DONE]": ([], {"noDone": True}, True, 1),  # upstream-llm#3
    "early [DONE]": ([], {"earlyDone": True}, True, 1),
    "empty finish reason": ([], {"emptyFinish": True}, True, 1),
    "null content": ([], {"nullContent": True}, True, 1),
    "parts": ([], {"partsContent": True}, True, 1),
    "no delta": ([], {"noDelta": True}, True, 1),
    "message": ([], {"messageDelta": True}, True, 1),
    "one block": ([], {"oneBlock": True}, True, 1),
    "json body": ([], {"jsonBody": True}, True, 1),
    "lines": ([], {"ndjson": True}, True, 1),
    "gzip": ([], {"gzip": True}, True, 1),
    "special end": ([], {"specialEnd": True}, True, 1),
    "reasoning field": ([], {"reasoning": "field:reasoning_content"}, True, 1),  # upstream-llm#18
    "reasoning tags in bytes": ([], {"reasoning": "tags", "split": 1}, True, 1),
    "closing tag alone": ([], {"reasoning": "closeTagOnly"}, True, 1),
    **{f"dialect {name}": ([], {"dialect": name, "split": 7, "comments": 3, "bom": True}, True, 1)  # upstream-llm#2
       for name in ("openai", "ollama", "llamacpp", "llamacpp-old", "vllm", "vllm-flat", "sglang", "lmstudio",
                    "azure")},
}


@pytest.fixture(scope="module")
def pair():
    with pair_site({"kind": "openai"}, {}) as site:
        yield site


def fresh(pair):
    forget(pair)
    pair.a.clear()
    pair.b.set(answer="count:40").clear()


def ask(pair, over, message="Count for me", conversation=None):
    fields = {"conversation_id": conversation} if conversation else {}
    return turn_of(pair, over, message, ("sk-test", "SECRET", "Rate limit"), **fields)


@pytest.mark.parametrize("over", ["http", "socket"])
@pytest.mark.parametrize("row", ROWS)
def test_rows(pair, row, over):
    first, always, counts, calls = ROWS[row]
    fresh(pair)
    pair.a.set(answer="count:40", **always)
    pair.a.queue(*first)
    text, metadata = ask(pair, over)
    assert text == WHOLE and metadata["mode"] == "model" and metadata["finish_reason"] == "stop"
    assert len(pair.a.chats()) == calls and len(pair.b.chats()) == (0 if counts else 1)
    if row.startswith("refused"):  # what was refused is not sent again
        ask(pair, over)
        assert len(pair.a.chats()) == calls + 1


@pytest.mark.parametrize("over", ["http", "socket"])
@pytest.mark.parametrize("knobs", [
    {"status": 400, "errorBody": '{"error":{"code":"content_filter","message":"no"}}'}, {"finish": "content_filter",
                                                                                       "answer": "script:[]"}])
def test_filtered(pair, knobs, over):
    """upstream-llm#20: the refusal, and nobody else is asked to say it."""
    fresh(pair)
    pair.a.set(**{"answer": "count:40", **knobs})
    text, metadata = ask(pair, over)
    assert text and "w1" not in text and metadata["finish_reason"] == "moderated"
    assert pair.b.chats() == []


@pytest.mark.parametrize("over", ["http", "socket"])
@pytest.mark.parametrize("how", ["400", "inStream"])
def test_a_window_is_learnt_from_its_fault(pair, over, how):
    """upstream-llm#14: one rebuilt request, then prompts fit at the first try."""
    fresh(pair)
    pair.a.set(answer="echo", ctx=f"2000:{how}")
    conversation = f"window-{over}-{how}"
    calls = []
    for number in range(6):
        message = f"question {number} " + "and so on " * 180
        text, _ = ask(pair, over, message, conversation)
        assert text.startswith(f"question {number} ")
        calls.append(len(pair.a.chats()))
        pair.a.clear()
    assert sorted(calls) == [1, 1, 1, 1, 1, 2] and pair.b.chats() == []


@pytest.mark.parametrize("how", ["400", "inStream", "noCount", "words"])
def test_a_tokenizer_that_makes_more_is_learnt(pair, how):
    """upstream-llm#14: a server that makes four tokens of each that is estimated refuses prompts that seem to fit. Its
    refusals are learnt from, with numbers or without, until the question comes through; nobody else is asked, as nobody
    else is there, and the next prompts fit at the first try."""
    fresh(pair)
    assert pair.admin.put("/api/v1/admin/llm/providers/badger", json={"enabled": False}).status_code == 200
    try:
        pair.a.set(answer="echo", ctx=f"3000:{how}", tokenFactor=4)
        conversation, calls = f"tokens-{how}", []
        for number in range(6):
            text, metadata = ask(pair, "http", f"question {number} " + "and so on " * 60, conversation)
            assert text.startswith(f"question {number} ") and metadata["mode"] == "model"
            calls.append(len(pair.a.chats()))
            pair.a.clear()
        refused = [n for n in calls if n > 1]
        if how in ("400", "inStream"):
            assert refused == [2], calls
        else:
            assert refused and max(refused) <= 5 and calls[-1] == 1, calls
    finally:
        assert pair.admin.put("/api/v1/admin/llm/providers/badger", json={"enabled": True}).status_code == 200


def test_nothing_is_short_enough(pair):
    """upstream-llm#14: a provider that refuses every prompt as too long gets one shorter prompt, then the next one is
    asked; where both do so, each gets a few more, and what was found is quoted."""
    fresh(pair)
    pair.a.set(answer="count:40", ctx="1:400")
    assert ask(pair, "http")[0] == WHOLE
    assert (len(pair.a.chats()), len(pair.b.chats())) == (2, 1)
    pair.a.clear()
    pair.b.set(ctx="1:words").clear()
    text, metadata = ask(pair, "http", "Which laptop is the lightest?")
    assert metadata["mode"] == "quoted" and metadata["reason"] == "all_failed" and "laptop" in text.lower()
    assert 3 <= len(pair.a.chats()) <= 7 and len(pair.b.chats()) <= 5


@pytest.mark.parametrize("mode", ["none", "end", "each", "late", "zeroPrompt", "xgroq"])
def test_usage(pair, mode):
    """upstream-llm#19: the same totals however they are told; estimated where they are not."""
    fresh(pair)
    pair.a.set(answer="count:40", usage="end")
    _, expected = ask(pair, "http")
    pair.a.set(answer="count:40", usage=mode)
    _, metadata = ask(pair, "http")
    if mode != "none":
        assert metadata["usage"]["completion_tokens"] == expected["usage"]["completion_tokens"] == 40
    if mode not in ("none", "zeroPrompt"):
        assert metadata["usage"] == expected["usage"]
    assert metadata["usage"]["total_tokens"] == sum(
        metadata["usage"][name] for name in ("prompt_tokens", "completion_tokens"))


def test_an_open_breaker_keeps_turns_away(pair):
    """upstream-llm#13: after five faulty turns in a row nobody asks A, over HTTP or over the socket."""
    fresh(pair)
    pair.a.set(status=500, shouldRetry="false")
    for number in range(5):
        assert ask(pair, "socket" if number % 2 else "http")[0] == WHOLE
    assert len(pair.a.chats()) == 5
    for over in ("http", "socket"):
        assert ask(pair, over)[0] == WHOLE
    assert len(pair.a.chats()) == 5


def test_connections_are_kept(pair):
    """upstream-llm#22: turns one after another share a connection; one that the server has closed is replaced."""
    fresh(pair)
    pair.a.set(answer="count:3")
    for number in range(20):
        ask(pair, "socket" if number % 2 else "http")
        if number == 10:
            pair.a.control({"closeIdle": True})
    assert len({e["connection"] for e in pair.a.log() if e["path"].endswith("/chat/completions")}) <= 3
    assert len(pair.a.chats()) == 20


def test_long_conversations_are_cut_to_the_window(pair):
    """upstream-llm#15: question, rules and the newest pairs are sent; all of it stays stored, and metadata tells."""
    fresh(pair)
    reply = pair.admin.put("/api/v1/admin/llm/providers/aardvark", json={"contextWindow": 3000})
    assert reply.status_code == 200, reply.text
    pair.a.set(answer="echo").clear()
    for number in range(9):
        message = f"question {number} " + "and so on " * 150
        ask(pair, "socket" if number % 2 else "http", message, "long-conversation")
    sent = pair.a.chats()
    assert len(sent) == 9
    users = [m["content"].split(" and")[0] for m in sent[-1]["messages"] if m["role"] == "user"]
    assert users[-1] == "question 8" and users[-2] == "question 7" and "question 0" not in users
    assert sent[-1]["messages"][0]["role"] == "system"
    assert len(pair.server.history("techpro", "long-conversation")) == 18
    with sqlite3.connect(pair.server.data / "parley.db") as database:
        raw, = database.execute("SELECT m.metadata FROM messages m JOIN conversations c ON c.brand_id = m.brand_id AND"
                                " c.id = m.conversation_id WHERE c.session_id = 'brand:long-conversation'"
                                " ORDER BY m.seq DESC LIMIT 1").fetchone()
    cut = json.loads(raw)["promptTruncated"]
    assert cut["pairs"] > 0 and (cut["message"], cut["system"]) == (False, False)
    pair.admin.put("/api/v1/admin/llm/providers/aardvark", json={"contextWindow": None})
