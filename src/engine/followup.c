// SPDX-License-Identifier: Apache-2.0
// A short message that begins with a word of going on, or ends with a particle that asks "and that?".
#include "engine/followup.h"

#include "engine/phrases.h"
#include "engine/script.h"

#include "base/utf8.h"

#include <pthread.h>

enum { BEGINS = 1, ENDS = 2, WORDS_MOST = 7, LETTERS_MOST = 16, TOKENS_MOST = 64, WORK_SIZE = 4096 };

// clang-format off
static const struct phrase_row ROWS[] = {
    {"and, what about, how about, and what about, and how about, or, and if", BEGINS},
    {"e, e em, e se, e quanto a, e que tal, y, y si, et, et si, und, und wenn, wie ist es mit, dan, kalau, terus", BEGINS},
    {"แล้ว, แล้วถ้า, ส่วน, ถ้าเป็น", BEGINS},
    {"ล่ะ, ล่ะคะ, ล่ะครับ", ENDS},
    {"では, じゃあ, じゃ, それでは, あと", BEGINS},
    {"は, はどう, はどうですか, だと, だとどうですか, もありますか, もある, も", ENDS},
    {"那, 那么, 那麼, 还有, 還有", BEGINS},
    {"呢", ENDS},
};
// clang-format on

static struct phrases *phrases;

static void make(void)
{
    phrases = phrases_new(ROWS, sizeof ROWS / sizeof *ROWS);
}

static bool is_short(struct str message, struct tokens tokens)
{
    size_t words = 0, letters = 0;
    for (size_t i = 0; i < tokens.n; i++) {
        struct str word = {message.p + tokens.at[i].start, tokens.at[i].end - tokens.at[i].start};
        uint32_t rune = utf8_next(word, &(size_t){0});
        bool single = script_is_cjk(rune) || script_is_thai(rune);
        words += !single;
        letters += single;
    }
    return words <= WORDS_MOST && letters <= LETTERS_MOST;
}

bool followup(struct str message)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (message.n > 400)
        return false;
    AUTO_ARENA struct arena *arena = arena_new(WORK_SIZE);
    struct tokens tokens = tokens_make(arena, message, TOKENS_MOST);
    pthread_once(&once, make);
    if (tokens.n < 2 || tokens.n == TOKENS_MOST || !is_short(message, tokens))
        return false;
    if (phrases_at(phrases, message, tokens, 0, BEGINS, NULL))
        return true;
    for (size_t i = 1; i < tokens.n; i++)
        if (i + phrases_at(phrases, message, tokens, i, ENDS, NULL) == tokens.n)
            return true;
    return false;
}
