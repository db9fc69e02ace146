// SPDX-License-Identifier: Apache-2.0
// SQLite's FTS5 as the oracle for which documents match: any of the words, one of them, none.
#include "base/test.h"

#include "search/search_model.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

enum { DOCUMENTS = 600, VOCABULARY = 300 };

// Words that no stemmer changes: consonant, vowel, number.
static struct str text_of(struct model *m, size_t words, const char *between)
{
    struct str text = STR("");
    for (size_t i = 0; i < words; i++) {
        uint64_t rank = model_random(m, model_random(m, VOCABULARY) + 1);
        text = arena_strf(m->arena, STR_FMT "%s%c%c%u", STR_ARG(text), i ? between : "", "bdfgk"[rank % 5],
                          "aeiou"[rank % 3], (unsigned)rank);
    }
    return text;
}

static void step(sqlite3 *db, sqlite3_stmt *statement)
{
    if (sqlite3_step(statement) != SQLITE_DONE)
        fail_msg("%s", sqlite3_errmsg(db));
    sqlite3_reset(statement);
}

static void fill(struct model *m, sqlite3 *db, struct search_index *index)
{
    sqlite3_stmt *insert;
    assert_int_equal(sqlite3_exec(db, "CREATE VIRTUAL TABLE t USING fts5(body)", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "INSERT INTO t(rowid, body) VALUES (?, ?)", -1, &insert, NULL), SQLITE_OK);
    for (int i = 1; i <= DOCUMENTS; i++) {
        struct str text = text_of(m, 1 + model_random(m, 30), i % 2 ? " " : ", ");
        char id[16];
        struct search_passage p = {.n_zones = 1, .zones = {{text, 1}}};
        sqlite3_bind_int(insert, 1, i);
        sqlite3_bind_text(insert, 2, text.p, (int)text.n, SQLITE_STATIC);
        step(db, insert);
        assert_int_equal(search_put(index, (struct str){id, (size_t)snprintf(id, sizeof id, "%d", i)}, &p, 1, NULL), 0);
        if (i % 100 == 0)
            search_publish(index);
    }
    sqlite3_finalize(insert);
}

TEST(search_matches_what_fts5_matches)
{
    struct model *m = model_new(0, 77);
    struct search_index *index = search_index_new(0);
    sqlite3 *db;
    sqlite3_stmt *select;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    fill(m, db, index);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT rowid FROM t WHERE t MATCH ?", -1, &select, NULL), SQLITE_OK);
    struct search_reader *reader = search_read(index);
    size_t matches = 0;
    for (int k = 0; k < 100; k++) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        struct str any = text_of(m, 1 + model_random(m, 5), " OR "), words = {arena_cstr(arena, any), any.n};
        char *text = arena_cstr(arena, words);
        for (char * or = strstr(text, " OR "); or ; or = strstr(or, " OR "))
            memset(or, ' ', 4);
        bool expected[DOCUMENTS + 1] = {false};
        size_t n = 0;
        sqlite3_bind_text(select, 1, any.p, (int)any.n, SQLITE_STATIC);
        for (; sqlite3_step(select) == SQLITE_ROW; n++)
            expected[sqlite3_column_int(select, 0)] = true;
        sqlite3_reset(select);
        struct search_query query = {.text = str_from(text), .filter = SEARCH_ALL, .limit = 1000, .idf_at_least = 1000};
        struct search_result r;
        search_run(reader, arena, &query, &r);
        assert_int_equal(r.n, n);
        for (size_t i = 0; i < r.n; i++)
            assert_true(expected[strtoul(arena_cstr(arena, r.hits[i].doc), NULL, 10)]);
        matches += n;
    }
    assert_true(matches > 1000);
    sqlite3_finalize(select);
    sqlite3_close(db);
    search_reader_done(reader);
    search_index_free(index);
    model_free(m);
}
