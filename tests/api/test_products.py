# SPDX-License-Identifier: Apache-2.0
"""Products: fields and their limits, the endpoints, bulk (001 section 6), categories, single products (14.3, 14.4)."""
import json
from decimal import Decimal

import pytest

from api.fixtures import running
from api.helpers import PRODUCT_KEYS, exact, fault, faults, ids, not_or_inactive, ok, product, quote, refused, unique


def post(brand, row):
    return brand.site.admin.post(f"{brand.path}/products", json=row)


def bulk(brand, rows, **params):
    return brand.site.admin.post(f"{brand.path}/products/bulk", json=rows, params=params)


@pytest.fixture(scope="module")
def shop(site):
    """For tests of borders, each with product ids of its own."""
    return site.brand()


def test_9_products(site):
    """001-brands#9: what exists, what does not, what is no product."""
    before = site.anon.get("/brands/techpro/products").content
    refused(site.admin.post("/brands/techpro/products", json=product("laptop-001")), 409,
            "Product 'laptop-001' already exists")
    refused(site.admin.put("/brands/techpro/products/laptop-001", json=product("x")), 400, "Product ID mismatch")
    refused(site.admin.put("/brands/techpro/products/nope", json=product("nope")), 404, "Product not found")
    refused(site.admin.delete("/brands/techpro/products/nope"), 404, "Product not found")
    assert site.anon.get("/brands/techpro/products").content == before
    brand = site.brand()
    fault(post(brand, product(price=-1)), ["body", "price"], "greater_than_equal",
          "Input should be greater than or equal to 0")
    fault(post(brand, product(price="abc")), ["body", "price"], "float_parsing",
          "Input should be a valid number, unable to parse string as a number")
    fault(post(brand, product(features=...)), ["body", "features"], "missing", "Field required")
    assert brand.products == []
    assert ok(post(brand, product(price="12.5"))) == {
        "message": "Product added successfully", "product_id": "p1", "brand_id": brand.id}
    assert exact(site.anon.get(f"{brand.path}/products"))[0]["price"] == Decimal("12.5")


def test_stored_as_sent(site):
    brand = site.brand()
    row = product("tent-03", name="Skarv 2", price=389.5, features=["1.6 kg", "", "free-standing", " "],
                  brand_id="elsewhere",
                  specifications={"poles": "aluminium", "season": 3, "a": {"b": [1, None]}, "zz": 1, "aa": 2},
                  availability=False, extra="ignored")
    ok(post(brand, row))
    shown = ok(site.anon.get(f"{brand.path}/products/tent-03"))
    assert set(shown) == PRODUCT_KEYS
    assert shown["brand_id"] == brand.id and shown["availability"] is False
    assert [text for text in shown["features"] if text.strip()] == ["1.6 kg",
                                                                    "free-standing"] and "" not in shown["features"]
    assert shown["specifications"] == row["specifications"]
    assert list(shown["specifications"]) == ["poles", "season", "a", "zz", "aa"]
    assert brand.products == [shown]


def test_links_only_when_set(site):
    brand = site.brand()
    ok(post(brand, product("a", url="https://shop.example/a", image_url="http://shop.example/a.png")))
    ok(post(brand, product("b", url=None, image_url=None)))
    a, b = brand.products
    assert (a["url"], a["image_url"]) == ("https://shop.example/a", "http://shop.example/a.png")
    assert set(b) == PRODUCT_KEYS


TEXTS = [("id", 1, 128), ("name", 1, 300), ("description", 0, 10000), ("category", 1, 100)]


@pytest.mark.parametrize("field, low, high", TEXTS)
def test_borders_of_texts(shop, field, low, high):
    row = product(unique("p"))
    longest = "ช" * high if field != "id" else unique("p").ljust(high, "ช")
    assert ok(post(shop, {**row, field: longest}))["product_id"] == (longest if field == "id" else row["id"])
    row["id"] = unique("p")
    fault(post(shop, {**row, field: longest + "x"}), ["body", field], "string_too_long",
          f"String should have at most {high} characters")
    if low:
        fault(post(shop, {**row, field: ""}), ["body", field], "string_too_short")
        fault(post(shop, {**row, field: "   "}), ["body", field], "string_too_short")
    else:
        ok(post(shop, {**row, field: ""}))
        row["id"] = unique("p")
    for bad in (5, True, [], {}):
        fault(post(shop, {**row, field: bad}), ["body", field], "string_type", "Input should be a valid string")
    fault(post(shop, {key: value for key, value in row.items() if key != field}), ["body", field], "missing",
          "Field required")
    fault(post(shop, {**row, field: "a\0b"}), ["body", field], "string_invalid", "String should not contain NUL")


