// SPDX-License-Identifier: Apache-2.0
// Reads an uploaded document into passages, and erases it for good when its time is over. A file at fault fails at once
// with its reason; one that kills its reader is tried three times.
#include "base/clock.h"
#include "base/json.h"
#include "engine/passages.h"
#include "ingest/files.h"
#include "ingest/reader.h"
#include "jobs/kinds.h"
#include "store/activity.h"
#include "store/document.h"
#include "store/knowledge.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CRASHES_MOST = 3, ROW_ROOM = RECORD_MOST };

struct process {
    const struct jobs_options *with;
    struct scope scope;
    struct arena *arena;
    struct str id;
    struct document document;
    int found;
    struct passages passages;
    struct ingest_result result;
    const char *status, *stage;
    int64_t percent;
    struct str error;
};

static const char *const sentences[READ_REASONS] = {
    [READ_ENCRYPTED] = "the file is protected by a password",
    [READ_DAMAGED] = "the file is damaged",
    [READ_NO_TEXT] = "the file holds no text",
    [READ_TOO_MANY_PAGES] = "the file has more than 200 pages",
    [READ_TIMEOUT] = "reading the file took too long",
    [READ_TOO_LARGE] = "the file is too large when unpacked",
    [READ_DOCTYPE] = "the file has a document type declaration",
    [READ_NO_READER] = "this server cannot read files of this type",
    [READ_INTERNAL] = "the file could not be read",
};

static int load(struct tx *tx, void *arg, struct err *err)
{
    struct process *p = arg;
    p->found = document_get(tx, p->arena, p->id, &p->document, err);
    return p->found < 0 ? p->found : 0;
}

static int note(struct tx *tx, void *arg, struct err *err)
{
    const struct process *p = arg;
    return document_progress(tx, p->id, p->status, p->stage, p->percent, p->error, err);
}

static int say(struct process *p, const char *status, const char *stage, int64_t percent, struct str error,
               struct err *err)
{
    p->status = status;
    p->stage = stage;
    p->percent = percent;
    p->error = error;
    return store_write(p->with->store, &p->scope, note, p, err);
}

static int fail(struct process *p, enum read_reason reason, struct err *err)
{
    const char *name = reason == READ_DOCTYPE || reason == READ_NO_READER ? "damaged" : read_reasons[reason];
    return say(p, "failed", "done", 100, arena_strf(p->arena, "%s: %s", name, sentences[reason]), err);
}

static int take(void *arg, const struct record *record)
{
    struct process *p = arg;
    size_t i, max;
    yyjson_val *cell;
    if (record->kind == RECORD_HEADING) {
        passages_heading(&p->passages, record->text, record->page);
    } else if (record->kind == RECORD_TEXT) {
        passages_paragraph(&p->passages, record->text, record->page);
    } else if (record->kind == RECORD_ROW && !record->bad) {
        AUTO_BUF struct buf row = BUF_INIT(ROW_ROOM);
        yyjson_arr_foreach(record->value, i, max, cell)
        {
            if (i)
                buf_addz(&row, " | ");
            buf_adds(&row, json_str(cell));
        }
        passages_row(&p->passages, buf_str(&row), record->table, record->page);
    }
    return p->passages.full ? ERR_LIMIT : 0;
}

static int write_text(struct tx *tx, void *arg, struct err *err)
{
    struct process *p = arg;
    struct embedder_model model;
    struct document_place *places = arena_calloc(tx_arena(tx), p->passages.at.n + 1, sizeof *places);
    for (size_t i = 0; i < p->passages.at.n; i++) {
        const struct passage_place *at = &p->passages.at.at[i];
        places[i] = (struct document_place){at->page, at->start, at->end, at->heading.p ? at->heading : STR("")};
    }
    int rc = document_complete(tx, p->id, buf_str(&p->passages.text), places, p->passages.at.n, p->result.pages,
                               clock_wall_ms(), err);
    struct activity activity = {"vector_indexing", "document", p->id,
                                arena_strf(tx_arena(tx), "{\"passages\":%zu}", p->passages.at.n)};
    rc = rc ? rc : activity_write(tx, &activity, err);
    if (rc || !p->with->embedder || !p->with->embedder->model(p->with->embedder->self, &model))
        return rc;
    return job_ensure(tx, "embed", STR("{}"), clock_wall_ms(), err);
}

