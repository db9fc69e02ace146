// SPDX-License-Identifier: Apache-2.0
// The sentence is looked for in the first VOICE_MAX characters (and one) of the plain text alone, so a stream may end
// as soon as its certain part holds a sentence end, a Thai line break, or that many characters.
#include "engine/voice.h"

#include "base/utf8.h"
#include "engine/plain.h"
#include "engine/script.h"
#include "engine/sentence.h"

#include <unicode/ubrk.h>
#include <unicode/uchar.h>

static struct str window_of(struct str plain)
{
    return (struct str){plain.p, utf8_offset(plain, VOICE_MAX + 1)};
}

// First line break behind a Thai character; 0 = none.
static size_t thai_break(struct str plain)
{
    for (size_t i = 1; i < plain.n; i++)
        if (plain.p[i] == '\n' && script_is_thai(script_last((struct str){plain.p, i})))
            return i;
    return 0;
}

static bool is_end_mark(uint32_t rune)
{
    static const uint32_t marks[] = {'.',    '!',   '?',   0x2026, 0x3002, 0xFF01, 0xFF1F,
                                     0xFF61, 0x61F, 0x6D4, 0x964,  0x17D4, 0x104B};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (rune == marks[i])
            return true;
    return false;
}

// Longest beginning of at most `most` bytes that ends where a word ends.
static size_t word_end(struct str s, size_t most)
{
    UErrorCode code = U_ZERO_ERROR;
    UText *text = utext_openUTF8(NULL, s.p, (int64_t)s.n, &code);
    UBreakIterator *words = ubrk_open(UBRK_WORD, "", NULL, 0, &code);
    if (U_SUCCESS(code))
        ubrk_setUText(words, text, &code);
    size_t end = 0;
    if (U_SUCCESS(code)) {
        int32_t at = most >= s.n ? (int32_t)s.n : ubrk_preceding(words, (int32_t)most + 1);
        end = at > 0 ? (size_t)at : 0;
    }
    ubrk_close(words);
    utext_close(text);
    return end;
}

// Cuts back to a whole word, so that a full stop fits behind it.
static struct str cut_to_word(struct str s, size_t characters)
{
    size_t most = utf8_offset(s, characters), end = word_end(s, most);
    return (struct str){s.p, end ? end : most};
}

static bool may_not_end(uint32_t rune)
{
    if (rune == ' ' || rune == '\n')
        return true;
    if (rune < 0x80 && strchr(")]%\"'", (int)rune))
        return false;
    int8_t type = u_charType((UChar32)rune);
    return u_ispunct((UChar32)rune) && !is_end_mark(rune) && type != U_END_PUNCTUATION && type != U_FINAL_PUNCTUATION;
}

