# SPDX-License-Identifier: Apache-2.0
"""Conversations answered as server-sent events (003-platform 4.1, Streaming)."""
import json
import threading
import time

import pytest

from api.helpers import unique
from api.people import People
from api.test_conversation import Bot, fault
from harness.sse import events


@pytest.fixture
def bot(model):
    return Bot(model, People(model))


def stream(bot, message="Say something", **fields):
    client = bot.site.server.client(bot.site.server.token)  # one that does not read a reply before it gives it
    return client.stream("POST", f"{bot.path}/conversation", json={"message": message, "stream": True, **fields})


def read(bot, *args, **fields):
    with stream(bot, *args, **fields) as reply:
        assert reply.status_code == 200, reply.read()
        assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert reply.headers["x-accel-buffering"] == "no" and reply.headers["cache-control"] == "no-store"
        return list(events(reply))


def test_a_stream_is_the_reply_in_pieces(bot):
    """003-platform#12"""
    bot.site.llm.set(answer="count:40", deltaDelayMs=2)
    seen = read(bot)
    assert [e.event for e in seen][0] == "start" and [e.event for e in seen][-1] == "complete"
    assert {e.event for e in seen[1:-1]} == {"delta"}
    assert [e.id for e in seen] == [str(i + 1) for i in range(len(seen))]
    start, complete = seen[0].json, seen[-1].json
    assert set(start) == {"conversationId", "sessionId", "userMessageId", "messageId"}
    assert all(complete["data"][name] == start[name] for name in start)
    text = "".join(e.json["text"] for e in seen[1:-1])
    assert text == complete["response"] == complete["data"]["response"] and "w40" in text
    assert complete["metadata"]["mode"] == "model" and complete["metadata"]["finishReason"] == "stop"
    stored = bot.history(conversationId=start["conversationId"]).json()["data"]["messages"]
    assert stored[1]["text"] == text and stored[1]["metadata"] == complete["metadata"]


def test_a_quoted_answer_is_streamed_too(site):
    bot = Bot(site, People(site))
    seen = read(bot, "Hello there")
    assert [e.event for e in seen] == ["start", "delta", "complete"]
    assert seen[1].json["text"] == seen[2].json["response"]


def test_a_long_answer_comes_whole(bot):
    """Longer than any single read or event."""
    bot.site.llm.set(answer="fixed:" + "ä\"\n" * 60000)
    seen = read(bot)
    assert "".join(e.json["text"] for e in seen[1:-1]) == seen[-1].json["response"] == "ä\"\n" * 60000


def test_errors_before_the_start_are_ordinary_replies(bot):
    with stream(bot, "") as reply:
        reply.read()
        fault(reply, 400, field="message")
    session = bot.say("Hi", userId="ana", sessionId=unique("s"))["sessionId"]
    with stream(bot, "Hi", sessionId=session, userId="ben") as reply:
        reply.read()
        fault(reply, 409, "CONFLICT")


def test_a_client_that_goes_away_cancels(bot):
    """What was sent is stored as interrupted, and the model's connection is closed."""
    bot.site.llm.set(answer="count:2000", deltaDelayMs=20)
    with stream(bot) as reply:
        got = events(reply)
        start = next(got).json
        first = next(got)
    assert first.event == "delta"
    message = wait_for(lambda: [m for m in bot.rows(
        "SELECT status, finish_reason, content FROM messages WHERE brand_id = ? AND id = ?", bot.brand.id,
        start["messageId"]) if m[0] != "running"])[0]
    assert message[:2] == ("interrupted", "cancelled")
    assert message[2].startswith(first.json["text"])
    assert wait_for(lambda: bot.site.llm.log()[-1].get("clientClosedAt"))
    shown = bot.history(conversationId=start["conversationId"]).json()["data"]["messages"][1]
    assert shown["metadata"]["finishReason"] == "cancelled" and shown["metadata"]["answered"] is None


def test_a_plain_client_that_goes_away_cancels(bot):
    bot.site.llm.set(answer="count:2000", deltaDelayMs=20)
    body = json.dumps({"message": "Count"}).encode()
    with bot.site.server.raw() as sock:
        sock.send(f"POST {bot.path}/conversation HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
                  f"{bot.site.server.token}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        assert wait_for(lambda: bot.site.llm.log())
    message = wait_for(lambda: [m for m in bot.rows("SELECT status, finish_reason FROM messages WHERE brand_id = ? "
                                                    "AND role = 'assistant'", bot.brand.id) if m[0] != "running"])[0]
    assert message == ("interrupted", "cancelled")


def test_a_stream_waits_for_the_turn_before_it(bot):
    bot.site.llm.set(answer="count:10", deltaDelayMs=30)
    session, seen = unique("s"), []
    bot.say("First", sessionId=session)
    one = threading.Thread(target=lambda: seen.append(bot.say("Second", sessionId=session)))
    one.start()
    wait_for(lambda: len(bot.site.llm.log()) == 2)
    third = read(bot, "Third", sessionId=session)
    one.join()
    messages = bot.history(sessionId=session).json()["data"]["messages"]
    assert [m["text"] for m in messages if m["sender"] == "user"] == ["First", "Second", "Third"]
    assert third[-1].json["conversationId"] == seen[0]["conversationId"]


def wait_for(look, seconds=20):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.01)
    raise AssertionError("it did not happen")
