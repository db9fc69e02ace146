# SPDX-License-Identifier: Apache-2.0
"""`parley export` and the import of its files (program.md 1, 001-brands 16)."""
import contextlib
import json
import pathlib
import random
import signal
import sqlite3
import subprocess

import pytest

from api.fixtures import running
from api.helpers import ok, product, talkers
from api.test_documents import Desk
from harness import find_binary, run
from harness.program import child_environment
from harness.sealed import archive, parts

FORMAT = "parley-export"
WEBHOOK_URL = "https://hooks.fern.example/parley"


def rows(data, sql, *arguments):
    with contextlib.closing(sqlite3.connect(pathlib.Path(data) / "parley.db", timeout=20)) as database:
        return database.execute(sql, arguments).fetchall()


def done(reply):
    assert reply.status_code in (200, 201), reply.text
    return reply.json()["data"]


class Shop:
    """A brand with something in every table that an export takes; `secrets` must never be in its file."""

    def __init__(self, site):
        self.desk = Desk(site)
        self.site, self.brand, admin = site, self.desk.brand, self.desk.admin
        self.brand.configure(system_prompt="You sell \u6c34 pumps.", company_info={"founded": "1987"})
        self.brand.add(*(product(f"p-{n}", price=n + 0.25) for n in range(5)))
        bot = done(admin.post("/api/v1/chatbots", json={"name": "Second", "systemPrompt": "Be brief."}))
        self.bot = f"/api/v1/chatbots/{bot['id']}"
        assert admin.put(f"{self.bot}/prompt", json={"prompt": "Be very brief."}).status_code < 300
        done(admin.post(f"{self.bot}/personalities", json={"name": "Guide"}))
        base = done(admin.post(f"{self.bot}/knowledge-bases", json={"name": "Care"}))
        item = {"title": "How is it stored?", "content": "Dry.", "tags": ["care", "dry"]}
        done(admin.post(f"/api/v1/knowledge-bases/{base['id']}/items", json=item))
        filters = {"knowledgeSourceFilters": {"knowledgeBaseIds": [base["id"]]}}
        assert admin.put(self.bot, json=filters).status_code == 200
        self.document = self.desk.upload(documentType="inci", productId=self.desk.product["id"])
        self.desk.settled(self.document)
        gone = self.desk.upload("gone.md", "# Gone\n\nDeleted.")
        self.desk.settled(gone)
        assert admin.delete(f"/api/v1/documents/{gone['id']}").status_code == 200
        self.brand.say("How is it stored?", conversation_id="c-1")
        turn = admin.post(f"{self.bot}/conversation", json={"message": "How is it stored?"}).json()
        rating = {"conversationId": turn["conversationId"], "messageId": turn["data"]["messageId"],
                  "rating": "positive"}
        assert admin.post(f"{self.bot}/response-rating", json=rating).status_code < 300
        hook = done(admin.post("/api/v1/webhooks", json={"url": WEBHOOK_URL, "events": ["message.sent"],
                                                         "headers": {"X-Key": "header-secret-1"}}))
        key = done(admin.post(f"{self.bot}/regenerate-token", json={}))
        budget = site.admin.put(f"/api/v1/brands/{self.brand.id}/budget", json={"monthlyTokens": 1000})
        assert budget.status_code == 200
        publishable = [row[0] for row in self.rows("SELECT publishable_key FROM chatbots WHERE brand_id = ?")]
        hashes = [row[0] for row in self.rows("SELECT hash FROM api_keys WHERE brand_id = ?")]
        sealed = [row[0] for row in self.rows("SELECT secret FROM webhooks WHERE brand_id = ?")]
        self.secrets = [hook["secret"], hook["secret"][6:], *sealed, "header-secret-1", *publishable, *hashes,
                        next(v for v in json.dumps(key).split('"') if v.startswith(("ck_", "cb_", "sk_")))]

    def rows(self, sql):
        return rows(self.site.server.data, sql, self.brand.id)

    def export(self, file, expect=0):
        return export(self.site.server.data, self.brand.id, file, expect)


def export(data, brand, file, expect=0):
    result = run([find_binary("parley", "PARLEY_BIN"), "export", "--brand", brand, file, "--data", data])
    assert result.returncode == expect, result.stderr
    return result


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with running() as site:
        made = Shop(site)
        made.file = tmp_path_factory.mktemp("made") / "shop.export"
        made.export(made.file)
        yield made


