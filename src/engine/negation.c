// SPDX-License-Identifier: Apache-2.0
// One walk over the tokens. What stands behind a phrase is negated up to a mark, a word that begins something else, or
// a few words on; where the phrase stands behind (Japanese, "以外") the same is looked for backwards.
#include "engine/negation.h"

#include "base/utf8.h"
#include "engine/phrases.h"
#include "engine/script.h"

#include <pthread.h>

enum { BEFORE = 1, AFTER = 2, ENDS = 4, NEVER = 8 };
enum { TOKENS_MOST = 1000, WORDS_MOST = 4, LETTERS_MOST = 12, WORK_SIZE = 16384 };

// clang-format off
static const struct phrase_row ROWS[] = {
    {"not, without, except, except for, other than, anything but, apart from, excluding, instead of, rather than", BEFORE},
    {"not over, not above, not under, not below, not more than, not less than, not sure, if not, not only, why not", NEVER},
    {"but, and, with, for, that, which, who, under, below, above, over, please, from, in, to, do, does, is, are", ENDS},
    {"que não, sem, exceto, sem ser, que não seja, que não sejam, em vez de, tirando, menos os, menos as", BEFORE},
    {"não mais de, não mais que, não menos de, sem portes, sem juros", NEVER},
    {"mas, com, para, que, até, abaixo, por, favor, tem, têm, há", ENDS},
    {"sin, excepto, que no sea, que no sean, ohne, außer, kein, keine, keinen, sans, sauf, bukan, tanpa, kecuali, selain", BEFORE},
    {"pero, con, para, aber, mit, für, mais, avec, pour, tapi, dengan, untuk, yang", ENDS},
    {"ไม่ใช่, ที่ไม่ใช่, ไม่เอา, ไม่มี, ที่ไม่มี, ยกเว้น, นอกจาก, ปราศจาก, ไม่ต้องการ, ไม่อยากได้", BEFORE},
    {"ใช่ไหม, มีไหม, ไม่เกิน, ไม่มากกว่า, ไม่น้อยกว่า, ไม่ต่ำกว่า, ไม่ถึง", NEVER},
    {"ที่, ราคา, มี, ไหม, บ้าง, ครับ, ค่ะ, คะ, แต่, แล้ว", ENDS},
    {"以外, 以外の, ではない, じゃない, でない, なし, なしの, 抜き, 抜きの, を除く, を除いた, のない, がない, の無い, の入っていない", AFTER},
    {"は, が, を, で, と, の中で, ですが", ENDS},
    {"不是, 不要, 除了, 除, 不带, 不帶, 不含, 不用, 不想要, 除去", BEFORE},
    {"是不是, 要不要, 有没有, 有沒有, 不是吗, 不用安装, 用不用, 不要紧", NEVER},
    {"的, 还, 還, 以外, 之外, 外, 有, 呢, 吗, 嗎, 还有, 還有, 但", ENDS},
    {"之外, 之外的, 以外的", AFTER},
};
// clang-format on

static struct phrases *phrases;

static void make(void)
{
    phrases = phrases_new(ROWS, sizeof ROWS / sizeof *ROWS);
}

struct walk {
    struct str text;
    struct tokens tokens;
};

static bool is_single(const struct walk *w, size_t i) // a letter of a script without spaces
{
    uint32_t rune = utf8_next(
        (struct str){w->text.p + w->tokens.at[i].start, w->tokens.at[i].end - w->tokens.at[i].start}, &(size_t){0});
    return script_is_cjk(rune) || script_is_thai(rune);
}

// Does anything but white space and hyphens stand between token i - 1 and i?
static bool parted(const struct walk *w, size_t i)
{
    for (size_t k = w->tokens.at[i - 1].end; k < w->tokens.at[i].start; k++)
        if (!strchr(" -\t", w->text.p[k]))
            return true;
    return false;
}

static bool spaced(const struct walk *w, size_t i)
{
    return w->tokens.at[i].start > w->tokens.at[i - 1].end;
}

static bool ends(const struct walk *w, size_t i)
{
    return phrases_at(phrases, w->text, w->tokens, i, ENDS, NULL) > 0;
}

// First token behind what is negated from token `from` on.
static size_t scope_behind(const struct walk *w, size_t from)
{
    size_t i = from, words = 0, letters = 0;
    for (; i < w->tokens.n; i++) {
        bool single = is_single(w, i);
        if (i > from && (parted(w, i) || ends(w, i) || (single && spaced(w, i))))
            break;
        if (single ? ++letters > LETTERS_MOST : ++words > WORDS_MOST)
            break;
    }
    return i;
}

// First token of what is negated by the phrase at token `to`.
static size_t scope_before(const struct walk *w, size_t to)
{
    size_t i = to, letters = 0;
    while (i > 0 && letters++ < LETTERS_MOST && !ends(w, i - 1) && !(i < w->tokens.n && (parted(w, i) || spaced(w, i))))
        i--;
    return i;
}

static struct negation negated(const struct walk *w, size_t from, size_t n, bool after)
{
    size_t first = after ? scope_before(w, from) : from + n, behind = after ? from : scope_behind(w, from + n);
    size_t start = w->tokens.at[after ? first : from].start;
    struct negation ret = {start, w->tokens.at[from + n - 1].end, start, start};
    if (first < behind) {
        ret.about = w->tokens.at[first].start;
        ret.about_end = w->tokens.at[behind - 1].end;
        ret.end = ret.about_end > ret.end ? ret.about_end : ret.end;
    }
    return ret;
}

size_t negation_find(struct str text, struct negation ret[NEGATIONS_MOST])
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    AUTO_ARENA struct arena *arena = arena_new(WORK_SIZE);
    struct walk walk = {text, tokens_make(arena, text, TOKENS_MOST)};
    size_t found = 0;
    pthread_once(&once, make);
    for (size_t i = 0; i < walk.tokens.n && found < NEGATIONS_MOST;) {
        unsigned kinds = 0;
        size_t n = phrases_at(phrases, text, walk.tokens, i, BEFORE | AFTER | NEVER, &kinds);
        if (n == 0 || kinds & NEVER) {
            i += n ? n : 1;
            continue;
        }
        struct negation one = negated(&walk, i, n, kinds & AFTER);
        i += n;
        if (one.about == one.about_end || (found && one.start < ret[found - 1].end))
            continue;
        ret[found++] = one;
        while (i < walk.tokens.n && walk.tokens.at[i].start < one.end)
            i++;
    }
    return found;
}

bool negation_covers(const struct negation *at, size_t n, size_t start, size_t end)
{
    for (size_t i = 0; i < n; i++)
        if (start >= at[i].about && end <= at[i].about_end)
            return true;
    return false;
}
