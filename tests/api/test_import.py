# SPDX-License-Identifier: Apache-2.0
"""`parley import` (001-brands 16): brands_config.json, files of products, Chroma folders, the first start."""

import gzip
import hashlib
import json
import pathlib
import random
import shutil
import sqlite3
import subprocess
import time

import pytest

from api.fixtures import running
from api.helpers import Brand, ids, ok
from harness import find_binary
from harness.program import child_environment

MADE = pathlib.Path(__file__).resolve().parents[1] / "import" / "chroma"
VERSIONS = sorted(path.name.removesuffix(".sqlite3.gz") for path in MADE.glob("*.gz"))
NEWEST = VERSIONS[-1]

CONFIG = {
    "brands": [
        {"id": "techpro", "name": "Tech Pro", "description": "Desks and lamps",
         "created_at": "2024-11-05 08:30:12.250417", "updated_at": "2024-11-06T08:30:12.250417", "is_active": True},
        {"id": "luxury-tech", "name": "Luxury Tech", "description": "Watches",
         "created_at": "2024-11-05 08:30:12.250417", "is_active": True}],
    "configs": [
        {"brand_id": "techpro", "system_prompt": "You sell desks.", "welcome_message": "Good day.",
         "company_info": {"name": "Tech Pro", "founded": "1987", "mission": None},
         "appearance_settings": {"primary_color": "#123456", "logo_url": None}, "updated_at": "2024-11-07 10:00:00"},
        {"brand_id": "luxury-tech", "system_prompt": "You sell watches.", "persona_prompt": "You whisper.",
         "welcome_message": "Ah."}]}


@pytest.fixture
def config(tmp_path):
    def make(content=CONFIG, name="brands_config.json"):
        path = tmp_path / name
        path.write_text(json.dumps(content), encoding="utf-8")
        return path
    return make


@pytest.fixture
def chroma(tmp_path):
    """A folder of that version; `change` is SQL over its database. What has no price is left out unless wanted."""
    def make(version=NEWEST, change="", name="chroma_db", priceless=False):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "chroma.sqlite3").write_bytes(gzip.decompress((MADE / f"{version}.sqlite3.gz").read_bytes()))
        if not priceless:
            change = "DELETE FROM embeddings WHERE embedding_id = 'luxury-tech_no-price';" + change
        with sqlite3.connect(folder / "chroma.sqlite3") as db:
            db.executescript(change)
        db.close()
        return folder
    return make


@pytest.fixture
def load(parley, tmp_path):
    """`load(data, path…)` runs the command and gives (exit code, its JSON lines, standard error)."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()

    def call(data, *arguments):
        done = parley("import", "--json", "--data", data, *arguments, env={"TMPDIR": str(temporary)})
        assert not list(temporary.iterdir())
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr
    return call


def counts(line):
    return [line[name] for name in ("added", "updated", "skipped", "failed")]


def dump(data):
    """Everything in the store, and every file beside it but SQLite's own and the lock, which holds a process id."""
    with sqlite3.connect(f"file:{data / 'parley.db'}?mode=ro", uri=True) as db:
        rows = list(db.iterdump())
    db.close()
    return rows, hashes(data, lambda name: not name.startswith(("parley.db", "parley.lock")))


def hashes(folder, wanted=lambda name: True):
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*") if path.is_file() and wanted(path.name)}


def rows(data, sql):
    with sqlite3.connect(f"file:{data / 'parley.db'}?mode=ro", uri=True) as db:
        found = db.execute(sql).fetchall()
    db.close()
    return found


def eventually(ask, seconds=20):
    """What another process wrote is seen within a second; the rest is for a busy machine."""
    until = time.monotonic() + seconds
    while not ask() and time.monotonic() < until:
        time.sleep(0.05)
    assert ask()


@pytest.fixture
def fresh(load, tmp_path):
    """A fresh store as the command makes it: with sample data."""
    nothing = tmp_path / "nothing.json"
    nothing.write_text('{"brands": [], "configs": []}', encoding="utf-8")
    code, lines, _ = load(tmp_path / "data", nothing)
    assert (code, counts(lines[0])) == (0, [0, 0, 0, 0])
    return tmp_path / "data"


