# SPDX-License-Identifier: Apache-2.0
"""What a brand may use of models (upstream-llm 7.3): set aside before a call, counted after it, never overrun."""
import concurrent.futures
import json
import sqlite3
import threading

import pytest

from api.fixtures import running
from api.people import People
from harness import FakeLlm

GOODS = [{"id": "reel-1", "name": "Heron Reel", "description": "A quiet reel for pike.", "category": "Reels",
          "price": 120.5, "features": ["quiet"], "specifications": {"weight": "210 g"}}]


@pytest.fixture(scope="module")
def fake():
    double = FakeLlm().start()
    yield double
    double.stop()


@pytest.fixture(scope="module")
def own(fake, conformance):
    provider = {"baseUrl": fake.url, "retries": 0, "price.inputPerMillion": 1000000, "price.outputPerMillion": 2000000}
    with running(conformance=conformance, llm={"a": provider}) as site:
        yield site


def path_of(brand):
    return f"/api/v1/brands/{brand}/budget"


def put(own, brand, **fields):
    reply = own.admin.put(path_of(brand), json=fields)
    assert reply.status_code == 200, reply.text
    return reply.json()["data"]


def get(own, brand):
    return own.admin.get(path_of(brand)).json()["data"]


def events(own, brand):
    """The budget's events of a brand, oldest first."""
    with sqlite3.connect(own.server.data / "parley.db") as database:
        rows = database.execute("SELECT name, data FROM events WHERE brand_id = ? AND name LIKE 'budget.%' ORDER BY id",
                                (brand,)).fetchall()
    return [(name, json.loads(data)) for name, data in rows]


def ask(own, brand, message="How much is the Heron Reel?"):
    with own.server.client() as client:
        return client.post(f"/chat/{brand}", json={"message": message})


def test_never_overrun(own, fake):
    """upstream-llm#21: fifty turns at once; what is used and set aside stays below, the rest is quoted."""
    fake.set(answer="count:450", deltaDelayMs=1).clear()
    brand = own.server.brand(products=GOODS)
    put(own, brand, monthlyTokens=10000)
    highest, done = [], threading.Event()

    def watch():
        with own.server.client(own.server.token) as client:
            while not done.is_set():
                state = client.get(path_of(brand)).json()["data"]
                highest.append(state["used"]["monthlyTokens"] + state["reserved"]["tokens"])

    watcher = threading.Thread(target=watch)
    watcher.start()
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        replies = list(pool.map(lambda _: ask(own, brand), range(50)))
    done.set()
    watcher.join()
    assert {reply.status_code for reply in replies} == {200}
    metadata = [reply.json()["metadata"] for reply in replies]
    answered = [m for m in metadata if m["mode"] == "model"]
    quoted = [m for m in metadata if m["mode"] == "quoted"]
    assert answered and quoted and len(answered) + len(quoted) == 50
    assert {(m["reason"], m["degraded"], m["finish_reason"]) for m in quoted} == {("budget", True, "stop")}
    assert max(highest) <= 10000 and len(fake.chats()) == len(answered)
    while ask(own, brand).json()["metadata"]["mode"] == "model":
        answered.append(None)
    state = get(own, brand)
    assert state["reserved"] == {"tokens": 0, "cost": 0}
    assert 8000 <= state["used"]["monthlyTokens"] <= 10000
    ask(own, brand)
    told = events(own, brand)
    assert sorted(name for name, _ in told) == ["budget.exhausted", "budget.warning"]
    assert {data["limit"] for _, data in told} == {10000} and {data["period"] for _, data in told} == {"month"}
    fake.clear()


def test_usage_is_what_was_reported(own, fake):
    """Sums of the answers' usage, and their cost by the provider's price; the same after a restart."""
    fake.set(answer="count:20")
    brand = own.server.brand()
    usage = [ask(own, brand, "Hello there").json()["metadata"]["usage"] for _ in range(3)]
    state = get(own, brand)
    assert state["used"]["monthlyTokens"] == state["used"]["dailyTokens"] == sum(u["total_tokens"] for u in usage)
    assert state["used"]["monthlyCost"] == sum(u["prompt_tokens"] + 2 * u["completion_tokens"] for u in usage)
    assert (state["monthlyTokens"], state["dailyTokens"], state["warnAt"], state["onExhausted"]) == (None, None, 0.8,
                                                                                                     "quote")
    assert state["resetsAt"]["day"] <= state["resetsAt"]["month"]
    with sqlite3.connect(own.server.data / "parley.db") as database:
        stored = database.execute("SELECT SUM(prompt_tokens + completion_tokens), SUM(cost) FROM usage_rows"
                                  " WHERE brand_id = ?", (brand,)).fetchone()
    assert stored == (state["used"]["monthlyTokens"], state["used"]["monthlyCost"])


