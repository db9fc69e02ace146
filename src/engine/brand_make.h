// SPDX-License-Identifier: Apache-2.0
// Making a brand, with the rules of its id and its first configuration: for the API, for registration and for imports.
#pragma once

#include "store/brand.h"

struct brand_make {
    struct arena *arena;
    struct str name, description;
    struct str given_id; // STR_NULL: made from the name
    struct str owner; // becomes admin and counts as maker; STR_NULL: the installation's
    bool public_access, listed, pristine;
    int64_t most; // brands that the owner may make
    // Given values replace the usual first configuration; set bits of brand_config_model.
    const struct brand_config *config;
    struct brand_row row; // out
};
// ERR_CONFLICT: taken or reserved; ERR_DENIED: the owner has made `most`.
int brand_make(struct store *store, const struct scope *scope, struct brand_make *make, struct err *err);
