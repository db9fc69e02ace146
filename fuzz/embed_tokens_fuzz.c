// SPDX-License-Identifier: Apache-2.0
// Any bytes as a text: its windows follow each other to its end, each within bounds and with ids of the vocabulary.
#include "fuzz.h"

#include "base/mem.h"
#include "embed/testing.h"
#include "embed/tokens.h"

#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct weights weights;
    static struct pieces *pieces;
    static struct word *word;
    if (!pieces) {
        struct err err;
        char *path = testing_file(1);
        if (weights_open(path, &weights, &err) != 0)
            abort();
        unlink(path);
        free(path);
        pieces = pieces_new(&weights);
        word = mem_zalloc(sizeof *word);
    }
    struct str rest = {(const char *)data, size};
    do {
        uint32_t ids[TOKENS_MOST];
        size_t seen;
        size_t n = tokens_read(&weights, pieces, word, STR("passage: "), rest, ids, &seen);
        if (n < 2 || n > TOKENS_MOST || seen > rest.n || (rest.n > 0 && seen == 0) ||
            (n < TOKENS_MOST && seen < rest.n))
            __builtin_trap();
        for (size_t i = 0; i < n; i++)
            if (ids[i] >= weights.word.rows)
                __builtin_trap();
        rest = (struct str){rest.p + seen, rest.n - seen};
    } while (rest.n > 0);
    return 0;
}
