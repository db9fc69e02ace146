# SPDX-License-Identifier: Apache-2.0
"""Conversations with a chatbot under /api/v1 (003-platform 4): asking, reading, ending, rating, and who may."""
import re
import sqlite3
import threading
import uuid

import httpx
import pytest

from api.helpers import TIME, UUID, UUID4, unique
from api.people import People

SESSION = re.compile(r"sess_[0-9a-f]{32}")
METADATA = ["mode", "reason", "degraded", "answered", "finishReason", "intent", "sentiment", "language",
            "resolvedMessage", "references", "topic", "personalityId", "tools", "sources", "usage", "responseTime"]


@pytest.fixture
def people(site):
    return People(site)


class Bot:
    """A new brand's default chatbot, with one document; what callers do with it."""

    def __init__(self, site, people, **settings):
        self.site, self.people = site, people
        self.brand = site.brand(**settings)
        self.id = people.chatbot(self.brand)
        self.path = f"/api/v1/chatbots/{self.id}"

    def ask(self, message="How long is the warranty?", client=None, **fields):
        return (client or self.site.admin).post(f"{self.path}/conversation", json={"message": message, **fields})

    def say(self, *args, **fields):
        reply = self.ask(*args, **fields)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def history(self, client=None, **params):
        return (client or self.site.admin).get(f"{self.path}/conversation/history", params=params)

    def end(self, client=None, **body):
        return (client or self.site.admin).post(f"{self.path}/conversation/end", json=body)

    def rate(self, client=None, **body):
        return (client or self.site.admin).post(f"{self.path}/response-rating", json=body)

    def set(self, **columns):
        """Columns of the chatbot's row; the server hears of it as of any other process's commit."""
        with self.people.rows() as database:
            for name, value in columns.items():
                database.execute(f"UPDATE chatbots SET {name} = ? WHERE brand_id = ? AND id = ?",
                                 (value, self.brand.id, self.id))

    def rows(self, statement, *arguments):
        database = sqlite3.connect(f"file:{self.site.server.data / 'parley.db'}?mode=ro", uri=True, timeout=20)
        try:
            return database.execute(statement, arguments).fetchall()
        finally:
            database.close()

    def events(self):
        return self.rows("SELECT name, sequence, data FROM events WHERE brand_id = ? AND conversation_id IS NOT NULL"
                         " ORDER BY conversation_id, sequence", self.brand.id)


@pytest.fixture
def bot(site, people):
    return Bot(site, people, products=[{"id": "x2", "name": "Aurora X2", "description": "A lamp. The warranty is "
                                        "two-year.", "category": "Lamps", "price": 10, "features": [],
                                        "specifications": {}}])


def fault(reply, status, code="VALIDATION_ERROR", field=None):
    assert reply.status_code == status, reply.text
    body = reply.json()
    assert (body["status"], body["success"], body["code"]) == ("error", False, code)
    if field:
        assert body["details"][0]["field"] == field, body
    return body


def test_a_reply_has_its_exact_shape(bot):
    """003-platform#10: the members of 4.1 at the top and in data."""
    body = bot.say("Tell me about the Aurora X2", metadata={"page": "/lamps"})
    assert list(body) == ["status", "success", "conversationId", "sessionId", "message", "response", "timestamp",
                          "metadata", "data"]
    assert list(body["data"]) == ["conversationId", "sessionId", "userMessageId", "messageId", "message", "response",
                                  "timestamp", "metadata"]
    assert UUID4.fullmatch(body["conversationId"]) and SESSION.fullmatch(body["sessionId"])
    assert TIME.fullmatch(body["timestamp"])
    assert body["message"] == "Tell me about the Aurora X2" and "Aurora X2" in body["response"]
    assert list(body["metadata"]) == METADATA
    quoted = body["metadata"]
    assert (quoted["mode"], quoted["reason"], quoted["degraded"], quoted["answered"]) == ("quoted", "no_model", False,
                                                                                         True)
    assert quoted["intent"] is None and quoted["tools"] == [] and quoted["references"] == []
    assert list(quoted["sources"][0]) == ["documentId", "knowledgeBaseId", "title", "relevance"]
    assert quoted["usage"] == {"promptTokens": 0, "completionTokens": 0, "totalTokens": 0, "estimated": False}
    for name in ("conversationId", "sessionId", "message", "response", "timestamp", "metadata"):
        assert body["data"][name] == body[name]
    assert UUID.fullmatch(body["data"]["messageId"]) and UUID.fullmatch(body["data"]["userMessageId"])


