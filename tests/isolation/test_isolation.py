# SPDX-License-Identifier: Apache-2.0
"""No byte of one brand reaches another (001 2.1, 15): every route that the binary itself lists, asked about somebody
else's brand with every kind of credentials, answers exactly as for a brand that never was.

The routes come from `parley openapi`, so that a new one is tested the moment it exists.
"""
import json
import re

import pytest

from api.fixtures import need, running
from api.helpers import eventually, not_or_inactive, ok, product, unique
from api.people import People
from harness import ADMIN_EMAIL, ADMIN_PASSWORD, find_binary, run

MARK = "quetzalcoatl"  # in every text of the victim, in nothing else
PUBLIC = {("GET", "/brands/{}/products"), ("GET", "/brands/{}/products/{}"), ("POST", "/brands/{}/products/search"),
          ("GET", "/brands/{}/categories"),
          ("POST", "/brands/{}/recommendations"), ("POST", "/chat/{}"), ("GET", "/chat/{}/history/{}"),
          ("DELETE", "/chat/{}/{}")}
BODIES = {  # what each writing route would accept from the right caller
    ("PUT", "/brands/{}"): {"name": "taken over"}, ("PUT", "/brands/{}/config"): {"system_prompt": "taken over",
            "chat_settings": {"public_access": True}},
    ("PUT", "/brands/{}/system-prompt"): {"system_prompt": "taken over"},
          ("POST", "/brands/{}/products"): product("intruder"),
    ("PUT", "/brands/{}/products/{}"): {key: value for key, value in product().items() if key != "id"},
          ("POST", "/brands/{}/products/bulk"): [product("intruder")],
    ("POST", "/brands/{}/products/search"): {"query": MARK}, ("POST", "/brands/{}/recommendations"): {"query": MARK},
          ("POST", "/chat/{}"): {"message": MARK, "conversation_id": "victim-c"}}


# A conversation of the default brand, whose path differs from POST /chat/{brand_id} in a parameter's name alone.
DEFAULT_BRAND = ("delete", "/chat/{}")


def routes():
    """(method, path with {} for each parameter) of every route with a brand in its path."""
    binary = find_binary("parley", "PARLEY_BIN")
    if not binary.exists():
        return []
    document = json.loads(run([binary, "openapi"]).stdout)
    found = []
    for path, operations in document["paths"].items():
        shape = re.sub(r"\{[^}]*\}", "{}", path)
        scoped = shape.startswith("/brands/{}") or (shape.startswith("/chat/{}") and re.match(r"/chat/\{brand", path))
        if scoped:
            found += [(method.upper(), shape) for method in operations
                      if method in ("get", "post", "put", "delete", "patch") and (method, shape) != DEFAULT_BRAND]
    return sorted(found)


ROUTES = routes()


def test_the_list_is_whole():
    """The binary lists every route of the contract that has a brand in its path."""
    need("parley", "PARLEY_BIN")
    assert PUBLIC <= set(ROUTES)
    assert {("GET", "/brands/{}"), ("PUT", "/brands/{}"), ("DELETE", "/brands/{}"), ("GET", "/brands/{}/config"),
            ("PUT", "/brands/{}/config"), ("GET", "/brands/{}/stats"),
            ("POST", "/brands/{}/products"), ("PUT", "/brands/{}/products/{}"), ("DELETE", "/brands/{}/products/{}"),
            ("POST", "/brands/{}/products/bulk"),
            ("GET", "/brands/{}/system-prompt"), ("PUT", "/brands/{}/system-prompt"),
            ("GET", "/brands/{}/audit")} <= set(ROUTES)


