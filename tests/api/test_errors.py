# SPDX-License-Identifier: Apache-2.0
"""Common rules of requests and errors (001 section 2, 2.2): bodies, types, methods, sizes, hostile input."""
import json
import re

import pytest

from api.helpers import UUID, alive, fault, faults, ok, product, refused, unauthenticated, unique

JSON = {"Content-Type": "application/json"}


def send(site, body, path="/chat/techpro", client=None, **headers):
    return (client or site.anon).post(path, content=body, headers={**JSON, **headers})


def test_38_refusals(site):
    """001-brands#38: each with its status, none a 5xx, and the server goes on."""
    reply = refused(site.admin.patch("/brands/techpro"), 405, "Method Not Allowed")
    assert {"GET", "PUT", "DELETE"} <= set(re.split(r",\s*", reply.headers["allow"]))
    assert faults(send(site, '{"message":'))[0]["type"] == "json_invalid"
    refused(send(site, '{"message":"x"}', **{"Content-Type": "text/plain"}), 415, "Unsupported media type")
    refused(send(site, b'{"message":"' + b"x" * (2 << 20) + b'"}'), 413, "Request body too large")
    fault(send(site, '{"message":"a\\u0000b"}'), ["body", "message"], "string_invalid", "String should not contain NUL")
    alive(site)


@pytest.mark.parametrize("body, offset", [
    ('{"message":', None), ("", None), ("nonsense", 0), ("{", None), ("[1,]", None), ('{"a":1}x', 7), ("{'a':1}", 1),
    ('{"a":01}', None),
    ('{"a":1,}', None), ('{"a":+1}', None), ('{"a":.5}', None), ('{"a":NaN}', 5), ('{"a":Infinity}', 5),
    ('{"a":"\t"}', None),
    ('{"a":"\\x"}', None), ('// c\n{}', 0), ("\ufeff{}", None), ('{"a":tru}', None), ('{"a" 1}', None)])
def test_not_json(site, body, offset):
    """2.2: `json_invalid` at a byte offset. Exact offsets only where no two readers could differ."""
    reply = send(site, body.encode())
    if body == "" and reply.json()["detail"][0]["type"] == "missing":
        return  # an empty body may also be read as an absent one
    if body.startswith("\ufeff") and reply.status_code == 422 and reply.json()["detail"][0]["type"] == "missing":
        return  # a byte order mark may be skipped
    found = faults(reply)
    assert len(found) == 1 and found[0]["type"] == "json_invalid" and found[0]["msg"] == "JSON decode error"
    assert found[0]["loc"][0] == "body" and len(found[0]["loc"]) == 2
    at = found[0]["loc"][1]
    assert isinstance(at, int) and 0 <= at <= len(body.encode())
    if offset is not None:
        assert abs(at - offset) <= 1


def nested(depth, open="[", close="]"):
    """A message whose object is `depth` deep; the outer object is the first level."""
    return ('{"message":"hi","x":' + open * (depth - 1) + close * (depth - 1) + "}").encode()


@pytest.mark.parametrize("open, close", [("[", "]"), ('{"a":', "1}")])
def test_depth(site, open, close):
    """2.2: deeper than 32 is refused."""
    inner = (lambda depth: nested(depth)) if open == "[" else (lambda depth: (
        '{"message":"hi","x":' + open * (depth - 1) + "1" + "}" * (depth - 1) + "}").encode())
    ok(send(site, inner(32)))
    assert faults(send(site, inner(33)))[0]["type"] == "json_invalid"
    assert faults(send(site, inner(5000)))[0]["type"] == "json_invalid"
    alive(site)


def test_depth_bomb(site):
    for bomb in (b"[" * 500_000, b'{"a":' * 100_000, b"[" * 400_000 + b"]" * 400_000):
        assert faults(send(site, bomb))[0]["type"] == "json_invalid"
    alive(site)


