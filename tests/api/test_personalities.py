# SPDX-License-Identifier: Apache-2.0
"""Personalities (003-platform 5): a plain resource under /api/v1, its default, and the lines it adds to a prompt."""
import uuid

import pytest

from api.helpers import TIME, UUID
from api.people import People

DEFAULT_LINES = """Personality: Default

Response characteristics:
- Show understanding where it is called for.

Character traits:
- Be friendly.
- Be professional.

Tone of voice:
- Keep a helpful undertone.
- Keep a respectful undertone."""

COACH_LINES = """Personality: Coach

Language style:
- Write in a formal, businesslike register.
- Prefer plain words and short sentences.

Response characteristics:
- Joke often, as long as it suits the subject.
- Mix fresh ideas with facts, and never trade facts for ideas.

Character traits:
- Be very patient.
- Never be pushy.
- Do not be shy.

Tone of voice:
- Let a clearly warm tone carry the answer.

Further instructions:
Sign as Coach."""

COACH = {
    "name": "Coach",
    "languageStyle": {"formality": 0.31, "complexity": -0.31, "verbosity": 0.3},
    "responseCharacteristics": {"humor": 0.71, "empathy": 0.3, "creativity": 0.31},
    "traits": [{"name": "patient", "value": 0.71}, {"name": "pushy", "value": -0.9}, {"name": "shy", "value": -0.4},
               {"name": "calm", "value": 0.3}],
    "tones": [{"name": "warm", "strength": 0.71}, {"name": "dry", "strength": 0.2}],
    "customInstructions": "Sign as Coach.",
}


@pytest.fixture
def people(site):
    return People(site)


@pytest.fixture
def chatbot(site, people):
    """The path of a new brand's default chatbot."""
    return "/api/v1/chatbots/" + people.chatbot(site.brand())


def make(site, chatbot, **body):
    reply = site.admin.post(f"{chatbot}/personalities", json={"name": "Guide", **body})
    assert reply.status_code == 201, reply.text
    return reply.json()["data"]


def test_the_default_is_made_once(site, chatbot):
    """003-platform#14"""
    first = site.admin.post(f"{chatbot}/personalities/default")
    second = site.admin.post(f"{chatbot}/personalities/default", json={"name": "Other"})
    assert (first.status_code, second.status_code) == (201, 200)
    made = first.json()["data"]
    assert second.json()["data"] == made
    assert made["name"] == "Default" and made["isDefault"] is True
    assert made["traits"][0] == {"name": "friendly", "value": 0.5, "description": ""}
    lines = site.admin.get(f"/api/v1/personalities/{made['id']}/prompt-modifier").json()
    assert lines["data"] == {"personalityId": made["id"], "personalityName": "Default", "promptModifier": DEFAULT_LINES}


def test_lines_of_the_prompt(site, chatbot):
    """003-platform#15: every threshold is strict, sections without bullets are left out."""
    coach = make(site, chatbot, **COACH)
    lines = site.admin.get(f"/api/v1/personalities/{coach['id']}/prompt-modifier").json()["data"]["promptModifier"]
    assert lines == COACH_LINES


def test_the_object(site, chatbot):
    row = make(site, chatbot, traits=["brave"], tones=["soft"])
    assert UUID.fullmatch(row["id"]) and TIME.fullmatch(row["createdAt"]) and row["createdAt"] == row["updatedAt"]
    assert row["traits"] == [{"name": "brave", "value": 0.5, "description": ""}]
    assert row["tones"] == [{"name": "soft", "strength": 0.5, "description": ""}]
    assert row["languageStyle"] == {"formality": 0, "complexity": 0, "verbosity": 0}
    assert row["responseCharacteristics"] == {"humor": 0.2, "empathy": 0.5, "creativity": 0.3}
    assert (row["description"], row["customInstructions"], row["isDefault"]) == ("", "", False)
    assert site.admin.get(f"/api/v1/personalities/{row['id']}").json()["data"] == row


def test_numbers_keep_three_decimals(site, chatbot):
    row = make(site, chatbot, traits=[{"name": "exact", "value": 0.12345}])
    assert row["traits"][0]["value"] == 0.123


def test_a_change_merges_objects_and_replaces_lists(site, chatbot):
    path = "/api/v1/personalities/" + make(site, chatbot, **COACH)["id"]
    changed = site.admin.put(path, json={"languageStyle": {"verbosity": 1}, "traits": ["kind"], "description": None})
    assert changed.status_code == 200, changed.text
    row = changed.json()["data"]
    assert row["languageStyle"] == {"formality": 0.31, "complexity": -0.31, "verbosity": 1}
    assert [t["name"] for t in row["traits"]] == ["kind"]
    assert row["customInstructions"] == COACH["customInstructions"]


