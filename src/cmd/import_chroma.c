// SPDX-License-Identifier: Apache-2.0
// A Chroma folder: which collections are taken, for which brand, and as what (001-brands 16.3).
#include "cmd/import_parts.h"

#include "engine/import_brand.h"
#include "base/id.h"
#include "base/clock.h"
#include "store/steps.h"
#include "engine/import_document.h"
#include "ingest/chroma.h"

#include <stdlib.h>

struct part { // of the source that is taken
    const struct chroma_collection *collection;
    struct str brand;              // its id as the name has it; STR_NULL: the one chosen
    struct str id;                 // the brand that it goes into
    struct product_file *products; // one of these
    struct import_documents *documents;
    char import_id[ID_SIZE]; // of documents; "": not begun
    struct undo undo;
    struct brand_make *made; // their brand, which nobody sees yet; NULL: it was there
};

struct state {
    struct chroma *chroma;
    VEC(struct part) parts;
};

static bool is_known(struct str name, struct str *ret_brand)
{
    static const struct str plain = STR("products"), prefix = STR("products_");
    *ret_brand = STR_NULL;
    if (str_eq(name, plain))
        return true;
    if (!str_starts(name, prefix) || name.n == prefix.n)
        return false;
    *ret_brand = (struct str){name.p + prefix.n, name.n - prefix.n};
    return true;
}

static bool asked_for(const struct import_options *o, struct str name)
{
    for (size_t i = 0; i < o->n_collections; i++)
        if (str_eq(str_from(o->collections[i]), name))
            return true;
    return false;
}

static int check_asked(const struct import_options *o, const struct chroma_collection *all, size_t n, struct err *err)
{
    for (size_t i = 0; i < o->n_collections; i++) {
        bool found = false;
        for (size_t k = 0; k < n; k++)
            found |= str_eq(str_from(o->collections[i]), all[k].name);
        if (!found)
            return err_set(err, ERR_NOT_FOUND, "there is no collection '%.64s'", o->collections[i]);
    }
    return 0;
}

// The brand that the part goes into.
static int choose_brand(struct import *import, struct part *part, bool known, struct import_report *report,
                        struct err *err)
{
    struct arena *arena = report->arena;
    const struct chroma_collection *c = part->collection;
    char *id = arena_alloc(arena, BRAND_ID_SIZE), named[BRAND_ID_SIZE], a[BRAND_ID_SIZE], b[BRAND_ID_SIZE];
    if (!known)
        return import_brand_chosen(import, arena, &part->id, err);
    bool standard = !part->brand.p || str_eq(part->brand, STR("default"));
    import_brand_id(standard ? str_from(settings_str(import->app->settings, SET_DEFAULT_BRAND)) : part->brand, id);
    part->id = str_from(id);
    if (!standard && !str_eq(part->id, part->brand))
        import_report_note(report, "The brand '" STR_FMT "' gets the id '%s'", STR_ARG(part->brand), id);
    if (c->brand.n && !standard) {
        import_brand_id(c->brand, named);
        if (!brand_id_fold(str_from(named), a) || !brand_id_fold(part->id, b) || strcmp(a, b) != 0)
            import_report_note(report, "Collection '" STR_FMT "' names the brand '" STR_FMT "'; its own name counts",
                               STR_ARG(c->name), STR_ARG(c->brand));
    }
    return 0;
}

static int add_part(struct import *import, struct state *state, const struct chroma_collection *c,
                    struct import_report *report, struct err *err)
{
    const struct import_options *o = &import->options;
    struct part part = {.collection = c};
    bool known = is_known(c->name, &part.brand);
    if (o->n_collections ? !asked_for(o, c->name) : !known) {
        import_report_note(report, "Collection '" STR_FMT "' was not asked for and is left out", STR_ARG(c->name));
        return 0;
    }
    if (!c->segment.p)
        import_report_note(report, "Collection '" STR_FMT "' has no METADATA segment: only what is queued is read",
                           STR_ARG(c->name));
    int rc = choose_brand(import, &part, known, report, err);
    if (rc)
        return rc;
    if (o->as ? strcmp(o->as, "products") == 0 || (known && !o->n_collections) : known) {
        struct product_file_options options = import_product_options(import, PRODUCTS_IN_OBJECTS);
        options.may_be_empty = true;
        part.products = product_file_new(&options);
    } else {
        struct import_documents_options options = {
            c->name,          o->on_conflict, settings_int(import->app->settings, SET_LIMITS_DOCUMENTS),
            import->temp_dir, import_count,   import->progress};
        part.documents = import_documents_new(&options);
    }
    vec_add(&state->parts, part);
    return part.products || part.documents ? 0 : err_set(err, ERR_IO, "no temporary file can be made: %m");
}

