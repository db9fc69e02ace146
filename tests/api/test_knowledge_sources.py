# SPDX-License-Identifier: Apache-2.0
"""What a chatbot searches (000-management 4): filters that are checked, counted, and cut before anything is ranked."""
import uuid

import pytest

from api.helpers import eventually, product
from api.test_ingredients import Shelf

ANSWER = "Squalane is stable up to 60 degrees."


class Sources(Shelf):
    """A brand with an item, an ingredient and documents of several types, all of which speak of squalane."""

    def __init__(self, site):
        super().__init__(site)
        self.path = "/api/v1/chatbots/" + self.people.chatbot(self.brand)
        self.base = self.made(f"{self.path}/knowledge-bases", name="Care", items=[
            {"title": "Item", "content": ANSWER}])
        self.item = self.base["items"][0]["id"]
        self.product = self.make(inciName="Squalane", description="An oil.")
        self.inci = self.document("inci", self.product["id"], "Inci", ANSWER)
        self.general = self.document("general", None, "General", ANSWER)
        with self.people.rows() as database:
            database.execute("UPDATE documents SET category = 'safety' WHERE id IN (?, ?)", (self.inci, self.general))
        eventually(lambda: len(self.found()) == 4)  # rows by another hand are noticed within a second

    def put(self, **filters):
        return self.admin.put(f"{self.path}/knowledge-sources", json=filters)

    def found(self, **body):
        reply = self.admin.post(f"{self.path}/knowledge-sources/search", json={"query": "squalane stable", **body})
        assert reply.status_code == 200, reply.text
        return sorted(hit["metadata"]["documentName"] for hit in reply.json()["data"]["results"])

    def filtered(self, **filters):
        """What is found under these filters; the documents that are listed must be the same."""
        reply = self.put(**filters)
        assert reply.status_code == 200, reply.text
        data = reply.json()["data"]
        assert data["filters"] == filters
        assert sorted(row["title"] for row in data["documents"]) == self.found()
        assert data["matched"]["documents"] == len(data["documents"]) == reply.json()["pagination"]["total"]
        return self.found()


@pytest.fixture(scope="module")
def world(site):
    return Sources(site)


@pytest.fixture
def sources(world):
    assert world.put().status_code == 200
    return world


ALL = ["General", "Inci", "Item", "Squalane"]


def test_without_filters_all_is_found(sources):
    """000-management#14"""
    reply = sources.admin.get(f"{sources.path}/knowledge-sources").json()
    assert reply["data"]["filters"] == {}
    assert reply["data"]["matched"] == {
        "documents": 4, "chunks": 4, "byType": {"general": 1, "inci": 1, "item": 1, "product": 1},
        "byCategory": {"safety": 2},
        "suppliers": [{"id": sources.supplier["id"], "name": "Bergamot Labs", "documents": 2}]}
    inci = next(row for row in reply["data"]["documents"] if row["title"] == "Inci")
    assert inci == {"id": sources.inci, "title": "Inci", "documentType": "inci", "documentCategory": "safety",
                    "supplier": "Bergamot Labs", "productName": "Squalane", "processingStatus": "completed",
                    "chunkCount": 1}
    page = sources.admin.get(f"{sources.path}/knowledge-sources", params={"limit": 3, "page": 2}).json()
    assert page["count"] == 1 and page["pagination"] == {"total": 4, "pages": 2, "page": 2, "limit": 3}
    assert sources.found() == ALL


def test_each_filter_cuts(sources):
    """000-management#14"""
    assert sources.filtered(documentTypes=["inci"]) == ["Inci"]
    assert sources.filtered(documentTypes=["inci", "item"]) == ["Inci", "Item"]
    assert sources.filtered(categories=["safety"]) == ["General", "Inci"]
    assert sources.filtered(categories=["testing"]) == []
    assert sources.filtered(supplierIds=[sources.supplier["id"]]) == ["Inci", "Squalane"]  # none without a product
    assert sources.filtered(documentIds=[sources.general, sources.item]) == ["General", "Item"]
    assert sources.filtered(knowledgeBaseIds=[sources.base["id"]]) == ["Item"]
    for field in ("documentTypes", "categories", "supplierIds", "documentIds", "knowledgeBaseIds"):
        assert sources.filtered(**{field: []}) == []
    assert sources.filtered(documentTypes=["inci", "general"], categories=["safety"],
                            supplierIds=[sources.supplier["id"]]) == ["Inci"]
    assert sources.filtered() == ALL
    assert sources.put(documentTypes=None).json()["data"]["filters"] == {} and sources.found() == ALL


def test_a_turn_obeys(sources):
    """000-management#14"""
    def titles():
        answer = sources.brand.say("squalane stable degrees")
        return sorted(source["title"] for source in answer["metadata"]["sources"]), answer["response"]

    assert "60 degrees" in titles()[1]
    sources.put(documentTypes=["inci"])
    assert titles()[0] == ["Inci"]
    sources.put(documentTypes=[])
    assert titles()[0] == [] and "60 degrees" not in titles()[1]
    sources.put()
    assert "60 degrees" in titles()[1]


