# SPDX-License-Identifier: Apache-2.0
"""Providers of models under /api/v1/admin/llm/providers (upstream-llm 1): rows over the settings, keys that are never
shown, changes that act on the next call."""
import sqlite3

import pytest

from api.fixtures import running
from api.helpers import TIME
from api.people import People
from harness import FakeLlm

PATH = "/api/v1/admin/llm/providers"
KEY = "sk-very-secret-value-7391"


@pytest.fixture(scope="module")
def doubles():
    fakes = [FakeLlm().start(), FakeLlm().start()]
    yield fakes
    for fake in fakes:
        fake.stop()


@pytest.fixture(scope="module")
def own(doubles, conformance):
    """A server of its own: providers are the installation's, so no other test may share it."""
    fixed = {"fixed": {"baseUrl": doubles[0].url, "retries": 0, "order": 50}}
    with running(conformance=conformance, llm=fixed) as site:
        yield site


@pytest.fixture
def a(doubles):
    return doubles[0].set(answer="fixed:From A.").clear()


@pytest.fixture
def b(doubles):
    return doubles[1].set(answer="fixed:From B.").clear()


@pytest.fixture
def make(own):
    made = []

    def make(**body):
        reply = own.admin.post(PATH, json=body)
        if reply.status_code == 201:
            made.append(body["id"])
        return reply

    yield make
    for id in made:
        own.admin.delete(f"{PATH}/{id}")


def last_chat(fake):
    """The window may be asked for behind it."""
    return [entry for entry in fake.log() if entry["path"].endswith("/chat/completions")][-1]


def refused(reply, status, code=None):
    assert reply.status_code == status, reply.text
    assert code is None or reply.json()["code"] == code


def ask(site, message="Hello there"):
    reply = site.anon.post("/chat/techpro", json={"message": message})
    assert reply.status_code == 200, reply.text
    return reply.json()["response"]


def test_a_provider_from_the_cradle_to_the_grave(own, make, a, b):
    row = make(id="second", baseUrl=b.url, apiKey=KEY, order=1, retries=0).json()["data"]
    assert row["apiKey"] == "…7391" and row["source"] == "database" and TIME.fullmatch(row["createdAt"])
    assert row["timeouts"] == {"connectMs": 3000, "firstTokenMs": 20000, "interTokenMs": 15000, "totalMs": 120000}
    assert (row["kind"], row["maxConcurrent"], row["enabled"], row["http2"]) == ("auto", 32, True, True)
    assert own.admin.get(f"{PATH}/second").json()["data"] == row
    listed = own.admin.get(PATH).json()
    assert [one["id"] for one in listed["data"]] == ["second", "fixed"] and listed["count"] == 2
    assert ask(own) == "From B."
    assert last_chat(b)["headers"]["authorization"] == f"Bearer {KEY}"
    changed = own.admin.put(f"{PATH}/second", json={"order": 90})
    assert changed.status_code == 200 and changed.json()["data"]["order"] == 90
    assert ask(own) == "From A."
    assert own.admin.delete(f"{PATH}/second").json()["message"] == "Provider deleted"
    assert own.admin.get(f"{PATH}/second").status_code == 404
    assert own.admin.delete(f"{PATH}/second").status_code == 404


def test_what_was_read_may_be_sent_back(own, make, b):
    row = make(id="second", baseUrl=b.url, apiKey=KEY, order=1, extraHeaders={"X-Team": "fern"}, models={"*": "small"},
               capabilities={"prefill": "last"}, proxy=None).json()["data"]
    again = own.admin.put(f"{PATH}/second", json=row)
    assert again.status_code == 200, again.text
    assert {**again.json()["data"], "updatedAt": row["updatedAt"]} == row
    ask(own)
    entry = last_chat(b)
    assert entry["headers"]["authorization"] == f"Bearer {KEY}" and entry["headers"]["x-team"] == "fern"
    assert entry["body"]["model"] == "small"
    cleared = own.admin.put(f"{PATH}/second", json={"apiKey": None}).json()["data"]
    assert cleared["apiKey"] is None
    ask(own)
    assert "authorization" not in last_chat(b)["headers"]


def test_a_row_over_the_settings(own, a):
    """Field by field: what the row does not say stays as the settings say it; without the row they hold again."""
    kept = own.admin.get(f"{PATH}/fixed").json()["data"]
    assert kept["source"] == "settings" and kept["apiKey"] == "…0000" and kept["createdAt"] is None
    assert own.admin.delete(f"{PATH}/fixed").status_code == 409
    assert own.admin.post(PATH, json={"id": "fixed", "baseUrl": a.url}).status_code == 409
    try:
        changed = own.admin.put(f"{PATH}/fixed", json={"apiKey": KEY, "timeouts": {"firstTokenMs": 4000}})
        assert changed.status_code == 200, changed.text
        row = changed.json()["data"]
        assert row["source"] == "database" and row["baseUrl"] == a.url and row["order"] == 50
        assert row["timeouts"]["firstTokenMs"] == 4000 and row["timeouts"]["totalMs"] == 120000
        ask(own)
        assert last_chat(a)["headers"]["authorization"] == f"Bearer {KEY}"
    finally:
        assert own.admin.delete(f"{PATH}/fixed").status_code == 200
    ask(own)
    assert last_chat(a)["headers"]["authorization"] == "Bearer sk-test-fixed-0000"
    assert own.admin.get(f"{PATH}/fixed").json()["data"] == kept


