// SPDX-License-Identifier: Apache-2.0
// The migrations that this binary carries: one table an engine, made from migrations/ by tools/embed-sql.
#pragma once

#include "store/store.h"

extern const struct migration store_migrations[]; // SQLite's
extern const size_t store_migrations_n;
extern const struct migration store_migrations_postgres[];
extern const size_t store_migrations_postgres_n;
extern const char store_schema[]; // SQLite's after all of them

// Sets `migrations`, `n_migrations` and `schema` for the engine of options->url.
void store_use_migrations(struct store_options *options);
