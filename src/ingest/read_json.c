// SPDX-License-Identifier: Apache-2.0
// JSON. For records: a list of values, one object, or an object whose `products`, `items` or `data` is a list; the file
// is walked with a window of 64 KiB and one value at a time is held, so that its size does not matter. For people:
// every value of the whole text as "name: value" lines.
#include "ingest/readers.h"

#include "base/json.h"
#include "ingest/charset.h"

enum { VALUE_MOST = RECORD_MOST - 256, WHOLE_MOST = 64 << 20, PARAGRAPH = 2000 };

struct walk {
    struct decoder decoder;
    struct buf window;
    size_t pos;
    int64_t line, column; // of the next character, from 1
    struct buf value;     // the one captured last
    bool keep;            // capture
    struct out *out;
};

static int begin_walk(struct walk *w, struct source *source, const char *charset)
{
    buf_clear(&w->window);
    w->pos = 0;
    w->line = w->column = 1;
    return decoder_init(&w->decoder, source, charset);
}

// The next byte without taking it; -1 at the end.
static int peek(struct walk *w)
{
    while (w->pos == w->window.n) {
        buf_clear(&w->window);
        w->pos = 0;
        if (decoder_next(&w->decoder, &w->window) != 1)
            return -1;
    }
    return (unsigned char)w->window.p[w->pos];
}

static int take(struct walk *w)
{
    int c = peek(w);
    if (c < 0)
        return c;
    w->pos++;
    if (c == '\n') {
        w->line++;
        w->column = 1;
    } else if ((c & 0xC0) != 0x80) {
        w->column++;
    }
    if (w->keep)
        buf_addc(&w->value, (char)c);
    return c;
}

static int skip_space(struct walk *w)
{
    int c;
    while ((c = peek(w)) == ' ' || c == '\t' || c == '\n' || c == '\r')
        (void)take(w);
    return c;
}

static bool take_string(struct walk *w)
{
    int c = take(w);
    while ((c = take(w)) != '"') {
        if (c == '\\')
            c = take(w);
        if (c < 0)
            return false;
    }
    return true;
}

// Takes one value by its brackets and quotes into w->value. What is wrong inside is found when it is parsed.
static bool take_value(struct walk *w)
{
    int64_t depth = 0;
    buf_clear(&w->value);
    int c = skip_space(w);
    w->keep = true;
    bool good = c >= 0;
    do {
        c = peek(w);
        if (c == '"') {
            good = take_string(w);
        } else if (c == '{' || c == '[') {
            depth++;
            (void)take(w);
        } else if (c == '}' || c == ']') {
            depth--;
            (void)take(w);
        } else if (depth) {
            good = take(w) >= 0;
        } else {
            while ((c = peek(w)) >= 0 && !strchr(",]}: \t\r\n\"", c))
                (void)take(w);
            good = w->value.n > 0;
        }
    } while (good && depth > 0);
    w->keep = false;
    return good && depth == 0;
}

static enum read_reason at_fault(const struct walk *w, struct fault_at *fault)
{
    *fault = (struct fault_at){w->line, w->column};
    return READ_DAMAGED;
}

// Where in the value: counted on from where it began.
static enum read_reason inside_fault(const struct walk *w, int64_t line, int64_t column, size_t offset,
                                     struct fault_at *fault)
{
    for (size_t i = 0; i < offset && i < w->value.n; i++) {
        if (w->value.p[i] == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)w->value.p[i] & 0xC0) != 0x80) {
            column++;
        }
    }
    *fault = (struct fault_at){line, column};
    return READ_DAMAGED;
}

// One value, checked; said if `say`.
static enum read_reason one_value(struct walk *w, bool say, struct fault_at *fault)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    yyjson_val *value;
    size_t offset = 0;
    (void)skip_space(w);
    int64_t line = w->line, column = w->column;
    if (!take_value(w))
        return at_fault(w, fault);
    if (!w->value.overflow && json_parse(arena, buf_str(&w->value), JSON_RAW_NUMBERS, &value, &offset) != 0)
        return inside_fault(w, line, column, offset, fault);
    if (say && w->value.overflow)
        out_object(w->out, (struct str){w->value.p, w->value.max}, line);
    else if (say)
        out_object(w->out, json_write_val(arena, value), line);
    return READ_OK;
}

static enum read_reason list(struct walk *w, struct fault_at *fault)
{
    (void)take(w);
    for (bool first = true;; first = false) {
        int c = skip_space(w);
        if (c == ']' && (first || w->out->stopped)) {
            (void)take(w);
            return READ_OK;
        }
        if (!first) {
            if (c != ',' && c != ']')
                return at_fault(w, fault);
            (void)take(w);
            if (c == ']')
                return READ_OK;
        }
        enum read_reason reason = one_value(w, true, fault);
        if (reason != READ_OK || w->out->stopped)
            return reason;
    }
}