def test_a_session_goes_on(bot):
    """003-platform#10: the second call is the same conversation, its history has four messages, oldest first."""
    first = bot.say("Tell me about the Aurora X2", metadata={"page": "/lamps"})
    second = bot.say("What does it cost?", sessionId=first["sessionId"])
    assert second["conversationId"] == first["conversationId"]
    for params in ({"sessionId": first["sessionId"]}, {"conversationId": first["conversationId"]}):
        data = bot.history(**params).json()["data"]
        assert data["id"] == first["conversationId"] and data["chatbotId"] == bot.id
        assert data["userId"] == data["sessionId"] == first["sessionId"]
        assert data["endedAt"] is None and data["hasMore"] is False and data["context"] == {}
        messages = data["messages"]
        assert [m["sender"] for m in messages] == ["user", "bot", "user", "bot"]
        assert [m["role"] for m in messages] == ["user", "assistant", "user", "assistant"]
        assert messages[0]["metadata"] == {"page": "/lamps"} and messages[1]["metadata"] == first["metadata"]
        assert messages[1]["id"] == first["data"]["messageId"] and messages[1]["text"] == first["response"]
        assert messages[1]["content"] == messages[1]["text"] and messages[1]["rating"] is None
    page = bot.history(sessionId=first["sessionId"], limit=1).json()["data"]
    assert page["hasMore"] is True and [m["id"] for m in page["messages"]] == [second["data"]["messageId"]]
    page = bot.history(sessionId=first["sessionId"], limit=3, before=second["data"]["userMessageId"]).json()["data"]
    assert [m["id"] for m in page["messages"]] == [first["data"]["userMessageId"], first["data"]["messageId"]]


def test_history_needs_to_know_which(bot, site, people):
    """003-platform#11"""
    other = Bot(site, people)
    there = other.say("Hi")
    assert fault(bot.history(), 400)["message"] == "Either sessionId or conversationId is required"
    fault(bot.history(conversationId=there["conversationId"]), 404, "NOT_FOUND")
    fault(bot.history(conversationId="no-id"), 404, "NOT_FOUND")
    fault(bot.history(sessionId="never"), 404, "NOT_FOUND")
    fault(bot.history(sessionId="x", limit=0), 400, field="limit")
    fault(bot.ask("Hi", conversationId=there["conversationId"]), 404, "NOT_FOUND")
    fault(bot.ask("Hi", conversationId=str(uuid.uuid4())), 404, "NOT_FOUND")


@pytest.mark.parametrize("body, field", [
    ({"message": ""}, "message"), ({}, "message"), ({"message": "x" * 4001}, "message"), ({"message": 7}, "message"),
    ({"message": "\u0000\u0007 "}, "message"), ({"message": "x", "sessionId": "brand:x"}, "sessionId"),
    ({"message": "x", "sessionId": "session_x"}, "sessionId"), ({"message": "x", "sessionId": "s" * 256}, "sessionId"),
    ({"message": "x", "context": []}, "context"), ({"message": "x", "metadata": "m"}, "metadata"),
    ({"message": "x", "metadata": {"m": "x" * 17000}}, "metadata"), ({"message": "x", "stream": "yes"}, "stream"),
    ({"message": "x", "context": {f"k{i}": 1 for i in range(101)}}, "context"),
    ({"message": "x", "personalityId": "p1"}, "personalityId"), ({"message": "x", "colour": "red"}, "colour"),
])
def test_input_is_held_to_its_limits(bot, site, body, field):
    """003-platform#11"""
    fault(site.admin.post(f"{bot.path}/conversation", json=body), 400, field=field)
    assert bot.rows("SELECT COUNT(*) FROM conversations WHERE brand_id = ?", bot.brand.id) == [(0,)]


