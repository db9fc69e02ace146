// SPDX-License-Identifier: Apache-2.0
#include "llm/answer.h"

#include "base/utf8.h"

#include <strings.h>

static void on_visible(void *arg, struct str text)
{
    struct answer *answer = arg;
    answer->has_text = true;
    answer->text_bytes += text.n;
    size_t n = text.n < sizeof answer->tail ? text.n : sizeof answer->tail;
    memmove(answer->tail, answer->tail + n, sizeof answer->tail - n);
    memcpy(answer->tail + sizeof answer->tail - n, text.p + text.n - n, n);
    answer->text(answer->arg, text);
}

static void on_call(void *arg, const struct toolcall_piece *piece)
{
    struct answer *answer = arg;
    answer->tools = true;
    toolcalls_add(&answer->calls, piece);
}

static void on_text(void *arg, struct str text)
{
    struct answer *answer = arg;
    if (answer->offered)
        tooltext_feed(&answer->tooltext, text);
    else
        on_visible(answer, text);
}

void answer_init(struct answer *answer, struct str content_type, bool cautious, bool offered,
                 void (*text)(void *, struct str), void *arg)
{
    *answer = (struct answer){
        .text = text, .arg = arg, .body = BUF_INIT(ANSWER_MAX_BYTES), .prompt = -1, .completion = -1, .cached = -1};
    sse_init(&answer->sse);
    think_init(&answer->think, cautious, on_text, answer);
    answer->offered = offered;
    tooltext_init(&answer->tooltext, on_visible, on_call, answer);
    if (content_type.n >= 20 && strncasecmp(content_type.p, "application/x-ndjson", 20) == 0)
        answer->form = ANSWER_LINES;
    answer->html = content_type.n >= 9 && strncasecmp(content_type.p, "text/html", 9) == 0;
}

void answer_done(struct answer *answer)
{
    sse_done(&answer->sse);
    buf_done(&answer->body);
    tooltext_done(&answer->tooltext);
    toolcalls_done(&answer->calls);
    arena_free(answer->error_arena);
    answer->error_arena = NULL;
}

static bool stop(struct answer *answer, enum fault fault, const char *why)
{
    if (answer->fault == FAULT_NONE) {
        answer->fault = fault;
        answer->why = why;
    }
    return false;
}

static bool stop_with(struct answer *answer, const struct fault_text *error)
{
    if (answer->fault != FAULT_NONE)
        return false;
    answer->error_arena = arena_new(0);
    answer->error = *error;
    answer->error.message = arena_str(answer->error_arena, error->message);
    answer->error.code = arena_str(answer->error_arena, error->code);
    answer->error.type = arena_str(answer->error_arena, error->type);
    answer->error.param = arena_str(answer->error_arena, error->param);
    return stop(answer, fault_classify(200, error), "error");
}

static void take_usage(struct answer *answer, const struct chunk *chunk)
{
    if (!chunk->has_usage)
        return;
    answer->has_usage = true;
    answer->prompt = chunk->prompt;
    answer->completion = chunk->completion;
    if (chunk->cached >= 0)
        answer->cached = chunk->cached;
}

static bool take_chunk(struct answer *answer, const struct chunk *chunk)
{
    take_usage(answer, chunk);
    if (chunk->error.found)
        return stop_with(answer, &chunk->error);
    bool over = answer->finish != CHUNK_GOES_ON || (answer->marked && answer->has_text);
    if (!over && (chunk->text.n > 0 || chunk->reasoning || chunk->tool)) {
        answer->progress++;
        answer->reasoned |= chunk->reasoning;
        answer->tools |= chunk->tool;
        answer->refusal |= chunk->refusal;
        for (size_t i = 0; i < chunk->n_pieces; i++)
            toolcalls_add(&answer->calls, &chunk->pieces[i]);
        if (answer->text_bytes + chunk->text.n > ANSWER_MAX_TEXT)
            return stop(answer, FAULT_BROKEN, "too_big");
        think_feed(&answer->think, chunk->text);
        answer->reasoned |= answer->think.seen_tag;
    }
    if (answer->finish != CHUNK_GOES_ON || chunk->finish == CHUNK_GOES_ON)
        return true;
    answer->finish = chunk->finish;
    if (chunk->finish == CHUNK_ABORT)
        return stop(answer, FAULT_BROKEN, "abort");
    return true;
}

// One event or line that should be JSON.
static bool take_json(struct answer *answer, struct str json)
{
    struct arena *arena = arena_new(0);
    struct chunk chunk;
    bool go_on = true;
    if (!chunk_read(arena, json, &chunk)) {
        answer->skipped++;
        if (++answer->garbage >= 3)
            go_on = stop(answer, FAULT_BROKEN, "garbage");
    } else {
        answer->garbage = 0;
        go_on = take_chunk(answer, &chunk);
    }
    arena_free(arena);
    return go_on;
}

static bool on_event(void *arg, const struct sse_event *event)
{
    struct answer *answer = arg;
    struct str data = str_trim(event->data);
    if (str_eq(data, STR("[DONE]"))) {
        answer->marked = true;
        return true;
    }
    if (!str_eq(event->type, STR("error")))
        return data.n == 0 || take_json(answer, data);
    struct arena *arena = arena_new(0);
    struct fault_text error;
    fault_read(arena, json_repair(arena, data), &error);
    error.found = true;
    stop_with(answer, &error);
    arena_free(arena);
    return false;
}

