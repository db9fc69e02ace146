// SPDX-License-Identifier: Apache-2.0
// What the client's own files share; nobody else includes this. Everything but the inbox, the provider set and the
// learnt windows belongs to the loop thread.
//
//   llm.c       public functions, the thread, the inbox through which other threads speak to it
//   transfer.c  one HTTP request: libcurl's multi interface on the libuv loop
//   lane.c      what is known of each provider and model: breaker, closures, quirks
//   seat.c      places for concurrent calls, shared fairly
//   request.c   the JSON that is sent
//   messages.c  its messages, in the form that a server takes
//   call.c      a chat call: what follows from a fault, deadlines, signals
//   route.c     which provider it goes to
//   attempt.c   one of its requests: text, pauses, usage; and the call's end
//   embed.c     embeddings
//   gather.c    questions that are embedded together
//   probe.c     asks a server once for its model's context window
//   status.c    what is known, for health and metrics
#pragma once

#include "base/map.h"
#include "base/vec.h"
#include "llm/answer.h"
#include "llm/breaker.h"
#include "llm/join.h"
#include "llm/llm.h"

#include <curl/curl.h>
#include <pthread.h>
#include <uv.h>

// ---- threads

struct job { // something other threads may signal; embedded first
    struct job *next;
    unsigned signals;
    bool queued;
    void (*run)(struct job *job, unsigned signals); // on the loop thread
};
enum { SIGNAL_START = 1, SIGNAL_CANCEL = 2, SIGNAL_RESUME = 4 };

struct provider_set {
    int refs; // under llm->lock
    struct arena *arena;
    struct llm_provider *at; // enabled ones, in order
    size_t n;
};

struct llm {
    uv_loop_t loop;
    uv_thread_t thread;
    uv_async_t wake;
    uv_timer_t curl_timer;
    int64_t curl_at; // when it fires, by now_ms; INT64_MAX: not set
    uv_prepare_t pause;
    CURLM *multi;
    VEC(CURL *) spare;      // easy handles to use again
    size_t transfers;       // under way
    const char *http_proxy; // HTTP_PROXY, which libcurl itself does not read
    pthread_mutex_t lock;   // of the next group
    struct job *inbox, **inbox_end;
    struct provider_set *set;
    bool stopping, set_changed;
    pthread_mutex_t pause_lock; // held while on_pause runs
    void (*on_pause)(void *arg);
    void *on_pause_arg;
    struct question *questions; // that wait for others (gather.c)
    uv_timer_t gather;          // when they go
    int groups;                 // of questions under way
    struct job quit;
    bool ending;               // the loop's own view of stopping
    struct map *peers, *lanes; // changed by the loop thread under the lock, read by it without
    struct llm_call *calls;    // all running ones
    struct embed *embeds;
    struct probe *probes;
};

void llm_post(struct llm *llm, struct job *job, unsigned signal); // any thread
void llm_forget(struct llm *llm, struct job *job);                // before a job is freed
struct provider_set *set_ref(struct llm *llm);                    // the current one
void set_unref(struct llm *llm, struct provider_set *set);
int64_t now_ms(struct llm *llm); // of the loop, never moved by tests: for deadlines

// ---- transfers

enum { BODY_GO_ON, BODY_PAUSE, BODY_STOP };

struct transfer_ops {
    int (*body)(void *arg, struct str bytes); // status and headers are known by then
    void (*done)(void *arg, CURLcode code);   // exactly once unless the transfer is freed before; frees nothing
};

struct transfer {
    struct llm *llm;
    CURL *easy;
    struct curl_slist *headers;
    struct arena *arena;
    struct buf body;
    const struct transfer_ops *ops;
    void *arg;
    int status;
    bool answered; // a header came
    bool over;     // libcurl is done with it
    char content_type[100], retry_after[64], should_retry[8], retry_after_ms[24];
};

// Starts a POST of `body`, which is taken over, or with NULL a GET. `what` is llm_url's, or a path that begins with
// '/'.
struct transfer *transfer_new(struct llm *llm, const struct llm_provider *provider, const char *what, const char *model,
                              struct buf *body, const char *accept, const struct transfer_ops *ops, void *arg);
// Frees at any time except inside its own body callback; a running one is closed at once.
void transfer_free(struct transfer *transfer);
void transfer_resume(struct transfer *transfer);
bool transfer_reused(const struct transfer *transfer); // its connection had served before
enum fault transfer_fault(CURLcode code);
int transfer_setup(struct llm *llm);
void transfer_teardown(struct llm *llm);

