# SPDX-License-Identifier: Apache-2.0
"""Knowledge bases and their items (003-platform 6): objects, quotas, lists, search, and what turns take from them."""
import uuid

import pytest

from api.fixtures import running
from api.helpers import TIME, UUID, eventually
from api.people import People

WARRANTY = {"title": "Warranty", "content": "The Aurora X2 has a two-year warranty.", "tags": ["warranty"]}


class Bot:
    """A brand's default chatbot and its knowledge, as its admin sees them."""

    def __init__(self, site, **config):
        self.site, self.admin = site, site.admin
        self.brand = site.brand(**config)
        self.path = "/api/v1/chatbots/" + People(site).chatbot(self.brand)

    def make(self, status=201, **body):
        reply = self.admin.post(f"{self.path}/knowledge-bases", json={"name": "Care sheets", **body})
        assert reply.status_code == status, reply.text
        return reply.json()["data"]

    def add(self, base, *items, status=201):
        body = items[0] if len(items) == 1 else {"items": list(items)}
        reply = self.admin.post(f"/api/v1/knowledge-bases/{base['id']}/items", json=body)
        assert reply.status_code == status, reply.text
        return reply.json()["data"]

    def search(self, base, query, **params):
        reply = self.admin.get(f"/api/v1/knowledge-bases/{base['id']}/search", params={"query": query, **params})
        assert reply.status_code == 200, reply.text
        assert reply.json()["count"] == len(reply.json()["data"])
        return reply.json()["data"]

    def change(self, base, **body):
        reply = self.admin.put(f"/api/v1/knowledge-bases/{base['id']}", json=body)
        assert reply.status_code == 200, reply.text
        return reply.json()["data"]

    def remove(self, base, item):
        return self.admin.delete(f"/api/v1/knowledge-bases/{base['id']}/items/{item['id']}")

    def filter(self, **filters):
        """Sets the chatbot's knowledge filters."""
        return self.admin.put(f"{self.path}/knowledge-sources", json=filters)


@pytest.fixture
def bot(site):
    return Bot(site)


def titles(items):
    return [item["title"] for item in items]


# ---- objects --------------------------------------------------------------------------------------------------------


def test_the_objects(bot):
    base = bot.make(items=[WARRANTY])
    assert UUID.fullmatch(base["id"]) and TIME.fullmatch(base["createdAt"]) and bot.path.endswith(base["chatbotId"])
    item, = base.pop("items")
    assert {key: base[key] for key in base if key not in ("id", "chatbotId", "createdAt", "updatedAt")} == {
        "name": "Care sheets", "description": "", "kind": "manual", "isActive": True, "itemCount": 1,
        "settings": {"retrievalMethod": "hybrid", "relevanceThreshold": 0.3, "maxResults": 5}, "itemsTruncated": False}
    assert UUID.fullmatch(item["id"]) and TIME.fullmatch(item["updatedAt"])
    assert {key: item[key] for key in item if key not in ("id", "createdAt", "updatedAt")} == {
        **WARRANTY, "metadata": {}, "source": "manual", "embeddingStatus": "none"}
    read = bot.admin.get(f"/api/v1/knowledge-bases/{base['id']}").json()["data"]
    assert read == {**base, "items": [item]}
    listed, = bot.admin.get(f"{bot.path}/knowledge-bases").json()["data"]
    assert listed == {key: read[key] for key in read if key not in ("items", "itemsTruncated")}
    included, = bot.admin.get(f"{bot.path}/knowledge-bases", params={"include": "items"}).json()["data"]
    assert included == read


def test_a_change_merges_settings_and_leaves_items(bot):
    base = bot.make(items=[WARRANTY])
    changed = bot.change(base, settings={"maxResults": 7}, items=[], itemCount=9, description="All of it")
    assert changed["settings"] == {"retrievalMethod": "hybrid", "relevanceThreshold": 0.3, "maxResults": 7}
    assert (changed["itemCount"], titles(changed["items"])) == (1, ["Warranty"])
    again = bot.change(changed, **{key: changed[key] for key in changed if key != "id"})
    assert again == changed  # equal values write nothing


