# SPDX-License-Identifier: Apache-2.0
"""Who may call (001 2.1): every kind of credentials, attacks on tokens, demo mode."""
import base64
import hashlib
import hmac
import json
import time

import pytest

from api.fixtures import need, running
from api.helpers import bad_credentials, eventually, not_or_inactive, ok, product, raw, refused, unauthenticated, unique
from api.people import People
from harness import ADMIN_EMAIL, ADMIN_PASSWORD, find_binary, run


def b64(data):
    if not isinstance(data, bytes):
        data = json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def parts(token):
    head, claims, signature = token.split(".")
    return json.loads(unb64(head)), json.loads(unb64(claims)), signature


# ---- tokens ---------------------------------------------------------------------------------------------------------


def test_what_a_token_says(site):
    """003 2.1: HS256, at+jwt, a key id, and the claims; no more than that."""
    head, claims, _ = parts(site.server.login(ADMIN_EMAIL, ADMIN_PASSWORD))
    assert head["alg"] == "HS256" and head["typ"] == "at+jwt" and head["kid"]
    assert claims["aud"] == "parley" and claims["exp"] - claims["iat"] == 3600 and abs(claims["iat"] - time.time()) < 60
    assert {"iss", "aud", "sub", "sid", "jti", "iat", "exp"} <= set(claims)


def attacks(token):
    """Tokens that must not pass, each with what is wrong with it."""
    head, claims, signature = parts(token)
    whole_head, whole_claims, _ = token.split(".")
    for alg in ("none", "None", "NONE", "nOnE", ""):
        yield f"alg {alg!r} without signature", f"{b64({**head, 'alg': alg})}.{whole_claims}."
        yield f"alg {alg!r} with the old signature", f"{b64({**head, 'alg': alg})}.{whole_claims}.{signature}"
    for alg in ("HS512", "HS384", "RS256", "ES256", "PS256", "EdDSA", "hs256", "HS256 ", ["HS256"], None, 5, {"a": 1}):
        yield f"alg {alg!r}", f"{b64({**head, 'alg': alg})}.{whole_claims}.{signature}"
    for name, digest in (("HS256", hashlib.sha256), ("HS512", hashlib.sha512)):
        for key in (b"", b"secret", b"\0", b"0" * 32, head["kid"].encode()):
            text = f"{b64({**head, 'alg': name})}.{whole_claims}"
            yield f"{name} signed with {key!r}", f"{text}.{b64(hmac.new(key, text.encode(), digest).digest())}"
    for kid in ("other", "", "../../../../dev/null", "' UNION SELECT 'x", "\0", "k" * 5000, None, 5, ["x"]):
        yield f"kid {kid!r}", f"{b64({**head, 'kid': kid})}.{whole_claims}.{signature}"
        text = f"{b64({**head, 'kid': kid})}.{whole_claims}"
        yield f"kid {kid!r} signed with nothing", f"{text}.{b64(hmac.new(b'', text.encode(), hashlib.sha256).digest())}"
    for extra in ({"jwk": {"kty": "oct", "k": b64(b"x" * 32)}}, {"jku": "http://127.0.0.1:1/"},
                  {"x5u": "http://127.0.0.1:1/"}, {"crit": ["x"], "x": 1}, {"b64": False}):
        yield f"head with {extra}", f"{b64({**head, **extra})}.{whole_claims}.{signature}"
    for change in ({"sub": "00000000-0000-7000-8000-000000000000"}, {"exp": claims["exp"] + 10**6}, {"exp": None},
                   {"sid": "x"}, {"aud": "other"}, {"exp": "never"}, {"role": "super_admin"}):
        yield f"claims with {change}", f"{whole_head}.{b64({**claims, **change})}.{signature}"
    flipped = bytearray(unb64(signature))
    flipped[0] ^= 1
    yield "signature changed", f"{whole_head}.{whole_claims}.{b64(bytes(flipped))}"
    yield "signature cut", f"{whole_head}.{whole_claims}.{signature[:-2]}"
    yield "signature longer", f"{whole_head}.{whole_claims}.{signature}AA"
    yield "signature absent", f"{whole_head}.{whole_claims}."
    yield "two parts", f"{whole_head}.{whole_claims}"
    yield "four parts", f"{token}.x"
    yield "empty", ".."
    yield "not base64", f"{whole_head}.{whole_claims}.!!!!"
    yield "not JSON", f"{b64(b'x')}.{b64(b'y')}.{signature}"
    yield "JSON of another kind", f"{b64([])}.{b64(5)}.{signature}"
    yield "deep", f"{b64(b'[' * 5000)}.{whole_claims}.{signature}"
    yield "a word", "nonsense"
    yield "a key that is none", "sk_" + "a" * 40
    yield "a chatbot key that is none", "ck_" + "0" * 48
    yield "long", "a" * 8000


