# SPDX-License-Identifier: Apache-2.0
"""Pages of other origins (001 2.4 and the origin rule of 002 1.2)."""
import pytest

from api.fixtures import running
from api.helpers import ok, product, refused
from api.people import People

ORIGIN = "https://pages.example"


def allow(reply):
    return reply.headers.get("access-control-allow-origin")


def never_with_credentials(reply):
    assert "access-control-allow-credentials" not in reply.headers


def words(value):
    return {word.strip() for word in value.split(",")}


@pytest.fixture(scope="module")
def open_brand(site):
    return site.brand([product("a")])


@pytest.fixture(scope="module")
def closed_brand(site):
    return site.brand([product("a")], chat={"allowed_domains": ["shop.example"]})


def public(brand):
    return [("GET", f"{brand.path}/products", None), ("GET", f"{brand.path}/products/a", None),
            ("GET", f"{brand.path}/categories", None),
            ("GET", f"/chat/{brand.id}/history/x", None), ("POST", f"{brand.path}/products/search", {"query": "x"}),
            ("POST", f"{brand.path}/recommendations", {"query": "x"}), ("POST", f"/chat/{brand.id}", {"message": "x"})]


def test_open_endpoints_of_an_open_brand(site, open_brand):
    """2.4: `*` while the brand has no allowed_domains, with or without an Origin."""
    for method, path, body in public(open_brand):
        for headers in ({"Origin": ORIGIN}, {"Origin": "null"}, {}):
            reply = site.anon.request(method, path, json=body, headers=headers)
            ok(reply)
            assert allow(reply) == "*", (method, path, headers)
            never_with_credentials(reply)


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json"])
def test_pages_of_the_server(site, path):
    reply = site.anon.get(path, headers={"Origin": ORIGIN})
    assert reply.status_code == 200 and allow(reply) == "*"
    never_with_credentials(reply)


def test_errors_of_open_endpoints(site, open_brand):
    """So that a page can read why it was refused."""
    for reply, status in ((site.anon.post(f"/chat/{open_brand.id}", json={}, headers={"Origin": ORIGIN}), 422),
                          (site.anon.get(f"{open_brand.path}/products/none", headers={"Origin": ORIGIN}), 404)):
        assert reply.status_code == status and allow(reply) == "*"


def test_a_brand_with_allowed_domains(site, closed_brand):
    for method, path, body in public(closed_brand):
        reply = site.anon.request(method, path, json=body, headers={"Origin": "https://www.shop.example"})
        ok(reply)
        assert allow(reply) == "https://www.shop.example" and "Origin" in words(reply.headers["vary"])
        never_with_credentials(reply)
        reply = site.anon.request(method, path, json=body, headers={"Origin": "https://evil.example"})
        assert allow(reply) is None
        if method == "POST":
            refused(reply, 403, "Origin not allowed")
        else:
            ok(reply)
        ok(site.anon.request(method, path, json=body))


def test_a_refused_post_leaves_no_trace(site, closed_brand):
    refused(site.anon.post(f"/chat/{closed_brand.id}", json={"message": "x", "conversation_id": "evil"},
                           headers={"Origin": "https://evil.example"}),
            403, "Origin not allowed")
    assert closed_brand.history("evil") == []


@pytest.mark.parametrize("entry, origin, allowed", [
    ("shop.example", "https://shop.example", True), ("shop.example", "http://shop.example:8080", True),
    ("shop.example", "https://a.b.shop.example", True),
    ("shop.example", "https://SHOP.Example", True), ("shop.example", "https://shop.example.", True),
    ("shop.example", "https://myshop.example", False),
    ("shop.example", "https://shop.example.evil.test", False), ("shop.example", "ftp://shop.example", False),
    ("shop.example", "https://shop.example/path", False),
    ("shop.example", "null", False), ("null", "null", True), ("*.shop.example", "https://a.shop.example", True),
    ("*.shop.example", "https://a.b.shop.example", True),
    ("*.shop.example", "https://shop.example", False), ("https://shop.example:8443", "https://shop.example:8443", True),
    ("https://shop.example:8443", "https://shop.example", False),
    ("https://shop.example:8443", "http://shop.example:8443", False), ("https://shop.example:8443",
                                                                       "https://www.shop.example:8443", False),
    ("*", "https://any.example", True),
    ("*", "null", False), ("shop.example", "http://localhost", True), ("shop.example", "https://localhost:5173", True),
    ("shop.example", "http://127.0.0.1:1", True),
    ("shop.example", "http://[::1]:3000", True), ("shop.example", "http://localhost.evil.test", False),
    ("shop.example", "http://127.0.0.1.evil.test", False),
    ("bücher.example", "https://xn--bcher-kva.example", True), ("xn--bcher-kva.example", "https://bücher.example",
                                                                True), ("shop.example", "nonsense", False),
    ("shop.example", "https://user@shop.example", False), ("shop.example", "https://", False),
    ("shop.example", "https://shop.example:99999", False)])
def test_origin_rule(site, entry, origin, allowed):
    """002 1.2, with allowed_domains as its list."""
    brand = site.brand(chat={"allowed_domains": [entry]})
    reply = site.anon.post(f"/chat/{brand.id}", json={"message": "x"}, headers={"Origin": origin.encode()})
    assert reply.status_code == (200 if allowed else 403), reply.text


