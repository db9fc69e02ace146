// SPDX-License-Identifier: Apache-2.0
#include "ingest/charset.h"

#include "base/err.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <unicode/ucsdet.h>

enum { SAMPLE = 64 << 10, SURE = 50, THAI_RUN = 3, TEXT_ROOM = LINE_MOST + 8 * DECODE_PIECE };

// ---- which ---------------------------------------------------------------------------------------------------------

static const char *marked(const unsigned char *p, size_t n)
{
    if (n >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0)
        return "UTF-8";
    if (n >= 2 && memcmp(p, "\xFF\xFE", 2) == 0)
        return "UTF-16LE";
    return n >= 2 && memcmp(p, "\xFE\xFF", 2) == 0 ? "UTF-16BE" : NULL;
}

// Every high byte has a place in Windows-874 and they stand in runs, as the letters of one script do.
static bool looks_thai(const unsigned char *p, size_t n)
{
    size_t high = 0, runs = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = p[i];
        if (c < 0x80)
            continue;
        if (!(c == 0x80 || c == 0x85 || (c >= 0x91 && c <= 0x97) || (c >= 0xA0 && c <= 0xDA) ||
              (c >= 0xDF && c <= 0xFB)))
            return false;
        high++;
        runs += i == 0 || p[i - 1] < 0x80;
    }
    return runs && high / runs >= THAI_RUN;
}

static bool is_asian(const char *name)
{
    return str_is_choice("Shift_JIS|EUC-JP|GB18030|Big5|EUC-KR|ISO-2022-JP|ISO-2022-KR|ISO-2022-CN", str_from(name));
}

static const char *guessed(const char *sample, size_t n)
{
    UErrorCode status = U_ZERO_ERROR;
    const char *found = "windows-1252";
    if (looks_thai((const unsigned char *)sample, n))
        return "windows-874";
    UCharsetDetector *detector = ucsdet_open(&status);
    ucsdet_setText(detector, sample, (int32_t)n, &status);
    const UCharsetMatch *match = ucsdet_detect(detector, &status);
    if (U_SUCCESS(status) && match && ucsdet_getConfidence(match, &status) >= SURE) {
        const char *name = ucsdet_getName(match, &status);
        if (name && is_asian(name))
            found =
                str_eq(str_from(name), STR("Shift_JIS")) ? "Shift_JIS" : ucnv_getCanonicalName(name, "MIME", &status);
    }
    ucsdet_close(detector);
    return found ? found : "windows-1252";
}

static bool known(struct str name, char out[64])
{
    UErrorCode status = U_ZERO_ERROR;
    if (!name.n || name.n >= 64)
        return false;
    memcpy(out, name.p, name.n);
    out[name.n] = 0;
    UConverter *converter = ucnv_open(out, &status);
    // A file that is read byte by byte cannot be UTF-16 without its mark.
    bool wide = U_SUCCESS(status) && ucnv_getMinCharSize(converter) > 1;
    ucnv_close(converter);
    return U_SUCCESS(status) && !wide;
}

const char *charset_of(struct source *source, struct str declared)
{
    static _Thread_local char name[64];
    AUTO_FREE char *sample = mem_alloc(SAMPLE), *piece = mem_alloc(SAMPLE);
    struct utf8_state state = {0};
    size_t n = 0;
    bool valid = true;
    ssize_t got;
    source_seek(source, 0);
    while ((n < SAMPLE || valid) && (got = source_read(source, piece, SAMPLE)) > 0) {
        size_t room = SAMPLE - n < (size_t)got ? SAMPLE - n : (size_t)got;
        memcpy(sample + n, piece, room);
        n += room;
        valid = valid && utf8_feed(&state, piece, (size_t)got);
    }
    source_seek(source, 0);
    const char *mark = marked((const unsigned char *)sample, n);
    if (mark)
        return mark;
    // UTF-8 by its bytes is never something else by accident, except where escapes switch (ISO-2022).
    if (valid && utf8_finish(&state) && !memchr(sample, 0x1B, n))
        return "UTF-8";
    if (known(declared, name) && !str_eq_nocase(declared, STR("utf-8")))
        return name;
    return valid && utf8_finish(&state) && !is_asian(guessed(sample, n)) ? "UTF-8" : guessed(sample, n);
}

// ---- as UTF-8 ------------------------------------------------------------------------------------------------------

