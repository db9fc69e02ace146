# SPDX-License-Identifier: Apache-2.0
"""What the tests of accounts share: a server without an administrator, users made through the API, mails as files."""
import contextlib
import email
import email.policy
import re
import sqlite3

from api.fixtures import need
from api.helpers import eventually, unique
from harness import Server

PASSWORD = "pebble-and-reed-58"
AUTH, ADMIN = "/api/v1/auth", "/api/v1/admin"
NOBODY = {"admin.email": None, "admin.password": None, "sample_data": False}


def failed(reply, status, code, field=None):
    """An error of /api/v1; with `field`, one of its faults names it."""
    body = reply.json()
    assert (reply.status_code, body["code"]) == (status, code), reply.text
    assert body["success"] is False and body["requestId"] == reply.headers["x-request-id"]
    if field:
        assert field in [fault["field"] for fault in body["details"]], reply.text
    return body


def done(reply, status=200):
    assert reply.status_code == status, f"{reply.request.url}: {reply.status_code} {reply.text}"
    body = reply.json()
    assert body["status"] == "success" and body["success"] is True
    return body


class Person:
    """A user with the tokens of the last sign-in; `client` acts by the access token."""

    def __init__(self, place, body, password=PASSWORD):
        self.place, self.password, self.user = place, password, body["data"]
        self.id, self.name, self.email = (self.user[key] for key in ("id", "username", "email"))
        self.brand = self.user["brandId"]
        self.take(body)

    def take(self, body):
        self.token, self.refresh = body.get("token"), body.get("refreshToken")
        self.client = self.place.client(self.token)

    def login(self):
        self.take(done(self.place.anon.post(f"{AUTH}/login", json={"email": self.email, "password": self.password})))
        return self

    @property
    def alive(self):
        """Does the access token still hold?"""
        return self.client.get(f"{AUTH}/me").status_code == 200


class Place:
    """A running server without users at its start; `root` is the first one who registers."""

    def __init__(self, server):
        self.server, self.anon = server, server.client(verify=False)

    def client(self, token=None, **headers):
        return self.server.client(token, {name.replace("_", "-"): value for name, value in headers.items()},
                                  verify=False)

    def post(self, path, body, client=None):
        return (client or self.anon).post(path, json=body)

    def body(self, **fields):
        name = fields.pop("username", None) or unique("u")
        return {"username": name, "email": f"{name}@fern.example", "password": PASSWORD, **fields}

    def person(self, client=None, **fields):
        body = self.body(**fields)
        return Person(self, done(self.post(f"{AUTH}/register", body, client), 201), body["password"])

    def member(self, admin, role="user"):
        """Made by an admin in the admin's brand."""
        person = self.person(admin.client, role=role)
        assert person.token is None
        return person.login()

    @property
    def root(self):
        if not hasattr(self, "_root"):
            self._root = self.person(username="root")
        return self._root

    @contextlib.contextmanager
    def rows(self):
        database = sqlite3.connect(self.server.data / "parley.db", timeout=20, isolation_level=None)
        try:
            yield database
        finally:
            database.close()

    def audit(self, action, target=None):
        with self.rows() as database:
            return database.execute("SELECT brand_id, actor, target, fields, address, old_value, new_value FROM audit"
                                    " WHERE action = ? AND (? IS NULL OR target = ?)",
                                    (action, target, target)).fetchall()

    # ---- mails ----

    @property
    def mail_folder(self):
        return self.server.data / "mail"

    def mails(self, to=None):
        found = []
        for path in sorted(self.mail_folder.glob("*.eml")) if self.mail_folder.exists() else []:
            one = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            if to is None or to in one["To"]:
                found.append(one)
        return found

    def jobs_done(self):
        def waits():
            with self.rows() as database:
                return database.execute("SELECT COUNT(*) FROM jobs WHERE kind = 'mail.send'").fetchone()[0] == 0
        eventually(waits)

    def wait_mail(self, to, n=1):
        eventually(lambda: len(self.mails(to)) >= n)
        return self.mails(to)[-1]

    def reset_token(self, person):
        n = len(self.mails(person.email))
        done(self.post(f"{AUTH}/password-reset-request", {"email": person.email}))
        return token_of(self.wait_mail(person.email, n + 1))


def token_of(mail):
    return re.search(r"^Token: (pr_[A-Za-z0-9_-]{43})$", mail.get_content().replace("\r", ""), re.M)[1]


@contextlib.contextmanager
def place(data=None, **settings):
    """A server of its own; `smtp__host` is the setting smtp.host."""
    need("parley", "PARLEY_BIN")
    named = {name.replace("__", "."): value for name, value in settings.items()}
    server = Server({**NOBODY, "mail.transport": "file", **named}, data=data).start()
    try:
        yield Place(server)
    finally:
        server.dispose()