static int read_file(struct process *p, const struct job *job, struct err *err)
{
    const char *data = settings_str(p->with->settings, SET_DATA);
    int fd = files_open(data, p->scope.brand, "documents", p->id, err);
    if (fd < 0)
        return fd == ERR_NOT_FOUND ? fail(p, READ_INTERNAL, err) : fd;
    struct ingest_options options = {
        .format = format_of(fd, p->document.filename), .want = INGEST_BLOCKS, .ending = p->with->ending};
    bool protected = options.format == FORMAT_OLE && format_is_protected(fd);
    int rc = protected ? 0 : ingest_read(fd, &options, take, p, &p->result);
    close(fd);
    if (rc == ERR_CANCELLED)
        return err_set(err, ERR_CANCELLED, "the program is stopping");
    enum read_reason reason = protected ? READ_ENCRYPTED : rc == ERR_LIMIT ? READ_TOO_LARGE : p->result.reason;
    if (reason == READ_INTERNAL && job->attempts < CRASHES_MOST)
        return err_set(err, ERR_IO, "the reader of the file crashed");
    passages_end(&p->passages);
    if (p->passages.full)
        reason = READ_TOO_LARGE;
    else if (reason == READ_OK && !p->passages.at.n)
        reason = READ_NO_TEXT;
    return reason ? fail(p, reason, err) : store_write(p->with->store, &p->scope, write_text, p, err);
}

static int read_payload(const struct job *job, struct arena *arena, yyjson_val **ret, struct err *err)
{
    return json_parse(arena, job->payload, 0, ret, NULL) == 0 ? 0 : err_set(err, ERR_FORMAT, "the payload is no JSON");
}

int job_process_document(const struct jobs_options *with, const struct job *job, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct process p = {.with = with, .scope = scope_brand(job->brand, STR("jobs")), .arena = arena};
    yyjson_val *payload;
    int rc = read_payload(job, arena, &payload, err);
    if (rc)
        return rc;
    p.id = json_get_str(payload, "documentId");
    rc = store_read(with->store, &p.scope, load, &p, err);
    if (rc || !p.found || !str_is_choice("pending|processing", p.document.status))
        return rc;
    // The server itself ended while it read this file, again and again.
    if (job->attempts > CRASHES_MOST)
        return fail(&p, READ_INTERNAL, err);
    passages_init(&p.passages, arena);
    rc = say(&p, "processing", "extracting", 5, STR_NULL, err);
    rc = rc ? rc : read_file(&p, job, err);
    passages_done(&p.passages);
    return rc;
}

// ---- erasing -------------------------------------------------------------------------------------------------------

struct erasing {
    struct arena *arena;
    struct str id;
    int64_t deleted_at;
    bool due;
};

static int erase(struct tx *tx, void *arg, struct err *err)
{
    struct erasing *e = arg;
    struct document document;
    int rc = document_get(tx, e->arena, e->id, &document, err);
    // A document that was restored, or deleted anew, is left alone.
    e->due = rc == 1 && model_has(&document_model, &document, "deletedAt") && document.deleted_at == e->deleted_at;
    if (rc < 0 || !e->due)
        return rc < 0 ? rc : 0;
    rc = document_erase_all(tx, e->id, err);
    return rc ? rc : vector_texts_sweep(tx, INT64_MAX, err);
}

int job_erase_document(const struct jobs_options *with, const struct job *job, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct scope scope = scope_brand(job->brand, STR("jobs"));
    yyjson_val *payload;
    int rc = read_payload(job, arena, &payload, err);
    if (rc)
        return rc;
    struct erasing e = {arena, json_get_str(payload, "documentId"), json_get_int(payload, "deletedAt", 0), false};
    rc = store_write(with->store, &scope, erase, &e, err);
    return rc || !e.due ? rc : files_remove(settings_str(with->settings, SET_DATA), job->brand, "documents", e.id, err);
}