int decoder_init(struct decoder *decoder, struct source *source, const char *charset)
{
    UErrorCode status = U_ZERO_ERROR;
    memset(decoder, 0, sizeof *decoder);
    decoder->source = source;
    decoder->pivot_from = decoder->pivot_to = decoder->pivot;
    source_seek(source, 0);
    if (str_eq_nocase(str_from(charset), STR("UTF-8")))
        return 0;
    decoder->from = ucnv_open(charset, &status);
    decoder->to = ucnv_open("UTF-8", &status);
    return U_SUCCESS(status) ? 0 : ERR_FORMAT;
}

void decoder_done(struct decoder *decoder)
{
    ucnv_close(decoder->from);
    ucnv_close(decoder->to);
}

static void drop_mark(struct decoder *decoder, struct buf *out, size_t from)
{
    if (decoder->begun || out->n - from < 3)
        return;
    decoder->begun = true;
    if (memcmp(out->p + from, "\xEF\xBB\xBF", 3) == 0) {
        memmove(out->p + from, out->p + from + 3, out->n - from - 3);
        out->n -= 3;
    }
}

static int convert(struct decoder *decoder, size_t n, struct buf *out)
{
    const char *from = decoder->raw, *end = decoder->raw + n;
    UErrorCode status;
    do {
        if (!buf_reserve(out, DECODE_PIECE))
            return ERR_LIMIT;
        char *to = out->p + out->n;
        status = U_ZERO_ERROR;
        ucnv_convertEx(decoder->to, decoder->from, &to, to + DECODE_PIECE, &from, end, decoder->pivot,
                       &decoder->pivot_from, &decoder->pivot_to, decoder->pivot + 1024, false, decoder->ended, &status);
        out->n = (size_t)(to - out->p);
    } while (status == U_BUFFER_OVERFLOW_ERROR);
    return U_SUCCESS(status) ? 0 : ERR_FORMAT;
}

int decoder_next(struct decoder *decoder, struct buf *out)
{
    if (decoder->ended)
        return 0;
    ssize_t got = source_read(decoder->source, decoder->raw, sizeof decoder->raw);
    if (got < 0)
        return ERR_IO;
    size_t from = out->n;
    decoder->ended = got == 0;
    if (decoder->from) {
        int rc = convert(decoder, (size_t)got, out);
        if (rc)
            return rc;
    } else if (got && !buf_add(out, decoder->raw, (size_t)got)) {
        return ERR_LIMIT;
    }
    drop_mark(decoder, out, from);
    return !decoder->ended || out->n > from;
}

// ---- lines ---------------------------------------------------------------------------------------------------------

int lines_init(struct lines *lines, struct source *source, const char *charset)
{
    lines->text = BUF_INIT(TEXT_ROOM);
    buf_reserve(&lines->text, DECODE_PIECE);
    lines->pos = 0;
    lines->line = 0;
    lines->ended = false;
    return decoder_init(&lines->decoder, source, charset);
}

void lines_done(struct lines *lines)
{
    decoder_done(&lines->decoder);
    buf_done(&lines->text);
}

static bool give(struct lines *lines, size_t n, size_t skip, struct str *ret)
{
    *ret = (struct str){lines->text.p + lines->pos, n};
    lines->pos += n + skip;
    lines->line += skip || lines->ended;
    return true;
}

// CR, LF and CRLF end a line. A CR that is the last byte there is waits for what follows.
static bool line_here(struct lines *lines, size_t searched, struct str *ret)
{
    const char *from = lines->text.p + lines->pos;
    size_t left = lines->text.n - lines->pos;
    for (size_t i = searched; i < left; i++) {
        if (from[i] != '\n' && from[i] != '\r')
            continue;
        bool crlf = from[i] == '\r' && i + 1 < left && from[i + 1] == '\n';
        if (from[i] == '\r' && i + 1 == left && !lines->ended)
            return false;
        return give(lines, i, crlf ? 2 : 1, ret);
    }
    if (left >= LINE_MOST)
        return give(lines, utf8_whole((struct str){from, LINE_MOST}), 0, ret);
    return lines->ended && left > 0 && give(lines, left, 0, ret);
}

int lines_next(struct lines *lines, struct str *ret)
{
    for (size_t searched = 0;;) {
        if (line_here(lines, searched, ret))
            return 1;
        if (lines->ended)
            return 0;
        size_t left = lines->text.n - lines->pos;
        searched = left ? left - 1 : 0;
        buf_consume(&lines->text, lines->pos);
        lines->pos = 0;
        int rc = decoder_next(&lines->decoder, &lines->text);
        if (rc < 0)
            return rc;
        lines->ended = rc == 0;
    }
}
