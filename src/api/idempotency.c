// SPDX-License-Identifier: Apache-2.0
// A key is claimed in memory first, so that of two requests at the same moment one runs; then the store is asked. What
// answers the request is caught (http_hold), written, and only then sent.
#include "api/idempotency.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "store/idempotency.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

enum { KEY_MOST = 255, SHARED_KEY_LEAST = 16, WAIT_MS = 30000, REPLY_MOST = 4 << 20 };

struct first_replies {
    struct store *store;
    const struct crypto_keys *keys;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    struct map *running; // caller and key → first_reply
    size_t waiting, waiting_most;
};

struct first_reply { // of one request that runs
    struct first_replies *all;
    struct arena *arena;
    struct idempotency row;
    struct str name;      // in `running`
    bool taken;           // the row is in the store
    struct http_req *req; // to be answered when the reply is kept; NULL: nobody waits for that
    int status;
    const char *type;
    struct str body; // the request's
};

struct first_replies *first_replies_new(struct store *store, const struct crypto_keys *keys, size_t workers)
{
    struct first_replies *all = mem_zalloc(sizeof *all);
    pthread_condattr_t attr;
    *all = (struct first_replies){.store = store, .keys = keys, .running = map_new(), .waiting_most = workers / 4};
    pthread_mutex_init(&all->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&all->ended, &attr);
    pthread_condattr_destroy(&attr);
    return all;
}