// ---- lanes

struct seat { // a place among a provider's concurrent calls
    struct seat *next, **link;
    struct peer *peer; // set while waiting or seated
    struct str brand;  // whose it is; the holder keeps it
    bool seated;
    void (*granted)(struct seat *seat);
};

struct peer { // one provider
    char id[41];
    uint64_t config; // hash of its row; another row starts afresh
    int running, max, waiting;
    struct seat *first; // that wait, in order of arrival
    struct map *shares; // brand → what it has (seat.c)
    uint64_t served;
    int64_t closed_until;
    bool probed;
};

struct lane { // one model of a provider
    struct peer *peer;
    char model[101];
    struct breaker breaker;
    int64_t closed_until, quirks_until;
    unsigned quirks;
    double factor;                        // reported by estimated prompt tokens
    double ratio;                         // the same as refusals have told it, where that is more; 0: none has
    int64_t window;                       // learnt; 0: not
    int64_t outcomes[FAULT_N], cancelled; // attempts so far
    int64_t last_ok_wall, faults_in_row;  // 0: none yet; of any kind but those of the request
    double mean_ms;                       // of about the last hundred good ones
    bool thinks, known, silent_cut;       // known: it has answered, or begun to, before
    bool embeds;                          // it was asked for embeddings
};

struct lane *lane_get(struct llm *llm, const struct llm_provider *provider, const char *model);
void lanes_new_set(struct llm *llm, const struct provider_set *set); // resets what belongs to changed rows
void lanes_free(struct llm *llm);
// When it may be called again (clock_mono_ms); 0: now. since: when it was closed.
int64_t lane_closed(const struct lane *lane, int64_t now, int64_t *ret_since);
void lane_close(struct lane *lane, enum fault fault, int64_t wait_ms);
unsigned lane_quirks(struct lane *lane);
void lane_learn_quirk(struct lane *lane, unsigned bit);
void lane_learn_window(struct llm *llm, struct lane *lane, int64_t window);
// A request to this lane is over: the books. `outcome`: a fault's name or "cancelled"; first_ms 0: no text came.
void lane_ended(struct lane *lane, const char *outcome, int64_t ms, int64_t first_ms);
void lane_learn_usage(struct llm *llm, struct lane *lane, int64_t estimated, int64_t reported);
double lane_factor(const struct lane *lane); // what an estimate is multiplied by so that a prompt fits
struct refusal {                             // of a prompt that was too long
    int64_t window, prompt;                  // as the server told them; 0: it did not
    int64_t estimated, output;               // what was sent: without any factor; tokens left for the answer
    bool again;                              // of a prompt that was shortened already
};
void lane_learn_refusal(struct llm *llm, const struct llm_provider *provider, struct lane *lane,
                        const struct refusal *refusal);
int provider_time(const struct llm_provider *provider, char which); // 'c', 'f', 'i', 't' in ms
int64_t provider_cost(const struct llm_provider *provider, int64_t prompt, int64_t completion); // micro-units
int64_t provider_window(const struct llm_provider *provider, const struct lane *lane);

// ---- places (seat.c)

enum { SEAT_TAKEN, SEAT_WAITING, SEAT_FULL };
// `brand` must stay until the seat is left.
int seat_take(struct seat *seat, struct peer *peer, struct str brand, void (*granted)(struct seat *seat));
void seat_leave(struct seat *seat); // also stops waiting

// ---- requests

struct prompt {
    const struct llm_message *messages;
    size_t n;
    double temperature;
    int64_t max_tokens;
    struct str prior; // text to continue; n 0: none
    struct str tools; // JSON array; n 0: none
    bool no_calls;
    struct str format; // response_format; n 0: none
    bool whole; // not as a stream
};
// The body in `out`. `window` > 0: older messages are left out until the estimate fits. Returns the estimated prompt
// tokens (before the lane's factor).
int64_t request_write(struct buf *out, const struct llm_provider *provider, const struct lane *lane, const char *model,
                      const struct prompt *prompt, unsigned quirks, int64_t window);

struct message_list {
    struct llm_message *at; // with room for two more where the list is reshaped
    size_t n;
};
// System texts (all, or all but the first) move to the head of the user message that follows.
void messages_move_system(struct arena *arena, struct message_list *list, bool keep_first);
void messages_join(struct arena *arena, struct message_list *list); // neighbours of one role
int64_t messages_estimate(const struct message_list *list);
int64_t messages_least(const struct message_list *list); // the estimate of those that messages_fit never leaves out
// Leaves out the oldest messages between the leading system texts and the last user message.
void messages_fit(struct message_list *list, int64_t budget);
// For a server without tools: calls vanish, their results become text of the user's side.
void messages_flatten_tools(struct arena *arena, struct message_list *list);
void messages_write(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *out, const struct message_list *list);

