# SPDX-License-Identifier: Apache-2.0
"""Activities (000-management 6.2): who did what, listed, counted, never with the text of a message."""
import datetime
import json
import re

import pytest

from api.chatbots import PATH, Desk
from api.fixtures import running
from api.helpers import TIME, UUID, eventually, unique
from api.people import People
from harness import ADMIN_PASSWORD, FakeLlm

LIST, STATS = "/api/v1/activities", "/api/v1/activities/stats"
KEYS = {"id", "userId", "userName", "activityType", "entityType", "entityId", "description", "metadata", "ipAddress",
        "userAgent", "createdAt"}
SECRET = "Where does the heron nest at night?"


@pytest.fixture
def desk(site):
    return Desk(site)


def listed(client, **query):
    reply = client.get(LIST, params=query)
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert body["count"] == len(body["data"])
    return body


def rows(client, **query):
    return listed(client, **query)["data"]


def stats(client, **query):
    reply = client.get(STATS, params=query)
    assert reply.status_code == 200, reply.text
    return reply.json()["data"]


def upload(desk, client=None):
    files = {"file": ("notes.txt", unique("The lamp is green. ").encode(), "text/plain"),
             "documentType": (None, "general")}
    reply = (client or desk.admin).post("/api/v1/documents", files=files)
    assert reply.status_code == 201, reply.text
    return reply.json()["data"]


def indexed(desk, document):
    def ready():
        shown = desk.admin.get(f"/api/v1/documents/{document['id']}").json()["data"]
        return shown if shown["processingStatus"] == "completed" else None
    return eventually(ready, 30)


def say(desk, bot, message=SECRET, client=None, **fields):
    reply = (client or desk.admin).post(f"{PATH}/{bot['id']}/conversation", json={"message": message, **fields})
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_each_deed_once(desk):
    """000-management#17: a sign-in, an upload, a deletion, a chatbot and a turn: each type once; stats add up."""
    client = desk.site.client(desk.people.token(desk.email), user_agent="heron/1")
    bot = desk.make(client)
    document = indexed(desk, upload(desk, client))
    assert client.delete(f"/api/v1/documents/{document['id']}").status_code == 200
    said = say(desk, bot)
    found = rows(desk.admin)
    assert [row["activityType"] for row in found] == ["chatbot_message", "document_delete", "vector_indexing",
                                                      "document_upload", "chatbot_created", "user_login"]
    by_job = found.pop(2)
    assert (by_job["userId"], by_job["ipAddress"], by_job["entityId"]) == (None, None, document["id"])
    assert by_job["metadata"] == {"passages": 1}
    user = desk.people.user_id(desk.email)
    objects = [("chatbot_conversation", said["conversationId"]), ("document", document["id"]),
               ("document", document["id"]), ("chatbot_instance", bot["id"]), ("user", user)]
    assert [(row["entityType"], row["entityId"]) for row in found] == objects
    for row in found:
        assert set(row) == KEYS and UUID.fullmatch(row["id"]) and TIME.fullmatch(row["createdAt"])
        assert row["userId"] == user and row["userName"] and row["description"] and row["ipAddress"] == "127.0.0.1"
    assert found[1]["userAgent"] == found[2]["userAgent"] == found[3]["userAgent"] == "heron/1"
    assert found[2]["metadata"] == {"filename": "notes.txt", "documentType": "general",
                                    "fileSizeBytes": document["fileSizeBytes"]}
    assert found[3]["metadata"] == {"name": "Guide"}
    message = found[0]["metadata"]
    assert set(message) == {"platform", "userId", "messageLength"}
    assert (message["platform"], message["messageLength"]) == ("api", len(SECRET))
    assert re.fullmatch("[0-9a-f]{32}", message["userId"])
    assert SECRET not in json.dumps(found) and said["sessionId"] not in json.dumps(found)
    counted = stats(desk.admin)
    assert counted["total"] == 6 and counted["byType"] == {row["activityType"]: 1 for row in [*found, by_job]}
    assert len(counted["daily"]) == 30 and sum(day["count"] for day in counted["daily"]) == 6
    assert counted["topUsers"] == [{"userId": user, "name": found[0]["userName"], "count": 5}]


