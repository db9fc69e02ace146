# SPDX-License-Identifier: Apache-2.0
"""Suppliers (000-management 5.1): unique names, rights of the brand's members, and what goes with one."""
import uuid

import pytest

from api.helpers import TIME, UUID
from api.people import People


@pytest.fixture
def people(site):
    return People(site)


@pytest.fixture
def brand(site):
    return site.brand()


@pytest.fixture
def admin(people, brand):
    return people.client(brand)


def make(client, status=201, **body):
    reply = client.post("/api/v1/suppliers", json={"name": "Bergamot Labs", **body})
    assert reply.status_code == status, reply.text
    return reply.json().get("data")


def names(client, **params):
    return [row["name"] for row in client.get("/api/v1/suppliers", params=params).json()["data"]]


def test_the_object(admin):
    row = make(admin, code="BGL", contactEmail="lab@bergamot.technology", contactPhone="+45 1", address="1 Pier\nBay")
    assert UUID.fullmatch(row["id"]) and TIME.fullmatch(row["createdAt"])
    assert set(row) == {"id", "name", "code", "contactEmail", "contactPhone", "address", "isActive", "productCount",
                        "createdAt", "updatedAt"}
    assert (row["code"], row["isActive"], row["productCount"]) == ("BGL", True, 0)
    path = "/api/v1/suppliers/" + row["id"]
    assert admin.get(path).json()["data"] == row
    assert admin.put(path, json=row).json()["data"] == row
    changed = admin.put(path, json={"code": None, "address": None}).json()["data"]
    assert (changed["code"], changed["address"], changed["contactPhone"]) == (None, None, "+45 1")
    bare = make(admin, name="Bare")
    assert (bare["code"], bare["contactEmail"], bare["address"]) == (None, None, None)


def test_names_and_codes_are_unique_without_case(admin, people, site):
    row = make(admin, code="BGL")
    make(admin, 409, name="BERGAMOT labs")
    make(admin, 409, name="Other", code="bgl")
    other = make(admin, name="Straße", code="S-1")
    make(admin, 409, name="STRASSE")
    path = "/api/v1/suppliers/" + other["id"]
    assert admin.put(path, json={"name": "bergamot LABS"}).status_code == 409
    assert admin.put(path, json={"code": "Bgl"}).json()["code"] == "CONFLICT"
    assert admin.put("/api/v1/suppliers/" + row["id"], json={"name": "BERGAMOT LABS"}).status_code == 200
    make(people.client(site.brand()), code="BGL")  # another brand's is another's


@pytest.mark.parametrize("body, field, code", [
    ({"name": None}, "name", "type"), ({"name": ""}, "name", "too_short"), ({"name": "x" * 256}, "name", "too_long"),
    ({"code": "a b"}, "code", "format"), ({"code": "x" * 51}, "code", "too_long"),
    ({"contactEmail": "lab"}, "contactEmail", "format"), ({"contactEmail": "a@b@c.org"}, "contactEmail", "format"),
    ({"contactEmail": "a@b.c"}, "contactEmail", "format"), ({"isActive": "yes"}, "isActive", "type"),
    ({"contactPhone": "1" * 51}, "contactPhone", "too_long"), ({"address": "x" * 2001}, "address", "too_long"),
    ({"productCount": 3}, "productCount", "unknown_field"),
])
def test_bad_input_names_the_field(admin, body, field, code):
    fault = admin.post("/api/v1/suppliers", json={"name": "Bergamot", **body})
    assert fault.status_code == 400, fault.text
    assert (fault.json()["details"][0]["field"], fault.json()["details"][0]["code"]) == (field, code)
    assert names(admin) == []


