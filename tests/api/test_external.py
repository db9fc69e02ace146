# SPDX-License-Identifier: Apache-2.0
"""The external API family (003-platform 15): chatbots, conversations and turns of older integrations."""
import uuid

import pytest

from api.fixtures import running
from api.helpers import TIME, UUID, UUID4, unique
from api.people import People
from api.test_conversation import METADATA, Bot

BASES = ("/api/external/v1", "/api/external")


@pytest.fixture
def people(site):
    return People(site)


@pytest.fixture
def bot(site, people):
    return Bot(site, people)


@pytest.fixture
def mine(bot, people):
    """A user of the bot's brand, by the user's own key."""
    return people.client(bot.brand)


def data(reply, status=200):
    assert reply.status_code == status, reply.text
    body = reply.json()
    assert body["success"] is True and "status" not in body
    return body["data"]


def refused(reply, status, code):
    assert reply.status_code == status, reply.text
    body = reply.json()
    assert body["success"] is False and set(body) == {"success", "error"}
    assert set(body["error"]) == {"code", "message", "details"} and body["error"]["code"] == code
    return body["error"]


def begin(client, bot=None, base=BASES[0], **fields):
    body = {**({"chatbotId": bot.id} if bot else {}), **fields}
    return data(client.post(f"{base}/conversations", json=body), 201)


def say(client, conversation, content="hi", base=BASES[0], **fields):
    return data(client.post(f"{base}/conversations/{conversation}/messages", json={"content": content, **fields}), 201)


def messages(client, conversation, **params):
    return data(client.get(f"{BASES[0]}/conversations/{conversation}/messages", params=params))


# ---- versions and chatbots ------------------------------------------------------------------------------------------


def test_versions(site):
    reply = site.anon.get("/api/external")
    assert reply.status_code == 200
    assert reply.json() == {"versions": [{"version": "v1", "status": "stable", "url": f"{site.url}/api/external/v1"}],
                            "latest": "v1", "current": "v1"}


@pytest.mark.parametrize("base", BASES)
def test_chatbots(site, people, bot, mine, base):
    """Those that the caller may talk with: a member of the brand the public ones, a key its own."""
    other = Bot(site, people)
    bot.set(is_public=1)
    member = people.client(bot.brand, "user")
    key = people.key_client(bot.brand)
    for client in (mine, member, key):
        reply = client.get(f"{base}/chatbots")
        one, = data(reply)
        assert list(one) == ["id", "name", "description", "avatar", "isPublic", "createdAt", "updatedAt"]
        assert one["id"] == bot.id and one["isPublic"] is True and TIME.fullmatch(one["createdAt"])
        body = reply.json()
        assert [body[name] for name in ("count", "total", "page", "pages")] == [1, 1, 1, 1]
        whole = data(client.get(f"{base}/chatbots/{bot.id}"))
        assert whole == {**one, "personality": None, "capabilities": ["text", "knowledge"]}
    assert data(mine.get(f"{base}/chatbots", params={"page": 2})) == []
    assert data(key.get(f"{base}/chatbots", params={"page": 2})) == []
    refused(mine.get(f"{base}/chatbots/{other.id}"), 404, "NOT_FOUND")
    refused(key.get(f"{base}/chatbots/{other.id}"), 401, "UNAUTHORIZED")
    bot.set(is_public=0)
    assert data(member.get(f"{base}/chatbots")) == []
    refused(member.get(f"{base}/chatbots/{bot.id}"), 404, "NOT_FOUND")
    refused(site.anon.get(f"{base}/chatbots"), 401, "UNAUTHORIZED")
    refused(mine.get(f"{base}/chatbots", params={"limit": 0}), 400, "VALIDATION_ERROR")


def test_the_personality_of_a_chatbot(site, bot, mine):
    made = site.admin.post(f"{bot.path}/personalities", json={"name": "Coach", "isDefault": True}).json()["data"]
    shown = data(mine.get(f"{BASES[0]}/chatbots/{bot.id}"))["personality"]
    assert shown["id"] == made["id"] and shown["name"] == "Coach"


