# SPDX-License-Identifier: Apache-2.0
"""Attacks on access and refresh tokens (003 2.1). The tests know the installation's master key, so that they can sign
what the server itself never would."""
import base64
import concurrent.futures
import hashlib
import hmac
import json
import time
import uuid

import pytest

from api.accounts_help import AUTH, PASSWORD, done, failed, place

SECRET = "a master key that only these tests know, of enough bytes"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def derived(purpose):
    prk = hmac.new(b"parley", SECRET.encode(), hashlib.sha256).digest()
    return hmac.new(prk, purpose + b"\x01", hashlib.sha256).digest()


def sign(head, claims, key=None, digest=hashlib.sha256):
    text = b64(json.dumps(head).encode()) + "." + b64(json.dumps(claims).encode())
    return text + "." + b64(hmac.new(derived(b"jwt") if key is None else key, text.encode(), digest).digest())


def parts(token):
    head, claims, _ = token.split(".")
    return json.loads(unb64(head)), json.loads(unb64(claims))


@pytest.fixture(scope="module")
def town():
    with place(secret=SECRET, public_url="https://chat.fern.example") as town:
        town.person(username="root")
        yield town


@pytest.fixture(scope="module")
def ada(town):
    return town.person()


def holds(town, token):
    reply = town.client(token).get(f"{AUTH}/me")
    assert reply.status_code in (200, 401), reply.text
    if reply.status_code == 401:
        failed(reply, 401, "UNAUTHORIZED")
        assert reply.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    return reply.status_code == 200


def test_what_a_token_says(ada):
    head, claims = parts(ada.token)
    assert (head["alg"], head["typ"]) == ("HS256", "at+jwt") and head["kid"]
    assert set(claims) == {"iss", "aud", "sub", "sid", "jti", "iat", "exp"}
    assert (claims["iss"], claims["aud"], claims["sub"]) == ("https://chat.fern.example", "parley", ada.id)
    assert claims["exp"] - claims["iat"] == 3600 and abs(claims["iat"] - time.time()) < 60


def test_the_cookie_is_secure_under_https(town, ada):
    reply = town.post(f"{AUTH}/login", {"email": ada.email, "password": PASSWORD})
    assert "; Secure" in reply.headers["set-cookie"] and "HttpOnly" in reply.headers["set-cookie"]


def test_the_tests_sign_as_the_server_does(town, ada):
    assert sign(*parts(ada.token)).split(".")[2] != "" and holds(town, sign(*parts(ada.token)))


HEADS = {"none": {"alg": "none"}, "None": {"alg": "None"}, "empty": {"alg": ""}, "RS256": {"alg": "RS256"},
         "HS512": {"alg": "HS512"}, "lower": {"alg": "hs256"}, "list": {"alg": ["HS256"]},
         "other kid": {"kid": "0" * 16}, "no kid": {"kid": None}, "kid as a path": {"kid": "../../dev/null"},
         "JWT": {"typ": "JWT"}, "no typ": {"typ": None}}


@pytest.mark.parametrize("name", HEADS)
def test_heads(town, ada, name):
    """003-platform#5: anything but HS256 of our own kind is refused, even with a signature that holds."""
    head, claims = parts(ada.token)
    assert not holds(town, sign({**head, **HEADS[name]}, claims))


CLAIMS = {"expired": {"exp": int(time.time()) - 1}, "no exp": {"exp": None}, "exp as text": {"exp": "9999999999"},
          "other audience": {"aud": "elsewhere"}, "audience as a list": {"aud": ["parley"]},
          "no sign-in": {"sid": None}, "unknown sign-in": {"sid": str(uuid.uuid4())},
          "unknown user": {"sub": str(uuid.uuid4())},
          "sign-in as a number": {"sid": 1}}


@pytest.mark.parametrize("name", CLAIMS)
def test_claims(town, ada, name):
    """003-platform#5: expired, and others that the server never issues."""
    head, claims = parts(ada.token)
    assert not holds(town, sign(head, {**claims, **CLAIMS[name]}))


