# SPDX-License-Identifier: Apache-2.0
"""Vectors by a provider (upstream-llm 7.4) as they change what is found, and never whether there is an answer."""
import json
import sqlite3
import time

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


def searched_by_vectors(site, brand):
    """Waits until stored vectors are searched: each question is another one, or its own vector would be kept."""
    eventually(lambda: retrieval(site, brand, f"Is there a quokka lamp {time.monotonic()}?") == "hybrid")


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
        searched_by_vectors(site, brand)
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


# ---- another model, other dimensions --------------------------------------------------------------------------------


def of_store(site, sql, *values):
    with sqlite3.connect(site.server.data / "parley.db") as database:
        return database.execute(sql, values).fetchall()


def made(site, brand, model):
    (n, ), = of_store(site, "SELECT COUNT(*) FROM vectors WHERE brand_id = ? AND model = ? AND kind <> 'calibration'",
                      brand.id, model)
    return n


def retrieval(site, brand, question="Is there a quokka lamp?"):
    """How the turn that answers this found what it knows, as its row says."""
    reply = site.anon.post(f"/chat/{brand.id}", json={"message": question})
    assert reply.status_code == 200, reply.text
    (metadata, ), = of_store(site, "SELECT metadata FROM messages WHERE role = 'assistant' ORDER BY id DESC LIMIT 1")
    return json.loads(metadata)["retrieval"]


def index_health(site):
    return site.admin.get("/api/v1/health/status").json()["data"]["checks"]["index"]


def served(site, brand):
    """Whose vectors are searched."""
    return of_store(site, "SELECT model, dims, next_model, refused_dims FROM vector_indexes WHERE brand_id = ?",
                    brand.id)


def test_what_came_of_a_call_that_failed_is_kept(doubles):
    """upstream-llm#25: of the requests of one call one is answered; its vectors are stored, and not asked for again
    when the job goes on."""
    one, _ = doubles
    one.set(status=500).mark("Lamp number 7,", status=200)
    rows = {"a": {"baseUrl": one.url, "embeddingModel": "vec", "retries": 0}}
    with running(llm=rows) as site:
        brand = site.brand([product(f"p{i}", name=f"Lamp number {i}, lit") for i in range(150)])
        eventually(lambda: made(site, brand, "vec") > 0, 60)
        came, requests = made(site, brand, "vec"), [entry["body"]["input"] for entry in embeddings(one)]
        first = next(texts for texts in requests if any("number 7," in text for text in texts))
        assert came == len(first) < 150
        one.clear().set()
        eventually(lambda: made(site, brand, "vec") == 150, 60)
        again = [text for entry in embeddings(one) for text in entry["body"]["input"]]
        assert not set(first).intersection(again)


def test_old_vectors_serve_until_the_new_ones_are_there(doubles):
    """upstream-llm#25: a changed embeddingModel starts a re-index; searches go on by the old vectors until it is done,
    and by the new ones at once when it is."""
    one, _ = doubles
    rows = {"a": {"baseUrl": one.url, "embeddingModel": "vec", "retries": 0}}
    with running(llm=rows) as site:
        brand = site.brand([product("p", name="Quokka lamp"), product("q", name="Numbat chair")])
        searched_by_vectors(site, brand)
        eventually(lambda: made(site, brand, "vec") >= 2)
        assert index_health(site)["reindex"] == "none"
        one.set(status=500)
        assert site.admin.put(f"{PATH}/a", json={"embeddingModel": "better"}).status_code == 200
        eventually(lambda: served(site, brand)[0][2] == "better")
        one.set()
        searched_by_vectors(site, brand)
        if made(site, brand, "better") < 2:  # the job waits before it tries again
            assert served(site, brand)[0][0] == "vec" and made(site, brand, "vec") >= 2
        eventually(lambda: served(site, brand)[0][0] == "better", 60)
        for table in ("vectors", "text_vectors"):
            models = of_store(site, f"SELECT DISTINCT model FROM {table} WHERE brand_id = ?", brand.id)
            assert models == [("better", )]
        assert retrieval(site, brand) == "hybrid"


def test_other_dimensions_are_refused(doubles):
    """upstream-llm#25: vectors of other dimensions than the index has are not stored; all stays searchable by words,
    health says what to do, and doing it helps."""
    one, _ = doubles
    rows = {"a": {"baseUrl": one.url, "embeddingModel": "vec", "retries": 0}}
    with running(llm=rows) as site:
        brand = site.brand([product("p", name="Quokka lamp")])
        eventually(lambda: made(site, brand, "vec") >= 1)
        one.set(embed="dims=64")
        brand.add(product("q", name="Numbat chair"))
        eventually(lambda: served(site, brand)[0][3] == 64)
        assert of_store(site, "SELECT DISTINCT LENGTH(vector) FROM text_vectors JOIN vectors USING (text_hash) "
                        "WHERE kind <> 'calibration'") == [(384 * 4, )]
        assert retrieval(site, brand, "Is there a numbat chair?") == "keyword"
        found = site.anon.post(f"/chat/{brand.id}", json={"message": "Is there a numbat chair?"}).json()
        assert [entry["id"] for entry in found["suggested_products"]] == ["q"]
        eventually(lambda: index_health(site)["reindex"] == "needed", 30)
        assert "reindex needed" in index_health(site)["warning"]
        assert site.admin.put(f"{PATH}/a", json={"dimensions": 64}).status_code == 200
        eventually(lambda: served(site, brand) == [("vec#64", 64, None, 0)])
        assert retrieval(site, brand, "Is there any numbat chair?") == "hybrid"


def test_a_text_that_comes_back_is_not_computed_again(doubles):
    """Vectors are kept by text and model: two passages of one text have one, and so has a text that was there
    before."""
    one, _ = doubles
    rows = {"a": {"baseUrl": one.url, "embeddingModel": "vec", "retries": 0}}
    with running(llm=rows) as site:
        brand = site.brand([product("p", name="Quokka lamp", description="It shines."),
                            product("twin", name="Quokka lamp", description="It shines.")])
        eventually(lambda: made(site, brand, "vec") >= 2)
        for name in ("Numbat chair", "Quokka lamp"):
            row = product("p", name=name, description="It shines.")
            assert site.admin.put(f"{brand.path}/products/p", json=row).status_code == 200
            eventually(lambda name=name: of_store(
                site, "SELECT COUNT(*) FROM vectors v JOIN products p ON p.id = v.document_id WHERE p.id = 'p' "
                "AND p.name = ?", name) == [(1, )])
        texts = [text for entry in embeddings(one) for text in entry["body"]["input"]]
        texts = [text for text in texts if "It shines." in text]
        assert len(texts) == len(set(texts)) == 2, texts
