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

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct import_documents {
    struct import_documents_options options;
    FILE *spool; // of each: four lengths, then the texts
};

enum part { KEY, TITLE, TEXT, METADATA, PARTS };

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

struct writing {
    struct import_documents *documents;
    struct import_report *report;
    int64_t row, room; // documents that the brand may still take
    bool changed;
    // The one under way:
    struct arena *arena;
    struct str part[PARTS];
    char id[ID_SIZE];
};

static int fail_row(struct writing *w, const char *code, const char *detail)
{
    struct import_row row = {
        .row = w->row, .sheet = w->documents->options.collection, .id = w->part[KEY], .code = code, .detail = detail};
    import_report_row(w->report, &row);
    return 0;
}

// A version 8 UUID: the same for the same record, and another one in another brand.
static void make_id(struct writing *w, struct str brand)
{
    char hex[CRYPTO_HEX_SIZE];
    crypto_sha256_hex(arena_strf(w->arena, STR_FMT "\n" STR_FMT "\n" STR_FMT, STR_ARG(brand),
                                 STR_ARG(w->documents->options.collection), STR_ARG(w->part[KEY])),
                      hex);
    hex[12] = '8';
    hex[16] = '8';
    (void)snprintf(w->id, sizeof w->id, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static int put_text(struct tx *tx, struct writing *w, struct err *err)
{
    struct passages passages;
    passages_init(&passages, w->arena);
    for (struct str rest = w->part[TEXT]; rest.p;)
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
    model_put_str(&document_model, d, "title", w->part[TITLE]);
    model_put_str(&document_model, d, "metadata", w->part[METADATA]);
    model_put_str(&document_model, d, "mimeType", STR("text/plain"));
    model_put_str(&document_model, d, "sha256", hash);
    model_put_str(&document_model, d, "titleFold", text_fold_case(w->arena, w->part[TITLE]));
    d->size = (int64_t)w->part[TEXT].n;
    model_mark(&document_model, d, "fileSizeBytes", true);
    w->changed = true;
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
    if (same_text && str_eq(there->title, w->part[TITLE]) && str_eq(there->metadata, w->part[METADATA]))
        return 0;
    int rc = put_facts(tx, w, hash, there, err);
    return rc || same_text ? rc : put_text(tx, w, err);
}

static int write_new(struct tx *tx, struct writing *w, struct str hash, struct document *made, struct err *err)
{
    struct knowledge_document row = {
        .id = str_from(w->id), .type = STR("general"), .title = w->part[TITLE], .content = STR("")};
    if (w->room <= 0)
        return fail_row(w, "too_many_documents", "The brand has as many documents as it may");
    int rc = knowledge_document_insert(tx, &row, clock_wall_ms(), err);
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
    if (!w->part[TEXT].n)
        return fail_row(w, "no_text", "The record has no text");
    make_id(w, tx_scope(tx)->brand);
    crypto_sha256_hex(w->part[TEXT], hash);
    int rc = document_get(tx, w->arena, str_from(w->id), &document, err);
    if (rc < 0)
        return rc;
    return rc ? write_known(tx, w, str_from(hash), &document, err) : write_new(tx, w, str_from(hash), &document, err);
}

// 1, 0 at the end.
static int next(struct writing *w, struct err *err)
{
    FILE *spool = w->documents->spool;
    uint64_t lengths[PARTS];
    if (fread(lengths, sizeof lengths, 1, spool) != 1)
        return ferror(spool) ? err_set(err, ERR_UNAVAILABLE, "the temporary file cannot be read") : 0;
    for (int i = 0; i < PARTS; i++) {
        char *text = arena_alloc(w->arena, lengths[i] + 1);
        if (fread(text, 1, lengths[i], spool) != lengths[i])
            return err_set(err, ERR_UNAVAILABLE, "the temporary file cannot be read");
        w->part[i] = (struct str){text, lengths[i]};
    }
    w->row++;
    return 1;
}

int import_documents_write(struct tx *tx, struct import_documents *documents, struct import_report *report,
                           struct err *err)
{
    struct writing w = {.documents = documents, .report = report};
    int64_t there = 0;
    int rc = fflush(documents->spool) == 0 ? document_count_uploaded(tx, &there, err)
                                           : err_set(err, ERR_UNAVAILABLE, "the temporary file cannot be written");
    w.room = documents->options.most - there;
    rewind(documents->spool);
    tx_changed(tx, CHANGE_DOCUMENT, STR_NULL);
    for (int more = !rc; more == 1 && !rc;) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        w.arena = arena;
        more = next(&w, err);
        rc = more < 0 ? more : more ? tx_part(tx, write_one, &w, err) : 0;
        if (more == 1)
            documents->options.each(documents->options.arg);
    }
    if (rc || !w.changed)
        return rc;
    rc = audit_write(tx, "document.import", documents->options.collection, STR(""), err);
    return rc ? rc : job_ensure(tx, "embed", STR("{}"), clock_wall_ms(), err);
}