@pytest.mark.parametrize("text", ['"\\ud800"', '"\\udc00"', '"\\ud800x"', '"\\udc00\\ud800"', '"ok \\uDBFF"'])
def test_lone_surrogates(site, text):
    """2.2: a lone surrogate is no JSON here, wherever it stands."""
    for body in (f'{{"message":{text}}}', f'{{"message":"hi","x":{text}}}', f'{{{text}:1,"message":"hi"}}'):
        assert faults(send(site, body))[0]["type"] == "json_invalid"


def test_surrogate_pairs(site):
    id = unique("c")
    ok(send(site, f'{{"message":"\\ud83d\\ude00","conversation_id":"{id}"}}'))
    assert site.server.history("techpro", id)[0]["content"] == "😀"


@pytest.mark.parametrize("bytes", [b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82",
                                   b"\x80"])
def test_invalid_utf8(site, bytes):
    assert faults(send(site, b'{"message":"a' + bytes + b'b"}'))[0]["type"] == "json_invalid"
    assert faults(send(site, b'{"message":"hi","' + bytes + b'":1}'))[0]["type"] == "json_invalid"


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1e-400", "9" * 400, "0." + "9" * 400, "-0", "-0.0", "1E+2",
                                    "123456789012345678901234567890"])
def test_absurd_numbers(site, number):
    """In an unknown field it is ignored; as a price or a limit it is read or refused, never a 5xx."""
    reply = send(site, f'{{"message":"hi","unknown":{number}}}')
    assert reply.status_code in (200, 422)
    brand = site.brand()
    for field in ("price",):
        reply = send(site, json.dumps(product(unique("p"), price=0)).replace('"price": 0', f'"{field}": {number}'),
                     f"{brand.path}/products", site.admin)
        assert reply.status_code in (200, 422), reply.text
    for field in ("limit", "price_range"):
        value = number if field == "limit" else f"[{number}, null]"
        assert send(site, f'{{"query":"x","{field}":{value}}}', f"{brand.path}/products/search").status_code in (200,
                422)
    for query in (f"limit={number}", f"offset={number}", f"limit=1&offset={number}"):
        assert site.anon.get(f"{brand.path}/products?{query}").status_code in (200, 422)
    alive(site)


def test_duplicate_keys(site):
    """Section 2: the last counts."""
    id = unique("c")
    ok(send(site, f'{{"message":"first","message":5,"message":"last","conversation_id":"{id}"}}'))
    assert site.server.history("techpro", id)[0]["content"] == "last"
    fault(send(site, '{"message":"fine","message":5}'), ["body", "message"], "string_type")


def test_unknown_fields_and_parameters(site):
    ok(site.anon.post("/chat/techpro?x=1&message=other&limit=x", json={"message": "hi", "unknown": {"a": [1]},
                                                                       "Message": 5}))


@pytest.mark.parametrize("type", ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON",
                                  "application/vnd.shop+json",
                                  "application/ld+json;charset=UTF-8", None])
def test_accepted_types(site, type):
    request = site.anon.build_request("POST", "/chat/techpro", content=b'{"message":"hi"}')
    request.headers.pop("content-type", None)
    if type:
        request.headers["content-type"] = type
    ok(site.anon.send(request))


@pytest.mark.parametrize("type", ["text/plain", "text/json", "application/x-www-form-urlencoded",
                                  "multipart/form-data; boundary=x", "application/xml",
                                  "application/jsonx", "json", "application/octet-stream"])
def test_refused_types(site, type):
    refused(send(site, '{"message":"hi"}', **{"Content-Type": type}), 415, "Unsupported media type")


def test_sizes(site):
    """2.2: JSON over 1 MiB is refused, also without credentials and for an unknown brand; up to it is read."""
    def of(size):
        return b'{"message":"hi","pad":"' + b"x" * (size - 25) + b'"}'

    assert len(of(1 << 20)) == 1 << 20
    ok(send(site, of(1 << 20)))
    refused(send(site, of((1 << 20) + 1)), 413, "Request body too large")
    refused(send(site, of((1 << 20) + 1), "/brands"), 413, "Request body too large")
    refused(send(site, of((1 << 20) + 1), f"/chat/{unique('no')}"), 413, "Request body too large")

    def parts():
        for _ in range(40):
            yield b"x" * 65536
    refused(site.anon.post("/chat/techpro", content=parts(), headers=JSON), 413, "Request body too large")
    alive(site)


