# SPDX-License-Identifier: Apache-2.0
"""A real model behind a real server: what the double imitates, once without it.

Needs `tools/real-model setup` (minutes, so no part of the setup of the tests), or PARLEY_REAL_MODEL with the base URL
of an OpenAI-compatible server whose window is small."""
import json
import os
import sqlite3
import time

import httpx
import pytest

from api.fixtures import running
from api.people import People
from harness import Program
from harness.program import ROOT

TOOL = ROOT / "tools" / "real-model"
PLACE = ROOT / "build" / "real-model"
WINDOW = 512  # tokens: a small model reads slowly, and over its window is soon


class Model(Program):
    def __init__(self):
        super().__init__([TOOL, "serve", str(WINDOW)], env={
            name: os.environ[name] for name in ("PARLEY_REAL_MODEL_DIR", ) if name in os.environ})

    def start(self, timeout=60):
        super().start(timeout)
        self.url = f"http://{self.addresses[0]}/v1"
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.running:
            try:
                if httpx.get(f"{self.url}/models", trust_env=False, timeout=5).status_code == 200:
                    return self
            except httpx.HTTPError:
                time.sleep(0.1)
        self.kill()
        raise AssertionError(f"the model's server does not answer:\n{self.stderr[-2000:]}")


@pytest.fixture(scope="module")
def url():
    given = os.environ.get("PARLEY_REAL_MODEL")
    if given:
        yield given
        return
    place = os.environ.get("PARLEY_REAL_MODEL_DIR", PLACE)
    if not os.path.exists(os.path.join(place, "bin", "python")):
        pytest.skip("no real model here: tools/real-model setup makes one (10 minutes)")
    model = Model().start()
    yield model.url
    model.kill()


@pytest.fixture(scope="module")
def site(url):
    times = {"timeouts.firstTokenMs": 200000, "timeouts.interTokenMs": 60000, "timeouts.totalMs": 240000}
    with running(llm={"real": {"baseUrl": url, "kind": "llamacpp", "models": "*=smollm2", **times}}) as site:
        yield site


def ask(site, brand, message):
    reply = site.anon.post(f"/chat/{brand.id}", json={"message": message}, timeout=250)
    assert reply.status_code == 200, f"{reply.text}: {attempts(site)}"
    return reply.json()


def attempts(site):
    """Of the newest answer, as its row keeps them."""
    with sqlite3.connect(site.server.data / "parley.db") as database:
        (metadata, ), = database.execute(
            "SELECT metadata FROM messages WHERE role = 'assistant' ORDER BY id DESC LIMIT 1").fetchall()
    return json.loads(metadata)["llm"]["attempts"]


def small(site, tokens=48):
    """A brand whose answers are short, so that prompt and answer fit the window; and one that has time."""
    brand = site.brand()
    brand.configure(chat_settings={"max_tokens": tokens})
    chatbot = People(site).chatbot(brand)
    reply = site.admin.put(f"/api/v1/chatbots/{chatbot}", json={"configuration": {"responseTimeout": 200}})
    assert reply.status_code == 200, reply.text
    return brand


def test_a_streamed_answer(site):
    """Text comes in pieces, ends, and its usage is the server's own count or an estimate of it."""
    brand = small(site)
    with site.socket(brand.id) as ws:
        turn = ws.turn("Say hello to our visitors.", timeout=250)
    chunks = [frame for frame in turn.frames if frame["type"] == "chunk"]
    assert turn.text.strip() and chunks
    done = turn.frames[-1]
    assert done["type"] == "complete"
    last = attempts(site)[-1]
    assert last["outcome"] == "ok" and last["tokens"] > 0
    assert "<|im_end|>" not in turn.text


def test_a_cancel_frees_the_model(site):
    """Once the visitor stops, the server works for the next one: it has one place, so the next answer waits for it."""
    brand = small(site, 400)
    with site.socket(brand.id) as ws:
        ws.send("chat", message="Tell a very long story about a lighthouse, with many details.")
        ws.receive_until("chunk", timeout=250)
        ws.send("cancel")
        ended = ws.receive_until("complete", timeout=60)[-1]
    assert ended["data"]["metadata"]["finish_reason"] == "cancelled"
    assert attempts(site)[-1]["outcome"] == "cancelled"
    assert ask(site, brand, "Hello")["response"].strip()


def test_an_over_long_prompt_is_rebuilt(site):
    """The window is learnt from the server (its `context` error or /v1/models), and the visitor sees an answer."""
    brand = small(site)
    text = " ".join(f"Number {n} of many remarks about a lamp." for n in range(45))
    reply = ask(site, brand, text)
    assert reply["response"].strip()
    tried = attempts(site)
    outcomes = [one["outcome"] for one in tried]  # this llama.cpp: broken (a stream without a word), context, ok
    assert "context" in outcomes and outcomes[-1] == "ok", tried
    with site.server.client(site.server.token) as client:
        checks = client.get("/api/v1/health/status").json()["data"]["checks"]
    assert checks["model"]["servers"][0]["provider"] == "real"