def test_what_was_read_may_be_sent_back(site, chatbot):
    row = make(site, chatbot, **COACH)
    again = site.admin.put(f"/api/v1/personalities/{row['id']}", json=row)
    assert again.status_code == 200, again.text
    assert again.json()["data"] == row  # updatedAt too: nothing was written


@pytest.mark.parametrize("body, field, code", [
    ({"traits": [{"name": "x", "value": 1.01}]}, "traits[0].value", "out_of_range"),
    ({"name": "x" * 101}, "name", "too_long"),
    ({"name": " "}, "name", "too_short"),
    ({"name": None}, "name", "type"),
    ({"tones": [{"strength": 0.5}]}, "tones[0].name", "required"),
    ({"tones": [7]}, "tones[0]", "type"),
    ({"traits": ["t"] * 31}, "traits", "too_long"),
    ({"isDefault": None}, "isDefault", "type"),
    ({"languageStyle": {"formality": -1.5}}, "languageStyle.formality", "out_of_range"),
    ({"languageStyle": {"size": 1}}, "languageStyle.size", "unknown_field"),
    ({"mood": 1}, "mood", "unknown_field"),
    ({"id": "x"}, "id", "unknown_field"),
])
def test_bad_input_names_the_field(site, chatbot, body, field, code):
    """003-platform#16"""
    reply = site.admin.post(f"{chatbot}/personalities", json={"name": "Guide", **body})
    assert reply.status_code == 400, reply.text
    fault = reply.json()
    assert fault["code"] == "VALIDATION_ERROR" and fault["success"] is False
    assert (fault["details"][0]["field"], fault["details"][0]["code"]) == (field, code)
    assert site.admin.get(f"{chatbot}/personalities").json()["count"] == 0


def test_at_most_fifty_and_the_default_goes_on(site, chatbot):
    """003-platform#16"""
    rows = [make(site, chatbot, name=f"n{i}", isDefault=i == 7) for i in range(50)]
    full = site.admin.post(f"{chatbot}/personalities", json={"name": "one more"})
    assert full.status_code == 409 and full.json()["details"][0]["code"] == "limit_reached"
    listed = site.admin.get(f"{chatbot}/personalities").json()
    assert listed["pagination"] == {"total": 50, "pages": 1, "page": 1, "limit": 100}
    assert [r["name"] for r in listed["data"]] == [r["name"] for r in rows]  # oldest first
    gone = site.admin.delete(f"/api/v1/personalities/{rows[7]['id']}")
    assert gone.json() == {"status": "success", "success": True, "message": "Personality deleted"}
    assert [r["name"] for r in site.admin.get(f"{chatbot}/personalities").json()["data"] if r["isDefault"]] == ["n0"]


def test_one_default_at_a_time(site, chatbot):
    first, second = make(site, chatbot, isDefault=True), make(site, chatbot, isDefault=True)
    assert site.admin.get(f"/api/v1/personalities/{first['id']}").json()["data"]["isDefault"] is False
    site.admin.post(f"/api/v1/personalities/{first['id']}/default")
    flags = {r["id"]: r["isDefault"] for r in site.admin.get(f"{chatbot}/personalities").json()["data"]}
    assert flags == {first["id"]: True, second["id"]: False}


def test_pages(site, chatbot):
    for i in range(5):
        make(site, chatbot, name=f"n{i}")
    page = site.admin.get(f"{chatbot}/personalities", params={"limit": 2, "page": 3}).json()
    assert [r["name"] for r in page["data"]] == ["n4"]
    assert page["pagination"] == {"total": 5, "pages": 3, "page": 3, "limit": 2}
    assert site.admin.get(f"{chatbot}/personalities", params={"page": 9}).json()["data"] == []
    for bad in ({"limit": 101}, {"page": 0}, {"limit": "x"}):
        assert site.admin.get(f"{chatbot}/personalities", params=bad).status_code == 400


def test_who_may(site, people, chatbot):
    brand, other = site.brand(), site.brand()
    path = "/api/v1/chatbots/" + people.chatbot(brand)
    row = make(site, path)
    own = "/api/v1/personalities/" + row["id"]
    outsider, member, admin = (people.client(other), people.client(brand, "user"), people.client(brand))
    assert site.anon.get(own).status_code == 401
    assert people.key_client(brand).get(own).status_code == 401
    unknown = outsider.get(f"/api/v1/personalities/{uuid.uuid4()}").json()
    foreign = outsider.get(own)
    assert foreign.status_code == 404
    assert {**foreign.json(), "requestId": 0} == {**unknown, "requestId": 0}
    assert outsider.get("/api/v1/personalities/none").status_code == 404
    assert member.get(own).status_code == 404  # neither its creator nor an admin
    assert admin.put(own, json={"name": "Renamed"}).json()["data"]["name"] == "Renamed"
    assert outsider.post(f"{path}/personalities", json={"name": "x"}).status_code == 404