// ---- calls

#define MAX_REFITS 4 // of a prompt that is too long, for one provider

struct llm_call {
    struct job job;
    struct llm *llm;
    struct llm_call *next, **link;
    struct arena *arena;
    struct llm_request request; // copied
    char model[101];
    struct provider_set *set;
    uv_timer_t timer;
    enum { CALL_NEW, CALL_WAITS_SEAT, CALL_WAITS_RETRY, CALL_WAITS_OPEN, CALL_RUNS, CALL_DRAINS, CALL_OVER } state;
    // Where it is
    size_t at; // provider
    const struct llm_provider *provider;
    const char *upstream_model;
    struct lane *lane;
    struct seat seat;
    bool entered;         // the breaker
    unsigned char *notes; // of each provider: what this call has had with it (route.c)
    int tries, repairs, refits;
    bool replaced;           // the connection of this attempt
    bool silent;             // the last attempt was accepted and then nothing at all came
    int64_t waited;          // ms, for servers that wanted to be left alone
    int64_t first_window;    // that the messages were made for
    bool rebuilt;            // they are others now
    bool forced;             // what is done once where no provider is left
    bool refused, cut_short; // how a good answer ended
    // What the last attempt's end told
    int64_t wait_ms, told_window, told_prompt; // -1, 0, 0: nothing
    int should_retry;                          // -1: nothing
    unsigned repair;
    // The attempt under way
    struct transfer *transfer;
    struct answer answer;
    bool answering;
    struct buf error_body;
    struct llm_attempt *attempt;
    int64_t estimated, answer_ascii, answer_other;
    uint64_t progress;
    bool stalled;       // the transfer was told to pause
    bool looked_again;  // the doubt's time has passed once
    int64_t late_since; // a deadline has passed: the sockets get one more look; 0: none has
    // Times by now_ms; 0: not yet
    int64_t started, waits_since, retry_at, sent, first_progress, last_progress, completed, held_since, doubt_since;
    // Delivery
    bool paused, joining;
    struct buf pending, delivered;
    struct join join;
    int continued; // mid-answer fail-overs
    struct llm_result result;
};

void call_signal(struct job *job, unsigned signals);
// route.c: where to go
void call_begin(struct llm_call *call);                        // to the first provider
void call_try_provider(struct llm_call *call);                 // the first that may be asked and was not yet
void call_next_provider(struct llm_call *call, bool too_long); // leaves this one; it could have a shorter prompt
bool call_has_others(const struct llm_call *call); // some provider that this call has not asked may be asked now
// call.c: what to do there
void call_send(struct llm_call *call);
void call_rebuild(struct llm_call *call);
int64_t call_time_left(const struct llm_call *call);      // of the time to answer, where it still runs
void call_after(struct llm_call *call, enum fault fault); // what follows from an attempt that is over
void call_arm(struct llm_call *call);                     // timer for the earliest deadline
// attempt.c: one request and its text
extern const struct transfer_ops attempt_ops;
enum fault attempt_verdict(struct llm_call *call, CURLcode code); // reads what is left, keeps what the server told
void attempt_close(struct llm_call *call, const char *outcome, bool counted); // books it, frees the transfer
void call_resumed(struct llm_call *call);
void call_decide_join(struct llm_call *call);
void call_finish(struct llm_call *call, enum llm_finish finish, const char *reason);

// ---- embeddings

struct embed;
struct probe;
struct embed_order {
    const char *model; // llm_embed's
    const struct str *texts;
    size_t n;
    bool query;
    int timeout_ms;
    // Once, on the loop thread; `texts` are not touched after it. n vectors, which live for the call; with an error
    // those that came, NULL for the others, or no list at all.
    void (*done)(void *arg, int error, float *const *vectors, size_t dims);
    void *arg;
};
void embed_start(struct llm *llm, const struct embed_order *order); // on the loop thread
int embed_fault(int error, struct err *err);                        // an order's error as its callers are told it
void questions_cancel(struct llm *llm);
void questions_setup(struct llm *llm);
void probe_window(struct llm *llm, const struct llm_provider *provider, struct lane *lane);
void probes_cancel(struct llm *llm);
void embeds_cancel(struct llm *llm);