# ---- the whole ------------------------------------------------------------------------------------------------------

def test_a_move_beside_a_running_server(load, config, chroma):
    """001-brands#39."""
    folder = chroma()
    before = hashes(folder)
    with running() as site:
        data = site.server.data
        assert "laptop-001" in ids(ok(site.anon.get("/brands/techpro/products")))
        techpro = Brand(site, "techpro")
        assert "desk-1" not in ids(techpro.search("oak desk"))  # its index is in memory from here on
        code, lines, _ = load(data, config())
        assert (code, lines[0]["format"], counts(lines[0])) == (0, "brands", [2, 0, 0, 0])
        eventually(lambda: site.admin.get("/brands/luxury_tech").status_code == 200)
        assert ok(site.admin.get("/brands/luxury_tech"))["id"] == "luxury-tech"
        for brand, prompt in (("techpro", "You sell desks."), ("luxury-tech", "You sell watches.")):
            eventually(lambda: ok(site.admin.get(f"/brands/{brand}/config"))["system_prompt"] == prompt)
        code, lines, _ = load(data, folder)
        assert (code, lines[0]["format"], counts(lines[0])) == (0, "chroma", [6, 0, 0, 0])
        eventually(lambda: ids(techpro.search("oak desk"))[:1] == ["desk-1"])
        assert sorted(ids(ok(site.anon.get("/brands/techpro/products")))) == ["desk-1", "desk-2", "lamp-1"]
        assert sorted(ids(ok(site.anon.get("/brands/luxury-tech/products")))) == ["watch-1", "watch-2", "watch-3"]
        assert ok(site.anon.post("/chat/techpro", json={"message": "What does the Oak Desk cost?"}))[
            "suggested_products"][0]["id"] == "desk-1"
        for path in (config(), folder):
            code, lines, _ = load(data, path)
            assert (code, lines[0]["added"], lines[0]["updated"]) == (0, 0, 0)
        actors = {entry["actor"] for entry in ok(site.admin.get("/brands/luxury-tech/audit"))["entries"]}
        assert actors == {"import"}
    assert hashes(folder) == before


def test_a_trial_changes_nothing(load, fresh, config, chroma, tmp_path):
    """001-brands#39: --dry-run on a fresh store, and where there is none."""
    before = dump(fresh)
    for path in (config(), chroma()):
        code, lines, _ = load(fresh, "--dry-run", path)
        assert (code, lines[0]["written"]) == (0, False)
        trial = counts(lines[0])
        assert dump(fresh) == before
        code, lines, _ = load(tmp_path / "none", "--dry-run", path)
        assert (code, counts(lines[0])) == (0, trial)
        assert not (tmp_path / "none").exists()
    code, lines, _ = load(fresh, path)
    assert counts(lines[0]) == trial  # it reports the same


def test_samples_give_way(load, fresh, chroma):
    """001-brands#39: what nobody touched goes, what somebody changed stays."""
    assert rows(fresh, "SELECT count(*) FROM products")[0][0] == 24
    with sqlite3.connect(fresh / "parley.db") as db:
        db.execute("UPDATE products SET sample = 0 WHERE id = 'laptop-001'")
    db.close()
    load(fresh, chroma())
    assert sorted(rows(fresh, "SELECT id FROM products WHERE brand_id = 'techpro'")) == [
        ("desk-1",), ("desk-2",), ("lamp-1",), ("laptop-001",)]
    assert rows(fresh, "SELECT count(*) FROM knowledge_bases UNION ALL SELECT count(*) FROM documents") == [(0,), (0,)]


def test_nothing_of_any_source_where_one_cannot_be_read(load, fresh, config, tmp_path):
    before = dump(fresh)
    broken = tmp_path / "broken.json"
    broken.write_text('[{"name": "Lamp", "price": 1}', encoding="utf-8")
    code, lines, err = load(fresh, config(), broken)
    assert (code, [line["written"] for line in lines]) == (2, [False, False])
    assert "not valid JSON" in lines[1]["error"] and "broken.json" in err
    assert dump(fresh) == before