@pytest.mark.parametrize("bad", [".", "..", "a\nb", "a\x7fb", "a\x1fb", "a\x85b"])
def test_ids_of_bad_form(shop, bad):
    fault(post(shop, product(bad)), ["body", "id"], "string_pattern_mismatch")


@pytest.mark.parametrize("id", ["a/b", "a b", "ünï-ก", "a%2Fb", "...", "a?b#c", "<script>", "A", "a", "'\"\\", "~",
                                "+"])
def test_ids_of_odd_but_good_form(site, id):
    """6.1: any text without controls; in a path percent-encoded, `/` as %2F. Case counts."""
    brand = site.brand()
    ok(post(brand, product(id)))
    path = f"{brand.path}/products/{quote(id)}"
    assert ok(site.anon.get(path))["id"] == id
    assert ok(site.admin.put(path, json=product(id, name="Changed")))["product_id"] == id
    assert ok(site.anon.get(path))["name"] == "Changed"
    if id.swapcase() != id:
        refused(site.anon.get(f"{brand.path}/products/{quote(id.swapcase())}"), 404, "Product not found")
    assert ok(site.admin.delete(path)) == {"message": "Product deleted successfully"}
    refused(site.anon.get(path), 404, "Product not found")


def test_ids_and_names_are_trimmed(site):
    """2.2: name, category and ids are stored trimmed, other texts as sent."""
    brand = site.brand()
    assert ok(post(brand, product("  p9 ", name=" n ", category="\tc ", description="  d  ")))["product_id"] == "p9"
    shown = brand.products[0]
    assert (shown["id"], shown["name"], shown["category"], shown["description"]) == ("p9", "n", "c", "  d  ")


@pytest.mark.parametrize("sent, stored", [
    ("0", "0"), ("-0", "0"), ("0.0001", "0.0001"), ("0.00005", "0.0001"), ("0.00004999", "0"), ("1349.99", "1349.99"),
    ("12.34565", "12.3457"), ("12.34564999", "12.3456"), ("2.5", "2.5"), ("0.1", "0.1"),
    ("1000000000000", "1000000000000"),
    ("999999999999.9999", "999999999999.9999"), ("1e3", "1000"), ("1.10", "1.1"), ("123456789.12345", "123456789.1235"),
    ("1E-4", "0.0001"), ("0.30000000000000004", "0.3"), ('"389.5"', "389.5"), ('" 7 "', "7")])
def test_prices_are_exact(shop, sent, stored):
    """6.1: 4 decimals, more are rounded half up; replies show them without binary noise."""
    row = json.dumps(product(unique("p"), price=0)).replace('"price": 0', f'"price": {sent}')
    assert ok(shop.site.admin.post(f"{shop.path}/products", content=row, headers={"Content-Type": "application/json"}))
    reply = shop.site.anon.get(f"{shop.path}/products/{json.loads(row)['id']}")
    assert exact(reply)["price"] == Decimal(stored)
    assert len(reply.text.split('"price":')[1].split(",")[0].strip()) <= len(stored) + 2  # no noise; 12 may read 12.0


@pytest.mark.parametrize("sent, type", [
    ("-0.0001", "greater_than_equal"), ("-1", "greater_than_equal"), ("1000000000000.0001", "less_than_equal"),
    ("1e13", "less_than_equal"), ('"abc"', "float_parsing"), ('""', "float_parsing"), ('"1,5"', "float_parsing"),
    ('"NaN"', "float_parsing"),
    ('"inf"', "float_parsing"), ('"0x10"', "float_parsing"), ("[]", "float_type"), ("{}", "float_type"),
    ("[1]", "float_type")])