def test_attacks_on_tokens(site):
    """Each is a 401, on an admin endpoint and on a public one, and nothing crashes."""
    for what, token in attacks(site.server.login(ADMIN_EMAIL, ADMIN_PASSWORD)):
        for path in ("/brands", "/brands/techpro/products"):
            try:
                reply = site.anon.get(path, headers={"Authorization": f"Bearer {token}"})
            except ValueError:
                continue  # the client itself refuses to send it
            assert reply.status_code == 401, (what, reply.status_code, reply.text[:200])
            bad_credentials(reply)


@pytest.mark.parametrize("value", ["Bearer", "Bearer  x", "Basic cm9vdDp4", "Digest x", "x", "Bearer a b",
                                   "bearer x", "Token x"])
def test_odd_authorization_headers(site, value):
    """Present but not a credential that is known: 401 on any endpoint."""
    for path in ("/brands", "/brands/techpro/products"):
        reply = site.anon.get(path, headers={"Authorization": value})
        assert reply.status_code == 401, value


def test_the_word_bearer_in_any_case(site):
    for word in ("Bearer", "bearer", "BEARER"):
        ok(site.anon.get("/brands", headers={"Authorization": f"{word} {site.server.token}"}))


def test_expired_token():
    """2.1: expired is a 401 on any endpoint."""
    with running({"auth.access_ttl": 3}) as site:
        client = site.client(site.server.login(ADMIN_EMAIL, ADMIN_PASSWORD))
        ok(client.get("/brands"))
        bad_credentials(eventually(lambda: (reply := client.get("/brands")).status_code == 401 and reply))
        bad_credentials(client.get("/products"))
        bad_credentials(client.post("/chat/techpro", json={"message": "x"}))


def test_a_token_of_another_server(site):
    with running() as other:
        bad_credentials(site.client(other.server.token).get("/brands"))


# ---- rights ---------------------------------------------------------------------------------------------------------


def test_roles_and_keys_on_admin_endpoints(site):
    brand, people = site.brand(), People(site)
    for client in (people.client(brand, "admin"), site.client(people.token(people.user(super_admin=True)))):
        ok(client.get(brand.path))
        ok(client.post(f"{brand.path}/products", json=product(unique("p"))))
    for client in (people.client(brand, "user"), people.client(brand, "developer"), people.key_client(brand)):
        refused(client.get(brand.path), 403, "Not enough permissions")
        refused(client.post(f"{brand.path}/products", json=product("x")), 403, "Not enough permissions")
    for client in (people.client(site.brand(), "admin"), people.client(), people.key_client(site.brand())):
        refused(client.get(brand.path), 404, "Brand not found")


def test_user_keys(site):
    """2.1: an `sk_` key acts as its user, in either header."""
    brand, people = site.brand(), People(site)
    key = people.user_key(people.user(brand, "admin"))
    for headers in ({"X-API-Key": key}, {"Authorization": f"Bearer {key}"}):
        assert [row["id"] for row in ok(site.anon.get("/brands", headers=headers))] == [brand.id]
    people.revoke(key)
    bad_credentials(site.anon.get("/brands", headers={"X-API-Key": key}))
    expired = people.user_key(people.user(brand, "admin"), expires_at=int(time.time() * 1000) - 1000)
    bad_credentials(site.anon.get("/brands", headers={"X-API-Key": expired}))


@pytest.mark.parametrize("prefix", ["ck_", "cb_live_", "cb_test_", "sk_live_", "sk_test_"])
def test_chatbot_keys_of_every_prefix(site, prefix):
    brand, people = site.brand(chat={"public_access": False}), People(site)
    key = people.chatbot_key(brand, prefix)
    for headers in ({"X-API-Key": key}, {"Authorization": f"Bearer {key}"}):
        ok(site.anon.post(f"/chat/{brand.id}", json={"message": "hi"}, headers=headers))
    people.revoke(key)
    bad_credentials(site.anon.post(f"/chat/{brand.id}", json={"message": "hi"}, headers={"X-API-Key": key}))


def test_rights_are_read_at_each_request(site):
    brand, people = site.brand(), People(site)
    email = people.user(brand, "admin")
    client = site.client(people.token(email))
    ok(client.get(brand.path))
    people.leave(email)
    refused(client.get(brand.path), 404, "Brand not found")
    people.join(email, brand, "user")
    refused(client.get(brand.path), 403, "Not enough permissions")
    people.disable(email)
    bad_credentials(client.get(brand.path))
    bad_credentials(client.get("/products"))


def test_public_access(site):
    """2.1: while it is on anybody may, also another brand's user or key; off, they find no brand."""
    brand, people = site.brand([product("a")]), People(site)
    strangers = [site.anon, people.client(site.brand(), "admin"), people.key_client(site.brand())]
    for client in strangers:
        ok(client.get(f"{brand.path}/products"))
    brand.configure(chat_settings={"public_access": False})
    for client in strangers:
        refused(client.get(f"{brand.path}/products"), 404, not_or_inactive(brand.id))
    for client in (people.client(brand, "user"), people.key_client(brand), site.admin):
        ok(client.get(f"{brand.path}/products"))