class World:
    """Two brands and everybody who might ask."""

    def __init__(self, site, expired, revoked):
        self.site, people = site, People(site)
        self.victim, self.own = self.make("victim"), site.brand([product("mine")])
        self.victim_open = self.make("open", True)
        self.own.say("my own words", conversation_id="own-c")
        own_admin = people.user(self.own, "admin")
        self.own_admin = site.client(people.token(own_admin))
        self.member = site.client(people.token(people.user(self.victim, "user")))
        self.developer = site.client(people.token(people.user(self.victim, "developer")))
        both = people.user(self.own, "admin")
        people.join(both, self.victim, "user")
        self.clients = {
            "none": site.anon, "other admin": self.own_admin,
            "other admin's key": site.client(people.user_key(own_admin)),
            "other chatbot's key": people.key_client(self.own), "other member": people.client(self.own, "user"),
            "user without a brand": people.client(),
            "member": self.member, "developer": self.developer,
            "admin elsewhere, member here": site.client(people.token(both)),
            "own chatbot's key": people.key_client(self.victim), "expired": site.client(expired),
            "signed out": site.client(revoked),
            "nonsense": site.client("nonsense")}

    def make(self, name, public=False):
        brand = self.site.brand([product(f"{name}-p", name=f"Lamp {MARK}", category=f"Cat {MARK}",
                                         description=f"About {MARK}.", features=[MARK])], name=f"Shop {MARK}",
                                system_prompt=f"Prompt {MARK}", persona_prompt=MARK, welcome_message=f"Welcome {MARK}",
                                company_info={"name": MARK},
                                chat={"public_access": True})
        brand.say(f"I want {MARK}", conversation_id=f"{name}-c")
        brand.configure(chat_settings={"public_access": public})
        brand.message_id = brand.history(f"{name}-c", self.site.admin)[0]["message_id"]
        return brand

    def snapshot(self, brand):
        """Everything that can be seen of a brand by its admin, its audit included."""
        admin = self.site.admin
        name = "open-c" if brand is self.victim_open else "victim-c"
        return [admin.get(path).text for path in (brand.path, f"{brand.path}/config", f"{brand.path}/products",
                                                  f"{brand.path}/audit", f"{brand.path}/stats",
                                                  f"/chat/{brand.id}/history/{name}")]


@pytest.fixture(scope="module")
def world():
    """Its expired token was issued by an earlier life of the same server with a life of one second."""
    need("parley", "PARLEY_BIN")
    with running({"auth.access_ttl": 1}) as first:
        expired = first.server.login(ADMIN_EMAIL, ADMIN_PASSWORD)
        eventually(lambda: first.client(expired).get("/brands").status_code == 401)
        first.server.stop()
        with running(data=first.server.data) as site:
            revoked = site.server.login(ADMIN_EMAIL, ADMIN_PASSWORD)
            assert site.client(revoked).post("/api/v1/auth/logout").status_code == 200
            yield World(site, expired, revoked)


STRANGERS = ["other admin", "other admin's key", "other chatbot's key", "other member", "user without a brand"]
INSIDERS = ["member", "developer", "admin elsewhere, member here", "own chatbot's key"]
WRONG = ["expired", "signed out", "nonsense"]


def ask(client, method, shape, brand_id, *more):
    parts = iter([brand_id, *more, "victim-p"])
    if shape.startswith("/chat/"):
        parts = iter([brand_id, *(more or ["victim-c"])])
    path = re.sub(r"\{\}", lambda _: next(parts), shape)
    options = {}
    if "upload" in shape and method == "POST":
        options["files"] = {"file": ("x.json", b'[{"id":"intruder","name":"x","price":1}]')}
    elif method in ("POST", "PUT"):
        options["json"] = BODIES.get((method, shape), {})
    return client.request(method, path, **options)


def wanted(who, method, shape, brand_id):
    """Status and detail by 001 2.1 for a brand without public access; None where the caller may."""
    public = (method, shape) in PUBLIC
    if who in WRONG:
        return 401, "Could not validate credentials"
    if who == "none":
        return (404, not_or_inactive(brand_id)) if public else (401, "Not authenticated")
    if who in STRANGERS:
        return 404, not_or_inactive(brand_id) if public else "Brand not found"
    return None if public else (403, "Not enough permissions")


