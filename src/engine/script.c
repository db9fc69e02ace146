// SPDX-License-Identifier: Apache-2.0
#include "engine/script.h"

#include "base/utf8.h"

#include <unicode/uscript.h>

static UScriptCode script_of(uint32_t rune)
{
    if (rune < 0x250)
        return USCRIPT_LATIN;
    if (rune == 0x30FC) // the long vowel mark, of both kana
        return USCRIPT_KATAKANA;
    return uscript_getScript((UChar32)rune, &(UErrorCode){U_ZERO_ERROR});
}

bool script_is_thai(uint32_t rune)
{
    UScriptCode script = script_of(rune);
    return script == USCRIPT_THAI || script == USCRIPT_LAO;
}

bool script_is_cjk(uint32_t rune)
{
    UScriptCode script = script_of(rune);
    return script == USCRIPT_HAN || script == USCRIPT_HIRAGANA || script == USCRIPT_KATAKANA;
}

bool script_is_unspaced(uint32_t rune)
{
    switch (script_of(rune)) {
    case USCRIPT_THAI:
    case USCRIPT_LAO:
    case USCRIPT_KHMER:
    case USCRIPT_MYANMAR:
    case USCRIPT_HAN:
    case USCRIPT_HIRAGANA:
    case USCRIPT_KATAKANA:
    case USCRIPT_HANGUL:
        return true;
    default:
        return false;
    }
}

struct str script_drop_last(struct str s)
{
    do
        s.n--;
    while (s.n > 0 && ((unsigned char)s.p[s.n] & 0xC0) == 0x80);
    return s;
}

uint32_t script_last(struct str s)
{
    if (s.n == 0)
        return 0;
    size_t pos = script_drop_last(s).n;
    return utf8_next(s, &pos);
}

bool word_among(struct str word, const char *list)
{
    while (*list) {
        size_t n = strcspn(list, " ");
        if (n && str_eq_nocase(word, (struct str){list, n}))
            return true;
        list += n + (list[n] == ' ');
    }
    return false;
}
