# SPDX-License-Identifier: Apache-2.0
"""Who may do what under /api/v1 and /api/external (003-platform 1.3, 15, 39): every operation that the program lists,
asked by everybody.

The operations and their letters (`x-parley-right`) come from `parley openapi`, so that a new one is tested the moment
it exists. What each letter means is written down here once more, by the contract and not by the program's table. Bodies
are of a wrong type: whoever may do a thing gets 415, and nothing is done.
"""
import json
import re
import uuid
from types import SimpleNamespace

import pytest

from api.fixtures import running
from api.helpers import unique
from api.people import People
from harness import find_binary, run

METHODS = ("get", "post", "put", "patch", "delete")
OBJECTS = ("personalities", "knowledge-bases")  # of a chatbot, named by their own id
DONE = "may"


def operations():
    binary = find_binary("parley", "PARLEY_BIN")
    if not binary.exists():
        return []
    document = json.loads(run([binary, "openapi"]).stdout)
    found = []
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item and path.startswith(("/api/v1/", "/api/external")):
                one = item[method]
                found.append(SimpleNamespace(
                    method=method.upper(), path=path, right=one["x-parley-right"], token=one.get("x-parley-token"),
                    json="application/json" in one.get("requestBody", {}).get("content", {}),
                    body="requestBody" in one, name=f"{method.upper()} {path}"))
    return found


OPERATIONS = operations()
GUARDED = [one for one in OPERATIONS if one.right != "none"]
named = pytest.mark.parametrize("op", OPERATIONS, ids=lambda op: op.name)
guarded = pytest.mark.parametrize("op", GUARDED, ids=lambda op: op.name)


# ---- the contract's table -------------------------------------------------------------------------------------------

LEAST = {"C": "admin", "V": "admin", "X": "admin", "A": "admin", "M": "user", "W": "developer", "U": None, "S": "super"}
RANK = [None, "user", "developer", "admin", "super"]


def on_chatbot(letters, person, public):
    """Of a chatbot of the brand in which these people have their roles."""
    if person.key:
        return DONE if "K" in letters and person.key == "own" else 401
    if person.brand == "other":
        return 404
    manages = RANK.index(person.role) >= RANK.index("admin")
    if not (manages or person.creator or public):
        return 404
    if manages and "S" not in letters:
        return DONE
    if person.creator:
        if letters & {"C", "V", "M", "W"} or ("X" in letters and person.role == "developer"):
            return DONE
    return DONE if public and "V" in letters else 403


def in_brand(letters, person):
    """Without an object: in the caller's own brand."""
    if person.key:
        return DONE if "K" in letters else 401
    letter = next(iter(letters - {"K", "token"}))
    return DONE if RANK.index(person.role) >= RANK.index(LEAST[letter]) else 403


def expected(op, person, public):
    letters = set(op.right.replace(" or ", " ").split())
    if op.right == "none" and op.token and person.by_key:
        return 401 if person.key else 403
    if op.right == "none":
        return DONE
    if person.name == "nobody":
        return 401
    if person.by_key and op.token and not person.key:
        return 403
    if place_of(op) == "chatbot":
        return on_chatbot(letters, person, public)
    if place_of(op) == "elsewhere" and (not person.key or "K" in letters):
        return 403 if in_brand(letters, person) == 403 and letters & {"S"} else 404
    if place_of(op) == "brand object" and not person.key and person.brand == "other":
        # Users are found in the caller's current brand: who is no admin there is not told more.
        return 403 if "/users/" in op.path and person.role != "admin" else 404
    return in_brand(letters, person)


def part_of(op):
    """What follows the version: chatbots, personalities …"""
    return (op.path.split("/") + [None])[3]


def place_of(op):
    if "{chatbotId}" in op.path or part_of(op) in OBJECTS:
        return "chatbot"
    if re.match(r"/api/v1/(admin/(users|invites)/\{id\}|brands/\{brandId\})", op.path):
        return "brand object"
    if "{conversationId}" in op.path:
        return "elsewhere"
    if "{id}" in op.path and "/auth/" not in op.path and "S" not in op.right:
        return "elsewhere"  # asked for an id that never was: the same 404 for everybody
    return "brand"


readers = pytest.mark.parametrize("op", [one for one in OPERATIONS if one.json and place_of(one) != "elsewhere"],
                                  ids=lambda op: op.name)


# ---- people and objects ---------------------------------------------------------------------------------------------

