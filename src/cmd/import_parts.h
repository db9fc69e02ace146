// SPDX-License-Identifier: Apache-2.0
// What the formats of imports share: the brand they write into, and products on their way there.
#pragma once

#include "cmd/import.h"

// The stored id of the brand of --brand, else of the setting default_brand. ERR_NOT_FOUND: there is none.
int import_brand_chosen(struct import *import, struct arena *arena, struct str *ret, struct err *err);
void import_count(void *progress); // one row more
struct product_file_options import_product_options(const struct import *import, enum product_layout layout);
// What was remarkable while the products were read.
void import_note_warnings(const struct product_file *file, struct import_report *report);
// Before and after the transaction of import_products_into, in none: many products wait in a staging
// (engine/product_file.h), and are settled afterwards, whatever became of it. `brand` as it is stored, if it is there.
int import_products_stage(struct import *import, struct str brand, struct product_file *file, struct err *err);
void import_products_settle(struct import *import, struct str brand, struct product_file *file);
// In a transaction of the installation: products into the brand, in place of samples that nobody touched. Counts into
// the report; `sheet` names the part of the source, STR_NULL: it has none.
int import_products_into(struct tx *tx, struct str brand, struct product_file *file, struct str sheet,
                         struct import_report *report, struct err *err);