// Takes out the opener whose closer was left behind the sentence.
static void remove_opener(struct buf *out, uint32_t closer)
{
    static const struct {
        uint32_t closer;
        const char *opener;
    } pairs[] = {{'"', "\""},    {')', "("},     {']', "["},     {0xBB, "«"},   {0x201D, "“"},
                 {0x300D, "「"}, {0x300F, "『"}, {0x3011, "【"}, {0xFF09, "（"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (pairs[i].closer != closer)
            continue;
        size_t n = strlen(pairs[i].opener);
        for (size_t at = out->n >= n ? out->n - n + 1 : 0; at-- > 0;) {
            if (memcmp(out->p + at, pairs[i].opener, n) != 0)
                continue;
            memmove(out->p + at, out->p + at + n, out->n - at - n + 1);
            out->n -= n;
            return;
        }
    }
}

static struct str finish(struct arena *arena, struct str sentence, struct str closers, bool ended)
{
    AUTO_BUF struct buf out = BUF_INIT(8 * VOICE_MAX);
    buf_adds(&out, sentence);
    for (size_t pos = 0; pos < closers.n;)
        remove_opener(&out, utf8_next(closers, &pos));
    for (size_t i = 0; i < out.n; i++)
        if (out.p[i] == '\n')
            out.p[i] = ' ';
    struct str text = utf8_trim(buf_str(&out));
    if (ended && text.n && is_end_mark(script_last(text)))
        return arena_str(arena, text);
    while (text.n && may_not_end(script_last(text)))
        text = script_drop_last(text);
    if (text.n == 0)
        return (struct str){"", 0};
    uint32_t last = script_last(text);
    if (script_is_thai(last) || is_end_mark(last))
        return arena_str(arena, text);
    return arena_strf(arena, STR_FMT "%s", STR_ARG(text), script_is_cjk(last) ? "。" : ".");
}

static struct str first_sentence(struct arena *arena, struct str plain, bool cut)
{
    struct str window = window_of(plain);
    size_t close = 0, end = sentence_end(window, 0, window.n == plain.n, &close), thai = thai_break(window);
    if (end && utf8_count((struct str){window.p, end}) > VOICE_MAX)
        end = 0;
    if (thai && (!end || thai < end))
        return finish(arena, (struct str){window.p, thai}, STR_NULL, false);
    if (end)
        return finish(arena, (struct str){window.p, end}, (struct str){window.p + end, close - end}, true);
    const char *newline = memchr(window.p, '\n', window.n);
    if (newline)
        return finish(arena, (struct str){window.p, (size_t)(newline - window.p)}, STR_NULL, false);
    if (utf8_count(window) > VOICE_MAX)
        return finish(arena, cut_to_word(window, VOICE_MAX - 1), STR_NULL, false);
    // Cut off by the token limit: the last word may be half.
    if (cut && window.n && u_isalnum((UChar32)script_last(window))) {
        size_t whole = word_end(window, window.n - 1);
        if (whole)
            window.n = whole;
    }
    return finish(arena, window, STR_NULL, false);
}

static struct str raw_of(struct str text)
{
    size_t most = text.n < VOICE_MAX_RAW ? text.n : VOICE_MAX_RAW;
    return (struct str){text.p, utf8_whole((struct str){text.p, most})};
}

struct str voice_plain(struct arena *arena, struct str text)
{
    AUTO_BUF struct buf out = BUF_INIT(2 * text.n + 16);
    plain_make(text, true, &out);
    for (size_t i = 0; i < out.n; i++)
        if (out.p[i] == '\n')
            out.p[i] = ' ';
    return arena_str(arena, buf_str(&out));
}

struct str voice_sentence(struct arena *arena, struct str text, bool cut)
{
    struct str raw = raw_of(text);
    AUTO_BUF struct buf out = BUF_INIT(2 * VOICE_MAX_RAW);
    plain_make(raw, true, &out);
    return first_sentence(arena, buf_str(&out), cut || raw.n < text.n);
}

void voice_init(struct voice *voice)
{
    *voice = (struct voice){.raw = BUF_INIT(VOICE_MAX_RAW)};
}

void voice_done(struct voice *voice)
{
    buf_done(&voice->raw);
}

bool voice_feed(struct voice *voice, struct str chunk)
{
    if (voice->complete)
        return true;
    size_t room = VOICE_MAX_RAW - voice->raw.n;
    struct str part = chunk;
    if (chunk.n > room)
        part = (struct str){chunk.p, utf8_whole((struct str){chunk.p, room})};
    buf_adds(&voice->raw, part);
    if (part.n < chunk.n)
        voice->complete = voice->over = true;
    AUTO_BUF struct buf out = BUF_INIT(2 * VOICE_MAX_RAW);
    plain_make(buf_str(&voice->raw), false, &out);
    struct str plain = buf_str(&out), window = window_of(plain);
    size_t close;
    if (sentence_end(window, 0, false, &close) || thai_break(window) || window.n < plain.n)
        voice->complete = true;
    return voice->complete;
}

struct str voice_result(const struct voice *voice, struct arena *arena, bool cut)
{
    return voice_sentence(arena, buf_str(&voice->raw), cut || voice->over);
}
