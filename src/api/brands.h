// SPDX-License-Identifier: Apache-2.0
// What the endpoints of brands lend to the other files of this room.
#pragma once

#include "api/call.h"

// The brands that the caller administers (demo and super_admin: all), oldest first, in the call's arena. 0 or the
// store's error.
int brands_administered(struct call *call, bool active_only, struct brand **ret, size_t *ret_n);
// The brand answers nobody any more: each of its sockets gets its frame and is closed (4404) when its turns have ended.
// `at_once` changes nothing here: the caller has cancelled the turns of a deleted brand, so they end by themselves.
void brands_closed(struct app *app, struct str brand_id);
