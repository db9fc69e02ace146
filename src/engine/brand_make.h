// SPDX-License-Identifier: Apache-2.0
// Making a brand, with the rules of its id and its first configuration: for the API, for registration and for imports.
#pragma once

#include "store/brand.h"

struct brand_make {
    struct arena *arena;
    struct str name, description;
    struct str given_id; // as a client wrote it; STR_NULL: made from the name
    struct str owner; // becomes admin and counts as maker; STR_NULL: the installation's
    bool public_access, listed, pristine;
    int64_t most; // brands that the owner may make
    // The whole first configuration, but for public_access and listed, which are those above; NULL: the usual one.
    const struct brand_config *config;
    struct brand_row row; // out
};
// Makes the brand with its default chatbot, audit row and event in one transaction. ERR_CONFLICT: taken or reserved;
// ERR_DENIED: the owner has made `most`. The text of err is fit for a client.
int brand_make(struct store *store, const struct scope *scope, struct brand_make *make, struct err *err);

// The usual first configuration; brand_id and updated_at are the caller's.
#define BRAND_FIRST_PRIMARY "#007bff"
#define BRAND_FIRST_SECONDARY "#6c757d"
#define BRAND_FIRST_APPEARANCE                                                                                         \
    "{\"primary_color\":\"" BRAND_FIRST_PRIMARY "\",\"secondary_color\":\"" BRAND_FIRST_SECONDARY "\"}"
void brand_first_config(struct arena *arena, struct str name, struct str description, struct brand_config *config);

// The same in two steps, for who makes more than the brand in that transaction: what it will be (`row`), by the same
// rules and with the same errors; and its insert, in a transaction whose scope has the brand row.brand.id. If that
// fails with ERR_CONFLICT, somebody took the id meanwhile: plan again.
int brand_make_plan(struct store *store, const struct scope *scope, struct brand_make *make, struct err *err);
int brand_make_plan_in(struct tx *tx, struct brand_make *make, struct err *err); // within a transaction
int brand_make_insert(struct tx *tx, struct brand_make *make, struct err *err);
// The insert in two: its rows, and the audit row and event when it is there for others.
int brand_make_rows(struct tx *tx, struct brand_make *make, struct err *err);
int brand_make_tell(struct tx *tx, struct brand_make *make, struct err *err);
