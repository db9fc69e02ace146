// SPDX-License-Identifier: Apache-2.0
// What a document is made of: its file, how far its reading has come, its passages.
#include "api/documents.h"

#include "base/utf8.h"
#include "engine/catalogue.h"
#include "engine/chunk.h"
#include "ingest/files.h"
#include "model/document.h"
#include "store/document.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

// ---- the file ------------------------------------------------------------------------------------------------------

struct sending {
    int fd;
    uint64_t left;
};

static int pull(void *arg, struct buf *out, size_t room)
{
    struct sending *s = arg;
    size_t n = s->left < room ? (size_t)s->left : room;
    if (n && !buf_reserve(out, n))
        return -1;
    ssize_t got = n ? read(s->fd, out->p + out->n, n) : 0;
    if (got < 0 || (n && got == 0))
        return -1;
    out->n += (size_t)got;
    s->left -= (size_t)got;
    return s->left > 0;
}

static void close_file(void *arg, bool completed)
{
    struct sending *s = arg;
    (void)completed;
    close(s->fd);
    free(s);
}

// RFC 6266: a name that every client reads, and the real one.
static void name_file(struct call *call, struct str filename)
{
    struct buf plain = BUF_INIT(1024), coded = BUF_INIT(4096);
    for (size_t i = 0; i < filename.n; i++) {
        unsigned char c = (unsigned char)filename.p[i];
        bool token = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || strchr("-._", c);
        buf_addc(&plain, c >= 32 && c < 127 && c != '"' && c != '\\' ? (char)c : '_');
        if (token)
            buf_addc(&coded, (char)c);
        else
            buf_addf(&coded, "%%%02X", c);
    }
    http_headerf(call->req, "Content-Disposition", "attachment; filename=\"%s\"; filename*=UTF-8''%s",
                 plain.p ? plain.p : "", coded.p ? coded.p : "");
    buf_done(&plain);
    buf_done(&coded);
}

void document_content_sent(struct call *call)
{
    static const struct http_source source = {pull, close_file, true};
    const struct document *d = call->object;
    struct stat st;
    if (!d->sha256.p) {
        call_error(call, 409, "The document has no file");
        return;
    }
    int fd = files_open(settings_str(call->app->settings, SET_DATA), call->scope.brand, "documents", d->id, &call->err);
    if (call_failed(call, fd < 0 ? fd : 0))
        return;
    struct sending *s = mem_zalloc(sizeof *s);
    *s = (struct sending){fd, fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0};
    name_file(call, d->filename);
    http_header(call->req, "X-Content-Type-Options", "nosniff");
    http_header(call->req, "Cache-Control", "no-store");
    // Never what a browser would show: the file is anybody's.
    http_reply_source(call->req, 200, "application/octet-stream", &source, s);
}

// ---- status --------------------------------------------------------------------------------------------------------

static int completed(struct tx *tx, void *arg, struct err *err)
{
    struct call *call = arg;
    return document_resource.complete(tx, call, call->object, true, err);
}

void document_status(struct call *call)
{
    static const char *const shown[] = {"id",
                                        "processingStatus",
                                        "processingError",
                                        "chunkCount",
                                        "embeddedChunkCount",
                                        "ocrCompletedAt",
                                        "embeddingCompletedAt",
                                        "createdAt",
                                        "updatedAt"};
    const struct document *d = call->object;
    if (call_failed(call, call_store_read(call, completed, call)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *data = yyjson_mut_obj(doc), *progress = yyjson_mut_obj(doc);
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        model_encode_field(&document_model, &document_model.fields[model_field_index(&document_model, shown[i])], doc,
                           data, d);
    json_add_str(doc, data, "inciName", d->inci_name);
    json_add_str(doc, data, "tradeName", d->trade_name);
    // Vectors follow when the reading is done; the document is found by its words before.
    bool embeds = call->app->embeds(call->app) && d->embedded_count < d->chunk_count;
    bool done = str_eq(d->status, STR("completed"));
    json_add_str(doc, progress, "stage", done && embeds ? STR("embedding") : d->stage);
    json_add_int(doc, progress, "percent", done && embeds ? 90 : d->percent);
    json_add_int(doc, progress, "pagesDone", d->pages);
    json_add_int(doc, progress, "pagesTotal", d->pages);
    json_add(doc, data, "progress", progress);
    call_data(call, 200, NULL, doc, data);
}

// ---- passages ------------------------------------------------------------------------------------------------------

struct chunks {
    struct call *call;
    struct page page;
    struct str content;
    struct document_place *places;
    size_t n;
    bool *embedded;
};

static int load_chunks(struct tx *tx, void *arg, struct err *err)
{
    struct chunks *c = arg;
    const struct document *d = c->call->object;
    char model[EMBEDDER_KEY];
    catalogue_model(c->call->app->catalogues, model);
    c->embedded = arena_calloc(c->call->arena, (size_t)c->page.limit, sizeof *c->embedded);
    int rc = document_content(tx, c->call->arena, d->id, &c->content, err);
    rc = rc < 0
             ? rc
             : document_places(tx, c->call->arena, d->id, c->page.limit, page_offset(&c->page), &c->places, &c->n, err);
    if (!rc && model[0])
        rc = document_embedded_of(tx, d->id, str_from(model), page_offset(&c->page), c->embedded, (size_t)c->page.limit,
                                  err);
    return rc;
}

static void add_chunk(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct chunks *c, size_t i, struct str text)
{
    const struct document *d = c->call->object;
    const struct document_place *at = i < c->n ? &c->places[i] : NULL;
    yyjson_mut_val *one = yyjson_mut_arr_add_obj(doc, list), *metadata = yyjson_mut_obj(doc);
    int64_t ordinal = page_offset(&c->page) + (int64_t)i;
    char id[ID_SIZE];
    chunk_id(d->id, (uint32_t)ordinal, id);
    json_add_str(doc, one, "id", arena_strf(c->call->arena, "%s", id));
    json_add_int(doc, one, "chunkIndex", ordinal);
    json_add_str(doc, one, "content", text);
    if (at && at->page)
        json_add_int(doc, metadata, "page", at->page);
    else
        json_add_null(doc, metadata, "page");
    json_add_str(doc, metadata, "heading", at && at->heading.n ? at->heading : STR_NULL);
    if (at) {
        json_add_int(doc, metadata, "start", at->start);
        json_add_int(doc, metadata, "end", at->end);
    }
    json_add(doc, one, "metadata", metadata);
    json_add_bool(doc, one, "hasEmbedding", c->embedded[i]);
    json_add_time(doc, one, "createdAt", d->updated_at);
}

void document_chunks(struct call *call)
{
    struct chunks c = {.call = call, .page = call_page(call, 50)};
    const struct document *d = call->object;
    if (call_failed(call, call_store_read(call, load_chunks, &c)))
        return;
    yyjson_mut_doc *doc = call_doc(call);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    struct str text;
    size_t pos = 0;
    int64_t from = page_offset(&c.page);
    for (int64_t i = 0; i < from + c.page.limit && chunk_next(c.content, &pos, &text); i++)
        if (i >= from)
            add_chunk(doc, list, &c, (size_t)(i - from), text);
    c.page.total = d->chunk_count;
    call_list(call, doc, list, &c.page);
}
