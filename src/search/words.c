// SPDX-License-Identifier: Apache-2.0
// The word lists as one read-only map, made at first use: each entry is analysed (folded; Thai cut by the dictionary as
// its text will be) and remembers in which languages it is what.
#include "search/words.h"

#include "base/map.h"
#include "base/mem.h"
#include "search/scan.h"

#include <pthread.h>

const char *const words_code[WORDS_LANGUAGES] = {"en", "pt", "th", "ja", "zh", "ko", "id", "de", "es", "fr"};
const char *const words_list[WORDS_LANGUAGES] = {words_en, words_pt, words_th, words_ja, words_zh,
                                                 words_ko, words_id, words_de, words_es, words_fr};

enum { MOST_WORDS = 4096 };
static struct words_bits all[MOST_WORDS];
static size_t n_all;
static struct map *by_word;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void add(struct str folded, unsigned language, char mark)
{
    struct words_bits *bits = map_get(by_word, folded);
    if (!bits) {
        if (n_all == MOST_WORDS)
            return;
        bits = &all[n_all++];
        map_set(by_word, folded, bits);
    }
    uint16_t *set = mark == '~' ? &bits->doubtful : mark == '+' ? &bits->tells : &bits->stop;
    *set = (uint16_t)(*set | 1u << language);
}

// Freed never: lives as long as the process, like the lists.
static void make(void)
{
    AUTO_ARENA struct arena *arena = arena_new(1 << 16);
    by_word = map_new();
    for (unsigned language = 0; language < WORDS_LANGUAGES; language++) {
        struct str rest = str_from(words_list[language]);
        while (rest.p) {
            struct str word = str_split(&rest, ' ');
            char mark = word.n ? word.p[0] : 0;
            if (mark == '~' || mark == '+')
                word = (struct str){word.p + 1, word.n - 1};
            if (!word.n)
                continue;
            add(analyse_fold(arena, word), language, mark);
            if (language != WORDS_TH)
                continue;
            struct terms pieces = analyse_for_index(arena, word);
            for (size_t i = 0; i < pieces.n; i++)
                add(pieces.at[i].text, language, mark);
        }
    }
}

struct words_bits words_look_up(struct str folded)
{
    pthread_once(&once, make);
    const struct words_bits *bits = map_get(by_word, folded);
    return bits ? *bits : (struct words_bits){0};
}
