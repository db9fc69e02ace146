# SPDX-License-Identifier: Apache-2.0
"""Deleting, restoring and erasing chatbots, chatbots as files, and the audit log (000-management 2.2, 15.1)."""
import concurrent.futures
import json
import sqlite3
import uuid

import pytest

from api.chatbots import PATH, Desk, error, fault
from api.fixtures import need, running
from api.helpers import TIME, eventually
from harness import find_binary, run

DAY = 86400000


@pytest.fixture
def desk(site):
    return Desk(site)


# ---- delete and restore ----------------------------------------------------------------------------------------------


def test_delete_and_restore(site):
    """000-management#5"""
    desk = Desk(site)
    made = desk.make()
    desk.put(made, status="active")

    def answers():
        return site.client(made["apiKey"]).post(f"{PATH}/{made['id']}/conversation", json={"message": "hi"}).status_code

    assert answers() == 200
    gone = desk.admin.delete(f"{PATH}/{made['id']}")
    assert gone.status_code == 200 and gone.json()["message"]
    data = gone.json()["data"]
    assert set(data) == {"id", "deletedAt", "restorableUntil"} and TIME.fullmatch(data["restorableUntil"])
    assert data["restorableUntil"] > data["deletedAt"]
    assert answers() == 401
    for path in ("", "/prompt", "/integrations", "/export", "/personalities"):
        assert desk.admin.get(f"{PATH}/{made['id']}{path}").status_code == 404
    assert desk.admin.get(f"{PATH}/{made['slug']}").status_code == 404
    for reply in (desk.admin.delete(f"{PATH}/{made['id']}"), desk.put(made, name="x"),
                  desk.post(made, "/regenerate-token")):
        error(reply, 404, "NOT_FOUND")
    assert desk.make(name=made["name"])["slug"] != made["slug"]  # its slug stays its own
    back = desk.post(made, "/restore")
    assert back.status_code == 200, back.text
    row = back.json()["data"]
    assert row["status"] == "inactive" and row["deletedAt"] is None and row["apiKeyHint"] == made["apiKeyHint"]
    assert desk.get(made["slug"]) == row
    assert answers() == 403  # inactive
    assert desk.put(made, status="active").status_code == 200 and answers() == 200
    error(desk.post(made, "/restore"), 404, "NOT_FOUND")  # it is there
    error(desk.post(str(uuid.uuid4()), "/restore"), 404, "NOT_FOUND")
    error(desk.admin.delete(f"{PATH}/{desk.default}"), 409, "CONFLICT")
    assert [r["action"] for r in desk.audit(made)] == [
        "update_chatbot_instance", "restore", "delete", "update_chatbot_instance", "create_chatbot_instance"]


def test_a_turn_in_flight_finishes(model):
    """000-management#5: what was asked before the chatbot was deleted is answered and stored."""
    desk = Desk(model)
    made = desk.make()
    model.llm.set(answer="fixed:one two three four five six", deltaDelayMs=150)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(model.client(made["apiKey"]).post, f"{PATH}/{made['id']}/conversation",
                            json={"message": "hello"})
        eventually(model.llm.chats)
        assert desk.admin.delete(f"{PATH}/{made['id']}").status_code == 200
        assert not asked.done()
        reply = asked.result()
    assert reply.status_code == 200 and "six" in reply.json()["response"]
    desk.post(made, "/restore")
    with desk.people.rows() as database:
        stored = database.execute("SELECT m.status, m.content FROM messages m JOIN conversations c ON c.id ="
                                  " m.conversation_id WHERE c.chatbot_id = ? ORDER BY m.seq", (made["id"],)).fetchall()
    assert [status for status, _ in stored] == ["complete", "complete"] and "six" in stored[1][1]


def test_inactive_closes_the_sockets(model):
    """000-management 2.1: the running turn ends as it began, then its socket closes with 4404; nobody is let in."""
    desk = Desk(model)
    model.llm.set(answer="count:20", deltaDelayMs=30)
    with desk.brand.socket() as socket:
        socket.send("chat", message="hi")
        first = socket.receive_until("chunk")
        assert desk.put(desk.default, status="inactive").status_code == 200
        frames = first + socket.receive_until("error")
        assert "".join(f["data"]["content"] for f in frames if f["type"] == "chunk").endswith("w20")
        assert socket.close_code() == 4404
    assert model.anon.post(f"/chat/{desk.brand.id}", json={"message": "hi"}).status_code == 404
    assert desk.put(desk.default, status="active").status_code == 200
    desk.brand.say("hi")