def test_items_are_added_changed_and_removed(bot):
    base = bot.make()
    one = bot.add(base, {**WARRANTY, "metadata": {"page": 4}, "tags": ["a", "a", "b"]})
    assert one["itemCount"] == 1 and one["item"]["metadata"] == {"page": 4} and one["item"]["tags"] == ["a", "b"]
    many = bot.add(base, {"title": "Returns", "content": "Within 30 days."}, {"title": "Post", "content": "By bike."})
    assert many["itemCount"] == 3 and titles(many["createdItems"]) == ["Returns", "Post"]
    path = f"/api/v1/knowledge-bases/{base['id']}/items"
    changed = bot.admin.put(f"{path}/{one['item']['id']}", json={"title": "Guarantee", "tags": None}).json()["data"]
    assert (changed["item"]["title"], changed["item"]["tags"]) == ("Guarantee", [])
    assert changed["item"]["content"] == WARRANTY["content"]
    back = bot.admin.put(f"{path}/{one['item']['id']}", json=changed["item"]).json()["data"]["item"]
    assert back == changed["item"]
    gone = bot.remove(base, one["item"])
    assert gone.status_code == 200 and gone.json()["data"]["itemCount"] == 2
    assert bot.remove(base, one["item"]).status_code == 404
    assert titles(bot.admin.get(path).json()["data"]) == ["Returns", "Post"]
    other = bot.make(name="Other")
    assert bot.admin.put(f"/api/v1/knowledge-bases/{other['id']}/items/{many['createdItems'][0]['id']}",
                         json={"title": "x"}).status_code == 404
    assert bot.admin.delete(f"{path}/none").status_code == 404


def test_a_hundred_at_once(bot):
    base = bot.make()
    made = bot.add(base, *[{"title": f"n{i}", "content": "words " * 80} for i in range(100)])["createdItems"]
    read = bot.admin.get(f"/api/v1/knowledge-bases/{base['id']}").json()["data"]
    assert made == read["items"] and len({item["id"] for item in made}) == 100
    bot.add(base, WARRANTY)
    read = bot.admin.get(f"/api/v1/knowledge-bases/{base['id']}").json()["data"]
    assert (read["itemCount"], len(read["items"]), read["itemsTruncated"]) == (101, 100, True)


def test_lists_of_items(bot):
    base = bot.make()
    bot.add(base, *[{"title": f"n{i}", "content": "50% off_all" if i == 2 else "plain",
                     "tags": ["odd"] if i % 2 else []} for i in range(5)])
    path = f"/api/v1/knowledge-bases/{base['id']}/items"

    def listed(**params):
        return titles(bot.admin.get(path, params=params).json()["data"])

    assert listed() == ["n0", "n1", "n2", "n3", "n4"]
    assert listed(limit=2, page=2) == ["n2", "n3"]
    assert listed(tag="odd") == ["n1", "n3"] and listed(tag="Odd") == [] and listed(tag="od") == []
    assert listed(q="N3") == ["n3"] and listed(q="0% OFF_") == ["n2"] and listed(q="0%f") == [] and listed(q="x") == []
    page = bot.admin.get(path, params={"tag": "odd", "limit": 1}).json()
    assert page["pagination"] == {"total": 2, "pages": 2, "page": 1, "limit": 1}