def come_in(parley, file, data, *options, code=0):
    """Imports; the report of the source."""
    result = parley("import", file, "--data", data, "--json", *options)
    assert result.returncode == code, result.stderr + result.stdout
    return json.loads(result.stdout.splitlines()[0])


def counts(report):
    return tuple(report[name] for name in ("added", "updated", "skipped", "failed"))


def head(file):
    return json.loads(parts(file)["export.json"])


def taken(data, brand, file, without=()):
    """Table → its rows as the file's columns say, but for those that name users or what is made anew."""
    found = {}
    for table in head(file)["tables"]:
        columns = [c for c in table["columns"] if c not in ("created_by", "uploaded_by", "begun_by", *without)]
        key = "id" if table["name"] == "brands" else "brand_id"
        found[table["name"]] = sorted(map(repr, rows(
            data, f"SELECT {', '.join(columns)} FROM {table['name']} WHERE {key} = ?", brand)))
    return found


def all_rows(data):
    """Everything in every table."""
    tables = [name for name, in rows(data, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
    return {name: rows(data, f"SELECT * FROM {name}") for name in tables}


def test_every_table_and_column_has_its_place(shop):
    """A tenant's table or column that nobody thought of is found here: a row in store/tenant_tables.c wants it."""
    about, data = head(shop.file), shop.site.server.data
    inside = {table["name"]: set(table["columns"]) for table in about["tables"]}
    outside = {row["table"] for row in about["leftOut"] if "column" not in row}
    dropped = {(row["table"], row["column"]) for row in about["leftOut"] if "column" in row}
    assert all(row["reason"] for row in about["leftOut"]) and not outside & set(inside)
    for table, in rows(data, "SELECT name FROM sqlite_schema WHERE type = 'table'"):
        columns = {row[1] for row in rows(data, f"PRAGMA table_info({table})")}
        if "brand_id" not in columns and table != "brands":
            continue
        assert table in outside or table in inside, f"{table} is neither exported nor left out"
        if table in inside:
            left = {name for of, name in dropped if of == table}
            brand = {"id"} if table == "brands" else {"brand_id"}
            assert columns == inside[table] | left | brand and not inside[table] & left, table
    assert len(inside) > 10 and not outside - {name for name, in rows(data, "SELECT name FROM sqlite_schema")}


def test_round_trip_table_by_table(shop, parley, tmp_path):
    """Every table as it was; what is deleted for a while stays out; a second import adds nothing."""
    there = tmp_path / "there"
    report = come_in(parley, shop.file, there)
    assert report["format"] == "export" and report["added"] > 30 and counts(report)[1:] == (0, 0, 0)
    before, after = (taken(data, shop.brand.id, shop.file) for data in (shop.site.server.data, there))
    before["documents"] = [row for row in before["documents"] if "gone.md" not in row]
    before["document_chunks"] = [row for row in before["document_chunks"] if gone(shop) not in row]
    assert all(before.values()), [name for name, found in before.items() if not found]
    for name, found in before.items():
        assert found == after[name], name
    for sql in ("SELECT name, product_count FROM suppliers WHERE brand_id = ?",
                "SELECT inci_name, document_count FROM ingredients WHERE brand_id = ?",
                "SELECT name, item_count FROM knowledge_bases WHERE brand_id = ?",
                "SELECT conversations, messages, products FROM brand_totals WHERE brand_id = ?"):
        assert rows(there, sql, shop.brand.id) == shop.rows(sql), sql
    again = all_rows(there)
    report = come_in(parley, shop.file, there)
    assert counts(report)[:2] == (0, 0) and report["skipped"] > 30
    report = come_in(parley, shop.file, there, "--on-conflict", "update")
    assert counts(report)[:2] == (0, 0)
    now = all_rows(there)
    for name in set(now) - {"audit", "audit_heads", "users", "facts", "jobs", "heartbeats"}:
        assert sorted(map(repr, now[name])) == sorted(map(repr, again[name])), name


def test_it_lives_there(shop, parley, tmp_path):
    """The other server answers from it, finds the document, serves its file; webhooks wait for a new secret."""
    there = tmp_path / "there"
    come_in(parley, shop.file, there)
    with running(data=there) as site:
        brand = shop.brand.id
        assert ok(site.anon.get(f"/brands/{brand}/products")) == ok(shop.site.anon.get(f"/brands/{brand}/products"))
        assert site.server.history(brand, "c-1") == shop.site.server.history(brand, "c-1")
        admin = site.client(site.server.token, X_Brand_Id=brand)
        sent = admin.get(f"/api/v1/documents/{shop.document['id']}/content")
        assert sent.status_code == 200 and sent.content == shop.desk.admin.get(
            f"/api/v1/documents/{shop.document['id']}/content").content
        assert "stable between pH 5 and 7" in ok(site.anon.post(f"/chat/{brand}", json={
            "message": "Is niacinamide stable between which pH?"}))["response"]
        hook = rows(there, "SELECT active, disabled_reason, LENGTH(secret) > 40, headers FROM webhooks "
                           "WHERE brand_id = ?", brand)
        assert hook == [(0, "imported", 1, "{}")]
        keys = rows(there, "SELECT publishable_key FROM chatbots WHERE brand_id = ?", brand)
        assert len(keys) == 2 and all(key.startswith("pk_") for key, in keys)


def test_no_secret_leaves(shop):
    """Keys, their hashes and webhooks' secrets are nowhere in the file."""
    assert len(shop.secrets) >= 8 and all(len(secret) > 8 for secret in shop.secrets)
    for name, body in parts(shop.file).items():
        for secret in shop.secrets:
            assert secret.encode() not in body, (name, secret)


def test_under_another_name_beside_itself(shop, parley, tmp_path):
    """Taken ids become others, always the same ones, in JSON too; the first brand is left as it is."""
    there, brand = tmp_path / "there", shop.brand.id
    come_in(parley, shop.file, there)
    before = taken(there, brand, shop.file)
    report = come_in(parley, shop.file, there, "--brand", "Twin Shop")
    assert report["updated"] == report["skipped"] == 0 and taken(there, brand, shop.file) == before
    assert counts(come_in(parley, shop.file, there, "--brand", "twin_shop"))[:2] == (0, 0)
    found = taken(there, "twin_shop", shop.file)
    for name, kept in before.items():
        assert len(found[name]) == len(kept), name
    for table, column, other in (
            ("documents", "base_id", "knowledge_bases"), ("documents", "product_id", "ingredients"),
            ("messages", "conversation_id", "conversations"), ("feedback", "message_id", "messages"),
            ("prompt_versions", "chatbot_id", "chatbots"), ("document_chunks", "document_id", "documents")):
        lost = rows(there, f"SELECT COUNT(*), SUM({column} IN (SELECT id FROM {other} WHERE brand_id = 'twin_shop')) "
                           f"FROM {table} WHERE brand_id = 'twin_shop' AND {column} IS NOT NULL")
        assert lost[0][0] == lost[0][1] > 0, (table, column)
    (filters,) = (json.loads(text) for text, in rows(
        there, "SELECT knowledge_filters FROM chatbots WHERE brand_id = 'twin_shop' AND knowledge_filters <> '{}'"))
    assert filters["knowledgeBaseIds"] == [id for id, in rows(
        there, "SELECT id FROM knowledge_bases WHERE brand_id = 'twin_shop'")]


def test_conflicts(shop, parley, tmp_path):
    """skip leaves what is there, update makes it as in the file, error writes nothing."""
    there, brand = tmp_path / "there", shop.brand.id
    come_in(parley, shop.file, there)
    with contextlib.closing(sqlite3.connect(there / "parley.db")) as database, database:
        database.execute("UPDATE products SET name = 'Mine' WHERE id = 'p-1' AND brand_id = ?", (brand,))
        database.execute("DELETE FROM products WHERE id = 'p-2' AND brand_id = ?", (brand,))
        database.execute("DELETE FROM places WHERE name NOT IN (SELECT document_id FROM products) AND kind = 'product' "
                         "AND brand_id = ? AND name NOT IN (SELECT id FROM ingredients)", (brand,))
        conversation = database.execute("UPDATE conversations SET message_count = 9 WHERE brand_id = ? RETURNING id",
                                        (brand,)).fetchall()
        database.execute("INSERT INTO messages (brand_id, conversation_id, seq, id, role, content, status, created_at) "
                         "VALUES (?, ?, 77, 'x', 'user', 'later', 'complete', 0)", (brand, conversation[0][0]))
        database.execute("UPDATE brand_totals SET messages = messages + 1 WHERE brand_id = ?", (brand,))
    changed = taken(there, brand, shop.file)
    result = parley("import", shop.file, "--data", there, "--on-conflict", "error")
    assert result.returncode == 2 and "there already" in result.stderr and taken(there, brand, shop.file) == changed
    assert counts(come_in(parley, shop.file, there))[:2] == (1, 0)
    assert rows(there, "SELECT name FROM products WHERE id = 'p-1'") == [("Mine",)]
    report = come_in(parley, shop.file, there, "--on-conflict", "update")
    assert report["updated"] == 1 + len(conversation)
    want = taken(shop.site.server.data, brand, shop.file, ["position"])  # p-2 comes behind the others
    for name, found in taken(there, brand, shop.file, ["position"]).items():
        assert found == [row for row in want[name] if name[:8] != "document" or gone(shop) not in row], name


def gone(shop):
    return shop.rows("SELECT id FROM documents WHERE brand_id = ? AND deleted_at IS NOT NULL")[0][0]


def test_into_a_fresh_installation(parley, tmp_path):
    """A brand that is as the installation made it gives way: configuration, default chatbot, sample products."""
    with running() as site:
        reply = site.admin.put("/brands/techpro/config", json={"welcome_message": "Mine now"})
        assert reply.status_code == 200
        ok(site.admin.post("/brands/techpro/products", json=product("own-1")))
        export(site.server.data, "techpro", tmp_path / "f")
        want = taken(site.server.data, "techpro", tmp_path / "f", ["id", "chatbot_id", "sample"])
    there = tmp_path / "there"
    with running(data=there):
        pass  # with its own sample brand
    come_in(parley, tmp_path / "f", there)
    found = taken(there, "techpro", tmp_path / "f", ["id", "chatbot_id", "sample"])
    for name in ("brands", "chatbots", "prompt_versions", "products"):
        assert found[name] == want[name], name
    assert rows(there, "SELECT COUNT(*) FROM chatbots WHERE brand_id = 'techpro' AND is_default = 1") == [(1,)]
    assert counts(come_in(parley, tmp_path / "f", there))[:2] == (0, 0)


def test_damage_is_refused_whole(shop, parley, tmp_path):
    """A flipped bit anywhere, an end cut off anywhere: exit 2, nothing written."""
    whole, bad, chance = shop.file.read_bytes(), tmp_path / "bad", random.Random(7)
    there = tmp_path / "there"
    with running(data=there):
        pass
    before = all_rows(there)
    for at in [9, len(whole) - 20, *(chance.randrange(len(whole) - 100) for _ in range(8))]:
        bad.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << chance.randrange(8)]) + whole[at + 1:])
        result = parley("import", bad, "--data", there, "--format", "export")
        assert result.returncode == 2 and "export" in result.stderr, result.stderr
    for end in [0, 50, len(whole) - 1, *(chance.randrange(len(whole)) for _ in range(4))]:
        bad.write_bytes(whole[:end])
        assert parley("import", bad, "--data", there).returncode == 2
    assert all_rows(there) == before and not (there / "files").exists()


