# SPDX-License-Identifier: Apache-2.0
"""Chatbots (000-management 2, 003-platform 3): the object, making, changing, lists, and who may do what."""
import concurrent.futures
import re
import uuid

import pytest

from api.chatbots import PATH, Desk, error, fault
from api.fixtures import need, running
from api.helpers import TIME, UUID

CONFIGURATION = {
    "model": "gpt-4", "temperature": 0.7, "maxTokens": 500, "language": "en", "responseTimeout": 30,
    "welcomeMessage": "Hello! How can I help you today?", "similarityThreshold": 0.3, "maxResults": 5,
    "historyMessages": 20, "retentionDays": 0,
    "rateLimit": {"limit": 100, "windowMinutes": 60, "chatbotPerMinute": 600},
    "intents": {"enabled": True, "mode": "auto", "threshold": None, "answerThreshold": None},
    "context": {"enabled": True, "resolveReferences": True, "trustKeyUserId": False, "ttlMinutes": 60,
                "topicMinutes": 30, "entityDays": 30},
    "plugins": {"maxCalls": 16, "maxRounds": 5, "budgetMs": 20000}, "sessionTimeoutMinutes": 30}
MEMBERS = {"id", "slug", "brandId", "name", "description", "status", "apiKeyHint", "publishableKey", "welcomeMessage",
           "configuration", "knowledgeSourceFilters", "promptVersion", "engine", "engineConfig", "isPublic", "tags",
           "defaultPersonalityId", "defaultPersonality", "isDefault", "createdBy", "owner", "stats", "createdAt",
           "updatedAt", "deletedAt"}


@pytest.fixture
def desk(site):
    return Desk(site)


# ---- the object ------------------------------------------------------------------------------------------------------


def test_a_new_chatbot_has_the_defaults(desk):
    """000-management#1, 003-platform#9: what POST shows, with the key that nothing shows again."""
    made = desk.make()
    key = made.pop("apiKey")
    assert re.fullmatch("ck_[A-Za-z0-9]{40}", key) and made["apiKeyHint"] == key[-8:]
    assert set(made) == MEMBERS
    assert UUID.fullmatch(made["id"]) and TIME.fullmatch(made["createdAt"]) and made["updatedAt"] == made["createdAt"]
    assert re.fullmatch("pk_[A-Za-z0-9]{24}", made["publishableKey"])
    assert made["configuration"] == CONFIGURATION
    user = desk.people.user_id(desk.email)
    assert made["createdBy"] == {"id": user, "username": desk.email.split("@")[0], "name": desk.email.split("@")[0],
                                 "email": desk.email} and made["owner"] == user
    assert made["stats"] == {"totalConversations": 0, "uniqueUsers": 0, "lastActivity": None}
    assert {k: made[k] for k in ("name", "description", "status", "welcomeMessage", "knowledgeSourceFilters",
                                 "promptVersion", "engine", "engineConfig", "isPublic", "tags", "defaultPersonalityId",
                                 "defaultPersonality", "isDefault", "deletedAt", "brandId")} == {
        "name": "Guide", "description": None, "status": "testing", "welcomeMessage": CONFIGURATION["welcomeMessage"],
        "knowledgeSourceFilters": {}, "promptVersion": 0, "engine": "openai", "engineConfig": {}, "isPublic": False,
        "tags": [], "defaultPersonalityId": None, "defaultPersonality": None, "isDefault": False, "deletedAt": None,
        "brandId": desk.brand.id}
    assert desk.get(made) == made


def test_the_key_is_nowhere_else(desk):
    """000-management#1: no later reply, audit row or database file holds a key."""
    made = desk.make(systemPrompt="Be kind.")
    new = desk.post(made, "/regenerate-token").json()["data"]["apiKey"]
    shown = [desk.admin.get(f"{PATH}/{made['id']}{path}").text
             for path in ("", "/prompt", "/prompt/history", "/integrations", "/export", "/audit-log")]
    shown += [desk.admin.get(path).text for path in (PATH, "/api/v1/audit-log")]
    for path in desk.site.server.data.iterdir():
        if path.is_file():
            shown.append(path.read_bytes().decode("latin-1"))
    for key in (made["apiKey"], new):
        assert not [text[:80] for text in shown if key in text]