def test_two_different_credentials(site):
    """Two that differ are wrong credentials (003 1.3), the same one twice is fine."""
    people, brand = People(site), site.brand()
    key = people.user_key(people.user(brand, "admin"))
    ok(site.anon.get("/brands", headers={"X-API-Key": key, "Authorization": f"Bearer {key}"}))
    bad_credentials(site.anon.get("/brands", headers={"X-API-Key": key,
                                                      "Authorization": f"Bearer {site.server.token}"}))


def test_a_chatbot_key_of_a_deleted_brand(site):
    brand, people = site.brand(), People(site)
    client = people.key_client(brand)
    ok(client.get(f"{brand.path}/products"))
    ok(site.admin.delete(brand.path))
    bad_credentials(client.get("/products"))


def test_every_endpoint_asks_for_any_user(site):
    """14.6 to 14.8: any signed-in user; nobody else."""
    client = People(site).client()
    for path in ("/stats", "/uploads"):
        reply = site.anon.get(path)
        if path == "/uploads" and reply.status_code == 404:
            continue  # with uploads, which come later
        unauthenticated(reply)
        ok(client.get(path))


# ---- demo mode ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demo():
    with running({"demo": True}) as site:
        yield site


def create(site, *fields, host="localhost"):
    body = json.dumps({"name": "Demo", "description": "d"}).encode()
    lines = ["POST /brands HTTP/1.1", f"Host: {host}", "Content-Type: application/json", f"Content-Length: {len(body)}",
             "Connection: close", *fields]
    return raw(site, "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)


def brands(site):
    return len(ok(site.admin.get("/brands")))


def test_5_demo_mode(demo):
    """001-brands#5: anybody on the loopback address is super_admin, a page elsewhere is not."""
    before = brands(demo)
    assert create(demo).status == 200
    for fields, host in ((["Origin: https://evil.example"], "localhost"), ([], "evil.example"),
                         (["X-Forwarded-For: 1.2.3.4"], "localhost")):
        reply = create(demo, *fields, host=host)
        assert reply.status == 401 and reply.json == {"detail": "Not authenticated"} and reply.headers[
            "www-authenticate"] == "Bearer"
    assert brands(demo) == before + 1


@pytest.mark.parametrize("host, fields, allowed", [
    ("localhost", [], True), ("localhost:8000", [], True), ("127.0.0.1", [], True), ("127.0.0.1:80", [], True),
    ("[::1]", [], True), ("[::1]:8000", [], True),
    ("LOCALHOST", [], True), ("localhost.evil.example", [], False), ("evil.example:8000", [], False),
    ("127.0.0.1.evil.example", [], False), ("127.0.0.2", [], False), ("0.0.0.0", [], False),
    ("localhost", ["Forwarded: for=1.2.3.4"], False), ("localhost", ["X-Forwarded-For: 127.0.0.1"], False),
    ("localhost", ["X-Real-IP: 127.0.0.1"], False), ("localhost", ["Via: 1.1 proxy"], False),
    ("localhost", ["Origin: http://localhost:5173"], True), ("localhost", ["Origin: http://127.0.0.1"], True),
    ("localhost", ["Origin: http://[::1]:9"], True), ("localhost", ["Origin: null"], False),
    ("localhost", ["Origin: https://localhost.evil.example"], False),
    ("localhost", ["Origin: http://localhost@evil.example"], False),
    ("localhost", ["Sec-Fetch-Site: cross-site"], False), ("localhost", ["Sec-Fetch-Site: same-origin"], True),
    ("localhost", ["Sec-Fetch-Site: none"], True), ("localhost", ["Sec-Fetch-Site: same-site"], True),
    ("localhost", ["Origin: http://localhost", "Sec-Fetch-Site: cross-site"], True)])
def test_demo_guards(demo, host, fields, allowed):
    before = brands(demo)
    reply = create(demo, *fields, host=host)
    assert reply.status == (200 if allowed else 401), reply
    assert brands(demo) == before + allowed


def test_wrong_credentials_are_wrong_in_demo_mode_too(demo):
    assert create(demo, "Authorization: Bearer nonsense").status == 401


def test_demo_mode_does_not_reach_api_v1(demo):
    reply = demo.anon.get("/api/v1/auth/me")
    assert reply.status_code in (401, 404)  # not served in this version, or not open
    assert demo.anon.get("/api/v1/admin/users").status_code in (401, 404)


def test_demo_actor_in_the_audit(demo):
    made = demo.anon.post("/brands", json={"name": "Audited", "description": "d"}, headers={"Host": "localhost"})
    entries = ok(demo.admin.get(f"/brands/{ok(made)['id']}/audit"))["entries"]
    assert [(entry["action"], entry["actor"]) for entry in entries] == [("brand.create", "demo")]


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
def test_5_demo_mode_starts_on_loopback_alone(address, tmp_path):
    """001-brands#5: any other listen address stops the start."""
    need("parley", "PARLEY_BIN")
    done = run([find_binary("parley", "PARLEY_BIN"), "serve", "--demo", "true", "--listen", address, "--data",
                tmp_path / "data"], timeout=20)
    assert done.returncode == 2 and "listening" not in done.stdout and done.stderr.strip()


def test_no_demo_mode_no_gift(site):
    assert create(site).status == 401
