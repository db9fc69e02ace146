# SPDX-License-Identifier: Apache-2.0
"""Idempotency-Key under /api/v1 (003-platform 1.1): done once, answered twice."""
import threading
import uuid

import pytest

from api.helpers import unique
from api.people import People
from api.test_conversation import Bot, fault
from api.test_conversation_stream import wait_for
from harness.sse import events


@pytest.fixture
def bot(site):
    return Bot(site, People(site))


def ask(bot, key, message="Hi there", client=None, **fields):
    return (client or bot.site.admin).post(f"{bot.path}/conversation", json={"message": message, **fields},
                                           headers={"Idempotency-Key": key} if key else {})


def turns(bot):
    return bot.rows("SELECT COUNT(*) FROM messages WHERE brand_id = ? AND role = 'user'", bot.brand.id)[0][0]


def replayed(reply):
    return reply.headers.get("idempotency-replayed") == "true"


def test_a_turn_is_done_once(bot):
    """003-platform#37"""
    key = unique("key")
    first, again = ask(bot, key), ask(bot, key)
    assert first.status_code == again.status_code == 200, again.text
    assert again.content == first.content and not replayed(first) and replayed(again)
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers["cache-control"] == "no-store"
    assert turns(bot) == 1
    fault(ask(bot, key, "Something else"), 409, "CONFLICT")
    assert turns(bot) == 1
    assert ask(bot, unique("key")).json()["conversationId"] != first.json()["conversationId"]
    assert not replayed(ask(bot, None)) and turns(bot) == 3


def test_a_key_is_of_its_caller_and_path(bot, site):
    key = unique("key")
    first = ask(bot, key)
    assert first.status_code == 200
    other = Bot(site, People(site))
    assert not replayed(ask(other, key)) and turns(other) == 1
    colleague = People(site).client(bot.brand)
    assert not replayed(ask(bot, key, client=colleague)) and turns(bot) == 2
    assert replayed(ask(bot, key)) and replayed(ask(bot, key, client=colleague)) and turns(bot) == 2


def test_what_was_refused_may_be_tried_again(bot):
    key = unique("key")
    fault(ask(bot, key, ""), 400)
    first = ask(bot, key)
    assert first.status_code == 200 and not replayed(first)
    for bad in ("x" * 256, "k y", ""):
        reply = bot.site.admin.post(f"{bot.path}/conversation", json={"message": "Hi"},
                                    headers={"Idempotency-Key": bad})
        assert reply.status_code == 400 and reply.json()["details"][0]["field"] == "Idempotency-Key", reply.text


def test_a_creation_is_done_once(bot):
    key, body = unique("key"), {"name": "Guide"}

    def make(body):
        return bot.site.admin.post(f"{bot.path}/personalities", json=body, headers={"Idempotency-Key": key})

    first, again = make(body), make(body)
    assert first.status_code == again.status_code == 201 and again.content == first.content and replayed(again)
    assert bot.site.admin.get(f"{bot.path}/personalities").json()["count"] == 1
    fault(make({"name": "Other"}), 409, "CONFLICT")


def test_visitors_share_a_key(bot):
    """With a chatbot's key it counts within the conversation that the request names, or has to be long."""
    client = People(bot.site).key_client(bot.brand)
    assert ask(bot, "1", client=client).status_code == 200
    assert not replayed(ask(bot, "1", client=client)) and turns(bot) == 2
    long = uuid.uuid4().hex
    ask(bot, long, client=client)
    assert replayed(ask(bot, long, client=client)) and turns(bot) == 3
    one, other = unique("s"), unique("s")
    for session in (one, other):
        assert not replayed(ask(bot, "1", client=client, sessionId=session))
        assert replayed(ask(bot, "1", client=client, sessionId=session))
    assert turns(bot) == 5


def test_replies_are_kept_encrypted(bot):
    message = "Secret-" + uuid.uuid4().hex
    key = unique("key")
    ask(bot, key, message)
    kept = bot.rows("SELECT reply, status FROM idempotency WHERE key = ?", key)
    assert len(kept) == 1 and kept[0][1] == 200 and message.encode() not in kept[0][0]


def test_two_at_the_same_moment_are_one(model):
    bot = Bot(model, People(model))
    model.llm.set(answer="count:10", firstDelayMs=300)
    key, replies = unique("key"), []
    clients = [model.client(model.server.token) for _ in range(2)]
    threads = [threading.Thread(target=lambda c=c: replies.append(ask(bot, key, client=c))) for c in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [r.status_code for r in replies] == [200, 200] and replies[0].content == replies[1].content
    assert sorted(replayed(r) for r in replies) == [False, True] and turns(bot) == 1
    assert len(model.llm.chats()) == 1, [r["path"] for r in model.llm.log()]


def test_a_stream_is_sent_again(model):
    bot = Bot(model, People(model))
    model.llm.set(answer="count:20", deltaDelayMs=2)
    key, client = unique("key"), model.server.client(model.server.token)

    def read():
        with client.stream("POST", f"{bot.path}/conversation", json={"message": "Go", "stream": True},
                           headers={"Idempotency-Key": key}) as reply:
            return replayed(reply), list(events(reply))

    first = read()
    wait_for(lambda: bot.rows("SELECT 1 FROM idempotency WHERE key = ? AND status = 200", key))
    again = read()
    assert (first[0], again[0]) == (False, True) and turns(bot) == 1
    assert first[1][0].json == again[1][0].json and first[1][-1].json == again[1][-1].json
    assert again[1][1].json["text"] == again[1][-1].json["response"]
    assert [e.id for e in again[1]] == ["1", "2", "3"]


def test_a_key_without_a_reply_does_nothing_twice(bot):
    """As a crash between the turn and its stored reply leaves it."""
    key = unique("key")
    ask(bot, key)
    with People(bot.site).rows() as database:
        database.execute("UPDATE idempotency SET status = NULL, headers = NULL, reply = NULL WHERE key = ?", (key,))
    reply = ask(bot, key)
    fault(reply, 409, "CONFLICT")
    assert reply.headers["retry-after"] == "1" and turns(bot) == 1


def test_after_a_day_it_is_forgotten(bot):
    key = unique("key")
    ask(bot, key)
    with People(bot.site).rows() as database:
        database.execute("UPDATE idempotency SET created_at = created_at - 86400000 WHERE key = ?", (key,))
    reply = ask(bot, key, "Something else")
    assert reply.status_code == 200 and not replayed(reply) and turns(bot) == 2
