// SPDX-License-Identifier: Apache-2.0
// brands_config.json of the older system (001-brands 16.1): brands, and their configurations joined by id. Each field
// is judged for itself, so that one that breaks a rule costs that field and nothing else.
#pragma once

#include "engine/import_report.h"
#include "engine/product_file.h"
#include "store/brand.h"

struct import_config;

bool import_config_is(yyjson_val *root); // has brands and configs
// Takes what is valid; everything else becomes failed rows. `root` (JSON_RAW_NUMBERS) must live as long as the result.
// `zone` is that of times without one; NULL: UTC.
struct import_config *import_config_read(yyjson_val *root, const char *zone, struct import_report *report);
void import_config_free(struct import_config *config); // NULL is fine
// In a transaction of the installation: makes brands, takes over those that are as the installation made them, and
// changes others by the rule. Counts brands into the report.
int import_config_write(struct tx *tx, struct import_config *config, enum product_conflict on_conflict,
                        struct import_report *report, struct err *err);
