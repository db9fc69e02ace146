# SPDX-License-Identifier: Apache-2.0
"""A brand with more rows than requests would make in reasonable time: written into the store of a server that is
stopped, as the server itself writes them."""

import gzip
import sqlite3

NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :rows) "
ID = "printf('%08x-0000-7000-8000-%012x', {}, {})"
TEXT = "'A sturdy thing for daily use, light and quiet, number ' || {} || '.'"
NOW = "unixepoch() * 1000"

CONVERSATIONS = (
    f"""INSERT INTO conversations (brand_id, id, chatbot_id, session_id, channel, status, message_count, started_at,
        last_message_at, event_count) {NUMBERS} SELECT :brand, {ID.format(1, 'i')}, :bot, :brand || ':s' || i, 'api',
        'ended', 4, {NOW}, {NOW}, 0 FROM n""",
    f"""INSERT INTO messages (brand_id, conversation_id, seq, id, role, content, status, created_at) {NUMBERS}
        SELECT :brand, {ID.format(1, 'i / 4')}, i % 4 + 1, {ID.format(2, 'i')}, CASE i % 2 WHEN 0 THEN 'user' ELSE
        'assistant' END, {TEXT.format('i')}, 'complete', {NOW} FROM n""",
)
PRODUCTS = (
    f"""INSERT INTO products (brand_id, id, position, document_id, name, description, category, category_fold, price,
        features, specifications, availability, created_at) {NUMBERS} SELECT :brand, 'p' || i, i + 1,
        {ID.format(3, 'i')}, 'Thing ' || i, {TEXT.format('i')}, 'Category', 'category', 100, '[]', '{{}}', 1, {NOW}
        FROM n""",
    f"""INSERT INTO places (kind, name, brand_id, object_id) {NUMBERS} SELECT 'product', {ID.format(3, 'i')}, :brand,
        {ID.format(3, 'i')} FROM n""",
)
DOCUMENTS = (
    f"""INSERT INTO documents (brand_id, id, type, title, content, created_at, updated_at, chunk_count) {NUMBERS}
        SELECT :brand, {ID.format(4, 'i')}, 'general', 'Text ' || i, {TEXT.format('i')}, {NOW}, {NOW}, 10 FROM n""",
    f"""INSERT INTO places (kind, name, brand_id, object_id) {NUMBERS} SELECT 'document', {ID.format(4, 'i')}, :brand,
        {ID.format(4, 'i')} FROM n""",
    f"""INSERT INTO document_chunks (brand_id, document_id, ordinal, page, heading, start_at, end_at, created_at)
        {NUMBERS} SELECT :brand, {ID.format(4, 'i / 10')}, i % 10, 0, '', 0, 40, {NOW} FROM n""",
    f"""INSERT INTO vectors (brand_id, kind, document_id, ordinal, model, text_hash) {NUMBERS} SELECT :brand,
        'document', {ID.format(4, 'i / 10')}, i % 10, 'm', printf('%064x', i) FROM n""",
    f"""INSERT INTO text_vectors (brand_id, model, text_hash, vector, made_at) {NUMBERS} SELECT :brand, 'm',
        printf('%064x', i), zeroblob(1536), {NOW} FROM n""",
)


def fill(data, brand, conversations=0, products=0, documents=0):
    """Conversations of four messages, products, and documents of ten passages with vectors. One brand of a store."""
    with sqlite3.connect(data / "parley.db", timeout=30) as db:
        bot = db.execute("SELECT id FROM chatbots WHERE brand_id = ? AND is_default = 1", (brand,)).fetchone()[0]
        for statements, counts in ((CONVERSATIONS, (conversations, conversations * 4)), (PRODUCTS, (products,) * 2),
                                   (DOCUMENTS, (documents, documents) + (documents * 10,) * 3)):
            for statement, rows in zip(statements, counts, strict=True):
                if rows:
                    db.execute(statement, {"brand": brand, "bot": bot, "rows": rows})
        db.execute("UPDATE brand_totals SET conversations = ?, messages = ?, products = ?, last_position = ? "
                   "WHERE brand_id = ?", (conversations, conversations * 4, products, products, brand))
    db.close()


def chroma(source, folder, documents, collection="manual", text="A page of the manual, number "):
    """A Chroma folder: the packed one at `source`, and a collection of so many records beside what it has."""
    folder.mkdir()
    path = folder / "chroma.sqlite3"
    path.write_bytes(gzip.decompress(source.read_bytes()))
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO collections (id, name, dimension, database_id) SELECT 'big', ?, 3, database_id FROM "
                   "collections LIMIT 1", (collection,))
        db.execute("INSERT INTO segments (id, type, scope, collection) VALUES ('big-m', "
                   "'urn:chroma:segment/metadata/sqlite', 'METADATA', 'big')")
        db.execute("INSERT INTO embeddings (id, segment_id, embedding_id, seq_id) " + NUMBERS +
                   "SELECT 1000 + i, 'big-m', 'page-' || i, 1000 + i FROM n", {"rows": documents})
        db.execute("INSERT INTO embedding_metadata (id, key, string_value) " + NUMBERS +
                   "SELECT 1000 + i, 'chroma:document', :text || i || '.' FROM n", {"rows": documents, "text": text})
    db.close()
    return folder
