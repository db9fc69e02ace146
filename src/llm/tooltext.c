// SPDX-License-Identifier: Apache-2.0
#include "llm/tooltext.h"

#include "base/json.h"

static const struct str open_tag = {"<tool_call>", 11}, close_tag = {"</tool_call>", 12};
enum { BLANK_MOST = 16 };

void tooltext_init(struct tooltext *tooltext, void (*text)(void *, struct str),
                   void (*call)(void *, const struct toolcall_piece *), void *arg)
{
    *tooltext =
        (struct tooltext){.text = text, .call = call, .arg = arg, .body = BUF_INIT(TOOLCALL_ARGUMENTS_MOST + 1024)};
}

void tooltext_done(struct tooltext *tooltext)
{
    buf_done(&tooltext->body);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static void show(struct tooltext *tooltext, struct str text)
{
    if (text.n == 0)
        return;
    tooltext->swallow = false;
    tooltext->text(tooltext->arg, text);
}

// The name of a call whose JSON is broken, so that the model can be told; empty: it cannot be found.
static struct str broken_name(struct str body)
{
    ptrdiff_t at = str_find(body, STR("\"name\""));
    if (at < 0)
        return STR("");
    struct str rest = {body.p + at + 6, body.n - (size_t)at - 6};
    (void)str_split(&rest, '"');
    return rest.p ? str_split(&rest, '"') : STR("");
}

static void take_call(struct tooltext *tooltext, bool whole_only)
{
    struct arena *arena = arena_new(0);
    struct str body = str_trim(buf_str(&tooltext->body));
    struct toolcall_piece piece = {.index = -1};
    yyjson_val *root;
    if (json_parse(arena, body, 0, &root, NULL) == 0) {
        yyjson_val *arguments = json_get(root, "arguments");
        if (!arguments)
            arguments = json_get(root, "parameters");
        piece.name = json_get_str(root, "name");
        piece.arguments = yyjson_is_str(arguments) ? json_str(arguments)
                          : arguments              ? json_write_val(arena, arguments)
                                                   : STR("{}");
    } else if (!whole_only) {
        piece.name = broken_name(body);
        piece.arguments = body;
    }
    if (piece.name.n)
        tooltext->call(tooltext->arg, &piece);
    arena_free(arena);
    buf_clear(&tooltext->body);
}

static void flush(struct tooltext *tooltext)
{
    size_t n = tooltext->n;
    char out[sizeof tooltext->hold];
    memcpy(out, tooltext->hold, n);
    tooltext->n = tooltext->blank = 0;
    show(tooltext, (struct str){out, n});
}

// Does what is held, with c behind it, still look like white space and the beginning of a tag?
static bool may_begin(const struct tooltext *tooltext, char c)
{
    size_t in_tag = tooltext->n - tooltext->blank;
    return in_tag == 0 && is_space(c) ? tooltext->blank < BLANK_MOST : c == open_tag.p[in_tag];
}

static size_t feed_outside(struct tooltext *tooltext, struct str text)
{
    size_t at = 0;
    while (at < text.n) {
        char c = text.p[at];
        if (tooltext->swallow && tooltext->n == 0 && is_space(c)) {
            at++;
            continue;
        }
        if (!may_begin(tooltext, c)) {
            flush(tooltext);
            size_t from = at;
            while (at < text.n && !is_space(text.p[at]) && text.p[at] != '<')
                at++;
            at += at == from && !may_begin(tooltext, c); // never without progress
            show(tooltext, (struct str){text.p + from, at - from});
            continue;
        }
        tooltext->blank += is_space(c);
        tooltext->hold[tooltext->n++] = c;
        at++;
        if (tooltext->n - tooltext->blank == open_tag.n) {
            tooltext->n = tooltext->blank = 0;
            tooltext->inside = true;
            return at;
        }
    }
    return at;
}

static size_t feed_inside(struct tooltext *tooltext, struct str text)
{
    struct buf *body = &tooltext->body;
    for (size_t at = 0; at < text.n; at++) {
        if (body->n == body->max) // too long to be a call: only its end is waited for
            buf_consume(body, body->n - close_tag.n);
        buf_addc(body, text.p[at]);
        if (text.p[at] != '>' || !str_ends(buf_str(body), close_tag))
            continue;
        body->n -= close_tag.n;
        take_call(tooltext, false);
        tooltext->inside = false;
        tooltext->swallow = true;
        return at + 1;
    }
    return text.n;
}

void tooltext_feed(struct tooltext *tooltext, struct str text)
{
    while (text.n > 0) {
        size_t n = tooltext->inside ? feed_inside(tooltext, text) : feed_outside(tooltext, text);
        text.p += n;
        text.n -= n;
    }
}

void tooltext_end(struct tooltext *tooltext)
{
    if (tooltext->inside)
        take_call(tooltext, true);
    else
        flush(tooltext);
    tooltext->inside = false;
}
