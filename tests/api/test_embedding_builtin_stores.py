# SPDX-License-Identifier: Apache-2.0
"""Stores that the built-in embedder finds at a start: made before titles and windows had vectors, by another model, or
left in the middle. What is missing is made, each text once; what is there stays as it is."""
import contextlib
import hashlib
import sqlite3

import pytest

from api.fixtures import Site
from api.helpers import eventually, product
from api.test_embedding_builtin import MODEL, embedding, index, needs_model
from api.test_knowledge import Bot

pytestmark = [needs_model, pytest.mark.release]
KEY = "builtin:multilingual-e5-small-q4"
LONG = "ร้านของเราเปิดทุกวันตั้งแต่เช้าจนถึงค่ำ " * 28  # one passage, which is more than one window
HALL = "The hall has a floor of oak, and its lamps hang low over long tables. "


@contextlib.contextmanager
def database(one, mode="ro"):
    with contextlib.closing(sqlite3.connect(f"file:{one.data}/parley.db?mode={mode}", uri=True)) as opened, opened:
        yield opened


def rows(one, sql, *values):
    with database(one) as opened:
        return opened.execute(sql, values).fetchall()


def texts(one):
    """Every vector of a text as it is stored, with the time when it was."""
    return set(rows(one, "SELECT brand_id, model, text_hash, vector, made_at FROM text_vectors"))


def kinds(one):
    return dict(rows(one, "SELECT kind, COUNT(*) FROM vectors GROUP BY kind"))


def settled(one):
    """Waits until nothing more is to be embedded."""
    eventually(lambda: not rows(one, "SELECT 1 FROM jobs WHERE kind = 'embed'"), seconds=120)


def forget(one, where):
    """Takes vectors out of the store of a server that stands, and their texts where nothing else has them."""
    with database(one, "rw") as opened:
        opened.execute(f"DELETE FROM vectors WHERE {where}")
        opened.execute("DELETE FROM text_vectors AS t WHERE NOT EXISTS (SELECT 1 FROM vectors v WHERE "
                       "v.brand_id = t.brand_id AND v.model = t.model AND v.text_hash = t.text_hash)")


def shop(site):
    """A little of everything that has vectors."""
    bot = Bot(site)
    bot.brand.add(product("hall", name="Oak hall", description=HALL * 80), product("mug", name="Blue mug"))
    base = bot.make(items=[
        {"title": "Parcels", "content": "They arrive three days after the order."},
        {"title": "Parcels", "content": "A gift is wrapped in paper."},  # a title that is there twice
        {"title": "Hours", "content": LONG}])
    return bot, base


def found(bot, base, query):
    """By words and meaning together, as it is by default."""
    return bot.search(base, query, limit=1)[0]["content"]


def test_titles_and_windows_that_an_old_store_lacks_are_made(server):
    """A store from before either: both come with the next start, once for each text; words serve meanwhile, and no
    vector that was there is made again. The vector of a long text's whole makes way for that of its first window."""
    one = server({"embedding.builtin": MODEL, "sample_data": False})
    bot, base = shop(Site(one))
    settled(one)
    all_kinds, before = kinds(one), texts(one)
    assert {"document", "window", "title", "product", "product_window"} == set(all_kinds)
    assert all_kinds["product_window"] > 1 and all_kinds["window"] > 0, all_kinds
    one.stop(0)
    forget(one, "kind IN ('title', 'window', 'product_window')")
    whole = hashlib.sha256(f"{KEY}\nHours\n{LONG.strip()}".encode()).hexdigest()
    with database(one, "rw") as opened:
        (brand, first), = opened.execute(
            "SELECT v.brand_id, v.text_hash FROM vectors v JOIN documents d ON d.id = v.document_id "
            "WHERE v.kind = 'document' AND d.title = 'Hours' AND d.content LIKE 'ร้าน%'").fetchall()
        opened.execute("UPDATE vectors SET text_hash = ? WHERE brand_id = ? AND text_hash = ?", (whole, brand, first))
        opened.execute("UPDATE text_vectors SET text_hash = ? WHERE brand_id = ? AND text_hash = ?",
                       (whole, brand, first))
    old = texts(one)
    missing = {row[:3] for row in before} - {row[:3] for row in old}
    assert (brand, KEY, first) in missing

    one.restart()
    site = Site(one)
    bot.admin = site.admin
    assert found(bot, base, "when do parcels arrive") == "They arrive three days after the order."
    settled(one)
    assert kinds(one) == all_kinds
    now = texts(one)
    assert old <= now and {row[:3] for row in now - old} == missing
    assert embedding(site)["computedPassages"] == len(missing)
    assert index(site)["pending"] == 0
    assert rows(one, "SELECT text_hash FROM vectors WHERE text_hash = ?", whole) == []