@pytest.mark.parametrize("arguments, said", [
    ([], "name a file"), (["nope.csv"], "No such file"), (["--format", "xml", "."], "no format"),
    (["--as", "pages", "."], "--as"), (["--on-conflict", "ask", "."], "--on-conflict"), (["."], "no format"),
    (["--tz", "Mars/Olympus", "."], "time zone"), (["--collection"], "missing")])
def test_usage(parley, tmp_path, arguments, said):
    done = parley("import", "--data", tmp_path / "data", *arguments, cwd=tmp_path)
    assert done.returncode == 2 and said in done.stderr
    assert not (tmp_path / "data").exists()


# ---- brands_config.json ---------------------------------------------------------------------------------------------

def test_a_configuration_replaces_the_installations_own(load, fresh, config):
    """001-brands#39."""
    load(fresh, config())
    name, created, updated, pristine, info, colours, chat = rows(
        fresh, "SELECT name, created_at, updated_at, pristine, company_info, appearance, chat_settings FROM brands "
               "WHERE id = 'techpro'")[0]
    assert (name, created, updated, pristine) == ("Tech Pro", 1730795412250, 1730973600000, 0)
    assert json.loads(info) == {"name": "Tech Pro", "founded": "1987"}
    assert json.loads(colours) == {"primary_color": "#123456"}
    assert json.loads(chat)["public_access"] is True
    made = rows(fresh, "SELECT b.updated_at, b.persona_prompt, c.welcome_message, c.status FROM brands b JOIN "
                       "chatbots c ON c.brand_id = b.id WHERE b.id = 'luxury-tech'")
    assert made == [(None, "You whisper.", "Ah.", "active")]
    assert rows(fresh, "SELECT count(*) FROM prompt_versions WHERE brand_id = 'techpro'") == [(2,)]


def test_a_configuration_for_a_brand_made_by_its_products(load, fresh, config, chroma):
    """The products came first: the brand counts as absent to its configuration."""
    code, lines, _ = load(fresh, chroma(), config())
    assert (code, [counts(line) for line in lines]) == (0, [[6, 0, 0, 0], [2, 0, 0, 0]])
    assert rows(fresh, "SELECT name FROM brands ORDER BY id") == [("Luxury Tech",), ("Tech Pro",)]


def test_a_value_against_the_rules_costs_only_its_field(load, fresh, config):
    content = json.loads(json.dumps(CONFIG))
    content["brands"][1] |= {"name": "", "created_at": "yesterday"}
    content["configs"][1] |= {"system_prompt": "x" * 10001, "company_info": ["a list"],
                              "appearance_settings": {"primary_color": "red", "logo_url": "/logo.png"}}
    content["configs"] += [{"brand_id": "nobody"}, {"brand_id": "techpro"}, 7]
    content["brands"] += [{"name": "No id"}, {"id": "Luxury_Tech"}]
    code, lines, _ = load(fresh, config(content))
    assert (code, counts(lines[0])) == (1, [2, 0, 0, 10])
    assert [(line["sheet"], line["row"], line.get("field"), line["code"]) for line in lines[1:]] == [
        ("brands", 2, "name", "invalid_name"), ("brands", 2, "created_at", "invalid_created_at"),
        ("brands", 3, "id", "invalid_id"), ("brands", 4, "id", "duplicate_id"),
        ("configs", 2, "system_prompt", "too_long"), ("configs", 2, "company_info", "invalid_company_info"),
        ("configs", 2, "appearance_settings", "invalid_appearance_settings"),
        ("configs", 3, "brand_id", "unknown_brand"), ("configs", 4, "brand_id", "duplicate_id"),
        ("configs", 5, "brand_id", "unknown_brand")]
    prompt, welcome, colours = rows(
        fresh, "SELECT c.system_prompt, c.welcome_message, b.appearance FROM brands b JOIN chatbots c ON c.brand_id = "
               "b.id WHERE b.id = 'luxury-tech'")[0]
    assert prompt.startswith("You are the assistant of Luxury Tech.") and welcome == "Ah."
    assert json.loads(colours) == {"logo_url": "/logo.png", "primary_color": "#007bff"}


