// SPDX-License-Identifier: Apache-2.0
// Most text is ASCII and never reaches ICU. Latin letters up to U+024F are folded by a table that ICU fills once, so
// that Portuguese, German or Spanish words cost little more; everything else takes NFKC_Casefold, NFD, drops accents
// and goes back to NFC (which keeps kana's voicing marks and Indic vowel signs where they belong).
//
// Plural endings: the S-stemmer of D. Harman, "How effective is suffixing?", JASIS 42(1), 1991, with the singulars of
// -es and -ies words brought to the same form (box/boxes, movie/movies, tomato/tomatoes).
#include "search/fold.h"

#include "base/utf8.h"

#include <pthread.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>
#include <unicode/ustring.h>

enum { TABLE_FIRST = 0x80, TABLE_END = 0x250, UNITS = 2048 };

static struct {
    char text[3];
    uint8_t n; // 0: not in the table
} table[TABLE_END - TABLE_FIRST];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

enum rune_class rune_class(uint32_t c)
{
    if (c < 0x80)
        return (c - '0' < 10 || (c | 32) - 'a' < 26) ? RUNE_WORD : RUNE_SEPARATOR;
    if (c >= 0xC0 && c < 0x250)
        return c == 0xD7 || c == 0xF7 ? RUNE_SEPARATOR : RUNE_WORD;
    if ((c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0x3041 && c <= 0x3096) ||
        (c >= 0x30A1 && c <= 0x30FA) || c == 0x30FC || c == 0xFF70)
        return RUNE_CJK;
    if (c == 0x200C || c == 0x200D || c == 0xAD || c == 0x2060)
        return RUNE_EXTEND;
    uint32_t mask = U_MASK(u_charType((UChar32)c));
    if (mask & (U_GC_MN_MASK | U_GC_MC_MASK | U_GC_ME_MASK)) {
        UErrorCode status = U_ZERO_ERROR;
        UScriptCode script = uscript_getScript((UChar32)c, &status);
        bool dictionary =
            script == USCRIPT_THAI || script == USCRIPT_LAO || script == USCRIPT_KHMER || script == USCRIPT_MYANMAR;
        return dictionary ? RUNE_DICTIONARY : RUNE_EXTEND;
    }
    if (!(mask & (U_GC_L_MASK | U_GC_N_MASK)))
        return c == 0xFF9E || c == 0xFF9F ? RUNE_EXTEND : RUNE_SEPARATOR;
    UErrorCode status = U_ZERO_ERROR;
    switch (uscript_getScript((UChar32)c, &status)) {
    case USCRIPT_THAI:
    case USCRIPT_LAO:
    case USCRIPT_KHMER:
    case USCRIPT_MYANMAR:
        return RUNE_DICTIONARY;
    case USCRIPT_HAN:
    case USCRIPT_HIRAGANA:
    case USCRIPT_KATAKANA:
    case USCRIPT_HANGUL:
    case USCRIPT_BOPOMOFO:
        return RUNE_CJK;
    default:
        return c == 0xFF9E || c == 0xFF9F ? RUNE_EXTEND : RUNE_WORD;
    }
}

// Marks that only dress a letter. Kana's voicing marks and Thai, Lao, Indic signs change what is written and stay.
static bool is_accent(UChar32 c)
{
    if (c < 0x300 || c == 0x3099 || c == 0x309A || u_charType(c) != U_NON_SPACING_MARK)
        return false;
    UErrorCode status = U_ZERO_ERROR;
    switch (uscript_getScript(c, &status)) {
    case USCRIPT_INHERITED:
    case USCRIPT_COMMON:
    case USCRIPT_LATIN:
    case USCRIPT_GREEK:
    case USCRIPT_CYRILLIC:
    case USCRIPT_HEBREW:
    case USCRIPT_ARABIC:
        return true;
    default:
        return false;
    }
}

