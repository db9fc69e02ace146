// SPDX-License-Identifier: Apache-2.0
// A model's list of products beside the text that it has read: whatever it says, within the bounds, and no product
// whose name the text does not hold. The text is what comes before the first NUL, the reply the rest.
#include "base/utf8.h"
#include "engine/product_file.h"
#include "engine/product_ground.h"
#include "engine/product_reply.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str valid(struct arena *arena, struct str bytes)
{
    struct buf out = BUF_INIT(4 * bytes.n + 8);
    for (size_t pos = 0; pos < bytes.n;)
        buf_add_rune(&out, utf8_next(bytes, &pos));
    struct str text = arena_str(arena, buf_str(&out));
    buf_done(&out);
    return text;
}

static void drive_reply(struct arena *arena, struct str reply)
{
    struct product_reply read;
    product_reply_read(arena, reply, &read);
    if (read.n > REPLY_ROWS_MOST)
        abort();
    for (size_t i = 0; i < read.n; i++)
        if (!yyjson_is_obj(read.rows[i]))
            abort();
}

static void drive_file(struct arena *arena, struct str text, struct str reply)
{
    static const struct product_file_options options = {
        .layout = PRODUCTS_IN_TEXT, .most_rows = 1000, .most_products = 10, .temp_dir = "/tmp"};
    struct product_pieces *pieces = product_pieces_new();
    const struct product_piece *at;
    product_pieces_add(pieces, text, 1);
    size_t n = product_pieces_take(pieces, &at);
    for (size_t i = 0; i < n; i++) {
        size_t chars = 0;
        for (size_t k = 0; k < at[i].n; k++)
            chars += utf8_count(at[i].lines[k].text) + 1;
        if (chars == 0 || chars > PIECE_CHARS)
            abort();
    }
    struct product_file *file = n ? product_file_new(&options) : NULL;
    enum product_listing listing;
    if (file) {
        (void)product_file_list(file, &at[0], reply, &listing);
        struct product_ground *ground = product_ground_new(arena, &at[0]);
        if (product_ground_has(ground, reply, NULL) && reply.n > 18 * text.n)
            abort();
        product_file_end(file);
    }
    product_file_free(file);
    product_pieces_free(pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(0);
    const uint8_t *end = size ? memchr(data, 0, size) : NULL;
    size_t n = end ? (size_t)(end - data) : 0;
    struct str text = valid(arena, (struct str){(const char *)data, n});
    struct str reply = valid(arena, (struct str){(const char *)data + n, size - n});
    drive_reply(arena, reply);
    drive_file(arena, text, reply);
    arena_free(arena);
    return 0;
}
