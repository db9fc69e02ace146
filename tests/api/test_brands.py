# SPDX-License-Identifier: Apache-2.0
"""Brands: making, ids, listing, changing, deleting (001 section 3)."""
import re

import pytest

from api.fixtures import running
from api.helpers import (BRAND_KEYS, CHAT_SETTINGS, STATS_KEYS, TIME, eventually, fault, faults, not_or_inactive, ok,
                         product,
                         refused, unauthenticated, unique)
from api.people import People

AT_LEAST_1 = re.compile(r"String should have at least 1 characters?")


@pytest.fixture(scope="module")
def fresh():
    """A server nobody else writes to, for statements about the whole installation."""
    with running() as site:
        yield site


def test_1_create_and_statistics(fresh):
    """001-brands#1: a brand from JSON, the same again from the query, statistics under either spelling of the id."""
    made = ok(fresh.admin.post("/brands", json={"name": "Test Brand", "description": "d"}))
    assert set(made) == BRAND_KEYS
    assert TIME.fullmatch(made.pop("created_at"))
    assert made == {"id": "test_brand", "name": "Test Brand", "description": "d", "updated_at": None, "is_active": True}
    again = ok(fresh.admin.post("/brands", params={"name": "Test Brand", "description": "d"}))
    assert again["id"] == "test_brand_1"
    for spelling in ("test_brand", "Test-Brand"):
        stats = ok(fresh.admin.get(f"/brands/{spelling}/stats"))
        assert set(stats) == STATS_KEYS
        assert stats["brand_id"] == "test_brand" and stats["total_products"] == 0 and stats["category_list"] == []


def test_2_taken_reserved_missing(fresh):
    """001-brands#2: taken and reserved ids are refused, a derived one is numbered, a missing field is named."""
    before = ok(fresh.admin.get("/brands"))
    refused(fresh.admin.post("/brands", json={"name": "n", "description": "d", "brand_id": "techpro"}),
            400, "Brand with ID 'techpro' already exists")
    refused(fresh.admin.post("/brands", json={"name": "n", "description": "d", "brand_id": "active"}),
            400, "Brand ID 'active' is reserved")
    fault(fresh.admin.post("/brands", json={"name": "n"}), ["body", "description"], "missing", "Field required")
    assert ok(fresh.admin.get("/brands")) == before
    assert ok(fresh.admin.post("/brands", json={"name": "Feedback", "description": "d"}))["id"] == "feedback_1"


def test_3_credentials_needed(site):
    """001-brands#3: without credentials management is refused, the open endpoints answer."""
    for method, path in (("GET", "/brands"), ("POST", "/brands"), ("PUT", "/brands/techpro/config"),
                         ("POST", "/brands/techpro/products")):
        unauthenticated(site.anon.request(method, path, json=None if method == "GET" else {}))
    ok(site.anon.get("/brands/techpro/products"))
    ok(site.anon.post("/chat/techpro", json={"message": "Hello"}))


def test_4_another_brands_admin(site):
    """001-brands#4: the admin of one brand finds nothing of another, in the shape of a brand that never was."""
    people = People(site)
    a, b = site.brand(), site.brand([product("secret")])
    client = people.client(a, "admin")
    people.client(b, "admin")
    for method, path in (("GET", b.path), ("GET", f"{b.path}/config"), ("GET", f"{b.path}/stats"),
                         ("POST", f"{b.path}/products")):
        reply = refused(client.request(method, path, json=product() if method == "POST" else None), 404,
                        "Brand not found")
        unknown = client.request(method, path.replace(b.id, unique("no")), json=product() if method == "POST" else None)
        assert reply.content == unknown.content
    assert [brand["id"] for brand in ok(client.get("/brands"))] == [a.id]
    assert ids_of(b.products) == ["secret"]


def ids_of(products):
    return [entry["id"] for entry in products]


