# SPDX-License-Identifier: Apache-2.0
"""The system prompt of a chatbot and its versions (000-management 3.1)."""
import concurrent.futures
import uuid

import pytest

from api.chatbots import PATH, Desk, error, fault
from api.helpers import TIME, UUID

MEMBERS = {"prompt", "version", "generationMethod", "description", "createdBy", "createdAt", "length"}


@pytest.fixture
def desk(site):
    return Desk(site)


def write(desk, chatbot, text, **more):
    reply = desk.put(chatbot, path="/prompt", prompt=text, **more)
    assert reply.status_code == 200, reply.text
    return reply.json()["data"]


def test_versions(desk):
    """000-management#6"""
    made = desk.make()
    first = desk.get(made, path="/prompt")
    assert set(first) == MEMBERS | {"effectivePrompt"}
    assert {k: first[k] for k in MEMBERS} == {"prompt": None, "version": 0, "generationMethod": None, "length": 0,
                                             "description": None, "createdBy": None, "createdAt": None}
    assert [write(desk, made, text)["version"] for text in ("One.", "Two.", "Three {x} ${y}.")] == [1, 2, 3]
    updated = desk.get(made)["updatedAt"]
    assert write(desk, made, "Three {x} ${y}.")["version"] == 3  # the same text
    assert desk.get(made)["updatedAt"] == updated and desk.get(made)["promptVersion"] == 3
    back = desk.post(made, "/prompt/rollback/1", reason="better")
    assert back.status_code == 200 and (back.json()["data"]["prompt"], back.json()["data"]["version"]) == ("One.", 4)
    stale = error(desk.put(made, path="/prompt", prompt="Five.", expectedVersion=3), 409, "CONFLICT")
    assert stale["details"] == {"currentVersion": 4}
    assert write(desk, made, "Five.", expectedVersion=4, description=" why ")["description"] == "why"
    rows = desk.get(made, path="/prompt/history")
    assert [(r["version"], r["prompt"], r["isCurrent"]) for r in rows] == [
        (5, "Five.", True), (4, "One.", False), (3, "Three {x} ${y}.", False), (2, "Two.", False), (1, "One.", False)]
    assert rows[1]["generationMetadata"] == {"rollbackOf": 1, "reason": "better"}
    assert rows[1]["generationMethod"] == "manual" and rows[0]["generationMetadata"] is None
    assert set(rows[0]) == MEMBERS | {"id", "generationMetadata", "isCurrent"}
    assert UUID.fullmatch(rows[0]["id"]) and len({r["id"] for r in rows}) == 5 and TIME.fullmatch(rows[0]["createdAt"])
    assert rows[0]["createdBy"]["id"] == desk.people.user_id(desk.email) and rows[0]["length"] == 5
    assert desk.get(made, path="/prompt/history/2") == rows[3]


def test_rollback(desk):
    made = desk.make(systemPrompt="One.")
    write(desk, made, "Two.")
    assert desk.post(made, "/prompt/rollback", version=2).json()["data"]["version"] == 2  # the current one: nothing
    assert desk.post(made, "/prompt/rollback", version=1, reason=None).json()["data"]["version"] == 3
    assert len(desk.get(made, path="/prompt/history")) == 3
    assert desk.admin.post(f"{PATH}/{made['id']}/prompt/rollback/2").json()["data"]["version"] == 4  # without a body
    for path in ("/prompt/rollback/9", "/prompt/rollback/0", "/prompt/rollback/x", "/prompt/rollback/-1"):
        error(desk.post(made, path), 404, "NOT_FOUND")
    error(desk.post(made, "/prompt/rollback", version=9), 404, "NOT_FOUND")
    fault(desk.post(made, "/prompt/rollback"), "version", "required")
    fault(desk.post(made, "/prompt/rollback/1", version=2), "version", "unknown_field")
    for path in ("/prompt/history/9", "/prompt/history/x", "/prompt/history/99999999999999999999"):
        assert desk.admin.get(f"{PATH}/{made['id']}{path}").status_code == 404


