// SPDX-License-Identifier: Apache-2.0
#include "store/test_support.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const struct migration test_migrations[] = {
    {1, "item",
     "CREATE TABLE item (brand_id TEXT NOT NULL, id TEXT NOT NULL, title TEXT NOT NULL, size BIGINT NOT NULL "
     "CHECK (size >= 0), bytes BYTEA, weight DOUBLE PRECISION, PRIMARY KEY (brand_id, id));"},
    {2, "part",
     "CREATE TABLE part (brand_id TEXT NOT NULL, id TEXT NOT NULL, item_id TEXT NOT NULL, PRIMARY KEY "
     "(brand_id, id), FOREIGN KEY (brand_id, item_id) REFERENCES item (brand_id, id) DEFERRABLE INITIALLY "
     "DEFERRED);"
     "CREATE INDEX part_item ON part (brand_id, item_id);"},
    {3, "note", "ALTER TABLE item ADD COLUMN note TEXT;"},
};

STORE_SQL(test_insert_item, "INSERT INTO item (brand_id, id, title, size) VALUES ($1, $2, $3, $4)");
STORE_SQL(test_count_items, "SELECT count(*) FROM item WHERE brand_id = $1");
STORE_SQL(test_insert_part, "INSERT INTO part (brand_id, id, item_id) VALUES ($1, $2, $2)");

struct test_dir test_dir_new(void)
{
    struct test_dir dir = {"/tmp/parley-store-XXXXXX"};
    assert_non_null(mkdtemp(dir.path));
    return dir;
}

static int remove_one(const char *path, const struct stat *st __attribute__((unused)), int kind __attribute__((unused)),
                      struct FTW *ftw __attribute__((unused)))
{
    return remove(path);
}

void test_dir_remove(struct test_dir *dir)
{
    nftw(dir->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

char *test_dir_file(const struct test_dir *dir, const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", dir->path, name);
    return path;
}

struct store_options test_options(const struct test_dir *dir)
{
    return (struct store_options){
        .url = "sqlite", .data_dir = dir->path, .migrations = test_migrations, .n_migrations = TEST_MIGRATIONS};
}

struct store *test_open(const struct test_dir *dir)
{
    struct store_options options = test_options(dir);
    struct store *store;
    struct err err = {0};
    if (store_open(&options, &store, NULL, &err) != 0)
        fail_msg("store_open: %s", err.text);
    return store;
}

struct scope test_scope(void)
{
    return scope_brand(STR("acme"), STR("test"));
}

int test_add(struct tx *tx, void *arg, struct err *err)
{
    const struct test_item *item = arg;
    return tx_exec(tx, &test_insert_item, VALUES(v_cstr(item->id), v_cstr(item->title), v_int(item->size)), NULL, err);
}

int test_add_part(struct tx *tx, void *item_id, struct err *err)
{
    return tx_exec(tx, &test_insert_part, VALUES(v_cstr(item_id)), NULL, err);
}

static int count(struct tx *tx, void *arg, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &test_count_items, NO_VALUES, &rows, err);
    if (rc > 0)
        *(int64_t *)arg = rows_int(rows, 0);
    return rc < 0 ? rc : 0;
}

int64_t test_count(struct store *store)
{
    int64_t n = -1;
    struct scope scope = test_scope();
    struct err err = {0};
    if (store_read(store, &scope, count, &n, &err) != 0)
        fail_msg("count: %s", err.text);
    return n;
}
