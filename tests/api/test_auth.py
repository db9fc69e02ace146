# SPDX-License-Identifier: Apache-2.0
"""Signing in, refreshing, signing out (003 2.1, 2.2), as far as surface 001 needs them."""
import threading

import pytest

from api.fixtures import running
from api.helpers import TIME, UUID, ok
from api.people import People
from harness import ADMIN_EMAIL, ADMIN_PASSWORD

LOGIN, REFRESH, LOGOUT = "/api/v1/auth/login", "/api/v1/auth/refresh-token", "/api/v1/auth/logout"


def login(site, **body):
    return site.server.client().post(LOGIN, json=body or {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD})


def refresh(site, token, client=None):
    return (client or site.server.client()).post(REFRESH, json={"refreshToken": token})


def failed(reply, status, code):
    body = reply.json()
    assert reply.status_code == status, reply.text
    assert (body["status"], body["success"], body["code"]) == ("error", False, code) and isinstance(body["message"],
            str)
    assert body["requestId"] == reply.headers["x-request-id"]
    return body


def signed_in(reply):
    body = reply.json()
    assert reply.status_code == 200, reply.text
    assert body["status"] == "success" and body["success"] is True and isinstance(body["message"], str)
    data = body["data"]
    assert body["token"] == data["accessToken"] == data["token"] and body["refreshToken"] == data["refreshToken"]
    assert body["refreshToken"].startswith("rt_") and len(body["refreshToken"]) == 46
    assert body["expiresIn"] == data["expiresIn"] == 3600 and data["user"]["id"] == data["id"]
    return body


def test_login(site):
    reply = login(site)
    body = signed_in(reply)
    user = body["data"]["user"]
    assert UUID.fullmatch(user["id"]) and user["email"] == ADMIN_EMAIL and user["role"] == "super_admin" and user[
        "active"] is True
    assert TIME.fullmatch(user["lastLogin"]) and TIME.fullmatch(user["createdAt"])
    assert not any(word in key.lower() for key in user for word in ("password", "hash"))
    assert ADMIN_PASSWORD not in reply.text and "argon2" not in reply.text
    assert reply.headers.get("cache-control") == "no-store"
    cookie = reply.headers["set-cookie"]
    for part in ("refreshToken=rt_", "HttpOnly", "SameSite=Strict", "Path=/api/v1/auth", "Max-Age=604800"):
        assert part.lower() in cookie.lower(), cookie
    assert "secure" not in cookie.lower()
    ok(site.client(body["token"]).get("/brands"))


def test_login_by_any_name(site):
    people = People(site)
    email = people.user(site.brand())
    for body in ({"email": email}, {"email": email.upper()}, {"username": email}, {"username": email.split("@")[0]},
                 {"username": email.split("@")[0].upper()}):
        signed_in(login(site, **body, password=ADMIN_PASSWORD))


@pytest.mark.parametrize("body", [{"email": ADMIN_EMAIL, "password": "wrong-password"},
                                  {"email": "nobody@fern.example", "password": ADMIN_PASSWORD},
                                  {"username": "' OR 1=1 --", "password": "x" * 8},
                                  {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD + " "}])
def test_wrong(site, body):
    with running() as own:  # failures are counted by account
        failed(login(own, **body), 401, "INVALID_CREDENTIALS")


@pytest.mark.parametrize("body", [{"email": ADMIN_EMAIL}, {"password": ADMIN_PASSWORD},
                                  {"email": 5, "password": ADMIN_PASSWORD}, {"email": ADMIN_EMAIL, "password": []},
                                  {"email": "", "password": "x"}])
def test_missing(site, body):
    assert failed(login(site, **body), 400, "VALIDATION_ERROR")["details"]


def test_unknown_accounts_and_wrong_passwords_look_alike(site):
    with running() as own:
        one, two = login(own, email=ADMIN_EMAIL, password="wrong-password"), login(own, email="nobody@fern.example",
                password="wrong-password")
        assert {**one.json(), "requestId": 0} == {**two.json(), "requestId": 0}


def test_disabled_account(site):
    people = People(site)
    email = people.user(site.brand())
    people.disable(email)
    assert failed(login(site, email=email, password=ADMIN_PASSWORD), 401,
                  "UNAUTHORIZED")["message"] == "This account is disabled"
    failed(login(site, email=email, password="wrong-password"), 401, "INVALID_CREDENTIALS")


def test_rotation_and_reuse(site):
    """003 2.1: each refresh replaces the token; a used one ends the whole sign-in."""
    first = signed_in(login(site))
    second = signed_in(refresh(site, first["refreshToken"]))
    assert second["refreshToken"] != first["refreshToken"]
    ok(site.client(first["token"]).get("/brands"))  # access tokens go on
    other = signed_in(login(site))
    failed(refresh(site, first["refreshToken"]), 401, "INVALID_TOKEN")
    failed(refresh(site, second["refreshToken"]), 401, "INVALID_TOKEN")
    for token in (first["token"], second["token"]):
        assert site.client(token).get("/brands").status_code == 401
    ok(site.client(other["token"]).get("/brands"))


