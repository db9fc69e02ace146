// SPDX-License-Identifier: Apache-2.0
// What a model says when it is asked to list products. Asked for is one object {"products":[{…},…]}; taken is any JSON
// that stands somewhere in the reply, in a fence or among words: a list of objects, an object with one, an object with
// a name. Of a reply that breaks off, what was whole before. Values are checked by nobody here.
#pragma once

#include "base/json.h"

enum { REPLY_BYTES_MOST = 64 << 10, REPLY_ROWS_MOST = 500 };

struct product_reply {
    yyjson_val **rows; // objects, numbers raw; they live as long as the arena
    size_t n;
    bool readable;   // some list was there, perhaps an empty one
    bool more;       // more rows than REPLY_ROWS_MOST, or bytes than REPLY_BYTES_MOST: those are left
    bool broken_off; // something that began as JSON did not end as such
};
void product_reply_read(struct arena *arena, struct str reply, struct product_reply *ret);

// What is asked for, as response_format of the model's API.
extern const char product_reply_format[];
// The words that ask for it.
extern const char product_reply_prompt[];
