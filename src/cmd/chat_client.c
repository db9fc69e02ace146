// SPDX-License-Identifier: Apache-2.0
// A question that was lost with its connection is resumed. Two cases are told apart by whether the server has shown
// that it took the question up: if so, its answer goes on at the character reached; if not, the newest answer of the
// conversation may be the one before, so nothing of it is shown until its message id says whose it is.
#include "cmd/chat_client.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/id.h"
#include "base/utf8.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum { CONNECT_MS = 10000, FIRST_DELAY = 1000, LAST_DELAY = 30000, SLOW_DOWN = 30000, TRIES = 8 };
enum { LONGEST_ANSWER = 4 << 20, PATIENCE_TIMES = 10 };

struct chat_client {
    struct chat_options options;
    struct ws_client *ws;
    char path[512], conversation[129], last_id[129]; // last_id: message id of the newest whole answer
    bool fresh;                                      // the conversation began here: no answer is older than ours
    int64_t delay;
    int closed; // close code of the connection that was lost last, 0 = none
    struct buf welcome, brand_name;
};

static void note(const struct chat_client *client, const char *text)
{
    client->options.view.note(client->options.view.arg, text);
}

struct chat_client *chat_client_new(const struct chat_options *options)
{
    struct chat_client *client = mem_zalloc(sizeof *client);
    AUTO_BUF struct buf path = BUF_INIT(sizeof client->path - 1);
    client->options = *options;
    client->delay = FIRST_DELAY;
    client->welcome = BUF_INIT(16384);
    client->brand_name = BUF_INIT(4096);
    client->fresh = !options->conversation;
    if (options->conversation)
        (void)snprintf(client->conversation, sizeof client->conversation, "%s", options->conversation);
    else
        id_v4(client->conversation);
    buf_addz(&path, "/ws/chat/");
    for (const char *c = options->brand; *c; c++)
        if (strchr(ID_BASE64URL, *c) || *c == '.' || *c == '~')
            buf_addc(&path, *c);
        else
            buf_addf(&path, "%%%02X", (unsigned char)*c);
    memcpy(client->path, path.p, path.n + 1);
    return client;
}

void chat_client_free(struct chat_client *client)
{
    if (!client)
        return;
    ws_client_free(client->ws, 1000);
    buf_done(&client->welcome);
    buf_done(&client->brand_name);
    free(client);
}

struct str chat_client_welcome(const struct chat_client *client)
{
    return buf_str(&client->welcome);
}

struct str chat_client_brand_name(const struct chat_client *client)
{
    return buf_str(&client->brand_name);
}

const char *chat_client_conversation(const struct chat_client *client)
{
    return client->conversation;
}

// 001-brands 10.6: after which close codes connecting again is of use.
static bool may_return(int code)
{
    static const int codes[] = {1001, 1005, 1006, 1011, 1012, 1013, 1014, 4408, 4429};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i] == code)
            return true;
    return false;
}

static void drop(struct chat_client *client, int code)
{
    ws_client_free(client->ws, 0);
    client->ws = NULL;
    client->closed = code;
}

static int closed_for_good(const struct chat_client *client, struct err *err)
{
    return err_set(err, ERR_DENIED, "the server closed the connection (%d)", client->closed);
}

// One frame as an object; NULL: none of ours. What every frame brings is taken here.
static yyjson_val *read_frame(struct chat_client *client, struct arena *arena, struct str text, struct str *ret_type)
{
    const struct chat_view *view = &client->options.view;
    yyjson_val *frame = NULL;
    if (json_parse(arena, text, JSON_RAW_NUMBERS, &frame, NULL) != 0 || !yyjson_is_obj(frame))
        return NULL;
    view->frame(view->arg, frame);
    *ret_type = json_get_str(frame, "type");
    yyjson_val *data = json_get(frame, "data");
    if (str_eq(*ret_type, STR("welcome"))) {
        client->delay = FIRST_DELAY;
        buf_clear(&client->welcome);
        buf_clear(&client->brand_name);
        buf_adds(&client->welcome, json_get_str(data, "message"));
        buf_adds(&client->brand_name, json_get_str(data, "brand_name"));
    } else if (str_eq(*ret_type, STR("error")) && !str_eq(json_get_str(data, "code"), STR("nothing_to_resume"))) {
        view->error(view->arg, json_get_str(data, "message"));
    }
    return frame;
}