def test_the_seeds_example(desk):
    """000-management#2: the body of the seed's example, with ids that there are not."""
    body = {"name": "Cosmetics Ingredient Assistant", "description": "Help customers understand ingredients",
            "configuration": {"model": "gpt-4", "temperature": 0.7, "maxTokens": 500, "language": "en",
                              "welcomeMessage": "Hello! I can help you with ingredients."},
            "knowledgeSourceFilters": {"documentTypes": ["inci", "formulation"], "supplierIds": [],
                                       "categories": ["information", "safety", "regulation"]}}
    made = desk.make(**body)
    assert made["welcomeMessage"] == made["configuration"]["welcomeMessage"] == body["configuration"]["welcomeMessage"]
    assert made["knowledgeSourceFilters"] == body["knowledgeSourceFilters"]
    body["knowledgeSourceFilters"]["supplierIds"] = ["uuid1"]
    fault(desk.admin.post(PATH, json=body), "knowledgeSourceFilters.supplierIds[0]")
    body["knowledgeSourceFilters"]["supplierIds"] = [str(uuid.uuid4())]
    fault(desk.admin.post(PATH, json=body), "knowledgeSourceFilters.supplierIds[0]")


@pytest.mark.parametrize("body, field, code", [
    ({"configuration": {"temperature": 2.1}}, "configuration.temperature", "out_of_range"),
    ({"configuration": {"temperature": 3}}, "configuration.temperature", "out_of_range"),
    ({"configuration": {"maxTokens": 0}}, "configuration.maxTokens", "out_of_range"),
    ({"configuration": {"responseTimeout": 4}}, "configuration.responseTimeout", "out_of_range"),
    ({"configuration": {"rateLimit": {"windowMinutes": 0}}}, "configuration.rateLimit.windowMinutes", "out_of_range"),
    ({"configuration": {"intents": {"mode": "on"}}}, "configuration.intents.mode", "enum"),
    ({"configuration": {"colour": 1}}, "configuration.colour", "unknown_field"),
    ({"configuration": {"language": "english"}}, "configuration.language", None),
    ({"configuration": None}, "configuration", "type"),
    ({"name": "x" * 256}, "name", "too_long"),
    ({"name": " "}, "name", "too_short"),
    ({"name": "a\nb"}, "name", None),
    ({"name": None}, "name", "type"),
    ({"description": "x" * 1001}, "description", "too_long"),
    ({"slug": "Fern"}, "slug", None),
    ({"slug": str(uuid.uuid4())}, "slug", None),
    ({"foo": 1}, "foo", "unknown_field"),
    ({"status": "training"}, "status", None),
    ({"engine": "foo"}, "engine", "enum"),
    ({"tags": ["x"] * 21}, "tags", "too_long"),
    ({"tags": ["x" * 51]}, "tags[0]", "too_long"),
    ({"engineConfig": {"a": "x" * 16384}}, "engineConfig", "too_long"),
    ({"knowledgeSourceFilters": {"documentTypes": ["book"]}}, "knowledgeSourceFilters.documentTypes[0]", "enum"),
    ({"knowledgeSourceFilters": {"colours": []}}, "knowledgeSourceFilters.colours", None),
    ({"welcomeMessage": "a", "configuration": {"welcomeMessage": "b"}}, "configuration.welcomeMessage", None),
    ({"defaultPersonalityId": str(uuid.uuid4())}, "defaultPersonalityId", None),
])
def test_bad_input_names_the_field(desk, body, field, code):
    """000-management#2, 003-platform#9: in POST and in PUT, and nothing is changed."""
    fault(desk.admin.post(PATH, json={"name": "Guide", **body}), field, code)
    before = desk.get(desk.default)
    fault(desk.put(desk.default, **body), field, code)
    assert desk.get(desk.default) == before
    assert desk.admin.get(PATH).json()["pagination"]["total"] == 1


