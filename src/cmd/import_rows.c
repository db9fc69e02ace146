// SPDX-License-Identifier: Apache-2.0
#include "cmd/import_rows.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/map.h"
#include "store/account.h"
#include "store/audit.h"
#include "store/chatbot.h"
#include "store/chatbot_key.h"
#include "store/job.h"
#include "store/place.h"
#include "store/product.h"
#include "store/staging.h"
#include "store/steps.h"

#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 256, BATCH_BYTES = 1 << 20 }; // read ahead

struct coming_row {
    const struct tenant_table *table;
    struct value *values;
};

struct coming_batch {
    struct arena *arena;
    struct coming_row rows[BATCH];
    size_t n, bytes, begin, done;
    struct coming_state mark; // where a transaction began
};

static char known, unknown; // addresses as values of the map of users

// ---- ids ------------------------------------------------------------------------------------------------------------

void coming_derive(struct str brand, struct str id, char out[ID_SIZE])
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    char hex[CRYPTO_HEX_SIZE];
    crypto_sha256_hex(arena_strf(arena, "parley-export\n" STR_FMT "\n" STR_FMT, STR_ARG(brand), STR_ARG(id)), hex);
    snprintf(out, ID_SIZE, "%.8s-%.4s-8%.3s-a%.3s-%.12s", hex, hex + 8, hex + 13, hex + 17, hex + 20); // version 8
}

struct str coming_id(const struct coming *c, struct str id, struct arena *arena)
{
    struct str *alias = map_count(c->aliases) ? map_get(c->aliases, id) : NULL;
    if (alias || !c->remap || !id_valid(id))
        return alias ? *alias : id;
    char *out = arena_alloc(arena, ID_SIZE);
    coming_derive(c->brand, id, out);
    return str_from(out);
}

static void alias(struct coming *c, struct str from, struct str to)
{
    struct str *kept = ARENA_NEW(c->arena, struct str);
    *kept = arena_str(c->arena, to);
    if (!str_eq(from, to))
        (void)map_set(c->aliases, from, kept);
}

static bool names_ids(struct str key)
{
    return str_eq(key, STR("id")) || str_ends(key, STR("Id")) || str_ends(key, STR("Ids")) || str_ends(key, STR("_id"));
}

static void map_json(const struct coming *c, yyjson_mut_doc *doc, yyjson_mut_val *value, bool ids, struct arena *arena)
{
    size_t i, n;
    yyjson_mut_val *key, *member;
    if (yyjson_mut_is_obj(value)) {
        yyjson_mut_obj_foreach(value, i, n, key, member)
        {
            map_json(c, doc, member, names_ids((struct str){yyjson_mut_get_str(key), yyjson_mut_get_len(key)}), arena);
        }
    } else if (yyjson_mut_is_arr(value)) {
        yyjson_mut_arr_foreach(value, i, n, member)
        {
            map_json(c, doc, member, ids, arena);
        }
    } else if (ids && yyjson_mut_is_str(value)) {
        struct str id = {yyjson_mut_get_str(value), yyjson_mut_get_len(value)};
        struct str other = id_valid(id) ? coming_id(c, id, arena) : id;
        yyjson_mut_set_strn(value, other.p, other.n);
    }
}

static struct value mapped_json(const struct coming *c, struct value value, struct arena *arena)
{
    yyjson_val *root;
    if (value.type != VALUE_TEXT || (!c->remap && !map_count(c->aliases)) ||
        json_parse(arena, value.s, 0, &root, NULL) != 0)
        return value;
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *copy = yyjson_val_mut_copy(doc, root);
    map_json(c, doc, copy, false, arena);
    return v_str(json_write(arena, copy));
}

// ---- users ----------------------------------------------------------------------------------------------------------

static int user_value(struct coming *c, struct value *value, struct err *err)
{
    struct user_row user;
    void *found = value->type == VALUE_TEXT ? map_get(c->users, value->s) : &unknown;
    if (!found) {
        int rc = user_by_id(c->tx, tx_arena(c->tx), value->s, &user, err);
        if (rc < 0)
            return rc;
        found = rc ? &known : &unknown;
        (void)map_set(c->users, value->s, found);
    }
    if (found == &unknown)
        *value = v_null();
    return 0;
}

// ---- what single tables want ----------------------------------------------------------------------------------------

static struct value *at(const struct tenant_table *table, struct value *values, const char *column)
{
    return &values[tenant_column(table, str_from(column))];
}

