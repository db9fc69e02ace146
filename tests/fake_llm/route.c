// SPDX-License-Identifier: Apache-2.0
#include "route.h"

enum { MARKS_MOST = 512 };

struct mark { // knobs of the requests that say this word
    struct str word;
    struct knobs knobs;
};

struct routes {
    VEC(struct mark) marks;
    struct log *log;
    VEC(struct arena *) arenas; // texts of the knobs set by /__control; replies under way may still use old ones
    struct knobs standing;
    VEC(struct knobs) queue;
    size_t next;
    uint64_t seed;
    int64_t served; // since the last control request
    bool close_idle;
};

struct routes *routes_new(uint64_t seed)
{
    struct routes *routes = mem_zalloc(sizeof *routes);
    routes->log = log_new_requests();
    routes->standing = knobs_default;
    routes->seed = seed;
    return routes;
}

void routes_free(struct routes *routes)
{
    log_free_requests(routes->log);
    for (size_t i = 0; i < routes->arenas.n; i++)
        arena_free(routes->arenas.at[i]);
    vec_done(&routes->arenas);
    vec_done(&routes->queue);
    vec_done(&routes->marks);
    free(routes);
}

struct entry *routes_log(struct routes *routes)
{
    return log_add(routes->log);
}

const struct knobs *routes_knobs(const struct routes *routes)
{
    return &routes->standing;
}

bool routes_take_close_idle(struct routes *routes)
{
    bool was = routes->close_idle;
    routes->close_idle = false;
    return was;
}

void reply_piece(struct reply *reply, int64_t delay, struct str bytes)
{
    vec_push(&reply->pieces, delay, bytes);
}

void reply_text(struct reply *reply, int status, const char *type, struct str text)
{
    reply->status = status;
    reply->content_type = type;
    reply->streaming = false;
    reply->pieces.n = 0;
    reply_piece(reply, 0, text);
}

void reply_json(struct reply *reply, int status, yyjson_mut_val *root)
{
    reply_text(reply, status, "application/json", json_write(reply->arena, root));
}