// ---- reading -------------------------------------------------------------------------------------------------------

struct reading {
    struct import *import;
    struct part *part;
    int64_t rows, broken; // broken: product_data that is no JSON
};

static int take(void *arg, const struct chroma_record *record)
{
    struct reading *r = arg;
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct import_record one = {record->id, r->part->brand, record->metadata, record->document};
    struct product_place at = {0};
    r->rows++;
    progress_add(r->import->progress, 1);
    if (r->part->documents) {
        struct import_document document;
        import_record_document(&one, arena, &document);
        return import_documents_add(r->part->documents, &document);
    }
    yyjson_val *object;
    r->broken += !import_record_product(&one, arena, &object);
    return object ? product_file_object(r->part->products, &at, object) : product_file_bad(r->part->products, &at);
}

static int read_part(struct import *import, struct state *state, struct part *part, struct import_report *report,
                     struct err *err)
{
    struct reading r = {import, part, 0, 0};
    int rc = chroma_each(state->chroma, part->collection, take, &r, err);
    if (r.broken)
        import_report_note(report,
                           "Collection '" STR_FMT "': product_data of %lld records is no JSON object; their "
                           "other keys were taken",
                           STR_ARG(part->collection->name), (long long)r.broken);
    if (rc) {
        import_report_note(report, "Collection '" STR_FMT "': %lld records could be read before the fault",
                           STR_ARG(part->collection->name), (long long)r.rows);
        return err->code ? rc : err_set(err, rc, "the temporary file cannot be written");
    }
    if (part->products) {
        product_file_end(part->products);
        import_note_warnings(part->products, report);
    }
    return 0;
}

static int read_source(struct import *import, const char *path, struct import_report *report, void **ret_state,
                       struct err *err)
{
    struct state *state = *ret_state = mem_zalloc(sizeof *state);
    size_t n = 0;
    int rc = chroma_open(path, import->temp_dir, &state->chroma, err);
    if (rc)
        return rc;
    const struct chroma_collection *all = chroma_collections(state->chroma, &n);
    rc = check_asked(&import->options, all, n, err);
    for (size_t i = 0; i < n && !rc; i++)
        rc = add_part(import, state, &all[i], report, err);
    for (size_t i = 0; i < state->parts.n && !rc; i++)
        rc = read_part(import, state, &state->parts.at[i], report, err);
    return rc;
}

// ---- writing -------------------------------------------------------------------------------------------------------

struct writing {
    struct import *import;
    struct state *state;
    struct import_report *report;
    struct part *part;
};

static int begin_undo(struct tx *tx, void *arg, struct err *err)
{
    const struct part *part = arg;
    return undo_begin(tx, &part->undo, clock_wall_ms(), err);
}

// Another part of the source has made it already, and it is there for its own documents too.
static struct part *maker_of(struct writing *w)
{
    for (struct part *p = w->state->parts.at; p < w->part; p++)
        if (p->made && str_eq(p->id, w->part->id))
            return p;
    return NULL;
}

static int begin_documents(struct tx *tx, void *arg, struct err *err)
{
    struct writing *w = arg;
    struct part *part = w->part;
    int rc = import_brand_reserve(tx, w->report->arena, part->id, &part->id, &part->made, err);
    part->undo = (struct undo){str_from(part->import_id), part->made != NULL, 0};
    return rc ? rc : tx_in_brand(tx, part->id, begin_undo, part, err);
}

