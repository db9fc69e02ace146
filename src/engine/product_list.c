// SPDX-License-Identifier: Apache-2.0
// Rows that a model has listed become products like those of a table, behind one guard: the text has the last word.
#include "engine/money.h"
#include "engine/product_file_internal.h"
#include "engine/product_ground.h"
#include "engine/product_reply.h"

#include "base/utf8.h"
#include "model/model.h"

enum { SHOWN_CHARS = 60 };

struct listing {
    struct product_file *file;
    const struct product_ground *ground;
    struct arena *arena; // of one row
    struct product_draft draft;
};

// Features of the text, as the JSON that a draft reads.
static void set_features(struct listing *l, const struct product_column *column, yyjson_val *value)
{
    yyjson_mut_val *list = yyjson_mut_arr(l->draft.doc);
    size_t i, max;
    yyjson_val *item;
    if (!yyjson_is_arr(value))
        return;
    yyjson_arr_foreach(value, i, max, item)
    {
        if (product_ground_has(l->ground, json_str(item), NULL))
            (void)yyjson_mut_arr_append(list, json_new_str(l->draft.doc, json_str(item)));
        else
            l->file->left_out++;
    }
    draft_set_text(&l->draft, column, json_write(l->arena, list));
}

static void set_other(struct listing *l, const struct product_column *column, yyjson_val *value)
{
    struct str text = json_str(value);
    bool any, good = product_ground_has(l->ground, text, NULL);
    if (column->field == PRODUCT_AVAILABILITY)
        good = good && draft_availability(l->arena, text, &any);
    if (good)
        draft_set_text(&l->draft, column, text);
    else if (yyjson_is_null(value) == 0 && !(yyjson_is_str(value) && text.n == 0))
        l->file->left_out++;
}

static void set(struct listing *l, yyjson_val *key, yyjson_val *value)
{
    struct product_column column = product_column_of(l->arena, json_str(key));
    switch (column.field) {
    case PRODUCT_NAME:
    case PRODUCT_PRICE:
        draft_set_value(&l->draft, &column, value);
        break;
    case PRODUCT_FEATURES:
        set_features(l, &column, value);
        break;
    case PRODUCT_SPECIFICATIONS:
    case PRODUCT_BRAND:
    case PRODUCT_SPEC: // nobody asked for it
        break;
    default:
        set_other(l, &column, value);
    }
}

// A number is one of JSON or, where the text has that one, written as people do: 12.500 may be twelve thousand.
static bool price_stands(struct listing *l)
{
    struct str text = l->draft.text[PRODUCT_PRICE];
    struct err err;
    int64_t price;
    if (l->draft.number[PRODUCT_PRICE]) {
        if (price_parse(text, &price) && product_ground_has_price(l->ground, price))
            return true;
        if (money_read(text, MONEY_FREE_TEXT, &price, &err) != 0 || !product_ground_has_price(l->ground, price))
            return false;
        l->draft.number[PRODUCT_PRICE] = false;
        return true;
    }
    return money_read(text, MONEY_FREE_TEXT, &price, &err) == 0 && product_ground_has_price(l->ground, price);
}

static bool has_digit(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] >= '0' && text.p[i] <= '9')
            return true;
    return false;
}

static int not_grounded(struct listing *l, enum product_field field, int64_t line)
{
    struct str text = l->draft.text[field];
    int rc = product_file_count(l->file);
    text.n = utf8_offset(text, SHOWN_CHARS);
    struct product_error error = {l->file->rows,
                                  line,
                                  STR_NULL,
                                  draft_id(&l->draft),
                                  field == PRODUCT_NAME ? "name" : "price",
                                  "not_grounded",
                                  arena_printf(l->arena, "'" STR_FMT "' does not stand in the text", STR_ARG(text))};
    if (!rc)
        product_errors_add(&l->file->errors, &error);
    return rc;
}

static int take_row(struct product_file *file, const struct product_ground *ground, yyjson_val *row)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct listing l = {.file = file, .ground = ground, .arena = arena};
    struct product_place at = {0};
    size_t i, max;
    yyjson_val *key, *value;
    draft_begin(&l.draft, arena, true);
    yyjson_obj_foreach(row, i, max, key, value) set(&l, key, value);
    struct str name = l.draft.text[PRODUCT_NAME], price = l.draft.text[PRODUCT_PRICE];
    if (name.p && !product_ground_has(ground, name, &at.line))
        return not_grounded(&l, PRODUCT_NAME, 0);
    // What is no amount at all is an invalid price, as anywhere.
    if (name.p && price.p && has_digit(price) && !price_stands(&l))
        return not_grounded(&l, PRODUCT_PRICE, at.line);
    int64_t before = file->errors.rows;
    int rc = product_file_take(file, &at, &l.draft);
    file->listed += !rc && file->errors.rows == before;
    return rc;
}

int product_file_list(struct product_file *file, const struct product_piece *piece, struct str reply,
                      enum product_listing *ret)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct product_reply read;
    int rc = 0;
    product_reply_read(arena, reply, &read);
    *ret = read.more || (read.broken_off && read.n) ? PRODUCTS_BROKEN_OFF
           : read.readable || read.n                ? PRODUCTS_LISTED
                                                    : PRODUCTS_NOT_LISTED;
    const struct product_ground *ground = read.n ? product_ground_new(arena, piece) : NULL;
    for (size_t i = 0; i < read.n && !rc; i++)
        rc = take_row(file, ground, read.rows[i]);
    return rc;
}
