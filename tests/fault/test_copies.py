# SPDX-License-Identifier: Apache-2.0
"""Backups and exports where something goes wrong: a disk that fills, copies of other versions of the program."""
import contextlib
import pathlib
import sqlite3

import pytest

from fault.test_disk import small_disk  # noqa: F401
from harness.program import ROOT
from harness.sealed import archive

OLD = 5  # the number of the migration that the old copy ends with
APPLICATION_ID = 1347570777


def product(n):
    return {"id": f"p{n}", "name": f"Reel {n}", "description": "x" * 1500, "category": "Reels", "price": n,
            "features": ["strong"], "specifications": {}}


@pytest.mark.parametrize("command", ["backup", "export"])
@pytest.mark.parametrize("room", [0, 40, 90, 140])
def test_the_disk_fills(server, parley, small_disk, command, room):  # noqa: F811
    """Wherever it is full: exit 1, one line, nothing left; with room it works."""
    one = server()
    brand = one.brand()
    with one.client(one.token) as client:
        for part in range(2):
            rows = [product(n) for n in range(part * 100, part * 100 + 100)]
            assert client.post(f"/brands/{brand}/products/bulk", json=rows).json()["success_count"] == 100
        noise = "".join(pathlib.Path("/dev/urandom").open("rb").read(300000).hex())
        reply = client.post("/api/v1/documents", params={"brandId": brand}, data={"documentType": "general"},
                            files={"file": ("noise.txt", noise.encode())})
        assert reply.status_code == 201, reply.text
    words = [command, *(["--brand", brand] if command == "export" else []), small_disk / "out", "--data", one.data]
    fill_but(small_disk, room * 1024)
    done = parley(*words)
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert [path.name for path in small_disk.iterdir()] == ["ballast"]
    (small_disk / "ballast").unlink()
    assert parley(*words).returncode == 0 and [path.name for path in small_disk.iterdir()] == ["out"]


def fill_but(place, room):
    """Takes every byte of the file system but so many."""
    with open(place / "ballast", "wb", buffering=0) as ballast:
        with contextlib.suppress(OSError):
            while True:
                ballast.write(b"\0" * 4096)
    with open(place / "ballast", "r+b") as ballast:
        ballast.truncate((place / "ballast").stat().st_size - room)


def old_database(path):
    """A store as a program made it that knew only the first migrations."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA application_id={APPLICATION_ID}")
        database.execute("CREATE TABLE schema_migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, "
                         "applied_at BIGINT NOT NULL)")
        for number in range(1, OLD + 1):
            files = sorted((ROOT / "migrations").glob(f"{number:04}_*.sql"))
            file = next((f for f in files if f.name.endswith(".sqlite.sql")), files[0])
            database.executescript(file.read_text(encoding="utf-8"))
            database.execute("INSERT INTO schema_migrations VALUES (?, ?, 0)", (number, file.name.split(".")[0]))
        database.execute("INSERT INTO brands (id, fold_id, name, description, created_at, chat_settings) "
                         "VALUES ('old', 'old', 'Old', 'd', 1, '{\"public_access\":true}')")
        database.execute("INSERT INTO brand_totals (brand_id, products, last_position) VALUES ('old', 1, 1)")
        database.execute("INSERT INTO chatbots (brand_id, id, slug, name, status, is_default, system_prompt, "
                         "welcome_message, created_at, updated_at) VALUES ('old', 'c', 'old', 'Old', 'active', 1, 'p', "
                         "'w', 1, 1)")
        database.execute("INSERT INTO products (brand_id, id, position, document_id, name, description, category, "
                         "category_fold, price, features, specifications, availability, created_at) VALUES ('old', "
                         "'lamp', 1, 'd1', 'Lamp', 'Bright', 'Lamps', 'lamps', 90000, '[]', '{}', 1, 1)")
        database.commit()
    return pathlib.Path(path).read_bytes()


def test_restore_of_an_older_version(server, parley, tmp_path):
    """The next start migrates it forward, and what was in it is there."""
    entries = [("parley.db", old_database(tmp_path / "old.db")), ("secret.key", b"k" * 32)]
    (tmp_path / "copy").write_bytes(archive("parley-backup", entries))
    done = parley("restore", tmp_path / "copy", "--data", tmp_path / "data")
    assert done.returncode == 0, done.stderr
    one = server(data=tmp_path / "data")
    with one.client() as client:
        (lamp,) = client.get("/brands/old/products").json()
        assert (lamp["name"], lamp["price"]) == ("Lamp", 9)
        assert client.post("/chat/old", json={"message": "How much is the lamp?"}).status_code == 200
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "parley.db")) as database:
        newest = int(sorted((ROOT / "migrations").glob("*.sql"))[-1].name[:4])
        assert database.execute("SELECT MAX(number) FROM schema_migrations").fetchone()[0] == newest > OLD


def test_restore_of_a_newer_version(server, parley, tmp_path):
    """Refused before anything is written."""
    one = server()
    one.stop()
    with contextlib.closing(sqlite3.connect(one.data / "parley.db")) as database:
        database.execute("INSERT INTO schema_migrations VALUES (9000, 'later', 0)")
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (tmp_path / "copy").write_bytes(archive("parley-backup", [
        ("parley.db", (one.data / "parley.db").read_bytes()), ("secret.key", b"k" * 32)]))
    done = parley("restore", tmp_path / "copy", "--data", tmp_path / "data")
    assert done.returncode == 1 and "newer" in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "data").exists()
    done = parley("export", "--brand", "techpro", tmp_path / "f", "--data", one.data)
    assert done.returncode != 0 and not (tmp_path / "f").exists()
