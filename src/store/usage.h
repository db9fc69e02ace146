// SPDX-License-Identifier: Apache-2.0
// Tokens used, one row a turn; kept when the brand is erased.
#pragma once

#include "store/store.h"

// `estimated`: the provider did not report all of it.
int usage_write(struct tx *tx, struct str chatbot_id, struct str model, int64_t prompt, int64_t completion,
                bool estimated, struct err *err);
