// SPDX-License-Identifier: Apache-2.0
// Which of the embedded tables belongs to an engine.
#include "store/migrations.h"

void store_use_migrations(struct store_options *options)
{
    bool postgres = options->url && str_starts(str_from(options->url), STR("postgres"));
    options->migrations = postgres ? store_migrations_postgres : store_migrations;
    options->n_migrations = postgres ? store_migrations_postgres_n : store_migrations_n;
    options->schema = postgres ? NULL : store_schema;
}
