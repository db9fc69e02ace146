// SPDX-License-Identifier: Apache-2.0
// Checks a value against a JSON Schema of the keywords that tools may use (003-platform 8.2): type, properties,
// required, additionalProperties, items, enum, const, minimum, maximum, minLength, maxLength, minItems, maxItems and
// anyOf. Others (description, default, and what no keyword of ours is) say nothing. Pure and thread-safe.
#pragma once

#include "base/json.h"

enum { SCHEMA_DEPTH = 16 };

// On failure false, and one short sentence in *ret_why, in the arena: "orderId is required".
bool schema_check(struct arena *arena, yyjson_val *schema, yyjson_val *value, struct str *ret_why);