static bool is(const struct tenant_table *table, const char *name)
{
    return strcmp(table->name, name) == 0;
}

static int made_brand(struct coming *c, const struct tenant_table *t, struct value *values, struct arena *arena,
                      struct err *err)
{
    char *fold = arena_alloc(arena, BRAND_ID_SIZE);
    if (!brand_id_fold(c->brand, fold))
        return err_set(err, ERR_INVALID, "'" STR_FMT "' is no id of a brand", STR_ARG(c->brand));
    *at(t, values, "fold_id") = v_cstr(fold);
    *at(t, values, "pristine") = v_int(0);
    return 0;
}

static int made_chatbot(struct coming *c, const struct tenant_table *t, struct value *values, struct arena *arena,
                        struct err *err)
{
    char *key = arena_alloc(arena, PUBLISHABLE_KEY_SIZE);
    struct value *slug = at(t, values, "slug");
    struct chatbot chatbot = {0};
    if (slug->type != VALUE_TEXT || slug->s.n >= CHATBOT_SLUG_SIZE)
        return err_set(err, ERR_FORMAT, "a chatbot has no slug");
    int rc = chatbot_choose_slug(c->tx, arena, &chatbot, arena_cstr(arena, slug->s), err);
    *slug = v_str(chatbot.slug);
    publishable_key_make(key);
    *at(t, values, "publishable_key") = v_cstr(key);
    return rc;
}

// It waits, inactive, until somebody gives it a secret that its receiver knows.
static int made_webhook(struct coming *c, const struct tenant_table *t, struct value *values, struct arena *arena,
                        struct err *err)
{
    char bytes[32];
    (void)err;
    crypto_random(bytes, sizeof bytes);
    struct str secret = arena_strf(arena, "whsec_%s", crypto_base64(arena, (struct str){bytes, sizeof bytes}).p);
    crypto_wipe(bytes, sizeof bytes);
    struct str id = at(t, values, "id")->s;
    *at(t, values, "secret") = v_str(crypto_base64(arena, crypto_seal(c->import->app->keys, arena, id, secret)));
    *at(t, values, "secret_hint") = v_str((struct str){secret.p + secret.n - 4, 4});
    *at(t, values, "active") = v_int(0);
    *at(t, values, "disabled_reason") = v_cstr("imported");
    return 0;
}

// A product keeps its place among those that come with it, behind those that are there.
static int made_product(struct coming *c, const struct tenant_table *t, struct value *values, struct arena *arena,
                        struct err *err)
{
    (void)arena;
    at(t, values, "position")->i += c->at.position;
    return staging_bring(c->tx, at(t, values, "id")->s, err);
}

// No answer is being written any more.
static int made_message(struct coming *c, const struct tenant_table *t, struct value *values, struct arena *arena,
                        struct err *err)
{
    struct value *status = at(t, values, "status"), *content = at(t, values, "content");
    (void)c, (void)arena, (void)err;
    if (status->type == VALUE_TEXT && str_eq(status->s, STR("running"))) {
        *status = v_cstr(content->type == VALUE_TEXT && content->s.n ? "interrupted" : "failed");
        *at(t, values, "finish_reason") = v_cstr("error");
    }
    return 0;
}

static int added_brand(struct coming *c, const struct tenant_table *t, struct value *values, struct err *err)
{
    (void)t, (void)values;
    return brand_hide(c->tx, clock_wall_ms(), err);
}

static int added_chatbot(struct coming *c, const struct tenant_table *t, struct value *values, struct err *err)
{
    struct str id = at(t, values, "id")->s;
    int rc = place_add(c->tx, "slug", at(t, values, "slug")->s, id, err);
    return rc ? rc : place_add(c->tx, "publishable", at(t, values, "publishable_key")->s, id, err);
}

static int added_document(struct coming *c, const struct tenant_table *t, struct value *values, struct err *err)
{
    const struct value *status = at(t, values, "status");
    if (status->type != VALUE_TEXT || !str_is_choice("pending|processing", status->s))
        return 0;
    struct str payload =
        arena_strf(tx_arena(c->tx), "{\"documentId\":\"" STR_FMT "\"}", STR_ARG(at(t, values, "id")->s));
    return job_insert(c->tx, "document.process", payload, clock_wall_ms(), err);
}