def test_ids_are_made_valid(load, fresh, config):
    brands = ["Café Möbel!", "feedback", "ร้านค้า", "two words"]
    content = {"brands": [{"id": id} for id in brands], "configs": []}
    for added in (4, 0):
        code, lines, _ = load(fresh, config(content))
        assert (code, lines[0]["added"]) == (0, added)
    assert "The brand 'Café Möbel!' gets the id 'cafe_mobel'" in lines[0]["notes"]
    made = [id for id, in rows(fresh, "SELECT id FROM brands WHERE id <> 'techpro' ORDER BY id")]
    assert [made[1], made[2], made[3]] == ["cafe_mobel", "feedback_1", "two_words"]
    assert made[0].startswith("brand_") and len(made[0]) == 14


def test_conflicts_of_brands(load, fresh, config):
    load(fresh, config())
    changed = json.loads(json.dumps(CONFIG))
    changed["configs"][1] = {"brand_id": "luxury-tech", "welcome_message": "Welcome."}
    path = config(changed, "changed.json")
    code, lines, _ = load(fresh, "--on-conflict", "error", path)
    assert (code, counts(lines[0]), lines[1]["code"]) == (1, [0, 0, 0, 2], "conflict")
    code, lines, _ = load(fresh, "--on-conflict", "update", path)
    assert (code, counts(lines[0])) == (0, [0, 1, 1, 0])
    assert rows(fresh, "SELECT welcome_message, system_prompt FROM chatbots WHERE brand_id = 'luxury-tech'") == [
        ("Welcome.", "You sell watches.")]
    before = dump(fresh)
    code, lines, _ = load(fresh, "--on-conflict", "update", path)
    assert (code, counts(lines[0])) == (0, [0, 0, 2, 0])
    assert dump(fresh) == before


def test_times_of_a_zone(load, fresh, config):
    load(fresh, "--tz", "Asia/Jakarta", config())
    assert rows(fresh, "SELECT created_at FROM brands WHERE id = 'techpro'") == [(1730795412250 - 7 * 3600000,)]


# ---- products -------------------------------------------------------------------------------------------------------

def test_a_file_of_products(load, fresh, tmp_path):
    """001-brands#33, #34: the same reading as uploads, without their bound on rows."""
    path = tmp_path / "list.csv"
    path.write_text("SKU;Title;Harga\n" + "".join(f"p{n};Lamp {n};Rp 1.000\n" for n in range(10050)) + "x;X;ask us\n",
                    encoding="utf-8")
    code, lines, _ = load(fresh, path)
    assert (code, lines[0]["format"], counts(lines[0])) == (1, "products", [10050, 0, 0, 1])
    assert lines[1] == {"source": str(path), "row": 10051, "line": 10052, "id": "x", "field": "price",
                        "code": "invalid_price", "detail": "Price 'ask us' is not a number"}
    code, lines, _ = load(fresh, "--on-conflict", "update", path)
    assert counts(lines[0]) == [0, 10050, 0, 1]
    code, lines, _ = load(fresh, "--limits.products_per_brand", "10052", "--on-conflict", "error", path)
    assert counts(lines[0]) == [0, 0, 0, 10051]
    code, lines, err = load(fresh, "--brand", "nobody", path)
    assert code == 2 and "there is no brand 'nobody'" in err


def test_the_catalogue_has_a_bound(load, fresh, tmp_path):
    path = tmp_path / "list.json"
    path.write_text(json.dumps([{"id": str(n), "name": "Lamp", "price": n} for n in range(5)]), encoding="utf-8")
    code, lines, _ = load(fresh, "--limits.products_per_brand", "3", path)
    assert (code, counts(lines[0]), lines[1]["code"]) == (1, [3, 0, 0, 2], "catalogue_full")