def test_no_prices(shop, sent, type):
    row = json.dumps(product(unique("p"), price=0)).replace('"price": 0', f'"price": {sent}')
    fault(shop.site.admin.post(f"{shop.path}/products", content=row, headers={"Content-Type": "application/json"}),
          ["body", "price"], type)


def test_price_msg(shop):
    fault(post(shop, product(unique("p"), price=10**12 + 1)), ["body", "price"], "less_than_equal",
          "Input should be less than or equal to 1000000000000")


def test_borders_of_features(shop):
    ok(post(shop, product(unique("p"), features=["x" * 500] * 100)))
    ok(post(shop, product(unique("p"), features=[])))
    row = product(unique("p"))
    fault(post(shop, {**row, "features": ["x"] * 101}), ["body", "features"], "too_long",
          "List should have at most 100 items")
    fault(post(shop, {**row, "features": ["x", "x" * 501]}), ["body", "features", 1], "string_too_long",
          "String should have at most 500 characters")
    fault(post(shop, {**row, "features": ["x", 5]}), ["body", "features", 1], "string_type",
          "Input should be a valid string")
    fault(post(shop, {**row, "features": "x"}), ["body", "features"], "list_type", "Input should be a valid list")
    fault(post(shop, {**row, "features": ["a\0"]}), ["body", "features", 0], "string_invalid")


def test_borders_of_specifications(shop):
    ok(post(shop, product(unique("p"), specifications={f"k{n}": n for n in range(200)})))
    ok(post(shop, product(unique("p"), specifications={})))
    ok(post(shop, product(unique("p"), specifications={"k" * 100: "x"})))
    ok(post(shop, product(unique("p"), specifications={"k": "x" * (32 * 1024 - 8)})))  # {"k":"…"} is 32 KiB
    row, at = product(unique("p")), ["body", "specifications"]
    fault(post(shop, {**row, "specifications": {f"k{n}": n for n in range(201)}}), at, "too_long")
    for bad in ({"k" * 101: 1}, {"": 1}, {"k": "x" * (32 * 1024 - 7)}):
        assert faults(post(shop, {**row, "specifications": bad}))[0]["loc"][:2] == at
    for bad in ("x", [], 5):
        fault(post(shop, {**row, "specifications": bad}), at, "dict_type", "Input should be a valid dictionary")


@pytest.mark.parametrize("field", ["url", "image_url"])
def test_borders_of_links(shop, field):
    longest = "https://shop.example/".ljust(2048, "a")
    row = product(unique("p"), **{field: longest})
    ok(post(shop, row))
    row["id"] = unique("p")
    assert faults(post(shop, {**row, field: longest + "a"}))[0]["type"] == "string_too_long"
    for bad in ("", "ftp://shop.example/", "javascript:alert(1)", "//shop.example/x", "/x", "shop.example"):
        assert faults(post(shop, {**row, field: bad}))[0]["loc"] == ["body", field], bad
    fault(post(shop, {**row, field: 5}), ["body", field], "string_type")


@pytest.mark.parametrize("value, stored", [("yes", True), ("OFF", False), ("0", False), (True, True), (None, True),
                                           (..., True)])
def test_availability(shop, value, stored):
    row = product(unique("p"), availability=value)
    ok(post(shop, row))
    assert ok(shop.site.anon.get(f"{shop.path}/products/{row['id']}"))["availability"] is stored


def test_all_faults_of_a_product_at_once(shop):
    found = faults(post(shop, {"id": "", "price": -1, "features": "x", "availability": "perhaps"}))
    assert {(entry["loc"][1], entry["type"]) for entry in found} == {
        ("id", "string_too_short"), ("name", "missing"), ("description", "missing"), ("category", "missing"),
        ("price", "greater_than_equal"), ("features", "list_type"), ("specifications", "missing"),
        ("availability", "bool_parsing")}


@pytest.mark.parametrize("body", ["[]", '"x"', "5", "null", "true"])
def test_no_object(shop, body):
    found = faults(shop.site.admin.post(f"{shop.path}/products", content=body,
                                        headers={"Content-Type": "application/json"}))
    assert found[0]["loc"] == ["body"] and found[0]["type"] in ("dict_type", "missing")


