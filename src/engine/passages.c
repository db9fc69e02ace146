// SPDX-License-Identifier: Apache-2.0
#include "engine/passages.h"

#include "base/utf8.h"
#include "engine/sentence.h"

#include <stdlib.h>

enum { SECTION_MOST = 256 << 10, ROOM = 2 * SECTION_MOST, LEAST = 400, REST = 1000 };

void passages_init(struct passages *passages, struct arena *arena)
{
    *passages = (struct passages){
        .arena = arena, .text = BUF_INIT(PASSAGES_BYTES), .section = BUF_INIT(ROOM), .head = BUF_INIT(ROOM)};
}

void passages_done(struct passages *passages)
{
    buf_done(&passages->text);
    buf_done(&passages->section);
    buf_done(&passages->head);
    vec_done(&passages->at);
}

static size_t distance(size_t a, size_t b)
{
    return a > b ? a - b : b - a;
}

// Where a passage of this text ends: at the end of the paragraph, else the sentence, else the word that is nearest to
// what is aimed at.
static size_t cut(struct str text)
{
    size_t aim = utf8_offset(text, PASSAGE_AIM), most = utf8_offset(text, CHUNK_MOST), least = utf8_offset(text, LEAST);
    size_t best = 0, next, close;
    for (size_t i = least; i < most; i++)
        if (text.p[i] == '\n' && text.p[i - 1] == '\n' && distance(i, aim) < distance(best, aim))
            best = i;
    if (best)
        return best;
    struct str head = {text.p, most};
    for (size_t end = 0; (next = sentence_end(head, end, false, &close)) && close > end; end = close)
        if (close >= least && distance(close, aim) < distance(best, aim))
            best = close;
    if (best)
        return best;
    for (size_t i = least; i < most; i++)
        if ((text.p[i] == ' ' || text.p[i] == '\n') && distance(i, aim) < distance(best, aim))
            best = i;
    return best ? best : aim;
}

// Where the next passage begins: so far before the cut, at the start of a word if there is one.
static size_t step_back(struct str text, size_t end)
{
    size_t from = end;
    for (size_t n = 0; from > 0 && n < PASSAGE_OVERLAP; from--)
        n += ((unsigned char)text.p[from - 1] & 0xC0) != 0x80;
    for (size_t i = from; i < end; i++)
        if (text.p[i] == ' ' || text.p[i] == '\n')
            return i + 1 < end ? i + 1 : end;
    while (from < end && ((unsigned char)text.p[from] & 0xC0) == 0x80)
        from++;
    return from;
}

static void add(struct passages *p, struct str text, int64_t characters)
{
    text = utf8_trim(text);
    if (!text.n)
        return;
    if (p->at.n >= PASSAGES_MOST || p->text.n + text.n + 1 > PASSAGES_BYTES) {
        p->full = true;
        return;
    }
    if (p->at.n)
        buf_addc(&p->text, '\f');
    buf_adds(&p->text, text);
    vec_push(&p->at, p->page, p->written, p->written + characters, p->heading);
    p->written += characters;
}

static void end_section(struct passages *p)
{
    struct str text = utf8_trim(buf_str(&p->section));
    size_t done = 0;
    for (size_t from = 0; done < text.n && !p->full;) {
        struct str rest = {text.p + from, text.n - from};
        bool last = utf8_offset(rest, REST) == rest.n;
        size_t end = last ? text.n : from + cut(rest);
        add(p, (struct str){text.p + from, end - from}, (int64_t)utf8_count((struct str){text.p + done, end - done}));
        done = end;
        // It must go on: what is stepped back may not be all that was cut.
        size_t back = last ? end : step_back(text, end);
        from = back > from + (end - from) / 2 ? back : end;
    }
    buf_clear(&p->section);
}

static void end_table(struct passages *p)
{
    end_section(p);
    buf_clear(&p->head);
    p->table = 0;
}

// Form feeds part passages: none may be inside of one.
static void append(struct buf *to, struct str text)
{
    for (struct str rest = text; rest.p;) {
        struct str part = str_split(&rest, '\f');
        buf_adds(to, part);
        if (rest.p)
            buf_addc(to, ' ');
    }
}

void passages_heading(struct passages *passages, struct str text, int64_t page)
{
    end_table(passages);
    passages->page = page;
    passages->heading = arena_str(passages->arena, text);
    append(&passages->section, text);
}

void passages_paragraph(struct passages *passages, struct str text, int64_t page)
{
    if (passages->table)
        end_table(passages);
    if (passages->section.n + text.n > SECTION_MOST)
        end_section(passages);
    if (!passages->section.n)
        passages->page = page;
    if (passages->section.n)
        buf_addz(&passages->section, "\n\n");
    append(&passages->section, text);
}

// A passage of a table is cut when the next row would make it longer than what is aimed at.
void passages_row(struct passages *passages, struct str text, int64_t table, int64_t page)
{
    if (table != passages->table) {
        end_table(passages);
        passages->table = table;
        passages->page = page;
        append(&passages->head, text);
        append(&passages->section, text);
        return;
    }
    size_t now = utf8_count(buf_str(&passages->section)), more = utf8_count(text);
    if (now > passages->head.n && now + more > PASSAGE_AIM) {
        end_section(passages);
        passages->page = page;
        if (utf8_count(buf_str(&passages->head)) + more < CHUNK_MOST)
            append(&passages->section, buf_str(&passages->head));
    }
    if (passages->section.n)
        buf_addc(&passages->section, '\n');
    append(&passages->section, text);
}

void passages_end(struct passages *passages)
{
    end_table(passages);
}