def test_turns_of_visitors(desk):
    """One row a finished turn on any channel; of visitors neither address nor name, but the same name for the same."""
    bot = desk.make()
    client = desk.site.client(bot["apiKey"])
    for session in ("heron-1", "heron-1", "heron-2"):
        say(desk, bot, client=client, sessionId=session)
    desk.brand.say("Hello?", conversation_id="c-1")
    with desk.brand.socket(origin="http://localhost:5173") as socket:
        socket.turn("Hello again?")
    eventually(lambda: len(rows(desk.admin, activityType="chatbot_message")) == 5)
    found = rows(desk.admin, activityType="chatbot_message")[::-1]
    assert {(row["userId"], row["userName"], row["ipAddress"], row["userAgent"]) for row in found} == {(None,) * 4}
    names = [row["metadata"]["userId"] for row in found]
    assert names[0] == names[1] != names[2] and len(set(names)) == 4
    assert [row["metadata"]["platform"] for row in found] == ["api"] * 4 + ["web"]
    assert found[0]["entityId"] == found[1]["entityId"] != found[2]["entityId"]


def test_what_is_refused_leaves_none(desk):
    bot = desk.make()
    before = listed(desk.admin)["pagination"]["total"]
    assert desk.admin.post(PATH, json={"name": ""}).status_code == 400
    assert desk.admin.post(f"{PATH}/{bot['id']}/conversation", json={"message": ""}).status_code == 400
    wrong = desk.site.anon.post("/api/v1/auth/login", json={"email": desk.email, "password": "not-the-password"})
    assert wrong.status_code == 401
    assert listed(desk.admin)["pagination"]["total"] == before


def test_who_sees_which(desk):
    """An admin those of the brand, others their own, nobody another brand's."""
    client, user = desk.member("developer")
    bot = desk.make(isPublic=True)
    document = upload(desk, client)
    say(desk, bot)
    assert [row["entityId"] for row in rows(client)] == [document["id"]]
    assert stats(client)["byType"] == {"document_upload": 1}
    assert rows(client, userId=desk.people.user_id(desk.email)) == []
    assert [row["entityId"] for row in rows(desk.admin, userId=user)] == [document["id"]]
    other = Desk(desk.site)
    assert rows(other.admin) == [] and stats(other.admin)["total"] == 0
    reply = other.admin.get(LIST, headers={"X-Brand-Id": desk.brand.id})
    assert (reply.status_code, reply.json()["code"]) == (404, "NOT_FOUND")
    assert [row["entityId"] for row in rows(desk.site.admin, brandId=desk.brand.id, userId=user)] == [document["id"]]
    assert desk.site.client(bot["apiKey"]).get(LIST).status_code == 401


def test_filters_and_pages(desk):
    bots = [desk.make(name=f"Bot {i}") for i in range(5)]
    say(desk, bots[0])
    page = listed(desk.admin, limit=2, page=2, activityType="chatbot_created")
    assert page["pagination"] == {"total": 5, "pages": 3, "page": 2, "limit": 2}
    assert [row["entityId"] for row in page["data"]] == [bots[2]["id"], bots[1]["id"]]
    assert listed(desk.admin)["pagination"]["limit"] == 20
    assert [row["entityId"] for row in rows(desk.admin, entityId=bots[3]["id"])] == [bots[3]["id"]]
    assert len(rows(desk.admin, entityType="chatbot_instance")) == 5
    everything = rows(desk.admin)
    by_filter = {"filter": f"activityType:chatbot_created,entityId:{bots[1]['id']}"}
    assert rows(desk.admin, **by_filter) == [row for row in everything if row["entityId"] == bots[1]["id"]]
    middle = everything[2]["createdAt"]
    later = [row for row in everything if row["createdAt"] >= middle]
    assert rows(desk.admin, **{"from": middle}) == later
    assert rows(desk.admin, to=middle) == everything[len(later):]