// Folds `n` units in place through NFD without accents; returns the new length (the old one when ICU refuses).
static int32_t drop_accents(UChar *units, int32_t n)
{
    UErrorCode status = U_ZERO_ERROR;
    UChar apart[UNITS];
    int32_t m = unorm2_normalize(unorm2_getNFDInstance(&status), units, n, apart, UNITS, &status);
    if (U_FAILURE(status))
        return n;
    int32_t kept = 0;
    for (int32_t i = 0; i < m;) {
        UChar32 c;
        U16_NEXT(apart, i, m, c);
        if (is_accent(c))
            continue;
        int32_t digit = c >= 0x80 && u_charType(c) == U_DECIMAL_DIGIT_NUMBER ? u_charDigitValue(c) : -1;
        if (digit >= 0)
            c = '0' + digit;
        U16_APPEND_UNSAFE(apart, kept, c);
    }
    int32_t back = unorm2_normalize(unorm2_getNFCInstance(&status), apart, kept, units, UNITS, &status);
    return U_FAILURE(status) ? n : back;
}

// NFKC_Casefold of at most 256 bytes into `units`; -1 when ICU refuses.
static int32_t casefold(struct str text, UChar units[UNITS])
{
    UErrorCode status = U_ZERO_ERROR;
    UChar raw[512];
    int32_t n = 0;
    u_strFromUTF8WithSub(raw, 512, &n, text.p, (int32_t)text.n, 0xFFFD, NULL, &status);
    int32_t m = unorm2_normalize(unorm2_getNFKCCasefoldInstance(&status), raw, n, units, UNITS, &status);
    return U_FAILURE(status) ? -1 : m;
}

static size_t to_utf8(const UChar *units, int32_t n, char *out, size_t max)
{
    size_t bytes = 0;
    for (int32_t i = 0; i < n;) {
        UChar32 c;
        U16_NEXT(units, i, n, c);
        char one[4];
        size_t k = utf8_encode((uint32_t)(U_IS_SURROGATE(c) ? 0xFFFD : c), one);
        if (bytes + k > max)
            break;
        memcpy(out + bytes, one, k);
        bytes += k;
    }
    return bytes;
}

static size_t fold_slow(struct str word, char out[FOLD_MAX])
{
    UChar units[UNITS];
    int32_t n = casefold(word, units);
    return n < 0 ? 0 : to_utf8(units, drop_accents(units, n), out, FOLD_MAX);
}

static void table_fill(void)
{
    for (uint32_t c = TABLE_FIRST; c < TABLE_END; c++) {
        char utf8[4], out[FOLD_MAX];
        if (rune_class(c) != RUNE_WORD)
            continue;
        size_t n = fold_slow((struct str){utf8, utf8_encode(c, utf8)}, out);
        if (n > 0 && n <= sizeof table[0].text) {
            memcpy(table[c - TABLE_FIRST].text, out, n);
            table[c - TABLE_FIRST].n = (uint8_t)n;
        }
    }
}

// False: something in the word needs ICU.
static bool fold_by_table(struct str word, char out[FOLD_MAX], size_t *ret_n)
{
    size_t n = 0;
    for (size_t i = 0; i < word.n && n + 3 <= FOLD_MAX;) {
        uint8_t c = (uint8_t)word.p[i];
        if (c < 0x80) {
            out[n++] = (char)((uint8_t)(c - 'A') < 26 ? c | 32 : c);
            i++;
            continue;
        }
        if (c < 0xC2 || c > 0xC9 || i + 1 >= word.n)
            return false;
        uint32_t rune = (uint32_t)(c & 31) << 6 | ((uint32_t)word.p[i + 1] & 63);
        if (rune < TABLE_FIRST || rune >= TABLE_END || table[rune - TABLE_FIRST].n == 0)
            return false;
        for (unsigned k = 0; k < table[rune - TABLE_FIRST].n; k++)
            out[n++] = table[rune - TABLE_FIRST].text[k];
        i += 2;
    }
    *ret_n = n;
    return true;
}

static bool ends(const char *word, size_t n, const char *ending, size_t k)
{
    return n > k && memcmp(word + n - k, ending, k) == 0;
}
#define ENDS(literal) ends(word, n, literal, sizeof(literal) - 1)