def test_ids_of_requests(site):
    ids = set()
    for reply in (site.anon.get("/health"), site.anon.get("/nope"), site.anon.get("/brands"), site.anon.patch("/chat"),
                  send(site, "{"),
                  site.anon.get("/brands/techpro/products"), site.anon.options("/chat"), site.anon.get("/docs")):
        assert UUID.fullmatch(reply.headers["x-request-id"]), reply.request.url
        ids.add(reply.headers["x-request-id"])
    assert len(ids) == 8


@pytest.mark.parametrize("path", ["/nope", "/brand", "/brands/techpro/nope", "/brands/techpro/products/x/y",
                                  "/chat/a/b/c/d", "/products/x/y",
                                  "/ws", "/ws/chat", "/uploads/a/b", "//brands", "/brands//products", "/.git/config",
                                  "/etc/passwd",
                                  "/brands/techpro/products/../../../etc/passwd"])
def test_unknown_paths(site, path):
    request = site.anon.build_request("GET", "/")
    request.url = request.url.copy_with(raw_path=path.encode())
    reply = site.anon.send(request)
    assert reply.status_code in (404, 405) and set(reply.json()) == {"detail"}
    if reply.status_code == 404:
        assert reply.json() == {"detail": "Not Found"} or path.startswith("/brands//")


@pytest.mark.parametrize("method, path, allowed", [
    ("PATCH", "/brands", {"GET", "POST"}), ("DELETE", "/brands", {"GET", "POST"}),
    ("POST", "/brands/techpro", {"GET", "PUT", "DELETE"}),
    ("POST", "/brands/techpro/config", {"GET", "PUT"}), ("DELETE", "/brands/techpro/stats", {"GET"}),
    ("PUT", "/brands/techpro/products", {"GET", "POST"}),
    ("PUT", "/chat", {"POST"}), ("PUT", "/chat/techpro", {"POST"}), ("POST", "/chat/techpro/history/x", {"GET"}),
    ("POST", "/chat/techpro/x", {"DELETE"}),
    ("GET", "/brands/techpro/upload/products", {"POST"}), ("PUT", "/", {"GET"}), ("POST", "/docs", {"GET"}),
    ("POST", "/openapi.json", {"GET"}),
    ("PUT", "/stats", {"GET"}), ("POST", "/categories", {"GET"}), ("GET", "/recommendations", {"POST"}),
    ("PROPFIND", "/brands", {"GET", "POST"})])
def test_methods(site, method, path, allowed):
    """Section 2: 405 with Allow, before any look at credentials."""
    reply = site.anon.request(method, path)
    refused(reply, 405, "Method Not Allowed")
    assert allowed <= set(re.split(r",\s*", reply.headers["allow"]))


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/products", "/brands/techpro/products", "/categories",
                                  "/health",
                                  "/chat/techpro/history/x", "/brands/techpro/products/laptop-001"])
def test_head(site, path):
    """Section 2: HEAD wherever GET is, with its headers and without a body."""
    head, get = site.anon.head(path), site.anon.get(path)
    assert head.status_code == get.status_code == 200 and head.content == b""
    assert head.headers["content-type"] == get.headers["content-type"]
    assert head.headers.get("x-total-count") == get.headers.get("x-total-count")


def test_head_of_an_admin_path(site):
    assert site.anon.head("/brands").status_code == 401 and site.admin.head("/brands").status_code == 200


@pytest.mark.parametrize("path", ["/products", "/brands/techpro/products", "/categories", "/docs",
                                  "/brands/techpro/products/laptop-001"])
def test_trailing_slash(site, path):
    assert site.anon.get(path + "/").status_code == 200
    assert site.anon.get(path + "/").content == site.anon.get(path).content


