// SPDX-License-Identifier: Apache-2.0
// Tokens used, one row a turn; kept when the brand is erased.
#pragma once

#include "store/store.h"

// `estimated`: the provider did not report all of it. `cost` in micro-units of llm.currency.
int usage_write(struct tx *tx, struct str chatbot_id, struct str model, int64_t prompt, int64_t completion,
                bool estimated, int64_t cost, struct err *err);
// The brand's tokens and cost since then.
int usage_since(struct tx *tx, int64_t from, int64_t *ret_tokens, int64_t *ret_cost, struct err *err);