def test_what_only_one_of_post_and_put_takes(desk):
    user = desk.people.user_id(desk.email)
    fault(desk.admin.post(PATH, json={"name": "x", "status": "active"}), "status", "unknown_field")
    fault(desk.admin.post(PATH, json={"name": "x", "createdBy": user}), "createdBy", "unknown_field")
    fault(desk.admin.post(PATH, json={}), "name", "required")
    fault(desk.admin.post(PATH, json={"name": "x", "id": "y"}), "id", "unknown_field")
    fault(desk.put(desk.default, systemPrompt="x"), "systemPrompt", "unknown_field")


def test_null_is_kept_where_it_is_a_value(desk):
    made = desk.make(configuration={"model": None, "intents": {"threshold": 0.5}}, description="x")
    assert made["configuration"]["model"] is None and made["configuration"]["intents"]["threshold"] == 0.5
    row = desk.put(made, description=None, tags=None, configuration={"intents": {"threshold": None}}).json()["data"]
    assert row["description"] is None and row["tags"] == []
    assert row["configuration"]["intents"]["threshold"] is None and row["configuration"]["model"] is None
    assert desk.get(made)["configuration"]["model"] is None


def test_slugs(desk):
    """From the name, made free by a number; a given one that is taken is a conflict; a chatbot is found by it."""
    name = f"Été {uuid.uuid4().hex[:8]}"
    first, second = desk.make(name=name), desk.make(name=name)
    assert first["slug"] == name.lower().replace("é", "e").replace(" ", "-") and second["slug"] == first["slug"] + "-2"
    error(desk.admin.post(PATH, json={"name": "x", "slug": first["slug"]}), 409, "CONFLICT")
    error(desk.put(second, slug=first["slug"]), 409, "CONFLICT")
    moved = desk.put(first, slug=first["slug"] + "-moved").json()["data"]
    assert desk.get(moved["slug"])["id"] == first["id"]
    assert desk.admin.get(f"{PATH}/{first['slug']}").status_code == 404
    assert desk.put(second, slug=first["slug"]).status_code == 200  # free again


def test_at_most_so_many(site):
    need("parley", "PARLEY_BIN")
    with running({"limits.chatbots_per_brand": 3}) as small:
        desk = Desk(small)
        made = [desk.make(), desk.make()]  # and the default one
        full = error(desk.admin.post(PATH, json={"name": "x"}), 409, "CONFLICT")
        assert full["details"][0]["code"] == "limit_reached"
        assert desk.admin.delete(f"{PATH}/{made[0]['id']}").status_code == 200
        desk.make()
        error(desk.post(made[0], "/restore"), 409, "CONFLICT")


# ---- changes ---------------------------------------------------------------------------------------------------------


def test_what_was_read_may_be_sent_back(desk):
    """003-platform#9: read-modify-write of the whole object changes nothing, and leaves no audit row."""
    made = desk.make(systemPrompt="Be kind.", knowledgeSourceFilters={"documentTypes": ["inci"]}, tags=["a"])
    row = desk.get(made)
    rows = len(desk.audit(made))
    for body in (row, made, {**row, "createdBy": {"id": row["owner"]}}, {}):  # the key too, and a user's older name
        again = desk.put(made, **body)
        assert again.status_code == 200, again.text
        assert again.json()["data"] == row
    assert desk.admin.put(f"{PATH}/{made['id']}").status_code == 200  # no body at all
    assert len(desk.audit(made)) == rows
    changed = {**row, "welcomeMessage": "Ahoy", "name": "Boatswain"}
    told = desk.put(made, **changed).json()["data"]
    assert told["welcomeMessage"] == told["configuration"]["welcomeMessage"] == "Ahoy" and told["name"] == "Boatswain"
    assert told["updatedAt"] > row["updatedAt"]


def test_a_change_merges(desk):
    made = desk.make(configuration={"rateLimit": {"limit": 7}}, knowledgeSourceFilters={"documentTypes": ["inci"]})
    body = {"configuration": {"temperature": 0, "rateLimit": {"windowMinutes": 5}},
            "knowledgeSourceFilters": {"categories": ["safety"], "documentTypes": None}}
    row = desk.put(made, **body).json()["data"]
    assert row["configuration"] == {**CONFIGURATION, "temperature": 0,
                                    "rateLimit": {"limit": 7, "windowMinutes": 5, "chatbotPerMinute": 600}}
    assert row["knowledgeSourceFilters"] == {"categories": ["safety"]}  # replaced
    assert desk.put(made, knowledgeSourceFilters=None).json()["data"]["knowledgeSourceFilters"] == {}
    assert desk.get(made)["configuration"] == row["configuration"]