def test_after_its_time_all_of_it_is_erased(desk):
    """The job erases rows, keys, personalities and conversations; audit rows stay and are still found by its id."""
    made, other = desk.make(systemPrompt="Be kind."), desk.make()
    desk.post(made, "/personalities", name="Coach")
    desk.post(made, "/publishable-key")
    desk.admin.delete(f"{PATH}/{made['id']}")
    with desk.people.rows() as database:
        for i in range(250):  # more than one transaction takes
            row = (desk.brand.id, f"{made['id']}-{i}", made["id"])
            database.execute("INSERT INTO conversations (brand_id, id, chatbot_id, channel, status, started_at,"
                             " last_message_at) VALUES (?, ?, ?, 'api', 'open', 1, 1)", row)
            database.execute("INSERT INTO messages (brand_id, conversation_id, seq, id, role, content, status,"
                             " created_at) VALUES (?, ?, 1, ?, 'user', 'x', 'complete', 1)",
                             (desk.brand.id, row[1], str(uuid.uuid4())))
        old, = database.execute("SELECT deleted_at FROM chatbots WHERE id = ?", (made["id"],)).fetchone()
        past = old - 31 * DAY
        database.execute("UPDATE chatbots SET deleted_at = ? WHERE id = ?", (past, made["id"]))
    error(desk.post(made, "/restore"), 404, "NOT_FOUND")
    with desk.people.rows() as database:
        database.execute("UPDATE jobs SET run_at = 1, payload = ? WHERE brand_id = ? AND kind = 'chatbot.erase'",
                         (json.dumps({"chatbotId": made["id"], "deletedAt": past}), desk.brand.id))

    def left():
        with desk.people.rows() as database:
            tables = ["chatbots:id", "api_keys:chatbot_id", "prompt_versions:chatbot_id", "personalities:chatbot_id",
                      "conversations:chatbot_id", "old_publishable_keys:chatbot_id"]
            found = sum(database.execute("SELECT COUNT(*) FROM {} WHERE {} = ?".format(*table.split(":")),
                                         (made["id"],)).fetchone()[0] for table in tables)
            found += database.execute("SELECT COUNT(*) FROM messages WHERE brand_id = ?",
                                      (desk.brand.id,)).fetchone()[0]
            return found + database.execute("SELECT COUNT(*) FROM places WHERE brand_id = ? AND kind <> 'chatbot'"
                                            " AND object_id = ?", (desk.brand.id, made["id"])).fetchone()[0]

    assert left() > 500
    eventually(lambda: left() == 0, 30)
    assert desk.get(other)["id"] == other["id"]
    assert desk.admin.get(f"{PATH}/{made['id']}").status_code == 404
    assert "delete" in [r["action"] for r in desk.audit(made)]
    assert Desk(desk.site).admin.get(f"{PATH}/{made['id']}/audit-log").status_code == 404
    assert desk.make(slug=made["slug"])["slug"] == made["slug"]  # free again


def test_a_restored_chatbot_outlives_its_job(desk):
    made = desk.make()
    desk.admin.delete(f"{PATH}/{made['id']}")
    desk.post(made, "/restore")
    with desk.people.rows() as database:
        database.execute("UPDATE jobs SET run_at = 1 WHERE brand_id = ? AND kind = 'chatbot.erase'", (desk.brand.id,))

    def done():
        with desk.people.rows() as database:
            return not database.execute("SELECT 1 FROM jobs WHERE brand_id = ? AND kind = 'chatbot.erase'",
                                        (desk.brand.id,)).fetchone()

    eventually(done, 30)
    assert desk.get(made)["status"] == "inactive"


# ---- files -----------------------------------------------------------------------------------------------------------


def test_a_file_makes_the_same_chatbot(desk):
    made = desk.make(name="Guide", configuration={"temperature": 0.25, "model": None}, tags=["a"],
                     knowledgeSourceFilters={"documentTypes": ["inci"], "documentIds": []}, systemPrompt="One.")
    desk.put(made, path="/prompt", prompt="Two {braces}.", description="second")
    reply = desk.admin.get(f"{PATH}/{made['id']}/export")
    assert "attachment" in reply.headers["content-disposition"]
    file = reply.json()
    assert set(file) == {"format", "version", "chatbot", "prompts", "widget", "site", "translations", "moderation",
                         "suppliers"}
    assert (file["format"], file["version"]) == ("parley.chatbot", 1)
    assert [p["prompt"] for p in file["prompts"]] == ["One.", "Two {braces}."]
    for secret in (made["apiKey"], made["publishableKey"], made["id"]):
        assert secret not in reply.text
    other = Desk(desk.site)
    copy = other.admin.post(f"{PATH}/import", json=file)
    assert copy.status_code == 201, copy.text
    row = copy.json()["data"]
    assert row["apiKey"].startswith("ck_") and row["brandId"] == other.brand.id and row["status"] == "testing"
    same = ("name", "description", "configuration", "welcomeMessage", "knowledgeSourceFilters", "tags", "engine",
            "engineConfig", "isPublic")
    assert {k: row[k] for k in same} == {k: desk.get(made)[k] for k in same}
    assert row["slug"] == made["slug"] + "-2" and row["promptVersion"] == 2
    prompt = other.get(row, path="/prompt")
    assert (prompt["prompt"], prompt["version"], prompt["description"]) == ("Two {braces}.", 2, "second")
    assert desk.audit(made)[0]["action"] == "export"


