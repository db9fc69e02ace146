// SPDX-License-Identifier: Apache-2.0
// The upstream client: streaming chat completions and embeddings from OpenAI-compatible servers through libcurl's multi
// interface on one event loop thread of its own. Providers, dialects and fault classes are rows (llm/provider.h,
// llm/fault.h). Nothing here knows of bots or of the HTTP server.
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "llm/provider.h"

struct llm;
struct llm_call;

enum llm_finish { LLM_STOP, LLM_LENGTH, LLM_FILTERED, LLM_CANCELLED, LLM_ERROR, LLM_TOOLS };

struct llm_tool_call {
    struct str id, name;
    struct str arguments; // as the model wrote them: perhaps no JSON; never empty
};

struct llm_message {
    const char *role; // "system", "user", "assistant", "tool"
    struct str content;
    const struct llm_tool_call *calls; // an assistant's
    size_t n_calls;
    struct str call_id; // a tool's: whose result it is
};

struct llm_usage {
    bool known; // false: estimated
    int64_t prompt, completion;
};

struct llm_attempt { // one request to one provider
    char provider[41], model[101];
    const char *outcome; // "ok" or the fault's name
    int status;
    int64_t first_token_ms, ms;
    struct llm_usage usage; // zeros: nothing was used
};
#define LLM_MAX_ATTEMPTS 16

struct llm_result {
    enum llm_finish finish;
    const char *reason;     // LLM_ERROR: "no_model", "all_failed", "timeout"; LLM_LENGTH: "timeout" or NULL; else NULL
    bool any_text;          // something was delivered before the end
    struct llm_usage usage; // over all attempts
    int64_t cost;           // of it, by the providers' prices, in micro-units
    char model[101];        // that answered (the provider's name for it); "" when none
    struct llm_attempt attempts[LLM_MAX_ATTEMPTS];
    size_t n_attempts;
    int failovers;
    const struct llm_tool_call *calls; // LLM_TOOLS: at least one; they live as long as `done` runs
    size_t n_calls;
    char error[200]; // what the last failing server said, keys masked: for the operator's eyes; "" when none failed
};

// Tool calls: an answer with calls ends as LLM_TOOLS, whatever finish reason the server gave; its text, if any, was
// delivered before. The caller runs them and asks again with both in the messages. Calls of an answer that failed are
// forgotten: whoever goes on with it makes them anew. A server that refuses tools gets the calls and results of the
// messages as text.
struct llm_request {
    struct str brand;                   // who asks: waiting calls of a provider are served fairly by it; may be empty
    struct str tools;                   // JSON array of definitions; n 0: none. Left out for servers that refuse them
    bool no_calls;                      // tool_choice "none": it is told of the tools but may not call them
    struct str format;                  // response_format, JSON; n 0: none. Left out for servers that refuse it
    struct str model;                   // chatbot's model name; mapped per provider; empty = the provider's own choice
    const struct llm_message *messages; // copied
    size_t n_messages;
    double temperature;      // < 0: not sent
    int64_t max_tokens;      // 0: not sent
    int response_timeout_ms; // to the first text over all providers and retries; 0 = 30000
    bool whole;              // it is given in one piece: response_timeout_ms bounds all of it, ending as LLM_LENGTH
    // Both run on the client's loop thread and must not block. `delta` gets whole code points, never empty, and always
    // takes them. It returns false to pause (the ring is full now): nothing more comes until llm_call_resume, which may
    // also be called when nothing is paused. `done` runs exactly once, last; the call is freed after. An answer may be
    // LLM_STOP without any text (a model that only thought).
    bool (*delta)(void *arg, struct str text);
    void (*done)(void *arg, const struct llm_result *result);
    // Likewise; may be NULL. The messages again, for a window that is smaller, or estimates that are to be multiplied
    // by more, than had been said before: n of them in *ret, in the arena.
    size_t (*rebuild)(void *arg, struct arena *arena, int64_t window, double factor, const struct llm_message **ret);
    void *arg;
};

// Starts the loop thread. Providers are copied; their order decides. ERR_INVALID names the provider and the field.
int llm_new(const struct llm_provider *providers, size_t n, struct llm **ret, struct err *err);
void llm_free(struct llm *llm); // cancels what runs, joins
// Cancels what runs and what is asked from now on, so that nobody waits for a server while all is ended. Any thread.
void llm_quit(struct llm *llm);
bool llm_has_model(const struct llm *llm); // any enabled provider
// Replaces the providers; running calls finish with the old ones. Any thread.
int llm_set_providers(struct llm *llm, const struct llm_provider *providers, size_t n, struct err *err);

