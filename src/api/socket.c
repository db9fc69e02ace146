// SPDX-License-Identifier: Apache-2.0
// Chat over a WebSocket (001-brands 10): the handshake, and a socket's life.
#include "api/access.h"
#include "api/brands.h"
#include "api/frames.h"
#include "api/socket_items.h"
#include "api/sockets.h"

#include <stdatomic.h>
#include <stdlib.h>

struct item *item_new(enum item_kind kind)
{
    struct arena *arena = arena_new(2048);
    struct item *item = ARENA_NEW(arena, struct item);
    item->arena = arena;
    item->kind = kind;
    item->piece = item->frame = BUF_INIT(PIECE_MOST);
    return item;
}

void item_free(struct item *item)
{
    turn_unref(item->turn);
    buf_done(&item->piece);
    buf_done(&item->frame);
    arena_free(item->arena);
}

struct socket *socket_ref(struct socket *socket)
{
    atomic_fetch_add(&socket->refs, 1);
    return socket;
}

void socket_unref(struct socket *socket)
{
    if (atomic_fetch_sub(&socket->refs, 1) != 1)
        return;
    if (socket->ws)
        http_ws_unref(socket->ws);
    free(socket->conversation);
    pthread_mutex_destroy(&socket->lock);
    free(socket);
}

bool socket_queue(struct socket *socket, struct item *item)
{
    pthread_mutex_lock(&socket->lock);
    bool room = socket->queued < QUEUE_MOST + (socket->item || socket->starting ? 0 : 1) && !socket->closed;
    if (room) {
        *socket->last = item;
        socket->last = &item->next;
        socket->queued++;
    }
    pthread_mutex_unlock(&socket->lock);
    return room;
}

struct str socket_conversation(struct socket *socket, struct arena *arena)
{
    pthread_mutex_lock(&socket->lock);
    struct str copy = arena_str(arena, socket->conversation ? str_from(socket->conversation) : STR_NULL);
    pthread_mutex_unlock(&socket->lock);
    return copy;
}

bool socket_may_ask(struct socket *socket, const struct brand_ref *brand)
{
    struct err err;
    struct caller caller = {.kind = (enum caller_kind)socket->caller_kind, .brand = socket->caller_brand};
    caller.user.id = socket->scope.actor;
    pthread_mutex_lock(&socket->lock);
    caller.user.super_admin = socket->super_admin;
    pthread_mutex_unlock(&socket->lock);
    return brand->answers && access_public(socket->app, &caller, brand, &err);
}

// ---- life ----------------------------------------------------------------------------------------------------------

// The handle is known to the socket before any frame is read, and to those who look through the registry.
static void know_ws(struct socket *socket, struct http_ws *ws)
{
    pthread_mutex_lock(&socket->lock);
    if (!socket->ws)
        socket->ws = http_ws_ref(ws);
    pthread_mutex_unlock(&socket->lock);
}

static void on_open(struct http_ws *ws, void *arg)
{
    struct socket *socket = arg;
    know_ws(socket, ws);
    // What ended the credential may have come before the registry knew of this socket.
    if (socket->counted && socket->mark.p && !socket_watch(socket))
        return;
    AUTO_ARENA struct arena *arena = arena_new(0);
    AUTO_BRAND struct brand_ref *brand = NULL;
    struct err err;
    if (socket->counted && brands_get(socket->app->brands, socket->scope.brand, &brand, &err) == 1) {
        http_ws_send(ws, frame_welcome(arena, brand));
        http_ws_wake(ws); // the brand may have been closed while the handle was not known yet
        return;
    }
    http_ws_send(ws,
                 frame_error(arena, "brand_unavailable", access_gone_text(arena, socket->scope.brand), STR_NULL, 0));
    http_ws_close(ws, CLOSE_NO_BRAND, "brand unavailable");
}

static void on_message(struct http_ws *ws, void *arg, struct str text)
{
    if (((struct socket *)arg)->counted)
        socket_message(ws, arg, text);
}

// A turn that runs goes on: the visitor may come back.
static void on_close(struct http_ws *ws, void *arg, uint16_t code)
{
    struct socket *socket = arg;
    (void)code;
    know_ws(socket, ws);
    pthread_mutex_lock(&socket->lock);
    socket->closed = true;
    struct item *waiting = socket->first;
    socket->first = NULL;
    socket->last = &socket->first;
    socket->queued = 0;
    pthread_mutex_unlock(&socket->lock);
    while (waiting) {
        struct item *next = waiting->next;
        item_free(waiting);
        waiting = next;
    }
    if (socket->counted)
        sockets_remove(socket->app->sockets, socket, socket->scope.brand, socket->key, socket->mark.p);
    socket_advance(socket); // lets go of what runs
    socket_unref(socket);
}

void socket_bid_farewell(struct socket *socket)
{
    pthread_mutex_lock(&socket->lock);
    socket->closing = true;
    struct http_ws *ws = socket->ws;
    pthread_mutex_unlock(&socket->lock);
    if (ws)
        http_ws_wake(ws);
}

