// SPDX-License-Identifier: Apache-2.0
// Samples give way to what an import brings: products and questions of an invented shop must not answer for a real one.
#pragma once

#include "store/store.h"

#define FACT_SAMPLE_BASE "sample_base"   // id of the sample knowledge base
#define FACT_FIRST_IMPORT "first_import" // due, or what became of it
#define FIRST_IMPORT_DUE "due"

// In a transaction of the brand. What somebody changed stays: a product for itself, the base as a whole.
int import_drop_sample_products(struct tx *tx, struct err *err);
int import_drop_sample_base(struct tx *tx, struct err *err);