def test_a_restart_counts_what_was_stored(fake):
    fake.set(answer="count:20")
    with running(llm={"a": {"baseUrl": fake.url, "retries": 0}}) as site:
        brand = site.server.brand()
        used = ask(site, brand, "Hello there").json()["metadata"]["usage"]["total_tokens"]
        site.server.stop()
        site.server.restart()
        with site.server.client(site.server.token) as client:
            assert client.get(path_of(brand)).json()["data"]["used"]["monthlyTokens"] == used
            client.put(path_of(brand), json={"dailyTokens": used})
        assert ask(site, brand, "Hello again").json()["metadata"]["reason"] == "budget"


@pytest.mark.parametrize("bound", ["monthlyTokens", "dailyTokens", "monthlyCost"])
def test_each_bound_and_its_end(own, fake, bound):
    fake.set(answer="fixed:Yes.").clear()
    brand = own.server.brand(products=GOODS)
    put(own, brand, **{bound: 1})
    quoted = ask(own, brand).json()
    assert quoted["metadata"]["reason"] == "budget" and "120.50 USD" in quoted["response"]
    nothing = ask(own, brand, "Tell me a story").json()
    assert nothing["metadata"]["mode"] == "quoted" and nothing["metadata"]["sources"] == []
    with own.server.socket(brand) as ws:
        turn = ws.turn("How much is the Heron Reel?")
    assert turn.complete["metadata"]["reason"] == "budget" and not turn.errors
    assert fake.chats() == []
    put(own, brand, **{bound: None})
    assert ask(own, brand).json()["response"] == "Yes."
    fake.clear()


def test_refuse(own, fake):
    """`refuse`: 503 on surface 001, an error over its socket; the model is not asked."""
    fake.set(answer="fixed:Yes.").clear()
    brand = own.server.brand(products=GOODS)
    put(own, brand, monthlyTokens=0, onExhausted="refuse")
    reply = ask(own, brand)
    assert reply.status_code == 503 and reply.json() == {"detail": "The assistant is temporarily unavailable"}
    with own.server.socket(brand) as ws:
        turn = ws.turn("How much is the Heron Reel?")
    assert [error["code"] for error in turn.errors] == ["model_error"]
    assert fake.chats() == []


def test_cancelled_turns_count_and_set_nothing_aside(own, fake):
    fake.set(answer="count:500", deltaDelayMs=20)
    brand = own.server.brand()
    put(own, brand, monthlyTokens=100000)
    with own.server.socket(brand) as ws:
        ws.send("chat", message="Count")
        ws.receive_until("chunk")
        state = get(own, brand)
        assert state["reserved"]["tokens"] > 500 and state["used"]["monthlyTokens"] == 0
        ws.send("cancel")
        ws.wait_complete(10)
    state = get(own, brand)
    assert state["reserved"]["tokens"] == 0 and state["used"]["monthlyTokens"] > 0


def test_rights(own):
    people = People(own)
    brand = own.brand()
    admin, user = (people.token(people.user(brand, role)) for role in ("admin", "user"))
    with own.server.client(admin) as client:
        assert client.get(path_of(brand.id)).status_code == 200
        assert client.put(path_of(brand.id), json={"monthlyTokens": 5}).status_code == 403
        other = own.brand()
        assert client.get(path_of(other.id)).status_code == 404
        assert client.put(path_of(other.id), json={"monthlyTokens": 5}).status_code == 404
    with own.server.client(user) as client:
        assert client.get(path_of(brand.id)).status_code == 403
    assert own.anon.get(path_of(brand.id)).status_code == 401
    assert own.admin.get(path_of("nobody-has-this")).status_code == 404


@pytest.mark.parametrize("body", [{"monthlyTokens": -1}, {"warnAt": 1.1}, {"onExhausted": "stop"}, {"dailyCost": 1},
                                  {"warnAt": None}])
def test_bad_fields(own, body):
    brand = own.server.brand()
    reply = own.admin.put(path_of(brand), json=body)
    assert reply.status_code == 400 and reply.json()["code"] == "VALIDATION_ERROR"
    assert next(iter(body)) in reply.text
