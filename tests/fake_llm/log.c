// SPDX-License-Identifier: Apache-2.0
// The log of requests, read by tests as GET /__log. Bounded: the oldest entries go first.
#include "fake.h"

#include <time.h>

#define MAX_ENTRIES 50000

struct log {
    VEC(struct entry *) entries;
    int64_t count;
};

double wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

struct log *log_new_requests(void)
{
    return mem_zalloc(sizeof(struct log));
}

static void entry_free(struct entry *entry)
{
    vec_done(&entry->headers);
    arena_free(entry->arena);
}

static void drop(struct entry *entry)
{
    if (entry->finished > 0)
        entry_free(entry);
    else
        entry->forgotten = true;
}

void log_end(struct entry *entry)
{
    entry->finished = wall_ms();
    if (entry->forgotten)
        entry_free(entry);
}

void log_forget(struct log *log, struct entry *entry)
{
    for (size_t i = log->entries.n; i-- > 0;) {
        if (log->entries.at[i] != entry)
            continue;
        log->entries.n--;
        memmove(log->entries.at + i, log->entries.at + i + 1, (log->entries.n - i) * sizeof log->entries.at[0]);
        break;
    }
    entry->forgotten = true;
}

void log_clear(struct log *log)
{
    for (size_t i = 0; i < log->entries.n; i++)
        drop(log->entries.at[i]);
    log->entries.n = 0;
}

void log_free_requests(struct log *log)
{
    log_clear(log);
    vec_done(&log->entries);
    free(log);
}

struct entry *log_add(struct log *log)
{
    struct arena *arena = arena_new(1024);
    struct entry *entry = ARENA_NEW(arena, struct entry);
    entry->arena = arena;
    entry->number = ++log->count;
    entry->arrived = wall_ms();
    entry->reset = -1;
    if (log->entries.n == MAX_ENTRIES) {
        for (size_t i = 0; i < MAX_ENTRIES / 2; i++)
            drop(log->entries.at[i]);
        log->entries.n -= MAX_ENTRIES / 2;
        memmove(log->entries.at, log->entries.at + MAX_ENTRIES / 2, log->entries.n * sizeof log->entries.at[0]);
    }
    vec_push(&log->entries, entry);
    return entry;
}

static yyjson_mut_val *entry_json(struct arena *arena, yyjson_mut_doc *doc, const struct entry *entry)
{
    yyjson_mut_val *root = yyjson_mut_obj(doc), *headers = yyjson_mut_obj(doc);
    json_add_int(doc, root, "number", entry->number);
    json_add_int(doc, root, "connection", entry->connection);
    json_add_cstr(doc, root, "alpn", entry->alpn);
    if (entry->stream)
        json_add_int(doc, root, "stream", entry->stream);
    if (entry->reset >= 0)
        json_add_int(doc, root, "resetCode", entry->reset);
    json_add(doc, root, "arrivedAt", yyjson_mut_real(doc, entry->arrived));
    json_add_str(doc, root, "method", entry->method);
    json_add_str(doc, root, "path", entry->path);
    json_add_str(doc, root, "model", entry->model);
    for (size_t i = 0; i < entry->headers.n; i++) {
        char *name = arena_cstr(arena, str_from(entry->headers.at[i].name));
        for (char *c = name; *c; c++)
            if (*c >= 'A' && *c <= 'Z')
                *c = (char)(*c + 32);
        json_add_cstr(doc, headers, name, entry->headers.at[i].value);
    }
    json_add(doc, root, "headers", headers);
    yyjson_val *body;
    if (entry->body.n > 0 && json_parse(arena, entry->body, 0, &body, NULL) == 0)
        json_add(doc, root, "body", yyjson_val_mut_copy(doc, body));
    else
        json_add_str(doc, root, "body", entry->body);
    json_add_int(doc, root, "status", entry->status);
    json_add_int(doc, root, "bytesSent", entry->bytes);
    if (entry->finished > 0)
        json_add(doc, root, "finishedAt", yyjson_mut_real(doc, entry->finished));
    else
        json_add_null(doc, root, "finishedAt");
    if (entry->closed > 0)
        json_add(doc, root, "clientClosedAt", yyjson_mut_real(doc, entry->closed));
    else
        json_add_null(doc, root, "clientClosedAt");
    return root;
}

struct str log_json(struct log *log, struct arena *arena)
{
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *list = yyjson_mut_arr(doc);
    for (size_t i = 0; i < log->entries.n; i++)
        yyjson_mut_arr_append(list, entry_json(arena, doc, log->entries.at[i]));
    json_add(doc, root, "requests", list);
    return json_write(arena, root);
}
