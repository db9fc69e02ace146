// SPDX-License-Identifier: Apache-2.0
// What health asks of the store, over all brands (003-platform 13). Numbers alone: no row of a tenant leaves it.
#pragma once

#include "store/store.h"

int health_write(struct tx *tx, int64_t now, struct err *err); // one row

struct health_index {
    int64_t passages;   // of documents and products that are searched
    int64_t vectors;    // that the model has made
    int64_t changing;   // brands whose vectors another model makes anew
    int64_t refused;    // brands whose vectors came in other dimensions than they had
    int64_t oldest_job; // when the oldest job that makes vectors was queued; 0: none waits
};
int health_index_read(struct tx *tx, struct str model, struct health_index *ret, struct err *err);
struct health_webhooks {
    int64_t due, oldest_due; // deliveries that are due now; since when the oldest is (wall ms), 0: none
    int64_t disabled;        // webhooks that were switched off for their faults
    int64_t all;
};
int health_webhooks_read(struct tx *tx, int64_t now, struct health_webhooks *ret, struct err *err);
// Of the scope's brand: how many objects an index of its products, or of a chatbot's documents, holds.
int health_products(struct tx *tx, int64_t *ret, struct err *err);
int health_documents(struct tx *tx, struct str chatbot_id, int64_t *ret, struct err *err);