def test_trailing_slash_of_a_post(site):
    ok(site.anon.post("/chat/techpro/", json={"message": "hi"}))


@pytest.mark.parametrize("segment", ["%00", "%ff", "%c0%ae", "%ed%a0%80", "%", "%4", "%zz", "%2e%2e%2f", "a" * 3000,
                                     "%F0%9F%98%80", "%0d%0aX:%201", "';--", "%25"])
def test_hostile_segments(site, segment):
    for path in (f"/brands/{segment}", f"/brands/techpro/products/{segment}", f"/chat/techpro/history/{segment}",
                 f"/chat/{segment}/history/{segment}",
                 f"/brands/{segment}/products"):
        for client in (site.anon, site.admin):
            request = client.build_request("GET", "/")
            request.url = request.url.copy_with(raw_path=path.encode())
            reply = client.send(request)
            assert reply.status_code < 500, (path, reply.text)
            assert "x" not in reply.headers
    alive(site)


@pytest.mark.parametrize("query", ["limit=%00", "limit=%ff", "limit=", "limit=1&limit=x", "limit=%F0%9F%98%80",
                                   "category=%00", "category=%ff%fe", "%", "=", "&&&",
                                   "a" * 4000, "limit=1;offset=2", "category=" + "x" * 5000, "available=%20true%20",
                                   "limit=+1", "limit=%201", "limit=0x1"])
def test_hostile_queries(site, query):
    request = site.anon.build_request("GET", "/")
    request.url = request.url.copy_with(raw_path=f"/products?{query}".encode())
    assert site.anon.send(request).status_code < 500
    alive(site)


def test_order_of_checks(site):
    """Section 2: path and method, size, address, credentials, user, brand, body, state."""
    nobody = unique("no")
    big = b" " * ((1 << 20) + 1)
    assert site.anon.post(f"/brands/{nobody}/nope", content=big).status_code == 404
    assert site.anon.patch(f"/brands/{nobody}").status_code == 405
    assert send(site, big, f"/brands/{nobody}/products").status_code == 413
    unauthenticated(send(site, "{", f"/brands/{nobody}/products"))
    unauthenticated(send(site, "x", f"/brands/{nobody}/products", **{"Content-Type": "text/plain"}))
    refused(send(site, "{", f"/brands/{nobody}/products", site.admin), 404, "Brand not found")
    brand = site.brand([product("a")])
    assert faults(send(site, json.dumps(product("a", price=-1)), f"{brand.path}/products", site.admin))
    refused(send(site, json.dumps(product("a")), f"{brand.path}/products", site.admin), 409,
            "Product 'a' already exists")


def test_no_body_at_all(site):
    for method, path in (("POST", "/chat/techpro"), ("POST", "/brands/techpro/products/search")):
        reply = site.anon.request(method, path)
        assert faults(reply)[0]["loc"][0] == "body"


BODIES = [b"", b"null", b"[]", b"5", b'"x"', b"true", b"{}", b"[[]]", b'{"":""}', b'{"\\u0000":1}', b"\x00", b"\xff",
          b'{"message":{}}',
          b'{"message":[]}', b'{"message":1e999}', b'{"query":{}}', b'{"name":{"a":1},"description":[]}',
          b'{"price":{}}', b'{"chat_settings":[]}',
          b'{"chat_settings":{"allowed_domains":[[]]}}', b'{"company_info":{"\\u0000":1}}', b'{"is_active":1e400}',
          b"[" * 50, b'[{"id":1},null,[]]',
          ('{"message":"' + "\u202e\u0301" * 900 + '"}').encode(), b'{"message":"\\uFFFF\\uFFFE"}',
          b'{"message":"x","conversation_id":"%00"}']
