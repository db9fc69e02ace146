# SPDX-License-Identifier: Apache-2.0
"""Many products at once: in small transactions, and yet all or nothing for whoever looks (001-brands 12)."""

import json
import sqlite3
import subprocess
import threading

import pytest

from api.helpers import eventually, ok
from harness.program import child_environment, find_binary

MANY = [20000, pytest.param(100000, marks=pytest.mark.release)]
SETTINGS = {"uploads.max_rows": 100000, "uploads.max_bytes": 100 << 20, "uploads.timeout": 600,
            "limits.products_per_brand": 200000}


def table(first, last, name="Lamp"):
    return "id,name,price\n" + "".join(f"p{n},{name} {n},1\n" for n in range(first, last))


def rows(data, sql, *arguments):
    with sqlite3.connect(f"file:{data / 'parley.db'}?mode=ro", uri=True, timeout=30) as db:
        found = db.execute(sql, arguments).fetchall()
    db.close()
    return found


def count(data, name):
    return rows(data, f"SELECT COUNT(*) FROM {name}")[0][0]


class Upload(threading.Thread):
    """One upload in a thread of its own; `reply` is None where the server died under it."""

    def __init__(self, server, brand, content, **query):
        super().__init__(daemon=True)
        self.client = server.client(server.token, timeout=600)
        self.path, self.content, self.query, self.reply = f"/brands/{brand}/upload/products", content, query, None
        self.start()

    def run(self):
        try:
            self.reply = self.client.post(self.path, files={"file": ("list.csv", self.content.encode())},
                                          params=self.query)
        except Exception:  # noqa: BLE001: the server was killed
            pass

    def done(self):
        self.join(600)
        return ok(self.reply)


def listed(server, brand):
    return {p["id"]: p["name"] for p in ok(server.client().get(f"/brands/{brand}/products"))}


def swept(data):
    return not count(data, "stagings") and not count(data, "staged_products")


def orphans(data):
    """Places of products that are not there."""
    return rows(data, "SELECT COUNT(*) FROM places WHERE kind = 'product' AND name NOT IN "
                      "(SELECT document_id FROM visible_products UNION SELECT id FROM ingredients)")[0][0]


