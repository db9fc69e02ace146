# SPDX-License-Identifier: Apache-2.0
"""Imports of many rows come in small transactions, and are all or nothing all the same (001-brands 16)."""

import contextlib
import json
import pathlib
import signal
import sqlite3
import subprocess

import pytest

from api.helpers import eventually, ok
from harness import filled, find_binary, run
from harness.program import child_environment

PACKED = pathlib.Path(__file__).parent.parent / "import" / "chroma" / "1.0.20.sqlite3.gz"
# What tells of a run, or is there for each process.
PASSING = {"audit", "audit_heads", "activities", "sign_ins", "refresh_tokens", "users", "heartbeats", "jobs", "facts",
           "text_vectors", "vectors", "vector_indexes", "schema_migrations"}


def rows(data, sql, *arguments):
    with contextlib.closing(sqlite3.connect(f"file:{data / 'parley.db'}?mode=ro", uri=True, timeout=30)) as db:
        return db.execute(sql, arguments).fetchall()


def count(data, table, brand):
    return rows(data, f"SELECT COUNT(*) FROM {table} WHERE brand_id = ?", brand)[0][0]


def everything(data):
    tables = [name for name, in rows(data, "SELECT name FROM sqlite_schema WHERE type = 'table'")]
    return {name: sorted(map(repr, rows(data, f"SELECT * FROM {name}"))) for name in tables if name not in PASSING}


def words(data, *arguments):
    return [find_binary("parley", "PARLEY_BIN"), "import", "--json", "--data", data, *arguments]


def start(data, *arguments):
    return subprocess.Popen(words(data, *arguments), env=child_environment(), stdout=subprocess.PIPE, text=True)


def come_in(data, *arguments):
    done = run(words(data, *arguments), timeout=300)
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout.splitlines()[0])


def killed(child, when, number=signal.SIGKILL):
    eventually(when, 120)
    child.send_signal(number)
    child.communicate()
    assert child.returncode < 0, "it was quicker"


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """The file of a brand `birch` with many conversations, products and documents."""
    from harness.server import Server
    one = Server({}).start()
    one.brand(brand_id="birch", name="Birch")
    one.stop()
    filled.fill(one.data, "birch", conversations=8000, products=4000, documents=1500)
    file = tmp_path_factory.mktemp("many") / "birch.export"
    done = run([find_binary("parley", "PARLEY_BIN"), "export", "--brand", "birch", file, "--data", one.data])
    assert done.returncode == 0, done.stderr
    return file


def settled(data):
    return not rows(data, "SELECT 1 FROM imports") and not rows(data, "SELECT 1 FROM import_undo LIMIT 1")


def whole(one, brand):
    """That all of the file is there, and counted."""
    assert [count(one.data, name, brand) for name in ("conversations", "messages", "products", "documents",
                                                      "document_chunks")] == [8000, 32000, 4000, 1500, 15000]
    assert rows(one.data, "SELECT conversations, messages, products, last_position FROM brand_totals WHERE "
                          "brand_id = ?", brand) == [(8000, 32000, 4000, 4000)]
    assert len(ok(one.client(one.token).get(f"/brands/{brand}/products"))) == 4000


def test_a_brand_of_an_export_is_seen_at_the_end(server, many):
    """Beside a server: killed it leaves nothing, not even the id; else all comes at once, and others are answered."""
    one = server({"log.level": "info"})
    before = everything(one.data)
    killed(start(one.data, many), lambda: count(one.data, "conversations", "birch") > 500)
    admin = one.client(one.token)
    assert admin.get("/brands/birch").status_code == 404
    assert "birch" not in [b["id"] for b in ok(admin.get("/brands"))]
    taken = admin.post("/brands", json={"name": "Mine", "description": "d", "brand_id": "birch"})
    assert (taken.status_code, taken.json()["detail"]) == (400, "Brand with ID 'birch' already exists")
    one.stop()
    one.restart()
    eventually(lambda: settled(one.data), 120)
    assert everything(one.data) == before
    child, client, seen = start(one.data, many), one.client(one.token), set()
    while child.poll() is None:
        assert client.post("/chat/techpro", json={"message": "Which laptop?"}).status_code == 200
        reply = client.get("/brands/birch/products")
        seen.add(len(reply.json()) if reply.status_code == 200 else reply.status_code)
    assert json.loads(child.communicate()[0].splitlines()[0])["failed"] == 0
    assert seen <= {404, 4000}
    whole(one, "birch")
    assert settled(one.data)


def test_again_after_it_was_killed(tmp_path, many):
    """Without a server: the next import begins with what the last one left."""
    data = tmp_path / "data"
    assert run([find_binary("parley", "PARLEY_BIN"), "user", "list", "--data", data]).returncode == 0
    killed(start(data, many), lambda: count(data, "messages", "birch") > 2000)
    assert not settled(data)
    assert come_in(data, many)["failed"] == 0
    assert settled(data) and count(data, "messages", "birch") == 32000


