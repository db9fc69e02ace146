// SPDX-License-Identifier: Apache-2.0
// What the store's tests share: a temporary data directory, two small migrations, a few statements over them.
#pragma once

#include "base/test.h"

#include "store/internal.h"

struct test_dir {
    char path[64];
};

struct test_dir test_dir_new(void);
void test_dir_remove(struct test_dir *dir);                        // with everything in it
char *test_dir_file(const struct test_dir *dir, const char *name); // valid until the next call

extern const struct migration test_migrations[]; // 1: item, 2: part, 3: item.note
enum { TEST_MIGRATIONS = 3 };

// Opens with test_migrations; fails the test when that fails.
struct store *test_open(const struct test_dir *dir);
struct store_options test_options(const struct test_dir *dir);

struct scope test_scope(void); // brand "acme"

// item(brand_id, id, title, size): (brand, id) is the primary key, size must not be negative.
// part(brand_id, id, item_id): item_id refers to an item, checked at the commit.
struct test_item {
    const char *id, *title;
    int64_t size;
};
int test_add(struct tx *tx, void *item, struct err *err); // store_fn, arg: struct test_item
int64_t test_count(struct store *store);                  // items of the brand
int test_add_part(struct tx *tx, void *item_id, struct err *err);