def test_a_report_for_people(parley, fresh, tmp_path):
    path = tmp_path / "list.json"
    path.write_text('[{"id": "a\\u001b[31m", "name": "A", "price": "no"}]', encoding="utf-8")
    done = parley("import", "--data", fresh, path)
    assert done.returncode == 1 and "\x1b" not in done.stdout
    assert f"{path}: products: added 0, updated 0, skipped 0, failed 1\n" in done.stdout
    assert "failed: row 1" in done.stdout and "invalid_price" in done.stdout


# ---- Chroma ---------------------------------------------------------------------------------------------------------

COLUMNS = "SELECT id, name, category, price, availability, features, specifications, description FROM products "


@pytest.mark.parametrize("version", VERSIONS)
def test_versions(load, fresh, chroma, version):
    """001-brands#39: files of the real library."""
    code, lines, _ = load(fresh, chroma(version, priceless=True))
    assert (code, counts(lines[0])) == (1, [6, 0, 0, 1])
    assert [(line["sheet"], line["id"], line["code"]) for line in lines[1:]] == [
        ("products_luxury-tech", "no-price", "missing_price")]
    assert sorted(note for note in lines[0]["notes"] if "left out" in note) == [
        "Collection 'faq' was not asked for and is left out", "Collection 'notes' was not asked for and is left out"]
    specs = {"Weight": "1.2 kg", "Ports": "3"}
    desk, other, lamp = [list(row) for row in rows(fresh, COLUMNS + "WHERE brand_id = 'techpro' ORDER BY id")]
    assert desk[:5] == ["desk-1", "Oak Desk", "Desks", 3499900, 1] and other[3:5] == [1990000, 0]
    assert (json.loads(desk[5]), json.loads(desk[6]), desk[7]) == (["light", "quiet"], specs, "Oak Desk for every day.")
    assert lamp[1] == "Lampe für Übergrößen โคมไฟ"
    one, two, three = [list(row) for row in rows(fresh, COLUMNS + "WHERE brand_id = 'luxury-tech' ORDER BY id")]
    assert (one[3], json.loads(one[6])) == (129990000, {"Weight": "1.2 kg", "Ports": 3})
    assert two[:5] == ["watch-2", "Plain Watch II", "Watches", 9495000, 0]  # updated; availability by its own key
    assert three[:4] == ["watch-3", "Late Watch", "Watches", 1000]
    assert rows(fresh, "SELECT id, name, description, pristine FROM brands WHERE id <> 'techpro'") == [
        ("luxury-tech", "Luxury Tech", "", 1)]


def imported(load, fresh, folder):
    code, lines, _ = load(fresh, folder)
    assert code == 0, lines
    return sorted(id for id, in rows(fresh, "SELECT id FROM products"))


ALL = ["desk-1", "desk-2", "lamp-1", "watch-1", "watch-2", "watch-3"]


def test_what_is_only_in_the_log(load, fresh, chroma):
    """001-brands#39: the log is read, and stays as it is."""
    folder = chroma()
    path = folder / "chroma.sqlite3"
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA wal_autocheckpoint = 0")
    db.execute("UPDATE embedding_metadata SET string_value = 'Elm Desk' WHERE string_value = 'Oak Desk'")
    db.commit()
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy)
    db.close()
    (copy / "chroma.sqlite3-shm").unlink()
    assert (copy / "chroma.sqlite3-wal").stat().st_size > 0
    before = hashes(copy)
    assert imported(load, fresh, copy) == ALL
    assert rows(fresh, "SELECT name FROM products WHERE id = 'desk-1'") == [("Elm Desk",)]
    assert hashes(copy) == before


