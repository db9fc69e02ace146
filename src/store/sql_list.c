// SPDX-License-Identifier: Apache-2.0
// The statements that STORE_SQL registered: pointers side by side in one linker section of their own.
#include "store/store.h"

// Weak: a program without any statement has no such section.
extern const struct store_sql *const __start_store_sql[] __attribute__((weak));
extern const struct store_sql *const __stop_store_sql[] __attribute__((weak));

const struct store_sql *store_sql_next(size_t *pos)
{
    size_t n = (size_t)(__stop_store_sql - __start_store_sql);
    return *pos < n ? __start_store_sql[(*pos)++] : NULL;
}
