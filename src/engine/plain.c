// SPDX-License-Identifier: Apache-2.0
// A reader walks the text; each construct either is decided by what stands within a fixed distance, or stops the reader
// when that distance is not there yet and more may come. White space is written lazily, before the next visible
// character, so that what was dropped leaves no double spaces.
#include "engine/plain.h"

#include "base/utf8.h"

#include <unicode/uchar.h>

#define LINE_WINDOW 32 // bytes of a line's beginning in which its marks must stand
#define LINK_TEXT_MAX 300
#define LINK_URL_MAX 2048
#define TAG_MAX 200

struct reader {
    struct str raw;
    size_t pos;
    bool final, stop; // stop: the decision needs more text
    bool line_begin;
    bool space, newline; // owed before the next visible character
    bool dropped;        // something invisible stood since the last visible character
    bool emoji;          // the last code point was one
    struct buf *out;
};

static bool is_white(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_word(uint32_t rune)
{
    return u_isalnum((UChar32)rune);
}

static void show(struct reader *r, uint32_t rune)
{
    bool punctuation = rune < 0x80 && strchr(".,!?;:)", (int)rune);
    if (r->out->n && (r->space || r->newline) && !(punctuation && r->dropped))
        buf_addc(r->out, r->newline ? '\n' : ' ');
    r->space = r->newline = r->dropped = false;
    if (rune == ')' && r->out->n && r->out->p[r->out->n - 1] == '(') {
        r->out->n--; // what stood in the brackets was dropped
        while (r->out->n && is_white(r->out->p[r->out->n - 1])) {
            r->newline |= r->out->p[--r->out->n] == '\n';
            r->space = true;
        }
        r->out->p[r->out->n] = 0;
        r->dropped = true;
        return;
    }
    buf_add_rune(r->out, rune);
}

static void drop(struct reader *r, size_t to)
{
    r->pos = to;
    r->dropped = true;
}

// First `c` in the line from `from`, within `most` bytes; stops the reader when that cannot be known yet.
static bool find(struct reader *r, size_t from, char c, size_t most, size_t *ret)
{
    size_t until = r->raw.n - from > most ? from + most : r->raw.n;
    for (size_t i = from; i < until; i++) {
        if (r->raw.p[i] == '\n')
            return false;
        if (r->raw.p[i] == c) {
            *ret = i;
            return true;
        }
    }
    if (until < from + most && !r->final)
        r->stop = true;
    return false;
}

static uint32_t rune_at(const struct reader *r, size_t pos)
{
    return pos < r->raw.n ? utf8_next(r->raw, &pos) : '\n';
}

static uint32_t rune_before(const struct reader *r, size_t pos)
{
    if (pos == 0)
        return '\n';
    do
        pos--;
    while (pos > 0 && ((unsigned char)r->raw.p[pos] & 0xC0) == 0x80);
    return utf8_next(r->raw, &pos);
}

static size_t line_end(struct str raw, size_t pos)
{
    const char *newline = memchr(raw.p + pos, '\n', raw.n - pos);
    return newline ? (size_t)(newline - raw.p) : raw.n;
}

// Bytes of one mark at the beginning of a line: heading, quotation, list, task; 0 = none.
static size_t line_mark(struct str line)
{
    size_t n = 0;
    while (n < line.n && line.p[n] == '#')
        n++;
    if (n > 0 && n <= 6 && n < line.n && is_white(line.p[n]))
        return n;
    if (line.n >= 1 && line.p[0] == '>')
        return 1;
    if (line.n >= 2 && strchr("-*+", line.p[0]) && is_white(line.p[1]))
        return 1;
    if (str_starts(line, STR("•")))
        return strlen("•");
    if (line.n >= 3 && line.p[0] == '[' && strchr(" xX", line.p[1]) && line.p[2] == ']')
        return 3;
    for (n = 0; n < line.n && n < 3 && line.p[n] >= '0' && line.p[n] <= '9';)
        n++;
    bool number = n > 0 && n + 1 < line.n && (line.p[n] == '.' || line.p[n] == ')') && is_white(line.p[n + 1]);
    return number ? n + 1 : 0;
}

static bool only(struct str s, const char *set)
{
    for (size_t i = 0; i < s.n; i++)
        if (!strchr(set, s.p[i]) || !s.p[i])
            return false;
    return true;
}

// A fenced block is dropped with its fences; unclosed it takes the rest.
static void skip_fence(struct reader *r, size_t pos, char fence)
{
    pos = line_end(r->raw, pos);
    while (pos < r->raw.n) {
        size_t end = line_end(r->raw, pos + 1);
        struct str line = str_trim((struct str){r->raw.p + pos + 1, end - pos - 1});
        if (line.n >= 3 && line.p[0] == fence && only(line, (char[]){fence, 0}) && (end < r->raw.n || r->final)) {
            drop(r, end);
            return;
        }
        pos = end;
    }
    if (r->final)
        drop(r, r->raw.n);
    else
        r->stop = true;
}

static void begin_line(struct reader *r)
{
    size_t end = line_end(r->raw, r->pos);
    if (end == r->raw.n && end - r->pos < LINE_WINDOW && !r->final) {
        r->stop = true;
        return;
    }
    struct str window = {r->raw.p + r->pos, end - r->pos < LINE_WINDOW ? end - r->pos : LINE_WINDOW};
    size_t skipped = 0;
    for (;;) {
        while (skipped < window.n && is_white(window.p[skipped]))
            skipped++;
        struct str rest = {window.p + skipped, window.n - skipped};
        struct str bare = str_trim(rest);
        bool rule = bare.n >= 3 && only(bare, "-=*_|:+ ");
        if (rule || (rest.n && rest.p[0] == '|')) {
            if (end == r->raw.n && !r->final)
                r->stop = true;
            else
                drop(r, end);
            return;
        }
        if (rest.n >= 3 && (memcmp(rest.p, "```", 3) == 0 || memcmp(rest.p, "~~~", 3) == 0)) {
            struct str info = {rest.p + 3, (size_t)(r->raw.p + end - rest.p) - 3};
            if (end == r->raw.n && !r->final) {
                r->stop = true;
                return;
            }
            // A line that closes what it opens is code in a line of text.
            if (!memchr(info.p, '`', info.n) || only(info, "`")) {
                skip_fence(r, end, rest.p[0]);
                return;
            }
        }
        size_t n = line_mark(rest);
        if (n == 0)
            break;
        skipped += n;
    }
    r->pos += skipped;
    r->line_begin = false;
}

// A run of `*`, `_`, backticks or `~`: marks, unless it stands between digits, in a word, or alone.
static void mark_run(struct reader *r, char mark)
{
    size_t end = r->pos;
    while (end < r->raw.n && r->raw.p[end] == mark)
        end++;
    if (end == r->raw.n && !r->final) {
        r->stop = true;
        return;
    }
    uint32_t before = rune_before(r, r->pos), after = rune_at(r, end);
    bool keep = false;
    if (mark == '*')
        keep = (u_isUWhiteSpace((UChar32)before) && u_isUWhiteSpace((UChar32)after) && end - r->pos == 1) ||
               (u_isdigit((UChar32)before) && u_isdigit((UChar32)after));
    else if (mark == '_')
        keep = is_word(before) && is_word(after);
    else if (mark == '~')
        keep = end - r->pos == 1;
    if (!keep) {
        drop(r, end);
        return;
    }
    while (r->pos < end) {
        show(r, (uint32_t)mark);
        r->pos++;
    }
}

static void bracket(struct reader *r, bool image)
{
    size_t open = r->pos + image, close, end;
    if (!find(r, open + 1, ']', LINK_TEXT_MAX, &close)) {
        if (r->stop)
            return;
        if (image)
            show(r, '!');
        drop(r, open + 1);
        return;
    }
    if (close + 1 == r->raw.n && !r->final) {
        r->stop = true;
        return;
    }
    struct str inner = {r->raw.p + open + 1, close - open - 1};
    char next = close + 1 < r->raw.n ? r->raw.p[close + 1] : 0;
    bool link = (next == '(' && find(r, close + 2, ')', LINK_URL_MAX, &end)) ||
                (next == '[' && find(r, close + 2, ']', LINK_TEXT_MAX, &end));
    if (r->stop)
        return;
    if (link || only(inner, "0123456789^, ")) {
        if (link && !image) {
            AUTO_BUF struct buf plain = BUF_INIT(2 * LINK_TEXT_MAX);
            plain_make(inner, true, &plain);
            for (size_t at = 0; at < plain.n;) {
                uint32_t rune = utf8_next(buf_str(&plain), &at);
                if (rune == ' ' || rune == '\n')
                    r->space = true;
                else
                    show(r, rune);
            }
        }
        drop(r, link ? end + 1 : close + 1);
        return;
    }
    if (image)
        show(r, '!');
    drop(r, open + 1); // its `]` is dropped when it comes
}

static void tag(struct reader *r)
{
    size_t close, name = r->pos + 1;
    if (name >= r->raw.n && !r->final) {
        r->stop = true;
        return;
    }
    char c = name < r->raw.n ? r->raw.p[name] : 0;
    bool begins = c == '/' || ((c | 32) >= 'a' && (c | 32) <= 'z');
    if (begins && find(r, name, '>', TAG_MAX, &close)) {
        r->space |= (c | 32) == 'b' || (c | 32) == 'p';
        drop(r, close + 1);
    } else if (!r->stop) {
        show(r, '<');
        r->pos++;
    }
}

// A URL at a word's beginning: dropped up to white space or the first character that no URL holds, but for the marks
// of the sentence behind it. Returns false when there is none.
static bool url(struct reader *r)
{
    static const struct str schemes[] = {STR("https://"), STR("http://"), STR("www."), STR("ftp://"), STR("mailto:")};
    struct str rest = {r->raw.p + r->pos, r->raw.n - r->pos};
    if (is_word(rune_before(r, r->pos)) && rune_before(r, r->pos) < 0x250)
        return false;
    bool begins = false;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t n = rest.n < schemes[i].n ? rest.n : schemes[i].n;
        if (!str_eq_nocase((struct str){rest.p, n}, (struct str){schemes[i].p, n}))
            continue;
        if (n < schemes[i].n && !r->final) {
            r->stop = true;
            return true;
        }
        begins |= n == schemes[i].n;
    }
    if (!begins)
        return false;
    size_t end = 0;
    while (end < rest.n && rest.p[end] > ' ' && rest.p[end] < 0x7F && !strchr("<>\"`{}|\\^", rest.p[end]))
        end++;
    if (end == rest.n && !r->final) {
        r->stop = true;
        return true;
    }
    while (end > 0 && strchr(".,!?;:)]*_'", rest.p[end - 1]))
        end--;
    drop(r, r->pos + end);
    return true;
}

