// SPDX-License-Identifier: Apache-2.0
// What stands in a chat socket's queue, and the socket itself: shared by the file that reads frames (socket_read.c),
// the one that starts what they ask for (socket_run.c) and the one that writes (socket_write.c).
#pragma once

#include "api/call.h"
#include "model/chat.h"

#include <pthread.h>

enum { QUEUE_MOST = 8, PIECE_MOST = 1 << 20, CLOSE_NO_BRAND = 4404, CLOSE_NO_CREDENTIAL = 4401 };

enum item_kind {
    ITEM_CHAT,
    ITEM_RESUME,
    ITEM_REFUSED, // an error, and `complete`
    ITEM_ERROR,   // an error alone
};

enum item_phase { PHASE_BEGIN, PHASE_TEXT, PHASE_ERROR, PHASE_QUIET, PHASE_COMPLETE, PHASE_DONE };

struct item { // one frame of the client on its way to its `complete`
    struct item *next;
    struct arena *arena;
    enum item_kind kind;
    struct chat_request chat;
    struct resume_request resume;
    const char *code, *message; // of a refusal, or of what went wrong
    int64_t retry_after_s;
    struct str conversation; // STR_NULL until known
    bool typing_frames;
    // While it runs:
    struct turn *turn; // NULL: `text` and `outcome` were loaded from the store
    struct str text;
    struct turn_outcome loaded;
    enum item_phase phase;
    size_t sent;  // bytes of the text
    struct buf piece, frame; // of the text on its way, kept so that a delta allocates nothing
    int64_t skip; // code points still to be left out (resume)
    int64_t typing_at;
};

// One block with its strings: most sockets are idle, and there are many. What only a running item needs is the item's.
struct socket {
    struct app *app;
    struct http_ws *ws;
    struct scope scope;      // of its brand
    struct str key;          // the client's, for the count of sockets
    struct str caller_brand; // of a chatbot's key
    struct str mark;         // of the caller's credential (engine/accounts.h); STR_NULL: came without
    int64_t until;           // its last moment, of a token's; 0: it has none
    struct str channel;
    uint64_t number; // for the limiter
    _Atomic int refs;
    uint8_t caller_kind;
    bool voice, counted;
    pthread_mutex_t lock;
    // Under the lock:
    bool super_admin;
    bool closed, closing; // closing: the brand answers nobody any more
    bool advancing;
    bool starting, cancel; // an item is being started; a cancel came for it
    uint8_t queued;
    struct item *item; // the one that runs
    struct item *first, **last;
    char *conversation; // the current one; NULL: none yet
    // Of the reading thread:
    int bad_frames, refused_in_row;
    int64_t bad_since;
    char text[];
};

struct socket *socket_ref(struct socket *socket);
void socket_unref(struct socket *socket);
// Queues an item (owned from then on). False: the queue is full.
bool socket_queue(struct socket *socket, struct item *item);
struct item *item_new(enum item_kind kind);
void item_free(struct item *item);
void socket_message(struct http_ws *ws, void *arg, struct str text); // socket_read.c
void socket_advance(struct socket *socket);                          // schedules socket_run.c
void socket_pull(struct http_ws *ws, void *arg);                     // socket_write.c
void socket_on_turn(struct turn *turn, void *arg);
struct str socket_conversation(struct socket *socket, struct arena *arena); // a copy; STR_NULL: none yet
bool socket_may_ask(struct socket *socket, const struct brand_ref *brand);  // may its caller use the brand still?
void socket_bid_farewell(struct socket *socket); // says that the brand is gone once nothing runs, and closes
bool socket_watch(struct socket *socket); // socket_watch.c: does its credential hold? False: it was closed
