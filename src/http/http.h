// SPDX-License-Identifier: Apache-2.0
// The HTTP/1.1 server: share-nothing event loops that own sockets, a router over rows, and workers that run handlers as
// straight-line blocking code.
//
// A loop reads and checks a head (http/head.h), finds the route, reads the body up to the route's limit, then hands the
// request to the worker pool. The handler answers by http_reply, http_reply_source or, for sockets, http_accept_ws; it
// may also keep the request (http_keep) and answer later from any thread: a parked turn holds no worker. Exactly one
// answer a request; a handler that returns without one and without http_keep gives a 500 and a log line (a bug).
// What the loop itself refuses (bad head, unknown path, wrong method, too large, queue full) is shaped by
// http_options.refuse, so that each surface shows its own error.
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/pool.h"

struct http_server;
struct http_req;
struct http_ws;

// ---- routes ---------------------------------------------------------------------------------------------------------

enum http_route_kind {
    HTTP_PLAIN,     // body read whole, up to max_body
    HTTP_MULTIPART, // multipart/form-data: file parts streamed to disk (http/multipart.h), up to max_body
    HTTP_WEBSOCKET, // handler decides; then http_accept_ws
};

// Methods as bits. HEAD is answered by the GET handler without a body. OPTIONS goes to `preflight`.
enum { HTTP_GET = 1, HTTP_POST = 2, HTTP_PUT = 4, HTTP_DELETE = 8, HTTP_PATCH = 16, HTTP_HEAD = 32, HTTP_OPTIONS = 64 };

typedef void (*http_handler)(struct http_req *req);

// One row. `path` has literal segments and {name} parameters (a parameter is one segment, percent-decoded, never empty,
// invalid UTF-8 or NUL: no match). A literal segment wins over a parameter for the methods that it has, the others fall
// to the parameter. A trailing slash is the same path. Rows must outlive the server.
struct http_route {
    unsigned method; // exactly one bit
    const char *path;
    enum http_route_kind kind;
    size_t max_body;      // bytes; 0 = no body is read (a body sent is refused with 413)
    http_handler handler; // runs on a worker
    const void *row;      // the caller's own row (http_route_row)
    unsigned flags;       // HTTP_ROUTE_…
};

enum {
    HTTP_ROUTE_OWNS = 1,    // the path has no other methods: they give 405 and do not fall to a parameter
    HTTP_ROUTE_SLASHES = 2, // doubled slashes in the path are read as one
    HTTP_ROUTE_ON_LOOP = 4, // the handler runs on the loop: it must not block, not even on a file or a lock
};

// ---- server ---------------------------------------------------------------------------------------------------------

struct http_options {
    const char *const *listen; // "127.0.0.1:8000", "[::1]:0", "unix:/path"
    size_t n_listen;
    const int *inherited; // listening sockets passed by systemd, used instead of `listen`
    size_t n_inherited;
    size_t loops; // event loop threads
    struct pool *workers;
    const struct http_route *routes;
    size_t n_routes;
    void *app;                         // http_app
    const struct str *trusted_proxies; // CIDR texts; peers whose X-Forwarded-* count (reloadable: http_set_trusted)
    size_t n_trusted;
    // Answers what the loop refuses: status 400 404 405 408 413 414 417 431 503. Runs on the loop: must not block.
    // `row` is the row of the path when one matched, else NULL. Use http_header and http_reply.
    void (*refuse)(struct http_req *req, int status, const void *row);
    // OPTIONS on a path that has routes, on a worker. NULL: 204 with Allow.
    http_handler preflight;
    // After each answered request, on the loop; for metrics and the access log. NULL: http logs one line by itself.
    void (*done)(const struct http_req *req, int status, size_t body_bytes, int64_t us);

    // Bounds; 0 = the default in parentheses.
    size_t max_head;        // bytes of request line and fields together (16 KiB) → 431 (414 for the line alone)
    size_t max_fields;      // (100) → 431
    size_t max_connections; // (20000) whole process: further ones are closed at once
    int head_timeout_ms;    // (10000) from the first byte of a request, and from accept → 408, closed
    int body_timeout_ms;    // (30000) without progress → 408
    int idle_timeout_ms;    // (75000) keep-alive without a request → closed
    int write_timeout_ms;   // (30000) a reader without progress → closed
    const char *temp_dir;   // for file parts of forms ($TMPDIR or /tmp)
    size_t unsent_high;     // (256 KiB) unsent bytes at which sources are no longer pulled
};

