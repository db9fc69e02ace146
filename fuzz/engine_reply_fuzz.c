// SPDX-License-Identifier: Apache-2.0
// A model's list of products beside the text that it has read: whatever it says, within the bounds, and no product
// of a text without a price. The text is what comes before the first NUL, the reply the rest.
#include "fuzz.h"

#include "base/utf8.h"
#include "engine/money.h"
#include "engine/product_file.h"
#include "engine/product_ground.h"
#include "engine/product_reply.h"

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
    CHECK(read.n <= REPLY_ROWS_MOST);
    for (size_t i = 0; i < read.n; i++)
        CHECK(yyjson_is_obj(read.rows[i]));
}

// A product needs a name and a price: at least a letter or mark, and a digit.
static bool holds(struct arena *arena, const struct product_piece *piece)
{
    struct product_ground *ground = product_ground_new(arena, piece);
    size_t n = 0;
    bool price = false;
    for (size_t i = 0; i < piece->n; i++) {
        struct money_amount amount;
        n += piece->lines[i].text.n;
        for (size_t pos = 0; money_next(piece->lines[i].text, &pos, &amount);)
            price |= product_ground_has_price(ground, amount.value);
    }
    return n > 0 && price;
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
        CHECK(chars > 0 && chars <= PIECE_CHARS);
    }
    struct product_file *file = n ? product_file_new(&options) : NULL;
    enum product_listing listing;
    if (file) {
        (void)product_file_list(file, &at[0], reply, &listing);
        CHECK(holds(arena, &at[0]) || !product_file_has_products(file));
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