@pytest.mark.parametrize("body, field, code", [
    ({"name": "x" * 101}, "name", "too_long"),
    ({"description": "x" * 501}, "description", "too_long"),
    ({"settings": {"retrievalMethod": "guess"}}, "settings.retrievalMethod", "enum"),
    ({"settings": {"relevanceThreshold": 1.1}}, "settings.relevanceThreshold", "out_of_range"),
    ({"settings": {"maxResults": 21}}, "settings.maxResults", "out_of_range"),
    ({"settings": {"more": 1}}, "settings.more", "unknown_field"),
    ({"kind": "learned"}, "kind", "unknown_field"),
    ({"items": [WARRANTY] * 101}, "items", "too_long"),
    ({"items": [WARRANTY, {"title": "x"}]}, "items[1].content", "required"),
    ({"items": [{**WARRANTY, "tags": ["x" * 51]}]}, "items[0].tags[0]", "too_long"),
])
def test_bad_bases_name_the_field(bot, body, field, code):
    reply = bot.admin.post(f"{bot.path}/knowledge-bases", json={"name": "Care", **body})
    assert reply.status_code == 400, reply.text
    fault = reply.json()["details"][0]
    assert (fault["field"], fault["code"]) == (field, code)
    assert bot.admin.get(f"{bot.path}/knowledge-bases").json()["count"] == 0


@pytest.mark.parametrize("body, field, code", [
    ({}, "title", "required"),
    ({**WARRANTY, "title": " "}, "title", "too_short"),
    ({**WARRANTY, "title": "x" * 301}, "title", "too_long"),
    ({**WARRANTY, "content": ""}, "content", "too_short"),
    ({**WARRANTY, "content": "x" * 100001}, "content", "too_long"),
    ({**WARRANTY, "tags": ["t"] * 51}, "tags", "too_long"),
    ({**WARRANTY, "metadata": []}, "metadata", "type"),
    ({**WARRANTY, "metadata": {"x": "y" * 16384}}, "metadata", "too_long"),
    ({**WARRANTY, "colour": 1}, "colour", "unknown_field"),
    ({"items": []}, "items", "too_short"),
    ({"items": [WARRANTY, {**WARRANTY, "title": 7}]}, "items[1].title", "type"),
])
def test_bad_items_name_the_field_and_add_nothing(bot, body, field, code):
    base = bot.make()
    reply = bot.admin.post(f"/api/v1/knowledge-bases/{base['id']}/items", json=body)
    assert reply.status_code == 400, reply.text
    fault = reply.json()["details"][0]
    assert (fault["field"], fault["code"]) == (field, code)
    assert bot.admin.get(f"/api/v1/knowledge-bases/{base['id']}/items").json()["count"] == 0


def test_quotas(bot):
    for i in range(50):
        base = bot.make(name=f"n{i}")
    full = bot.admin.post(f"{bot.path}/knowledge-bases", json={"name": "one more"})
    assert full.status_code == 409 and full.json()["details"][0]["code"] == "limit_reached"
    with People(bot.site).rows() as database:
        database.execute("UPDATE knowledge_bases SET item_count = 9999 WHERE id = ?", (base["id"],))
    both = bot.admin.post(f"/api/v1/knowledge-bases/{base['id']}/items", json={"items": [WARRANTY, WARRANTY]})
    assert both.status_code == 409 and both.json()["details"][0]["code"] == "limit_reached"
    assert bot.search(base, "warranty") == []  # all or nothing
    assert bot.add(base, WARRANTY)["itemCount"] == 10000


def test_who_may(bot, site):
    people = People(site)
    base = bot.make(items=[WARRANTY])
    path = f"/api/v1/knowledge-bases/{base['id']}"
    other, member, admin = people.client(site.brand()), people.client(bot.brand, "user"), people.client(bot.brand)
    item = base["items"][0]["id"]
    assert site.anon.get(path).status_code == 401
    assert people.key_client(bot.brand).get(path).status_code == 401
    unknown = other.get(f"/api/v1/knowledge-bases/{uuid.uuid4()}").json()
    for client in (other, member):  # neither another brand's admin nor a member to whom the chatbot was not given
        for reply in (client.get(path), client.put(path, json={"name": "x"}), client.delete(path),
                      client.get(f"{path}/items"), client.post(f"{path}/items", json=WARRANTY),
                      client.put(f"{path}/items/{item}", json={"title": "x"}), client.delete(f"{path}/items/{item}"),
                      client.get(f"{path}/search", params={"query": "warranty"})):
            assert reply.status_code == 404
            assert {**reply.json(), "requestId": 0} == {**unknown, "requestId": 0}
    assert admin.get(path).json()["data"]["items"][0]["title"] == "Warranty"
    assert admin.get("/api/v1/knowledge-bases/none").status_code == 404