@pytest.mark.parametrize("form", ["seq", "X'00000000{:08x}'", "X'{:048x}'"])
def test_what_is_queued_is_applied_in_order(load, fresh, chroma, form):
    topic = "(SELECT 'persistent://default/default/' || id FROM collections WHERE name = 'products')"
    put = "INSERT INTO embeddings_queue (seq_id, operation, topic, id, metadata) VALUES "
    data = json.dumps({"chroma:document": "Product: New\nPrice: $5", "category": "New"}).replace("'", "''")
    queue = [(1, 2, "old", '{"name": "Old", "price": 1}'),  # applied already, and deleted since
             (1001, 3, "desk-1", None), (1002, 0, "new-1", data), (1003, 1, "new-1", '{"price": 6, "category": null}'),
             (1004, 0, "new-1", '{"price": 7}'), (1005, 2, "new-2", '{"name": "N2", "price": 8.25}'),
             (1006, 1, "nobody", '{"name": "X", "price": 1}'), (1007, 0, "short", '{"name": "S", "price": 1}'),
             (1008, 3, "short", None), (1009, 2, "desk-2", '{"name": "Pine Desk II"}')]
    change = "DELETE FROM embeddings_queue;"
    for seq, operation, id, metadata in queue:
        value = "NULL" if metadata is None else f"'{metadata}'"
        change += f"{put} ({seq}, {operation}, {topic}, '{id}', {value});"
    until = "1000" if form == "seq" else form.format(1000)
    change += f"UPDATE max_seq_id SET seq_id = {until};"
    assert imported(load, fresh, chroma(change=change)) == sorted(
        set(ALL) - {"desk-1"} | {"new-1", "new-2"})
    assert rows(fresh, "SELECT name, category, price FROM products WHERE id IN ('desk-2', 'new-1', 'new-2') "
                       "ORDER BY id") == [("Pine Desk II", "Desks", 1990000), ("New", "General", 60000),
                                          ("N2", "General", 82500)]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_whole_queue_gives_what_the_library_made_of_it(load, fresh, chroma, tmp_path, version):
    """The oracle is the library: it applied the same operations to its tables."""
    other = tmp_path / "other"
    shutil.copytree(fresh, other)
    assert load(fresh, chroma(version))[1][0]["added"] == 6
    queued = chroma(version, name="queued", priceless=True, change="DELETE FROM embeddings; DELETE FROM "
                    "embedding_metadata; UPDATE max_seq_id SET seq_id = 0")
    assert counts(load(other, queued)[1][0]) == [6, 0, 0, 1]
    sql = COLUMNS.replace("SELECT", "SELECT brand_id,") + "ORDER BY brand_id, id"
    assert rows(other, sql) == rows(fresh, sql)


@pytest.mark.parametrize("change", [
    "ALTER TABLE embedding_metadata DROP COLUMN bool_value",
    "DROP TABLE embedding_fulltext_search",
    "ALTER TABLE collections DROP COLUMN dimension",
    # Texts only in the copy for searching, in each of its forms.
    "DELETE FROM embedding_metadata WHERE key = 'chroma:document'",
    "DELETE FROM embedding_metadata WHERE key = 'chroma:document'; CREATE TABLE t AS SELECT * FROM "
    "embedding_fulltext_search_content; DROP TABLE embedding_fulltext_search; CREATE TABLE "
    "embedding_fulltext_search_content (id INTEGER PRIMARY KEY, c0); INSERT INTO embedding_fulltext_search_content "
    "SELECT * FROM t",
    "DELETE FROM embedding_metadata WHERE key = 'chroma:document'; CREATE TABLE t AS SELECT * FROM "
    "embedding_fulltext_search_content; DROP TABLE embedding_fulltext_search; CREATE TABLE "
    "embedding_fulltext_search_content (id INTEGER PRIMARY KEY, c0, c1); INSERT INTO embedding_fulltext_search_content "
    "SELECT id + 500, id, c0 FROM t"])
def test_other_schemas(load, fresh, chroma, change):
    assert imported(load, fresh, chroma(change=change)) == ALL
    wanted = "" if change.startswith("DROP") else "Oak Desk for every day."
    if not change.startswith("DROP"):
        assert rows(fresh, "SELECT description FROM products WHERE id = 'desk-1'") == [(wanted,)]