def test_status_that_is_only_shown(desk):
    """`training` is shown over the stored status and comes back as no change; setting it is refused."""
    made = desk.make()
    fault(desk.put(made, status="training"), "status", "enum")

    def training(value, failures=0):
        with desk.people.rows() as database:
            database.execute("UPDATE chatbots SET training = ?, model_failures = ? WHERE id = ?",
                             (value, failures, made["id"]))

    training(1)
    row = desk.get(made)
    assert row["status"] == "training"
    assert desk.put(made, **row, **{}).json()["data"] == row
    assert [r["id"] for r in desk.admin.get(PATH, params={"status": "training"}).json()["data"]] == [made["id"]]
    assert desk.put(made, status="active").json()["data"]["status"] == "training"
    training(0, 3)
    assert desk.get(made)["status"] == "error"
    training(0, 2)
    assert desk.get(made)["status"] == "active"
    assert desk.put(made, status="inactive").json()["data"]["status"] == "inactive"


def test_a_model_that_fails_shows(model):
    """`error` after three turns in a row that did not reach the model, until one does; updatedAt stays."""
    desk = Desk(model)
    before = desk.get(desk.default)
    seen = []
    try:
        model.llm.set(status=400)
        for _ in range(4):
            desk.site.anon.post(f"/chat/{desk.brand.id}", json={"message": "hello"})
            seen.append(desk.get(desk.default)["status"])
    finally:
        model.llm.set(answer="echo")
    assert seen == ["active", "active", "error", "error"]
    desk.brand.say("hello")
    after = desk.get(desk.default)
    assert after["status"] == "active" and after["updatedAt"] == before["updatedAt"]


def test_personality_is_one_fact(desk):
    made, other = desk.make(), desk.make()
    ids = [desk.post(made, "/personalities", name=name).json()["data"]["id"] for name in "ab"]
    foreign = desk.post(other, "/personalities", name="c").json()["data"]["id"]
    fault(desk.put(made, defaultPersonality=foreign), "defaultPersonalityId")
    row = desk.put(made, defaultPersonality=ids[1]).json()["data"]
    assert row["defaultPersonality"] == row["defaultPersonalityId"] == ids[1]
    flags = {r["id"]: r["isDefault"] for r in desk.get(made, path="/personalities")}
    assert flags == {ids[0]: False, ids[1]: True}
    desk.admin.post(f"/api/v1/personalities/{ids[0]}/default")
    assert desk.get(made)["defaultPersonalityId"] == ids[0]
    assert desk.put(made, defaultPersonalityId=None).json()["data"]["defaultPersonality"] is None
    assert not [r for r in desk.get(made, path="/personalities") if r["isDefault"]]