# ---- conversations --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("who", ["user key", "access token", "chatbot key"])
def test_a_conversation_and_a_turn(site, people, bot, who, base):
    """003-platform#38: a conversation, then a message: 201 with both messages of the turn."""
    client = {"user key": lambda: people.client(bot.brand), "chatbot key": lambda: people.key_client(bot.brand),
              "access token": lambda: site.client(people.token(people.user(bot.brand)))}[who]()
    made = begin(client, bot, base, metadata={"order": 7})
    assert list(made) == ["id", "chatbotId", "title", "createdAt", "updatedAt"]
    assert UUID4.fullmatch(made["id"]) and made["chatbotId"] == bot.id and made["title"] is None
    turn = say(client, made["id"], "hi", base, metadata={"page": "home"})
    assert list(turn) == ["userMessage", "botMessage"]
    asked, answered = turn["userMessage"], turn["botMessage"]
    for message, sender in ((asked, "user"), (answered, "bot")):
        assert list(message) == ["id", "sender", "content", "type", "metadata", "createdAt"]
        assert UUID.fullmatch(message["id"]) and TIME.fullmatch(message["createdAt"])
        assert (message["sender"], message["type"]) == (sender, "text")
    assert asked["content"] == "hi" and asked["metadata"] == {"page": "home"}
    assert answered["content"] and list(answered["metadata"]) == METADATA
    assert messages(client, made["id"]) == [asked, answered]
    one = data(client.get(f"{base}/conversations/{made['id']}"))
    last = {"sender": "bot", "content": answered["content"], "timestamp": answered["createdAt"]}
    assert one == {**made, "title": "hi", "lastMessage": last, "updatedAt": one["updatedAt"],
                   "chatbotName": one["chatbotName"], "chatbotAvatar": None, "metadata": {"order": 7}}
    listed, = data(client.get(f"{base}/conversations"))
    assert listed == {key: one[key] for key in ("id", "chatbotId", "title", "lastMessage", "createdAt", "updatedAt")}
    assert [name for name, _, _ in bot.events()] == ["conversation.started", "message.received", "message.sent"]
    assert [sequence for _, sequence, _ in bot.events()] == [1, 2, 3]


def test_a_key_needs_not_name_its_chatbot(people, bot, mine):
    key = people.key_client(bot.brand)
    assert begin(key)["chatbotId"] == bot.id
    assert data(key.post(f"{BASES[0]}/conversations"), 201)["chatbotId"] == bot.id
    error = refused(mine.post(f"{BASES[0]}/conversations", json={}), 400, "VALIDATION_ERROR")
    assert error["details"][0]["field"] == "chatbotId" and error["details"][0]["code"] == "required"
    refused(key.post(f"{BASES[0]}/conversations", json={"chatbotId": str(uuid.uuid4())}), 401, "UNAUTHORIZED")
    slug, = bot.rows("SELECT slug FROM chatbots WHERE brand_id = ? AND id = ?", bot.brand.id, bot.id)
    for client in (key, mine):
        assert begin(client, chatbotId=slug[0])["chatbotId"] == bot.id


def test_conversations_of_others(site, people, bot, mine):
    """003-platform#38: another user's, a key's, another brand's: 404 in the form of error.code; also after a move."""
    key, colleague = people.key_client(bot.brand), people.client(bot.brand)
    other = Bot(site, people)
    stranger, strange_key = people.client(other.brand), people.key_client(other.brand)
    own, by_key = begin(mine, bot)["id"], begin(key)["id"]
    on_the_page = bot.say("Hi", client=key)["conversationId"]  # a visitor's, with the same key
    callers = {own: (colleague, key, stranger, strange_key, site.admin),
               by_key: (mine, colleague, stranger, strange_key, site.admin),
               on_the_page: (key, mine), str(uuid.uuid4()): (mine, key), "x": (mine, key), "%00": (mine, key)}
    for conversation, clients in callers.items():
        for client in clients:
            path = f"{BASES[0]}/conversations/{conversation}"
            refused(client.get(path), 404, "NOT_FOUND")
            refused(client.get(f"{path}/messages"), 404, "NOT_FOUND")
            refused(client.post(f"{path}/messages", json={"content": "hi"}), 404, "NOT_FOUND")
    refused(stranger.post(f"{BASES[0]}/conversations", json={"chatbotId": bot.id}), 404, "NOT_FOUND")
    refused(strange_key.post(f"{BASES[0]}/conversations", json={"chatbotId": bot.id}), 401, "UNAUTHORIZED")
    refused(stranger.get(f"{BASES[0]}/conversations", params={"chatbotId": bot.id}), 404, "NOT_FOUND")
    refused(stranger.get(f"{BASES[0]}/conversations", headers={"X-Brand-Id": bot.brand.id}), 404, "NOT_FOUND")
    for bad in ("x", "%ff", "x" * 65):
        reply = mine.get(f"{BASES[0]}/conversations?chatbotId={bad}")
        refused(reply, 404, "NOT_FOUND")
    refused(site.anon.get(f"{BASES[0]}/conversations"), 401, "UNAUTHORIZED")
    assert data(stranger.get(f"{BASES[0]}/conversations")) == []
    assert [one["id"] for one in data(mine.get(f"{BASES[0]}/conversations"))] == [own]
    assert [one["id"] for one in data(key.get(f"{BASES[0]}/conversations"))] == [by_key]


