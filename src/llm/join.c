// SPDX-License-Identifier: Apache-2.0
#include "llm/join.h"

#include "base/utf8.h"

#define SEARCH 400
#define OVERLAP 8
#define RESTART 40

void join_init(struct join *join, struct str prior)
{
    *join = (struct join){.prior = prior, .held = BUF_INIT(64 << 10)};
}

void join_done(struct join *join)
{
    buf_done(&join->held);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static size_t common(struct str a, struct str b)
{
    size_t n = 0;
    while (n < a.n && n < b.n && a.p[n] == b.p[n])
        n++;
    return utf8_whole((struct str){a.p, n});
}

// Start of the last 400 characters.
static size_t search_from(struct str prior)
{
    size_t runes = utf8_count(prior);
    return runes > SEARCH ? utf8_offset(prior, runes - SEARCH) : 0;
}

// Length of the longest overlap; *ret_open: a longer text than is held could still overlap.
static size_t find_overlap(struct str prior, struct str held, bool *ret_open)
{
    *ret_open = false;
    size_t best = 0;
    for (size_t from = search_from(prior); from < prior.n; from++) {
        if (((unsigned char)prior.p[from] & 0xc0) == 0x80)
            continue;
        struct str end = {prior.p + from, prior.n - from};
        if (end.n > held.n) {
            *ret_open |= memcmp(end.p, held.p, held.n) == 0;
        } else if (memcmp(end.p, held.p, end.n) == 0) {
            if (utf8_count(end) >= OVERLAP && end.n > best)
                best = end.n;
        }
    }
    return best;
}

static bool skip(struct join *join, struct str text, join_fn *fn, void *arg)
{
    struct str rest = {join->prior.p + join->matched, join->prior.n - join->matched};
    size_t n = 0;
    while (n < rest.n && n < text.n && rest.p[n] == text.p[n])
        n++;
    join->matched += n;
    if (join->matched == join->prior.n) {
        join->state = JOIN_PASSING;
        if (n < text.n)
            fn(arg, (struct str){text.p + n, text.n - n});
        return true;
    }
    if (n == text.n)
        return true;
    join->state = JOIN_DEPARTED;
    return false;
}

static void pass(struct join *join, struct str text, join_fn *fn, void *arg)
{
    join->state = JOIN_PASSING;
    if (join->prior.n > 0 && is_space(join->prior.p[join->prior.n - 1])) {
        while (text.n > 0 && is_space(text.p[0])) {
            text.p++;
            text.n--;
        }
    }
    if (text.n > 0)
        fn(arg, text);
}

static bool decide(struct join *join, bool final, join_fn *fn, void *arg)
{
    struct str held = buf_str(&join->held);
    if (held.n == 0)
        return true;
    bool open;
    size_t overlap = find_overlap(join->prior, held, &open);
    size_t same = common(held, join->prior);
    bool restarting = same == held.n && held.n < join->prior.n && utf8_count(held) < RESTART;
    if (!final && (open || restarting) && utf8_count(held) < SEARCH)
        return true;
    bool restart = same == join->prior.n || utf8_count((struct str){held.p, same}) >= RESTART;
    struct buf text = join->held;
    join->held = BUF_INIT(0);
    bool ok = true;
    if (overlap > 0) {
        join->state = JOIN_PASSING;
        if (overlap < text.n)
            fn(arg, (struct str){text.p + overlap, text.n - overlap});
    } else if (restart) {
        join->state = JOIN_SKIPPING;
        ok = skip(join, buf_str(&text), fn, arg);
    } else {
        pass(join, buf_str(&text), fn, arg);
    }
    buf_done(&text);
    return ok;
}

bool join_feed(struct join *join, struct str text, join_fn *fn, void *arg)
{
    switch (join->state) {
    case JOIN_PASSING:
        fn(arg, text);
        return true;
    case JOIN_SKIPPING:
        return skip(join, text, fn, arg);
    case JOIN_DEPARTED:
        return false;
    default:
        break;
    }
    if (!buf_adds(&join->held, text)) { // one huge delta: decide by what is there, then go on
        if (!decide(join, true, fn, arg))
            return false;
        return join->state == JOIN_HOLDING ? (pass(join, text, fn, arg), true) : join_feed(join, text, fn, arg);
    }
    return decide(join, false, fn, arg);
}

bool join_repeats(const struct join *join)
{
    struct str held = buf_str(&join->held);
    return join->state == JOIN_HOLDING && common(held, join->prior) == held.n && utf8_count(held) >= OVERLAP;
}

bool join_decide(struct join *join, join_fn *fn, void *arg)
{
    return join->state == JOIN_HOLDING ? decide(join, true, fn, arg) : join->state != JOIN_DEPARTED;
}
