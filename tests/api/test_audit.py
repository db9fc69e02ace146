# SPDX-License-Identifier: Apache-2.0
"""Audit rows of every write (001 2.5, 14.9)."""
import json

import pytest

from api.fixtures import running
from api.helpers import TIME, UUID, fault, ok, product
from api.people import People

KEYS = {"id", "at", "actor", "action", "target", "fields", "address"}


def actions(brand):
    return [(entry["action"], entry["target"]) for entry in reversed(brand.audit()["entries"])]


def test_one_row_a_write(site):
    brand = site.brand()
    ok(site.admin.put(brand.path, json={"name": "New", "description": "d"}))
    ok(site.admin.put(f"{brand.path}/config", json={"welcome_message": "Hi", "chat_settings": {"suggestion_limit": 1}}))
    ok(site.admin.put(f"{brand.path}/system-prompt", json={"system_prompt": "PROMPT-TEXT-1"}))
    ok(site.admin.post(f"{brand.path}/products", json=product("p1")))
    ok(site.admin.put(f"{brand.path}/products/p1", json=product("p1", price=11)))
    ok(site.admin.post(f"{brand.path}/products/bulk", json=[product("p2")]))
    ok(site.admin.delete(f"{brand.path}/products/p1"))
    brand.say("MESSAGE-TEXT-2", conversation_id="c")
    ok(brand.clear("c"))
    page = brand.audit()
    assert set(page) == {"brand_id", "total",
                         "entries"} and page["brand_id"] == brand.id and page["total"] == len(page["entries"])
    rows = [(row["action"], row["target"]) for row in reversed(page["entries"])]
    assert [action for action, _ in rows if action != "prompt.update"] == [
        "brand.create", "brand.update", "config.update", "product.create", "product.update", "product.bulk",
        "product.delete", "conversation.clear"] or \
        [action for action, _ in rows] == [
            "brand.create", "brand.update", "config.update", "config.update", "product.create", "product.update",
            "product.bulk", "product.delete", "conversation.clear"]
    assert ("product.create", "p1") in rows and ("product.delete", "p1") in rows and rows[0] == ("brand.create",
            brand.id)
    for row in page["entries"]:
        assert set(row) == KEYS and UUID.fullmatch(row["id"]) and TIME.fullmatch(row["at"]) and row[
            "address"] == "127.0.0.1"
        assert isinstance(row["fields"], list)
    fields = {row["action"]: set(row["fields"]) for row in page["entries"]}
    assert fields["brand.update"] >= {"name"} and "welcome_message" in next(
        row["fields"] for row in page["entries"] if row["action"] == "config.update"
        and "system_prompt" not in row["fields"])
    assert any("system_prompt" in row["fields"] for row in page["entries"])
    assert [row["at"] for row in page["entries"]] == sorted((row["at"] for row in page["entries"]), reverse=True)
    text = json.dumps(page)
    assert "PROMPT-TEXT-1" not in text and "MESSAGE-TEXT-2" not in text
    clear = next(row for row in page["entries"] if row["action"] == "conversation.clear")
    assert clear["actor"] == "anonymous"


def test_actors(site):
    people, brand = People(site), site.brand()
    email = people.user(brand, "admin")
    ok(site.client(people.token(email)).post(f"{brand.path}/products", json=product()))
    assert brand.audit()["entries"][0]["actor"] == people.user_id(email)


def test_what_changes_nothing_leaves_no_row(site):
    """Section 2: an error leaves no trace; nor does a write that is none."""
    brand = site.brand([product("a")])
    before = actions(brand)
    site.admin.post(f"{brand.path}/products", json=product("a"))
    site.admin.post(f"{brand.path}/products", json={})
    site.admin.put(f"{brand.path}/config", json={"system_prompt": ""})
    site.admin.delete(f"{brand.path}/products/none")
    site.admin.put(brand.path, json={})
    site.anon.delete(f"/chat/{brand.id}/none")
    site.anon.put(f"{brand.path}/config", json={"system_prompt": "x"})
    site.anon.post(f"{brand.path}/products/search", json={"query": "x"})
    brand.say("hello")
    assert actions(brand) == before


def test_paging(site):
    brand = site.brand([product("a")])
    for n in range(5):
        ok(site.admin.put(brand.path, json={"name": f"n{n}"}))
    whole = brand.audit()
    assert brand.audit(limit=2, offset=1) == {**whole, "entries": whole["entries"][1:3]}
    assert brand.audit(offset=100) == {**whole, "entries": []} and brand.audit(limit=500) == whole


@pytest.mark.parametrize("name, value, type", [("limit", "0", "greater_than_equal"),
                                               ("limit", "501", "less_than_equal"), ("limit", "x", "int_parsing"),
                                               ("offset", "-1", "greater_than_equal")])
def test_parameters(site, name, value, type):
    fault(site.admin.get("/brands/techpro/audit", params={name: value}), ["query", name], type)


def test_the_address_behind_a_proxy():
    with running({"trusted_proxies": "127.0.0.1/32"}) as site:
        brand = site.brand()
        ok(site.admin.put(brand.path, json={"name": "n"}, headers={"X-Forwarded-For": "192.0.2.7"}))
        assert brand.audit()["entries"][0]["address"] == "192.0.2.7"


def test_rows_of_another_brand_stay_there(site):
    a, b = site.brand(), site.brand()
    ok(site.admin.put(a.path, json={"name": "only a"}))
    assert [entry["action"] for entry in b.audit()["entries"]] == ["brand.create"]
