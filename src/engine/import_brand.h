// SPDX-License-Identifier: Apache-2.0
// Brands as imports find or make them (001-brands 16). A brand that is as the installation made it, or that was made
// here for its products alone, counts as absent: an imported configuration takes its place.
#pragma once

#include "engine/brand_make.h"

// The id that a source's id becomes: as it is where it is valid, else made valid, always in the same way, so that a
// second import means the same brand.
void import_brand_id(struct str text, char out[BRAND_ID_SIZE]);
// What people read where a source has only an id: "luxury-tech" gives "Luxury Tech".
struct str import_brand_name(struct arena *arena, struct str id);

// Below: in a transaction of the installation.

// 1 found, 0 none. ERR_CONFLICT: it is still being erased.
int import_brand_load(struct tx *tx, struct arena *arena, struct str id, struct brand_row *ret, struct err *err);
// The stored id of this brand, made with a name from its id when it is not there.
int import_brand_ensure(struct tx *tx, struct arena *arena, struct str id, struct str *ret, bool *ret_made,
                        struct err *err);
// The same, but nobody sees one that was made, until brand_show and brand_make_tell. *ret_made: NULL: it was there.
int import_brand_reserve(struct tx *tx, struct arena *arena, struct str id, struct str *ret,
                         struct brand_make **ret_made, struct err *err);