@pytest.mark.parametrize("name, expected", [
    ("Nordvik Outdoor", "nordvik_outdoor"),
    ("Crème Brûlée Ñandú", "creme_brulee_nandu"),
    ("  --Tents & Packs!--  ", "tents_packs"),
    ("a - b _ c", "a_b_c"),
    ("Ünïcode ÅÄÖ", "unicode_aao"),
    ("UPPER99", "upper99"),
    ("x" * 60, "x" * 48),
    ("y" * 47 + " z", "y" * 47),  # cut to 48, and never ends with a mark
    ("ａｂｃ shop", re.compile(r"abc_shop|shop")),  # compatibility folding is not promised, a valid id is
    ("ร้านหนังสือ", re.compile(r"brand_[a-z0-9]{8}")),
    ("!!!", re.compile(r"brand_[a-z0-9]{8}")),
    ("日本 7", "7"),
    ("Active", "active_1"), ("history", "history_1"), ("WELCOME", "welcome_1"), ("completion!", "completion_1"),
])
def test_ids_made_from_names(site, name, expected):
    """Section 3: what a name becomes. The server may hold the id already, hence the optional number."""
    made = ok(site.admin.post("/brands", json={"name": name, "description": ""}))["id"]
    pattern = expected.pattern if isinstance(expected, re.Pattern) else re.escape(expected)
    try:
        assert re.fullmatch(rf"(?:{pattern})(?:_\d+)?", made), made
        assert re.fullmatch(r"[a-z0-9](?:[a-z0-9_-]{0,46}[a-z0-9])?", made)
    finally:
        site.admin.delete(f"/brands/{made}")


def test_derived_ids_are_numbered(fresh):
    """Section 3: a derived id that is taken gets _1, _2, also when taken in another spelling; 48 stays the limit."""
    ok(fresh.admin.post("/brands", json={"name": "n", "description": "", "brand_id": "kite-shop"}))
    names = [ok(fresh.admin.post("/brands", json={"name": "Kite Shop", "description": ""}))["id"] for _ in range(3)]
    assert names == ["kite_shop_1", "kite_shop_2", "kite_shop_3"]
    first, second = (ok(fresh.admin.post("/brands", json={"name": "q" * 80, "description": ""}))["id"]
                     for _ in range(2))
    assert first == "q" * 48 and len(second) <= 48 and second.endswith("_1")


@pytest.mark.parametrize("given, stored", [
    ("plain", "plain"), ("With Space", "with_space"), ("UPPER-Case", "upper-case"), ("a", "a"), ("9", "9"),
    ("a_b-c", "a_b-c"),
    ("z" * 40, "z" * 40),
])
def test_given_ids_are_kept(fresh, given, stored):
    made = ok(fresh.admin.post("/brands", json={"name": "n", "description": "d", "brand_id": given}))
    assert made["id"] == stored


@pytest.mark.parametrize("given", ["-a", "a-", "_a", "a_", "a.b", "a/b", "ä", "a\tb", "ก", "a@b", "a%2fb", "..", "'",
                                   "a\"b"])
def test_given_ids_of_bad_form(site, given):
    fault(site.admin.post("/brands", json={"name": "n", "description": "d", "brand_id": given}),
          ["body", "brand_id"], "string_pattern_mismatch")


@pytest.mark.parametrize("length, accepted", [(48, True), (49, False)])
def test_length_of_a_given_id(site, length, accepted):
    given = unique("len").replace("-", "")
    given += "k" * (length - len(given))
    reply = site.admin.post("/brands", json={"name": "n", "description": "d", "brand_id": given})
    if accepted:
        assert ok(reply)["id"] == given
    else:  # too long is named as such or as a bad form; the contract names only the set and the length
        assert faults(reply)[0]["type"] in ("string_too_long", "string_pattern_mismatch")
        assert faults(reply)[0]["loc"] == ["body", "brand_id"]


@pytest.mark.parametrize("reserved", ["active", "history", "welcome", "completion", "feedback", "ACTIVE"])
def test_reserved_ids(site, reserved):
    # The text names the id in its stored form, as with a taken one.
    refused(site.admin.post("/brands", json={"name": "n", "description": "d", "brand_id": reserved}),
            400, f"Brand ID '{reserved.lower()}' is reserved")


def test_ids_are_unique_on_their_folded_form(site):
    brand = site.brand()
    folded = brand.id.replace("-", "_")
    for spelling in (brand.id, folded, brand.id.upper()):
        reply = site.admin.post("/brands", json={"name": "n", "description": "d", "brand_id": spelling})
        assert reply.status_code == 400 and "already exists" in reply.json()["detail"], reply.text
    for spelling in (brand.id, folded, brand.id.upper(), folded.upper()):
        assert ok(site.admin.get(f"/brands/{spelling}"))["id"] == brand.id
        assert ok(site.anon.get(f"/brands/{spelling}/categories"))["brand_id"] == brand.id


