// SPDX-License-Identifier: Apache-2.0
#include "llm/fault.h"

#include "base/clock.h"

#include <strings.h>
#include <time.h>

const struct fault_row fault_rows[FAULT_N] = {
    [FAULT_NONE] = {"ok", 0, false, false, 0, false},
    [FAULT_AUTH] = {"auth", 0, false, false, 300000, true},
    [FAULT_NO_MODEL] = {"no_model", 0, false, false, 300000, false},
    [FAULT_CONTEXT] = {"context", 0, false, false, 0, false},
    [FAULT_PARAMETER] = {"parameter", 0, false, false, 0, false},
    [FAULT_FILTERED] = {"filtered", 0, false, true, 0, false},
    [FAULT_RATE] = {"rate", -1, false, false, 0, true},
    [FAULT_QUOTA] = {"quota", 0, false, false, 600000, true},
    [FAULT_BUSY] = {"busy", -1, true, false, 0, false},
    [FAULT_NETWORK] = {"network", -1, true, false, 0, false},
    [FAULT_CERTIFICATE] = {"certificate", 0, true, false, 0, false},
    [FAULT_SLOW] = {"slow", 0, true, false, 0, false},
    [FAULT_BROKEN] = {"broken", 1, true, false, 0, false},
    [FAULT_BAD_REQUEST] = {"bad_request", 0, false, false, 0, false},
};

static bool contains(struct str text, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= text.n; i++)
        if (strncasecmp(text.p + i, word, n) == 0)
            return true;
    return false;
}

// A string as it is, anything else as JSON; "" for null and absent.
static struct str text_of(struct arena *arena, yyjson_val *value)
{
    if (!value || yyjson_is_null(value))
        return STR("");
    return yyjson_is_str(value) ? json_str(value) : json_write_val(arena, value);
}

static bool present(yyjson_val *value)
{
    if (!value || yyjson_is_null(value) || yyjson_is_false(value))
        return false;
    if (yyjson_is_str(value))
        return yyjson_get_len(value) > 0;
    return !yyjson_is_ctn(value) || yyjson_get_len(value) > 0;
}

static int64_t number_of(yyjson_val *object, const char *key)
{
    int64_t n = json_get_int(object, key, 0);
    return n > 0 && n <= 100000000 ? n : 0;
}

static void read_fields(struct arena *arena, yyjson_val *object, struct fault_text *text)
{
    struct str field;
    if ((field = text_of(arena, json_get(object, "message"))).n > 0)
        text->message = field;
    if ((field = text_of(arena, json_get(object, "type"))).n > 0 ||
        (field = text_of(arena, json_get(object, "error_type"))).n > 0)
        text->type = field;
    if ((field = text_of(arena, json_get(object, "param"))).n > 0)
        text->param = field;
    yyjson_val *code = json_get(object, "code");
    if (!present(code))
        code = json_get(object, "status");
    if (present(code) && text->code.n == 0)
        text->code = text_of(arena, code);
    int64_t status;
    if (str_to_int(text->code, 100, 599, &status))
        text->status = (int)status;
    int64_t window = number_of(object, "n_ctx");
    if (window > 0)
        text->window = window;
    text->prompt = number_of(object, "n_prompt_tokens");
    // Azure: {"code":null,"innererror":{"code":"ResponsibleAIPolicyViolation"}}
    yyjson_val *inner = json_get(object, "innererror");
    if (yyjson_is_obj(inner) && contains(json_get_str(inner, "code"), "ResponsibleAI"))
        text->code = STR("content_filter");
}