// Frames until the welcome. A server that says something else first is let do so; a silent one is none.
static int await_welcome(struct chat_client *client, int64_t deadline, struct err *err)
{
    bool spoken = false;
    for (;;) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        struct str text, type = STR_NULL;
        switch (ws_client_receive(client->ws, -1, deadline, &text, &client->closed)) {
        case WS_GOT_TEXT:
            spoken |= read_frame(client, arena, text, &type) != NULL;
            if (str_eq(type, STR("welcome")))
                return 0;
            break;
        case WS_GOT_CLOSED:
            drop(client, client->closed);
            return may_return(client->closed) ? err_set(err, ERR_IO, "the connection was lost")
                                              : closed_for_good(client, err);
        default:
            if (spoken)
                return 0;
            drop(client, 1006);
            return err_set(err, ERR_TIMEOUT, "the server says nothing");
        }
    }
}

int chat_client_connect(struct chat_client *client, struct err *err)
{
    int64_t patience = client->options.patience_ms < CONNECT_MS ? client->options.patience_ms : CONNECT_MS;
    int64_t deadline = clock_mono_ms() + patience;
    int status;
    int rc = ws_client_open(client->options.target, client->path, deadline, &client->ws, &status, err);
    if (rc == 0)
        rc = await_welcome(client, deadline, err);
    else if (status == 429 || status >= 500)
        client->closed = 4429; // too many, or not now
    else
        client->closed = 1006;
    return rc;
}

// Waits, then connects, until it works, is refused for good, or has been tried often enough.
static int connect_again(struct chat_client *client, int64_t deadline, struct err *err)
{
    for (int tries = 1;; tries++) {
        uint8_t chance;
        crypto_random(&chance, sizeof chance);
        int64_t wait = client->delay * (75 + chance % 51) / 100, now = clock_mono_ms();
        if (client->closed == 4429 && wait < SLOW_DOWN)
            wait = SLOW_DOWN;
        if (now + wait >= deadline)
            return err_set(err, tries == 1 ? ERR_DENIED : ERR_TIMEOUT,
                           "no answer in time"); // it could be reached, or not
        client->delay = client->delay * 3 / 2 < LAST_DELAY ? client->delay * 3 / 2 : LAST_DELAY;
        for (int64_t left = wait; left > 0; left = now + wait - clock_mono_ms())
            (void)poll(NULL, 0, (int)left);
        int rc = chat_client_connect(client, err);
        if (rc == 0) {
            note(client, "connected again");
            return 0;
        }
        if ((rc == ERR_DENIED && client->closed != 4429) || rc == ERR_FORMAT || tries == TRIES)
            return rc;
    }
}

enum asking { CHAT, RESUME };

struct question {
    struct str message;
    struct chat_answer *answer;
    enum asking how;
    bool taken;      // the server has shown that it works on it
    bool nothing;    // nothing to resume
    struct buf held; // text of an answer that may be another's
    char id[129];    // of the answer
    int64_t deadline;
};

static bool send_question(struct chat_client *client, const struct question *q)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *frame = yyjson_mut_obj(doc), *data = yyjson_mut_obj(doc);
    json_add_cstr(doc, frame, "type", q->how == CHAT ? "chat" : "resume");
    json_add(doc, frame, "data", data);
    json_add_cstr(doc, data, "conversation_id", client->conversation);
    if (q->how == RESUME) {
        json_add_int(doc, data, "offset", (int64_t)q->answer->runes);
    } else {
        json_add_str(doc, data, "message", q->message);
        json_add_bool(doc, data, "voice", client->options.voice);
    }
    return ws_client_send(client->ws, json_write(arena, frame));
}

static void take_text(struct chat_client *client, struct question *q, struct str text)
{
    if (text.n == 0)
        return;
    if (q->how == RESUME && !q->taken) {
        buf_adds(&q->held, text);
        return;
    }
    q->answer->runes += utf8_count(text);
    client->options.view.text(client->options.view.arg, text);
}

static void take_complete(struct chat_client *client, struct question *q, yyjson_val *data)
{
    struct chat_answer *answer = q->answer;
    yyjson_val *metadata = json_get(data, "metadata"), *confidence = json_get(data, "confidence_score");
    struct str id = json_get_str(metadata, "message_id");
    if (answer->runes == 0 && q->held.n == 0)
        take_text(client, q, json_get_str(data, "content")); // a server that does not stream
    answer->failed |= str_eq(json_get_str(metadata, "finish_reason"), STR("error"));
    answer->products = json_get(data, "suggested_products");
    answer->confidence = yyjson_is_raw(confidence) ? confidence : NULL;
    (void)snprintf(q->id, sizeof q->id, STR_FMT, STR_ARG(id));
}