@pytest.mark.parametrize("field, low, high, required", [("name", 1, 255, True), ("description", 0, 2000, True)])
def test_borders_of_text_fields(site, field, low, high, required):
    def create(value):
        return site.admin.post("/brands", json={"name": "n", "description": "d", "brand_id": unique("w"), field: value})

    assert ok(create("é" * high))[field] == "é" * high
    fault(create("é" * (high + 1)), ["body", field], "string_too_long",
          f"String should have at most {high} characters")
    if low:
        fault(create(""), ["body", field], "string_too_short", AT_LEAST_1)
        fault(create("  \t\n "), ["body", field], "string_too_short", AT_LEAST_1)
    else:
        assert ok(create(""))[field] == ""
    fault(create(5), ["body", field], "string_type", "Input should be a valid string")
    fault(create(["x"]), ["body", field], "string_type", "Input should be a valid string")
    assert faults(create(None))[0]["type"] in ("missing", "string_type")  # null for a required field: either reading
    fault(create("a\x00b"), ["body", field], "string_invalid", "String should not contain NUL")


def test_all_faults_at_once(site):
    found = faults(site.admin.post("/brands", json={"name": "", "brand_id": "-"}))
    assert {(tuple(entry["loc"]), entry["type"]) for entry in found} == {
        (("body", "name"), "string_too_short"), (("body", "description"), "missing"),
        (("body", "brand_id"), "string_pattern_mismatch")}


def test_names_are_trimmed_descriptions_are_not(site):
    """2.2: name is stored trimmed, other texts as sent."""
    made = ok(site.admin.post("/brands", json={"name": "  Trim me\n", "description": "  as sent  ",
                                               "brand_id": unique("t")}))
    assert (made["name"], made["description"]) == ("Trim me", "  as sent  ")


def test_a_body_field_wins_over_the_query(site):
    brand_id = unique("q")
    made = ok(site.admin.post("/brands", params={"name": "query", "description": "query", "brand_id": brand_id},
                              json={"name": "body"}))
    assert (made["id"], made["name"], made["description"]) == (brand_id, "body", "query")
    changed = ok(site.admin.put(f"/brands/{brand_id}", params={"name": "q2", "description": "q2"}, json={"name": "b2"}))
    assert (changed["name"], changed["description"]) == ("b2", "q2")


def test_what_a_new_brand_comes_with(site):
    """3.3: configuration of a new brand."""
    brand_id = unique("new")
    ok(site.admin.post("/brands", json={"name": "Ferry & Sons", "description": "Boats for lakes",
                                        "brand_id": brand_id}))
    config = ok(site.admin.get(f"/brands/{brand_id}/config"))
    prompt = config.pop("system_prompt")
    assert "Ferry & Sons" in prompt and "Boats for lakes" in prompt
    # Null like the brand's until the first change, or the time it was made: the contract settles the brand's alone.
    updated_at = config.pop("updated_at")
    assert updated_at is None or TIME.fullmatch(updated_at)
    assert config == {
        "brand_id": brand_id, "persona_prompt": None,
        "welcome_message": "Hello from Ferry & Sons. What can I help you with?",
        "company_info": {"name": "Ferry & Sons", "description": "Boats for lakes"},
        "appearance_settings": {"primary_color": "#007bff", "secondary_color": "#6c757d"},
        "chat_settings": CHAT_SETTINGS}


def test_list_order_paging_and_count(fresh):
    made = [fresh.brand().id for _ in range(3)]
    reply = fresh.admin.get("/brands")
    everything = ok(reply)
    assert all(set(brand) == BRAND_KEYS for brand in everything)
    assert [brand["id"] for brand in everything][-3:] == made and everything[0]["id"] == "techpro"
    assert reply.headers["x-total-count"] == str(len(everything))
    page = fresh.admin.get("/brands", params={"limit": 2, "offset": 1})
    assert ok(page) == everything[1:3] and page.headers["x-total-count"] == str(len(everything))
    assert ok(fresh.admin.get("/brands", params={"offset": len(everything)})) == []
    assert ok(fresh.admin.get("/brands", params={"limit": 1000})) == everything


@pytest.mark.parametrize("path", ["/brands", "/brands/active"])
@pytest.mark.parametrize("name, value, type", [
    ("limit", "0", "greater_than_equal"), ("limit", "1001", "less_than_equal"), ("limit", "x", "int_parsing"),
    ("limit", "1.5", "int_parsing"), ("offset", "-1", "greater_than_equal"), ("offset", "x", "int_parsing")])
def test_list_parameters(site, path, name, value, type):
    fault(site.admin.get(path, params={name: value}), ["query", name], type)


def test_active_brands(fresh):
    on, off = fresh.brand(), fresh.brand()
    ok(fresh.admin.put(off.path, json={"is_active": False}))
    reply = fresh.admin.get("/brands/active")
    active = [brand["id"] for brand in ok(reply)]
    assert on.id in active and off.id not in active and reply.headers["x-total-count"] == str(len(active))
    listed = {brand["id"]: brand["is_active"] for brand in ok(fresh.admin.get("/brands"))}
    assert listed[off.id] is False and listed[on.id] is True