static bool take_lines(struct answer *answer)
{
    size_t from = 0;
    bool go_on = true;
    while (go_on && from < answer->body.n) {
        const char *end = memchr(answer->body.p + from, '\n', answer->body.n - from);
        if (!end)
            break;
        struct str line = str_trim((struct str){answer->body.p + from, (size_t)(end - answer->body.p) - from});
        from = (size_t)(end - answer->body.p) + 1;
        if (line.n > 0)
            go_on = take_json(answer, line);
    }
    buf_consume(&answer->body, from);
    if (go_on && answer->body.n > SSE_MAX_EVENT)
        return stop(answer, FAULT_BROKEN, "too_big");
    return go_on;
}

static bool feed_sse(struct answer *answer, struct str bytes)
{
    if (sse_feed(&answer->sse, bytes, on_event, answer) == ERR_LIMIT)
        return stop(answer, FAULT_BROKEN, "too_big");
    return answer->fault == FAULT_NONE;
}

// The form is told by the first byte that is neither white space nor part of a byte order mark: servers' content types
// are not to be trusted.
static bool find_form(struct answer *answer)
{
    size_t at = 0;
    while (at < answer->body.n &&
           (memchr(" \t\r\n", answer->body.p[at], 4) || (unsigned char)answer->body.p[at] >= 0x80))
        at++;
    if (at == answer->body.n)
        return answer->body.n < 4096 ? true : stop(answer, FAULT_BROKEN, "not_an_llm");
    char first = answer->body.p[at];
    if (first == '<' || answer->html)
        return stop(answer, FAULT_BROKEN, "not_an_llm");
    if (first == '{' || first == '[') {
        answer->form = ANSWER_JSON;
        return true;
    }
    answer->form = ANSWER_SSE;
    struct buf head = answer->body;
    answer->body = BUF_INIT(ANSWER_MAX_BYTES);
    bool go_on = feed_sse(answer, buf_str(&head));
    buf_done(&head);
    return go_on;
}

bool answer_feed(struct answer *answer, struct str bytes)
{
    if (answer->fault != FAULT_NONE)
        return false;
    answer->bytes += bytes.n;
    if (answer->bytes > (answer->form == ANSWER_SSE ? ANSWER_MAX_STREAM : ANSWER_MAX_BYTES))
        return stop(answer, FAULT_BROKEN, "too_big");
    if (answer->form == ANSWER_SSE)
        return feed_sse(answer, bytes);
    buf_adds(&answer->body, bytes);
    if (answer->form == ANSWER_UNKNOWN)
        return find_form(answer);
    return answer->form == ANSWER_JSON || take_lines(answer);
}

// A body that is one JSON text, or lines of JSON under a wrong content type.
static void end_json(struct answer *answer)
{
    struct arena *arena = arena_new(0);
    struct chunk chunk;
    struct str body = str_trim(buf_str(&answer->body));
    if (chunk_read(arena, body, &chunk)) {
        take_chunk(answer, &chunk);
        if (answer->fault != FAULT_NONE && chunk.error.found && chunk.error.status == 0 &&
            str_starts(chunk.error.message, STR("Unexpected endpoint")))
            answer->fault = FAULT_BROKEN, answer->why = "not_an_llm";
        if (!chunk.choices && answer->fault == FAULT_NONE)
            stop(answer, FAULT_BROKEN, "not_an_llm");
        // A whole completion needs no finish reason.
        if (chunk.choices && answer->finish == CHUNK_GOES_ON)
            answer->marked = true;
    } else if (memchr(body.p, '\n', body.n)) {
        buf_addc(&answer->body, '\n');
        answer->form = ANSWER_LINES;
        take_lines(answer);
    } else {
        stop(answer, FAULT_BROKEN, body.n > 0 ? "garbage" : "empty");
    }
    arena_free(arena);
}

static bool ends_sentence(const struct answer *answer)
{
    static const char *const marks[] = {".", "!", "?", "…", "。", "！", "？", ".\"", "!\"", "?\"", "」", "”", ")", ":"};
    struct str tail = str_trim((struct str){answer->tail, sizeof answer->tail});
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (str_ends(tail, str_from(marks[i])))
            return true;
    return false;
}

void answer_end(struct answer *answer, bool clean)
{
    if (answer->fault == FAULT_NONE) {
        if (answer->form == ANSWER_SSE) {
            if (sse_end(&answer->sse, on_event, answer) == ERR_LIMIT)
                stop(answer, FAULT_BROKEN, "too_big");
        } else if (answer->form == ANSWER_LINES) {
            buf_addc(&answer->body, '\n');
            take_lines(answer);
        } else if (answer->form == ANSWER_JSON && clean) {
            end_json(answer);
        }
    }
    think_end(&answer->think);
    tooltext_end(&answer->tooltext);
    if (answer->fault != FAULT_NONE)
        return;
    if (answer->html)
        stop(answer, FAULT_BROKEN, "not_an_llm");
    else if (answer->finish == CHUNK_FILTERED)
        stop(answer, FAULT_FILTERED, "filtered");
    else if (!answer->has_text && !answer->tools && answer->finish == CHUNK_GOES_ON)
        stop(answer, FAULT_BROKEN, answer->form == ANSWER_UNKNOWN && answer->bytes > 0 ? "not_an_llm" : "empty");
    else if (answer->finish == CHUNK_GOES_ON && !answer->marked && !answer->has_usage &&
             !(clean && ends_sentence(answer)))
        stop(answer, FAULT_BROKEN, "cut");
}

bool answer_complete(const struct answer *answer)
{
    return answer->marked || (answer->finish != CHUNK_GOES_ON && answer->has_usage);
}
