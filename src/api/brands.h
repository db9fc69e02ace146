// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api/call.h"

// The brands that the caller administers, oldest first.
int brands_administered(struct call *call, bool active_only, struct brand **ret, size_t *ret_n);
// The brand answers nobody any more: its sockets get their frame and are closed (4404), at once or after their turns.
void brands_closed(struct app *app, struct str brand_id, bool at_once);