bool fault_read_json(struct arena *arena, yyjson_val *root, struct fault_text *ret)
{
    struct fault_text text = {true, STR(""), STR(""), STR(""), STR(""), 0, 0, 0};
    if (yyjson_is_arr(root))
        root = yyjson_arr_get_first(root);
    yyjson_val *error = json_get(root, "error"), *detail = json_get(root, "detail"), *errors = json_get(root, "errors"),
               *message = json_get(root, "error_message");
    bool flat = str_eq(json_get_str(root, "object"), STR("error")) || str_eq(json_get_str(root, "type"), STR("error"));
    if (present(error)) {
        if (yyjson_is_obj(error)) {
            read_fields(arena, error, &text);
        } else {
            read_fields(arena, root, &text);
            text.message = text_of(arena, error);
        }
    } else if (flat) {
        read_fields(arena, root, &text);
    } else if (present(message) || present(json_get(root, "error_type"))) {
        read_fields(arena, root, &text);
        if (present(message))
            text.message = text_of(arena, message);
    } else if (present(detail)) {
        yyjson_val *first = yyjson_is_arr(detail) ? yyjson_arr_get_first(detail) : detail;
        text.message = present(json_get(first, "msg")) ? json_get_str(first, "msg") : text_of(arena, first);
        // FastAPI names the parameter as the last part of "loc".
        yyjson_val *place = json_get(first, "loc");
        text.param = text_of(arena, yyjson_is_arr(place) ? yyjson_arr_get_last(place) : NULL);
    } else if (present(errors) && yyjson_is_arr(errors)) {
        yyjson_val *first = yyjson_arr_get_first(errors);
        read_fields(arena, first, &text);
        if (yyjson_is_str(first))
            text.message = json_str(first);
    } else {
        return false;
    }
    *ret = text;
    return true;
}

static int64_t number_at(struct str text, size_t at)
{
    int64_t number = 0;
    for (size_t digits = 0; at < text.n && text.p[at] >= '0' && text.p[at] <= '9' && digits < 9; at++, digits++)
        number = number * 10 + (text.p[at] - '0');
    return number;
}

// The number behind the first of these words that has one of at least `least`; up to three of " =:(" may stand between.
static int64_t number_behind(struct str message, const char *const *marks, int64_t least)
{
    for (; *marks; marks++) {
        size_t n = strlen(*marks);
        for (size_t i = 0; i + n < message.n; i++) {
            if (strncasecmp(message.p + i, *marks, n) != 0)
                continue;
            size_t at = i + n;
            while (at < message.n && at < i + n + 4 && memchr(" =:(", message.p[at], 4))
                at++;
            int64_t number = number_at(message, at);
            if (number >= least)
                return number;
        }
    }
    return 0;
}

// The number before the first of these words that has one.
static int64_t number_before(struct str message, const char *const *marks)
{
    for (; *marks; marks++) {
        size_t n = strlen(*marks);
        for (size_t i = 1; i + n <= message.n; i++) {
            size_t at = i;
            if (strncasecmp(message.p + i, *marks, n) != 0)
                continue;
            while (at > 0 && message.p[at - 1] >= '0' && message.p[at - 1] <= '9')
                at--;
            int64_t number = number_at(message, at);
            if (number > 0)
                return number;
        }
    }
    return 0;
}

// "maximum context length is 4096 tokens", "n_ctx = 4096", "(n_ctx: 4096)", "context size (4096 tokens)".
int64_t fault_window(struct str message)
{
    static const char *const behind[] = {"context length is only ",
                                         "context length of only ",
                                         "context length is ",
                                         "context length of ",
                                         "context window of ",
                                         "context size (",
                                         "context length (",
                                         "n_ctx",
                                         "context length ",
                                         "context window is ",
                                         "number of tokens allowed (",
                                         "must be <= ",
                                         NULL};
    static const char *const before[] = {" maximum context length", " maximum", NULL};
    int64_t window = number_behind(message, behind, 64);
    return window > 0 ? window : number_before(message, before);
}

// "your messages resulted in 5000 tokens", "(5000 in the messages, 500 in the completion)", "5000 input tokens".
int64_t fault_prompt(struct str message)
{
    static const char *const before[] = {" in the messages",
                                         " tokens from the input messages",
                                         " in the prompt",
                                         " input tokens",
                                         " `inputs` tokens",
                                         " tokens in prompt",
                                         NULL};
    static const char *const behind[] = {"resulted in ",  "prompt contains ", "the input (", "input token count (",
                                         "input length ", "too long: ",       "requested ",  NULL};
    int64_t prompt = number_before(message, before);
    return prompt > 0 ? prompt : number_behind(message, behind, 1);
}

void fault_read(struct arena *arena, struct str body, struct fault_text *ret)
{
    *ret = (struct fault_text){false, STR(""), STR(""), STR(""), STR(""), 0, 0, 0};
    body = str_trim(body);
    if (str_starts(body, STR("event:"))) {
        const char *end = memchr(body.p, '\n', body.n);
        if (end)
            body = str_trim((struct str){end, (size_t)(body.p + body.n - end)});
    }
    if (str_starts(body, STR("data:")))
        body = str_trim((struct str){body.p + 5, body.n - 5});
    else if (str_starts(body, STR("error:")))
        body = str_trim((struct str){body.p + 6, body.n - 6});
    yyjson_val *root;
    if (json_parse(arena, body, 0, &root, NULL) != 0) {
        ret->found = body.n > 0;
        ret->message = body.n < 2000 ? body : (struct str){body.p, 2000};
        return;
    }
    if (!fault_read_json(arena, root, ret)) {
        ret->message = text_of(arena, json_get(root, "message"));
        ret->found = ret->message.n > 0;
        if (ret->found)
            read_fields(arena, root, ret);
    }
}