def test_an_empty_list_lets_nobody_in(site):
    brand = site.brand(chat={"allowed_domains": []})
    assert site.anon.post(f"/chat/{brand.id}", json={"message": "x"}, headers={"Origin": ORIGIN}).status_code == 403
    ok(site.anon.post(f"/chat/{brand.id}", json={"message": "x"}))
    ok(site.anon.post(f"/chat/{brand.id}", json={"message": "x"}, headers={"Origin": "http://localhost:3000"}))
    # Parley's own public address is always allowed.
    ok(site.anon.post(f"/chat/{brand.id}", json={"message": "x"}, headers={"Origin": site.url}))


@pytest.mark.parametrize("method, path", [
    ("POST", "/chat/{b}"), ("POST", "/brands/{b}/products/search"), ("GET", "/brands/{b}/products"),
    ("GET", "/chat/{b}/history/x"), ("DELETE", "/chat/{b}/x"), ("POST", "/chat"), ("GET", "/products"),
    ("POST", "/products/search"), ("POST", "/brands/{b}/recommendations"), ("GET", "/categories"), ("GET", "/")])
def test_preflight(site, open_brand, method, path):
    reply = site.anon.options(path.replace("{b}", open_brand.id), headers={
        "Origin": ORIGIN, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": "content-type"})
    assert reply.status_code == 204 and reply.content == b"" and allow(reply) == "*"
    assert words(reply.headers["access-control-allow-methods"]) == {"GET", "POST", "DELETE", "OPTIONS"}
    assert {word.lower() for word in words(reply.headers["access-control-allow-headers"])} == {"authorization",
            "content-type", "x-api-key"}
    assert reply.headers["access-control-max-age"] == "600"
    never_with_credentials(reply)


def test_preflight_of_a_brand_with_allowed_domains(site, closed_brand):
    def preflight(origin):
        return site.anon.options(f"/chat/{closed_brand.id}", headers={"Origin": origin,
                                                                      "Access-Control-Request-Method": "POST"})

    good, bad = preflight("https://shop.example"), preflight("https://evil.example")
    assert good.status_code == 204 and allow(good) == "https://shop.example" and "Origin" in words(good.headers["vary"])
    assert bad.status_code == 204 and allow(bad) is None


def test_admin_endpoints_have_no_cors(site, open_brand):
    """2.4: only for the origins in `cors.origins`, by default none."""
    for path in ("/brands", open_brand.path, f"{open_brand.path}/config", f"{open_brand.path}/stats"):
        assert allow(site.admin.get(path, headers={"Origin": ORIGIN})) is None
        reply = site.anon.options(path, headers={"Origin": ORIGIN, "Access-Control-Request-Method": "PUT"})
        assert reply.status_code in (204, 403, 405) and allow(reply) is None
    # On a path that is open for one method and not for the other, the method decides.
    assert allow(site.admin.post(f"{open_brand.path}/products", json=product("c"), headers={"Origin": ORIGIN})) is None


def test_admin_origins():
    with running({"cors.origins": ["https://console.example", "http://localhost:3000"]}) as site:
        for origin in ("https://console.example", "http://localhost:3000"):
            reply = site.admin.get("/brands", headers={"Origin": origin})
            assert allow(reply) == origin and "Origin" in words(reply.headers["vary"])
            reply = site.anon.options("/brands", headers={"Origin": origin, "Access-Control-Request-Method": "PUT",
                                                          "Access-Control-Request-Headers": "authorization"})
            assert reply.status_code == 204 and allow(reply) == origin
        for origin in ("https://console.example.evil.test", "http://console.example", "https://sub.console.example",
                       "null"):
            assert allow(site.admin.get("/brands", headers={"Origin": origin})) is None


def test_origin_is_no_credential(site, closed_brand):
    """An allowed origin opens no closed brand; a key does not open a foreign origin."""
    brand = site.brand(chat={"public_access": False, "allowed_domains": ["shop.example"]})
    assert site.anon.post(f"/chat/{brand.id}", json={"message": "x"},
                          headers={"Origin": "https://shop.example"}).status_code == 404
    reply = People(site).key_client(brand).post(f"/chat/{brand.id}", json={"message": "x"},
                                                headers={"Origin": "https://evil.example"})
    refused(reply, 403, "Origin not allowed")


def test_nothing_is_reflected(site, open_brand):
    reply = site.anon.get(f"{open_brand.path}/products", headers={"Origin": "https://a.example\"><script>"})
    assert "<script>" not in str(reply.headers) + reply.text


@pytest.mark.parametrize("method, path", [("POST", "/api/v1/auth/login"), ("GET", "/api/v1/chatbots")])
def test_management_is_for_listed_origins_alone(method, path):
    """003-platform 1.2: the origins in cors.origins, signing in included; what a console sends may be asked for."""
    listed, other = "https://console.fern.example", "https://other.example"
    with running({"cors.origins": [listed]}) as site:
        for origin, allowed in ((listed, listed), (other, None)):
            reply = site.anon.request(method, path, headers={"Origin": origin}, json={} if method == "POST" else None)
            assert reply.headers.get("access-control-allow-origin") == allowed
            asked = site.anon.options(path, headers={"Origin": origin, "Access-Control-Request-Method": "PUT"})
            assert asked.headers.get("access-control-allow-origin") == allowed
        asked = site.anon.options("/api/v1/personalities/x", headers={
            "Origin": listed, "Access-Control-Request-Method": "PUT"})
        assert "PUT" in asked.headers["access-control-allow-methods"]
        assert "x-brand-id" in asked.headers["access-control-allow-headers"]
