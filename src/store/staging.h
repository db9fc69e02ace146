// SPDX-License-Identifier: Apache-2.0
// Many products on their way into one brand, a few at a time, so that no other write waits long, and yet seen all at
// once. A staging's rows lie in a table of their own, which nobody reads while they come. When it is its turn (one of a
// brand at a time), one small write makes them visible: from then on they cover the catalogue's rows (the view
// `visible_products`), and they are moved there a few at a time, which nobody sees. What a crash leaves is given up
// before that write, and moved after it.
//
// Whoever changes a product meanwhile tells the stagings of its brand (staging_bring, staging_meet): the outcome is as
// if all of a staging had been written in the moment in which it became visible.
//
// All in the scope of the brand, but for staging_next.
#pragma once

#include "model/product.h"
#include "store/store.h"

// `replaces`: products that are there by then get the staging's values; else they stay as they are.
int staging_begin(struct tx *tx, struct str id, bool replaces, int64_t now, struct err *err);
// Places that the catalogue has left under a bound of `most`, less what other stagings will take.
int staging_room(struct tx *tx, int64_t most, int64_t *ret, struct err *err);
// One product, with its place among the rows that come (1…). `there`: the product of that id that all see now, or NULL.
// An id comes once only.
int staging_add(struct tx *tx, struct str id, struct product *product, int64_t ordinal, const struct product *there,
                struct err *err);
// At the end of each transaction that added: so many of them are new. ERR_UNAVAILABLE: it was given up.
int staging_added(struct tx *tx, struct str id, int64_t fresh, int64_t last_ordinal, int64_t now, struct err *err);

// No more is added. 1: it may become visible; 0: another one of the brand has its turn until it is moved.
int staging_take_turn(struct tx *tx, struct str id, int64_t now, struct err *err);
struct staging_counts {
    int64_t fresh, passed; // new products; rows left out, since somebody else made such a product meanwhile
};
// All that it brings is visible with this transaction, and counted. ERR_UNAVAILABLE: it was given up.
int staging_show(struct tx *tx, struct str id, int64_t now, struct staging_counts *ret, struct err *err);

// Moves `most` rows of a visible one to their place, or removes as many of one that is given up. *ret_more false: it is
// gone. Safe to do twice, and by two processes.
int staging_move(struct tx *tx, struct str id, int64_t most, int64_t now, bool *ret_more, struct err *err);
int staging_drop(struct tx *tx, struct str id, int64_t most, int64_t now, bool *ret_more, struct err *err);

// Before a product is changed: its row is brought into the catalogue's table, if it is not yet there.
int staging_bring(struct tx *tx, struct str product_id, struct err *err);
// After one was made (`now` as it is) or has gone (NULL).
int staging_meet(struct tx *tx, struct str product_id, const struct product *now, struct err *err);

struct staging_row {
    struct str brand, id;
    bool visible;
};
// In a scope of the installation: some staging that nobody is at work on any more: the server's own that were last
// touched before `server_ms`, those of commands before `command_ms`; visible ones also when nobody has moved a row
// since `moved_ms`. 1, 0.
int staging_next(struct tx *tx, struct arena *arena, int64_t server_ms, int64_t command_ms, int64_t moved_ms,
                 struct staging_row *ret, struct err *err);