def crafted(shop, change, **options):
    """The shop's file with something else in it, whole by its checksum."""
    entries = [[name, body] for name, body in parts(shop.file).items() if name != "manifest.json"]
    return archive(FORMAT, change(entries), **options)


def swapped(name, old, new):
    def change(entries):
        return [(n, body.replace(old, new) if n == name else body) for n, body in entries]
    return change


def test_foreign_files_are_refused(shop, parley, tmp_path):
    """Whole by their checksum, but not of our form: refused with their reason, nothing written, nothing outside."""
    there, bad = tmp_path / "there", tmp_path / "bad"
    first = "rows/000001.jsonl"
    cases = [
        (swapped(first, b'"table":"products"', b'"table":"users"'), {}, "form"),
        (swapped(first, b'"price":', b'"prize":'), {}, "form"),
        (swapped(first, b'"is_active":1', b'"is_active":"1"'), {}, "form"),
        (swapped(first, b'"seq":1,', b'"seq":null,'), {}, "form"),
        (swapped("export.json", b'"migration":', b'"migration":9'), {}, "newer"),
        (swapped("export.json", b'"welcome_message"', b'"welcome_massage"'), {}, "does not know"),
        (swapped("export.json", b'"publishable_key"', b'"tags"'), {}, None),
        (lambda entries: entries[1:], {}, "head"),
        (lambda entries: entries + [("../escaped", b"x")], {}, "not ours"),
        (lambda entries: entries + [("files/documents/../../../escaped", b"x")], {}, "no such file"),
        (lambda entries: entries, {"manifest": False}, "cannot be unpacked"),
        (lambda entries: entries, {"version": 2}, "format 2"),
    ]
    with running(data=there):
        pass
    before = all_rows(there)
    for change, options, word in cases:
        if word is None:
            continue
        bad.write_bytes(crafted(shop, change, **options))
        result = parley("import", bad, "--data", there)
        assert result.returncode in (1, 2) and word in result.stderr, (word, result.stderr)
    assert {k: v for k, v in all_rows(there).items()} == before
    assert not list(tmp_path.rglob("escaped"))


