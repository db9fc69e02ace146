// SPDX-License-Identifier: Apache-2.0
// What people did in a brand (000-management 6.2): one row where a type of activity exists, in the transaction of the
// deed. Never the text of a message. Deleted after a while (activity_expire), and with the brand.
#pragma once

#include "store/store.h"

struct activity {
    const char *type; // "document_upload"
    const char *entity_type;
    struct str entity_id;
    struct str metadata; // a JSON object; STR_NULL: {}
};
// In the scope's brand, by the scope's actor; address and user agent are kept of signed-in users alone.
int activity_write(struct tx *tx, const struct activity *activity, struct err *err);
// The same in this brand, for transactions of the installation.
int activity_write_in(struct tx *tx, struct str brand, const struct activity *activity, struct err *err);

struct activity_entry {
    struct str id, user_id, user_name, type, entity_type, entity_id, metadata;
    struct str address, user_agent; // STR_NULL: not kept
    int64_t at;
};
struct activity_query { // what is STR_NULL does not restrict
    struct str type, user_id, entity_type, entity_id;
    int64_t from, to; // from <= at < to
    int64_t limit, offset;
};
// Newest first. *ret_total counts before limit and offset.
int activity_list(struct tx *tx, struct arena *arena, const struct activity_query *query, struct activity_entry **ret,
                  size_t *ret_n, int64_t *ret_total, struct err *err);

struct activity_count { // how many of a type, of a day (whole days since 1970), or by a user
    struct str what, name;
    int64_t day, count;
};
struct activity_counts {
    struct activity_count *at;
    size_t n;
};
struct activity_stats {
    struct activity_counts types, days, users; // users: the ten with most
};
// Of `query` only user_id, from and to count.
int activity_stats(struct tx *tx, struct arena *arena, const struct activity_query *query, struct activity_stats *ret,
                   struct err *err);

// The brands that have any, one after the other in their order: the next one behind `after`; STR_NULL: none.
int activity_next_brand(struct tx *tx, struct arena *arena, struct str after, struct str *ret, struct err *err);
// Deletes up to `most` of the scope's brand from before `before` (Unix ms).
int activity_expire(struct tx *tx, int64_t before, int64_t most, int64_t *ret_deleted, struct err *err);