def test_bad_input(desk):
    made = desk.make()
    fault(desk.put(made, path="/prompt"), "prompt", "required")
    fault(desk.put(made, path="/prompt", prompt=""), "prompt", "too_short")
    fault(desk.put(made, path="/prompt", prompt="   "), "prompt", "too_short")
    fault(desk.put(made, path="/prompt", prompt="x" * 10001), "prompt", "too_long")
    fault(desk.put(made, path="/prompt", prompt="a", promptText="b"), "promptText")
    fault(desk.put(made, path="/prompt", prompt="a", description="x" * 501), "description", "too_long")
    fault(desk.put(made, path="/prompt", prompt="a", expectedVersion="1"), "expectedVersion", "type")
    fault(desk.put(made, path="/prompt", prompt="a", model="x"), "model", "unknown_field")
    assert desk.get(made)["promptVersion"] == 0
    assert desk.put(made, path="/prompt", promptText="x" * 10000).json()["data"]["length"] == 10000
    assert desk.put(made, path="/prompt", prompt="é" * 10000, promptText="é" * 10000).status_code == 200


def test_writers_at_once_get_numbers_without_gaps(desk):
    """000-management#6: twenty writers, twenty consecutive numbers; the highest is current."""
    made = desk.make(systemPrompt="First.")
    clients = [desk.site.client(desk.people.user_key(desk.email)) for _ in range(20)]

    def write_one(i):
        return clients[i].put(f"{PATH}/{made['id']}/prompt", json={"prompt": f"Text {i}."}).json()["data"]["version"]

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        numbers = list(pool.map(write_one, range(20)))
    assert sorted(numbers) == list(range(2, 22))
    rows = desk.get(made, path="/prompt/history?limit=100")
    assert [r["version"] for r in rows] == list(range(21, 0, -1))
    for i, number in enumerate(numbers):
        assert rows[21 - number]["prompt"] == f"Text {i}."
    assert desk.get(made, path="/prompt")["prompt"] == rows[0]["prompt"]


def test_surface_001_writes_versions(desk):
    desk.brand.configure(system_prompt="Two.")
    assert desk.site.admin.put(f"{desk.brand.path}/system-prompt", json={"system_prompt": "Three."}).status_code == 200
    desk.brand.configure(welcome_message="no prompt")
    rows = desk.get(desk.default, path="/prompt/history")
    assert [(r["version"], r["prompt"]) for r in rows][:2] == [(3, "Three."), (2, "Two.")] and len(rows) == 3
    write(desk, desk.default, "Four.")
    assert desk.brand.config["system_prompt"] == "Four." and desk.get(desk.default)["promptVersion"] == 4


def test_pages(desk):
    made = desk.make(systemPrompt="0")
    for i in range(1, 5):
        write(desk, made, str(i))
    reply = desk.admin.get(f"{PATH}/{made['id']}/prompt/history", params={"limit": 2, "page": 3}).json()
    assert [r["prompt"] for r in reply["data"]] == ["0"]
    assert reply["pagination"] == {"total": 5, "pages": 3, "page": 3, "limit": 2}


def test_the_model_gets_it_word_for_word(model):
    """000-management#6: the next turn begins with the current prompt, and is what `effectivePrompt` said."""
    desk = Desk(model)
    text = f"Be {{kind}} to %s and {uuid.uuid4()}; \"quote\" \\ this.\nThen stop."
    write(desk, desk.default, text)
    desk.brand.configure(persona_prompt="A sailor", company_info={"name": "Fern"})
    personality = desk.post(desk.default, "/personalities", name="Coach", customInstructions="Sign as Coach.",
                            isDefault=True)
    assert personality.status_code == 201
    told = desk.get(desk.default, path="/prompt")["effectivePrompt"]
    assert told.startswith(text + "\n\n") and "A sailor" in told and "Sign as Coach." in told
    model.llm.clear()
    desk.brand.say("hello")
    messages = model.llm.chats()[0]["messages"]
    assert messages[0] == {"role": "system", "content": told}


def test_the_model_of_any_chatbot_gets_it(model):
    desk = Desk(model)
    made = desk.make(systemPrompt="Be {brief}.")
    told = desk.get(made, path="/prompt")["effectivePrompt"]
    model.llm.clear()
    reply = model.client(made["apiKey"]).post(f"{PATH}/{made['id']}/conversation", json={"message": "hello"})
    assert reply.status_code == 200, reply.text
    assert model.llm.chats()[0]["messages"][0] == {"role": "system", "content": told}


def test_without_a_prompt_its_name_speaks(desk):
    made = desk.make(name="Fern bot", description="Knows ferns.")
    told = desk.get(made, path="/prompt")["effectivePrompt"]
    assert told.startswith("You are Fern bot, an assistant. Knows ferns.\n")
