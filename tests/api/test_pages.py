# SPDX-License-Identifier: Apache-2.0
"""`/`, `/docs`, `/openapi.json`, `/stats` (001 14.6, 14.10, 14.11) and the sample data (17)."""
import re

import pytest

from api.fixtures import running
from api.helpers import TIME, ids, not_or_inactive, ok, product, refused, unauthenticated
from api.people import People

ROOT_KEYS = {"message", "status", "version", "server", "timestamp", "active_brands", "brands"}
PATHS = ["/", "/docs", "/openapi.json", "/brands", "/brands/active", "/brands/{brand_id}", "/brands/{brand_id}/config",
         "/brands/{brand_id}/stats",
         "/brands/{brand_id}/products", "/brands/{brand_id}/products/{product_id}", "/brands/{brand_id}/products/bulk",
         "/brands/{brand_id}/products/search",
         "/brands/{brand_id}/system-prompt", "/brands/{brand_id}/categories", "/brands/{brand_id}/recommendations",
         "/brands/{brand_id}/audit", "/stats", "/chat",
         "/chat/{brand_id}", "/chat/{brand_id}/history/{conversation_id}", "/chat/{brand_id}/{conversation_id}",
         "/chat/history/{conversation_id}",
         "/products", "/products/{product_id}", "/products/search", "/products/bulk", "/recommendations", "/categories"]
LATER = ["/brands/{brand_id}/upload/products", "/upload/products", "/uploads",
         "/uploads/{filename}"]  # come with the uploads


def shape(path):
    return re.sub(r"\{[^}]*\}", "{}", path)


def test_37_root(site):
    """001-brands#37: what anybody sees of the server; a brand that is not listed, or closed, is not named."""
    hidden = site.brand()
    root = ok(site.anon.get("/"))
    assert set(root) == ROOT_KEYS and TIME.fullmatch(root["timestamp"])
    assert (root["message"], root["status"], root["version"]) == ("Parley multi-brand chat", "running", "2.0.0")
    assert {"id": "techpro", "name": "TechPro"} in root["brands"] and root["active_brands"] == len(root["brands"])
    assert hidden.id not in [brand["id"] for brand in root["brands"]]


def test_37_a_closed_brand(site):
    """001-brands#37: a brand as registration makes it (closed): 404 for anybody, 200 with its chatbot's key."""
    brand = site.brand(chat={"public_access": False})
    assert brand.id not in [entry["id"] for entry in ok(site.anon.get("/"))["brands"]]
    refused(site.anon.post(f"/chat/{brand.id}", json={"message": "hi"}), 404, not_or_inactive(brand.id))
    ok(People(site).key_client(brand).post(f"/chat/{brand.id}", json={"message": "hi"}))


def test_37_docs(site):
    """001-brands#37: HTML with nothing from elsewhere."""
    reply = site.anon.get("/docs")
    assert reply.status_code == 200 and reply.headers["content-type"].startswith("text/html")
    assert "default-src" in reply.headers["content-security-policy"] and "*" not in reply.headers[
        "content-security-policy"]
    hosts = set(re.findall(r"(?:https?:)?//([a-z0-9.-]+\.[a-z]{2,}|localhost)", reply.text, re.I))
    assert {host for host in hosts if not host.endswith((".example", "example.com")) and host != "www.w3.org"} == set()
    for link in re.findall(r"""(?:src|href)\s*=\s*["']([^"']+)""", reply.text):
        if link.startswith(("#", "data:")):
            continue
        assert not re.match(r"(?:[a-z]+:)?//", link), link
        assert site.anon.get(link if link.startswith("/") else "/" + link).status_code == 200, link


def test_37_openapi_names_every_path(site):
    """001-brands#37"""
    reply = site.anon.get("/openapi.json")
    document = ok(reply)
    assert document["openapi"].startswith("3.1")
    named = {shape(path) for path in document["paths"]}
    assert [path for path in PATHS if shape(path) not in named] == []


def test_listed_and_own_brands(site):
    """14.10: active listed brands for all, with credentials those the caller administers too."""
    people = People(site)
    listed, own, member_of, off = site.brand(chat={"listed": True}), site.brand(), site.brand(), site.brand(
        chat={"listed": True})
    ok(site.admin.put(off.path, json={"is_active": False}))
    email = people.user(own, "admin")
    people.join(email, member_of, "user")
    seen = {brand["id"] for brand in ok(site.client(people.token(email)).get("/"))["brands"]}
    assert {listed.id, own.id, "techpro"} <= seen and not {member_of.id, off.id} & seen
    assert own.id in {brand["id"] for brand in ok(site.admin.get("/"))["brands"]}
    assert own.id not in {brand["id"] for brand in ok(site.anon.get("/"))["brands"]}


