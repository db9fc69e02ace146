// SPDX-License-Identifier: Apache-2.0
// The filter looks at what it holds after every code point, and decides from that alone: so chunk borders cannot
// matter. It holds from a `[` until it knows that no marker begins there, that the marker is whole, or that it is
// broken; what stands behind a broken head is fed again, since another marker may begin in it.
#include "engine/marker.h"

#include "base/utf8.h"

#include <unicode/uchar.h>

#define SWALLOW_MAX 128 // characters; as long as an id may be

void marker_init(struct marker *marker, marker_lookup *lookup, void *arg)
{
    *marker = (struct marker){.lookup = lookup, .arg = arg};
}

static bool is_white(char c)
{
    return c == ' ' || c == '\t';
}

static struct str skip_white(struct str s)
{
    while (s.n && is_white(s.p[0]))
        s = (struct str){s.p + 1, s.n - 1};
    return s;
}

// Does `s` (what stands behind `[[`) begin with a known kind and a colon? Sets what stands behind the colon.
static bool kind_of(struct str s, enum marker_kind *ret_kind, struct str *ret_rest)
{
    static const struct str kinds[] = {[MARKER_PRICE] = STR("price"), [MARKER_STOCK] = STR("stock")};
    s = skip_white(s);
    for (size_t i = 0; i < 2; i++) {
        if (s.n < kinds[i].n || !str_eq_nocase((struct str){s.p, kinds[i].n}, kinds[i]))
            continue;
        struct str rest = skip_white((struct str){s.p + kinds[i].n, s.n - kinds[i].n});
        if (rest.n == 0 || rest.p[0] != ':')
            continue;
        *ret_kind = (enum marker_kind)i;
        *ret_rest = (struct str){rest.p + 1, rest.n - 1};
        return true;
    }
    return false;
}

// May `s`, behind `[[`, still become "price:" or "stock:"?
static bool kind_begins(struct str s)
{
    enum marker_kind kind;
    struct str rest;
    s = skip_white(s);
    if (kind_of(s, &kind, &rest))
        return true;
    while (s.n && is_white(s.p[s.n - 1]))
        s.n--;
    return s.n <= 5 && (str_eq_nocase(s, (struct str){"price", s.n}) || str_eq_nocase(s, (struct str){"stock", s.n}));
}

static bool begins_with_letter(struct str s)
{
    size_t pos = 0;
    return s.n > 0 && u_isalpha((UChar32)utf8_next(s, &pos));
}

static void replace(struct marker *marker, struct str inner, struct buf *out)
{
    enum marker_kind kind;
    struct str id;
    if (!kind_of(inner, &kind, &id))
        return;
    id = utf8_trim(id);
    size_t before = out->n;
    if (id.n && !marker->lookup(marker->arg, kind, id, out) && out->n > before) {
        out->n = before;
        out->p[before] = 0;
    }
}

// Gives up what is held: drops the head of a broken price or stock marker, lets other text pass, feeds the rest again.
static void give_up(struct marker *marker, size_t nested, struct buf *out)
{
    char copy[sizeof marker->held];
    struct str held = {copy, marker->n};
    memcpy(copy, marker->held, marker->n);
    marker->n = 0;
    size_t end = nested ? nested : held.n, pos = 2;
    struct str inner = {held.p + 2, end - 2};
    if (kind_begins(inner)) {
        enum marker_kind kind;
        struct str rest;
        if (kind_of(inner, &kind, &rest))
            pos = (size_t)(skip_white(rest).p - held.p);
        else
            pos = end;
        while (pos < end && !is_white(held.p[pos]) && held.p[pos] != '\n' && held.p[pos] != '\r')
            pos++;
        if (!nested && pos == held.n && utf8_count(held) >= MARKER_HOLD)
            marker->swallow = SWALLOW_MAX, marker->bracket = held.p[held.n - 1] == ']';
    } else if (inner.n == 0) {
        pos = 2; // a bare `[[` at the end, or before another one
    } else {
        buf_add(out, held.p, 2);
    }
    marker_feed(marker, (struct str){held.p + pos, held.n - pos}, out);
}

static void let_pass(struct marker *marker, size_t n, struct buf *out)
{
    char rest[sizeof marker->held];
    size_t left = marker->n - n;
    memcpy(rest, marker->held + n, left);
    buf_add(out, marker->held, n);
    marker->n = 0;
    marker_feed(marker, (struct str){rest, left}, out);
}

static void decide(struct marker *marker, struct buf *out)
{
    struct str held = {marker->held, marker->n};
    if (held.n < 2)
        return;
    if (held.p[1] != '[') {
        let_pass(marker, 1, out);
        return;
    }
    struct str inner = {held.p + 2, held.n - 2};
    if (inner.n == 0)
        return;
    if (inner.p[0] == '[') {
        let_pass(marker, 1, out);
        return;
    }
    if (!begins_with_letter(inner) && !kind_begins(inner)) {
        let_pass(marker, 2, out);
        return;
    }
    char last = held.p[held.n - 1], before = held.p[held.n - 2];
    if (last == ']' && before == ']') {
        char copy[sizeof marker->held];
        memcpy(copy, inner.p, inner.n);
        marker->n = 0;
        replace(marker, (struct str){copy, inner.n - 2}, out);
    } else if (last == '[' && before == '[') {
        give_up(marker, held.n - 2, out);
    } else if (last == '\n' || last == '\r' || utf8_count(held) >= MARKER_HOLD) {
        give_up(marker, 0, out);
    }
}

// The rest of a marker that was too long to hold: to its `]]`, or to white space.
static size_t swallow(struct marker *marker, struct str chunk, size_t pos)
{
    while (pos < chunk.n && marker->swallow) {
        size_t next = pos;
        uint32_t rune = utf8_next(chunk, &next);
        if (rune == ' ' || rune == '\t' || rune == '\n' || rune == '\r' || rune == '[') {
            marker->swallow = 0;
            break;
        }
        marker->swallow--;
        if (rune == ']' && marker->bracket)
            marker->swallow = 0;
        marker->bracket = rune == ']' && marker->swallow;
        pos = next;
    }
    return pos;
}

void marker_feed(struct marker *marker, struct str chunk, struct buf *out)
{
    size_t pos = 0;
    while (pos < chunk.n) {
        if (marker->swallow) {
            pos = swallow(marker, chunk, pos);
            continue;
        }
        marker->bracket = false;
        if (marker->n == 0) {
            const char *open = memchr(chunk.p + pos, '[', chunk.n - pos);
            size_t until = open ? (size_t)(open - chunk.p) : chunk.n;
            buf_add(out, chunk.p + pos, until - pos);
            pos = until;
            if (!open)
                break;
        }
        size_t next = pos;
        utf8_next(chunk, &next);
        memcpy(marker->held + marker->n, chunk.p + pos, next - pos);
        marker->n += next - pos;
        pos = next;
        decide(marker, out);
    }
}

void marker_end(struct marker *marker, struct buf *out)
{
    while (marker->n >= 2 && marker->held[1] == '[')
        give_up(marker, 0, out);
    buf_add(out, marker->held, marker->n);
    marker->n = 0;
}