def test_writers_at_once_lose_nothing(desk):
    """50 writers on one object: each changes a member of its own, and each change is there afterwards."""
    made = desk.make()

    def write(i):
        client = desk.site.client(key)
        if i % 2:
            return client.put(f"{PATH}/{made['id']}", json={"engineConfig": {"i": i}}).status_code
        names = ["maxTokens", "responseTimeout", "maxResults", "historyMessages", "retentionDays"]
        name = names[i // 2 % 5]
        return client.put(f"{PATH}/{made['id']}", json={"configuration": {name: 10 + i // 10}}).status_code

    key = desk.people.user_key(desk.email)
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        assert set(pool.map(write, range(50))) == {200}
    row = desk.get(made)
    for name in ("maxTokens", "responseTimeout", "maxResults", "historyMessages", "retentionDays"):
        assert 10 <= row["configuration"][name] <= 14, name
    assert row["engineConfig"]["i"] % 2 == 1
    entries = [r for r in reversed(desk.audit(made)) if r["action"] == "update_chatbot_instance"]
    state = {}
    for entry in entries:  # each saw what the one before it left
        for name, value in (entry["oldValue"].get("configuration") or {}).items():
            assert value == state.get(name, CONFIGURATION[name])
        state.update(entry["newValue"].get("configuration") or {})
    assert {name: row["configuration"][name] for name in state} == state


def test_surface_001_shows_the_same_facts(desk):
    """A brand's default chatbot: what one surface writes the other reads."""
    default = desk.get(desk.default)
    assert default["isDefault"] is True and default["status"] == "active" and default["promptVersion"] == 1
    desk.brand.configure(system_prompt="Be brief.", welcome_message="Ahoy", chat_settings={"temperature": 1.5})
    row = desk.get(desk.default)
    assert (row["promptVersion"], row["welcomeMessage"], row["configuration"]["temperature"]) == (2, "Ahoy", 1.5)
    assert desk.put(desk.default, welcomeMessage="Hello", configuration={"temperature": 0.25, "maxTokens": 77}
                    ).status_code == 200
    config = desk.brand.config
    assert config["welcome_message"] == "Hello" and config["system_prompt"] == "Be brief."
    assert (config["chat_settings"]["temperature"], config["chat_settings"]["max_tokens"]) == (0.25, 77)
    desk.brand.configure(company_info={"name": "Fern"})  # writes the rest as it is
    assert desk.get(desk.default)["configuration"]["maxTokens"] == 77


def test_statistics_count_conversations(desk):
    desk.brand.say("hello", conversation_id="one")
    desk.brand.say("hello again", conversation_id="one")
    desk.brand.say("hello", conversation_id="two")
    stats = desk.get(desk.default)["stats"]
    assert stats["totalConversations"] == 2 and stats["uniqueUsers"] == 2 and TIME.fullmatch(stats["lastActivity"])
    assert desk.admin.get(PATH, params={"sort": "lastActivity"}).json()["data"][0]["id"] == desk.default


# ---- lists -----------------------------------------------------------------------------------------------------------


def test_pages(desk):
    """000-management#3"""
    for i in range(44):
        desk.make(name=f"n{i:02}")
    pages = [desk.admin.get(PATH, params={"limit": 20, "page": i}).json() for i in (1, 2, 3, 9)]
    assert pages[0]["pagination"] == {"total": 45, "pages": 3, "page": 1, "limit": 20}
    assert len({row["id"] for page in pages for row in page["data"]}) == 45
    assert pages[3]["data"] == [] and pages[3]["count"] == 0
    assert [row["name"] for row in pages[0]["data"]][:2] == ["n43", "n42"]  # the newest first
    assert desk.admin.get(PATH).json()["pagination"]["limit"] == 20
    for bad in ({"limit": 101}, {"limit": 0}, {"page": 0}, {"status": "happy"}, {"sort": "id"}, {"order": "up"},
                {"deleted": "x"}):
        assert desk.admin.get(PATH, params=bad).status_code == 400, bad


def test_filters_and_order(desk):
    desk.put(desk.default, name="Zebra", description="x", status="inactive")
    desk.make(name="Ärger", description="About 100% cotton_", tags=["Skin", "a\"b"])
    second = desk.make(name="bolt", tags=["skincare"])
    third = desk.make(name="Cotton", description="%")

    def names(**query):
        return [row["name"] for row in desk.admin.get(PATH, params=query).json()["data"]]

    assert names(sort="name") == ["bolt", "Cotton", "Zebra", "Ärger"]
    assert names(sort="name", order="desc") == names(sort="name")[::-1]
    assert names() == ["Cotton", "bolt", "Ärger", "Zebra"] and names(order="asc") == names()[::-1]
    assert sorted(names(q="COTTON")) == ["Cotton", "Ärger"] and names(q="äRG") == ["Ärger"]
    assert names(q="100% cotton_") == ["Ärger"] and names(q="c_tton") == []
    assert names(tag="Skin") == ["Ärger"] and names(tag="skin") == [] and names(tag='a"b') == ["Ärger"]
    assert names(status="inactive") == ["Zebra"] and len(names(status="testing")) == 3
    assert desk.put(second, description="changed").status_code == 200
    assert names(sort="updatedAt")[0] == "bolt"
    assert desk.admin.delete(f"{PATH}/{third['id']}").status_code == 200
    assert "Cotton" not in names() and names(deleted="true") == ["Cotton"]


# ---- who may ---------------------------------------------------------------------------------------------------------


def test_who_may(desk, site):
    """000-management#1, 000-management#3, 003-platform#1: creator, member, public, other brand, a chatbot's key."""
    made = desk.make()
    own = f"{PATH}/{made['id']}"
    member, member_id = desk.member()
    other, key = Desk(site), site.client(made["apiKey"])
    for client in (site.anon, key):
        assert client.post(PATH, json={"name": "x"}).status_code == client.get(own).status_code == 401
        assert client.get(PATH).status_code == 401
    error(member.post(PATH, json={"name": "x"}), 403, "FORBIDDEN")
    unknown = other.admin.get(f"{PATH}/{uuid.uuid4()}").json()
    for method, path in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/restore"), ("POST", "/regenerate-token"),
                         ("POST", "/publishable-key"), ("GET", "/integrations"), ("PUT", "/integrations/api"),
                         ("GET", "/export"), ("GET", "/audit-log"), ("GET", "/prompt"), ("PUT", "/prompt"),
                         ("GET", "/prompt/history"), ("POST", "/prompt/rollback")):
        for stranger in (other.admin, member):
            reply = stranger.request(method, own + path)
            assert reply.status_code == 404, (method, path, reply.text)
            assert {**reply.json(), "requestId": 0} == {**unknown, "requestId": 0}
    assert other.admin.get(PATH, headers={"X-Brand-Id": desk.brand.id}).status_code == 404
    assert member.get(PATH).json()["data"] == []
    error(member.get(PATH, params={"deleted": "true"}), 403, "FORBIDDEN")

    desk.put(made, isPublic=True)
    assert [row["id"] for row in member.get(PATH).json()["data"]] == [made["id"]]
    assert member.get(own).status_code == 200
    for reply in (member.put(own, json={}), member.delete(own), member.get(own + "/prompt"),
                  member.post(own + "/regenerate-token"), member.get(own + "/export")):
        error(reply, 403, "FORBIDDEN")
    desk.put(made, isPublic=False)

    assert desk.put(made, createdBy=member_id).json()["data"]["owner"] == member_id
    assert [row["id"] for row in member.get(PATH).json()["data"]] == [made["id"]]
    assert member.put(own, json={"name": "Mine"}).json()["data"]["name"] == "Mine"
    assert member.put(own + "/prompt", json={"prompt": "Be mine."}).status_code == 200
    for reply in (member.get(own + "/export"), member.get(own + "/audit-log"), member.get("/api/v1/audit-log")):
        error(reply, 403, "FORBIDDEN")
    error(member.put(own, json={"createdBy": desk.people.user_id(desk.email)}), 403, "FORBIDDEN")
    assert member.put(own, json=desk.get(made)).status_code == 200  # as it was read: nothing is handed over
    fault(desk.put(made, createdBy=other.people.user_id(other.email)), "createdBy")
    assert member.delete(own).status_code == 200
    error(member.post(own + "/restore"), 403, "FORBIDDEN")


def test_the_brand_that_is_meant(site):
    """X-Brand-Id or brandId, else the user's brand; both and different is refused."""
    first, second = Desk(site), Desk(site)
    first.people.join(first.email, second.brand, "admin")
    assert first.admin.get(PATH).json()["data"][0]["id"] == first.default
    for way in ({"params": {"brandId": second.brand.id}}, {"headers": {"X-Brand-Id": second.brand.id}}):
        assert first.admin.get(PATH, **way).json()["data"][0]["id"] == second.default
    made = first.admin.post(PATH, params={"brandId": second.brand.id}, json={"name": "x"}).json()["data"]
    assert made["brandId"] == second.brand.id and second.get(made)["id"] == made["id"]
    both = first.admin.get(PATH, params={"brandId": second.brand.id}, headers={"X-Brand-Id": first.brand.id})
    assert both.status_code == 400