void first_replies_free(struct first_replies *all)
{
    if (!all)
        return;
    map_free(all->running);
    pthread_cond_destroy(&all->ended);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

// ---- the key -------------------------------------------------------------------------------------------------------

static bool key_valid(struct str key)
{
    for (size_t i = 0; i < key.n; i++)
        if (key.p[i] < 0x21 || key.p[i] > 0x7e)
            return false;
    return key.n >= 1 && key.n <= KEY_MOST;
}

static bool counts(const struct call *call)
{
    return call->endpoint->surface->rights && call->endpoint->method == HTTP_POST &&
           (call->caller.kind == CALLER_USER || call->caller.kind == CALLER_CHATBOT_KEY) &&
           !str_starts(http_path(call->req), STR("/api/v1/auth/"));
}

// Whose key it is. Visitors share a chatbot's key: theirs count within the conversation that they name, or have to be
// long. STR_NULL: it does not count.
static struct str caller_of(struct call *call, struct str key)
{
    struct str path = http_path(call->req), brand = call->scope.brand.p ? call->scope.brand : STR("");
    if (call->caller.kind == CALLER_USER)
        return arena_strf(call->arena, "user " STR_FMT " " STR_FMT " " STR_FMT, STR_ARG(call->caller.user.id),
                          STR_ARG(brand), STR_ARG(path));
    struct str conversation = http_param(call->req, "conversationId");
    if (!conversation.n)
        conversation = json_get_str(call->json, "conversationId");
    if (!conversation.n)
        conversation = json_get_str(call->json, "sessionId");
    if (!conversation.n && key.n < SHARED_KEY_LEAST)
        return STR_NULL;
    return arena_strf(call->arena, "key " STR_FMT " " STR_FMT " " STR_FMT, STR_ARG(call->caller.key_id), STR_ARG(path),
                      STR_ARG(conversation.n ? conversation : STR("")));
}

// Of all that says what is asked: query and body. Of a form, which is not kept in memory, its length.
static struct str fingerprint(struct call *call)
{
    AUTO_BUF struct buf all = BUF_INIT(SIZE_MAX / 2);
    struct str name, value;
    char *hex = arena_alloc(call->arena, CRYPTO_HEX_SIZE);
    size_t pos = 0;
    while (http_query_next(call->req, &pos, &name, &value))
        buf_addf(&all, STR_FMT "=" STR_FMT "\n", STR_ARG(name), STR_ARG(value));
    buf_addc(&all, '\n');
    if (call->endpoint->kind == HTTP_MULTIPART)
        buf_adds(&all, http_header_in(call->req, "content-length"));
    else
        buf_adds(&all, http_body(call->req));
    crypto_sha256_hex(buf_str(&all), hex);
    return str_from(hex);
}

// ---- under way -----------------------------------------------------------------------------------------------------

static struct first_reply *first_new(struct first_replies *all, const struct idempotency *row)
{
    struct arena *arena = arena_new(1024);
    struct first_reply *first = ARENA_NEW(arena, struct first_reply);
    first->all = all;
    first->arena = arena;
    first->row.caller = arena_str(arena, row->caller);
    first->row.key = arena_str(arena, row->key);
    first->row.fingerprint = arena_str(arena, row->fingerprint);
    first->row.created_at = clock_wall_ms();
    first->name = arena_strf(arena, STR_FMT "\n" STR_FMT, STR_ARG(row->caller), STR_ARG(row->key));
    return first;
}

static void first_end(struct first_reply *first)
{
    struct first_replies *all = first->all;
    pthread_mutex_lock(&all->lock);
    (void)map_remove(all->running, first->name);
    pthread_cond_broadcast(&all->ended);
    pthread_mutex_unlock(&all->lock);
    arena_free(first->arena); // it lives in it
}

void first_reply_drop(struct first_reply *first)
{
    if (first)
        first_end(first);
}

// Claims the name, after waiting for another with it. NULL: that one takes too long, or too many wait.
static struct first_reply *claim(struct first_replies *all, const struct idempotency *row)
{
    struct first_reply *first = first_new(all, row);
    int64_t until_ms = clock_mono_ms() + WAIT_MS;
    pthread_mutex_lock(&all->lock);
    bool there = map_get(all->running, first->name), may_wait = all->waiting < all->waiting_most;
    all->waiting += there && may_wait;
    for (bool waits = there && may_wait; waits && there;) {
        int64_t in_ms = until_ms - clock_mono_ms();
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += in_ms > 0 ? in_ms / 1000 + 1 : 0;
        waits = in_ms > 0 && pthread_cond_timedwait(&all->ended, &all->lock, &until) != ETIMEDOUT;
        there = map_get(all->running, first->name);
        if (!waits || !there)
            all->waiting--;
    }
    if (!there)
        (void)map_set(all->running, first->name, first);
    pthread_mutex_unlock(&all->lock);
    if (!there)
        return first;
    arena_free(first->arena);
    return NULL;
}

// ---- keeping -------------------------------------------------------------------------------------------------------

static int keep(struct tx *tx, void *arg, struct err *err)
{
    const struct first_reply *first = arg;
    return idempotency_keep(tx, &first->row, err);
}

static void kept(void *arg, int rc, const struct err *err)
{
    struct first_reply *first = arg;
    struct http_req *req = first->req;
    int status = first->status;
    const char *type = first->type;
    struct str body = first->body;
    if (rc)
        log_warn("idempotency", "error=\"%s\"", err->text); // done is done: the reply goes out all the same
    first_end(first);
    if (req)
        http_reply_static(req, status, type, body);
}

void first_reply_keep(struct first_reply *first, int status, const char *type, struct str body)
{
    yyjson_mut_doc *doc = json_doc(first->arena);
    yyjson_mut_val *headers = yyjson_mut_obj(doc);
    struct scope scope = scope_installation(STR("idempotency"));
    json_add_cstr(doc, headers, "Content-Type", type);
    first->row.status = status;
    first->row.headers = json_write(first->arena, headers);
    first->row.reply = crypto_seal(first->all->keys, first->arena, first->name, body);
    store_write_async(first->all->store, &scope, keep, first, kept);
}

// http_hold: what answers the request passes here. Only what was done is kept; a refusal left all as it was.
static bool hold(struct http_req *req, int status, const char *type, struct str body, void *arg)
{
    struct first_reply *first = arg;
    if (status >= 400 || body.n > REPLY_MOST) {
        first_end(first);
        return false;
    }
    first->req = req;
    first->status = status;
    first->type = type;
    first->body = body;
    first_reply_keep(first, status, type, body);
    return true;
}

int idempotency_take(struct tx *tx, void *arg, struct err *err)
{
    const struct first_reply *first = arg;
    return first && !first->taken ? idempotency_begin(tx, &first->row, err) : 0;
}

void idempotency_taken(struct first_reply *first, int rc)
{
    if (first && rc == 0)
        first->taken = true;
}

struct first_reply *first_reply_detach(struct call *call)
{
    http_hold(call->req, NULL, NULL);
    return call->first;
}

// ---- entering ------------------------------------------------------------------------------------------------------

struct look {
    struct arena *arena;
    struct first_reply *first;
    struct idempotency found;
    bool there;
};

static int look_up(struct tx *tx, void *arg, struct err *err)
{
    struct look *look = arg;
    const struct idempotency *row = &look->first->row;
    int rc = idempotency_get(tx, look->arena, row->caller, row->key, clock_wall_ms(), &look->found, err);
    look->there = rc == 1;
    return rc < 0 ? rc : 0;
}

static void busy(struct call *call)
{
    http_header(call->req, "Retry-After", "1");
    call_error(call, 409, "The first request with this Idempotency-Key has no reply yet");
}

static void replay(struct call *call, const struct look *look)
{
    yyjson_val *headers = NULL;
    struct str body;
    const struct idempotency *found = &look->found;
    if (!str_eq(found->fingerprint, look->first->row.fingerprint)) {
        call_error(call, 409, "This Idempotency-Key was used with another request");
        return;
    }
    if (!found->replied || json_parse(call->arena, found->headers, 0, &headers, NULL) != 0 ||
        crypto_open(call->app->keys, call->arena, look->first->name, found->reply, &body) != 0) {
        busy(call);
        return;
    }
    struct str type = json_get_str(headers, "Content-Type");
    http_header(call->req, "Idempotency-Replayed", "true");
    http_header(call->req, "Cache-Control", "no-store");
    http_reply_static(call->req, (int)found->status, type.p ? arena_cstr(call->arena, type) : NULL, body);
}

bool idempotency_enter(struct call *call)
{
    struct str key = http_header_in(call->req, "idempotency-key");
    if (!key.p || !counts(call))
        return true;
    if (!key_valid(key)) {
        static const struct loc header = {NULL, STR("header"), 0};
        struct loc at = {&header, STR("Idempotency-Key"), 0};
        fault_add(call->faults, FAULT_FORM, &at, NULL, 0, "1 to 255 visible ASCII characters");
        call_faults(call);
        return false;
    }
    struct idempotency row = {.caller = caller_of(call, key), .key = key};
    if (!row.caller.p)
        return true;
    row.fingerprint = fingerprint(call);
    struct look look = {.arena = call->arena, .first = claim(call->app->first_replies, &row)};
    if (!look.first) {
        busy(call);
        return false;
    }
    struct scope everywhere = scope_installation(STR("idempotency"));
    int rc = store_read(call->app->store, &everywhere, look_up, &look, &call->err);
    if (rc == 0 && !look.there) {
        call->first = look.first;
        http_hold(call->req, hold, look.first);
        return true;
    }
    if (!call_failed(call, rc))
        replay(call, &look);
    first_end(look.first);
    return false;
}