static int added_product(struct coming *c, const struct tenant_table *t, struct value *values, struct err *err)
{
    struct product now = {.position = at(t, values, "position")->i,
                          .document_id = at(t, values, "document_id")->s,
                          .created_at = at(t, values, "created_at")->i};
    struct tenant_counts *counts = &c->at.counts;
    counts->products++;
    counts->last_position = counts->last_position < now.position ? now.position : counts->last_position;
    return staging_meet(c->tx, at(t, values, "id")->s, &now, err);
}

static int added_conversation(struct coming *c, const struct tenant_table *t, struct value *values, struct err *err)
{
    (void)t, (void)values, (void)err;
    c->at.counts.conversations++;
    return 0;
}

static int added_message(struct coming *c, const struct tenant_table *t, struct value *values, struct err *err)
{
    (void)t, (void)values, (void)err;
    c->at.counts.messages++;
    return 0;
}

static int added_webhook(struct coming *c, const struct tenant_table *t, struct value *values, struct err *err)
{
    (void)t, (void)values, (void)err;
    c->at.webhooks++;
    return 0;
}

static const struct {
    const char *table;
    int (*made)(struct coming *c, const struct tenant_table *t, struct value *values, struct arena *arena,
                struct err *err); // before it is written
    int (*added)(struct coming *c, const struct tenant_table *t, struct value *values, struct err *err); // a new row
} wants[] = {
    {"brands", made_brand, added_brand},         {"chatbots", made_chatbot, added_chatbot},
    {"products", made_product, added_product},   {"documents", NULL, added_document},
    {"conversations", NULL, added_conversation}, {"messages", made_message, added_message},
    {"webhooks", made_webhook, added_webhook},
};
enum { WANTS = sizeof wants / sizeof *wants };

// ---- a row ----------------------------------------------------------------------------------------------------------

static int adapt(struct coming *c, const struct tenant_table *t, struct value *values, struct arena *arena,
                 struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < t->n && !rc; i++) {
        unsigned flags = t->columns[i].flags;
        if (flags & TENANT_ID && values[i].type == VALUE_TEXT)
            values[i] = v_str(coming_id(c, values[i].s, arena));
        else if (flags & TENANT_JSON)
            values[i] = mapped_json(c, values[i], arena);
        else if (flags & TENANT_USER)
            rc = user_value(c, &values[i], err);
    }
    return rc;
}

// A brand has one default chatbot: the file's becomes the one that is there.
static void meet_default(struct coming *c, const struct tenant_table *t, struct value *values)
{
    struct value *id = at(t, values, "id");
    if (is(t, "chatbots") && at(t, values, "is_default")->i == 1 && c->chatbot_id.p && !map_get(c->aliases, id->s))
        alias(c, id->s, c->chatbot_id);
}

static int clear_children(struct coming *c, const struct tenant_table *t, struct str id, struct err *err)
{
    const struct tenant_table *all;
    size_t n = tenant_tables(&all);
    int64_t gone = 0;
    int rc = 0;
    for (size_t i = 0; i < n && !rc; i++) {
        if (!all[i].parent || strcmp(all[i].parent, t->name) != 0)
            continue;
        rc = tenant_clear(c->tx, &all[i], id, &gone, err);
        c->at.counts.messages -= is(&all[i], "messages") ? gone : 0;
    }
    return rc;
}

static bool with_parent(const struct coming *c, const struct tenant_table *t)
{
    return t->parent && c->at.parent_table && is(c->at.parent_table, t->parent) &&
           (c->at.parent == TENANT_ADDED || c->at.parent == TENANT_UPDATED);
}

// As tenant_put, with a note of how to take it back; what belongs to a row that has one needs none.
static int put_noted(struct coming *c, const struct tenant_table *t, uint64_t present, const struct value *values,
                     bool replace, enum tenant_outcome *ret, struct err *err)
{
    struct value was[TENANT_COLUMNS];
    bool noted = !c->undo.makes_brand && !with_parent(c, t);
    int there = noted && replace ? tenant_get(c->tx, t, values, tx_arena(c->tx), was, err) : 0;
    int rc = there < 0 ? there : tenant_put(c->tx, t, present, values, replace, ret, err);
    if (rc || !noted || (*ret != TENANT_ADDED && *ret != TENANT_UPDATED))
        return rc;
    return *ret == TENANT_ADDED ? undo_added(c->tx, &c->undo, t, values, err) : undo_kept(c->tx, &c->undo, t, was, err);
}