def test_another_users_sign_in(town, ada):
    head, claims = parts(ada.token)
    _, other = parts(town.person().token)
    assert not holds(town, sign(head, {**claims, "sub": other["sub"]}))
    assert not holds(town, sign(head, {**claims, "sid": other["sid"]}))


def test_forms(town, ada):
    """003-platform#5: unsigned, changed, cut, doubled, huge."""
    head, claims, signature = ada.token.split(".")
    richer = b64(json.dumps({**parts(ada.token)[1], "role": "super_admin"}).encode())
    none = b64(b'{"alg":"none","typ":"at+jwt"}')
    for bent in (f"{head}.{claims}.", f"{head}.{claims}", f"{none}.{claims}.", f"{head}.{richer}.{signature}",
                 f"..{signature}", "..", ".", f"{head}.{claims}.{signature}.",
                 f"{head}.{claims}.{signature}.{signature}", f"{head}..{signature}", f"{head}.{claims}.{signature}=",
                 f"{head}.{claims}.{signature[:-1]}", f"{claims}.{head}.{signature}",
                 f"{head}.{claims}.{signature}".upper(), "a." + "b" * 4000 + ".c", f"{head}.{b64(b'[]')}.{signature}"):
        assert not holds(town, bent), bent[:80]
    assert town.client("x" * 14000).get(f"{AUTH}/me").status_code in (401, 431)
    assert holds(town, ada.token)


def test_keys_that_are_not_ours(town, ada):
    head, claims = parts(ada.token)
    for key in (b"", SECRET.encode(), b"secret", derived(b"seal"), derived(b"kid"), head["kid"].encode()):
        assert not holds(town, sign(head, claims, key))
    assert not holds(town, sign({**head, "alg": "HS512"}, claims, digest=hashlib.sha512))


def test_replay_after_signing_out(town):
    """003-platform#5."""
    person = town.person()
    assert holds(town, person.token)
    done(person.client.post(f"{AUTH}/logout"))
    assert not holds(town, person.token) and not holds(town, sign(*parts(person.token)))
    assert town.audit("logout", person.id)


def test_tokens_in_the_wrong_place(town, ada):
    """Refresh, reset and access tokens open nothing but what they are for."""
    assert not holds(town, ada.refresh)
    failed(town.post(f"{AUTH}/refresh-token", {"refreshToken": ada.token[:190]}), 401, "INVALID_TOKEN")
    failed(town.client(ada.token, X_API_Key=ada.refresh).get(f"{AUTH}/me"), 401, "UNAUTHORIZED")
    assert town.anon.get(f"{AUTH}/me", params={"apiKey": ada.token, "token": ada.token}).status_code == 401
    cookies = {"Cookie": f"refreshToken={ada.refresh}; token={ada.token}"}
    assert town.anon.get(f"{AUTH}/me", headers=cookies).status_code == 401


# ---- refreshing -----------------------------------------------------------------------------------------------------


def refresh(town, token):
    return town.post(f"{AUTH}/refresh-token", {"refreshToken": token})


def test_reuse_ends_the_sign_in(town):
    """003-platform#4."""
    person = town.person()
    other = done(town.post(f"{AUTH}/login", {"email": person.email, "password": PASSWORD}))
    second = done(refresh(town, person.refresh))
    assert second["data"]["user"]["id"] == person.id and holds(town, second["token"])
    reply = refresh(town, person.refresh)
    failed(reply, 401, "INVALID_TOKEN")
    assert "refreshToken=;" in reply.headers["set-cookie"] and "Max-Age=0" in reply.headers["set-cookie"]
    failed(refresh(town, second["refreshToken"]), 401, "INVALID_TOKEN")
    assert not holds(town, second["token"]) and not holds(town, person.token)
    assert holds(town, other["token"])  # another device
    assert len(town.audit("refresh_reuse", person.id)) == 1