static bool is_emoji(uint32_t rune, bool after_emoji)
{
    if (rune < 0x100)
        return false;
    if (rune == 0xFE0F || rune == 0xFE0E || rune == 0x20E3 || (rune >= 0xE0020 && rune <= 0xE007F))
        return true;
    if (rune == 0x200D)
        return after_emoji;
    return u_hasBinaryProperty((UChar32)rune, UCHAR_EXTENDED_PICTOGRAPHIC) ||
           u_hasBinaryProperty((UChar32)rune, UCHAR_REGIONAL_INDICATOR) ||
           u_hasBinaryProperty((UChar32)rune, UCHAR_EMOJI_MODIFIER);
}

static void character(struct reader *r)
{
    size_t next = r->pos;
    uint32_t rune = utf8_next(r->raw, &next);
    bool emoji = is_emoji(rune, r->emoji);
    r->emoji = emoji;
    if (emoji || (rune < ' ' && !is_white((char)rune)) || rune == 0x7F || rune == 0xFEFF || rune == 0x200B) {
        drop(r, next);
        return;
    }
    r->pos = next;
    if (rune == '\n') {
        r->newline = r->line_begin = true;
    } else if (u_isUWhiteSpace((UChar32)rune)) {
        r->space = true;
    } else {
        show(r, rune);
    }
}