// Documents come in small transactions, before the one that ends it all.
static int write_documents(struct writing *w, struct err *err)
{
    struct store *store = w->import->app->store;
    struct scope everywhere = scope_installation(STR("import"));
    const struct part *maker = maker_of(w);
    int rc = 0;
    if (maker) {
        w->part->undo = maker->undo;
    } else {
        id_v7(w->part->import_id);
        rc = store_step(store, &everywhere, begin_documents, w, err);
    }
    struct scope scope = scope_brand(w->part->id, STR("import"));
    return rc ? rc : import_documents_write(store, &scope, w->part->documents, &w->part->undo, w->report, err);
}

static int end_documents(struct tx *tx, void *arg, struct err *err)
{
    const struct writing *w = arg;
    struct part *part = w->part;
    int rc = part->import_id[0] ? undo_done(tx, &part->undo, err) : 0;
    rc = rc || !part->made ? rc : brand_make_tell(tx, part->made, err);
    return rc ? rc : import_documents_end(tx, part->documents, err);
}

static int write_products(struct tx *tx, struct writing *w, struct err *err)
{
    const struct part *part = w->part;
    struct str brand;
    bool made;
    int rc = import_brand_ensure(tx, tx_arena(tx), part->id, &brand, &made, err);
    if (rc)
        return rc;
    if (made)
        import_report_note(w->report, "The brand '" STR_FMT "' was made", STR_ARG(brand));
    return import_products_into(tx, brand, part->products, part->collection->name, w->report, err);
}

// Documents first: what they made is there for products then.
static int write_end(struct tx *tx, void *arg, struct err *err)
{
    struct writing *w = arg;
    int rc = 0;
    import_report_back(w->report);
    for (size_t i = 0; i < w->state->parts.n && !rc; i++) {
        w->part = &w->state->parts.at[i];
        if (!w->part->documents)
            continue;
        if (w->part->made)
            import_report_note(w->report, "The brand '" STR_FMT "' was made", STR_ARG(w->part->id));
        rc = tx_in_brand(tx, w->part->id, end_documents, w, err);
    }
    for (size_t i = 0; i < w->state->parts.n && !rc; i++) {
        w->part = &w->state->parts.at[i];
        rc = w->part->products ? write_products(tx, w, err) : 0;
    }
    return rc;
}

static int load_ids(struct tx *tx, void *arg, struct err *err)
{
    struct writing *w = arg;
    struct brand_row row;
    int rc = 0;
    for (size_t i = 0; i < w->state->parts.n && rc >= 0; i++) {
        struct part *part = &w->state->parts.at[i];
        rc = import_brand_load(tx, w->report->arena, part->id, &row, err);
        if (rc == 1)
            part->id = row.brand.id;
    }
    return rc < 0 ? rc : 0;
}

// What comes second into a brand may meet what came first: it waits for the transaction.
static bool is_first(const struct state *state, size_t part)
{
    for (size_t i = 0; i < part; i++)
        if (state->parts.at[i].products && str_eq(state->parts.at[i].id, state->parts.at[part].id))
            return false;
    return state->parts.at[part].products;
}

static int write_source(struct import *import, void *arg, struct import_report *report, struct err *err)
{
    struct scope scope = scope_installation(STR("import"));
    struct state *state = arg;
    struct writing w = {import, state, report, NULL};
    int rc = store_read(import->app->store, &scope, load_ids, &w, err);
    for (size_t i = 0; i < state->parts.n && !rc; i++)
        if (is_first(state, i))
            rc = import_products_stage(import, state->parts.at[i].id, state->parts.at[i].products, err);
    for (size_t i = 0; i < state->parts.n && !rc; i++) {
        w.part = &state->parts.at[i];
        rc = w.part->documents ? write_documents(&w, err) : 0;
    }
    rc = rc ? rc : store_write(import->app->store, &scope, write_end, &w, err);
    for (size_t i = 0; i < state->parts.n; i++)
        import_products_settle(import, state->parts.at[i].id, state->parts.at[i].products);
    return rc;
}

static void free_state(void *arg)
{
    struct state *state = arg;
    if (!state)
        return;
    for (size_t i = 0; i < state->parts.n; i++) {
        product_file_free(state->parts.at[i].products);
        import_documents_free(state->parts.at[i].documents);
    }
    vec_done(&state->parts);
    chroma_close(state->chroma);
    free(state);
}

const struct import_format import_chroma = {"chroma", chroma_detects, read_source, write_source, free_state};