def test_wrong_credentials_at_the_root(site):
    """2.1: wrong credentials are a 401 on any endpoint."""
    assert site.client("nonsense").get("/").status_code == 401


def test_stats_over_brands(site):
    """14.6: sums over the active brands that the caller administers."""
    people = People(site)
    one, two, off = site.brand([product("a"), product("b", availability=False)]), site.brand([product("a",
            category="Axes")]), site.brand([product("a")])
    email = people.user(one, "admin")
    for brand in (two, off):
        people.join(email, brand, "admin")
    ok(site.admin.put(off.path, json={"is_active": False}))
    one.say("hi")
    client = site.client(people.token(email))
    stats = ok(client.get("/stats"))
    assert stats == {
        "total_brands": 3, "active_brands": 2, "total_products": 3, "total_conversations": 1, "available_products": 2,
        "categories": 2,
        "conversations_active": 1, "category_list": ["Axes", "Things"], "brands_stats": [
            {"brand_id": brand.id, "brand_name": f"Brand {brand.id}", "total_products": total,
             "available_products": available, "categories": 1, "active_conversations": active}
            for brand, total, available, active in ((one, 2, 1, 1), (two, 1, 1, 0))]}
    unauthenticated(site.anon.get("/stats"))


def test_stats_of_nobody(site):
    assert ok(People(site).client().get("/stats")) == {
        "total_brands": 0, "active_brands": 0, "total_products": 0, "total_conversations": 0, "brands_stats": [],
        "available_products": 0, "categories": 0,
        "conversations_active": 0, "category_list": []}


def test_a_browser_at_the_root(site):
    reply = site.anon.get("/", headers={"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"})
    # The console comes with a later surface; until then a browser may get JSON as well.
    assert reply.status_code == 200 and reply.headers["content-type"].startswith(("text/html", "application/json"))


# ---- sample data ----------------------------------------------------------------------------------------------------


def test_sample_brand(site):
    brand = ok(site.admin.get("/brands/techpro"))
    assert (brand["id"], brand["name"], brand["is_active"]) == ("techpro", "TechPro", True)
    config = ok(site.admin.get("/brands/techpro/config"))
    assert set(config["company_info"]) >= {"name", "founded", "specialty", "location", "mission"}
    assert set(config["appearance_settings"]) >= {"primary_color", "secondary_color", "logo_url"}
    assert (config["chat_settings"]["currency"], config["chat_settings"]["listed"],
            config["chat_settings"]["public_access"]) == ("USD", True, True)


def test_sample_products(site):
    rows = {row["id"]: row for row in ok(site.anon.get("/products"))}
    assert len(rows) == 24 and [id for id, row in rows.items() if not row["availability"]] == ["laptop-004",
            "tablet-003"]
    assert (rows["laptop-002"]["name"], rows["laptop-002"]["price"],
            rows["laptop-002"]["category"]) == ("Halden Slate 14", 1349, "Laptops")
    for row in rows.values():
        assert 150 <= len(row["description"]) <= 400 and len(row["features"]) >= 4 and len(row["specifications"]) >= 5


def test_sample_data_come_once():
    """Section 17: an emptied catalogue stays empty; the setting turns them off."""
    with running() as site:
        for row in ok(site.anon.get("/products")):
            ok(site.admin.delete(f"/products/{row['id']}"))
        site.server.stop()
        with running(data=site.server.data) as again:
            assert ok(again.anon.get("/products")) == []
    with running({"sample_data": False}) as site:
        assert ok(site.admin.get("/brands/techpro"))["id"] == "techpro" and ok(site.anon.get("/products")) == []


@pytest.mark.parametrize("question, word", [("How long does delivery take?", "deliver"),
                                            ("What about the warranty?", "warrant"),
                                            ("Can I return something?", "return")])
def test_sample_knowledge(site, question, word):
    reply = ok(site.anon.post("/chat/techpro", json={"message": question}))
    assert word in reply["response"].lower() and reply["metadata"]["sources"]
    assert ids(reply["suggested_products"]) == [] or reply["metadata"]["mode"] == "quoted"