def test_a_message_is_cleaned_and_not_trimmed(bot):
    body = bot.say(" one\u0000\u0007 two\n")
    assert body["message"] == " one two\n"
    assert len(bot.say("x" * 4000)["message"]) == 4000


def test_a_user_stays(bot):
    """003-platform#11: another userId in the same session is a conflict; the first that is given stays."""
    session = bot.say("Hi", sessionId=unique("s"))["sessionId"]
    bot.say("Hi", sessionId=session, userId="ana")
    bot.say("Hi", sessionId=session)
    bot.say("Hi", sessionId=session, userId="ana")
    fault(bot.ask("Hi", sessionId=session, userId="ben"), 409, "CONFLICT")
    data = bot.history(sessionId=session).json()["data"]
    assert data["userId"] == "ana" and len(data["messages"]) == 8


def test_two_names_must_agree(bot):
    one, other = bot.say("Hi"), bot.say("Hi")
    same = bot.say("Hi", sessionId=one["sessionId"], conversationId=one["conversationId"])
    assert same["conversationId"] == one["conversationId"]
    fault(bot.ask("Hi", sessionId=other["sessionId"], conversationId=one["conversationId"]), 400, field="sessionId")
    fault(bot.ask("Hi", sessionId="new", conversationId=one["conversationId"]), 400, field="sessionId")
    fault(bot.end(sessionId=other["sessionId"], conversationId=one["conversationId"]), 400, field="sessionId")
    assert bot.history(sessionId=one["sessionId"]).json()["data"]["endedAt"] is None


def test_context_is_kept_and_merged(bot):
    session = bot.say("Hi", context={"plan": "pro", "seats": 3})["sessionId"]
    bot.say("Hi", sessionId=session, context={"seats": 4.50, "city": "Bergen"})
    assert bot.history(sessionId=session).json()["data"]["context"] == {"plan": "pro", "seats": 4.5, "city": "Bergen"}


def test_an_inactive_chatbot_answers_nobody(bot, site):
    """003-platform#11: and that is said before the body is looked at."""
    key = People(site).key_client(bot.brand)
    bot.say("Hi", client=key)
    bot.set(status="inactive")
    assert await_status(lambda: bot.ask("Hi", client=key), 403)
    fault(bot.ask("", client=key), 403, "CHATBOT_INACTIVE")
    bot.set(status="active", channels_off='["api"]')
    assert await_status(lambda: bot.ask("Hi"), 403, "CHANNEL_DISABLED")
    assert bot.ask("Hi", client=site.client(site.server.token, origin="http://localhost:9")).status_code == 200


def await_status(call, status, code=None):
    """A row that a test wrote counts at the latest when the server has heard of the commit."""
    for _ in range(200):
        reply = call()
        if reply.status_code == status and (code is None or reply.json()["code"] == code):
            return True
    return False


def test_origins_of_a_chatbot(bot, site):
    key = People(site).chatbot_key(bot.brand)
    shop, other = site.client(key, origin="https://www.shop.example"), site.client(key, origin="https://evil.example")
    reply = bot.ask("Hi", client=other)
    assert reply.status_code == 200 and reply.headers["access-control-allow-origin"] == "https://evil.example"
    bot.brand.configure(chat_settings={"allowed_domains": ["shop.example"]})
    reply = bot.ask("Hi", client=shop)
    assert reply.status_code == 200 and reply.headers["access-control-allow-origin"] == "https://www.shop.example"
    reply = bot.ask("Hi", client=other)
    fault(reply, 403, "FORBIDDEN")
    assert "access-control-allow-origin" not in reply.headers
    assert bot.ask("Hi", client=site.client(key)).status_code == 200
    reply = site.anon.request("OPTIONS", f"{bot.path}/conversation", headers={
        "origin": "https://evil.example", "access-control-request-method": "POST"})
    assert reply.status_code == 204 and "Idempotency-Key" in reply.headers["access-control-allow-headers"]


