# SPDX-License-Identifier: Apache-2.0
"""Legacy paths of the default brand (001 section 13)."""
import pytest

from api.fixtures import running
from api.helpers import METADATA_KEYS, fault, faults, ids, ok, product, refused, unauthenticated, unique


@pytest.fixture(scope="module")
def own():
    """A server where the default brand may be written to."""
    with running() as site:
        yield site


def test_36_open_ones(site):
    """001-brands#36: the content and shape of the techpro forms, without credentials."""
    def both(method, path, scoped, **options):
        one, two = site.anon.request(method, path, **options), site.anon.request(method, scoped, **options)
        assert ok(one) == ok(two)
        return one.json()

    said, scoped = (ok(site.anon.post(path, json={"message": "What is your cheapest laptop?"}))
                    for path in ("/chat", "/chat/techpro"))
    assert set(said) == set(scoped) and set(said["metadata"]) == METADATA_KEYS
    assert said["response"] == scoped["response"] and said["suggested_products"] == scoped["suggested_products"]
    assert said["confidence_score"] == scoped["confidence_score"]
    assert len(both("GET", "/products", "/brands/techpro/products")) == 24
    assert both("POST", "/products/search", "/brands/techpro/products/search",
                json={"query": "laptop"})["brand_id"] == "techpro"
    assert both("GET", "/categories", "/brands/techpro/categories")["brand_id"] == "techpro"
    assert both("POST", "/recommendations?query=laptop", "/brands/techpro/recommendations?query=laptop")["products"]
    refused(site.anon.delete("/chat/nope"), 404, "Conversation not found")
    unauthenticated(site.anon.post("/products", json=product()))


def test_conversations(site):
    id = unique("c")
    ok(site.anon.post("/chat", json={"message": "hi", "conversation_id": id}))
    legacy, scoped = ok(site.anon.get(f"/chat/history/{id}")), ok(site.anon.get(f"/chat/techpro/history/{id}"))
    assert legacy == scoped and legacy["brand_id"] == "techpro" and len(legacy["messages"]) == 2
    assert ok(site.anon.get(f"/chat/history/{id}?limit=1"))["messages"] == legacy["messages"][1:]
    assert ok(site.anon.delete(f"/chat/{id}")) == {"message": "Conversation cleared successfully"}
    assert ok(site.anon.get(f"/chat/techpro/history/{id}"))["messages"] == []


def test_products(own):
    assert ok(own.admin.post("/products", json=product("new"))) == {
        "message": "Product added successfully", "product_id": "new", "brand_id": "techpro"}
    assert ok(own.admin.put("/products/new", json=product("new", name="Changed"))) == {
        "message": "Product updated successfully", "product_id": "new", "brand_id": "techpro"}
    assert ok(own.anon.get("/brands/techpro/products/new"))["name"] == "Changed"
    reply = ok(own.admin.post("/products/bulk?on_conflict=update", json=[product("new", name="Again"),
                                                                         product("newer")]))
    assert (reply["brand_id"], reply["created_count"], reply["updated_count"]) == ("techpro", 1, 1)
    page = own.anon.get("/products?category=THINGS&limit=1")
    assert ids(ok(page)) == ["new"] and page.headers["x-total-count"] == "2"
    for id in ("new", "newer"):
        assert ok(own.admin.delete(f"/products/{id}")) == {"message": "Product deleted successfully"}
    refused(own.admin.delete("/products/new"), 404, "Product not found")
    refused(own.admin.post("/products", json=product("laptop-001")), 409, "Product 'laptop-001' already exists")
    refused(own.admin.put("/products/laptop-001", json=product("x")), 400, "Product ID mismatch")
    assert len(ok(own.anon.get("/products"))) == 24


def test_faults(site):
    fault(site.anon.post("/chat", json={}), ["body", "message"], "missing")
    fault(site.anon.get("/products?limit=0"), ["query", "limit"], "greater_than_equal")
    fault(site.anon.post("/products/search", json={"query": "x", "limit": 0}), ["body", "limit"], "greater_than_equal")
    assert faults(site.anon.post("/recommendations"))[0]["type"] == "missing"
    for method, path in (("PUT", "/products/x"), ("DELETE", "/products/x"), ("POST", "/products/bulk")):
        unauthenticated(site.anon.request(method, path, json=None if method == "DELETE" else {}))


def test_the_default_brand_switched_off(own):
    ok(own.admin.put("/brands/techpro", json={"is_active": False}))
    try:
        for method, path, body in (("POST", "/chat", {"message": "x"}), ("GET", "/products", None),
                                   ("GET", "/categories", None), ("GET", "/chat/history/x", None),
                                   ("DELETE", "/chat/x", None), ("POST", "/products/search", {"query": "x"}),
                                   ("POST", "/recommendations", {"query": "x"})):
            refused(own.anon.request(method, path, json=body), 404, "Brand 'techpro' not found or inactive")
        ok(own.admin.put("/products/laptop-001", json={**product("laptop-001"),
                                                       "id": "laptop-001"}))  # admin endpoints go on
    finally:
        ok(own.admin.put("/brands/techpro", json={"is_active": True}))


def test_another_default_brand():
    """The setting `default_brand` names whose paths these are."""
    with running() as first:
        brand = first.brand([product("only")])
        first.server.stop()
        with running({"default_brand": brand.id}, data=first.server.data) as site:
            assert ids(ok(site.anon.get("/products"))) == ["only"]
            assert ok(site.anon.get("/categories"))["brand_id"] == brand.id
            refused(site.admin.delete(brand.path), 409, "The default brand cannot be deleted")
