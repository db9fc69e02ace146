// SPDX-License-Identifier: Apache-2.0
// What the files of the server share; nobody outside of http/ includes this.
//
// Who owns what: a loop owns its connections; everything about a connection happens on the loop's thread. A request is
// the connection's until it goes to a worker, then the worker's (or, kept, somebody's) until it is answered; the answer
// comes back as a message. A connection that dies meanwhile only clears req->conn; the answer then finds nobody.
// Other threads reach a loop by loop_post alone. After a loop has ended, posted messages run at once on the caller's
// thread: they find no connection and only free what they carry.
#pragma once

#include "http/address.h"
#include "http/head.h"
#include "http/http.h"
#include "http/route.h"
#include "http/wheel.h"

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

enum { READ_SIZE = 64 * 1024, PENDING_MAX = 64 * 1024, LINGER_MS = 2000, SPARE_HEADS = 8 };

struct msg {
    struct msg *next;
    void (*run)(struct msg *msg);
};

// ---- server.c, listen.c ---------------------------------------------------------------------------------------------

struct listener {
    int fd;
    bool unix_socket, inherited;
    char *path; // of a Unix socket, removed at the end
    char *url;
    struct address address;
};

struct loop;
struct http_server {
    struct http_options options; // defaults filled in
    struct router *router;
    struct listener *listeners; // n_urls × n_loops for TCP, in order of the loops within a listener
    size_t n_listeners; // distinct addresses
    struct loop *loops;
    size_t n_loops;
    pthread_rwlock_t trusted_lock;
    struct networks *trusted;
    atomic_size_t connections, requests, sockets, streams;
    atomic_uint refs; // the owner's and one a request, waker and WebSocket
    pthread_mutex_t lock; // guards `tasks`
    pthread_cond_t idle;
    size_t tasks; // on workers
    bool started;
};

int listeners_open(struct http_server *server, struct err *err);
void listeners_unlink(struct http_server *server); // removes the files of Unix sockets
void listeners_close(struct http_server *server);

void server_ref(struct http_server *server);
void server_unref(struct http_server *server); // frees with the last one
// Around everything that runs on a worker, so that the end can wait for it.
void server_task_begin(struct http_server *server);
void server_task_end(struct http_server *server);

// ---- loop.c ---------------------------------------------------------------------------------------------------------

struct conn;
struct loop {
    struct http_server *server;
    uv_loop_t uv;
    uv_async_t async;
    uv_timer_t timer;
    int64_t timer_at; // when the timer fires; 0 = not set
    pthread_t thread;
    pthread_mutex_t lock; // guards the queue, `deaf`, `ended` and what WebSockets have queued
    struct msg *first, **last;
    bool deaf;
    atomic_bool ended;
    struct accepter *accepters;
    struct conn *conns;
    struct wheel wheel;
    struct head *spare[SPARE_HEADS];
    size_t n_spare;
    char *read_buf;
    struct buf out; // heads of answers and frames under construction
    struct buf pulled;
    char date[32];
    int64_t date_s;
    bool draining, stopping;
    uint16_t close_code; // of http_server_close_sockets, for sockets that are still being opened
};

int loop_init(struct loop *loop, struct http_server *server, size_t index);
void loop_done(struct loop *loop);
int loop_start(struct loop *loop);
void loop_post(struct loop *loop, struct msg *msg);
// For work of one's own that is posted: runs `run(loop, arg)` on the loop.
void loop_call(struct loop *loop, void (*run)(struct loop *loop, intptr_t arg), intptr_t arg);
void loop_deadline(struct loop *loop, struct wheel_entry *entry, int64_t deadline_ms);
void loop_tick(struct loop *loop, intptr_t unused); // runs the wheel now (tests post it after clock_advance)
const char *loop_date(struct loop *loop);
bool loop_is_current(const struct loop *loop);
void loop_drain(struct loop *loop, intptr_t unused);
void loop_stop(struct loop *loop, intptr_t unused);

// ---- conn.c ---------------------------------------------------------------------------------------------------------

enum conn_state {
    CONN_HEAD, // waits for a request or reads its head
    CONN_BODY,
    CONN_HANDLING, // the request is with a handler
    CONN_REPLY, // the answer is being written
    CONN_SOCKET, // WebSocket
    CONN_LINGER, // all is said; reads and drops until the peer has closed
};

struct conn {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    };
    struct loop *loop;
    struct conn *next, **link;
    struct wheel_entry timer;
    struct head *head;
    struct http_req *req;
    struct http_ws *ws;
    struct buf pending; // read too early: pipelined requests, frames
    struct address peer;
    int64_t begun_ms; // first byte of the request, or accept
    size_t unsent_seen; // at the last look for progress
    uint8_t state;
    bool reading, parsing, keep_alive, eof, closing;
};