def test_who_reaches_which_conversation(bot, site, people):
    """Who sees a chatbot but may not change it reaches only what they began; a key reaches what it can name."""
    member = people.client(bot.brand, "user")
    fault(bot.ask("Hi", client=member), 404, "NOT_FOUND")
    bot.set(is_public=1)
    assert await_status(lambda: bot.ask("Hi", client=member), 200)
    mine, theirs = bot.say("Hi", client=member), bot.say("Hi")
    assert bot.history(member, sessionId=mine["sessionId"]).status_code == 200
    for name in ({"sessionId": theirs["sessionId"]}, {"conversationId": theirs["conversationId"]}):
        fault(bot.history(member, **name), 404, "NOT_FOUND")
        fault(bot.end(member, **name), 404, "NOT_FOUND")
        fault(bot.rate(member, rating="positive", **name), 404, "NOT_FOUND")
        fault(bot.ask("Hi", client=member, **name), 404, "NOT_FOUND")
    assert len(bot.history(sessionId=theirs["sessionId"]).json()["data"]["messages"]) == 2
    key = people.key_client(bot.brand)
    assert bot.history(key, sessionId=theirs["sessionId"]).status_code == 200
    shop = bot.brand.say("Hello", conversation_id="c-1")
    row, = bot.rows("SELECT id FROM conversations WHERE brand_id = ? AND session_id = 'brand:c-1'", bot.brand.id)
    assert shop and bot.history(conversationId=row[0]).json()["data"]["sessionId"] == "brand:c-1"
    fault(bot.history(key, conversationId=row[0]), 404, "NOT_FOUND")
    fault(bot.history(member, conversationId=row[0]), 404, "NOT_FOUND")
    stranger = people.client(site.brand(), "admin")
    fault(bot.ask("Hi", client=stranger), 404, "NOT_FOUND")
    assert bot.ask("Hi", client=site.anon).status_code == 401
    assert bot.ask("Hi", client=people.key_client(site.brand())).status_code == 401


def test_ending_and_reopening(bot):
    first = bot.say("Hi", userId="ana")
    reply = bot.end(conversationId=first["conversationId"])
    assert reply.status_code == 200, reply.text
    data = reply.json()["data"]
    assert data["conversationId"] == first["conversationId"] and data["reason"] == "explicit"
    assert TIME.fullmatch(data["endedAt"])
    assert bot.end(sessionId=first["sessionId"]).json()["data"]["endedAt"] == data["endedAt"]
    assert bot.history(sessionId=first["sessionId"]).json()["data"]["endedAt"] == data["endedAt"]
    assert bot.say("Again", sessionId=first["sessionId"])["conversationId"] == first["conversationId"]
    assert bot.history(sessionId=first["sessionId"]).json()["data"]["endedAt"] is None
    fault(bot.end(), 400)
    fault(bot.end(sessionId="never"), 404, "NOT_FOUND")