def test_what_is_left_behind(bot):
    base = bot.make(items=[WARRANTY])
    item = base["items"][0]["id"]
    path = f"/api/v1/knowledge-bases/{base['id']}"
    bot.admin.put(f"{path}/items/{item}", json={"title": "Guarantee"})
    bot.admin.put(f"{path}/items/{item}", json={"title": "Guarantee"})
    bot.add(base, WARRANTY)
    bot.admin.delete(path)
    with People(bot.site).rows() as database:
        actions = [row[0] for row in database.execute(
            "SELECT action FROM audit WHERE brand_id = ? AND action LIKE 'knowledge%' ORDER BY id", (bot.brand.id,))]
        left = [database.execute(f"SELECT COUNT(*) FROM {table} WHERE brand_id = ?", (bot.brand.id,)).fetchone()[0]
                for table in ("documents", "document_tags", "knowledge_bases")]
        places = database.execute("SELECT COUNT(*) FROM places WHERE brand_id = ? AND kind IN "
                                  "('document', 'knowledge_base')", (bot.brand.id,)).fetchone()[0]
    assert actions == ["knowledge_base_created", "knowledge_item_updated", "knowledge_item_created",
                       "knowledge_base_deleted"]
    assert (left, places) == ([0, 0, 0], 0)


# ---- search ---------------------------------------------------------------------------------------------------------


def test_search_and_what_a_conversation_says(bot):
    """003-platform#17"""
    base = bot.make(items=[WARRANTY])
    hit, = bot.search(base, "warranty")
    assert hit["relevance"] > 0.9 and hit["score"] == 0.0164 and hit["highlight"] == WARRANTY["content"]
    assert hit["knowledgeBaseId"] == base["id"] and hit["title"] == "Warranty" and "bm25" not in hit
    assert bot.search(base, "warranty", tags="other") == [] and bot.search(base, "warranty", tags="") == []
    assert titles(bot.search(base, "warranty", tags="other,warranty")) == ["Warranty"]
    path = f"/api/v1/knowledge-bases/{base['id']}/search"
    assert bot.admin.get(path).status_code == 400
    assert bot.admin.get(path, params={"query": ""}).status_code == 400
    assert bot.admin.get(path, params={"q": "warranty"}).json()["count"] == 1
    assert "two-year" in bot.brand.say("How long is the warranty?")["response"]
    bot.change(base, isActive=False)
    assert bot.search(base, "warranty") and "two-year" not in bot.brand.say("How long is the warranty?")["response"]
    bot.change(base, isActive=True)
    assert "two-year" in bot.brand.say("How long is the warranty?")["response"]
    bot.remove(base, hit)
    assert bot.search(base, "warranty") == []
    assert "two-year" not in bot.brand.say("How long is the warranty?")["response"]


def test_an_item_is_found_from_the_reply_on(bot):
    base = bot.make()
    for i in range(20):
        item = bot.add(base, {"title": f"Lamp {i}", "content": f"Uses a bulb of type b{i}x."})["item"]
        assert titles(bot.search(base, f"b{i}x")) == [f"Lamp {i}"]
        bot.admin.put(f"/api/v1/knowledge-bases/{base['id']}/items/{item['id']}", json={"content": f"Now c{i}x."})
        assert bot.search(base, f"b{i}x") == [] and titles(bot.search(base, f"c{i}x")) == [f"Lamp {i}"]
    bot.admin.delete(f"/api/v1/knowledge-bases/{base['id']}")
    other = bot.make()
    assert bot.search(other, "c7x") == []