@pytest.mark.parametrize("rule", ["skip", "update"])
def test_rows_into_a_brand_that_is_there_are_taken_back(server, many, rule):
    """What was changed is as before, what was added is gone; the next start does it."""
    one = server({"log.level": "info"})
    come_in(one.data, many)
    one.stop()
    with contextlib.closing(sqlite3.connect(one.data / "parley.db")) as db, db:
        db.execute("UPDATE conversations SET user_label = 'Mine' WHERE brand_id = 'birch' AND rowid % 2 = 0")
        db.execute("UPDATE messages SET content = 'Mine' WHERE brand_id = 'birch' AND seq = 2")
        db.execute("INSERT INTO messages (brand_id, conversation_id, seq, id, role, content, status, created_at) "
                   "SELECT brand_id, id, 5, 'm' || id, 'user', 'later', 'complete', 1 FROM conversations WHERE "
                   "brand_id = 'birch'")
        db.execute("DELETE FROM messages WHERE brand_id = 'birch' AND seq = 3")
        db.execute("UPDATE products SET name = 'Mine' WHERE brand_id = 'birch' AND position % 3 = 0")
        for table, ids, place in (("products", "document_id", "product"), ("documents", "id", "document")):
            db.execute(f"DELETE FROM places WHERE kind = '{place}' AND name IN (SELECT {ids} FROM {table} WHERE "
                       "brand_id = 'birch' AND rowid % 5 = 0)")
            db.execute(f"DELETE FROM {table} WHERE brand_id = 'birch' AND rowid % 5 = 0")
        db.execute("DELETE FROM document_chunks WHERE document_id NOT IN (SELECT id FROM documents)")
        db.execute("UPDATE brand_totals SET (products, last_position) = (SELECT COUNT(*), MAX(position) FROM products "
                   "WHERE brand_id = 'birch') WHERE brand_id = 'birch'")
    before = everything(one.data)
    killed(start(one.data, "--on-conflict", rule, many),
           lambda: count(one.data, "import_undo", "birch") > (9000 if rule == "update" else 900))
    assert {name for name, found in everything(one.data).items() if found != before[name]} > {"products", "documents"}
    one.restart()
    eventually(lambda: settled(one.data), 120)
    now = everything(one.data)
    for name, found in before.items():
        assert now[name] == found, name
    report = come_in(one.data, "--on-conflict", "update", many)
    assert report["added"] > 0 and report["updated"] > 4000 and settled(one.data)


@pytest.mark.parametrize("brand", ["techpro", "birch"])
def test_documents_of_a_chroma_folder(server, tmp_path, brand):
    """Killed: a brand that was there has none of them, one that was to be made is not there. Else all, once."""
    one = server({"log.level": "info"})
    name = "manual" if brand == "techpro" else f"products_{brand}"
    folder = filled.chroma(PACKED, tmp_path / "chroma", 4000, name)
    options = ("--brand", "techpro", "--collection", name, "--as", "documents", folder)
    before = everything(one.data)
    killed(start(one.data, *options), lambda: count(one.data, "documents", brand) > 1000)
    assert one.client(one.token).get("/brands/birch").status_code == 404
    one.stop()
    one.restart()
    eventually(lambda: settled(one.data), 120)
    now = everything(one.data)
    for table, found in before.items():
        assert now[table] == found, table
    child, client = start(one.data, *options), one.client()
    while child.poll() is None:
        assert client.post("/chat/techpro", json={"message": "Which laptop?"}).status_code == 200
    assert json.loads(child.communicate()[0].splitlines()[0])["added"] == 4000
    assert count(one.data, "documents", brand) >= 4000 and settled(one.data)
    assert one.client(one.token).get(f"/brands/{brand}").status_code == 200
    ask = {"message": "What is on the page of the manual with the number 1234?"}
    eventually(lambda: "1234" in ok(one.client().post(f"/chat/{brand}", json=ask))["response"], 60)
    other = filled.chroma(PACKED, tmp_path / "other", 4000, name, "Another page of the manual, number ")
    before = everything(one.data)
    options = ("--on-conflict", "update", *options[:-1], other)
    killed(start(one.data, *options), lambda: count(one.data, "import_undo", brand) > 1000)
    one.kill()
    one.restart()
    eventually(lambda: settled(one.data), 120)
    now = everything(one.data)
    for table in before:
        assert now[table] == before[table], table


def test_the_brand_is_deleted_meanwhile(server, tmp_path):
    """The import ends with that, and nothing of it is left."""
    one = server()
    brand = one.brand()
    folder = filled.chroma(PACKED, tmp_path / "chroma", 20000)
    child = start(one.data, "--brand", brand, "--collection", "manual", folder)
    eventually(lambda: count(one.data, "documents", brand) > 500, 120)
    ok(one.client(one.token).delete(f"/brands/{brand}"))
    out, _ = child.communicate()
    assert child.returncode == 1 and "deleted meanwhile" in json.loads(out.splitlines()[0])["error"]
    eventually(lambda: settled(one.data) and not rows(one.data, "SELECT 1 FROM brands WHERE id = ?", brand), 120)
    assert [count(one.data, name, brand) for name in ("documents", "document_chunks", "places", "jobs")] == [0] * 4


def test_two_at_once_come_one_after_the_other(server, tmp_path, many):
    one = server()
    folder = filled.chroma(PACKED, tmp_path / "chroma", 3000)
    first = start(one.data, many)
    eventually(lambda: count(one.data, "messages", "birch") > 500, 120)
    assert come_in(one.data, "--brand", "techpro", "--collection", "manual", folder)["added"] == 3000
    assert first.poll() == 0
    first.communicate()
    whole(one, "birch")