def test_change(site):
    brand = site.brand()
    before = ok(site.admin.get(brand.path))
    # The configuration is unchanged since the brand was made, so nothing counts as a change yet.
    assert before["updated_at"] is None
    for body in ({}, {"name": None}, {"unknown": 1}):
        assert ok(site.admin.put(brand.path, json=body)) == before
    assert ok(site.admin.put(brand.path)) == before
    changed = ok(site.admin.put(brand.path, json={"name": "Other", "brand_id": "other", "id": "other"}))
    assert TIME.fullmatch(changed["updated_at"])
    assert {**changed, "updated_at": None} == {**before, "name": "Other"}
    assert ok(site.admin.get(brand.path)) == changed
    assert ok(site.admin.put(brand.path, params={"description": "by query"}))["description"] == "by query"


@pytest.mark.parametrize("value, stored", [(False, False), ("false", False), ("0", False), ("No", False),
                                           ("OFF", False),
                                           (True, True), ("TRUE", True), ("1", True), ("yes", True), ("On", True)])
def test_booleans_as_text(site, value, stored):
    brand = site.brand()
    assert ok(site.admin.put(brand.path, json={"is_active": value}))["is_active"] is stored


@pytest.mark.parametrize("value, type", [("maybe", "bool_parsing"), ("", "bool_parsing"), ([], "bool_type"),
                                         ({}, "bool_type")])
def test_no_booleans(site, value, type):
    fault(site.admin.put("/brands/techpro", json={"is_active": value}), ["body", "is_active"], type)


def test_switched_off_and_on(site):
    """3.5: an inactive brand is away for visitors, there for its admins, and comes back as it was."""
    brand = site.brand([product("p1")])
    said = brand.say("Hello", conversation_id="c-1")
    assert said["conversation_id"] == "c-1"
    ok(site.admin.put(brand.path, json={"is_active": False}))
    text = not_or_inactive(brand.id)
    for method, path, body in (("POST", f"/chat/{brand.id}", {"message": "Hello"}),
                               ("GET", f"/chat/{brand.id}/history/c-1", None),
                               ("DELETE", f"/chat/{brand.id}/c-1", None), ("GET", f"{brand.path}/products", None),
                               ("GET", f"{brand.path}/products/p1", None), ("GET", f"{brand.path}/categories", None),
                               ("POST", f"{brand.path}/products/search", {"query": "x"}),
                               ("POST", f"{brand.path}/recommendations", {"query": "x"})):
        refused(site.anon.request(method, path, json=body), 404, text)
    for path in ("", "/config", "/stats", "/audit", "/system-prompt"):
        ok(site.admin.get(brand.path + path))
    ok(site.admin.post(f"{brand.path}/products", json=product("p2")))
    ok(site.admin.put(brand.path, json={"is_active": True}))
    assert ids_of(brand.products) == ["p1", "p2"]
    assert [message["content"] for message in brand.history("c-1")][0] == "Hello"


def test_unknown_brand(site):
    name = unique("no")
    for method, path in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/config"), ("PUT", "/config"),
                         ("GET", "/stats"),
                         ("POST", "/products"), ("PUT", "/products/x"), ("DELETE", "/products/x"),
                         ("POST", "/products/bulk"),
                         ("GET", "/audit"), ("GET", "/system-prompt"), ("PUT", "/system-prompt")):
        refused(site.admin.request(method, f"/brands/{name}{path}", json=None if method in ("GET", "DELETE") else {}),
                404, "Brand not found")
    for method, path in (("GET", "/products"), ("GET", "/products/x"), ("GET", "/categories"),
                         ("POST", "/products/search"),
                         ("POST", "/recommendations")):
        refused(site.anon.request(method, f"/brands/{name}{path}", json=None if method == "GET" else {"query": "x"}),
                404, not_or_inactive(name))
    refused(site.anon.post(f"/chat/{name}", json={"message": "x"}), 404, not_or_inactive(name))


def test_the_id_as_sent_in_the_text(site):
    """2.2: the id is shown as sent, 64 characters at most, controls removed."""
    refused(site.anon.post("/chat/NoSuch-Brand", json={"message": "x"}), 404, not_or_inactive("NoSuch-Brand"))
    refused(site.anon.post(f"/chat/{'n' * 100}", json={"message": "x"}), 404, not_or_inactive("n" * 64))
    refused(site.anon.post("/chat/a%0Ab%1Fc%7F", json={"message": "x"}), 404, not_or_inactive("abc"))
    refused(site.anon.post("/chat/%E0%B8%81%27%22%3C", json={"message": "x"}), 404, not_or_inactive("ก'\"<"))