def test_lists(admin):
    for name, code in (("delta", None), ("Alpha", "X-1"), ("charlie", None), ("Bravo", "X-2")):
        make(admin, name=name, code=code, isActive=name != "charlie")
    assert names(admin) == ["Alpha", "Bravo", "charlie", "delta"]
    assert names(admin, q="A") == ["Alpha", "Bravo", "charlie", "delta"] and names(admin, q="x-") == ["Alpha", "Bravo"]
    assert names(admin, isActive="false") == ["charlie"] and names(admin, q="%") == []
    page = admin.get("/api/v1/suppliers", params={"limit": 3, "page": 2}).json()
    assert page["pagination"] == {"total": 4, "pages": 2, "page": 2, "limit": 3} and page["count"] == 1
    assert admin.get("/api/v1/suppliers").json()["pagination"]["limit"] == 20
    for bad in ({"limit": 0}, {"isActive": "maybe"}, {"q": "x" * 301}):
        assert admin.get("/api/v1/suppliers", params=bad).status_code == 400


def test_who_may(site, people, brand, admin):
    row = make(admin)
    path = "/api/v1/suppliers/" + row["id"]
    member, developer, other = (people.client(brand, "user"), people.client(brand, "developer"),
                                people.client(site.brand()))
    assert site.anon.get(path).status_code == 401 and people.key_client(brand).get(path).status_code == 401
    assert names(member) == ["Bergamot Labs"] and member.get(path).json()["data"] == row
    for reply in (member.post("/api/v1/suppliers", json={"name": "x"}), member.put(path, json={"name": "x"}),
                  member.delete(path)):
        assert reply.status_code == 403 and reply.json()["code"] == "FORBIDDEN"
    assert developer.put(path, json={"contactPhone": "1"}).status_code == 200
    unknown = other.get(f"/api/v1/suppliers/{uuid.uuid4()}").json()
    for reply in (other.get(path), other.put(path, json={"name": "x"}), other.delete(path)):
        assert reply.status_code == 404 and {**reply.json(), "requestId": 0} == {**unknown, "requestId": 0}
    assert names(other) == [] and other.get("/api/v1/suppliers", params={"brandId": brand.id}).status_code == 404
    assert [r["name"] for r in site.admin.get("/api/v1/suppliers", params={"brandId": brand.id}).json()["data"]] == [
        "Bergamot Labs"]


def test_removing_one_with_products_is_said_twice(admin):
    """000-management#13"""
    row = make(admin)
    for name in ("Niacinamide", "Glycerin", "Retinol"):
        made = admin.post("/api/v1/products", json={"supplierId": row["id"], "inciName": name})
        assert made.status_code == 201, made.text
    path = "/api/v1/suppliers/" + row["id"]
    assert admin.get(path).json()["data"]["productCount"] == 3
    refused = admin.delete(path)
    assert refused.status_code == 409 and refused.json()["details"] == {"products": 3}
    gone = admin.delete(path, params={"force": "true"})
    assert gone.status_code == 200
    assert gone.json()["data"] == {"id": row["id"], "deletedProducts": 3, "deletedDocuments": 0}
    assert admin.get(path).status_code == 404 and admin.delete(path).status_code == 404
    assert admin.get("/api/v1/products").json()["count"] == 0
    assert admin.delete("/api/v1/suppliers/" + make(admin)["id"]).json()["data"]["deletedProducts"] == 0


def test_an_inactive_supplier_leaves_search_at_once(brand, admin):
    """000-management#13"""
    row = make(admin)
    admin.post("/api/v1/products", json={"supplierId": row["id"], "inciName": "Niacinamide", "casNumber": "98-92-0"})
    question = "What is the CAS number of niacinamide?"
    assert "98-92-0" in brand.say(question)["response"]
    admin.put("/api/v1/suppliers/" + row["id"], json={"isActive": False})
    assert "98-92-0" not in brand.say(question)["response"]
    admin.put("/api/v1/suppliers/" + row["id"], json={"isActive": True})
    assert "98-92-0" in brand.say(question)["response"]
    admin.put("/api/v1/suppliers/" + row["id"], json={"name": "Umbel Works"})
    assert "98-92-0" in brand.say("Which ingredient is by Umbel Works?")["response"] or \
        "Umbel Works" in brand.say("Which ingredient is by Umbel Works?")["response"]
