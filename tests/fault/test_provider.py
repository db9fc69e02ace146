# SPDX-License-Identifier: Apache-2.0
"""Providers that are down, slow or break off: the visitor gets an answer, once, and the store tells the truth."""

import socket

import pytest

SHOP = [{
    "id": "reel-1", "name": "Heron Reel", "description": "A quiet reel for pike.", "category": "Reels", "price": 120.5,
    "features": ["quiet", "light", "salt-proof"], "specifications": {"weight": "210 g"},
}]


def closed_port():
    """An address where nobody listens."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{s.getsockname()[1]}/v1"


def two(a, b, **fields):
    """Providers a and b in this order, with these fields on a."""
    return {"a": {"baseUrl": a, "order": 1, "retries": 0, **fields}, "b": {"baseUrl": b, "order": 2, "retries": 0}}


def chat(s, brand, message, **fields):
    with s.client() as client:
        return client.post(f"/chat/{brand}", json={"message": message, **fields})


def test_down_with_something_to_quote(server):
    """001 8.6: every provider is down before the first text; the catalogue is quoted and says so."""
    s = server(llm={"a": {"baseUrl": closed_port(), "retries": 0}})
    brand = s.brand(products=SHOP)
    reply = chat(s, brand, "How much is the Heron Reel?")
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert body["metadata"]["mode"] == "quoted" and body["metadata"]["degraded"] is True
    assert body["metadata"]["reason"] == "all_failed"
    assert "120.50 USD" in body["response"]


def test_down_with_nothing_to_quote(server):
    """001-brands#28: 503 with Retry-After, and the customer's message stays."""
    s = server(llm={"a": {"baseUrl": closed_port(), "retries": 0}})
    brand = s.brand()
    reply = chat(s, brand, "Tell me a story", conversation_id="down-1")
    assert reply.status_code == 503
    assert reply.json() == {"detail": "The assistant is temporarily unavailable"}
    assert reply.headers["Retry-After"] == "5"
    assert [(m["role"], m["content"]) for m in s.history(brand, "down-1")] == [("user", "Tell me a story")]
    with s.socket(brand) as ws:
        turn = ws.turn("Another story")
    assert [e["code"] for e in turn.errors] == ["model_error"]
    assert turn.types[-1] == "complete" and turn.types.count("complete") == 1


def test_down_then_the_next(server, fake_llm):
    b = fake_llm().set(answer="fixed:From the second.")
    s = server(llm=two(closed_port(), b.url))
    assert chat(s, s.brand(), "Hello there").json()["response"] == "From the second."


@pytest.mark.parametrize("how", ["fin", "rst", "errorData", "errorField", "errorEvent"])
def test_cut_without_another(server, llm, how):
    """001-brands#28, upstream-llm#11: chunk, `model_error`, `complete` with `error`; the part is kept."""
    llm.set(answer="script:" + '["Partial", " answer", " never seen"]', cutAfter=1, cutHow=how)
    s = server(llm={"a": {"baseUrl": llm.url, "retries": 0}})
    brand = s.brand()
    with s.socket(brand) as ws:
        turn = ws.turn("Go on", conversation_id="cut-1")
    assert turn.text == "Partial"
    assert [e["code"] for e in turn.errors] == ["model_error"]
    assert turn.complete["metadata"]["finish_reason"] == "error"
    assert [m["content"] for m in s.history(brand, "cut-1")] == ["Go on", "Partial"]
    reply = chat(s, brand, "Go on", conversation_id="cut-2")
    assert reply.status_code == 200
    assert reply.json()["response"] == "Partial" and reply.json()["metadata"]["finish_reason"] == "error"


def test_cut_is_continued_by_the_next(server, fake_llm):
    """upstream-llm#10: A breaks off in mid-answer, B goes on; one answer, each word once."""
    a = fake_llm().set(answer="count:100", cutAfter=50, cutHow="rst")
    b = fake_llm().set(answer="count:100", prefill="continue")
    providers = two(a.url, b.url)
    providers["b"]["kind"] = "vllm"
    s = server(llm=providers)
    brand = s.brand()
    with s.socket(brand) as ws:
        turn = ws.turn("Count", conversation_id="fail-over")
    assert turn.text == " ".join(f"w{i}" for i in range(1, 101))
    assert not turn.errors and turn.complete["metadata"]["finish_reason"] == "stop"
    assert [m["content"] for m in s.history(brand, "fail-over")] == ["Count", turn.text]


def test_slow_first_token(server, fake_llm):
    """upstream-llm#8: A is silent past its deadline, B answers."""
    a = fake_llm().set(answer="fixed:Too late.", firstDelayMs=20000)
    b = fake_llm().set(answer="fixed:In time.")
    s = server(llm=two(a.url, b.url, **{"timeouts.firstTokenMs": 300}))
    assert chat(s, s.brand(), "Hello there").json()["response"] == "In time."


def test_hang_in_mid_answer(server, fake_llm):
    """upstream-llm#9: A hangs after five words, B continues."""
    a = fake_llm().set(answer="count:20", cutAfter=5, cutHow="hang")
    b = fake_llm().set(answer="count:20", prefill="continue")
    providers = two(a.url, b.url, **{"timeouts.interTokenMs": 300})
    providers["b"]["kind"] = "vllm"
    s = server(llm=providers)
    assert chat(s, s.brand(), "Count").json()["response"] == " ".join(f"w{i}" for i in range(1, 21))


def test_hundred_turns_at_a_slow_model_do_not_stop_others(server, llm):
    """Turns that wait for a model hold no worker: reads and new sockets are answered meanwhile."""
    llm.set(answer="fixed:At last.", firstDelayMs=3000)
    s = server({"workers": 2}, llm={"a": {"baseUrl": llm.url, "maxConcurrent": 200}})
    brand = s.brand()
    sockets = [s.socket(brand) for _ in range(100)]
    try:
        for ws in sockets:
            ws.send("chat", message="Hello there")
        with s.client() as client:
            for _ in range(20):
                assert client.get(f"/brands/{brand}/products").status_code == 200
        with s.socket(brand) as ws:
            ws.send("ping")
            assert ws.receive_until("pong")
        assert not [ws for ws in sockets if ws.wait_complete().text != "At last."]
    finally:
        for ws in sockets:
            ws.close()


def test_cancel_reaches_the_provider(server, llm):
    """upstream-llm#12: `cancel` closes the model's connection and stores what had come."""
    llm.set(answer="count:500", deltaDelayMs=20)
    s = server(llm=llm)
    brand = s.brand()
    with s.socket(brand) as ws:
        ws.send("chat", message="Count", conversation_id="stop-1")
        ws.receive_until("chunk")
        ws.send("cancel")
        turn = ws.wait_complete(5)
    assert turn.complete["metadata"]["finish_reason"] == "cancelled"
    assert s.history(brand, "stop-1")[1]["content"]
    assert llm.log()[-1]["clientClosedAt"]