def test_events_of_a_conversation_are_in_order(bot):
    """Events and their places are written with what they tell of (003-platform 14.2)."""
    import json
    first = bot.say("Hi there", userId="ana", metadata={"page": 1})
    bot.end(conversationId=first["conversationId"])
    bot.say("Again", sessionId=first["sessionId"])
    bot.rate(sessionId=first["sessionId"], rating="neutral", comment="so so")
    events = [(name, sequence, json.loads(data)) for name, sequence, data in bot.events()]
    assert [e[0] for e in events] == ["conversation.started", "message.received", "message.sent", "conversation.ended",
                                      "conversation.started", "message.received", "message.sent", "response.rated"]
    assert [e[1] for e in events] == list(range(1, 9))
    started, received, sent, ended, again = (e[2] for e in events[:5])
    for data in (started, received, sent, ended):
        assert data["chatbotId"] == bot.id and data["sessionId"] == first["sessionId"] and data["userId"] == "ana"
        assert data["channel"] == "api"
    assert started["id"] == first["conversationId"] and started["reopened"] is False and again["reopened"] is True
    assert received["id"] == first["data"]["userMessageId"] and received["content"] == "Hi there"
    assert received["metadata"] == {"page": 1} and received["conversationId"] == first["conversationId"]
    assert sent["inReplyTo"] == received["id"] and sent["id"] == first["data"]["messageId"]
    assert sent["mode"] == "quoted" and sent["answered"] is True and sent["intent"] is None
    assert sent["content"] == first["response"] and isinstance(sent["responseTime"], int)
    assert (ended["reason"], ended["messageCount"]) == ("explicit", 2)
    assert events[7][2]["rating"] == "neutral" and events[7][2]["comment"] == "so so"


def test_a_long_message_is_cut_in_its_event(model):
    """`content` is cut at 10000 characters."""
    import json
    bot = Bot(model, People(model))
    model.llm.set(answer="fixed:" + "a" * 12000)
    bot.say("Write much")
    data = json.loads(bot.events()[2][2])
    assert len(data["content"]) == 10000 and data["truncated"] is True


def test_rating_again_changes_the_rating(bot):
    """003-platform#13, without its learning items: one rating a message and person, of the stored message."""
    first = bot.say("Hi", userId="ana")
    one = bot.rate(sessionId=first["sessionId"], rating="negative", response="Invented", query="Invented").json()
    assert one["data"]["messageId"] == first["data"]["messageId"] and one["data"]["comment"] is None
    two = bot.rate(conversationId=first["conversationId"], messageId=first["data"]["messageId"], rating="positive",
                   comment="fine").json()["data"]
    assert two["id"] == one["data"]["id"] and two["createdAt"] == one["data"]["createdAt"]
    assert (two["rating"], two["comment"]) == ("positive", "fine")
    assert bot.rows("SELECT type, user_label, learned FROM feedback WHERE brand_id = ?", bot.brand.id) == [
        ("helpful", "ana", 0)]
    messages = bot.history(sessionId=first["sessionId"]).json()["data"]["messages"]
    assert [m["rating"] for m in messages] == [None, "positive"]
    assert bot.rate(sessionId=first["sessionId"], rating="neutral", userId="ben").json()["data"]["id"] != two["id"]


def test_what_cannot_be_rated(bot):
    first, other = bot.say("Hi"), bot.say("Hi")
    session = first["sessionId"]
    fault(bot.rate(rating="positive"), 400)
    fault(bot.rate(sessionId=session), 400, field="rating")
    fault(bot.rate(sessionId=session, rating="good"), 400, field="rating")
    fault(bot.rate(sessionId="never", rating="positive"), 404, "NOT_FOUND")
    for message in (first["data"]["userMessageId"], other["data"]["messageId"], str(uuid.uuid4())):
        fault(bot.rate(sessionId=session, messageId=message, rating="positive"), 400, field="messageId")


def test_answered(bot, model):
    """metadata.answered by the rule of 4.1."""
    assert bot.say("Hello there")["metadata"]["answered"] is True  # small talk
    assert bot.say("Is the moon hollow?")["metadata"]["answered"] is False
    other = Bot(model, People(model))
    assert other.say("Is the moon hollow?")["metadata"]["answered"] is False


def test_a_failing_model_is_no_error(model):
    bot = Bot(model, People(model))
    model.llm.set(status=500)
    body = bot.say("Is the moon hollow?")
    assert body["response"] and body["metadata"]["finishReason"] == "error"
    assert body["metadata"]["degraded"] is True and body["metadata"]["answered"] is False
    assert bot.rows("SELECT status FROM messages WHERE brand_id = ? AND role = 'assistant'", bot.brand.id) == [
        ("failed",)]


