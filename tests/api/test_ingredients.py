# SPDX-License-Identifier: Apache-2.0
"""Products under /api/v1 (000-management 5.2): checked numbers, unique names, and that an ingredient is knowledge."""
import time
import uuid

import pytest

from api.helpers import TIME, UUID, product
from api.people import People

NIACINAMIDE = {"inciName": "Niacinamide", "tradeName": "NiaPure B3", "casNumber": "98-92-0",
               "einecsNumber": "202-713-4", "description": "Water-soluble vitamin"}


class Shelf:
    """A brand, its admin and a supplier."""

    def __init__(self, site):
        self.site, self.people, self.brand = site, People(site), site.brand()
        self.admin = self.people.client(self.brand)
        self.supplier = self.made("/api/v1/suppliers", name="Bergamot Labs", code="BGL")

    def made(self, path, **body):
        reply = self.admin.post(path, json=body)
        assert reply.status_code == 201, reply.text
        return reply.json()["data"]

    def make(self, **body):
        return self.made("/api/v1/products", supplierId=self.supplier["id"], **body)

    def post(self, **body):
        return self.admin.post("/api/v1/products", json={"supplierId": self.supplier["id"], **body})

    def names(self, **params):
        reply = self.admin.get("/api/v1/products", params=params)
        assert reply.status_code == 200, reply.text
        return [row["inciName"] or row["tradeName"] for row in reply.json()["data"]]

    def document(self, kind, product_id, title="Sheet", content="Stable between pH 5 and 7."):
        """An uploaded document, as its processing leaves it."""
        row_id, now = str(uuid.uuid4()), int(time.time() * 1000)
        with self.people.rows() as database:
            database.execute(
                "INSERT INTO documents (brand_id, id, type, title, title_fold, content, product_id, created_at,"
                " updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (self.brand.id, row_id, kind, title, title.lower(), content, product_id, now, now))
        return row_id


@pytest.fixture
def shelf(site):
    return Shelf(site)


def test_the_object(shelf):
    """000-management#10"""
    row = shelf.make(**NIACINAMIDE)
    assert UUID.fullmatch(row["id"]) and TIME.fullmatch(row["createdAt"])
    assert {key: row[key] for key in row if key not in ("id", "createdAt", "updatedAt")} == {
        "kind": "ingredient", "supplier": {"id": shelf.supplier["id"], "name": "Bergamot Labs", "code": "BGL"},
        "supplierId": shelf.supplier["id"], "isActive": True, "documentCount": 0, **NIACINAMIDE}
    path = "/api/v1/products/" + row["id"]
    assert shelf.admin.get(path).json()["data"] == row
    assert shelf.admin.put(path, json=row).json()["data"] == row
    changed = shelf.admin.put(path, json={"casNumber": None, "tradeName": "B3"}).json()["data"]
    assert (changed["casNumber"], changed["tradeName"], changed["einecsNumber"]) == (None, "B3", "202-713-4")


@pytest.mark.parametrize("number", ["98-92-0", "56-81-5 / 69-72-7", "56-81-5,69-72-7", "56-81-5; 69-72-7", "7732-18-5"])
def test_good_numbers(shelf, number):
    """000-management#10"""
    assert shelf.make(inciName="x", casNumber=number)["casNumber"] == number


@pytest.mark.parametrize("field, number, code", [
    ("casNumber", "98-92-1", "check_digit"), ("casNumber", "56-81-5 / 69-72-8", "check_digit"),
    ("casNumber", "98-92", "format"), ("casNumber", "1-92-0", "format"), ("casNumber", "98-92-0-1", "format"),
    ("casNumber", "98-92-0 69-72-7", "format"), ("casNumber", "98-92-0,", "format"), ("casNumber", "a", "format"),
    ("casNumber", "98-92-0" * 8, "too_long"), ("einecsNumber", "202-713-5", "check_digit"),
    ("einecsNumber", "20-713-4", "format"), ("inciName", "", "too_short"), ("inciName", "x" * 256, "too_long"),
    ("supplierId", "none", "format"), ("supplierId", None, "type"), ("inciName", None, "type"),
    ("description", "x" * 10001, "too_long"), ("kind", "catalogue", "unknown_field"),
])
def test_bad_input_names_the_field(shelf, field, number, code):
    """000-management#10"""
    reply = shelf.post(**{"inciName": "Niacinamide", field: number})
    assert reply.status_code == 400, reply.text
    assert (reply.json()["details"][0]["field"], reply.json()["details"][0]["code"]) == (field, code)
    assert shelf.names() == []
    row = shelf.make(inciName="Other")
    if field != "kind":  # which may be sent back as it was read
        assert shelf.admin.put("/api/v1/products/" + row["id"], json={field: number}).status_code == 400
    assert shelf.admin.get("/api/v1/products/" + row["id"]).json()["data"] == row


def test_names_are_unique_for_a_supplier(shelf):
    """000-management#10"""
    shelf.make(**NIACINAMIDE)
    assert shelf.post(inciName="NIACINAMIDE").status_code == 409
    other = shelf.made("/api/v1/suppliers", name="Other")
    row = shelf.made("/api/v1/products", supplierId=other["id"], inciName="NIACINAMIDE")
    moved = shelf.admin.put("/api/v1/products/" + row["id"], json={"supplierId": shelf.supplier["id"]})
    assert moved.status_code == 409
    foreign = Shelf(shelf.site)
    for supplier in (foreign.supplier["id"], str(uuid.uuid4())):
        reply = shelf.post(inciName="Glycerin", supplierId=supplier)
        assert reply.status_code == 400 and reply.json()["details"][0]["field"] == "supplierId"
    counts = {s["name"]: s["productCount"] for s in shelf.admin.get("/api/v1/suppliers").json()["data"]}
    assert counts == {"Bergamot Labs": 1, "Other": 1}
    shelf.admin.put("/api/v1/products/" + row["id"], json={"supplierId": shelf.supplier["id"], "inciName": "Retinol"})
    counts = {s["name"]: s["productCount"] for s in shelf.admin.get("/api/v1/suppliers").json()["data"]}
    assert counts == {"Bergamot Labs": 2, "Other": 0}


def test_lists(shelf):
    shelf.make(**NIACINAMIDE)
    shelf.make(inciName="allantoin", isActive=False)
    shelf.make(inciName="Glycerin", casNumber="56-81-5")
    shelf.brand.add(product("lamp", name="Lamp"), product("bulb", name="Bulb", availability=False))
    assert shelf.names() == ["allantoin", "Glycerin", "Niacinamide"]
    assert shelf.names(kind="catalogue") == ["Bulb", "Lamp"]
    assert shelf.names(kind="all") == ["allantoin", "Bulb", "Glycerin", "Lamp", "Niacinamide"]
    assert shelf.names(q="PURE") == ["Niacinamide"] and shelf.names(q="56-8") == ["Glycerin"]
    assert shelf.names(isActive="false") == ["allantoin"] and shelf.names(supplierId=str(uuid.uuid4())) == []
    assert shelf.names(supplierId=shelf.supplier["id"], limit=1, page=2) == ["Glycerin"]
    assert shelf.admin.get("/api/v1/products", params={"kind": "x"}).status_code == 400


def test_the_catalogue_is_read_here_and_written_there(shelf):
    shelf.brand.add(product("lamp", name="Lamp", description="Shines."))
    row, = shelf.admin.get("/api/v1/products", params={"kind": "catalogue"}).json()["data"]
    assert UUID.fullmatch(row["id"])
    assert (row["kind"], row["tradeName"], row["inciName"], row["supplier"], row["supplierId"]) == (
        "catalogue", "Lamp", None, None, None)
    path = "/api/v1/products/" + row["id"]
    assert shelf.admin.get(path).json()["data"] == row
    assert shelf.admin.put(path, json={"tradeName": "x"}).status_code == 409
    assert shelf.admin.delete(path).status_code == 409
    assert shelf.site.admin.delete(f"{shelf.brand.path}/products/lamp").status_code == 200
    assert shelf.admin.get(path).status_code == 404


def test_an_ingredient_is_knowledge(shelf):
    question = "What is the CAS number of niacinamide?"
    row = shelf.make(**NIACINAMIDE)
    path = "/api/v1/products/" + row["id"]
    assert "98-92-0" in shelf.brand.say(question)["response"]
    shelf.admin.put(path, json={"casNumber": "56-81-5"})
    answer = shelf.brand.say(question)
    assert "56-81-5" in answer["response"] and "98-92-0" not in answer["response"]
    assert answer["metadata"]["sources"][0]["title"] == "Niacinamide"
    shelf.admin.put(path, json={"isActive": False})
    assert "56-81-5" not in shelf.brand.say(question)["response"]
    shelf.admin.put(path, json={"isActive": True})
    assert "56-81-5" in shelf.brand.say(question)["response"]
    assert shelf.admin.delete(path).status_code == 200
    assert "56-81-5" not in shelf.brand.say(question)["response"]


def test_what_goes_with_one(shelf):
    """000-management#12"""
    row = shelf.make(**NIACINAMIDE)
    inci, formulation = shelf.document("inci", row["id"]), shelf.document("formulation", row["id"])
    gone = shelf.admin.delete("/api/v1/products/" + row["id"])
    assert gone.status_code == 200, gone.text
    assert gone.json()["data"] == {"id": row["id"], "deletedDocuments": 1, "unlinkedDocuments": 1}
    with shelf.people.rows() as database:
        rows = dict((found[0], found[1:]) for found in database.execute(
            "SELECT id, deleted_at IS NULL, product_id FROM documents WHERE brand_id = ?", (shelf.brand.id,)))
    assert rows == {inci: (0, row["id"]), formulation: (1, None)}
    assert shelf.admin.get("/api/v1/products/" + row["id"]).status_code == 404


def test_who_may(shelf):
    row = shelf.make(**NIACINAMIDE)
    path = "/api/v1/products/" + row["id"]
    member, other = shelf.people.client(shelf.brand, "user"), Shelf(shelf.site).admin
    assert shelf.site.anon.get(path).status_code == 401
    assert member.get(path).json()["data"] == row
    assert member.delete(path).status_code == 403 and member.put(path, json={"tradeName": "x"}).status_code == 403
    unknown = other.get(f"/api/v1/products/{uuid.uuid4()}").json()
    for reply in (other.get(path), other.put(path, json={"tradeName": "x"}), other.delete(path)):
        assert reply.status_code == 404 and {**reply.json(), "requestId": 0} == {**unknown, "requestId": 0}
    assert other.get("/api/v1/products/lamp").status_code == 404
