// SPDX-License-Identifier: Apache-2.0
#include "engine/import_document.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/id.h"
#include "engine/passages.h"
#include "model/text.h"
#include "store/audit.h"
#include "store/crud.h"
#include "store/document.h"
#include "store/job.h"
#include "store/knowledge.h"
#include "store/steps.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum part { KEY, TITLE, TEXT, METADATA, PARTS };
enum { BATCH = 256, BATCH_BYTES = 1 << 20 }; // read ahead

struct import_documents {
    struct import_documents_options options;
    FILE *spool; // of each: four lengths, then the texts
    bool changed;
};

struct import_documents *import_documents_new(const struct import_documents_options *options)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/documents-XXXXXX", options->temp_dir) >= (int)sizeof path)
        return NULL;
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return NULL;
    (void)unlink(path);
    struct import_documents *documents = mem_zalloc(sizeof *documents);
    documents->options = *options;
    documents->spool = fdopen(fd, "w+");
    return documents;
}

void import_documents_free(struct import_documents *documents)
{
    if (!documents)
        return;
    (void)fclose(documents->spool);
    free(documents);
}

int import_documents_add(struct import_documents *documents, const struct import_document *document)
{
    const struct str parts[PARTS] = {document->key, document->title, document->text, document->metadata};
    uint64_t lengths[PARTS];
    for (int i = 0; i < PARTS; i++)
        lengths[i] = parts[i].n;
    bool ok = fwrite(lengths, sizeof lengths, 1, documents->spool) == 1;
    for (int i = 0; i < PARTS && ok; i++)
        ok = parts[i].n == 0 || fwrite(parts[i].p, 1, parts[i].n, documents->spool) == parts[i].n;
    return ok ? 0 : ERR_IO;
}

// ---- writing -------------------------------------------------------------------------------------------------------

struct one {
    int64_t row;
    struct str part[PARTS];
};

struct writing {
    struct import_documents *documents;
    struct import_report *report;
    struct undo *undo;
    int64_t row, room; // room: documents that the brand may still take
    struct one batch[BATCH];
    size_t n, begin, done;
    struct {
        int64_t room, notes;
        bool changed;
    } mark; // where a transaction began
    // The one under way:
    struct arena *arena;
    const struct one *one;
    char id[ID_SIZE];
};

static int fail_row(struct writing *w, const char *code, const char *detail)
{
    struct import_row row = {.row = w->one->row,
                             .sheet = w->documents->options.collection,
                             .id = w->one->part[KEY],
                             .code = code,
                             .detail = detail};
    import_report_row(w->report, &row);
    return 0;
}