def test_put_replaces_all_and_keeps_the_place(site):
    brand = site.brand([product("a", availability=False, url="https://shop.example/a"), product("b"), product("c")])
    new = {key: value for key, value in product("x", name="New a").items() if key != "id"}  # the id may be left out
    assert ok(site.admin.put(f"{brand.path}/products/a", json=new)) == {
        "message": "Product updated successfully", "product_id": "a", "brand_id": brand.id}
    assert ids(brand.products) == ["a", "b", "c"]
    assert brand.products[0] == {**new, "id": "a", "availability": True, "brand_id": brand.id}
    found = faults(site.admin.put(f"{brand.path}/products/a", json={"name": "only"}))
    assert {entry["loc"][1] for entry in found} == {"description", "category", "price", "features", "specifications"}


def test_delete(site):
    brand = site.brand([product("a"), product("b")])
    ok(site.admin.delete(f"{brand.path}/products/a"))
    assert ids(brand.products) == ["b"]
    refused(site.admin.delete(f"{brand.path}/products/a"), 404, "Product not found")
    assert ids(brand.search("name")) == ["b"]
    ok(post(brand, product("a")))  # deleted ids can be used again, at the end
    assert ids(brand.products) == ["b", "a"]


def test_listing(site):
    rows = [product(f"p{n}", category="Big Tents" if n % 2 else "Packs", availability=n != 3) for n in range(7)]
    brand = site.brand(rows)

    def get(**params):
        reply = site.anon.get(f"{brand.path}/products", params=params)
        return ids(ok(reply)), reply.headers["x-total-count"]

    everything = [row["id"] for row in rows]
    assert get() == (everything, "7")
    assert get(limit=3, offset=2) == (everything[2:5], "7")
    assert get(offset=5) == (everything[5:], "7")
    assert get(limit=1000, offset=100) == ([], "7")
    assert get(category="big tents") == (["p1", "p3", "p5"], "3")
    assert get(category="tents") == ([], "0")
    assert get(available="true") == ([id for id in everything if id != "p3"], "6")
    assert get(available="no", category="BIG TENTS") == (["p3"], "1")
    assert get(category="Packs", limit=1, offset=1) == (["p2"], "4")


@pytest.mark.parametrize("name, value, type", [
    ("limit", "0", "greater_than_equal"), ("limit", "1001", "less_than_equal"), ("limit", "many", "int_parsing"),
    ("offset", "-1", "greater_than_equal"), ("offset", "1e2", "int_parsing"), ("available", "perhaps", "bool_parsing")])
def test_listing_parameters(shop, name, value, type):
    fault(shop.site.anon.get(f"{shop.path}/products", params={name: value}), ["query", name], type)


def test_many_products_are_listed_whole(site):
    rows = [product(f"p{n:04}", description="word " * 50) for n in range(1000)]
    brand = site.brand(rows)
    brand.add(*[product(f"q{n:03}") for n in range(200)])
    reply = site.anon.get(f"{brand.path}/products")
    assert len(ok(reply)) == 1200 and reply.headers["x-total-count"] == "1200"
    assert ids(reply.json()) == [row["id"] for row in rows] + [f"q{n:03}" for n in range(200)]


def test_categories(site):
    brand = site.brand([product("a", category="packs"), product("b", category="Axes"), product("c", category="Tents"),
                        product("d", category="packs")])
    assert ok(site.anon.get(f"{brand.path}/categories")) == {"categories": ["Axes", "packs", "Tents"],
                                                             "brand_id": brand.id}
    assert ok(site.anon.get(f"{site.brand().path}/categories"))["categories"] == []


def test_a_product_named_like_an_endpoint(site):
    """Section 2: a literal segment wins for the methods that it has, the others fall to the parameter."""
    brand = site.brand([product("search"), product("bulk")])
    assert ok(site.anon.get(f"{brand.path}/products/search"))["id"] == "search"
    assert ok(site.anon.get(f"{brand.path}/products/bulk"))["id"] == "bulk"
    ok(site.admin.put(f"{brand.path}/products/search", json=product("search", name="S")))
    ok(site.admin.delete(f"{brand.path}/products/bulk"))
    assert ids(brand.products) == ["search"]


