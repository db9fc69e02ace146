# SPDX-License-Identifier: Apache-2.0
"""Vectors by a provider (upstream-llm 7.4) as they change what is found, and never whether there is an answer."""
import sqlite3

import pytest

from api.fixtures import running
from api.helpers import eventually, product
from harness import FakeLlm

PATH = "/api/v1/admin/llm/providers"


@pytest.fixture
def doubles():
    fakes = [FakeLlm().start(), FakeLlm().start()]
    yield fakes
    for fake in fakes:
        fake.stop()


def embeddings(fake):
    return [entry for entry in fake.log() if entry["path"].endswith("/embeddings")]


def vectors(site, model):
    with sqlite3.connect(site.server.data / "parley.db") as database:
        return database.execute("SELECT COUNT(*) FROM vectors WHERE model = ?", (model,)).fetchone()[0]


def test_a_hanging_embedder_stops_no_answer(doubles):
    """upstream-llm#26: answers come by words alone, over HTTP and over the socket."""
    chat, hangs = doubles
    chat.set(answer="fixed:An answer.")
    rows = {"a": {"baseUrl": chat.url, "order": 1},
            "e": {"baseUrl": hangs.url, "order": 2, "embeddingModel": "vec", "retries": 0}}
    with running(llm=rows) as site:
        brand = site.brand([product("p", name="Quokka lamp")])
        eventually(lambda: embeddings(hangs) and vectors(site, "vec") > 0)
        hangs.set(firstDelayMs=60000, headerDelayMs=60000).clear()
        reply = site.anon.post(f"/chat/{brand.id}", json={"message": "Is there a quokka lamp?"})
        assert reply.json()["response"] == "An answer."
        assert [entry["id"] for entry in reply.json()["suggested_products"]] == ["p"]
        with site.server.socket(brand.id) as ws:
            assert ws.turn("Is there a quokka lamp?").text == "An answer."
        assert embeddings(hangs), "nobody asked for a vector"


def test_another_model_makes_all_vectors_anew(doubles):
    """A changed embeddingModel starts over, at once and without a restart; what was made before is not asked
    for again."""
    one, _ = doubles
    rows = {"a": {"baseUrl": one.url, "embeddingModel": "vec", "retries": 0}}
    with running(llm=rows) as site:
        brand = site.brand([product("p", name="Quokka lamp"), product("q", name="Numbat chair")])
        eventually(lambda: vectors(site, "vec") >= 2)
        before = vectors(site, "vec")
        reply = site.admin.put(f"{PATH}/a", json={"embeddingModel": "better", "dimensions": 64})
        assert reply.status_code == 200, reply.text
        eventually(lambda: vectors(site, "better#64") >= before)
        assert {entry["body"]["model"] for entry in embeddings(one)} == {"vec", "better"}
        assert embeddings(one)[-1]["body"]["dimensions"] == 64
        found = site.anon.post(f"/chat/{brand.id}", json={"message": "Is there a quokka lamp?"}).json()
        assert [entry["id"] for entry in found["suggested_products"]] == ["p"]


def test_aliases_of_the_environment(doubles):
    """OPENAI_*, EMBEDDING_MODEL and EMBEDDING_API_KEY make one provider `env`; vectors have a key of their own."""
    one, _ = doubles
    one.set(answer="fixed:Yes.")
    env = {"OPENAI_BASE_URL": one.url, "OPENAI_MODEL": "small", "LLM_API_KEY": "sk-chat-1", "EMBEDDING_MODEL": "vec",
           "EMBEDDING_API_KEY": "sk-vectors-2"}
    with running(env=env) as site:
        brand = site.brand([product("p", name="Quokka lamp")])
        eventually(lambda: embeddings(one))
        assert site.anon.post(f"/chat/{brand.id}", json={"message": "Hello"}).json()["response"] == "Yes."
        assert embeddings(one)[0]["headers"]["authorization"] == "Bearer sk-vectors-2"
        chats = [entry for entry in one.log() if entry["path"].endswith("/chat/completions")]
        assert chats[0]["headers"]["authorization"] == "Bearer sk-chat-1" and chats[0]["body"]["model"] == "small"
        assert site.admin.get(f"{PATH}/env").json()["data"]["embeddingApiKey"] == "…rs-2"