static bool any_of(struct str text, const char *const *words)
{
    for (; *words; words++)
        if (contains(text, *words))
            return true;
    return false;
}

static enum fault by_words(int status, const struct fault_text *text)
{
    static const char *const context[] = {"maximum context length",
                                          "context length",
                                          "context window",
                                          "n_ctx",
                                          "too many tokens",
                                          "context size",
                                          "prompt is too long",
                                          "prompt too long",
                                          "input token count",
                                          "max_new_tokens` must be",
                                          NULL};
    static const char *const filtered[] = {"content_filter", "ResponsibleAIPolicyViolation", NULL};
    static const char *const quota[] = {"insufficient_quota", "billing", NULL};
    static const char *const busy[] = {"loading model", "overloaded", NULL};
    if (any_of(text->code, filtered) || any_of(text->type, filtered) ||
        contains(text->message, "ResponsibleAIPolicyViolation"))
        return FAULT_FILTERED;
    bool overflow = contains(text->code, "context_length_exceeded") || contains(text->type, "exceed_context_size");
    if (overflow || ((status == 0 || status == 400 || status == 413 || status == 422 || status == 500) &&
                     any_of(text->message, context)))
        return FAULT_CONTEXT;
    if (status == 429 && (any_of(text->code, quota) || any_of(text->type, quota) || any_of(text->message, quota)))
        return FAULT_QUOTA;
    bool missing = contains(text->message, "not found") || contains(text->message, "not loaded") ||
                   contains(text->message, "does not exist");
    if (status != 401 && status != 403 && status < 500 && contains(text->message, "model") && missing)
        return FAULT_NO_MODEL;
    if (any_of(text->message, busy) || contains(text->type, "overloaded"))
        return FAULT_BUSY;
    return FAULT_NONE;
}

enum fault fault_classify(int status, const struct fault_text *text)
{
    if (status < 400 && text->status >= 400)
        status = text->status;
    if (text->found) {
        enum fault fault = by_words(status, text);
        if (fault != FAULT_NONE)
            return fault;
        if ((status == 400 || status == 422 || status == 500) && fault_repair(text, 0) != 0)
            return FAULT_PARAMETER;
    }
    switch (status) {
    case 401:
    case 403:
        return FAULT_AUTH;
    case 404:
        return FAULT_NO_MODEL;
    case 402:
        return FAULT_QUOTA;
    case 413:
        return FAULT_CONTEXT;
    case 429:
    case 529:
        return FAULT_RATE;
    case 408:
    case 409:
    case 425:
        return FAULT_BUSY;
    default:
        break;
    }
    if (status >= 500)
        return FAULT_BUSY;
    if (status >= 400)
        return FAULT_BAD_REQUEST;
    // An error inside of a reply that began well and names no status.
    return status >= 300 ? FAULT_BROKEN : FAULT_BUSY;
}

int64_t fault_wait_ms(struct str message)
{
    static const char *const marks[] = {"retry after ", "try again in ", "retry in ", NULL};
    for (size_t k = 0; marks[k]; k++) {
        size_t n = strlen(marks[k]);
        for (size_t i = 0; i + n < message.n; i++) {
            if (strncasecmp(message.p + i, marks[k], n) != 0)
                continue;
            size_t at = i + n, from = at;
            while (at < message.n && ((message.p[at] >= '0' && message.p[at] <= '9') || message.p[at] == '.'))
                at++;
            double seconds;
            size_t digits = at - from;
            if (digits > 0 && message.p[at - 1] == '.')
                digits--;
            if (!str_to_double((struct str){message.p + from, digits}, &seconds) || seconds > 86400)
                continue;
            struct str unit = {message.p + at, message.n - at};
            return (int64_t)(str_starts(unit, STR("ms")) || str_starts(unit, STR(" ms")) ? seconds : seconds * 1000);
        }
    }
    return -1;
}