@pytest.mark.parametrize("table", ["collections", "collection_metadata", "segments", "embeddings",
                                   "embedding_metadata", "embeddings_queue", "max_seq_id"])
def test_a_missing_table_or_column_is_named(load, fresh, chroma, table):
    before = dump(fresh)
    code, lines, _ = load(fresh, chroma(change=f"PRAGMA foreign_keys = OFF; DROP TABLE {table};"))
    assert code == 2 and f"the table {table} is missing" in lines[0]["error"]
    change = f"ALTER TABLE {table} RENAME TO t; CREATE VIEW {table} AS SELECT * FROM t;"
    code, lines, _ = load(fresh, chroma(change=change, name="view"))
    assert code == 2 and f"the table {table} is missing" in lines[0]["error"]
    column = {"collections": "name", "segments": "scope"}.get(table)
    if column:
        change = f"PRAGMA legacy_alter_table = ON; ALTER TABLE {table} RENAME COLUMN {column} TO renamed;"
        code, lines, _ = load(fresh, chroma(change=change, name="column"))
        assert code == 2 and f"the column {table}.{column} is missing" in lines[0]["error"]
    assert dump(fresh) == before


def test_a_collection_without_its_segment(load, fresh, chroma):
    folder = chroma(change="DELETE FROM segments WHERE scope = 'METADATA' AND collection = (SELECT id FROM collections "
                           "WHERE name = 'products'); DELETE FROM embeddings_queue")
    code, lines, _ = load(fresh, folder)
    assert (code, lines[0]["added"]) == (0, 3)
    assert any("'products' has no METADATA segment" in note for note in lines[0]["notes"])


def test_collections_that_are_asked_for(load, fresh, chroma):
    folder = chroma()
    code, lines, _ = load(fresh, "--collection", "faq", "--collection", "notes", folder)
    assert (code, counts(lines[0])) == (0, [2, 0, 0, 0])
    found = rows(fresh, "SELECT title, content, type, metadata, chunk_count, status FROM documents "
                        "WHERE type = 'general' ORDER BY title")
    assert [(row[0], row[2], row[4], row[5]) for row in found] == [
        ("Delivery", "general", 1, "completed"), ("repairs.md", "general", 1, "completed")]
    assert "Delivery takes three days." in found[0][1] and "Returns are free." in found[0][1]
    assert json.loads(found[0][3]) == {"rank": 1, "weight": 0.5, "public": True}
    before = dump(fresh)
    code, lines, _ = load(fresh, "--collection", "faq", folder)
    assert (code, counts(lines[0])) == (0, [0, 0, 2, 0])
    assert dump(fresh) == before
    code, lines, _ = load(fresh, "--collection", "faq", "--on-conflict", "error", folder)
    assert (code, counts(lines[0])) == (1, [0, 0, 0, 2])
    code, lines, _ = load(fresh, "--collection", "faq", "--as", "products", folder)
    assert (code, counts(lines[0])) == (1, [0, 0, 0, 2])
    code, lines, err = load(fresh, "--collection", "nope", folder)
    assert code == 2 and "there is no collection 'nope'" in err


def test_documents_answer_in_a_running_server(load, chroma):
    with running() as site:
        assert load(site.server.data, "--collection", "faq", chroma())[0] == 0
        ask = {"message": "Do you repair what you sell?"}
        eventually(lambda: "We repair what we sell." in ok(site.anon.post("/chat/techpro", json=ask))["response"])


def test_a_killed_import_leaves_nothing(fresh, tmp_path):
    """Neither rows nor temporary files, whenever it dies."""
    path, temporary = tmp_path / "list.csv", tmp_path / "temporary"
    temporary.mkdir()
    path.write_text("id,name,price\n" + "".join(f"p{n},Lamp {n},1\n" for n in range(40000)), encoding="utf-8")
    before = dump(fresh)
    for signal in ("kill", "terminate"):
        child = subprocess.Popen([find_binary("parley", "PARLEY_BIN"), "import", "--data", fresh, path],
                                 env=child_environment({"TMPDIR": str(temporary)}), stdout=subprocess.DEVNULL)
        eventually(lambda: any(temporary.iterdir()) or child.poll() is not None)
        getattr(child, signal)()
        assert child.wait(60) < 0
        eventually(lambda: not any(temporary.iterdir()))
        assert dump(fresh) == before