static void close_one(struct socket *socket, void *arg)
{
    (void)arg;
    socket_bid_farewell(socket);
}

void brands_closed(struct app *app, struct str brand_id)
{
    sockets_each(app->sockets, brand_id, close_one, NULL);
}

// ---- handshake -----------------------------------------------------------------------------------------------------

// Copies to `*at` and moves it.
static struct str keep(char **at, struct str s)
{
    struct str copy = {*at, s.n};
    if (s.n)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    return s.p ? copy : STR_NULL;
}

static struct socket *socket_new(struct call *call, bool open)
{
    static _Atomic uint64_t serial;
    struct str name = open ? call->brand->row.brand.id : access_brand_name(call);
    struct str key = http_client_key(call->req);
    const struct scope *scope = &call->scope;
    size_t text = name.n + key.n + call->caller.brand.n + call->caller.mark.n + scope->actor.n + scope->address.n;
    struct socket *socket = mem_zalloc(sizeof *socket + text);
    char *at = socket->text;
    socket->app = call->app;
    socket->scope =
        (struct scope){keep(&at, name), scope->actor_kind, keep(&at, scope->actor), keep(&at, scope->address)};
    socket->key = keep(&at, key);
    socket->caller_brand = keep(&at, call->caller.brand);
    socket->mark = keep(&at, call->caller.mark);
    socket->until = call->caller.until;
    socket->caller_kind = (uint8_t)call->caller.kind;
    socket->super_admin = call->caller.user.super_admin;
    socket->channel = http_header_in(call->req, "origin").p ? STR("web_embed") : STR("api");
    socket->number = atomic_fetch_add(&serial, 1);
    socket->last = &socket->first;
    atomic_init(&socket->refs, 1);
    pthread_mutex_init(&socket->lock, NULL);
    return socket;
}

static bool offers(struct http_req *req, struct str protocol)
{
    struct str rest = http_header_in(req, "sec-websocket-protocol");
    while (rest.p)
        if (str_eq(str_trim(str_split(&rest, ',')), protocol))
            return true;
    return false;
}

static bool check_handshake(struct call *call)
{
    int status = http_ws_check(call->req);
    if (status)
        call_error(call, status, status == 426 ? "WebSocket upgrade required" : "Bad WebSocket handshake");
    return status == 0;
}

static void refuse_more(struct call *call)
{
    http_header(call->req, "Retry-After", "5");
    call_error(call, 429, "Too many connections");
}

static void accept_socket(struct call *call, bool voice)
{
    static const struct http_ws_handler handler = {
        .open = on_open, .message = on_message, .pull = socket_pull, .close = on_close};
    const struct settings *s = call->app->settings;
    bool open = call->brand && call->brand->answers && access_public(call->app, &call->caller, call->brand, &call->err);
    if (!check_handshake(call))
        return;
    if (open && !access_origin_allowed(call->req, call->app, call->brand)) {
        call_error(call, 403, "Origin not allowed");
        return;
    }
    struct socket *socket = socket_new(call, open);
    socket->voice = voice;
    socket->counted =
        open && sockets_add(call->app->sockets, socket, socket->scope.brand, socket->key,
                            (size_t)settings_int(s, SET_WS_PER_BRAND), (size_t)settings_int(s, SET_WS_PER_ADDRESS),
                            socket->mark.p);
    if (open && !socket->counted) {
        refuse_more(call);
        socket_unref(socket);
        return;
    }
    struct http_ws_options options = {
        .max_message = (size_t)settings_int(s, SET_WS_MAX_MESSAGE),
        .ping_interval_ms = (int)(settings_number(s, SET_WS_PING) * 1000),
        .idle_timeout_ms = (int)(settings_number(s, SET_WS_IDLE) * 1000),
        .max_lifetime_ms = (int64_t)(settings_number(s, SET_WS_LIFETIME) * 1000),
    };
    const char *protocol = offers(call->req, STR("parley.v1")) ? "parley.v1" : NULL;
    (void)http_accept_ws(call->req, protocol, &options, &handler, socket);
}

static void chat_socket(struct call *call)
{
    accept_socket(call, false);
}

static void voice_socket(struct call *call)
{
    accept_socket(call, true);
}

#define SOCKET                                                                                                         \
    .surface = &surface_brands, .tag = "Chat", .who = WHO_PUBLIC, .limit = &LIMIT_CONNECT, .kind = HTTP_WEBSOCKET
static const struct endpoint rows[] = {
    {HTTP_GET, "/ws/chat/{brand_id}", SOCKET, .summary = "Chat over a WebSocket",
     .reply_example = "{\"detail\":\"WebSocket upgrade required\"}", .run = chat_socket},
    {HTTP_GET, "/ws/voice/{brand_id}", SOCKET, .summary = "Chat over a WebSocket whose answers are one spoken sentence",
     .reply_example = "{\"detail\":\"WebSocket upgrade required\"}", .run = voice_socket},
};

struct endpoints socket_endpoints(void)
{
    return ENDPOINTS(rows);
}
