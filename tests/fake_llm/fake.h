// SPDX-License-Identifier: Apache-2.0
// parley-fake-llm: an OpenAI-compatible server for tests that can misbehave in every way a real one does. A request is
// answered in two steps: knobs.c says how, chat.c/embed.c/error.c write the whole reply as a list of timed pieces, and
// server.c sends them. Everything but times depends on the request, the knobs and the seed alone.
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/vec.h"

// How one request is answered. The names in JSON and in model names are in the table of knobs.c.
struct knobs {
    const char *answer, *dialect;
    int64_t first_delay, delta_delay, header_delay, comment_ms;
    int64_t split, comments;
    const char *eol;
    bool bom, one_block;
    int64_t status, retry_after_ms;
    const char *error_body, *retry_after, *should_retry, *location;
    int64_t cut_after; // -1: not
    const char *cut_how;
    const char *no_reply; // "fin", "rst", "hang", "goaway": before any byte
    bool no_done, no_finish, empty_finish, early_done, empty_stream, json_body, ndjson, html, gzip, close_idle;
    const char *garbage_at, *finish;
    bool h2_no_window; // of connections that begin while it stands
    bool huge_event, bad_utf8, null_content, parts_content, no_delta, message_delta, special_end;
    const char *usage, *reasoning, *tools, *tool_style, *tool_text, *ctx, *ctx_how, *refuse, *prefill, *auth, *embed;
    int64_t quota;        // -1: none
    int64_t tool_rounds;  // how often it calls before it answers
    int64_t token_factor; // tokens of a prompt for each that the estimate has
};

extern const struct knobs knobs_default;
// Reads the members of a JSON object over `knobs`. Strings are copied to the arena. On failure false and *ret_error.
bool knobs_read(struct arena *arena, yyjson_val *object, struct knobs *knobs, const char **ret_error);
// Reads "name;knob=value;…"; returns the name before the first ';'.
bool knobs_read_model(struct arena *arena, struct str model, struct knobs *knobs, const char **ret_error);
bool knobs_is(const char *value, const char *name); // NULL-safe equality
// The setting `name` of a list like "base64,dims=16"; false when absent. *ret is the number behind '=' (else 1).
bool knobs_listed(const char *list, const char *name, int64_t *ret);

struct header {
    const char *name, *value;
};

// One request as it came, kept for the log.
struct entry {
    struct arena *arena;
    int64_t number, connection;
    double arrived, closed, finished; // wall clock in ms; 0: not
    struct str method, path, body, model;
    VEC(struct header) headers;
    const char *alpn;
    int64_t stream, reset; // HTTP/2: its id; the error code of the client's RST_STREAM, -1: none
    int status;
    int64_t bytes;
    bool forgotten; // no longer in the log: freed at its end
};

enum ending { END_KEEP, END_FIN, END_RST, END_HANG, END_GOAWAY }; // END_GOAWAY without HTTP/2: END_FIN

struct piece {
    int64_t delay; // ms before it is sent
    struct str bytes;
};

// One reply under construction; all memory is the arena's.
struct reply {
    struct arena *arena;
    struct knobs knobs;
    struct entry *entry;
    yyjson_val *request; // the body; NULL unless JSON
    uint64_t seed;
    int status;
    const char *content_type;
    struct buf headers; // further header lines
    VEC(struct piece) pieces;
    bool streaming; // chunked, else with Content-Length
    enum ending ending;
    bool none; // no reply at all: only `ending`
};

struct log;

void reply_json(struct reply *reply, int status, yyjson_mut_val *root);
void reply_text(struct reply *reply, int status, const char *type, struct str text);
void reply_piece(struct reply *reply, int64_t delay, struct str bytes);

void chat_reply(struct reply *reply);
void embed_reply(struct reply *reply);

// An error in the dialect's shape.
struct error_text {
    int status;
    const char *message, *type, *code, *param;
    int64_t prompt, ctx; // for context errors
};
struct str error_json(struct reply *reply, const struct error_text *error);
void error_reply(struct reply *reply, const struct error_text *error);
// True when the knobs refuse this request (status, auth, quota, refuse, html …): the reply is made.
bool error_gate(struct reply *reply, int64_t served);

int64_t tokens_of_prompt(yyjson_val *request);

// The answer's deltas in the arena.
struct deltas {
    struct str *at;
    size_t n;
};
struct deltas answer_deltas(struct reply *reply);

struct log *log_new_requests(void);
void log_free_requests(struct log *log);
struct entry *log_add(struct log *log);
void log_forget(struct log *log, struct entry *entry); // leaves it out of the log
void log_end(struct entry *entry);                     // the reply has ended; the pointer is dead for the caller
void log_clear(struct log *log);
struct str log_json(struct log *log, struct arena *arena);

double wall_ms(void);