def test_a_filtered_turn_names_no_products(site):
    one = Sources(site)
    one.brand.add(product("lamp", name="Copper lamp"))
    assert "Copper lamp" in one.brand.say("Do you have a copper lamp?")["response"]
    one.put(documentTypes=["item"])
    assert "Copper lamp" not in one.brand.say("Do you have a copper lamp?")["response"]
    one.put(documentTypes=["product"])
    assert "Copper lamp" in one.brand.say("Do you have a copper lamp?")["response"]


def test_what_filters_name_must_be_there(sources, site):
    """000-management#2: the filters."""
    other = Shelf(site)
    good = sources.supplier["id"]
    for filters, field in (({"supplierIds": [good, other.supplier["id"]]}, "supplierIds[1]"),
                           ({"supplierIds": ["uuid1"]}, "supplierIds[0]"),
                           ({"supplierIds": [str(uuid.uuid4())]}, "supplierIds[0]"),
                           ({"documentIds": [sources.item, str(uuid.uuid4())]}, "documentIds[1]"),
                           ({"knowledgeBaseIds": [str(uuid.uuid4())]}, "knowledgeBaseIds[0]"),
                           ({"documentTypes": ["pdf"]}, "documentTypes[0]"),
                           ({"categories": ["safety", "fun"]}, "categories[1]"),
                           ({"colours": []}, "colours"), ({"supplierIds": "x"}, "supplierIds")):
        reply = sources.put(**filters)
        assert reply.status_code == 400, reply.text
        assert reply.json()["details"][0]["field"] == field
        nested = sources.admin.put(sources.path, json={"knowledgeSourceFilters": filters})
        assert nested.status_code == 400 and nested.json()["details"][0]["field"] == f"knowledgeSourceFilters.{field}"
    assert sources.admin.get(f"{sources.path}/knowledge-sources").json()["data"]["filters"] == {}


def test_a_supplier_that_goes_matches_nothing(sources):
    other = sources.made("/api/v1/suppliers", name="Passing")
    assert sources.put(supplierIds=[other["id"]]).status_code == 200
    assert sources.admin.delete("/api/v1/suppliers/" + other["id"]).status_code == 200
    assert sources.found() == []


def test_another_chatbots_items_are_none_of_this_one(sources, site):
    made = sources.admin.post("/api/v1/chatbots", json={"name": "Second"})
    assert made.status_code == 201, made.text
    second = "/api/v1/chatbots/" + made.json()["data"]["id"]
    base = sources.made(f"{second}/knowledge-bases", name="Its own", items=[{"title": "Hers", "content": ANSWER}])
    reply = sources.admin.post(f"{second}/knowledge-sources/search", json={"query": "squalane stable"})
    assert sorted(hit["metadata"]["documentName"] for hit in reply.json()["data"]["results"]) == [
        "General", "Hers", "Inci", "Squalane"]
    assert sources.found() == ALL
    assert sources.put(knowledgeBaseIds=[base["id"]]).status_code == 400
    assert sources.put(documentIds=[base["items"][0]["id"]]).status_code == 400
    assert sources.admin.delete(f"/api/v1/knowledge-bases/{base['id']}").status_code == 200


def test_results(sources):
    reply = sources.admin.post(f"{sources.path}/knowledge-sources/search",
                               json={"query": "squalane stable", "maxResults": 2, "threshold": 0.9})
    data = reply.json()["data"]
    assert [hit["rank"] for hit in data["results"]] == [1, 2] and data["searchTimeMs"] >= 0
    hit = next(hit for hit in data["results"] if hit["content"] == ANSWER)
    assert hit["similarity"] == hit["keywordScore"] == 1 and hit["vectorScore"] is None
    assert set(hit["metadata"]) == {"documentName", "documentType", "category", "supplier", "productName", "page"}
    again = sources.admin.post(f"{sources.path}/knowledge-sources/search", json={"query": "squalane stable"}).json()
    assert hit["chunkId"] in [one["chunkId"] for one in again["data"]["results"]]  # the same each time
    for bad in ({}, {"query": ""}, {"query": "x", "maxResults": 21}, {"query": "x", "threshold": 2}):
        assert sources.admin.post(f"{sources.path}/knowledge-sources/search", json=bad).status_code == 400


def test_who_may(sources, site):
    other, member = Shelf(site).admin, sources.people.client(sources.brand, "user")
    for client in (other, member):
        for reply in (client.get(f"{sources.path}/knowledge-sources"),
                      client.put(f"{sources.path}/knowledge-sources", json={}),
                      client.post(f"{sources.path}/knowledge-sources/search", json={"query": "x"})):
            assert reply.status_code == 404