def test_of_two_refreshes_at_once_one_wins(site):
    token, replies = signed_in(login(site))["refreshToken"], []
    threads = [threading.Thread(target=lambda: replies.append(refresh(site, token))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(reply.status_code for reply in replies).count(200) <= 1 and {reply.status_code
            for reply in replies} <= {200, 401}


@pytest.mark.parametrize("token", ["rt_" + "x" * 43, "", "x", "rt_", "rt_" + "x" * 4000, "\u0e01"])
def test_no_refresh_tokens(site, token):
    reply = refresh(site, token)
    assert reply.status_code in (400, 401) and reply.json()["code"] in ("INVALID_TOKEN", "VALIDATION_ERROR")


def test_refresh_without_a_token(site):
    failed(site.server.client().post(REFRESH, json={}), 400, "VALIDATION_ERROR")
    failed(site.server.client().post(REFRESH), 400, "VALIDATION_ERROR")


def test_refresh_by_cookie(site):
    client = site.server.client()
    assert client.post(LOGIN, json={"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}).status_code == 200
    signed_in(client.post(REFRESH))
    assert client.post(LOGOUT).status_code == 200


def test_logout(site):
    """The access token is dead at once, and its refresh token too."""
    body = signed_in(login(site))
    client = site.client(body["token"])
    ok(client.get("/brands"))
    assert client.post(LOGOUT).status_code == 200
    assert client.get("/brands").status_code == 401 and client.get("/products").status_code == 401
    failed(refresh(site, body["refreshToken"]), 401, "INVALID_TOKEN")


def test_logout_by_refresh_token(site):
    body, other = signed_in(login(site)), signed_in(login(site))
    assert site.server.client().post(LOGOUT, json={"refreshToken": body["refreshToken"]}).status_code == 200
    assert site.client(body["token"]).get("/brands").status_code == 401
    ok(site.client(other["token"]).get("/brands"))
    assert site.server.client().post(LOGOUT,
                                     json={"refreshToken": "rt_" + "x" * 43}).status_code == 200  # unknown: as well
    failed(site.server.client().post(LOGOUT), 401, "UNAUTHORIZED")


def test_logout_everywhere(site):
    people = People(site)
    email = people.user(site.brand())
    tokens = [people.token(email) for _ in range(3)]
    assert site.client(tokens[0]).post(LOGOUT, json={"allDevices": True}).status_code == 200
    for token in tokens:
        assert site.client(token).get("/brands").status_code == 401
    ok(site.admin.get("/brands"))


def test_twenty_failures_lock_the_account():
    """003 2.2: then 429, also with the right password; other accounts sign in."""
    with running() as site:
        other = People(site).user(site.brand())
        for n in range(20):
            failed(login(site, email=ADMIN_EMAIL, password="wrong-password"), 401, "INVALID_CREDENTIALS")
        failed(login(site, email=ADMIN_EMAIL, password=ADMIN_PASSWORD), 429, "RATE_LIMIT_EXCEEDED")
        signed_in(login(site, email=other, password=ADMIN_PASSWORD))


def test_rules_of_requests(site):
    """003 1.1, 1.3: types, unknown fields, not JSON, methods."""
    client = site.server.client()
    body = {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
    failed(client.post(LOGIN, content=b"x", headers={"Content-Type": "text/plain"}), 415, "UNSUPPORTED_MEDIA_TYPE")
    failed(client.post(LOGIN, content=b"{", headers={"Content-Type": "application/json"}), 400, "VALIDATION_ERROR")
    failed(client.post(LOGIN, content=b"[]", headers={"Content-Type": "application/json"}), 400, "VALIDATION_ERROR")
    failed(client.post(LOGIN, content=b'{"email":"a","email":"b","password":"x"}',
                       headers={"Content-Type": "application/json"}), 400, "VALIDATION_ERROR")
    details = failed(client.post(LOGIN, json={**body, "extra": 1}), 400, "VALIDATION_ERROR")["details"]
    assert [(detail["field"], detail["code"]) for detail in details] == [("extra", "unknown_field")]
    reply = client.get(LOGIN)
    failed(reply, 405, "METHOD_NOT_ALLOWED")
    assert "POST" in reply.headers["allow"]
    failed(client.get("/api/v1/nope"), 404, "NOT_FOUND")
    failed(client.post(LOGIN, content=b'{"email":"' + b"x" * (1 << 20) + b'"}',
                       headers={"Content-Type": "application/json"}), 413, "PAYLOAD_TOO_LARGE")
