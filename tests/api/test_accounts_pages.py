# SPDX-License-Identifier: Apache-2.0
"""The pages /reset-password and /register: plain forms that work without scripts (003 2.3)."""
import html.parser
import re

import pytest

from api.accounts_help import ADMIN, AUTH, PASSWORD, done, failed, place
from api.helpers import unique


@pytest.fixture(scope="module")
def town():
    with place() as town:
        assert town.root
        yield town


class Page(html.parser.HTMLParser):
    """A page as a reader without scripts has it; says what is not accessible."""

    def __init__(self, reply, status=200):
        super().__init__()
        assert reply.status_code == status, reply.text
        assert reply.headers["content-type"] == "text/html; charset=utf-8"
        head = reply.headers
        assert head["referrer-policy"] == "no-referrer" and head["cache-control"] == "no-store"
        assert "default-src 'none'" in head["content-security-policy"] and "script" not in reply.text
        assert "frame-ancestors 'none'" in head["content-security-policy"]
        assert head["x-content-type-options"] == "nosniff"
        self.tags, self.text = [], reply.text
        self.feed(reply.text)
        assert ("html", {"lang": "en"}) in self.tags and 'name="viewport"' in reply.text
        assert len(self.all("main")) == 1 and len(self.all("h1")) == 1
        ids = {one["id"]: one for _, one in self.tags if "id" in one}
        labelled = {one["for"] for one in self.all("label")}
        for field in self.all("input"):
            assert field["id"] in labelled and field["autocomplete"], field
            for described in field.get("aria-describedby", "").split():
                assert described in ids, field
        self.marked = [one["name"] for one in self.all("input") if one.get("aria-invalid") == "true"]
        self.fields = [one["name"] for one in self.all("input")]

    def all(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def visit(town, path):
    """Follows a link as a browser does: a client with a jar, and the page at the clean address."""
    client = town.client()
    reply = client.get(path)
    assert reply.status_code == 303 and reply.text == ""
    clean = path.partition("?")[0]
    assert reply.headers["location"] == clean and reply.headers["referrer-policy"] == "no-referrer"
    cookie = reply.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and f"Path={clean}" in cookie and "Max-Age=900" in cookie
    return client, Page(client.get(clean))


def test_a_new_password_by_the_link_of_the_mail(town):
    person = town.person()
    token = town.reset_token(person)
    client, page = visit(town, f"/reset-password?token={token}")
    assert page.fields == ["password"] and token not in page.text
    again = Page(client.post("/reset-password", data={"password": "short"}), 400)
    assert again.marked == ["password"] and 'role="alert"' in again.text and "short" not in again.text
    Page(client.post("/reset-password", data={"password": ""}), 400)
    final = client.post("/reset-password", data={"password": "moss & granite 7+é"})
    Page(final)
    assert "parleyReset=;" in final.headers["set-cookie"] and "Max-Age=0" in final.headers["set-cookie"]
    assert not person.alive
    done(town.post(f"{AUTH}/login", {"email": person.email, "password": "moss & granite 7+é"}))
    other, _ = visit(town, f"/reset-password?token={token}")
    Page(other.post("/reset-password", data={"password": "moss-and-granite-8"}), 401)  # works once


def test_asking_for_a_link(town):
    person = town.person()
    client = town.client()
    assert Page(client.get("/reset-password")).fields == ["email"]
    replies = [client.post("/reset-password", data={"email": email})
               for email in (person.email, f"{unique('n')}@fern.example")]
    assert Page(replies[0]).text == Page(replies[1]).text
    assert "/reset-password?token=pr_" in town.wait_mail(person.email).get_content()
    assert Page(client.post("/reset-password", data={"email": "nonsense"}), 400).marked == ["email"]
    Page(client.post("/reset-password", data={}), 400)
    Page(client.post("/reset-password", data={"password": "moss-and-granite-8"}), 400)  # without the cookie
    Page(client.get("/reset-password", headers={"Cookie": "parleyReset=" + "x" * 3000}))


def test_an_invitation(town):
    admin = town.person(brandName="Fern & <b>Moss</b>")
    invite = done(admin.client.post(f"{ADMIN}/invites", json={"role": "developer"}), 201)["data"]
    client, page = visit(town, invite["url"].removeprefix(town.server.url))
    assert page.fields == ["username", "email", "password", "firstName", "lastName"]
    name = unique("guest")
    form = {"username": name, "email": f"{name}@fern.example", "password": PASSWORD, "firstName": "Ana", "lastName": ""}
    bad = Page(client.post("/register", data={**form, "username": '"><i>', "email": "a@b", "password": "x"}), 400)
    assert bad.marked == ["username", "email", "password"] and "<i>" not in bad.text and not bad.all("i")
    taken = Page(client.post("/register", data={**form, "email": admin.email}), 409)
    assert f'value="{name}"' in taken.text and PASSWORD not in taken.text
    Page(client.post("/register", data={**form, "role": "admin", "brandName": "Mine"}))
    data = done(town.post(f"{AUTH}/login", {"username": name, "password": PASSWORD}))["data"]
    assert (data["role"], data["brandId"], data["firstName"]) == ("developer", admin.brand, "Ana")
    other, _ = visit(town, invite["url"].removeprefix(town.server.url))
    Page(other.post("/register", data={**form, "username": unique("x"), "email": f"{unique('x')}@fern.example"}), 403)


def test_registering_without_an_invitation(town):
    name = unique("new")
    Page(town.client().get("/register"))
    form = {"username": name, "email": f"{name}@fern.example", "password": PASSWORD}
    Page(town.client().post("/register", data=form))
    assert done(town.post(f"{AUTH}/login", {"username": name, "password": PASSWORD}))["data"]["role"] == "admin"
    with place(registration="invite") as closed:
        assert closed.root
        Page(closed.client().post("/register", data=form), 403)


def test_a_form_from_another_site(town):
    """The cookie is Lax: a browser would not even send it. Nor is the form taken."""
    person = town.person()
    client, _ = visit(town, f"/reset-password?token={town.reset_token(person)}")
    form = {"password": "moss-and-granite-7"}
    for site in ("cross-site", "same-site"):
        Page(client.post("/reset-password", data=form, headers={"Sec-Fetch-Site": site}), 403)
    assert person.alive
    own = {"Sec-Fetch-Site": "same-origin", "Origin": "null"}
    Page(client.post("/reset-password", data=form, headers=own))


def test_what_is_no_form(town):
    client, kind = town.client(), {"Content-Type": "application/x-www-form-urlencoded"}
    for path in ("/reset-password", "/register"):
        Page(client.post(path, json={"password": PASSWORD}), 415)
        Page(client.post(path, content=b"x" * 20000, headers=kind), 413)
        Page(client.post(path, content=b"password=%ff%fe%zz&=&&email=%00", headers=kind), 400)
        assert client.delete(path).status_code == 405
    for token in ("", "<script>", "x" * 101, "a;b", "a%0d%0aSet-Cookie:%20x=y", "a b"):
        reply = client.get(f"/reset-password?token={token}")
        assert reply.status_code == 303 and "set-cookie" not in reply.headers, token
    style = client.get("/account.css")
    assert style.status_code == 200 and style.headers["content-type"].startswith("text/css")


def test_pages_are_limited():
    with place(limits__reset=10) as town:
        client = town.client()
        for _ in range(10):
            Page(client.post("/reset-password", data={"email": "nobody@fern.example"}))
        reply = client.post("/reset-password", data={"email": "nobody@fern.example"})
        Page(reply, 429)
        assert int(reply.headers["retry-after"]) >= 1


def test_secure_cookies_under_https():
    with place(public_url="https://chat.fern.example") as town:
        reply = town.client().get("/reset-password?token=pr_abc")
        assert "; Secure" in reply.headers["set-cookie"] and reply.headers["location"] == "/reset-password"
        root = town.root
        link = re.search(r"^https://chat.fern.example/reset-password\?token=pr_", (
            town.reset_token(root) and town.wait_mail(root.email).get_content()), re.M)
        assert link
        failed(town.post(f"{AUTH}/password-reset", {"token": "pr_x", "password": PASSWORD}), 401, "INVALID_TOKEN")