// True at the answer's end.
static bool take_frame(struct chat_client *client, struct question *q, struct str text)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct str type = STR_NULL;
    yyjson_val *frame = read_frame(client, arena, text, &type), *data = json_get(frame, "data");
    bool chunk = str_eq(type, STR("chunk")), complete = str_eq(type, STR("complete"));
    if (chunk || str_eq(type, STR("typing")))
        q->taken |= q->how == CHAT;
    if (str_eq(type, STR("error"))) {
        bool nothing = str_eq(json_get_str(data, "code"), STR("nothing_to_resume"));
        q->nothing |= nothing;
        q->answer->failed |= !nothing;
    }
    struct str conversation = json_get_str(data, "conversation_id");
    if ((chunk || complete) && conversation.n && conversation.n < sizeof client->conversation)
        (void)snprintf(client->conversation, sizeof client->conversation, STR_FMT, STR_ARG(conversation));
    if (chunk)
        take_text(client, q, json_get_str(data, "content"));
    if (complete && json_parse(q->answer->arena, text, JSON_RAW_NUMBERS, &frame, NULL) == 0)
        take_complete(client, q, json_get(frame, "data")); // outlives this frame
    return complete;
}

enum followed { WHOLE, LOST, NO_TIME };

// Reads the answer to its end, or to the connection's. Pings when it is silent for long.
static enum followed follow(struct chat_client *client, struct question *q)
{
    int64_t patience = client->options.patience_ms, since = clock_mono_ms(), pinged = since;
    for (;;) {
        struct str text;
        int64_t now = clock_mono_ms(),
                heard = ws_client_heard(client->ws) > since ? ws_client_heard(client->ws) : since;
        if (now >= q->deadline)
            return NO_TIME;
        if (now >= heard + patience) {
            drop(client, 1006);
            return LOST;
        }
        if (now >= heard + patience / 3 && now >= pinged + patience / 3) {
            pinged = now;
            (void)ws_client_send(client->ws, STR("{\"type\":\"ping\"}"));
        }
        int64_t until = now + patience / 3 + 1 < q->deadline ? now + patience / 3 + 1 : q->deadline;
        switch (ws_client_receive(client->ws, -1, until, &text, &client->closed)) {
        case WS_GOT_TEXT:
            if (take_frame(client, q, text))
                return WHOLE;
            break;
        case WS_GOT_CLOSED:
            drop(client, client->closed);
            return LOST;
        default:
            break;
        }
    }
}

// After a whole answer: is it ours? If not, the question never arrived and is asked again.
static bool is_ours(struct chat_client *client, const struct question *q)
{
    if (q->how == CHAT || q->taken)
        return true;
    return !q->nothing && (!*q->id || strcmp(q->id, client->last_id) != 0);
}

static int ask(struct chat_client *client, struct question *q, struct err *err)
{
    for (;;) {
        int rc = client->ws ? 0 : connect_again(client, q->deadline, err);
        if (rc)
            return rc;
        enum followed end = LOST;
        if (send_question(client, q))
            end = follow(client, q);
        else
            drop(client, 1006);
        if (end == NO_TIME)
            return err_set(err, ERR_DENIED, "the server gave no answer in %lld s",
                           (long long)(client->options.patience_ms * PATIENCE_TIMES / 1000));
        if (end == WHOLE && is_ours(client, q))
            return 0;
        if (end == LOST && !may_return(client->closed))
            return closed_for_good(client, err);
        if (end == LOST)
            note(client, "the connection was lost");
        // An answer from before this program began cannot be told from ours: then ask again.
        bool resumable = q->taken || client->fresh || *client->last_id;
        q->how = end == LOST && resumable ? RESUME : CHAT;
        q->nothing = q->answer->failed = false;
        buf_clear(&q->held);
    }
}

int chat_client_ask(struct chat_client *client, struct str message, struct chat_answer *answer, struct err *err)
{
    struct question q = {.message = message, .answer = answer, .held = BUF_INIT(LONGEST_ANSWER)};
    q.deadline = clock_mono_ms() + client->options.patience_ms * PATIENCE_TIMES;
    int rc = ask(client, &q, err);
    if (rc == 0) {
        if (q.held.n) {
            answer->runes += utf8_count(buf_str(&q.held));
            client->options.view.text(client->options.view.arg, buf_str(&q.held));
        }
        if (q.nothing) { // its beginning was shown, its rest is gone
            answer->failed = true;
            client->options.view.error(client->options.view.arg, STR("The rest of the answer was lost"));
        }
        if (*q.id)
            (void)snprintf(client->last_id, sizeof client->last_id, "%s", q.id);
    }
    buf_done(&q.held);
    return rc;
}

int chat_client_wait(struct chat_client *client, int input, struct err *err)
{
    while (client->ws) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        struct str text, type;
        switch (ws_client_receive(client->ws, input, clock_mono_ms() + CONNECT_MS, &text, &client->closed)) {
        case WS_GOT_TEXT:
            (void)read_frame(client, arena, text, &type);
            break;
        case WS_GOT_INPUT:
            return 0;
        case WS_GOT_CLOSED:
            drop(client, client->closed);
            if (!may_return(client->closed))
                return closed_for_good(client, err);
            break;
        case WS_GOT_TIMEOUT:
            break;
        }
    }
    return 0;
}