int64_t fault_retry_after_ms(struct str value, int64_t wall_ms)
{
    double seconds;
    value = str_trim(value);
    if (str_to_double(value, &seconds))
        return seconds >= 0 && seconds < 1e7 ? (int64_t)(seconds * 1000) : -1;
    char text[64];
    if (value.n >= sizeof text)
        return -1;
    memcpy(text, value.p ? value.p : "", value.n);
    text[value.n] = '\0';
    struct tm date = {0};
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &date);
    if (!end || *end != '\0')
        return -1;
    int64_t wait = (int64_t)timegm(&date) * 1000 - wall_ms;
    return wait > 0 ? wait : 0;
}

unsigned fault_repair(const struct fault_text *text, unsigned quirks)
{
    static const struct {
        const char *name;
        unsigned bit;
    } rows[] = {
        {"stream_options", QUIRK_NO_STREAM_OPTIONS},
        {"temperature", QUIRK_NO_TEMPERATURE},
        {"top_p", QUIRK_NO_EXTRA},
        {"seed", QUIRK_NO_EXTRA},
        {"response_format", QUIRK_NO_FORMAT},
        {"response_format", QUIRK_NO_EXTRA},
        {"json_schema", QUIRK_NO_FORMAT},
        {"tools", QUIRK_NO_TOOLS},
        {"tool_choice", QUIRK_NO_TOOLS},
        {"tool choice", QUIRK_NO_TOOLS}, // vLLM without its flag
        {"continue_final_message", QUIRK_NO_PREFILL},
        {"add_generation_prompt", QUIRK_NO_PREFILL},
        {"prefill", QUIRK_NO_PREFILL},
    };
    struct str where = text->param.n > 0 ? text->param : text->message;
    // The message that refuses one of the two names the other as the remedy: the first name is the refused one.
    if (contains(where, "max_tokens") || contains(where, "max_completion_tokens")) {
        if (quirks & QUIRK_NO_MAX_TOKENS)
            return 0;
        return quirks & QUIRK_COMPLETION_TOKENS ? QUIRK_NO_MAX_TOKENS : QUIRK_COMPLETION_TOKENS;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (contains(where, rows[i].name) && !(quirks & rows[i].bit))
            return rows[i].bit;
    if (str_eq(text->param, STR("stop")) && !(quirks & QUIRK_NO_EXTRA))
        return QUIRK_NO_EXTRA;
    struct str message = text->message;
    if (contains(message, "roles must alternate") && !(quirks & QUIRK_ALTERNATE))
        return QUIRK_ALTERNATE;
    bool refused = contains(message, "not support") || contains(message, "unsupported") || contains(message, "invalid");
    if (contains(message, "system") && contains(message, "role") && refused && !(quirks & QUIRK_NO_SYSTEM))
        return QUIRK_NO_SYSTEM;
    bool first = contains(message, "system message must be at the beginning") ||
                 (contains(message, "system") && contains(message, "first"));
    if (first && !(quirks & QUIRK_SYSTEM_FIRST))
        return QUIRK_SYSTEM_FIRST;
    // llama.cpp: a template that raises.
    if (contains(message, "raise_exception") && !(quirks & QUIRK_ALTERNATE))
        return QUIRK_ALTERNATE;
    return 0;
}

static size_t token_length(struct str text)
{
    size_t n = 0;
    while (n < text.n && !memchr(" \t\r\n\"',;<>{}()[]", text.p[n], 16))
        n++;
    return n;
}

void fault_mask(struct buf *out, struct str text, const char *key)
{
    size_t key_n = key ? strlen(key) : 0;
    for (size_t i = 0; i < text.n;) {
        struct str rest = {text.p + i, text.n - i};
        if (key_n >= 4 && str_starts(rest, (struct str){key, key_n})) {
            buf_addz(out, "***");
            i += key_n;
        } else if (str_starts(rest, STR("sk-")) &&
                   (i == 0 || !((text.p[i - 1] | 32) >= 'a' && (text.p[i - 1] | 32) <= 'z'))) {
            buf_addz(out, "sk-***");
            i += token_length(rest);
        } else if (rest.n > 7 && strncasecmp(rest.p, "Bearer ", 7) == 0) {
            buf_addz(out, "Bearer ***");
            i += 7 + token_length((struct str){rest.p + 7, rest.n - 7});
        } else {
            buf_addc(out, text.p[i++]);
        }
    }
}
