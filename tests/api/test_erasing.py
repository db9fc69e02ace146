# SPDX-License-Identifier: Apache-2.0
"""What belongs to a brand goes a few rows at a time, and is out of sight at once (001-brands 3.6)."""

import contextlib
import sqlite3

from api.helpers import eventually, ok
from harness.filled import fill

LEFT = ("brands", "chatbots", "conversations", "messages", "products", "documents", "document_chunks", "vectors",
        "text_vectors", "places", "brand_totals", "jobs")


def rows(data, sql, *arguments):
    with contextlib.closing(sqlite3.connect(f"file:{data / 'parley.db'}?mode=ro", uri=True, timeout=30)) as db:
        return db.execute(sql, arguments).fetchall()


def left(data, brand, table):
    column = "id" if table == "brands" else "brand_id"
    return rows(data, f"SELECT COUNT(*) FROM {table} WHERE {column} = ?", brand)[0][0]


def filled(server, **counts):
    """A server with a brand of so many rows, and another one; the brand as a super_admin sees it."""
    one = server({"log.level": "info"})
    brand = one.brand()
    one.stop()
    fill(one.data, brand, **counts)
    one.restart()
    return one, brand


def gone(one, brand):
    """Nothing that names the brand knows it."""
    admin = one.client(one.token)
    for reply in (admin.get(f"/brands/{brand}"), admin.get(f"/brands/{brand}/products"),
                  admin.delete(f"/brands/{brand}"), admin.get(f"/brands/{brand}/statistics"),
                  admin.post(f"/chat/{brand}", json={"message": "Hello"})):
        assert reply.status_code == 404, reply.text
    assert brand not in [b["id"] for b in ok(admin.get("/brands"))]


def test_killed_while_a_brand_is_erased(server):
    """001-brands 3.6: out of sight at once, also after kill -9; the next start goes on; the id is free at the end."""
    one, brand = filled(server, conversations=40000, products=20000, documents=3000)
    admin = one.client(one.token)
    assert len(ok(admin.get(f"/brands/{brand}/products", params={"limit": 5}))) > 0
    before = ok(admin.get("/brands/techpro/products"))
    ok(admin.delete(f"/brands/{brand}"))
    gone(one, brand)
    taken = admin.post("/brands", json={"name": "Again", "description": "d", "brand_id": brand})
    assert (taken.status_code, taken.json()["detail"]) == (400, f"Brand with ID '{brand}' already exists")
    eventually(lambda: left(one.data, brand, "conversations") < 30000, 120)
    one.kill()
    assert left(one.data, brand, "conversations") + left(one.data, brand, "products") > 0
    one.restart()
    gone(one, brand)
    chats, client = 0, one.client()
    while left(one.data, brand, "brands"):
        chats += ok(client.post("/chat/techpro", json={"message": "Which laptop?"}))["response"] != ""
    assert chats > 0
    assert {table: left(one.data, brand, table) for table in LEFT} == dict.fromkeys(LEFT, 0)
    assert left(one.data, brand, "audit") > 0
    assert ok(one.client(one.token).get("/brands/techpro/products")) == before
    made = one.client(one.token).post("/brands", json={"name": "Again", "description": "d", "brand_id": brand})
    assert made.status_code in (200, 201), made.text
    assert ok(one.client().get(f"/brands/{brand}/products")) == []


def test_a_stop_while_a_brand_is_erased(server):
    """The server does not wait for its end, and goes on at the next start without a failed try."""
    one, brand = filled(server, conversations=40000)
    ok(one.client(one.token).delete(f"/brands/{brand}"))
    eventually(lambda: left(one.data, brand, "conversations") < 39000, 120)
    one.stop()
    assert rows(one.data, "SELECT attempts, state FROM jobs WHERE kind = 'brand.erase'") == [(0, "waiting")]
    one.restart()
    eventually(lambda: not left(one.data, brand, "brands"), 120)
    assert {table: left(one.data, brand, table) for table in LEFT} == dict.fromkeys(LEFT, 0)