# ---- personality -----------------------------------------------------------------------------------------------------


def test_the_personality_stands_behind_the_system_prompt(model):
    """003-platform#15, second half: right after the system prompt, from the next turn on."""
    from api.test_personalities import COACH, COACH_LINES
    people = People(model)
    bot = Bot(model, people)
    prompt, = bot.rows("SELECT system_prompt FROM chatbots WHERE brand_id = ? AND id = ?", bot.brand.id, bot.id)

    def system(**fields):
        model.llm.clear()
        body = bot.say("Hi", **fields)
        return model.llm.log()[-1]["body"]["messages"][0]["content"], body["metadata"]["personalityId"]

    before, none = system()
    assert none is None and "Personality:" not in before and before.startswith(prompt[0])
    coach = model.admin.post(f"{bot.path}/personalities", json={**COACH, "isDefault": True}).json()["data"]
    other = model.admin.post(f"{bot.path}/personalities", json={"name": "Plain"}).json()["data"]
    text, shown = system()
    assert shown == coach["id"]
    assert text.startswith(prompt[0] + "\n\n") and COACH_LINES + "\n\n" in text
    assert text.replace(COACH_LINES + "\n\n", "") == before
    text, shown = system(personalityId=other["id"])
    assert shown == other["id"] and "Personality: Plain" in text and "Coach" not in text
    foreign = Bot(model, people)
    fault(foreign.ask("Hi", personalityId=other["id"]), 400, field="personalityId")
    model.admin.delete(f"/api/v1/personalities/{coach['id']}")
    assert "Personality: Plain" in system()[0]


# ---- order, waiting, limits ------------------------------------------------------------------------------------------


def test_turns_of_one_session_run_one_after_another(model):
    bot = Bot(model, People(model))
    model.llm.set(answer="count:5", deltaDelayMs=30)
    session, replies = unique("s"), []

    def ask(i):
        with httpx.Client(base_url=model.url, headers={"Authorization": f"Bearer {model.server.token}"}) as client:
            replies.append(bot.say(f"Question {i}", client=client, sessionId=session))

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({r["conversationId"] for r in replies}) == 1
    messages = bot.history(sessionId=session).json()["data"]["messages"]
    assert [m["sender"] for m in messages] == ["user", "bot"] * 3


def test_a_slug_names_the_chatbot_too(bot, site):
    slug, = bot.rows("SELECT slug FROM chatbots WHERE brand_id = ? AND id = ?", bot.brand.id, bot.id)
    first = bot.say("Hi")
    reply = site.admin.get(f"/api/v1/chatbots/{slug[0]}/conversation/history", params={"sessionId": first["sessionId"]})
    assert reply.status_code == 200, reply.text


def test_the_limit_counts_conversation_calls_of_a_caller():
    """003-platform#8: 61 calls of the class, whichever they are, and the last is refused; others are not."""
    from api.fixtures import running
    with running({"limits.conversation": 60}) as site:
        people = People(site)
        bot = Bot(site, people)
        session = bot.say("Hi")["sessionId"]
        for _ in range(57):
            assert bot.history(sessionId=session).status_code == 200
        assert bot.rate(sessionId=session, rating="positive").status_code == 200
        last = bot.end(sessionId=session)
        assert last.status_code == 200 and last.headers["x-ratelimit-remaining"] == "0"
        assert last.headers["ratelimit-policy"] == '"conversation";q=60;w=60'
        reply = bot.ask("Hi")
        fault(reply, 429, "RATE_LIMIT_EXCEEDED")
        assert int(reply.headers["retry-after"]) >= 1
        other = Bot(site, people)
        assert other.ask("Hi").status_code == 200
        assert bot.ask("Hi", client=people.key_client(bot.brand)).status_code == 200
