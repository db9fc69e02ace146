// SPDX-License-Identifier: Apache-2.0
// The engine's outcomes as surface 001 shows them.
#pragma once

#include "api/call.h"

// The stored metadata (engine's names) in snake_case, without what only managers see.
yyjson_mut_val *present_metadata(yyjson_mut_doc *doc, struct arena *arena, struct str metadata);
yyjson_mut_val *present_products(yyjson_mut_doc *doc, const struct product *products, size_t n);
void present_confidence(yyjson_mut_doc *doc, yyjson_mut_val *object, bool has, double confidence);