class World:
    def __init__(self, site):
        self.site, self.people = site, People(site)
        self.brand, self.other = site.brand(), site.brand()
        people = self.people
        self.creator, self.developer_creator = people.user(self.brand, "user"), people.user(self.brand, "developer")
        admin = people.user(self.brand, "admin")
        self.admin = site.client(people.token(admin))

        def by_token(email):
            return site.client(people.token(email))

        def person(name, client, role=None, brand="own", creator=None, key=None, by_key=False):
            return SimpleNamespace(name=name, client=client, role=role, brand=brand, creator=creator, key=key,
                                   by_key=by_key)

        self.persons = [
            person("nobody", site.anon),
            person("user", by_token(people.user(self.brand, "user")), "user"),
            person("developer", by_token(people.user(self.brand, "developer")), "developer"),
            person("admin", self.admin, "admin"),
            person("admin's key", site.client(people.user_key(admin)), "admin", by_key=True),
            person("super_admin", site.admin, "super"),
            person("creator", by_token(self.creator), "user", creator="user"),
            person("creator, developer", by_token(self.developer_creator), "developer", creator="developer"),
            person("other brand's admin", by_token(people.user(self.other, "admin")), "admin", brand="other"),
            person("other brand's user", by_token(people.user(self.other, "user")), "user", brand="other"),
            person("own key", None, key="own", by_key=True),
            person("other key", people.key_client(self.other), key="other", by_key=True),
            person("own brand's other key", people.key_client(self.brand), key="other", by_key=True),
        ]
        self.kept = {}

    def chatbot(self, owner, public):
        reply = self.admin.post("/api/v1/chatbots", json={"name": unique("bot")})
        assert reply.status_code == 201, reply.text
        data, owner_id = reply.json()["data"], self.people.user_id(owner)
        with self.people.rows() as database:
            database.execute("UPDATE chatbots SET created_by = ?, is_public = ? WHERE id = ?",
                             (owner_id, int(public), data["id"]))
        return data["id"], data["apiKey"]

    def make(self, path, body):
        reply = self.admin.post(path, json=body)
        assert reply.status_code == 201, reply.text
        return reply.json()["data"]["id"]

    def target(self, op, person, public):
        """The operation's path with real ids, and the key of its chatbot. What an operation without a body would
        change is made anew for each request."""
        owner = self.developer_creator if person.creator == "developer" else self.creator
        fresh = op.method != "GET" and not op.body
        place = op.name if fresh else (owner, public, part_of(op), place_of(op), "/providers/" in op.path)
        if fresh or place not in self.kept:
            self.kept[place] = self.objects(op, owner, public)
        ids, key = self.kept[place]
        return re.sub(r"\{([^}]*)\}", lambda name: ids.get(name[1], "1"), op.path), key

    def objects(self, op, owner, public):
        part = part_of(op)
        if "{brandId}" in op.path:
            return {"brandId": self.brand.id}, None
        if place_of(op) == "brand object":
            if "users" in op.path:
                return {"id": self.people.user_id(self.people.user(self.brand, "user"))}, None
            body = {"email": f"{unique('guest')}@fern.example", "role": "user"}
            return {"id": self.make("/api/v1/admin/invites", body)}, None
        if "/llm/providers/" in op.path:
            body = {"id": unique("m"), "baseUrl": "http://127.0.0.1:9/v1", "enabled": False}
            reply = self.site.admin.post("/api/v1/admin/llm/providers", json=body)
            assert reply.status_code == 201, reply.text
            return {"id": body["id"]}, None
        if place_of(op) != "chatbot":
            return {"id": str(uuid.uuid4()), "conversationId": str(uuid.uuid4())}, None
        chatbot, key = self.chatbot(owner, public)
        ids = {"chatbotId": chatbot}
        if part == "personalities":
            ids["id"] = self.make(f"/api/v1/chatbots/{chatbot}/personalities", {"name": "Guide"})
        if part == "knowledge-bases":
            ids["id"] = self.make(f"/api/v1/chatbots/{chatbot}/knowledge-bases", {"name": "Care"})
            items = f"/api/v1/knowledge-bases/{ids['id']}/items"
            self.make(items, {"title": "Moss", "content": "Moss likes shade."})
            ids["itemId"] = self.admin.get(items).json()["data"][0]["id"]
        return ids, key


@pytest.fixture(scope="module")
def world():
    with running() as site:
        yield World(site)


def ask(client, op, path, **headers):
    options = {"headers": headers}
    if op.body:
        options = {"content": b"x", "headers": {"Content-Type": "text/csv", **headers}}
    return client.request(op.method, path, **options)


def judge(op, reply, wanted):
    """May, or the status with which it was refused. What a name below the object stands for need not be there."""
    below = re.search(r"/\{(version|type)\}$", op.path) or place_of(op) == "brand"
    assert reply.status_code < 500, reply.text
    if wanted == DONE and reply.status_code == 404 and below:
        return DONE
    return reply.status_code if reply.status_code in (401, 403, 404) else DONE


# ---- tests ----------------------------------------------------------------------------------------------------------