static bool is_list_name(const struct buf *name)
{
    struct str s = buf_str(name);
    return s.n > 2 && str_is_choice("products|items|data", (struct str){s.p + 1, s.n - 2});
}

// Members up to the list. *ret_found: there was one. Then the rest is walked too, so that damage is found.
static enum read_reason object(struct walk *w, bool *ret_found, struct fault_at *fault)
{
    (void)take(w);
    for (bool first = true;; first = false) {
        int c = skip_space(w);
        if (c == '}') {
            (void)take(w);
            return READ_OK;
        }
        if (!first && (c != ',' || (take(w), false)))
            return at_fault(w, fault);
        if (skip_space(w) != '"' || !take_value(w))
            return at_fault(w, fault);
        bool wanted = !*ret_found && is_list_name(&w->value);
        if (skip_space(w) != ':')
            return at_fault(w, fault);
        (void)take(w);
        c = skip_space(w);
        if (wanted && c == '[')
            *ret_found = true;
        enum read_reason reason = wanted && c == '[' ? list(w, fault) : one_value(w, false, fault);
        if (reason != READ_OK || w->out->stopped)
            return reason;
    }
}

static enum read_reason records(struct walk *w, struct source *source, const char *charset, struct fault_at *fault)
{
    bool found = true;
    int c = skip_space(w);
    enum read_reason reason;
    if (c == '[') {
        reason = list(w, fault);
    } else if (c == '{') {
        found = false;
        reason = object(w, &found, fault);
    } else {
        reason = one_value(w, true, fault);
    }
    if (reason != READ_OK || w->out->stopped)
        return reason;
    if (skip_space(w) >= 0)
        return at_fault(w, fault);
    if (found)
        return READ_OK;
    decoder_done(&w->decoder);
    return begin_walk(w, source, charset) == 0 ? one_value(w, true, fault) : READ_DAMAGED;
}

// ---- for people ----------------------------------------------------------------------------------------------------

static void say_value(struct out *out, struct buf *text, struct str name, yyjson_val *value)
{
    size_t i, max;
    yyjson_val *key, *item;
    if (yyjson_is_obj(value)) {
        yyjson_obj_foreach(value, i, max, key, item) say_value(out, text, json_str(key), item);
    } else if (yyjson_is_arr(value)) {
        yyjson_arr_foreach(value, i, max, item)
        {
            say_value(out, text, name, item);
            if (yyjson_is_obj(item) || text->n > PARAGRAPH) {
                out_text(out, buf_str(text), (struct place){0, 0});
                buf_clear(text);
            }
        }
    } else if (!yyjson_is_null(value)) {
        struct str s = yyjson_is_str(value)    ? json_str(value)
                       : yyjson_is_raw(value)  ? (struct str){yyjson_get_raw(value), yyjson_get_len(value)}
                       : yyjson_is_bool(value) ? str_from(yyjson_get_bool(value) ? "true" : "false")
                                               : STR_NULL;
        if (text->n + s.n > VALUE_MOST) {
            out_text(out, buf_str(text), (struct place){0, 0});
            buf_clear(text);
        }
        if (name.n)
            buf_addf(text, STR_FMT ": ", STR_ARG(name));
        buf_adds(text, s);
        buf_addc(text, '\n');
    }
}

static enum read_reason blocks(struct walk *w, struct fault_at *fault)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    AUTO_BUF struct buf whole = BUF_INIT(WHOLE_MOST), text = BUF_INIT(WHOLE_MOST);
    yyjson_val *root;
    size_t offset = 0;
    int rc;
    while ((rc = decoder_next(&w->decoder, &whole)) == 1)
        ;
    if (rc == ERR_LIMIT)
        return READ_TOO_LARGE;
    if (rc < 0 || json_parse(arena, buf_str(&whole), JSON_RAW_NUMBERS, &root, &offset) != 0) {
        struct buf own = w->value;
        w->value = whole;
        enum read_reason reason = inside_fault(w, 1, 1, offset, fault);
        w->value = own;
        return reason;
    }
    say_value(w->out, &text, STR_NULL, root);
    out_text(w->out, buf_str(&text), (struct place){0, 0});
    return READ_OK;
}

enum read_reason read_json(struct source *source, struct out *out, struct fault_at *fault)
{
    struct walk w = {.out = out, .window = BUF_INIT(8 * DECODE_PIECE), .value = BUF_INIT(VALUE_MOST)};
    const char *charset = charset_of(source, STR_NULL);
    enum read_reason reason = READ_DAMAGED;
    if (begin_walk(&w, source, charset) == 0)
        reason = out->want == INGEST_ROWS ? records(&w, source, charset, fault) : blocks(&w, fault);
    decoder_done(&w.decoder);
    buf_done(&w.window);
    buf_done(&w.value);
    return reason;
}