def test_catalogue_is_full():
    with running({"limits.products_per_brand": 2}) as site:
        brand = site.brand([product("a")])
        reply = ok(bulk(brand, [product("b"), product("c")]))
        assert reply["success_count"] == 1
        assert [(e["index"], e["id"], e["code"]) for e in reply["errors"]] == [(1, "c", "catalogue_full")]
        refused(post(brand, product("d")), 409, "Catalogue is full")
        ok(site.admin.put(f"{brand.path}/products/a", json=product("a", name="still works")))
        ok(site.admin.delete(f"{brand.path}/products/a"))
        ok(post(brand, product("d")))


# ---- bulk -----------------------------------------------------------------------------------------------------------


def test_10_bulk(site):
    """001-brands#10: valid rows are written, the bad one is reported."""
    brand = site.brand()
    reply = ok(bulk(brand, [product("a"), product("b", name=...), product("c")]))
    errors = reply.pop("errors")
    assert reply == {"message": f"Successfully added 2/3 products to {brand.id}", "success_count": 2, "total_count": 3,
                     "brand_id": brand.id, "created_count": 2, "updated_count": 0, "skipped_count": 0,
                     "errors_total": 1}
    assert len(errors) == 1 and set(errors[0]) == {"index", "id", "code", "detail"}
    assert (errors[0]["index"], errors[0]["id"], errors[0]["code"]) == (1, "b", "missing_name")
    assert ids(brand.products) == ["a", "c"]


@pytest.mark.parametrize("changes, code", [
    ({"id": ...}, "missing_id"), ({"id": 5}, "invalid_id"), ({"id": ".."}, "invalid_id"),
    ({"id": "x" * 129}, "too_long"),
    ({"name": ...}, "missing_name"), ({"name": 5}, "invalid_name"), ({"name": "x" * 301}, "too_long"),
    ({"description": ...}, "missing_description"), ({"description": []}, "invalid_description"),
    ({"description": "x" * 10001}, "too_long"),
    ({"category": ...}, "missing_category"), ({"category": {}}, "invalid_category"),
    ({"category": "x" * 101}, "too_long"),
    ({"price": ...}, "missing_price"), ({"price": "ask us"}, "invalid_price"), ({"price": -1}, "invalid_price"),
    ({"price": 10**13}, "invalid_price"), ({"features": ...}, "missing_features"),
    ({"features": "a"}, "invalid_features"),
    ({"features": [1]}, "invalid_features"), ({"features": ["x" * 501]}, "too_long"),
    ({"specifications": ...}, "missing_specifications"), ({"specifications": "a"}, "invalid_specifications"),
    ({"availability": "perhaps"}, "invalid_availability"), ({"url": "ftp://x.example"}, "invalid_url"),
    ({"image_url": "x"}, "invalid_image_url")])
def test_bulk_codes(site, changes, code):
    brand = site.brand()
    bad = {key: value for key, value in {**product("bad"), **changes}.items() if value is not ...}
    reply = ok(bulk(brand, [product("good"), bad]))
    # `too_long` is 12.4's word for a field against 6.1's lengths; 6.2 also reads as `invalid_<field>`.
    field = next(iter(changes))
    allowed = {code, f"invalid_{field}"} if code == "too_long" else {code}
    assert reply["success_count"] == 1 and reply["errors_total"] == 1 and reply["errors"][0]["index"] == 1
    assert reply["errors"][0]["code"] in allowed
    assert isinstance(reply["errors"][0]["detail"], str) and reply["errors"][0]["detail"]
    assert ids(brand.products) == ["good"]


@pytest.mark.parametrize("row", [5, "x", None, [], True])
def test_bulk_row_is_no_object(site, row):
    brand = site.brand()
    reply = ok(bulk(brand, [row, product("good")]))
    assert reply["errors"][0]["code"] == "not_an_object" and reply["errors"][0]["index"] == 0
    assert ids(brand.products) == ["good"]