def test_the_list_is_whole():
    """Every operation has a letter of the table, and those that the contract names have the contract's."""
    assert {letter for one in OPERATIONS for letter in one.right.replace(" or ", " ").split()} <= {
        *LEAST, "K", "none", "token"}
    rights = {one.name: one.right for one in OPERATIONS}
    for name, right in (("POST /api/v1/chatbots", "A"), ("GET /api/v1/chatbots/{chatbotId}", "V"),
                        ("PUT /api/v1/chatbots/{chatbotId}", "C"), ("GET /api/v1/personalities/{id}", "C"),
                        ("POST /api/v1/chatbots/{chatbotId}/conversation", "V or K"),
                        ("GET /api/v1/metrics", "S or token"), ("GET /api/v1/health", "none")):
        assert rights[name] == right, name


@named
@pytest.mark.parametrize("public", [False, True], ids=["private", "public"])
def test_everybody_asks(world, op, public):
    """003-platform#39 and 1.3: 401, 403, 404 or the right to do it, exactly by the table."""
    wrong = []
    for person in world.persons:
        path, key = world.target(op, person, public)
        client = person.client
        if person.key == "own":
            client = world.site.client(key) if key else world.persons[-1].client
        wanted = expected(op, person, public)
        found = judge(op, ask(client, op, path), wanted)
        if found != wanted:
            wrong.append(f"{person.name}: {found} instead of {wanted}")
    assert wrong == []


@guarded
def test_another_brand_named_beside_the_path(world, op):
    """A brand of others in X-Brand-Id: not found; beside an object in the path it changes nothing."""
    stranger = next(person for person in world.persons if person.name == "other brand's admin")
    path, _ = world.target(op, stranger, True)
    reply = ask(stranger.client, op, path, **{"X-Brand-Id": world.brand.id})
    letters = set(op.right.replace(" or ", " ").split())
    if place_of(op) != "brand" or letters & {"A", "M", "W", "X"}:
        assert reply.status_code == 404, reply.text
    elif "S" in letters:
        assert reply.status_code == 403


@pytest.mark.parametrize("op", [one for one in GUARDED if place_of(one) == "chatbot"], ids=lambda op: op.name)
def test_malformed_ids(world, op):
    """003-platform#39: 404, in the same words as an object that never was."""
    texts = set()
    for name in ("not-a-uuid", "0", str(uuid.uuid4()), "%F0%9F%8C%B1", "x" * 300, "..%2f"):
        path = re.sub(r"\{[^}]*\}", name, op.path, count=1)
        reply = ask(world.site.admin, op, re.sub(r"\{[^}]*\}", "1", path))
        assert reply.status_code == 404, (name, reply.text)
        body = reply.json()
        assert body.pop("requestId", reply.headers["x-request-id"]) == reply.headers["x-request-id"]
        texts.add(json.dumps(body))
    assert len(texts) == 1, texts


def deep(levels):
    return b'{"a":' * levels + b"1" + b"}" * levels


def rows(site):
    """Everything in the store but what the asking itself leaves: marks of use, signs of life."""
    left_out = {"sign_ins", "user_keys", "api_keys", "heartbeats", "jobs", "login_failures"}
    with People(site).rows() as database:
        names = [name for name, in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: database.execute(f"SELECT * FROM {name}").fetchall() for name in names if name not in left_out}


@readers
def test_broken_bodies(world, op):
    """003-platform#39: a list, half an object, too much, too deep: 400, 400, 413, 400, and nothing is changed."""
    owner = next(person for person in world.persons if person.name == "creator")
    path, _ = world.target(op, owner, False)
    before = rows(world.site)
    for content, status, code in ((b"[]", 400, "VALIDATION_ERROR"), (b'{"a":', 400, "VALIDATION_ERROR"),
                                  (b'{"a":"' + b"x" * (9 << 20) + b'"}', 413, "PAYLOAD_TOO_LARGE"),
                                  (deep(33), 400, "VALIDATION_ERROR"), (b'{"\xff":1}', 400, "VALIDATION_ERROR"),
                                  (b'{"a":1,"a":2}', 400, "VALIDATION_ERROR")):
        reply = world.site.admin.request(op.method, path, content=content, headers={"Content-Type": "application/json"})
        body = reply.json()
        assert (reply.status_code, body.get("error", body)["code"]) == (status, code), (content[:20], reply.text)
    assert rows(world.site) == before


def test_the_page_of_rights_is_printed():
    """docs/rights.md is what `parley rights` prints."""
    done = run([find_binary("parley", "PARLEY_BIN"), "rights"])
    assert done.returncode == 0
    for letter in ("V", "C", "X", "A", "S", "U"):
        assert f"| {letter} |" in done.stdout