void conn_accept(struct loop *loop, uv_stream_t *listener, bool unix_socket);
void conn_close(struct conn *conn); // at once; the rest happens in the close callback
void conn_linger(struct conn *conn); // what is written goes out, then both sides close
void conn_due(struct wheel_entry *entry, void *arg);
void conn_read(struct conn *conn, char *bytes, size_t n);
void conn_read_stop(struct conn *conn);
void conn_read_start(struct conn *conn);
// Sends as much as goes at once and queues the rest: the first `n_copied` buffers are copied for that, the others must
// live until the queue is empty. False: the connection broke and is being closed.
bool conn_send(struct conn *conn, const uv_buf_t *bufs, unsigned n, unsigned n_copied);
size_t conn_unsent(const struct conn *conn);
// Sets the deadline of a connection that has unsent bytes or not.
void conn_watch_write(struct conn *conn);
// The answer is out: the next request, or the end.
void conn_next(struct conn *conn);
bool conn_may_live(const struct conn *conn); // may the connection serve another request?

// ---- request.c, body.c, reply.c, source.c ---------------------------------------------------------------------------

enum { PHASE_RETURNED = 1, PHASE_ANSWERED = 2, PHASE_GONE = 4, PHASE_GONE_DONE = 8, PHASE_HELD = 16 };
enum answer_kind { ANSWER_NONE, ANSWER_BODY, ANSWER_SOURCE, ANSWER_WS };

struct http_req {
    struct msg answer_msg, keep_msg, watch_msg, work_msg;
    struct http_server *server;
    struct loop *loop;
    struct conn *conn; // loop thread; NULL once the connection is gone
    struct arena *arena; // made at first use
    unsigned method;
    const char *method_name;
    struct str target, path, query, host; // host: of an absolute target, else the Host field
    struct route_match match;
    struct head_field *fields;
    size_t n_fields;
    const char *text;
    char *scratch; // holds the decoded path
    char id[37];
    bool http10, has_body, chunked, expect_continue, upgrade, kept;
    uint64_t content_length;
    struct address peer;
    char peer_text[ADDRESS_TEXT];
    int64_t started_us;
    bool running, replying; // a handler has it; the loop has its answer
    // body.c
    struct buf body, feed;
    struct multipart *form;
    struct err form_err;
    size_t received, max_body;
    bool is_form, body_ended, feeding;
    // the answer
    atomic_uint phase;
    atomic_bool gone;
    enum answer_kind kind;
    int status;
    char *content_type;
    struct str reply;
    struct buf reply_copy; // where reply lies when it was copied
    bool (*hold)(struct http_req *req, int status, const char *content_type, struct str body, void *arg);
    void *hold_arg;
    struct buf fields_out;
    struct http_source source;
    void *source_arg;
    struct http_waker *waker;
    bool counted; // among the server's event streams
    bool streaming, pulling, pull_again, source_ended; // pulling: a worker or a message of ours is on its way
    int pull_rc;
    size_t sent; // body bytes
    struct http_ws *ws;
    const char *subprotocol;
    // http_keep
    bool kept_on_loop;
    void (*on_gone)(struct http_req *req, void *arg);
    void *on_gone_arg;
    void (*watch)(struct http_req *req, void *arg); // on_gone, on its way to the loop
    void *watch_arg;
};

struct http_req *req_new(struct conn *conn, const struct head *head);
void req_free(struct http_req *req);
int req_route(struct http_req *req, int *ret_status); // fills match; status to refuse with or 0
void req_run(struct http_req *req); // to the handler
void req_refuse(struct conn *conn, int status); // the loop answers by options.refuse
void req_gone(struct http_req *req); // the client is away; the request goes on alone
void req_lost(struct http_req *req); // the connection is closed: the request is freed now or when it is answered
void req_done(struct http_req *req); // counts and logs an answered request

bool body_add(void *conn, const char *bytes, size_t n); // head.body
bool body_begin(struct http_req *req); // false: larger than the route takes
bool body_ready(struct http_req *req); // after the last byte: may the handler run now?

void answer_msg(struct msg *msg); // the answered request is back on its loop
void reply_default(struct http_req *req, int status);
void req_answer_ws(struct http_req *req);
// Appends status line and fields. `length` < 0: not known, chunked.
void reply_head(struct http_req *req, struct buf *out, ptrdiff_t length);
void reply_written(struct conn *conn); // the queue of a connection in CONN_REPLY got shorter

void source_start(struct http_req *req);
void source_step(struct http_req *req);
// Calls `close` (on a worker where the source blocks), then frees the request, which no connection has any more.
void source_finish(struct http_req *req, bool completed);

// ---- ws_conn.c ------------------------------------------------------------------------------------------------------

void ws_attach(struct http_req *req); // on the loop, after http_accept_ws
void ws_abandon(struct http_req *req); // accepted, but the connection is gone
void ws_read(struct conn *conn, char *bytes, size_t n);
void ws_written(struct conn *conn);
void ws_due(struct conn *conn);
void ws_lost(struct conn *conn); // the connection is closing
void ws_close_all(struct loop *loop, intptr_t code);