def test_one_moment_of_a_running_server(server, parley, tmp_path):
    """While clients talk: what was acknowledged before is in it, and no conversation is in it by halves."""
    one = server()
    brand = one.brand(products=[product("p")])
    with talkers(one, brand, 3, lambda n, _: f"c{n}") as acknowledged:
        before = {n: len(texts) for n, texts in acknowledged.items()}
        export(one.data, brand, tmp_path / "f")
    lines = [json.loads(line) for name, body in sorted(parts(tmp_path / "f").items()) if name.startswith("rows/")
             for line in body.splitlines()]
    found = {}
    for line in lines:
        row = line["row"]
        if line["table"] == "conversations":
            found[row["id"]] = (row["session_id"], row["message_count"], [])
        if line["table"] == "messages":
            found[row["conversation_id"]][2].append(row)
    assert len(found) == len(before)
    for session, count, messages in found.values():
        assert count == len(messages) and [m["seq"] for m in messages] == list(range(1, count + 1))
        asked = [m["content"] for m in messages if m["role"] == "user"]
        n = int(session[-1])
        assert len(asked) >= before[n] and asked == acknowledged[n][:len(asked)]
    come_in(parley, tmp_path / "f", tmp_path / "there")
    assert rows(tmp_path / "there", "SELECT COUNT(*) FROM messages WHERE status = 'running'") == [(0,)]