@pytest.mark.parametrize("method, shape", ROUTES, ids=lambda value: value)
@pytest.mark.parametrize("who", ["none", *STRANGERS, *INSIDERS, *WRONG])
def test_a_closed_brand(world, who, method, shape):
    """2.1: 404, 401 or 403 exactly, byte for byte what an unknown brand gives, and nothing changed."""
    client, brand = world.clients[who], world.victim
    expected = wanted(who, method, shape, brand.id)
    if expected is None:
        return  # a member's or key's own right, tested with the endpoints themselves
    before = world.snapshot(brand)
    reply = ask(client, method, shape, brand.id)
    status, detail = expected
    assert (reply.status_code, reply.json()) == (status, {"detail": detail})
    assert MARK not in reply.text and MARK not in str(reply.headers)
    assert (status == 401) == ("www-authenticate" in reply.headers)
    if status == 404:
        never = unique("never")
        other = ask(client, method, shape, never)
        assert other.status_code == 404 and other.text.replace(never, brand.id) == reply.text
        assert sorted(set(other.headers) - {"date"}) == sorted(set(reply.headers) - {"date"})
    assert world.snapshot(brand) == before


@pytest.mark.parametrize("method, shape", [route for route in ROUTES if route not in PUBLIC], ids=lambda value: value)
@pytest.mark.parametrize("who", ["none", *STRANGERS, *WRONG])
def test_management_of_an_open_brand(world, who, method, shape):
    """Public access opens no admin endpoint."""
    brand = world.victim_open
    before = world.snapshot(brand)
    reply = ask(world.clients[who], method, shape, brand.id, "open-p")
    status, detail = wanted(who, method, shape, brand.id)
    assert (reply.status_code, reply.json()) == (status, {"detail": detail}) and MARK not in reply.text
    assert world.snapshot(brand) == before


OBJECTS = [(method, shape) for method, shape in ROUTES if shape.count("{}") == 2]


@pytest.mark.parametrize("method, shape", OBJECTS, ids=lambda value: value)
@pytest.mark.parametrize("who", ["other admin", "super admin"])
def test_another_brands_objects_by_the_own_path(world, who, method, shape):
    """An object of the victim asked for under one's own brand: the same answer as for an id that never was."""
    client = world.own_admin if who == "other admin" else world.site.admin
    before = world.snapshot(world.victim)
    for id in ("victim-p", "victim-c", "brand:victim-c", world.victim.message_id, f"{world.victim.id}:victim-c"):
        never = unique("never")
        reply, other = ask(client, method, shape, world.own.id, id), ask(client, method, shape, world.own.id, never)
        assert reply.status_code == other.status_code and reply.text == other.text.replace(never, id)
        assert MARK not in reply.text
    assert world.snapshot(world.victim) == before


def test_lists_show_the_own_brands_alone(world):
    """3.1, 14.6, 14.10."""
    for who in ("other admin", "other admin's key", "other member", "user without a brand", "none"):
        client = world.clients[who]
        for path in ("/brands", "/brands/active", "/stats", "/", "/uploads", "/docs", "/openapi.json",
                     "/brands?limit=1000", "/api/v1/auth/me"):
            reply = client.get(path)
            assert MARK not in reply.text and world.victim.id not in reply.text, (who, path)


def test_brands_in_bodies_and_queries_do_not_count(world):
    """The path decides, wherever else a brand is named."""
    own, victim = world.own, world.victim
    before = world.snapshot(victim)
    ok(world.own_admin.post(f"{own.path}/products", json=product("x1", brand_id=victim.id)))
    assert ok(world.own_admin.get(f"{own.path}/products/x1"))["brand_id"] == own.id
    ok(world.own_admin.put(f"{own.path}/config?brand_id={victim.id}", json={"welcome_message": "mine",
            "brand_id": victim.id}))
    for headers in ({"X-Brand-Id": victim.id}, {"X-Brand": victim.id}):
        reply = world.own_admin.get(f"{own.path}/products", headers=headers,
                                    params={"brandId": victim.id, "brand_id": victim.id})
        assert MARK not in reply.text
    other = world.site.brand()
    reply = other.say(f"buy {MARK}", brand_id=victim.id, conversation_id="victim-c")
    assert reply["suggested_products"] == [] and "Lamp" not in reply["response"]
    assert world.snapshot(victim) == before