def test_who_left_the_brand_reaches_nothing(people, bot):
    email = people.user(bot.brand)
    client = people.site.client(people.user_key(email))
    own = begin(client, bot)["id"]
    people.leave(email)
    refused(client.get(f"{BASES[0]}/conversations/{own}"), 404, "NOT_FOUND")


def test_the_newest_activity_comes_first(site, people, bot, mine):
    """Also turns of /api/v1 are a user's own; a member of two brands finds them all by id."""
    first, second = begin(mine, bot)["id"], begin(mine, bot)["id"]
    third = bot.say("Hi", client=mine)["conversationId"]
    say(mine, first)
    reply = mine.get(f"{BASES[0]}/conversations", params={"limit": 2})
    assert [one["id"] for one in data(reply)] == [first, third]
    body = reply.json()
    assert [body[name] for name in ("count", "total", "page", "pages")] == [2, 3, 1, 2]
    assert [one["id"] for one in data(mine.get(f"{BASES[0]}/conversations", params={"limit": 2, "page": 2}))] == [
        second]
    assert data(mine.get(f"{BASES[0]}/conversations", params={"chatbotId": bot.id, "page": 9})) == []
    assert messages(mine, third)[0]["content"] == "Hi"
    email, away = people.user(bot.brand), Bot(site, people)
    people.join(email, away.brand, "admin")
    client = site.client(people.user_key(email))
    there = begin(client, away)["id"]
    assert data(client.get(f"{BASES[0]}/conversations/{there}"))["chatbotId"] == away.id
    listed = data(client.get(f"{BASES[0]}/conversations", headers={"X-Brand-Id": away.brand.id}))
    assert [one["id"] for one in listed] == [there]
    assert data(client.get(f"{BASES[0]}/conversations", params={"chatbotId": bot.id})) == []


def test_messages_are_paged(bot, mine):
    own = begin(mine, bot)["id"]
    assert messages(mine, own) == []
    for text in ("one", "two", "three"):
        say(mine, own, text)
    every = messages(mine, own)
    assert [m["content"] for m in every[::2]] == ["one", "two", "three"]
    assert [m["sender"] for m in every] == ["user", "bot"] * 3
    ids = [m["id"] for m in every]

    def shown(**params):
        return [m["id"] for m in messages(mine, own, **params)]

    assert shown(limit=2) == ids[4:]
    assert shown(limit=2, before=ids[4]) == ids[2:4]
    assert shown(limit=2, after=ids[0]) == ids[1:3]
    assert shown(after=ids[1], before=ids[4].upper()) == ids[2:4]
    assert shown(before=str(uuid.uuid4())) == shown(after=str(uuid.uuid4())) == []
    path = f"{BASES[0]}/conversations/{own}/messages"
    for bad in ({"limit": 0}, {"limit": 101}, {"before": "x"}, {"after": "x"}):
        error = refused(mine.get(path, params=bad), 400, "VALIDATION_ERROR")
        assert error["details"][0]["field"] == next(iter(bad))


# ---- bodies, limits, keys -------------------------------------------------------------------------------------------