static size_t stem_es(char *word,
                      size_t n) // the word ended in "es"; its s is dropped already, or it was a singular in e
{
    if (ENDS("oe") || ENDS("xe") || ENDS("che") || ENDS("she") || ENDS("sse"))
        return n - 1;
    if (ENDS("ie")) {
        word[n - 2] = 'y';
        return n - 1;
    }
    return n;
}

size_t fold_stem(char *word, size_t n)
{
    if (n < 4)
        return n;
    for (size_t i = 0; i < n; i++)
        if ((uint8_t)(word[i] - 'a') >= 26)
            return n;
    if (ENDS("coes") || ENDS("soes")) { // devoluções, versões (without their accents)
        word[n - 3] = 'a';
        word[n - 2] = 'o';
        return n - 1;
    }
    if (word[n - 1] == 'e')
        return stem_es(word, n);
    if (word[n - 1] != 's' || word[n - 2] == 's' || word[n - 2] == 'u')
        return n;
    n--;
    return word[n - 1] == 'e' && n >= 4 ? stem_es(word, n) : n;
}

size_t fold_word(struct str word, bool stem, char out[FOLD_MAX])
{
    size_t n = 0, i = 0;
    if (word.n > FOLD_MAX) {
        word.n = FOLD_MAX;
        while (word.n && ((uint8_t)word.p[word.n] & 0xC0) == 0x80)
            word.n--;
    }
    for (; i < word.n && (uint8_t)word.p[i] < 0x80; i++)
        out[i] = (char)((uint8_t)(word.p[i] - 'A') < 26 ? word.p[i] | 32 : word.p[i]);
    if (i == word.n)
        n = i;
    else {
        pthread_once(&table_once, table_fill);
        if (!fold_by_table(word, out, &n))
            n = fold_slow(word, out);
    }
    return stem ? fold_stem(out, n) : n;
}

size_t fold_cluster(struct str cluster, uint32_t out[24])
{
    UChar units[UNITS];
    if (cluster.n > 64)
        cluster.n = 64;
    int32_t n = casefold(cluster, units);
    size_t k = 0;
    for (int32_t i = 0; i < n && k < 24;) {
        UChar32 c;
        U16_NEXT(units, i, n, c);
        if (rune_class((uint32_t)c) != RUNE_SEPARATOR)
            out[k++] = (uint32_t)c;
    }
    return k;
}

// White space at both ends and twice in a row goes; with `loose` also punctuation at the end.
static int32_t tidy(UChar *units, int32_t n, bool loose)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < n; i++) {
        bool blank = u_isUWhiteSpace(units[i]) || u_isISOControl(units[i]);
        if (blank && (kept == 0 || units[kept - 1] == ' '))
            continue;
        units[kept++] = blank ? ' ' : units[i];
    }
    while (kept && (units[kept - 1] == ' ' || (loose && u_ispunct(units[kept - 1]))))
        kept--;
    return kept;
}

struct str fold_text(struct arena *arena, struct str text, bool loose)
{
    enum { LONGEST = 512 };
    text = text.n ? utf8_trim(text) : text;
    if (!text.p || text.n > LONGEST)
        return STR_NULL;
    // In pieces of at most 240 bytes that end between characters: what casefold takes at once.
    UChar units[UNITS], piece[UNITS];
    int32_t n = 0;
    for (size_t at = 0; at < text.n;) {
        size_t end = text.n - at > 240 ? at + 240 : text.n;
        while (end < text.n && end > at + 1 && ((uint8_t)text.p[end] & 0xC0) == 0x80)
            end--;
        int32_t m = casefold((struct str){text.p + at, end - at}, piece);
        if (m > 0 && loose)
            m = drop_accents(piece, m);
        if (m < 0 || n + m > UNITS)
            return STR_NULL;
        memcpy(units + n, piece, (size_t)m * sizeof *units);
        n += m;
        at = end;
    }
    n = tidy(units, n, loose);
    char *out = arena_alloc(arena, (size_t)n * 3 + 1);
    size_t bytes = to_utf8(units, n, out, (size_t)n * 3);
    out[bytes] = 0;
    return (struct str){out, bytes};
}