// A version 8 UUID: the same for the same record, and another one in another brand.
static void make_id(struct writing *w, struct str brand)
{
    char hex[CRYPTO_HEX_SIZE];
    crypto_sha256_hex(arena_strf(w->arena, STR_FMT "\n" STR_FMT "\n" STR_FMT, STR_ARG(brand),
                                 STR_ARG(w->documents->options.collection), STR_ARG(w->one->part[KEY])),
                      hex);
    hex[12] = '8';
    hex[16] = '8';
    (void)snprintf(w->id, sizeof w->id, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static int put_text(struct tx *tx, struct writing *w, struct err *err)
{
    struct passages passages;
    passages_init(&passages, w->arena);
    for (struct str rest = w->one->part[TEXT]; rest.p;)
        passages_paragraph(&passages, str_split(&rest, '\n'), 0);
    passages_end(&passages);
    struct document_place *places = arena_calloc(w->arena, passages.at.n + 1, sizeof *places);
    for (size_t i = 0; i < passages.at.n; i++)
        places[i] = (struct document_place){0, passages.at.at[i].start, passages.at.at[i].end, STR("")};
    int rc =
        document_complete(tx, str_from(w->id), buf_str(&passages.text), places, passages.at.n, 0, clock_wall_ms(), err);
    passages_done(&passages);
    return rc;
}

static int put_facts(struct tx *tx, struct writing *w, struct str hash, struct document *d, struct err *err)
{
    int rc = document_get(tx, w->arena, str_from(w->id), d, err);
    if (rc != 1)
        return rc < 0 ? rc : err_set(err, ERR_INTERNAL, "the document is gone");
    model_put_str(&document_model, d, "title", w->one->part[TITLE]);
    model_put_str(&document_model, d, "metadata", w->one->part[METADATA]);
    model_put_str(&document_model, d, "mimeType", STR("text/plain"));
    model_put_str(&document_model, d, "sha256", hash);
    model_put_str(&document_model, d, "titleFold", text_fold_case(w->arena, w->one->part[TITLE]));
    d->size = (int64_t)w->one->part[TEXT].n;
    model_mark(&document_model, d, "fileSizeBytes", true);
    w->documents->changed = true;
    return crud_update(tx, &document_model, d, err);
}

static int write_known(struct tx *tx, struct writing *w, struct str hash, struct document *there, struct err *err)
{
    enum product_conflict rule = w->documents->options.on_conflict;
    if (rule == PRODUCT_CONFLICT_ERROR)
        return fail_row(w, "conflict", "This document is there already");
    // What was deleted stays so.
    if (rule == PRODUCT_CONFLICT_SKIP || model_has(&document_model, there, "deletedAt")) {
        w->report->skipped++;
        return 0;
    }
    w->report->updated++;
    bool same_text = str_eq(there->sha256, hash);
    if (same_text && str_eq(there->title, w->one->part[TITLE]) && str_eq(there->metadata, w->one->part[METADATA]))
        return 0;
    int rc = undo_keep(tx, w->undo, tenant_find(STR("documents")), str_from(w->id), err);
    rc = rc ? rc : put_facts(tx, w, hash, there, err);
    return rc || same_text ? rc : put_text(tx, w, err);
}

static int write_new(struct tx *tx, struct writing *w, struct str hash, struct document *made, struct err *err)
{
    struct knowledge_document row = {
        .id = str_from(w->id), .type = STR("general"), .title = w->one->part[TITLE], .content = STR("")};
    if (w->room <= 0)
        return fail_row(w, "too_many_documents", "The brand has as many documents as it may");
    const struct tenant_table *table = tenant_find(STR("documents"));
    struct value key[TENANT_COLUMNS] = {{0}};
    key[tenant_column(table, STR("id"))] = v_cstr(w->id);
    int rc = knowledge_document_insert(tx, &row, clock_wall_ms(), err);
    rc = rc ? rc : undo_added(tx, w->undo, table, key, err);
    rc = rc ? rc : put_facts(tx, w, hash, made, err);
    w->room--;
    w->report->added++;
    return rc ? rc : put_text(tx, w, err);
}

static int write_one(struct tx *tx, void *arg, struct err *err)
{
    struct writing *w = arg;
    struct document document;
    char hash[CRYPTO_HEX_SIZE];
    w->arena = tx_arena(tx);
    if (!w->one->part[TEXT].n)
        return fail_row(w, "no_text", "The record has no text");
    make_id(w, tx_scope(tx)->brand);
    crypto_sha256_hex(w->one->part[TEXT], hash);
    int rc = document_get(tx, w->arena, str_from(w->id), &document, err);
    if (rc < 0)
        return rc;
    return rc ? write_known(tx, w, str_from(hash), &document, err) : write_new(tx, w, str_from(hash), &document, err);
}

// 1, 0 at the end.
static int next(struct writing *w, struct arena *arena, struct one *ret, struct err *err)
{
    FILE *spool = w->documents->spool;
    uint64_t lengths[PARTS];
    if (fread(lengths, sizeof lengths, 1, spool) != 1)
        return ferror(spool) ? err_set(err, ERR_UNAVAILABLE, "the temporary file cannot be read") : 0;
    for (int i = 0; i < PARTS; i++) {
        char *text = arena_alloc(arena, lengths[i] + 1);
        if (fread(text, 1, lengths[i], spool) != lengths[i])
            return err_set(err, ERR_UNAVAILABLE, "the temporary file cannot be read");
        ret->part[i] = (struct str){text, lengths[i]};
    }
    ret->row = ++w->row;
    return 1;
}

// Some of the batch; again from its mark where it is run again.
static int write_some(struct tx *tx, void *arg, struct err *err)
{
    struct writing *w = arg;
    int64_t until = clock_mono_us() + STEP_HOLD_US;
    tx_quiet(tx);
    import_report_back(w->report);
    w->room = w->mark.room;
    w->undo->n = w->mark.notes;
    w->documents->changed = w->mark.changed;
    int rc = undo_check(tx, w->undo, err);
    for (w->done = w->begin; !rc && w->done < w->n && (w->done == w->begin || clock_mono_us() < until); w->done++) {
        w->one = &w->batch[w->done];
        rc = tx_part(tx, write_one, w, err);
    }
    return rc;
}

static int write_batch(struct writing *w, struct store *store, const struct scope *scope, struct err *err)
{
    const struct import_documents_options *options = &w->documents->options;
    int rc = 0;
    for (w->begin = 0; w->begin < w->n && !rc; w->begin = w->done) {
        import_report_mark(w->report);
        w->mark.room = w->room;
        w->mark.notes = w->undo->n;
        w->mark.changed = w->documents->changed;
        rc = store_step(store, scope, write_some, w, err);
        for (size_t i = w->begin; i < w->done && !rc; i++)
            options->each(options->arg);
    }
    return rc;
}

static int count(struct tx *tx, void *arg, struct err *err)
{
    struct writing *w = arg;
    int64_t there = 0;
    int rc = document_count_uploaded(tx, &there, err);
    w->room = w->documents->options.most - there;
    return rc;
}

int import_documents_write(struct store *store, const struct scope *scope, struct import_documents *documents,
                           struct undo *undo, struct import_report *report, struct err *err)
{
    AUTO_FREE struct writing *w = mem_zalloc(sizeof *w);
    w->documents = documents;
    w->report = report;
    w->undo = undo;
    int rc = fflush(documents->spool) == 0 ? store_read(store, scope, count, w, err)
                                           : err_set(err, ERR_UNAVAILABLE, "the temporary file cannot be written");
    rewind(documents->spool);
    for (int more = !rc; more == 1 && !rc;) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        size_t bytes = 0;
        for (w->n = 0; w->n < BATCH && bytes < BATCH_BYTES && (more = next(w, arena, &w->batch[w->n], err)) == 1;)
            bytes += w->batch[w->n++].part[TEXT].n;
        rc = more < 0 ? more : write_batch(w, store, scope, err);
    }
    import_report_mark(report);
    return rc;
}

int import_documents_end(struct tx *tx, struct import_documents *documents, struct err *err)
{
    tx_changed(tx, CHANGE_DOCUMENT, STR_NULL);
    if (!documents->changed)
        return 0;
    int rc = audit_write(tx, "document.import", documents->options.collection, STR(""), err);
    return rc ? rc : job_ensure(tx, "embed", STR("{}"), clock_wall_ms(), err);
}