// Binds and listens; the server does not accept yet. ERR_INVALID (address), ERR_CONFLICT (in use), ERR_IO.
int http_server_new(const struct http_options *options, struct http_server **ret, struct err *err);
// "http://127.0.0.1:8000" for listener i (real port; "unix:/path" for sockets); NULL past the last.
const char *http_server_url(const struct http_server *server, size_t i);
// True when every listener is a loopback address.
bool http_server_loopback_only(const struct http_server *server);
// Starts the loops and returns.
int http_server_start(struct http_server *server, struct err *err);
// Stops accepting and closes idle connections; those with a request or socket go on.
void http_server_drain(struct http_server *server);
// Requests under way (kept ones included) and open WebSockets.
void http_server_busy(const struct http_server *server, size_t *ret_requests, size_t *ret_sockets);
size_t http_server_streams(const struct http_server *server); // open ones of text/event-stream
// Closes every WebSocket with this code after what is queued for it.
void http_server_close_sockets(struct http_server *server, uint16_t code);
// Closes all, joins the loops, frees. Sources and sockets get their close callbacks first.
void http_server_free(struct http_server *server);
size_t http_server_connections(const struct http_server *server);
// Replaces the trusted proxies ("unix" stands for peers on Unix sockets). ERR_INVALID names the wrong entry.
int http_set_trusted(struct http_server *server, const struct str *trusted, size_t n, struct err *err);

// ---- request (worker thread, until answered) ------------------------------------------------------------------------

void *http_app(const struct http_req *req);
const void *http_route_row(const struct http_req *req); // NULL when nothing matched
// For OPTIONS: the row of the method that will follow (Access-Control-Request-Method), whose parameters http_param
// gives; some row of the path when it has none for that method.
const void *http_preflight_row(const struct http_req *req);
const struct http_route *http_req_route(const struct http_req *req);
struct arena *http_arena(struct http_req *req); // freed after the answer was sent
const char *http_method(const struct http_req *req);
struct str http_path(const struct http_req *req);                        // as sent, without the query
struct str http_param(const struct http_req *req, const char *name);     // decoded path parameter; STR_NULL
struct str http_header_in(const struct http_req *req, const char *name); // first of that name (case-insensitive)
bool http_header_next(const struct http_req *req, const char *name, size_t *pos, struct str *ret); // each in turn
struct str http_query(struct http_req *req, const char *name); // first, decoded (+ is a space); STR_NULL
// A name or value of a query or form: percent escapes decoded, + as a space; broken escapes stay as they are.
struct str http_form_decode(struct arena *arena, struct str text);
bool http_query_next(struct http_req *req, size_t *pos, struct str *ret_name, struct str *ret_value);
struct str http_body(const struct http_req *req); // p non-NULL also when empty
// The form of an HTTP_MULTIPART route; lives until the answer was sent. NULL: *ret_err says why (ERR_FORMAT, ERR_LIMIT,
// ERR_IO), or is 0 when the body is of another type: then it is in http_body, up to 1 MiB (413 above).
struct multipart;
const struct multipart *http_multipart(struct http_req *req, struct err *ret_err);
const char *http_request_id(const struct http_req *req); // UUID v7, made at the head; sent as X-Request-Id
struct str http_peer(const struct http_req *req);        // address text without port; "unix" for sockets
bool http_peer_loopback(const struct http_req *req);
// The peer, or the nearest untrusted address in X-Forwarded-For when the peer is trusted; canonical text.
struct str http_client_address(struct http_req *req);
// The same as key for limits: IPv6 cut to its /64.
struct str http_client_key(struct http_req *req);
// "https://host" or "http://host:port" as the visitor sees it (X-Forwarded-Proto, -Host from trusted peers).
struct str http_base_url(struct http_req *req);
// True once the peer has gone away (closed or reset) before the answer was complete. Any thread while kept.
bool http_gone(const struct http_req *req);

// ---- answer ---------------------------------------------------------------------------------------------------------