@pytest.mark.parametrize("lost", ["0", "kind IN ('title', 'window')"])
def test_what_is_there_is_not_computed(server, lost):
    """A start with the vectors of all texts there computes none, also where nothing points to some of them."""
    one = server({"embedding.builtin": MODEL, "sample_data": False})
    shop(Site(one))
    settled(one)
    before, all_kinds = texts(one), kinds(one)
    one.stop(0)
    with database(one, "rw") as opened:
        opened.execute(f"DELETE FROM vectors WHERE {lost}")
    one.restart()
    settled(one)
    assert embedding(Site(one))["computedPassages"] == 0 and texts(one) == before and kinds(one) == all_kinds


def another_file(path):
    """The model with the last bit of its last piece's score turned: whatever it does, it is another one."""
    data = bytearray(MODEL.read_bytes())
    pieces = int.from_bytes(data[44:48], "little")
    data[76 + 8 * pieces - 4] ^= 1
    path.write_bytes(data)
    return path


def model_of(one):
    """Whose vectors there are, and whose are searched."""
    return ({key for key, in rows(one, "SELECT model FROM vectors UNION SELECT model FROM text_vectors")},
            set(rows(one, "SELECT model, next_model FROM vector_indexes")))


def test_another_file_makes_all_vectors_anew(server, tmp_path):
    """upstream-llm#25: from one file to another everything is embedded again, once for each text, and what the one
    before made goes; without an embedder vectors stay where they are, and serve again when their file is back."""
    one = server({"embedding.builtin": MODEL, "sample_data": False})
    bot, base = shop(Site(one))
    settled(one)
    assert model_of(one) == ({KEY}, {(KEY, None)})
    first, all_kinds = texts(one), kinds(one)
    one.stop(0)

    def start(builtin):
        now = server({"embedding.builtin": builtin, "sample_data": False}, data=one.data)
        bot.admin = Site(now).admin
        assert found(bot, base, "when do parcels arrive") == "They arrive three days after the order."
        settled(now)
        return now

    without = start("off")
    assert texts(without) == first and model_of(without) == ({KEY}, {(KEY, None)})
    without.stop(0)
    other = start(another_file(tmp_path / "other.bin"))
    site = Site(other)
    other_key = f"builtin:{embedding(site)['model']}"
    assert other_key not in (KEY, "builtin:") and "nobody has tried" in embedding(site)["warning"]
    eventually(lambda: model_of(other) == ({other_key}, {(other_key, None)}))
    assert kinds(other) == all_kinds and len(texts(other)) == len(first)
    assert embedding(site)["computedPassages"] == len(first)
    assert found(bot, base, "Wie lange dauert die Lieferung?") == "They arrive three days after the order."
    other.stop(0)
    again = start("off")
    bot.add(base, {"title": "Mornings", "content": "Before noon the bakery next door has bread."})
    again.stop(0)
    again = start(tmp_path / "other.bin")
    assert embedding(Site(again))["computedPassages"] == 2  # what came without an embedder: a title and its text


def test_a_stop_in_the_middle_goes_on_where_it_was(server):
    """An old store is stopped while its titles are made: the next start makes the others, and none of these again."""
    one = server({"embedding.builtin": MODEL, "sample_data": False})
    bot = Bot(Site(one))
    base = bot.make()
    for start in range(0, 400, 100):
        bot.add(base, *[{"title": f"Shelf {n} of the long hall", "content": "Lamps."}
                        for n in range(start, start + 100)])
    settled(one)
    whole = {row[:3] for row in texts(one)}
    one.stop(0)
    forget(one, "kind = 'title'")
    old = texts(one)
    assert len(whole) - len(old) >= 400
    one.restart()
    eventually(lambda: len(texts(one)) > len(old), seconds=60)
    one.stop(0)
    half = texts(one)
    assert old < half and len(half) < len(whole)
    one.restart()
    site = Site(one)
    settled(one)
    now = texts(one)
    assert half < now and {row[:3] for row in now} == whole
    assert embedding(site)["computedPassages"] == len(whole) - len(half)