static void step(struct reader *r)
{
    char c = r->raw.p[r->pos], next = r->pos + 1 < r->raw.n ? r->raw.p[r->pos + 1] : 0;
    bool last = r->pos + 1 == r->raw.n && !r->final;
    switch (c) {
    case '\\':
    case '!':
        if (last) {
            r->stop = true;
        } else if (c == '!' && next == '[') {
            bracket(r, true);
        } else if (c == '\\' && next > ' ' && next < 0x7F && !is_word((uint32_t)next)) {
            show(r, (uint32_t)next);
            r->pos += 2;
        } else {
            character(r);
        }
        return;
    case '*':
    case '_':
    case '`':
    case '~':
        mark_run(r, c);
        return;
    case '[':
        bracket(r, false);
        return;
    case ']':
        drop(r, r->pos + 1);
        return;
    case '<':
        tag(r);
        return;
    default:
        if (!strchr("hHwWfFmM", c) || !url(r))
            character(r);
    }
}

void plain_make(struct str raw, bool final, struct buf *out)
{
    struct reader r = {.raw = raw, .final = final, .line_begin = true, .out = out};
    while (r.pos < raw.n && !r.stop) {
        if (r.line_begin && raw.p[r.pos] != '\n')
            begin_line(&r);
        else
            step(&r);
        // A line that was dropped whole leaves the reader at its end.
        if (r.line_begin && r.pos < raw.n && raw.p[r.pos] == '\n') {
            r.newline = true;
            r.pos++;
        }
    }
}