static int put(struct coming *c, const struct tenant_table *t, struct value *values, struct str original,
               enum tenant_outcome *ret, struct err *err)
{
    bool own = c->pristine && (is(t, "brands") || (is(t, "chatbots") && at(t, values, "is_default")->i == 1));
    uint64_t present = c->head->present[t->index];
    struct str twin;
    int rc = put_noted(c, t, present, values, c->replace || own, ret, err);
    if (rc || *ret != TENANT_OTHER || !t->natural)
        return rc;
    rc = tenant_twin(c->tx, t, values, c->arena, &twin, err);
    if (rc != 1)
        return rc;
    alias(c, original, twin);
    *at(t, values, "id") = v_str(twin);
    return put_noted(c, t, present, values, c->replace, ret, err);
}

static int settle(struct coming *c, const struct tenant_table *t, struct value *values, size_t want,
                  enum tenant_outcome outcome, struct err *err)
{
    size_t id = tenant_column(t, STR("id"));
    int rc = 0;
    if (outcome == TENANT_UPDATED && id < t->n) {
        rc = undo_children(c->tx, &c->undo, t, values[id].s, err);
        rc = rc ? rc : clear_children(c, t, values[id].s, err);
    }
    if (outcome == TENANT_ADDED && t->place) {
        struct str name = at(t, values, t->place_column)->s;
        rc = place_add(c->tx, t->place, name, name, err);
    }
    if (!rc && outcome == TENANT_ADDED && want < WANTS && wants[want].added)
        rc = wants[want].added(c, t, values, err);
    c->report->added += outcome == TENANT_ADDED;
    c->report->updated += outcome == TENANT_UPDATED;
    c->report->skipped += outcome > TENANT_UPDATED;
    if (!t->parent) {
        c->at.parent_table = t;
        c->at.parent = outcome;
    }
    return rc;
}

struct one {
    struct coming *c;
    const struct tenant_table *table;
    struct value *values;
};

static int take_row(struct tx *tx, void *arg, struct err *err)
{
    const struct one *o = arg;
    struct coming *c = o->c;
    const struct tenant_table *t = o->table;
    struct tx *whole = c->tx;
    enum tenant_outcome outcome = TENANT_KEPT;
    size_t want = 0, id = tenant_column(t, STR("id"));
    c->tx = tx;
    meet_default(c, t, o->values);
    struct str original = id < t->n && o->values[id].type == VALUE_TEXT ? o->values[id].s : STR("");
    int rc = adapt(c, t, o->values, tx_arena(tx), err);
    while (want < WANTS && !is(t, wants[want].table))
        want++;
    if (!rc && want < WANTS && wants[want].made)
        rc = wants[want].made(c, t, o->values, tx_arena(tx), err);
    rc = rc ? rc : put(c, t, o->values, original, &outcome, err);
    rc = rc ? rc : settle(c, t, o->values, want, outcome, err);
    c->tx = whole;
    return rc;
}

// The first products replace samples that nobody touched.
static int begin_products(struct coming *c, struct err *err)
{
    const struct tenant_table *products = tenant_find(STR("products"));
    struct strings samples = {0};
    int rc = c->pristine ? product_samples(c->tx, &samples, err) : 0;
    for (size_t i = 0; i < samples.n && !rc; i++) {
        rc = staging_bring(c->tx, samples.at[i], err);
        rc = rc ? rc : undo_keep(c->tx, &c->undo, products, samples.at[i], err);
        rc = rc ? rc : product_remove(c->tx, samples.at[i], err);
    }
    c->at.began = true;
    return rc ? rc : tenant_last_position(c->tx, &c->at.position, err);
}

static int write_row(struct coming *c, const struct coming_row *row, struct err *err)
{
    struct value values[TENANT_COLUMNS];
    const struct tenant_table *table = row->table;
    memcpy(values, row->values, table->n * sizeof *values); // they become others on the way
    struct one one = {c, table, values};
    int rc = 0;
    if (table->parent && c->at.parent_table && strcmp(table->parent, c->at.parent_table->name) == 0 &&
        (c->at.parent == TENANT_KEPT || c->at.parent == TENANT_OTHER)) {
        c->report->skipped++; // what it belongs to stays as it is, and so does all of it
        return 0;
    }
    if (!c->at.began && is(table, "products"))
        rc = begin_products(c, err);
    return rc ? rc : tx_part(c->tx, take_row, &one, err);
}

