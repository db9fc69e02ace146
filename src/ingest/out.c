// SPDX-License-Identifier: Apache-2.0
#include "ingest/out.h"

#include "base/json.h"
#include "base/utf8.h"

enum { ROW_ROOM = RECORD_MOST - 64 };

void out_init(struct out *out, enum read_want want, bool (*put)(void *arg, struct str json), void *arg)
{
    *out = (struct out){.put = put, .arg = arg, .json = BUF_INIT(RECORD_MOST), .want = want};
}

void out_done(struct out *out)
{
    buf_done(&out->json);
}

static void begin(struct out *out, enum record_kind kind, struct place at)
{
    buf_clear(&out->json);
    buf_addf(&out->json, "{\"k\":\"%s\"", record_kinds[kind]);
    if (at.line)
        buf_addf(&out->json, ",\"line\":%lld", (long long)at.line);
    if (at.page)
        buf_addf(&out->json, ",\"page\":%lld", (long long)at.page);
}

static void send(struct out *out)
{
    buf_addc(&out->json, '}');
    if (!out->stopped && !out->json.overflow && !out->put(out->arg, buf_str(&out->json)))
        out->stopped = true;
}

static void add_text(struct out *out, struct str text)
{
    buf_addz(&out->json, ",\"text\":");
    json_quote(&out->json, text);
    send(out);
}

// The longest beginning of at most `most` bytes, behind white space where there is any in its second half.
static size_t cut_at(struct str text, size_t most)
{
    if (text.n <= most)
        return text.n;
    size_t n = utf8_whole((struct str){text.p, most});
    for (size_t i = n; i > n / 2; i--)
        if (text.p[i - 1] == ' ' || text.p[i - 1] == '\n')
            return i;
    return n ? n : most;
}

void out_text(struct out *out, struct str text, struct place at)
{
    bool lines = out->want == INGEST_ROWS;
    if (!lines)
        text = utf8_trim(text);
    if (text.n)
        out->text = true;
    do {
        size_t n = cut_at(text, RECORD_TEXT_MOST);
        if (!n && !lines)
            return;
        begin(out, RECORD_TEXT, at);
        add_text(out, (struct str){text.p ? text.p : "", n});
        text = (struct str){text.p + n, text.n - n};
    } while (text.n && !out->stopped);
}

void out_heading(struct out *out, int level, struct str text, struct place at)
{
    text = utf8_trim(text);
    if (!text.n)
        return;
    out->text = true;
    begin(out, RECORD_HEADING, at);
    buf_addf(&out->json, ",\"level\":%d", level);
    add_text(out, (struct str){text.p, cut_at(text, 1000)});
}

void out_note(struct out *out, const char *name, struct str text)
{
    begin(out, RECORD_NOTE, (struct place){0, 0});
    buf_addf(&out->json, ",\"name\":\"%s\"", name);
    add_text(out, text);
}

void out_object(struct out *out, struct str json, int64_t line)
{
    out->text = true;
    begin(out, RECORD_OBJECT, (struct place){line, 0});
    buf_addz(&out->json, ",\"value\":");
    buf_adds(&out->json, json);
    if (out->json.overflow) {
        begin(out, RECORD_OBJECT, (struct place){line, 0});
        buf_addz(&out->json, ",\"bad\":true");
    }
    send(out);
}

void out_row(struct out *out, int64_t table, struct str sheet, struct place at)
{
    begin(out, RECORD_ROW, at);
    buf_addf(&out->json, ",\"table\":%lld", (long long)table);
    if (sheet.n) {
        buf_addz(&out->json, ",\"sheet\":");
        json_quote(&out->json, (struct str){sheet.p, cut_at(sheet, 1000)});
    }
    buf_addz(&out->json, ",\"cells\":[");
    out->cells = 0;
    out->at = at;
}

void out_cell(struct out *out, struct str text)
{
    text.n = cut_at(text, RECORD_TEXT_MOST);
    if (text.n)
        out->text = true;
    if (out->cells++)
        buf_addc(&out->json, ',');
    json_quote(&out->json, text);
}

void out_row_end(struct out *out)
{
    buf_addc(&out->json, ']');
    if (out->json.overflow || out->json.n > ROW_ROOM) {
        begin(out, RECORD_ROW, out->at);
        buf_addz(&out->json, ",\"bad\":true,\"cells\":[]");
    }
    send(out);
}

void out_end(struct out *out, enum read_reason reason, int64_t line, int64_t column)
{
    if (reason == READ_OK && !out->text)
        reason = READ_NO_TEXT;
    begin(out, RECORD_END, (struct place){line, 0});
    buf_addf(&out->json, ",\"reason\":\"%s\",\"column\":%lld,\"pages\":%lld", read_reasons[reason], (long long)column,
             (long long)out->pages);
    send(out);
}