@pytest.mark.parametrize("many", MANY)
def test_killed_while_rows_come(server, many):
    """001-brands 12: nothing of it is seen, and the next start removes it."""
    one = server(SETTINGS)
    brand = one.brand()
    upload = Upload(one, brand, table(0, many))
    eventually(lambda: count(one.data, "staged_products") > many // 10, 120)
    one.kill()
    upload.join()
    assert upload.reply is None and rows(one.data, "SELECT state FROM stagings") == [(0,)]
    one.restart()
    assert listed(one, brand) == {}
    eventually(lambda: swept(one.data), 120)
    assert orphans(one.data) == 0
    again = Upload(one, brand, table(0, 1000)).done()
    assert again["products_added"] == 1000 and len(listed(one, brand)) == 1000


@pytest.mark.parametrize("many", MANY)
def test_killed_after_they_were_seen(server, many):
    """Then all of it is there, also while it is moved, and the next start goes on with that."""
    one = server(SETTINGS)
    brand = one.brand()
    assert Upload(one, brand, table(0, 600, "Old")).done()["products_added"] == 600
    upload = Upload(one, brand, table(300, 300 + many))
    eventually(lambda: rows(one.data, "SELECT 1 FROM stagings WHERE state = 2"), 120)
    one.kill()
    upload.join()
    assert upload.reply is None and count(one.data, "staged_products") > 0
    one.restart()
    names = listed(one, brand)
    assert len(names) == 300 + many and (names["p299"], names["p300"]) == ("Old 299", "Lamp 300")
    assert list(names)[:601] == [f"p{n}" for n in range(600)] + ["p600"]
    eventually(lambda: swept(one.data), 120)
    assert listed(one, brand) == names and count(one.data, "products") >= 300 + many
    assert rows(one.data, "SELECT products FROM brand_totals WHERE brand_id = ?", brand)[0][0] == 300 + many
    assert orphans(one.data) == 0


def test_two_at_once_into_one_brand(server):
    """Each as if the other had come before or after it."""
    one = server(SETTINGS)
    brand = one.brand()
    first = Upload(one, brand, table(0, 3000, "One"))
    second = Upload(one, brand, table(2000, 5000, "Two"))
    counts = [(reply["products_added"], reply["products_updated"]) for reply in (first.done(), second.done())]
    assert sorted(counts) == [(2000, 1000), (3000, 0)]
    names = listed(one, brand)
    assert len(names) == 5000
    assert {names[f"p{n}"].split()[0] for n in range(2000, 3000)} == {"Two" if counts[0] == (3000, 0) else "One"}
    assert swept(one.data) and orphans(one.data) == 0
    assert rows(one.data, "SELECT products FROM brand_totals WHERE brand_id = ?", brand)[0][0] == 5000


def test_products_change_while_rows_come(server):
    """What others wrote meanwhile counts as written before; chats and other brands notice nothing."""
    one = server(SETTINGS)
    brand, other = one.brand(), one.brand()
    assert Upload(one, brand, table(0, 10, "Old")).done()["products_added"] == 10
    upload = Upload(one, brand, table(0, 6000))
    eventually(lambda: count(one.data, "staged_products") > 100, 120)
    admin = one.client(one.token)
    new = {"name": "Mine", "description": "", "category": "C", "price": 1, "features": [], "specifications": {}}
    made = admin.post(f"/brands/{brand}/products", json={"id": "p50", **new})
    gone = admin.delete(f"/brands/{brand}/products/p3")
    assert (made.status_code, gone.status_code) == (200, 200), (made.text, gone.text)
    while upload.is_alive():
        assert one.client().post("/chat/techpro", json={"message": "Which laptop?"}).status_code == 200
        assert listed(one, other) == {}
    reply = upload.done()
    names = listed(one, brand)
    assert len(names) == 6000 and names["p50"] == "Lamp 50" and names["p3"] == "Lamp 3"
    assert reply["products_added"] + reply["products_updated"] == 6000
    assert rows(one.data, "SELECT products FROM brand_totals WHERE brand_id = ?", brand)[0][0] == 6000
    assert orphans(one.data) == 0 and swept(one.data)


def test_a_brand_deleted_while_rows_come(server):
    one = server(SETTINGS)
    brand = one.brand()
    upload = Upload(one, brand, table(0, 20000))
    eventually(lambda: count(one.data, "staged_products") > 100, 120)
    ok(one.client(one.token).delete(f"/brands/{brand}"))
    upload.join()
    assert upload.reply.status_code == 404
    eventually(lambda: swept(one.data) and orphans(one.data) == 0, 120)


def test_sent_again_it_changes_what_differs(server):
    one = server(SETTINGS)
    brand = one.brand()
    Upload(one, brand, table(0, 2000)).done()
    same = Upload(one, brand, table(0, 2000)).done()
    assert (same["products_added"], same["products_updated"]) == (0, 2000)
    other = Upload(one, brand, table(1000, 2000, "New")).done()
    skipped = Upload(one, brand, table(0, 2000, "Not"), on_conflict="skip").done()
    assert other["products_updated"] == 1000 and skipped["products_skipped"] == 2000
    names = listed(one, brand)
    assert (len(names), names["p999"], names["p1000"]) == (2000, "Lamp 999", "New 1000")


def test_an_import_beside_the_server(server, tmp_path):
    """Killed it leaves nothing; else all comes at once, and no chat is refused meanwhile."""
    one = server(SETTINGS)
    brand, path = one.brand(), tmp_path / "list.csv"
    path.write_text(table(0, 20000), encoding="utf-8")
    words = [find_binary("parley", "PARLEY_BIN"), "import", "--json", "--data", one.data, "--brand", brand, path]
    child = subprocess.Popen(words, env=child_environment(), stdout=subprocess.DEVNULL)
    eventually(lambda: count(one.data, "staged_products") > 1000, 120)
    child.kill()
    child.wait()
    assert listed(one, brand) == {}
    one.stop()
    one.restart()
    eventually(lambda: swept(one.data), 120)
    assert orphans(one.data) == 0
    child = subprocess.Popen(words, env=child_environment(), stdout=subprocess.PIPE, text=True)
    client, seen = one.client(), set()
    while child.poll() is None:
        assert client.post("/chat/techpro", json={"message": "Which laptop?"}).status_code == 200
        seen.add(len(ok(client.get(f"/brands/{brand}/products"))))
    assert json.loads(child.stdout.readline())["added"] == 20000
    assert seen <= {0, 20000}
    assert len(listed(one, brand)) == 20000 and swept(one.data)
