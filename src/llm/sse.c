// SPDX-License-Identifier: Apache-2.0
#include "llm/sse.h"

void sse_init(struct sse *sse)
{
    *sse = (struct sse){.line = BUF_INIT(SSE_MAX_EVENT + 64), .data = BUF_INIT(SSE_MAX_EVENT), .type = BUF_INIT(64)};
}

void sse_done(struct sse *sse)
{
    buf_done(&sse->line);
    buf_done(&sse->data);
    buf_done(&sse->type);
}

static int dispatch(struct sse *sse, sse_fn *fn, void *arg)
{
    bool go_on = true;
    if (sse->has_data) {
        struct sse_event event = {buf_str(&sse->type), buf_str(&sse->data)};
        go_on = fn(arg, &event);
    }
    buf_clear(&sse->data);
    buf_clear(&sse->type);
    sse->has_data = false;
    return go_on ? 0 : ERR_CANCELLED;
}

static int take_line(struct sse *sse, struct str line, sse_fn *fn, void *arg)
{
    if (line.n == 0)
        return dispatch(sse, fn, arg);
    if (line.p[0] == ':')
        return 0;
    const char *colon = memchr(line.p, ':', line.n);
    struct str name = {line.p, colon ? (size_t)(colon - line.p) : line.n};
    struct str value = colon ? (struct str){colon + 1, line.n - name.n - 1} : STR("");
    if (value.n > 0 && value.p[0] == ' ') {
        value.p++;
        value.n--;
    }
    if (str_eq(name, STR("data"))) {
        if (sse->has_data)
            buf_addc(&sse->data, '\n');
        sse->has_data = true;
        buf_adds(&sse->data, value);
        if (sse->data.overflow)
            return ERR_LIMIT;
    } else if (str_eq(name, STR("event"))) {
        buf_clear(&sse->type);
        buf_add(&sse->type, value.p, value.n < 32 ? value.n : 32);
    } else if (str_eq(name, STR("error"))) {
        struct sse_event event = {STR("error"), value};
        return fn(arg, &event) ? 0 : ERR_CANCELLED;
    }
    return 0;
}

int sse_feed(struct sse *sse, struct str bytes, sse_fn *fn, void *arg)
{
    size_t at = 0;
    static const char mark[] = "\xef\xbb\xbf";
    while (sse->bom < 3 && at < bytes.n) {
        if (bytes.p[at] != mark[sse->bom]) {
            buf_add(&sse->line, mark, sse->bom); // it only began like one
            sse->bom = 4;
        } else {
            sse->bom++;
            at++;
        }
    }
    while (at < bytes.n) {
        if (sse->after_cr && bytes.p[at] == '\n')
            at++;
        sse->after_cr = false;
        size_t end = at;
        while (end < bytes.n && bytes.p[end] != '\n' && bytes.p[end] != '\r')
            end++;
        struct str part = {bytes.p + at, end - at};
        if (end == bytes.n)
            return buf_adds(&sse->line, part) ? 0 : ERR_LIMIT;
        sse->after_cr = bytes.p[end] == '\r';
        at = end + 1;
        int error;
        if (sse->line.n > 0) {
            if (!buf_adds(&sse->line, part))
                return ERR_LIMIT;
            error = take_line(sse, buf_str(&sse->line), fn, arg);
            buf_clear(&sse->line);
        } else {
            error = take_line(sse, part, fn, arg);
        }
        if (error)
            return error;
    }
    return 0;
}

int sse_end(struct sse *sse, sse_fn *fn, void *arg)
{
    int error = 0;
    if (sse->line.n > 0)
        error = take_line(sse, buf_str(&sse->line), fn, arg);
    buf_clear(&sse->line);
    return error ? error : dispatch(sse, fn, arg);
}
