// SPDX-License-Identifier: Apache-2.0
// Works byte by byte on a small hold: everything that is searched for begins with '<', so text before a '<' goes out at
// once and in one piece.
#include "llm/think.h"

static const struct str open_tag = {"<think>", 7}, close_tag = {"</think>", 8};
static const struct str end_tokens[] = {
    {"<|im_end|>", 10}, {"</s>", 4}, {"<|eot_id|>", 10}, {"<|end|>", 7}, {"<|endoftext|>", 13}, {"<|eom_id|>", 10},
};

void think_init(struct think *think, bool cautious, think_fn *fn, void *arg)
{
    *think = (struct think){.fn = fn, .arg = arg, .line_start = true, .cautious = cautious};
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static void show(struct think *think, struct str text)
{
    if (think->swallow) {
        while (text.n > 0 && is_space(text.p[0])) {
            text.p++;
            text.n--;
        }
    }
    if (text.n == 0)
        return;
    think->swallow = false;
    think->fn(think->arg, text);
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\n')
            think->line_start = true;
        else if (!is_space(text.p[i]))
            think->line_start = false;
        think->shown |= !is_space(text.p[i]);
    }
}

static bool begins(struct str held, struct str tag)
{
    return held.n <= tag.n && memcmp(held.p, tag.p, held.n) == 0;
}

static bool begins_end_token(struct str held)
{
    for (size_t i = 0; i < sizeof end_tokens / sizeof end_tokens[0]; i++)
        if (begins(held, end_tokens[i]))
            return true;
    return false;
}

static void drop_hold(struct think *think, size_t n)
{
    think->n -= n;
    memmove(think->hold, think->hold + n, think->n);
}

// Settles what the hold begins with; leaves what may still become a tag.
static void settle(struct think *think)
{
    while (think->n > 0) {
        struct str held = {think->hold, think->n};
        if (think->inside) {
            if (str_eq(held, close_tag)) {
                think->inside = false;
                think->swallow = true;
                think->n = 0;
            } else if (begins(held, close_tag)) {
                return;
            } else {
                drop_hold(think, 1);
            }
            continue;
        }
        bool early = !think->shown && think->seen <= THINK_HOLD;
        if (str_eq(held, open_tag) && think->line_start) {
            think->inside = think->seen_tag = true;
            think->n = 0;
        } else if (str_eq(held, close_tag) && early) {
            think->seen_tag = think->swallow = true;
            think->n = 0;
        } else if ((begins(held, open_tag) && think->line_start) || (begins(held, close_tag) && early) ||
                   begins_end_token(held)) {
            return;
        } else {
            // The first byte is '<' or plain text: out with everything up to the next '<'.
            size_t n = 1;
            while (n < think->n && think->hold[n] != '<')
                n++;
            char out[sizeof think->hold];
            memcpy(out, think->hold, n);
            drop_hold(think, n);
            show(think, (struct str){out, n});
        }
    }
}

static void feed(struct think *think, struct str text)
{
    size_t at = 0;
    while (at < text.n) {
        if (think->n == 0) {
            const char *less = memchr(text.p + at, '<', text.n - at);
            size_t n = less ? (size_t)(less - text.p) - at : text.n - at;
            if (!think->inside)
                show(think, (struct str){text.p + at, n});
            think->seen += n;
            at += n;
            if (at == text.n)
                return;
        }
        do { // code points stay whole
            think->hold[think->n++] = text.p[at++];
            think->seen++;
        } while (at < text.n && ((unsigned char)text.p[at] & 0xc0) == 0x80 && think->n < sizeof think->hold);
        settle(think);
    }
}

// A closing tag that ends within the first 16 bytes: what stands before it was thought.
static struct str skip_lone_close(struct think *think, struct str text)
{
    if (think->shown || think->inside || think->seen + think->n > 0)
        return text;
    struct str head = {text.p, text.n < THINK_HOLD ? text.n : THINK_HOLD};
    ptrdiff_t at = str_find(head, close_tag);
    if (at < 0 || str_find((struct str){head.p, (size_t)at}, open_tag) >= 0)
        return text;
    size_t n = (size_t)at + close_tag.n;
    think->seen += n;
    think->seen_tag = think->swallow = true;
    return (struct str){text.p + n, text.n - n};
}

void think_feed(struct think *think, struct str text)
{
    if (think->cautious) {
        // The hold collects the first bytes until a decision is possible.
        if (think->n + text.n < THINK_HOLD) {
            memcpy(think->hold + think->n, text.p, text.n);
            think->n += text.n;
            return;
        }
        char head[sizeof think->hold];
        size_t n = think->n, more = THINK_HOLD - n < text.n ? THINK_HOLD - n : text.n;
        while (more < text.n && ((unsigned char)text.p[more] & 0xc0) == 0x80)
            more++;
        memcpy(head, think->hold, n);
        memcpy(head + n, text.p, more);
        think->n = 0;
        think->cautious = false;
        think_feed(think, (struct str){head, n + more});
        think_feed(think, (struct str){text.p + more, text.n - more});
        return;
    }
    text = skip_lone_close(think, text);
    feed(think, text);
}

void think_release(struct think *think)
{
    if (!think->cautious)
        return;
    char head[THINK_HOLD];
    size_t n = think->n;
    memcpy(head, think->hold, n);
    think->n = 0;
    think->cautious = false;
    think_feed(think, (struct str){head, n});
}

void think_end(struct think *think)
{
    think_release(think);
    if (think->inside || think->n == 0)
        return;
    struct str held = {think->hold, think->n};
    for (size_t i = 0; i < sizeof end_tokens / sizeof end_tokens[0]; i++)
        if (str_eq(held, end_tokens[i]))
            held.n = 0;
    think->n = 0;
    show(think, held);
}