// `fn` is called on the client's thread whenever it has delivered all that was there and is about to wait: what deltas
// gave can be gathered until then. One at a time; NULL takes it away. Must not be called from a callback.
void llm_on_pause(struct llm *llm, void (*fn)(void *arg), void *arg);

// Any thread. Never NULL; `done` is always called, also when there is no provider (reason "no_model").
struct llm_call *llm_chat(struct llm *llm, const struct llm_request *request);
// Any thread, before `done` has run (the caller must order that itself: keep the call in the turn under its lock and
// forget it in `done`). The upstream socket is closed within 50 ms; `done` follows with LLM_CANCELLED.
void llm_cancel(struct llm_call *call);
void llm_call_resume(struct llm_call *call);

// Embeddings: blocking, for workers. `ret` gets n pointers to vectors of length 1 in the arena. `model`: as
// llm_embedding_model tells or told it; NULL: the one in use. Those that have it by name are asked; where no provider
// has, those that make embeddings are asked for it all the same. ERR_NOT_FOUND: no provider makes embeddings;
// ERR_TIMEOUT; ERR_UNAVAILABLE: all failed; *ret then holds what came nevertheless, NULL for the others, or is NULL.
// Requests have 64 texts at most and go four at once. query adds the provider's queryPrefix, else passagePrefix. Single
// questions that come while another is under way wait up to 5 ms for each other and go together, at most 16.
int llm_embed(struct llm *llm, const char *model, struct arena *arena, const struct str *texts, size_t n, bool query,
              int timeout_ms, const float ***ret, size_t *ret_dims, struct err *err);
// One question without waiting: `done` once, on the client's thread, where it must not block; the vector lives for the
// call, NULL with an error of those above.
typedef void llm_vector_done(void *arg, int error, const float *vector, size_t dims);
void llm_embed_question(struct llm *llm, const char *model, struct str text, int timeout_ms, llm_vector_done *done,
                        void *arg);
// The embedding model in use: its name, and behind it "#384" where the provider asks for so many dimensions. false:
// none.
enum { LLM_EMBEDDING_MODEL = 112 };
bool llm_embedding_model(const struct llm *llm, char ret_model[LLM_EMBEDDING_MODEL]);
// The cosine that counts as unrelated: 0.70 for text-embedding-ada-002 and the e5 family, else 0.10.
float llm_embedding_floor(const char *model);

// Context window of the model that would be asked first: learnt, configured or its kind's default; 4096 without one.
// Any thread. Longer prompts are cut by the client itself (oldest messages first) only where the window is known for
// sure.
int64_t llm_context_window(const struct llm *llm, struct str model);

// What the estimate of a prompt for that model is multiplied by, as learnt from reported usage and from refusals of
// prompts that were too long; 1 at first, 0.3 to 8. Any thread.
double llm_estimate_factor(const struct llm *llm, struct str model);

// The most that so many tokens can cost, at the dearest of the enabled providers; micro-units.
int64_t llm_most_cost(const struct llm *llm, int64_t prompt, int64_t completion);

// What is known of each (provider, model) that was called and is still configured, for health and metrics. Any thread
// but the client's own; waits for the loop, which never blocks. In the arena.
struct llm_count {
    const char *outcome; // "ok", "cancelled" or a fault's name
    int64_t n;
};
struct llm_state {
    const char *provider, *model;
    const char *circuit;   // "closed", "open", "half_open"
    int64_t reopens_in_ms; // for open
    int64_t context_window;
    int64_t last_ok_wall_ms;  // of the last good request; 0: none yet
    int64_t faults_in_row;    // of the server, since then
    double mean_ms;           // of about the last hundred good ones
    bool embedding;           // it was asked for embeddings
    bool silent_cut;          // the server cut a prompt without saying so: a warning for health
    bool insecure;            // its certificate is not checked: likewise
    struct llm_count *counts; // those above 0
    size_t n_counts;
};
size_t llm_states(struct llm *llm, struct arena *arena, const struct llm_state **ret);

int64_t llm_window_reserve(int64_t window); // tokens that nothing is planned for: 5 %, 64 at least
// What of a window is the prompt's: what the answer and the reserve leave, but at least a quarter; 64.
int64_t llm_prompt_budget(int64_t window, int64_t output);

// Estimated tokens of a text: ⌈ASCII bytes / 4⌉ + other code points.
int64_t llm_estimate(struct str text);
int64_t llm_estimate_message(const struct llm_message *message); // the same of all that it holds