def test_bodies_are_read_leniently(bot, mine):
    own = begin(mine, bot, surprise=1, metadata={"a": 1})["id"]
    assert say(mine, own, "hi", surprise={"x": []}, type="text")["userMessage"]["content"] == "hi"
    path = f"{BASES[0]}/conversations/{own}/messages"
    for bad, field in (({}, "content"), ({"content": ""}, "content"), ({"content": "x" * 4001}, "content"),
                       ({"content": "hi", "type": "image"}, "type"), ({"content": "hi", "metadata": 3}, "metadata")):
        error = refused(mine.post(path, json=bad), 400, "VALIDATION_ERROR")
        assert error["details"][0]["field"] == field
    refused(mine.post(path, content="{", headers={"Content-Type": "application/json"}), 400, "VALIDATION_ERROR")
    refused(mine.post(path, content="x", headers={"Content-Type": "text/plain"}), 415, "UNSUPPORTED_MEDIA_TYPE")
    refused(mine.put(path, json={}), 405, "METHOD_NOT_ALLOWED")
    refused(mine.get("/api/external/v2/chatbots"), 404, "NOT_FOUND")
    assert len(messages(mine, own)) == 2


def test_an_inactive_chatbot_answers_nobody(bot, mine):
    own = begin(mine, bot)["id"]
    bot.set(status="inactive")
    refused(mine.post(f"{BASES[0]}/conversations", json={"chatbotId": bot.id}), 403, "CHATBOT_INACTIVE")
    refused(mine.post(f"{BASES[0]}/conversations/{own}/messages", json={"content": "hi"}), 403, "CHATBOT_INACTIVE")
    assert messages(mine, own) == []


def test_done_once(people, bot, mine):
    """Idempotency-Key holds here as under /api/v1; with a chatbot's key within the conversation of the path."""
    for client in (mine, people.key_client(bot.brand)):
        own = begin(client, bot)["id"]
        path, headers = f"{BASES[0]}/conversations/{own}/messages", {"Idempotency-Key": unique("k")}
        first, again = (client.post(path, json={"content": "hi"}, headers=headers) for _ in range(2))
        assert (first.status_code, again.status_code) == (201, 201) and first.content == again.content
        assert again.headers["Idempotency-Replayed"] == "true"
        assert len(messages(client, own)) == 2


def test_the_limit_is_of_one_key():
    with running({"limits.external": 3}) as site:
        people = People(site)
        bot = Bot(site, people)
        email = people.user(bot.brand)
        first, second = (site.client(people.user_key(email)) for _ in range(2))
        for left in (2, 1, 0):
            reply = first.get(f"{BASES[left % 2]}/chatbots")
            assert reply.status_code == 200 and reply.headers["X-RateLimit-Remaining"] == str(left)
            assert reply.headers["RateLimit-Policy"] == '"external";q=3;w=60'
        reply = first.get(f"{BASES[0]}/conversations")
        refused(reply, 429, "RATE_LIMIT_EXCEEDED")
        assert int(reply.headers["Retry-After"]) >= 1
        assert second.get(f"{BASES[0]}/conversations").status_code == 200
        assert people.key_client(bot.brand).get(f"{BASES[0]}/chatbots").status_code == 200


# ---- knowledge ------------------------------------------------------------------------------------------------------


def test_knowledge_of_active_bases(site, people, mine, bot):
    items = {}
    for name, text in (("Care", "The lantern's wick is trimmed weekly."), ("Shop", "A lantern costs nine coins."),
                       ("Old", "The lantern was once sold in pairs.")):
        base = data_of(site.admin.post(f"{bot.path}/knowledge-bases", json={"name": name}))["id"]
        items[name] = data_of(site.admin.post(f"/api/v1/knowledge-bases/{base}/items",
                                              json={"title": f"{name} lantern", "content": text,
                                                    "metadata": {"shelf": name}}))
        if name == "Old":
            assert site.admin.put(f"/api/v1/knowledge-bases/{base}", json={"isActive": False}).status_code == 200
    for client in (mine, people.key_client(bot.brand)):
        found = data(client.get(f"{BASES[1]}/chatbots/{bot.id}/knowledge", params={"query": "lantern"}))
        assert {one["title"] for one in found} == {"Care lantern", "Shop lantern"}
        for one in found:
            assert list(one) == ["id", "title", "content", "source", "type", "metadata", "relevanceScore"]
            assert one["source"] == "manual" and one["type"] == "item" and 0 < one["relevanceScore"] <= 1
            assert one["metadata"] == {"shelf": one["title"].split()[0]}
    error = refused(mine.get(f"{BASES[1]}/chatbots/{bot.id}/knowledge"), 400, "VALIDATION_ERROR")
    assert error["details"][0]["field"] == "query"


def data_of(reply):
    assert reply.status_code in (200, 201), reply.text
    return reply.json()["data"]