def test_a_refused_key_is_left_alone_until_it_is_changed(own, make, a, b):
    """upstream-llm#7: 401 → the next; not asked again until its key is changed; the key is seen nowhere."""
    b.set(auth="sk-the-right-one-2222", answer="fixed:From B.")
    make(id="second", baseUrl=b.url, apiKey=KEY, order=1)
    assert ask(own) == "From A." and ask(own) == "From A."
    assert len(b.chats()) == 1
    with own.server.socket() as ws:
        assert ws.turn("Hello there").text == "From A."
    assert len(b.chats()) == 1
    tried = own.admin.post(f"{PATH}/second/test").json()["data"]
    assert tried["ok"] is False and tried["error"].startswith("auth: ") and KEY not in tried["error"]
    own.admin.put(f"{PATH}/second", json={"apiKey": "sk-the-right-one-2222"})
    assert ask(own) == "From B."
    shown = [own.admin.get(path).text for path in (PATH, f"{PATH}/second", "/api/v1/metrics", "/health",
                                                   "/api/v1/health/status", "/api/v1/audit-log")]
    for text in [*shown, "\n".join(own.server.err), "\n".join(own.server.out)]:
        assert KEY not in text and "sk-the-right-one" not in text
    rows = sqlite3.connect(own.server.data / "parley.db").execute("SELECT * FROM llm_providers").fetchall()
    assert rows and not [row for row in rows if "sk-the-right-one" in str(row)]


def test_trying(own, make, b):
    make(id="second", baseUrl=b.url, order=99, enabled=False, embeddingModel="vec", models={"*": "small"})
    done = own.admin.post(f"{PATH}/second/test").json()["data"]
    assert done["ok"] is True and done["error"] is None and done["model"] == "small" and done["dimensions"] == 384
    assert done["totalMs"] >= done["firstTokenMs"] >= 0
    b.set(status=500)
    failed = own.admin.post(f"{PATH}/second/test", json={"model": "large"}).json()["data"]
    assert failed["ok"] is False and failed["error"].startswith("busy: ") and failed["dimensions"] is None
    assert own.admin.post(f"{PATH}/nobody/test").status_code == 404


@pytest.mark.parametrize("field, value", [
    ("id", "Upper"), ("id", ""), ("baseUrl", "ftp://a.example"), ("baseUrl", "http://user@a.example"),
    ("kind", "other"),
    ("retries", 11), ("timeouts", {"connectMs": 99}), ("extraHeaders", {"Authorization": "Bearer x"}),
    ("extraHeaders", {"X-A": 1}), ("models", {"a": ["b"]}), ("capabilities", {"prefill": "maybe"}),
    ("contextWindow", 1),
    ("keyHeader", "a b"), ("apiKey", "with\nline"), ("other", 1)])
def test_bad_fields(own, make, field, value):
    reply = make(**{"id": "bad", "baseUrl": "http://a.example", field: value})
    refused(reply, 400, "VALIDATION_ERROR")
    assert field in reply.text
    assert own.admin.get(f"{PATH}/bad").status_code == 404


def test_a_put_cannot_rename(own, make, b):
    make(id="second", baseUrl=b.url, order=99)
    refused(own.admin.put(f"{PATH}/second", json={"id": "third"}), 400, "VALIDATION_ERROR")
    refused(own.admin.put(f"{PATH}/nobody", json={"order": 3}), 404)
    refused(make(id="second", baseUrl=b.url), 409, "CONFLICT")


def test_super_admin_alone(own):
    people = People(own)
    email = people.user(own.brand(), "admin")
    with own.server.client(people.token(email)) as client:
        for call in (client.get(PATH), client.post(PATH, json={"id": "x", "baseUrl": "http://a.example"}),
                     client.get(f"{PATH}/fixed"), client.put(f"{PATH}/fixed", json={}),
                     client.delete(f"{PATH}/fixed"), client.post(f"{PATH}/fixed/test")):
            assert call.status_code == 403, call.text
    assert own.anon.get(PATH).status_code == 401


def test_rows_are_there_after_a_restart(doubles, b):
    with running() as site:
        site.admin.post(PATH, json={"id": "only", "baseUrl": b.url, "apiKey": KEY})
        assert ask(site) == "From B."
        site.server.stop()
        site.server.restart()
        with site.server.client() as client:
            assert client.post("/chat/techpro", json={"message": "Hello"}).json()["response"] == "From B."
        assert last_chat(b)["headers"]["authorization"] == f"Bearer {KEY}"
