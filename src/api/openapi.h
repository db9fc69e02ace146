// SPDX-License-Identifier: Apache-2.0
// The OpenAPI 3.1 document, made from the endpoint rows and the models.
#pragma once

#include "base/arena.h"

// Compact JSON in the arena. server_url STR_NULL: "/".
struct str openapi_text(struct arena *arena, struct str server_url);