# ---- damage ---------------------------------------------------------------------------------------------------------

def test_a_database_that_was_cut_off(load, fresh, chroma):
    """Never a crash, nothing written."""
    path = chroma() / "chroma.sqlite3"
    whole, before = path.read_bytes(), dump(fresh)
    page = int.from_bytes(whole[16:18], "big")
    dice = random.Random(7)
    for length in [0, 1, 15, 16, 99, 100, page - 1, page, page + 1, len(whole) // 2, len(whole) - page,
                   len(whole) - 1] + [dice.randrange(len(whole)) for _ in range(6)]:
        path.write_bytes(whole[:length])
        code, lines, _ = load(fresh, path.parent)
        assert (code, lines[0]["written"]) == (2, False), length
    assert dump(fresh) == before


def test_flipped_bytes(load, fresh, chroma):
    """A damaged page is an error; a byte of a text may be one that nobody can know of."""
    path = chroma() / "chroma.sqlite3"
    whole, before = path.read_bytes(), dump(fresh)
    page, dice, codes = int.from_bytes(whole[16:18], "big"), random.Random(11), []
    places = [18, 28, 56] + [dice.randrange(len(whole)) for _ in range(12)] + [
        n * page + dice.randrange(12) for n in range(1, len(whole) // page, 4)]
    for place in places:
        spoiled = bytearray(whole)
        spoiled[place] ^= 1 << dice.randrange(8)
        path.write_bytes(spoiled)
        code, lines, _ = load(fresh, "--dry-run", path.parent)
        codes.append(code)
        assert code in (0, 1, 2), (place, code)
    assert codes.count(2) >= 3
    assert dump(fresh) == before


def test_what_is_no_database(load, fresh, tmp_path):
    folder = tmp_path / "chroma_db"
    folder.mkdir()
    (folder / "chroma.sqlite3").write_bytes(b"SQLite format 3\0" + bytes(random.Random(3).randbytes(8176)))
    code, lines, _ = load(fresh, folder)
    assert (code, lines[0]["format"], lines[0]["written"]) == (2, "chroma", False)


# ---- the first start ------------------------------------------------------------------------------------------------

def test_the_first_start(server, config, chroma):
    """001-brands 16: once, configuration first, logged; the alias names the folder too."""
    folder = chroma(priceless=True)
    one = server({"import.brands_file": config(), "log.level": "info"}, env={"CHROMA_PERSIST_DIRECTORY": str(folder)})
    admin = one.client(one.token)
    assert ok(admin.get("/brands/luxury_tech/config"))["system_prompt"] == "You sell watches."
    assert sorted(ids(ok(admin.get("/brands/techpro/products")))) == ["desk-1", "desk-2", "lamp-1"]
    log = "\n".join(one.err)
    assert log.count("import.done") == 2 and "no-price" in log
    ok(admin.delete("/brands/techpro/products/lamp-1"))
    one.stop()
    one.restart()
    assert sorted(ids(ok(one.client().get("/brands/techpro/products")))) == ["desk-1", "desk-2"]


def test_a_first_start_that_cannot_import(server, tmp_path):
    """A failure is logged and does not stop the start."""
    folder = tmp_path / "chroma_db"
    folder.mkdir()
    (folder / "chroma.sqlite3").write_bytes(b"no database")
    (tmp_path / "brands.json").write_text("{", encoding="utf-8")
    one = server({"import.brands_file": tmp_path / "brands.json", "import.chroma_dir": folder})
    assert len(ok(one.client().get("/brands/techpro/products"))) == 24
    assert "\n".join(one.err).count("import.failed") == 2