@pytest.mark.parametrize("path, query", [
    (LIST, {"activityType": "weather"}), (LIST, {"filter": "activityType:weather"}), (LIST, {"filter": "colour:red"}),
    (LIST, {"filter": "userId"}), (LIST, {"from": "yesterday"}), (LIST, {"limit": "101"}), (STATS, {"to": "x"}),
    (STATS, {"from": "2026-02-02T00:00:00Z", "to": "2026-02-02T00:00:00Z"}),
    (STATS, {"from": "2020-01-01T00:00:00Z", "to": "2022-01-01T00:00:00Z"}),
], ids=str)
def test_bad_queries(desk, path, query):
    reply = desk.admin.get(path, params=query)
    assert (reply.status_code, reply.json()["code"]) == (400, "VALIDATION_ERROR"), reply.text
    assert reply.json()["details"][0]["field"] in query


def test_stats_of_a_span(desk):
    """Days without any are there with 0; rows are counted on their day of UTC."""
    desk.make()
    now = datetime.datetime.now(datetime.timezone.utc)
    day = (now - datetime.timedelta(days=2)).strftime("%Y-%m-%d")
    with desk.people.rows() as database:
        database.execute("UPDATE activities SET created_at = ? WHERE brand_id = ?",
                         (int(datetime.datetime.fromisoformat(f"{day}T23:59:59.999+00:00").timestamp() * 1000),
                          desk.brand.id))
        database.execute("UPDATE brands SET created_at = 0 WHERE id = ?", (desk.brand.id,))
    first = (now - datetime.timedelta(days=4)).strftime("%Y-%m-%dT12:00:00Z")
    eventually(lambda: stats(desk.admin, **{"from": first})["total"] == 1)  # the brand as it was is kept in memory
    daily = stats(desk.admin, **{"from": first})["daily"]
    assert [one["count"] for one in daily] == [0, 0, 1, 0, 0] and daily[2]["date"] == day
    assert stats(desk.admin, **{"from": first, "to": f"{day}T23:59:59.999Z"})["total"] == 0
    assert stats(desk.admin, **{"from": f"{day}T23:59:59.999Z"})["total"] == 1


def test_a_brand_that_is_erased_takes_them_with_it(site):
    desk = Desk(site)
    desk.make()
    assert site.admin.delete(desk.brand.path).status_code == 200

    def gone():
        with People(site).rows() as database:
            return database.execute("SELECT COUNT(*) FROM activities WHERE brand_id = ?",
                                    (desk.brand.id,)).fetchone()[0] == 0
    eventually(gone)


def test_a_login_of_whoever_has_no_brand(site):
    """It is no brand's to see."""
    people = People(site)
    assert site.server.login(people.user(), ADMIN_PASSWORD)
    with people.rows() as database:
        assert database.execute("SELECT type FROM activities WHERE brand_id = '*'").fetchall()


def test_vectors_of_a_document():
    """Once a document, when each of its passages has one."""
    fake = FakeLlm().start()
    try:
        with running(llm={"a": {"baseUrl": fake.url, "retries": 0, "embeddingModel": "fake-embed"}}) as site:
            desk = Desk(site)
            first, second = indexed(desk, upload(desk)), indexed(desk, upload(desk))
            eventually(lambda: len(rows(desk.admin, activityType="embedding_generation")) == 2, 20)
            found = rows(desk.admin, activityType="embedding_generation")
            assert {row["entityId"] for row in found} == {first["id"], second["id"]}
            assert {row["entityType"] for row in found} == {"document"} and found[0]["userId"] is None
    finally:
        fake.stop()
