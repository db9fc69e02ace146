# SPDX-License-Identifier: Apache-2.0
"""A chatbot's keys and the ways to it (000-management 2.2, 2.3)."""
import concurrent.futures

import pytest

from api.chatbots import PATH, Desk, error, fault
from api.helpers import TIME


@pytest.fixture
def desk(site):
    return Desk(site)


def works(desk, key):
    reply = desk.site.client(key).post(f"{PATH}/{desk.default}/conversation", json={"message": "hello"})
    assert reply.status_code in (200, 401), reply.text
    return reply.status_code == 200


def test_regenerate(desk):
    """000-management#4: the old key is refused from the reply on, others stay, unless all are revoked."""
    first = desk.post(desk.default, "/regenerate-token").json()["data"]
    other = desk.people.chatbot_key(desk.brand)
    assert first["apiKeyHint"] == first["apiKey"][-8:] == desk.get(desk.default)["apiKeyHint"]
    assert first["previousValidUntil"] is None and TIME.fullmatch(first["regeneratedAt"])
    assert works(desk, first["apiKey"]) and works(desk, other)
    second = desk.post(desk.default, "/regenerate-token").json()["data"]
    assert not works(desk, first["apiKey"]) and works(desk, second["apiKey"]) and works(desk, other)
    last = desk.post(desk.default, "/regenerate-token", revokeAll=True).json()["data"]
    assert [works(desk, key) for key in (second["apiKey"], other, last["apiKey"])] == [False, False, True]


def test_grace(desk):
    """000-management#4: with graceSeconds both work, until their time is over."""
    first = desk.post(desk.default, "/regenerate-token").json()["data"]
    second = desk.post(desk.default, "/regenerate-token", graceSeconds=60).json()["data"]
    assert TIME.fullmatch(second["previousValidUntil"]) and second["previousValidUntil"] > second["regeneratedAt"]
    assert works(desk, first["apiKey"]) and works(desk, second["apiKey"])
    assert desk.get(desk.default)["apiKeyHint"] == second["apiKeyHint"]
    with desk.people.rows() as database:
        database.execute("UPDATE api_keys SET revoked_at = revoked_at - 61000 WHERE chatbot_id = ? AND revoked_at > 0",
                         (desk.default,))
    assert not works(desk, first["apiKey"]) and works(desk, second["apiKey"])
    for bad in ({"graceSeconds": -1}, {"graceSeconds": 86401}, {"graceSeconds": "1"}):
        fault(desk.post(desk.default, "/regenerate-token", **bad), "graceSeconds")
    fault(desk.post(desk.default, "/regenerate-token", revokeAll=None), "revokeAll")
    fault(desk.post(desk.default, "/regenerate-token", key="x"), "key", "unknown_field")
    assert works(desk, second["apiKey"])


def test_one_primary_key_lives(desk):
    """000-management#4: of ten calls at once exactly one returned key works."""
    clients = [desk.site.client(desk.people.user_key(desk.email)) for _ in range(10)]
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        replies = list(pool.map(lambda c: c.post(f"{PATH}/{desk.default}/regenerate-token"), clients))
    assert {reply.status_code for reply in replies} == {200}
    living = [key for key in (reply.json()["data"]["apiKey"] for reply in replies) if works(desk, key)]
    assert len(living) == 1 and living[0][-8:] == desk.get(desk.default)["apiKeyHint"]


def test_audit_knows_hints_alone(desk):
    """000-management#35"""
    before = desk.get(desk.default)
    new = desk.post(desk.default, "/regenerate-token").json()["data"]
    public = desk.post(desk.default, "/publishable-key").json()["data"]["publishableKey"]
    rotated, replaced = desk.audit(desk.default)[:2]
    assert (replaced["action"], rotated["action"]) == ("regenerate_token", "publishable_key_rotated")
    assert replaced["oldValue"] == {"apiKeyHint": before["apiKeyHint"]}
    assert replaced["newValue"] == {"apiKeyHint": new["apiKeyHint"]}
    assert rotated["oldValue"] == {"publishableKeyHint": before["publishableKey"][-8:]}
    assert rotated["newValue"] == {"publishableKeyHint": public[-8:]}


def test_publishable_key(desk):
    made = desk.make()
    new = desk.post(made, "/publishable-key").json()["data"]["publishableKey"]
    assert new != made["publishableKey"] and desk.get(made)["publishableKey"] == new
    with desk.people.rows() as database:
        old = database.execute("SELECT key, valid_until - (SELECT updated_at FROM chatbots WHERE id = ?)"
                               " FROM old_publishable_keys WHERE chatbot_id = ?", (made["id"], made["id"])).fetchall()
    assert old == [(made["publishableKey"], 24 * 3600 * 1000)]
    assert desk.site.client(new).get(f"{PATH}/{made['id']}").status_code == 401


def test_integrations(desk):
    made = desk.make()
    assert desk.get(made, path="/integrations") == [
        {"type": "web_embed", "isActive": True}, {"type": "line_oa", "isActive": False, "configured": False},
        {"type": "api", "isActive": True}]
    off = desk.put(made, path="/integrations/web_embed", isActive=False)
    assert off.json()["data"] == {"type": "web_embed", "isActive": False}
    assert desk.put(made, path="/integrations/web_embed", isActive=False).status_code == 200
    assert [row["isActive"] for row in desk.get(made, path="/integrations")] == [False, False, True]
    entries = [r for r in desk.audit(made) if r["action"] == "integration_updated"]
    assert len(entries) == 1 and entries[0]["newValue"] == {"type": "web_embed", "isActive": False}
    key = desk.site.client(made["apiKey"])
    assert key.post(f"{PATH}/{made['id']}/conversation", json={"message": "hello"}).status_code == 200
    assert desk.put(made, path="/integrations/api", isActive=False).status_code == 200
    error(key.post(f"{PATH}/{made['id']}/conversation", json={"message": "hello"}), 403, "CHANNEL_DISABLED")
    fault(desk.put(made, path="/integrations/api"), "isActive", "required")
    fault(desk.put(made, path="/integrations/api", isActive=1), "isActive", "type")
    error(desk.put(made, path="/integrations/telex", isActive=True), 404, "NOT_FOUND")
    error(desk.put(made, path="/integrations/line_oa", isActive=True), 409, "CONFLICT")