// Adds a field to the answer. Name and value are copied; CR, LF and NUL in a value are dropped. Content-Length, Date,
// X-Request-Id, Connection and Transfer-Encoding are the server's.
void http_header(struct http_req *req, const char *name, const char *value);
void http_headerf(struct http_req *req, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// Answers with a whole body (copied; content_type NULL = none). Status 204 and 304 send none.
void http_reply(struct http_req *req, int status, const char *content_type, struct str body);
// The same without a copy: the bytes outlive the request (they are static, or in its arena).
void http_reply_static(struct http_req *req, int status, const char *content_type, struct str body);

// The next whole body that answers this request is handed to `fn` instead, with its status; the header fields stay with
// the request. It returns false: it goes out as it is; or true: it has taken it, and answers with it later, from any
// thread (the bytes stay until then). on_gone is not called any more once it has been called. NULL: nobody.
void http_hold(struct http_req *req,
               bool (*fn)(struct http_req *req, int status, const char *content_type, struct str body, void *arg),
               void *arg);

// Keeps the request beyond the handler's return: it must be answered later, from any thread (not two at once).
// `on_gone`, if given, is called once on the loop when the client goes away before the answer; it must not block and
// the request must still be answered (the answer is dropped). It is neither running nor called any more once
// http_reply and its like have returned. A client that closes its sending side while it waits counts as gone.
void http_keep(struct http_req *req, void (*on_gone)(struct http_req *req, void *arg), void *arg);
// The same of a request that was kept without on_gone, once: from now on, or at once when the client has gone already.
void http_watch(struct http_req *req, void (*on_gone)(struct http_req *req, void *arg), void *arg);

// A body that is pulled: SSE and long lists. `pull` runs on the loop whenever the connection can take more or
// http_wake was called; it appends at most `room` bytes to `out`, must not block, and returns 1 = more may come later
// (it is called again at once if it appended something, else after http_wake), 0 = the end, negative = cut the
// connection. For sources that must block (rows from the store) set `blocking`: pull then runs on a worker.
// `close` runs exactly once on the same kind of thread: completed false when the client went away or the pull failed.
struct http_source {
    int (*pull)(void *arg, struct buf *out, size_t room);
    void (*close)(void *arg, bool completed);
    bool blocking;
};
void http_reply_source(struct http_req *req, int status, const char *content_type, const struct http_source *source,
                       void *arg);
// New bytes are there for the source of this answer. Any thread; after close it does nothing, which is why the handle
// and not the request is used: take it once with http_waker before http_reply_source.
struct http_waker;
struct http_waker *http_waker(struct http_req *req);
void http_wake(struct http_waker *waker);
void http_waker_free(struct http_waker *waker);

// ---- WebSocket (RFC 6455) -------------------------------------------------------------------------------------------

// Checks Upgrade, Connection, version and key. 0 = may be accepted; else the status to refuse with (426 or 400; for 426
// the needed headers have been added already).
int http_ws_check(struct http_req *req);

struct http_ws_options {
    size_t max_message; // bytes, fragments joined → close 1009 (64 KiB; 0 = the default in parentheses)
    int ping_interval_ms, pong_timeout_ms; // (30000, 20000) → 1011
    int idle_timeout_ms;          // no message from the client and not http_ws_set_busy → close 4408 (300000)
    int64_t max_lifetime_ms;      // → 1001 once not busy (86400000)
    size_t max_frames_per_minute; // frames of any kind → close 4429 (600)
    int close_timeout_ms;         // wait for the peer's echo (2000)
};

// Callbacks of one socket, all but `close` may be NULL. `message` gets each whole, valid UTF-8 text message; messages
// of one socket run one after the other on workers. Binary messages go to `binary`, without one they close with 1003.
// `pull` runs on the loop when the socket can take more and http_ws_wake was called: it appends whole text messages
// with http_ws_put and must not block. `close` runs once, on a worker after the last `message`, when the socket is
// gone, with the code (1006: without a close frame).
struct http_ws_handler {
    void (*open)(struct http_ws *ws, void *arg); // worker, before any message
    void (*message)(struct http_ws *ws, void *arg, struct str text);
    void (*pull)(struct http_ws *ws, void *arg);
    void (*close)(struct http_ws *ws, void *arg, uint16_t code);
    void (*binary)(struct http_ws *ws, void *arg, struct str bytes);
};

// Answers 101 (with `subprotocol` if not NULL) and turns the connection into a socket. The request is answered by it:
// it and its arena end with the handler. `subprotocol` and `*handler` are static.
struct http_ws *http_accept_ws(struct http_req *req, const char *subprotocol, const struct http_ws_options *options,
                               const struct http_ws_handler *handler, void *arg);
// Queues a text message, any thread. Over 1 MiB unsent the socket is dropped.
void http_ws_send(struct http_ws *ws, struct str text);
void http_ws_send_binary(struct http_ws *ws, struct str bytes);
// In `pull` only: appends a message directly. False: no room now; pull comes again when there is.
bool http_ws_put(struct http_ws *ws, struct str text);
void http_ws_wake(struct http_ws *ws); // any thread
// After what was queued sends a close frame; further messages from the client are dropped. Any thread.
void http_ws_close(struct http_ws *ws, uint16_t code, const char *reason);
void http_ws_set_busy(struct http_ws *ws, bool busy); // a turn runs: not idle. Any thread
// From this moment (clock_mono_ms; 0: never) on the socket is closed with `code`, once not busy. Any thread.
void http_ws_end_at(struct http_ws *ws, int64_t mono_ms, uint16_t code);
// A reference keeps the handle valid (calls on a closed socket do nothing). http_accept_ws returns with one that ends
// after `close`.
struct http_ws *http_ws_ref(struct http_ws *ws);
void http_ws_unref(struct http_ws *ws);
size_t http_ws_unsent(const struct http_ws *ws);