def test_twenty_at_once(town):
    """003-platform#4: exactly one wins, and then nobody has the sign-in."""
    person = town.person()
    clients = [town.client() for _ in range(20)]
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        body = {"refreshToken": person.refresh}
        replies = list(pool.map(lambda client: client.post(f"{AUTH}/refresh-token", json=body), clients))
    codes = sorted(reply.status_code for reply in replies)
    assert codes == [200] + [401] * 19
    (won,) = [reply.json() for reply in replies if reply.status_code == 200]
    failed(refresh(town, won["refreshToken"]), 401, "INVALID_TOKEN")
    assert not holds(town, won["token"])


def test_a_tolerated_repeat():
    """auth.refresh_reuse_window: a repeat replaces a successor that nobody has used, and only then."""
    with place(auth__refresh_reuse_window=60) as town:
        person = town.person()
        lost = done(refresh(town, person.refresh))
        again = done(refresh(town, person.refresh))
        assert again["refreshToken"] != lost["refreshToken"] and holds(town, again["token"])
        done(refresh(town, again["refreshToken"]))  # used now: no more
        failed(refresh(town, person.refresh), 401, "INVALID_TOKEN")
        assert not holds(town, again["token"])

        person = town.person()  # both answers arrived: two hold the sign-in
        one = done(refresh(town, person.refresh))
        two = done(refresh(town, person.refresh))
        failed(refresh(town, one["refreshToken"]), 401, "INVALID_TOKEN")
        failed(refresh(town, two["refreshToken"]), 401, "INVALID_TOKEN")

        person = town.person()  # too late
        done(refresh(town, person.refresh))
        with town.rows() as database:
            database.execute("UPDATE refresh_tokens SET used_at = used_at - 60000 WHERE used_at IS NOT NULL")
        failed(refresh(town, person.refresh), 401, "INVALID_TOKEN")
        assert not person.alive


def test_expired_tokens_leave_with_the_next_sign_in(town):
    person = town.person()
    with town.rows() as database:
        database.execute("UPDATE sign_ins SET expires_at = 1 WHERE user_id = ?", (person.id,))
    person.login()
    with town.rows() as database:
        assert database.execute("SELECT COUNT(*) FROM sign_ins WHERE user_id = ?", (person.id,)).fetchone() == (1,)


# ---- many at once ---------------------------------------------------------------------------------------------------


def test_one_name_for_twenty_who_register_at_once(town):
    body = town.body()
    clients = [town.client() for _ in range(20)]
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        codes = sorted(pool.map(lambda client: client.post(f"{AUTH}/register", json=body).status_code, clients))
    assert codes == [201] + [409] * 19


def test_one_super_admin_among_ten_first_users():
    with place() as town:
        bodies = [town.body() for _ in range(10)]
        with concurrent.futures.ThreadPoolExecutor(10) as pool:
            made = list(pool.map(lambda body: done(town.client().post(f"{AUTH}/register", json=body), 201), bodies))
        assert sorted(one["data"]["role"] for one in made) == ["admin"] * 9 + ["super_admin"]


def test_a_reset_token_works_once_for_ten_at_once(town):
    person = town.person()
    token = town.reset_token(person)

    def use(n):
        body = {"token": token, "password": f"moss-and-granite-{n}"}
        return town.client().post(f"{AUTH}/password-reset", json=body).status_code

    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        codes = sorted(pool.map(use, range(10)))
    assert codes == [200] + [401] * 9


def test_hashing_holds_up_nobody():
    """Sign-ins have threads of their own: with one worker, which they would fill, others are served meanwhile."""
    with place(workers=1) as town:
        root, codes = town.root, []
        clients = [town.client() for _ in range(24)]
        with concurrent.futures.ThreadPoolExecutor(24) as pool:
            waits = [pool.submit(client.post, f"{AUTH}/login", json={"email": root.email, "password": PASSWORD})
                     for client in clients]
            while not all(wait.done() for wait in waits):
                before = sum(wait.done() for wait in waits)
                done(root.client.get(f"{AUTH}/me"))
                codes.append(before)
        assert all(wait.result().status_code == 200 for wait in waits)
        assert sum(1 for n in codes if n < 12) > 3, codes  # asked and answered while most of them waited
