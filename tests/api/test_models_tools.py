# SPDX-License-Identifier: Apache-2.0
"""Tools of the house in a turn (upstream-llm 3.4, 003-platform 8.3), over HTTP, over the socket and as events. A is
asked first, B goes on."""
import json
import sqlite3

import pytest

from api.fixtures import running
from api.pairs import forget, pair_site, turn_of
from harness.sse import events

STYLES = ["fragments", "noIndex", "sameIndex", "object", "noId", "whole", "text", "finishStop"]
SEARCH, CLOCK = "catalogue__search_products", "clock__now"
ONE = {"name": SEARCH, "arguments": {"query": "laptop", "maxPrice": 1200, "limit": 3}}
OTHER = {"name": CLOCK, "arguments": {"timezone": "Asia/Bangkok"}}


@pytest.fixture(scope="module")
def shop():
    row = {"retries": 0, "timeouts.interTokenMs": 400}
    with pair_site(row, row, settings={"tools.builtin": [SEARCH, CLOCK]}) as site:
        yield site


def fresh(shop, **knobs):
    forget(shop)
    shop.a.set(answer="fixed:Here you are.", **knobs).clear()
    shop.b.set(answer="fixed:Here you are.").clear()


def ask(shop, over, message="Which laptop is cheap?"):
    return turn_of(shop, over, message, ("tool_call", SEARCH, "invalid_arguments"))


def results(request):
    return [json.loads(m["content"]) for m in request["messages"] if m["role"] == "tool"]


def rows_of(shop):
    with sqlite3.connect(shop.server.data / "parley.db") as database:
        return database.execute("SELECT plugin, tool, ok, error FROM tool_calls ORDER BY id").fetchall()


@pytest.mark.parametrize("over", ["http", "socket"])
@pytest.mark.parametrize("style", STYLES)
def test_every_style(shop, style, over):
    """upstream-llm#17: called once with the same arguments; two parallel calls stay two."""
    fresh(shop, tools=[ONE, OTHER], toolStyle=style)
    before = len(rows_of(shop))
    text, metadata = ask(shop, over)
    assert text == "Here you are." and metadata["mode"] == "model" and metadata["finish_reason"] == "stop"
    first, second = shop.a.chats()
    assert {t["function"]["name"] for t in first["tools"]} == {SEARCH, CLOCK}
    sent, = [m for m in second["messages"] if m.get("tool_calls")]
    assert [(c["function"]["name"], json.loads(c["function"]["arguments"])) for c in sent["tool_calls"]] == [
        (ONE["name"], ONE["arguments"]), (OTHER["name"], OTHER["arguments"])]
    answered = [m["tool_call_id"] for m in second["messages"] if m["role"] == "tool"]
    assert answered == [c["id"] for c in sent["tool_calls"]]
    products, clock = results(second)
    assert clock["timezone"] == "Asia/Bangkok" and clock["iso"].endswith("+07:00")
    assert products["products"] and all(set(p) >= {"id", "name", "price", "available"} for p in products["products"])
    assert rows_of(shop)[before:] == [("catalogue", "search_products", 1, None), ("clock", "now", 1, None)]
    assert shop.b.chats() == []


@pytest.mark.parametrize("over", ["http", "socket"])
def test_bad_json(shop, over):
    """upstream-llm#17: one error result, then an answer."""
    fresh(shop, tools=[ONE], toolStyle="badJson")
    before = len(rows_of(shop))
    text, metadata = ask(shop, over)
    assert text == "Here you are." and metadata["mode"] == "model"
    _, second = shop.a.chats()
    result, = results(second)
    assert result == {"error": "invalid_arguments", "details": "the arguments are not JSON"}
    assert len(rows_of(shop)) == before, "nothing was called"


@pytest.mark.parametrize("over", ["http", "socket"])
@pytest.mark.parametrize("how", ["fin", "rst", "hang", "errorData", "errorField", "errorEvent"])
def test_an_unfinished_call_is_redone(shop, how, over):
    """upstream-llm#17, 5.4: B makes the call anew; what A had said before it stays and comes once."""
    fresh(shop)
    shop.a.queue({"tools": [ONE], "toolText": "Let me look.", "cutAfter": 2, "cutHow": how})
    shop.b.set(answer="fixed:Here you are.", tools=[ONE])
    before = len(rows_of(shop))
    text, metadata = ask(shop, over)
    assert text == "Let me look.\n\nHere you are." and metadata["finish_reason"] == "stop"
    assert rows_of(shop)[before:] == [("catalogue", "search_products", 1, None)]
    assert len(shop.b.chats()) == 1


@pytest.mark.parametrize("over", ["http", "socket"])
def test_refused_tools_are_left_out(shop, over):
    """upstream-llm#16: one extra request the first time, none the next."""
    fresh(shop, refuse=["tools"], tools=[ONE])
    assert ask(shop, over)[0] == "Here you are."
    assert ["tools" in chat for chat in shop.a.chats()] == [True, False]
    assert ask(shop, over)[0] == "Here you are."
    assert ["tools" in chat for chat in shop.a.chats()] == [True, False, False]