def test_search_and_turns_see_the_own_rows_alone(world):
    own = world.own
    for query in (MARK, "lamp", "victim-p", f"Lamp {MARK}", ""):
        reply = world.site.anon.post(f"{own.path}/products/search", json={"query": query, "limit": 100})
        assert '"victim-p"' not in reply.text.replace(f'"query":"{query}"', "") and '"Lamp' not in json.dumps(
            reply.json()["results"])
    reply = ok(world.site.anon.post(f"/chat/{own.id}", json={"message": "show me your products"}))
    assert "Lamp" not in json.dumps(reply)


def test_paths_that_try_to_escape(world):
    """Encoded slashes, dots and other spellings of the victim's id."""
    own, victim = world.own, world.victim
    for path in (f"/brands/{own.id}%2F..%2F{victim.id}/config", f"/brands/{own.id}/../{victim.id}/config",
                 f"/brands/{own.id}%00{victim.id}", f"/brands/{own.id};{victim.id}",
                 f"/brands/{victim.id.upper()}/config", f"/brands/{victim.id.replace('-', '_')}/config",
                 f"/brands/%20{victim.id}/config", f"/brands/{victim.id}%20/config"):
        request = world.own_admin.build_request("GET", "/")
        request.url = request.url.copy_with(raw_path=path.encode())
        reply = world.own_admin.send(request)
        assert reply.status_code in (400, 404) and MARK not in reply.text, path


@pytest.mark.parametrize("path", ["/ws/chat/{}", "/ws/voice/{}"])
@pytest.mark.parametrize("who", ["none", *STRANGERS])
def test_sockets(world, who, path):
    """A socket on somebody else's closed brand: one error frame as for no brand, then 4404."""
    headers = {key: value for key, value in world.clients[who].headers.items() if key == "authorization"}
    for brand_id in (world.victim.id, unique("never")):
        with world.site.server.socket(brand_id, path, headers=headers) as socket:
            frame = socket.receive(10)
            assert frame["type"] == "error" and frame["data"]["message"] == not_or_inactive(brand_id) and frame["data"][
                "code"] == "brand_unavailable"
            assert socket.close_code() == 4404


def test_resume_over_brands(world):
    with world.own.socket() as socket:
        for id in ("victim-c", "open-c"):
            socket.send("resume", conversation_id=id)
            turn = socket.wait_complete()
            assert turn.errors[0]["code"] == "nothing_to_resume" and MARK not in json.dumps(turn.frames)


def test_a_key_for_the_socket_in_the_query_is_no_way_in(world):
    key = world.clients["other chatbot's key"].headers["authorization"].split()[1]
    with world.site.server.socket(world.victim.id, "/ws/chat/{}?api_key=" + key) as socket:
        assert socket.receive(10)["type"] == "error" and socket.close_code() == 4404


def test_same_ids_at_two_brands_never_meet(world):
    """15: product and conversation ids may be equal."""
    site = world.site
    a, b = site.brand([product("same", name="Alpha thing")]), site.brand([product("same", name="Beta thing")])
    ok(site.admin.delete(f"{a.path}/products/same"))
    assert b.products[0]["name"] == "Beta thing" and a.products == []
    assert [result["product"]["name"] for result in b.search("thing")] == ["Beta thing"] and a.search("thing") == []


def test_deleting_a_brand_leaves_the_others_as_they_were(world):
    doomed = world.make("doomed")
    before = world.snapshot(world.victim), world.snapshot(world.victim_open)
    ok(world.site.admin.delete(doomed.path))
    eventually(lambda: world.site.admin.post("/brands", json={"name": "x", "description": "y",
                                                              "brand_id": doomed.id}).status_code == 200)
    assert (world.snapshot(world.victim), world.snapshot(world.victim_open)) == before
