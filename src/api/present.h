// SPDX-License-Identifier: Apache-2.0
// The engine's outcomes as surface 001 shows them.
#pragma once

#include "api/call.h"

// The stored metadata (docs/internals/turn.md) in snake_case, without what only managers see. `metadata` STR_NULL or
// not JSON: {}.
yyjson_mut_val *present_metadata(yyjson_mut_doc *doc, struct arena *arena, struct str metadata);
// As the surface's product object, in the given order.
yyjson_mut_val *present_products(yyjson_mut_doc *doc, const struct product *products, size_t n);
// Adds confidence_score: null, or 4 decimals (0.0 for none).
void present_confidence(yyjson_mut_doc *doc, yyjson_mut_val *object, bool has, double confidence);