@pytest.mark.parametrize("over", ["http", "socket"])
def test_without_end(shop, over):
    """003-platform#20: a model that asks for tools for ever gives a final answer after five rounds."""
    fresh(shop, tools=[OTHER], toolRounds=1000)
    text, _ = ask(shop, over)
    chats = shop.a.chats()
    assert text == "Here you are." and len(chats) == 6
    assert [chat.get("tool_choice") for chat in chats] == [None] * 5 + ["none"]
    assert len(results(chats[-1])) == 5


@pytest.mark.parametrize("over", ["http", "socket"])
def test_prices_come_from_rows(shop, over):
    """A product that only the tool has found: its marker is filled with the row's price, whatever the question."""
    brand = shop.server.brand(products=[{"id": "stove", "name": "Ember Stove", "description": "Burns wood",
                                         "category": "Stoves", "price": 59.9, "features": [], "specifications": {}}])
    fresh(shop, tools=[{"name": SEARCH, "arguments": {"query": "stove"}}])
    shop.a.set(answer="fixed:It is [[price:stove]].", tools=[{"name": SEARCH, "arguments": {"query": "stove"}}])
    if over == "http":
        text = shop.anon.post(f"/chat/{brand}", json={"message": "Anything warm?"}).json()["response"]
    else:
        with shop.server.socket(brand) as ws:
            text = ws.turn("Anything warm?").text
    assert text == "It is 59.90 USD."


def test_events_and_metadata_of_the_platform(shop):
    """003-platform 4.1: `tool` events in their place in the stream; metadata.tools; the metric."""
    fresh(shop, tools=[OTHER, {"name": CLOCK, "arguments": {"timezone": "Nowhere/Here"}}], toolText="Let me look.")
    with shop.admin.stream("POST", "/api/v1/chatbots/techpro/conversation",
                           json={"message": "What day is it?", "stream": True}) as reply:
        assert reply.status_code == 200, reply.read()
        seen = list(events(reply))
    assert [e.id for e in seen] == [str(i + 1) for i in range(len(seen))]
    kinds = [e.event for e in seen]
    assert kinds[0] == "start" and kinds[1] == "delta" and kinds[-2] == "delta" and kinds[-1] == "complete"
    told = [(e.json["name"], e.json["status"]) for e in seen if e.event == "tool"]
    assert sorted(told) == [(CLOCK, "error"), (CLOCK, "ok"), (CLOCK, "running"), (CLOCK, "running")]
    first = kinds.index("tool")
    assert "".join(e.json["text"] for e in seen[:first] if e.event == "delta") == "Let me look."
    complete = seen[-1].json
    assert "".join(e.json["text"] for e in seen if e.event == "delta") == complete["response"]
    ran = complete["metadata"]["tools"]
    assert [(t["plugin"], t["tool"], t["ok"], t["status"]) for t in ran] == [
        ("clock", "now", True, None), ("clock", "now", False, None)]
    assert all(isinstance(t["latencyMs"], int) for t in ran)
    assert complete["metadata"]["answered"] is True
    page = shop.admin.get("/api/v1/metrics", headers={"Accept": "text/plain"}).text
    assert 'parley_plugin_calls_total{type="builtin",outcome="ok"}' in page


def test_usage_is_that_of_all_requests(shop):
    """upstream-llm#17: both requests of the turn are counted, once each."""
    fresh(shop, tools=[OTHER], usage="end")
    _, metadata = ask(shop, "http")
    first, second = shop.a.chats()
    assert metadata["usage"]["completion_tokens"] == 1 + 3  # one call; three pieces of the answer
    _, again = ask(shop, "socket")
    assert again["usage"] == metadata["usage"]
    with sqlite3.connect(shop.server.data / "parley.db") as database:
        rows = database.execute("SELECT prompt_tokens + completion_tokens FROM usage_rows ORDER BY id DESC LIMIT 2"
                                ).fetchall()
    assert [total for total, in rows] == [metadata["usage"]["total_tokens"]] * 2
    assert metadata["usage"]["prompt_tokens"] > 0 and first and second


def test_off_by_default_and_by_chatbot(shop):
    """Nothing is offered unless the installation names it, nor where the chatbot's maxCalls is 0."""
    fresh(shop, tools=[ONE])
    brand = shop.server.brand()
    with sqlite3.connect(shop.server.data / "parley.db") as database:
        chatbot, = database.execute("SELECT id FROM chatbots WHERE brand_id = ?", (brand,)).fetchone()
    path = f"/api/v1/chatbots/{chatbot}"
    reply = shop.admin.put(path, json={"configuration": {"plugins": {"maxCalls": 0}}})
    assert reply.status_code == 200, reply.text
    assert shop.anon.post(f"/chat/{brand}", json={"message": "Hello there"}).json()["response"] == "Here you are."
    assert ["tools" in chat for chat in shop.a.chats()] == [False]
    reply = shop.admin.put(path, json={"configuration": {"plugins": {"maxCalls": 1}}})
    assert reply.status_code == 200, reply.text
    shop.a.clear()
    assert shop.anon.post(f"/chat/{brand}", json={"message": "Hello there"}).json()["response"] == "Here you are."
    assert [chat.get("tool_choice") for chat in shop.a.chats()] == [None, "none"]
    with running(llm={"a": {"baseUrl": shop.a.url}}) as site:
        shop.a.clear()
        assert site.anon.post("/chat/techpro", json={"message": "Hello there"}).status_code == 200
    assert ["tools" in chat for chat in shop.a.chats()] == [False]