def test_bulk_duplicates(site):
    """6.2: the three rules for an id in the catalogue; twice in one request is always a duplicate."""
    brand = site.brand([product("a")])
    reply = ok(bulk(brand, [product("a", name="N"), product("b")]))
    assert (reply["created_count"], reply["errors"][0]) == (1, {
        "index": 0, "id": "a", "code": "duplicate_id", "detail": "Product 'a' already exists"})
    reply = ok(bulk(brand, [product("a", name="N"), product("c")], on_conflict="skip"))
    assert (reply["success_count"], reply["created_count"], reply["updated_count"], reply["skipped_count"]) == (2, 1, 0,
            1)
    assert brand.products[0]["name"] == "Name a" and reply["errors"] == [] and reply["errors_total"] == 0
    reply = ok(bulk(brand, [product("a", name="N"), product("d")], on_conflict="update"))
    assert (reply["success_count"], reply["created_count"], reply["updated_count"], reply["skipped_count"]) == (2, 1, 1,
            0)
    assert brand.products[0]["name"] == "N" and ids(brand.products) == ["a", "b", "c", "d"]
    for rule in ("error", "skip", "update"):
        reply = ok(bulk(brand, [product(f"e-{rule}", name="first"), product(f"e-{rule}", name="second")],
                        on_conflict=rule))
        assert reply["created_count"] == 1 and reply["errors"][0]["code"] == "duplicate_id" and reply["errors"][0][
            "index"] == 1
    assert all(row["name"] == "first" for row in brand.products if row["id"].startswith("e-"))


@pytest.mark.parametrize("rule", ["skip", "update"])
def test_bulk_twice_is_the_same(site, rule):
    brand = site.brand()
    rows = [product("a"), product("b")]
    ok(bulk(brand, rows, on_conflict=rule))
    before = brand.products
    reply = ok(bulk(brand, rows, on_conflict=rule))
    assert reply["success_count"] == 2 and reply["created_count"] == 0 and brand.products == before


def test_bulk_of_bad_rows_alone(site):
    brand = site.brand()
    reply = ok(bulk(brand, [{}] * 150))
    assert (reply["success_count"], reply["total_count"], reply["errors_total"], len(reply["errors"])) == (0, 150, 150,
            100)
    assert reply["message"] == f"Successfully added 0/150 products to {brand.id}"
    assert [entry["index"] for entry in reply["errors"]] == list(range(100))


def test_bulk_refused_whole(site):
    brand = site.brand()
    fault(bulk(brand, {"a": 1}), ["body"], "list_type", "Input should be a valid list")
    fault(bulk(brand, "text"), ["body"], "list_type")
    fault(bulk(brand, [product(f"p{n}") for n in range(1001)]), ["body"], "too_long",
          "List should have at most 1000 items")
    assert faults(bulk(brand, []))[0]["loc"] == ["body"]
    fault(bulk(brand, [product()], on_conflict="replace"), ["query", "on_conflict"], "enum")
    assert brand.products == []


def test_bulk_up_to_ten_mebibytes(site):
    """2.2: 413 over 10 MiB; a body of several MiB is read."""
    brand = site.brand()
    rows = [product(f"p{n}", description="x" * 9000) for n in range(1000)]
    assert ok(bulk(brand, rows))["success_count"] == 1000
    refused(site.admin.post(f"{brand.path}/products/bulk", content=b"[" + b" " * (10 * 1024 * 1024) + b"]",
                            headers={"Content-Type": "application/json"}), 413, "Request body too large")


def test_bulk_is_found_at_once(site):
    """6.1: row and word index change together."""
    brand = site.brand()
    ok(bulk(brand, [product("a", name="Zanzibar lamp")]))
    assert ids(brand.search("zanzibar")) == ["a"]
    ok(site.admin.put(f"{brand.path}/products/a", json=product("a", name="Timbuktu lamp")))
    assert brand.search("zanzibar") == [] and ids(brand.search("timbuktu")) == ["a"]


def test_unknown_product_of_an_unknown_brand(site):
    name = unique("no")
    refused(site.anon.get(f"/brands/{name}/products/x"), 404, not_or_inactive(name))
