# SPDX-License-Identifier: Apache-2.0
"""Users, roles and keys for tests of rights.

Surface 001 has no endpoint that makes them, so they are written as rows into the running server's store: a user shares
the administrator's password hash (no second hashing), a key is stored as its SHA-256 like every key. Rights are read
from the database at each request, so a row counts at once. This is the only place of the suite that knows table names.
"""
import contextlib
import hashlib
import secrets
import sqlite3
import time
import uuid

from api.helpers import unique
from harness import ADMIN_EMAIL, ADMIN_PASSWORD


class People:
    def __init__(self, site):
        self.site = site

    @contextlib.contextmanager
    def rows(self):
        database = sqlite3.connect(self.site.server.data / "parley.db", timeout=20, isolation_level=None)
        try:
            database.execute("BEGIN IMMEDIATE")
            yield database
            database.execute("COMMIT")
        finally:
            database.close()

    def user(self, brand=None, role="admin", super_admin=False):
        """A new account with this role in the brand (None: in none); its e-mail."""
        name, now = unique("user"), int(time.time() * 1000)
        email = f"{name}@fern.example"
        with self.rows() as database:
            password_hash, = database.execute("SELECT password_hash FROM users WHERE email_fold = ?",
                                              (ADMIN_EMAIL,)).fetchone()
            user_id = str(uuid.uuid4())
            database.execute(
                "INSERT INTO users (id, username, username_fold, email, email_fold, password_hash, super_admin,"
                " created_at, updated_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (user_id, name, name, email, email, password_hash,
                                                        int(super_admin), now, now))
        if brand:
            self.join(email, brand, role)
        return email

    def user_id(self, email):
        with self.rows() as database:
            return database.execute("SELECT id FROM users WHERE email = ?", (email,)).fetchone()[0]

    def join(self, email, brand, role):
        with self.rows() as database:
            database.execute("INSERT INTO memberships (brand_id, user_id, role, created_at)"
                             " SELECT ?, id, ?, ? FROM users WHERE email = ?",
                             (brand.id, role, int(time.time() * 1000), email))

    def leave(self, email):
        with self.rows() as database:
            database.execute("DELETE FROM memberships WHERE user_id = (SELECT id FROM users WHERE email = ?)", (email,))

    def disable(self, email):
        with self.rows() as database:
            database.execute("UPDATE users SET active = 0 WHERE email = ?", (email,))

    def token(self, email):
        return self.site.server.login(email, ADMIN_PASSWORD)

    def client(self, brand=None, role="admin", **options):
        """A client of a new user with this role, by the user's own key: a sign-in would hash the password each time."""
        return self.site.client(self.user_key(self.user(brand, role, **options)))

    def chatbot(self, brand):
        """The id of the brand's default chatbot."""
        with self.rows() as database:
            return database.execute("SELECT id FROM chatbots WHERE brand_id = ? AND is_default = 1",
                                    (brand.id,)).fetchone()[0]

    def chatbot_key(self, brand, prefix="ck_"):
        """A key of the brand's default chatbot."""
        key, row_id = prefix + secrets.token_hex(24), str(uuid.uuid4())
        hashed = hashlib.sha256(key.encode()).hexdigest()
        with self.rows() as database:
            database.execute(
                "INSERT INTO api_keys (brand_id, id, chatbot_id, name, hash, hint, created_at)"
                " SELECT brand_id, ?, id, 'test', ?, ?, ? FROM chatbots WHERE brand_id = ? AND is_default = 1",
                (row_id, hashed, key[-8:], int(time.time() * 1000), brand.id))
            database.execute("INSERT INTO places (kind, name, brand_id, object_id) VALUES ('key', ?, ?, ?)",
                             (hashed, brand.id, row_id))
        return key

    def revoke(self, key):
        with self.rows() as database:
            for table in ("api_keys", "user_keys"):
                database.execute(f"UPDATE {table} SET revoked_at = ? WHERE hash = ?",
                                 (int(time.time() * 1000), hashlib.sha256(key.encode()).hexdigest()))

    def key_client(self, brand):
        return self.site.client(self.chatbot_key(brand))

    def user_key(self, email, expires_at=None):
        """A user's own key (sk_…), which acts as the user."""
        key = "sk_" + secrets.token_hex(20)
        with self.rows() as database:
            database.execute("INSERT INTO user_keys (id, user_id, name, hash, hint, created_at, expires_at)"
                             " SELECT ?, id, 'test', ?, ?, ?, ? FROM users WHERE email = ?",
                             (str(uuid.uuid4()), hashlib.sha256(key.encode()).hexdigest(), key[-8:],
                              int(time.time() * 1000), expires_at, email))
        return key