def test_bad_files(desk):
    made = desk.make()
    file = desk.admin.get(f"{PATH}/{made['id']}/export").json()

    def imported(**changes):
        return desk.admin.post(f"{PATH}/import", json={**file, **changes})

    fault(imported(format="zip"), "format", "enum")
    fault(imported(version=2), "version", "out_of_range")
    fault(desk.admin.post(f"{PATH}/import", json={}), "format", "required")
    fault(imported(chatbot={"name": "x", "configuration": {"temperature": 3}}), "chatbot.configuration.temperature")
    fault(imported(chatbot={}), "chatbot.name", "required")
    fault(imported(prompts=[{"prompt": ""}]), "prompts[0].prompt", "too_short")
    fault(imported(extra=1), "extra", "unknown_field")
    left = imported(suppliers=["BGL"], widget={"theme": {}})
    assert left.status_code == 201 and "BGL" in left.json()["message"] and "widget" in left.json()["message"]
    assert left.json()["data"]["knowledgeSourceFilters"] == {"supplierIds": []}
    large = imported(chatbot={"name": "x", "description": "x" * (6 << 20)})
    error(large, 413, "PAYLOAD_TOO_LARGE")
    assert desk.admin.get(PATH).json()["pagination"]["total"] == 3


# ---- audit -----------------------------------------------------------------------------------------------------------


def test_audit_rows(desk):
    """000-management#35: one row a change, with the changed fields alone; none for what changes nothing."""
    made = desk.make(systemPrompt="A secret text.")
    desk.put(made, name="Renamed", configuration={"temperature": 0.5})
    desk.put(made, name="Renamed")
    desk.put(made, path="/prompt", prompt="Another secret text.")
    rows = desk.audit(made)
    assert [r["action"] for r in rows] == ["prompt_updated", "update_chatbot_instance", "create_chatbot_instance"]
    changed = rows[1]
    assert changed["oldValue"] == {"name": "Guide", "configuration": {"temperature": 0.7}}
    assert changed["newValue"] == {"name": "Renamed", "configuration": {"temperature": 0.5}}
    assert changed["userId"] == desk.people.user_id(desk.email) and changed["ipAddress"] == "127.0.0.1"
    assert changed["userName"] == desk.email.split("@")[0] and changed["chatbotId"] == made["id"]
    assert "python" in changed["userAgent"] and TIME.fullmatch(changed["createdAt"])
    assert rows[0]["oldValue"] == {"version": 1, "length": 14} and rows[0]["newValue"] == {"version": 2, "length": 20}
    assert rows[2]["oldValue"] is None and rows[2]["newValue"]["publishableKey"] == "***"
    assert "secret text" not in json.dumps(rows)
    desk.put(made, createdBy=desk.member()[1])
    assert desk.audit(made)[0]["newValue"] == {"createdBy": desk.get(made)["owner"]}


def test_audit_filters(desk):
    made = desk.make()
    desk.put(made, name="One")
    desk.put(made, name="Two")
    desk.brand.configure(welcome_message="Ahoy")
    path = f"{PATH}/{made['id']}/audit-log"

    def actions(path, **query):
        return [r["action"] for r in desk.admin.get(path, params=query).json()["data"]]

    assert actions(path, action="create_chatbot_instance") == ["create_chatbot_instance"]
    assert len(actions(path, userId=desk.people.user_id(desk.email))) == 3 and actions(path, userId="x") == []
    middle = desk.audit(made)[1]["createdAt"]
    assert len(actions(path, **{"from": middle})) == 2 and len(actions(path, to=middle)) == 1
    assert desk.admin.get(path, params={"limit": 2, "page": 2}).json()["pagination"] == {
        "total": 3, "pages": 2, "page": 2, "limit": 2}
    for bad in ({"from": "yesterday"}, {"to": "1"}, {"limit": 101}):
        assert desk.admin.get(path, params=bad).status_code == 400
    brand = actions("/api/v1/audit-log")
    assert brand[0] == "config_updated" and brand[-1] == "brand_created" and len(brand) == 5
    assert actions("/api/v1/audit-log", action="brand_created") == ["brand_created"]


def test_the_chain_shows_what_was_touched():
    """Each audit row carries the hash of the one before: `parley audit verify` finds a changed and a missing one."""
    need("parley", "PARLEY_BIN")
    with running() as site:
        desk = Desk(site)
        made = desk.make()
        for name in "abc":
            desk.put(made, name=name)
        data = site.server.data

        def verify():
            return run([find_binary("parley", "PARLEY_BIN"), "audit", "verify", "--data", str(data)])

        def change(sql):
            database = sqlite3.connect(data / "parley.db", timeout=20)
            with database:
                assert database.execute(sql, (made["id"],)).rowcount == 1
            database.close()

        whole = verify()
        assert whole.returncode == 0 and desk.brand.id in whole.stdout
        touch = ("UPDATE audit SET new_value = '{{\"name\":\"{}\"}}' WHERE chatbot_id = ?"
                 " AND new_value = '{{\"name\":\"{}\"}}'")
        change(touch.format("z", "b"))
        assert verify().returncode == 1 and "broken" in verify().stdout
        change(touch.format("b", "z"))
        assert verify().returncode == 0
        change("DELETE FROM audit WHERE chatbot_id = ? AND new_value = '{\"name\":\"c\"}'")  # the newest
        assert verify().returncode == 1