TARGETS = [("POST", "/chat"), ("POST", "/chat/techpro"), ("POST", "/brands"), ("PUT", "/brands/{b}"),
           ("PUT", "/brands/{b}/config"),
           ("PUT", "/brands/{b}/system-prompt"), ("POST", "/brands/{b}/products"), ("PUT", "/brands/{b}/products/p1"),
           ("POST", "/brands/{b}/products/bulk"),
           ("POST", "/brands/{b}/products/search"), ("POST", "/brands/{b}/recommendations"),
           ("POST", "/products/search"), ("POST", "/recommendations"),
           ("DELETE", "/chat/techpro/x"), ("GET", "/brands/{b}/products"), ("POST", "/api/v1/auth/login"),
           ("POST", "/api/v1/auth/refresh-token"),
           ("POST", "/api/v1/auth/logout")]


@pytest.mark.parametrize("method, path", TARGETS)
def test_hostile_bodies(site, method, path):
    """Every endpoint that reads a body, with bodies that are wrong in every way: never a 5xx."""
    brand = site.brand([product("p1")])
    path = path.replace("{b}", brand.id)
    client = site.admin if "auth" not in path else site.anon
    for body in BODIES:
        reply = client.request(method, path, content=body, headers=JSON)
        assert reply.status_code < 500, (body, reply.text)
        assert reply.headers.get("x-request-id")
        if reply.status_code == 422:
            faults(reply)
    if path != "/brands":
        assert [row["id"] for row in brand.products] == ["p1"] or "products" in path
    alive(site)


def test_faults_echo_input_safely(site):
    """2.2 shows `input`; a huge one must not make a huge reply."""
    reply = send(site, json.dumps({"message": "x" * 500_000}))
    assert faults(reply)[0]["type"] == "string_too_long" and len(reply.content) < 1_100_000
    assert faults(send(site, '{"message":5}'))[0]["input"] == 5


TABLE = [  # 2.2: where to send, what, the fault's type and its text
    ("search", {"query": 5}, "string_type", "Input should be a valid string"),
    ("search", {"query": "x", "limit": []}, "int_type", "Input should be a valid integer"),
    ("search", {"query": "x", "price_range": [[], None]}, "float_type", "Input should be a valid number"),
    ("search", {"query": "x", "available": {}}, "bool_type", "Input should be a valid boolean"),
    ("search", {"query": "x", "price_range": 5}, "list_type", "Input should be a valid list"),
    ("product", {"specifications": 5}, "dict_type", "Input should be a valid dictionary"),
    ("search", {"query": "x", "price_range": ["a", None]}, "float_parsing",
     "Input should be a valid number, unable to parse string as a number"),
    ("search", {"query": "x", "limit": "a"}, "int_parsing",
     "Input should be a valid integer, unable to parse string as an integer"),
    ("search", {"query": "x", "available": "a"}, "bool_parsing",
     # "and so on" in the table; the clients' framework words this one differently
     re.compile("Input should be a valid boolean, unable to (parse string as a boolean|interpret input)")),
    ("search", {"query": "x" * 1001}, "string_too_long", "String should have at most 1000 characters"),
    ("search", {"query": "x", "category": ""}, "string_too_short",
     re.compile("String should have at least 1 characters?")),
    ("product", {"features": ["x"] * 101}, "too_long", "List should have at most 100 items"),
    ("search", {"query": "x", "limit": 0}, "greater_than_equal", "Input should be greater than or equal to 1"),
    ("search", {"query": "x", "limit": 101}, "less_than_equal", "Input should be less than or equal to 100"),
    ("search", {}, "missing", "Field required"),
    ("search", {"query": "a\0"}, "string_invalid", "String should not contain NUL"),
]


@pytest.mark.parametrize("target, fields, type, msg", TABLE)
def test_texts_of_faults(site, target, fields, type, msg):
    """2.2: each type with its text, and `input` as it was sent."""
    if target == "search":
        reply = site.anon.post("/products/search", json=fields)
    else:
        brand = site.brand()
        reply = site.admin.post(f"{brand.path}/products", json={**product(), **fields})
    found = faults(reply)
    assert len(found) == 1 and found[0]["type"] == type, found
    assert msg.fullmatch(found[0]["msg"]) if isinstance(msg, re.Pattern) else found[0]["msg"] == msg, found
