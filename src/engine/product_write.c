// SPDX-License-Identifier: Apache-2.0
// The spooled products into the catalogue. An id that was made from a name belongs to the product of that name; where
// another has it, the next free number is put behind it.
#include "engine/product_file_internal.h"

#include "base/map.h"
#include "model/fault.h"
#include "store/product.h"

#include <stdlib.h>

struct used { // an id of this file
    int64_t row;
    struct str name;
};

struct writing {
    struct product_file *file;
    struct map *used;
    struct arena *arena; // of all
    int64_t row, line;
    bool made_id;
};

static void row_error(struct writing *w, struct str id, const char *code, const char *detail)
{
    struct product_error error = {w->row, w->line, w->file->sheet, id, "id", code, detail};
    product_errors_add(&w->file->written, &error);
}

// Where a made id stands: free, or the product of the same name.
static int settle_id(struct tx *tx, struct writing *w, struct arena *arena, struct product *product, struct err *err)
{
    struct str base = product->id;
    for (int suffix = 2; w->made_id; suffix++) {
        struct product there;
        const struct used *used = map_get(w->used, product->id);
        if (used && str_eq(used->name, product->name))
            return 0;
        int found = used ? 1 : product_get(tx, arena, product->id, &there, err);
        if (found < 0)
            return found;
        if (!found || (!used && str_eq(there.name, product->name)))
            return 0;
        product->id = arena_strf(arena, STR_FMT "-%d", STR_ARG(base), suffix);
    }
    return 0;
}

static struct str shown(struct arena *arena, const struct product *product)
{
    return json_write(arena, model_encode(&product_model, json_doc(arena), product));
}

static int write_known(struct tx *tx, struct writing *w, struct arena *arena, const struct product *there,
                       struct product *product, struct err *err)
{
    struct product_file *file = w->file;
    if (file->options.on_conflict == PRODUCT_CONFLICT_SKIP) {
        file->skipped++;
        return 0;
    }
    file->updated++;
    // What is there already would only lose its vectors.
    if (!there->sample && str_eq(shown(arena, there), shown(arena, product)))
        return 0;
    return product_replace(tx, product, err);
}

static int write_one(struct tx *tx, struct writing *w, struct arena *arena, struct product *product, struct err *err)
{
    struct product there;
    struct err cause = {0};
    int rc = settle_id(tx, w, arena, product, err);
    if (rc)
        return rc;
    const struct used *before = map_get(w->used, product->id);
    if (before) {
        row_error(w, product->id, "duplicate_id",
                  arena_printf(arena, "ID '" STR_FMT "' occurs in row %lld already", STR_ARG(product->id),
                               (long long)before->row));
        return 0;
    }
    struct used *used = ARENA_NEW(w->arena, struct used);
    *used = (struct used){w->row, arena_str(w->arena, w->made_id ? product->name : STR(""))};
    (void)map_set(w->used, product->id, used);
    int found = product_get(tx, arena, product->id, &there, err);
    if (found < 0)
        return found;
    if (found && w->file->options.on_conflict != PRODUCT_CONFLICT_ERROR)
        return write_known(tx, w, arena, &there, product, err);
    rc = product_insert(tx, product, w->file->options.most_products, &cause);
    if (rc == ERR_CONFLICT || rc == ERR_LIMIT) {
        row_error(w, product->id, rc == ERR_CONFLICT ? "duplicate_id" : "catalogue_full", cause.text);
        return 0;
    }
    if (rc)
        *err = cause;
    w->file->added += rc == 0;
    return rc;
}

struct one {
    struct writing *writing;
    struct arena *arena;
    struct product product;
};

static int write_part(struct tx *tx, void *arg, struct err *err)
{
    struct one *one = arg;
    return write_one(tx, one->writing, one->arena, &one->product, err);
}

// The next of the spool. 1, 0 at the end.
static int next(struct writing *w, struct arena *arena, struct product *ret, struct err *err)
{
    static const struct loc body = {NULL, STR("body"), 0};
    int64_t head[4];
    yyjson_val *value;
    if (fread(head, sizeof head, 1, w->file->spool) != 1)
        return ferror(w->file->spool) ? err_set(err, ERR_UNAVAILABLE, "the temporary file cannot be read") : 0;
    char *json = arena_alloc(arena, (size_t)head[0] + 1);
    if (fread(json, 1, (size_t)head[0], w->file->spool) != (size_t)head[0])
        return err_set(err, ERR_UNAVAILABLE, "the temporary file cannot be read");
    w->made_id = head[1];
    w->row = head[2];
    w->line = head[3];
    *ret = (struct product){0};
    if (json_parse(arena, (struct str){json, (size_t)head[0]}, JSON_RAW_NUMBERS, &value, NULL) != 0 ||
        model_decode_at(&product_model, MODEL_LENIENT, value, &body, ret, faults_new(arena)) != 0)
        return err_set(err, ERR_INTERNAL, "a product was not kept as it was");
    return 1;
}

int product_file_write(struct tx *tx, struct product_file *file, struct err *err)
{
    AUTO_ARENA struct arena *all = arena_new(0);
    struct writing w = {.file = file, .used = map_new(), .arena = all};
    int rc = fflush(file->spool) == 0 ? 1 : err_set(err, ERR_UNAVAILABLE, "the temporary file cannot be written");
    rewind(file->spool);
    file->added = file->updated = file->skipped = 0;
    file->written.at.n = 0;
    file->written.total = file->written.rows = 0;
    while (rc == 1) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        struct one one = {.writing = &w, .arena = arena};
        rc = next(&w, arena, &one.product, err);
        if (rc == 1) {
            int written = tx_part(tx, write_part, &one, err);
            if (file->options.each)
                file->options.each(file->options.arg);
            rc = written ? written : 1;
        }
    }
    map_free(w.used);
    return rc;
}