def test_search_looks_into_its_own_base_alone(bot, site):
    base, other = bot.make(items=[WARRANTY]), bot.make(name="Other", items=[{**WARRANTY, "title": "Elsewhere"}])
    foreign = Bot(site)
    foreign.make(items=[{**WARRANTY, "title": "Foreign"}])
    assert titles(bot.search(base, "warranty")) == ["Warranty"]
    assert titles(bot.search(other, "warranty")) == ["Elsewhere"]
    assert "Foreign" not in titles(foreign.search(foreign.make(name="Empty"), "warranty"))


def test_order_threshold_and_pages(bot):
    base = bot.make(items=[{"title": "Copper kettle", "content": "Boils water for tea."},
                           {"title": "Steel kettle", "content": "Whistles."}, {"title": "Tea", "content": "Green."}])
    found = bot.search(base, "copper kettle tea")
    assert titles(found)[0] == "Copper kettle" and len(found) == 3
    assert [hit["score"] for hit in found] == [0.0164, 0.0161, 0.0159]
    assert found[0]["relevance"] > found[1]["relevance"] > 0
    assert titles(bot.search(base, "copper kettle tea", threshold=0.9)) == ["Copper kettle"]
    assert bot.search(base, "copper kettle tea", limit=1, page=2) == found[1:2]
    for method in ("hybrid", "semantic", "keyword"):  # without vectors all are words
        assert titles(bot.search(base, "copper kettle tea", method=method))[0] == "Copper kettle"
    for bad in ({"method": "magic"}, {"threshold": 2}, {"threshold": "x"}, {"limit": 101}, {"limit": 0}):
        reply = bot.admin.get(f"/api/v1/knowledge-bases/{base['id']}/search", params={"query": "tea", **bad})
        assert reply.status_code == 400 and reply.json()["details"][0]["field"] == next(iter(bad))
    assert bot.search(base, "?! …") == []


def test_the_best_passage_is_shown(bot):
    filler = "Nothing about that stands in this part of the long text. " * 30
    sentence = "The zircon filter is changed every year."
    base = bot.make(items=[{"title": "Manual", "content": f"{filler}{sentence} {filler}"}])
    hit, = bot.search(base, "zircon filter")
    assert hit["highlight"].startswith(sentence) and len(hit["highlight"]) <= 300


@pytest.mark.parametrize("question, title, content", [
    ("怎么退货", "退货政策", "商品在三十天内可以退货，请保留收据。"),
    ("保証は何年ですか", "保証について", "この製品の保証期間は二年間です。"),
    ("รับประกันกี่ปี", "การรับประกัน", "สินค้านี้รับประกันสองปีนับจากวันที่ซื้อ"),
    ("qual é o prazo de devolução?", "Devoluções", "A devolução é possível no prazo de 30 dias."),
])
def test_natural_questions_find_their_item(bot, question, title, content):
    """003-platform 6: above the default threshold, so that a turn takes it too."""
    base = bot.make(items=[WARRANTY, {"title": "Opening hours", "content": "We open at nine."},
                           {"title": title, "content": content}])
    found = bot.search(base, question, threshold=0.3)
    assert titles(found) == [title], found
    answer = bot.brand.say(question)
    assert answer["metadata"]["mode"] == "quoted" and content[:6] in answer["response"]


def test_a_conversation_answers_from_an_item(bot):
    """003-platform#10"""
    bot.make(items=[{key: WARRANTY[key] for key in ("title", "content")}])

    def ask(**more):
        reply = bot.admin.post(f"{bot.path}/conversation", json={"message": "How long is the warranty?", **more})
        assert reply.status_code == 200, reply.text
        return reply.json()

    first = ask()
    assert first["success"] is True and "two-year" in first["response"] == first["data"]["response"]
    assert first["metadata"]["mode"] == "quoted"
    second = ask(sessionId=first["sessionId"])
    assert second["conversationId"] == first["conversationId"]
    history = bot.admin.get(f"{bot.path}/conversation/history", params={"sessionId": first["sessionId"]}).json()
    assert [message["sender"] for message in history["data"]["messages"]] == ["user", "bot", "user", "bot"]