static void reply_fault(struct reply *reply, int status, const char *message)
{
    yyjson_mut_doc *doc = json_doc(reply->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    json_add_cstr(doc, root, "error", message);
    reply_json(reply, status, root);
}

static void control(struct routes *routes, struct reply *reply)
{
    struct arena *arena = arena_new(0);
    struct knobs standing = routes->standing;
    VEC(struct knobs) queue = {0};
    const char *error = NULL;
    bool ok = yyjson_is_obj(reply->request);
    yyjson_val *given = json_get(reply->request, "default"), *list = json_get(reply->request, "queue"), *item;
    if (!ok)
        error = "the body must be an object";
    if (ok && given) {
        standing = knobs_default;
        ok = knobs_read(arena, given, &standing, &error);
    }
    size_t i, max;
    yyjson_arr_foreach(list, i, max, item)
    {
        struct knobs knobs = standing;
        if (!ok || !(ok = knobs_read(arena, item, &knobs, &error)))
            break;
        vec_reserve(&queue, 1);
        queue.at[queue.n++] = knobs;
    }
    if (!ok) {
        reply_fault(reply, 400, error);
        vec_done(&queue);
        arena_free(arena);
        return;
    }
    struct str word = json_get_str(reply->request, "mark");
    if (word.n) {
        if (routes->marks.n == MARKS_MOST)
            memmove(routes->marks.at, routes->marks.at + 1, --routes->marks.n * sizeof *routes->marks.at);
        vec_push(&routes->marks, arena_str(arena, word), standing);
    } else if (given || list) {
        vec_done(&routes->queue);
        routes->queue.at = queue.at;
        routes->queue.n = queue.n;
        routes->queue.cap = queue.cap;
        routes->next = 0;
        routes->standing = standing;
        routes->served = 0;
    }
    vec_push(&routes->arenas, arena);
    routes->close_idle = json_get_bool(reply->request, "closeIdle", false);
    yyjson_mut_doc *doc = json_doc(reply->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    json_add_bool(doc, root, "ok", true);
    reply_json(reply, 200, root);
}

static void models(struct reply *reply)
{
    int64_t window = 0;
    struct str ctx = str_from(reply->knobs.ctx);
    if (ctx.p)
        str_to_int(str_split(&ctx, ':'), 1, INT64_MAX, &window);
    yyjson_mut_doc *doc = json_doc(reply->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *data = yyjson_mut_arr(doc), *model = yyjson_mut_obj(doc);
    json_add_cstr(doc, root, "object", "list");
    json_add_cstr(doc, model, "id", "fake");
    json_add_cstr(doc, model, "object", "model");
    if (window > 0)
        json_add_int(doc, model, "max_model_len", window);
    yyjson_mut_arr_append(data, model);
    json_add(doc, root, "data", data);
    reply_json(reply, 200, root);
}

static void props(struct reply *reply)
{
    int64_t window = 4096;
    struct str ctx = str_from(reply->knobs.ctx);
    if (ctx.p)
        str_to_int(str_split(&ctx, ':'), 1, INT64_MAX, &window);
    yyjson_mut_doc *doc = json_doc(reply->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *settings = yyjson_mut_obj(doc);
    json_add_int(doc, settings, "n_ctx", window);
    json_add(doc, root, "default_generation_settings", settings);
    json_add_int(doc, root, "n_ctx", window);
    reply_json(reply, 200, root);
}

static uint64_t hash(struct str s, uint64_t seed)
{
    uint64_t h = 0xcbf29ce484222325U ^ (seed * 0x9e3779b97f4a7c15U);
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3U;
    return h ^ (h >> 31);
}

// Knobs of one completion or embedding: the queue's next entry or the standing ones, then the model's name.
static bool take_knobs(struct routes *routes, struct reply *reply, struct str path)
{
    if (routes->next < routes->queue.n)
        reply->knobs = routes->queue.at[routes->next++];
    routes->served++;
    for (size_t i = routes->marks.n; i-- > 0;)
        if (str_find(reply->entry->body, routes->marks.at[i].word) >= 0) {
            reply->knobs = routes->marks.at[i].knobs;
            break;
        }
    struct str model = json_get_str(reply->request, "model");
    ptrdiff_t at = str_find(path, STR("/deployments/"));
    if (at >= 0) {
        struct str rest = {path.p + at + 13, path.n - (size_t)at - 13};
        struct str deployment = str_split(&rest, '/');
        if (!model.p)
            model = deployment;
    }
    reply->entry->model = arena_str(reply->entry->arena, model);
    const char *error = NULL;
    if (knobs_read_model(reply->arena, model, &reply->knobs, &error))
        return true;
    reply_fault(reply, 400, error);
    return false;
}

static void complete(struct routes *routes, struct reply *reply, struct str path, bool chat)
{
    if (!take_knobs(routes, reply, path))
        return;
    const struct knobs *knobs = &reply->knobs;
    if (knobs->no_reply) {
        reply->none = true;
        reply->ending = knobs_is(knobs->no_reply, "rst")      ? END_RST
                        : knobs_is(knobs->no_reply, "goaway") ? END_GOAWAY
                        : knobs_is(knobs->no_reply, "hang")   ? END_HANG
                                                              : END_FIN;
        return;
    }
    if (!yyjson_is_obj(reply->request)) {
        reply_fault(reply, 400, "the body must be a JSON object");
        return;
    }
    if (error_gate(reply, routes->served)) {
        if (reply->pieces.n > 0)
            reply->pieces.at[0].delay = knobs->first_delay;
    } else if (chat) {
        chat_reply(reply);
    } else {
        embed_reply(reply);
    }
}

struct reply *routes_reply(struct routes *routes, struct entry *entry)
{
    struct arena *arena = arena_new(16 << 10);
    struct reply *reply = ARENA_NEW(arena, struct reply);
    reply->arena = arena;
    reply->entry = entry;
    reply->headers = BUF_INIT(32 << 10);
    reply->knobs = routes->standing;
    reply->seed = hash(entry->body, routes->seed);
    if (entry->body.n == 0 || json_parse(arena, entry->body, 0, &reply->request, NULL) != 0)
        reply->request = NULL;
    struct str query = entry->path, path = str_split(&query, '?');
    bool post = str_eq(entry->method, STR("POST"));
    if (str_eq(path, STR("/__log")) || str_eq(path, STR("/__control"))) {
        reply->knobs = knobs_default;
        log_forget(routes->log, entry);
        if (str_eq(path, STR("/__control")) && post) {
            control(routes, reply);
        } else if (str_eq(entry->method, STR("DELETE"))) {
            log_clear(routes->log);
            reply_text(reply, 200, "application/json", STR("{\"ok\":true}"));
        } else {
            reply_text(reply, 200, "application/json", log_json(routes->log, arena));
        }
    } else if (post && str_ends(path, STR("/chat/completions"))) {
        complete(routes, reply, path, true);
    } else if (post && str_ends(path, STR("/embeddings"))) {
        complete(routes, reply, path, false);
    } else if (str_ends(path, STR("/models"))) {
        models(reply);
    } else if (str_eq(path, STR("/props"))) {
        props(reply);
    } else if (knobs_is(reply->knobs.dialect, "lmstudio")) {
        reply_fault(reply, 200,
                    arena_printf(arena, "Unexpected endpoint or method. (" STR_FMT " " STR_FMT ")",
                                 STR_ARG(entry->method), STR_ARG(path)));
    } else {
        reply_fault(reply, 404, "Not Found");
    }
    return reply;
}