def test_40_delete(fresh):
    """001-brands#40: a deleted brand is unknown everywhere, the others are untouched, the audit held no prompt text."""
    brand = fresh.brand([product(f"p{n}") for n in range(50)])
    brand.configure(system_prompt="SECRET-PROMPT-77")
    brand.say("Hello", conversation_id="c-1")
    entries = brand.audit()["entries"]
    assert {"brand.create", "config.update"} <= {entry["action"] for entry in entries}
    change = next(entry for entry in entries if entry["action"] == "config.update")
    assert "system_prompt" in change["fields"]
    assert "SECRET-PROMPT-77" not in fresh.admin.get(f"{brand.path}/audit").text

    def techpro():
        return (fresh.anon.post("/brands/techpro/products/search", json={"query": "quiet laptop",
                                                                         "limit": 100}).content,
                fresh.admin.get("/brands/techpro/stats").content)

    before = techpro()
    assert ok(fresh.admin.delete(brand.path)) == {"message": "Brand deleted successfully"}
    refused(fresh.admin.get(brand.path), 404, "Brand not found")
    refused(fresh.anon.post(f"/chat/{brand.id}", json={"message": "x"}), 404, not_or_inactive(brand.id))
    refused(fresh.anon.get(f"/chat/{brand.id}/history/c-1"), 404, not_or_inactive(brand.id))
    refused(fresh.anon.get(f"{brand.path}/products"), 404, not_or_inactive(brand.id))
    with fresh.server.socket(brand.id) as socket:
        frame = socket.receive(10)
        assert frame["type"] == "error" and frame["data"]["message"] == not_or_inactive(brand.id)
        assert socket.close_code() == 4404
    assert techpro() == before
    refused(fresh.admin.delete(brand.path), 404, "Brand not found")
    refused(fresh.admin.delete("/brands/techpro"), 409, "The default brand cannot be deleted")
    ok(fresh.admin.get("/brands/techpro"))


def test_a_deleted_id_becomes_free(site):
    """3.6: once the erasing job is done the id can be used again, and nothing of the old brand is in the new one."""
    brand = site.brand([product("old")])
    brand.say("Remember the word heliotrope", conversation_id="c-1")
    ok(site.admin.delete(brand.path))

    def recreate():
        reply = site.admin.post("/brands", json={"name": "Again", "description": "d", "brand_id": brand.id})
        if reply.status_code == 400:
            assert reply.json() == {"detail": f"Brand with ID '{brand.id}' already exists"}
            return None
        return ok(reply)

    assert eventually(recreate)["id"] == brand.id
    assert brand.products == [] and brand.history("c-1") == []
    assert brand.stats["total_conversations"] == 0


def test_a_deleted_brand_closes_its_sockets(site):
    brand = site.brand()
    with brand.socket() as socket:
        ok(site.admin.delete(brand.path))
        frame = socket.receive(10)
        assert frame["type"] == "error" and frame["data"]["code"] == "brand_unavailable"
        assert socket.close_code() == 4404


def test_limit_of_brands_per_user():
    """3.3: `limits.brands_per_user`; the super_admin has none."""
    with running({"limits.brands_per_user": 2}) as site:
        client = People(site).client(site.brand(), "admin")
        for _ in range(2):
            made = ok(client.post("/brands", json={"name": "Mine", "description": "d"}))
            assert ok(client.get(f"/brands/{made['id']}"))["id"] == made["id"]  # the maker is its admin
        refused(client.post("/brands", json={"name": "Mine", "description": "d"}), 403, "Brand limit reached")
        for _ in range(3):
            site.brand()


def test_who_may_make_brands():
    """3.3: `brands.create` = super_admin; and without being admin anywhere nobody may."""
    with running({"brands.create": "super_admin"}) as site:
        client = People(site).client(site.brand(), "admin")
        refused(client.post("/brands", json={"name": "Mine", "description": "d"}), 403, "Not enough permissions")
        site.brand()


def test_a_member_may_not_make_brands(site):
    client = People(site).client(site.brand(), "user")
    refused(client.post("/brands", json={"name": "Mine", "description": "d"}), 403, "Not enough permissions")
    assert ok(client.get("/brands")) == []
    assert client.get("/brands").headers["x-total-count"] == "0"