# ---- turns ----------------------------------------------------------------------------------------------------------


def sources(answer):
    return [source["title"] for source in answer["metadata"]["sources"]]


def test_a_turn_keeps_each_base_within_its_bounds(model):
    bot = Bot(model)
    base = bot.make(settings={"maxResults": 2}, items=[
        {"title": f"Lantern {i}", "content": "The lantern shines."} for i in range(6)])
    assert len(sources(bot.brand.say("lantern shines"))) == 2
    bot.change(base, settings={"maxResults": 4})
    assert len(sources(bot.brand.say("lantern shines"))) == 4
    other = bot.make(name="Other", items=[{"title": "Shop", "content": "The lantern shop opens on Monday."}])
    assert "Shop" in sources(bot.brand.say("lantern shines"))  # one base does not hide the other's
    bot.change(other, settings={"relevanceThreshold": 1})
    assert "Shop" not in sources(bot.brand.say("lantern shines"))


def learn(bot, base):
    """Nothing but the learning pipeline makes bases of this kind; a row stands for it."""
    with People(bot.site).rows() as database:
        database.execute("UPDATE knowledge_bases SET kind = 'learned' WHERE id = ?", (base["id"],))
    return bot.change(base, description="learned")


@pytest.mark.parametrize("kind", ["site", "model_site"])
def test_learned_answers_are_given_as_they_stand(kind, request):
    bot = Bot(request.getfixturevalue(kind))
    base = bot.make(items=[
        {"title": "Do you ship to Norway?", "content": "Yes, within 5 days.\n\n*Always.*"},
        {"title": "What do lamps cost?", "content": "Ask our shop about shipping to Norway."}])
    assert bot.brand.say("do you ship to norway")["metadata"]["mode"] != "curated"
    learn(bot, base)
    for question in ("do you ship to Norway", "DO YOU SHIP TO NORWAY ?!"):
        answer = bot.brand.say(question)
        assert answer["response"] == "Yes, within 5 days.\n\n*Always.*"
        assert answer["metadata"]["mode"] == "curated" and answer["metadata"]["finish_reason"] == "stop"
    assert bot.brand.say("shipping lamps")["metadata"]["mode"] != "curated"
    bot.change(base, isActive=False)
    assert bot.brand.say("do you ship to Norway")["metadata"]["mode"] != "curated"


# ---- vectors --------------------------------------------------------------------------------------------------------


def test_vectors_follow(fake_llm):
    fake = fake_llm()
    with running(llm={"a": {"baseUrl": fake.url, "retries": 0, "embeddingModel": "fake-embed"}}) as site:
        bot = Bot(site)
        base = bot.make(items=[WARRANTY])
        path = f"/api/v1/knowledge-bases/{base['id']}"
        item = base["items"][0]

        def status():
            return bot.admin.get(path).json()["data"]["items"][0]["embeddingStatus"]

        assert item["embeddingStatus"] in ("pending", "ready")
        eventually(lambda: status() == "ready")
        assert titles(bot.search(base, "warranty", method="semantic")) == ["Warranty"]
        bot.admin.put(f"{path}/items/{item['id']}", json={"tags": ["x"]})
        assert status() == "ready"  # the text is the same
        bot.admin.put(f"{path}/items/{item['id']}", json={"content": "The Aurora X2 comes with two years."})
        eventually(lambda: status() == "ready")
        assert bot.remove(base, item).status_code == 200
        with People(site).rows() as database:
            left, = database.execute("SELECT COUNT(*) FROM vectors WHERE document_id = ?", (item["id"],)).fetchone()
        assert left == 0 and bot.search(base, "warranty") == []
