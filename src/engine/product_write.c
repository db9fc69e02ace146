// SPDX-License-Identifier: Apache-2.0
// The spooled products into the catalogue or into a staging. An id that was made from a name belongs to the product of
// that name; where another has it, the next free number is put behind it.
#include "engine/product_file_internal.h"

#include "base/clock.h"
#include "base/map.h"
#include "model/fault.h"
#include "store/product.h"
#include "store/staging.h"

#include <stdlib.h>

struct used { // an id of this file
    int64_t row;
    struct str name;
};

static void row_error(struct product_writing *w, struct str id, const char *code, const char *detail)
{
    struct product_error error = {w->row, w->line, w->file->sheet, id, "id", code, detail};
    product_errors_add(&w->file->written, &error);
}

// The one of this id that the file meets. 1, 0.
static int find(struct tx *tx, const struct product_writing *w, struct arena *arena, struct str id, struct product *ret,
                struct err *err)
{
    int rc = product_get(tx, arena, id, ret, err);
    return rc == 1 && w->staging.p && w->file->options.drops_samples && ret->sample ? 0 : rc;
}

// Where a made id stands: free, or the product of the same name.
static int settle_id(struct tx *tx, struct product_writing *w, struct arena *arena, struct product *product,
                     struct err *err)
{
    struct str base = product->id;
    for (int suffix = 2; w->made_id; suffix++) {
        struct product there;
        const struct used *used = map_get(w->used, product->id);
        if (used && str_eq(used->name, product->name))
            return 0;
        int found = used ? 1 : find(tx, w, arena, product->id, &there, err);
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

static int stage(struct tx *tx, struct product_writing *w, struct product *product, const struct product *there,
                 struct err *err)
{
    w->last = w->row;
    w->fresh += !there;
    return staging_add(tx, w->staging, product, w->row, there, err);
}

static int write_known(struct tx *tx, struct product_writing *w, struct arena *arena, const struct product *there,
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
    return w->staging.p ? stage(tx, w, product, there, err) : product_replace(tx, product, err);
}

static int write_new(struct tx *tx, struct product_writing *w, bool there, struct product *product, struct err *err)
{
    if (!w->staging.p)
        return product_insert(tx, product, w->file->options.most_products, err);
    if (there)
        return err_set(err, ERR_CONFLICT, "Product '" STR_FMT "' already exists", STR_ARG(product->id));
    if (w->room - w->fresh <= 0)
        return err_set(err, ERR_LIMIT, "Catalogue is full");
    return stage(tx, w, product, NULL, err);
}

static int write_one(struct tx *tx, struct product_writing *w, struct arena *arena, struct product *product,
                     struct err *err)
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
    vec_add(&w->ids, arena_str(w->arena, product->id));
    (void)map_set(w->used, product->id, used);
    int found = find(tx, w, arena, product->id, &there, err);
    if (found < 0)
        return found;
    if (found && w->file->options.on_conflict != PRODUCT_CONFLICT_ERROR)
        return write_known(tx, w, arena, &there, product, err);
    rc = write_new(tx, w, found, product, &cause);
    if (rc == ERR_CONFLICT || rc == ERR_LIMIT) {
        row_error(w, product->id, rc == ERR_CONFLICT ? "duplicate_id" : "catalogue_full", cause.text);
        return 0;
    }
    if (rc)
        *err = cause;
    w->file->added += rc == 0;
    return rc;
}

// ---- a transaction's part -------------------------------------------------------------------------------------------

struct one {
    struct product_writing *writing;
    const struct product_spooled *spooled;
};

static int write_part(struct tx *tx, void *arg, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct one *one = arg;
    struct product product = one->spooled->product;
    return write_one(tx, one->writing, arena, &product, err);
}

void product_writing_begin(struct product_writing *w, struct product_file *file)
{
    *w = (struct product_writing){.file = file, .used = map_new(), .arena = arena_new(0)};
    file->added = file->updated = file->skipped = 0;
    file->written.at.n = 0;
    file->written.total = file->written.rows = 0;
}

int product_writing_put(struct tx *tx, struct product_writing *w, const struct product_spooled *spooled,
                        struct err *err)
{
    struct one one = {w, spooled};
    w->row = spooled->row;
    w->line = spooled->line;
    w->made_id = spooled->made_id;
    return tx_part(tx, write_part, &one, err);
}

void product_writing_end(struct product_writing *w)
{
    map_free(w->used);
    vec_done(&w->ids);
    arena_free(w->arena);
}

// ---- the spool ------------------------------------------------------------------------------------------------------

int product_spool_rewind(struct product_file *file, struct err *err)
{
    if (fflush(file->spool) != 0)
        return err_set(err, ERR_UNAVAILABLE, "the temporary file cannot be written");
    rewind(file->spool);
    return 0;
}

int product_spool_next(struct product_file *file, struct arena *arena, struct product_spooled *ret, struct err *err)
{
    static const struct loc body = {NULL, STR("body"), 0};
    int64_t head[4];
    yyjson_val *value;
    if (fread(head, sizeof head, 1, file->spool) != 1)
        return ferror(file->spool) ? err_set(err, ERR_UNAVAILABLE, "the temporary file cannot be read") : 0;
    char *json = arena_alloc(arena, (size_t)head[0] + 1);
    if (fread(json, 1, (size_t)head[0], file->spool) != (size_t)head[0])
        return err_set(err, ERR_UNAVAILABLE, "the temporary file cannot be read");
    *ret = (struct product_spooled){.made_id = head[1], .row = head[2], .line = head[3]};
    if (json_parse(arena, (struct str){json, (size_t)head[0]}, JSON_RAW_NUMBERS, &value, NULL) != 0 ||
        model_decode_at(&product_model, MODEL_LENIENT, value, &body, &ret->product, faults_new(arena)) != 0)
        return err_set(err, ERR_INTERNAL, "a product was not kept as it was");
    return 1;
}

// ---- all ------------------------------------------------------------------------------------------------------------

// Who changed a product meanwhile has told the staging: what it counts is true.
static int show(struct tx *tx, struct product_file *file, struct err *err)
{
    struct staging_counts n;
    int rc = staging_show(tx, str_from(file->staging), clock_wall_ms(), &n, err);
    if (rc)
        return rc;
    file->updated = file->staged_updated + file->staged_added - n.fresh - n.passed;
    file->added = n.fresh;
    file->skipped = file->staged_skipped + n.passed;
    return 0;
}

int product_file_write(struct tx *tx, struct product_file *file, struct err *err)
{
    struct product_writing w;
    if (file->staging[0])
        return show(tx, file, err);
    int rc = product_spool_rewind(file, err);
    product_writing_begin(&w, file);
    for (int more = !rc; more == 1 && !rc;) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        struct product_spooled spooled;
        more = product_spool_next(file, arena, &spooled, err);
        rc = more < 0 ? more : more ? product_writing_put(tx, &w, &spooled, err) : 0;
        if (more == 1 && file->options.each)
            file->options.each(file->options.arg);
    }
    product_writing_end(&w);
    return rc;
}