def test_beside_a_running_server(shop, parley, server):
    """A running server shows the imported brand without a restart."""
    one = server()
    come_in(parley, shop.file, one.data)
    with one.client() as client:
        assert len(ok(client.get(f"/brands/{shop.brand.id}/products"))) == 5


def test_words_and_places(shop, parley, tmp_path):
    data = shop.site.server.data
    for words in (["f"], ["--brand", "x"], ["--brand", "x", "f", "g"], ["--brand", "", "f"]):
        assert parley("export", *words, cwd=tmp_path).returncode == 2
    result = export(data, "nobody-there", tmp_path / "f", 2)
    assert "no brand" in result.stderr and not list(tmp_path.iterdir())
    (tmp_path / "f").write_text("mine")
    assert "already" in export(data, shop.brand.id, tmp_path / "f", 1).stderr
    assert (tmp_path / "f").read_text() == "mine" and [p.name for p in tmp_path.iterdir()] == ["f"]
    export(data, shop.brand.id.upper(), tmp_path / "g")
    assert (tmp_path / "g").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("command", ["backup", "export"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_nothing_behind(shop, tmp_path, command, number):
    """Ended in the middle: no file under the final name, and none beside it."""
    parley, data = find_binary("parley", "PARLEY_BIN"), shop.site.server.data
    words = ["backup"] if command == "backup" else ["export", "--brand", shop.brand.id]
    hit = 0
    for _ in range(6):
        child = subprocess.Popen([parley, *words, tmp_path / "out", "--data", data], stderr=subprocess.PIPE,
                                 stdout=subprocess.PIPE, env=child_environment())
        while child.poll() is None and not list(tmp_path.iterdir()):
            pass
        child.send_signal(number)
        _, text = child.communicate(timeout=60)
        left = sorted(path.name for path in tmp_path.iterdir())
        if child.returncode == 0:
            assert left == ["out"]  # it was quicker
            (tmp_path / "out").unlink()
        else:
            assert child.returncode == 128 + number and left == [], (child.returncode, left, text)
            hit += 1
    assert hit, "never in the middle"