// ---- transactions ---------------------------------------------------------------------------------------------------

static int write_some(struct tx *tx, void *arg, struct err *err)
{
    struct coming *c = arg;
    struct coming_batch *b = c->batch;
    int64_t until = clock_mono_us() + STEP_HOLD_US;
    tx_quiet(tx);
    import_report_back(c->report);
    c->at = b->mark;
    c->undo.n = c->at.notes;
    c->tx = tx;
    int rc = undo_check(tx, &c->undo, err);
    for (b->done = b->begin; !rc && b->done < b->n && (b->done == b->begin || clock_mono_us() < until); b->done++)
        rc = write_row(c, &b->rows[b->done], err);
    c->at.notes = c->undo.n;
    return rc;
}

static int write_batch(struct coming *c, struct err *err)
{
    struct coming_batch *b = c->batch;
    struct scope scope = scope_brand(c->brand, STR("import"));
    int rc = 0;
    for (b->begin = 0; b->begin < b->n && !rc; b->begin = b->done) {
        import_report_mark(c->report);
        b->mark = c->at;
        rc = store_step(c->import->app->store, &scope, write_some, c, err);
        for (size_t i = b->begin; i < b->done && !rc; i++)
            progress_add(c->import->progress, 1);
    }
    b->n = b->bytes = 0;
    arena_free(b->arena);
    b->arena = arena_new(0);
    return rc;
}

int coming_row(struct coming *c, const struct tenant_table *table, const struct value *values, struct err *err)
{
    struct coming_batch *b = c->batch;
    struct coming_row *row = &b->rows[b->n++];
    *row = (struct coming_row){table, arena_calloc(b->arena, table->n, sizeof *row->values)};
    for (size_t i = 0; i < table->n; i++) {
        row->values[i] = values[i];
        if (values[i].type == VALUE_TEXT) {
            row->values[i] = v_str(arena_str(b->arena, values[i].s));
            b->bytes += values[i].s.n;
        }
    }
    return b->n < BATCH && b->bytes < BATCH_BYTES ? 0 : write_batch(c, err);
}

static int begin(struct tx *tx, void *arg, struct err *err)
{
    const struct coming *c = arg;
    tx_quiet(tx);
    return undo_begin(tx, &c->undo, clock_wall_ms(), err);
}

int coming_begin(struct coming *c, struct err *err)
{
    struct scope scope = scope_brand(c->brand, STR("import"));
    char *id = NULL;
    c->arena = arena_new(0);
    c->aliases = map_new();
    c->users = map_new();
    c->batch = mem_zalloc(sizeof *c->batch);
    c->batch->arena = arena_new(0);
    id = arena_alloc(c->arena, ID_SIZE);
    id_v7(id);
    c->undo = (struct undo){str_from(id), !c->chatbot_id.p, 0};
    return store_write(c->import->app->store, &scope, begin, c, err);
}

static int end(struct tx *tx, void *arg, struct err *err)
{
    struct coming *c = arg;
    struct tenant_counts counts = c->at.counts;
    bool there = c->chatbot_id.p;
    if (!there)
        counts.conversations = counts.messages = 0; // its row of totals came with it
    int rc = tenant_came_in(tx, &counts, err);
    rc = rc ? rc : audit_write(tx, there ? "config.update" : "brand.create", c->brand, STR("import"), err);
    if (!rc && c->embeds)
        rc = job_ensure(tx, "embed", STR("{}"), clock_wall_ms(), err);
    tx_changed(tx, CHANGE_BRAND, STR_NULL);
    tx_changed(tx, CHANGE_CHATBOT, STR_NULL);
    tx_changed(tx, CHANGE_PRODUCT, STR_NULL);
    tx_changed(tx, CHANGE_DOCUMENT, STR_NULL);
    return rc ? rc : undo_done(tx, &c->undo, err);
}

int coming_end(struct coming *c, struct err *err)
{
    struct scope scope = scope_brand(c->brand, STR("import"));
    int rc = write_batch(c, err);
    import_report_mark(c->report);
    return rc ? rc : store_write(c->import->app->store, &scope, end, c, err);
}

void coming_done(struct coming *c)
{
    map_free(c->aliases);
    map_free(c->users);
    arena_free(c->arena);
    if (c->batch)
        arena_free(c->batch->arena);
    free(c->batch);
    c->aliases = c->users = NULL;
    c->arena = NULL;
    c->batch = NULL;
}
