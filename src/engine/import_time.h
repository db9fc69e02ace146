// SPDX-License-Identifier: Apache-2.0
// Times as other systems write them: with T or a space, with or without a zone.
#pragma once

#include "base/str.h"

bool import_zone_valid(const char *zone); // "Asia/Jakarta", "UTC"
// `zone` holds for times without one; NULL: UTC. False: it is no time.
bool import_time(struct str text, const char *zone, int64_t *ret_wall_ms);
