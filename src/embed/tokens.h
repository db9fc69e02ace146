// SPDX-License-Identifier: Apache-2.0
// Text to ids of the model. Linear in the text's length; a word buffer of a fixed size whatever the text expands to.
#pragma once

#include "base/str.h"
#include "embed/file.h"

struct pieces; // finds a piece by its bytes; 2.1 MiB, immutable once made

struct pieces *pieces_new(const struct weights *weights); // about 15 ms
void pieces_free(struct pieces *pieces);

enum {
    WORD_MOST = 4096, // characters that are segmented together, when no space parts them
    TOKENS_MOST = MODEL_POSITIONS
};

struct word { // scratch: what is segmented next
    size_t n; // characters
    char bytes[4 * WORD_MOST];
    uint16_t start[WORD_MOST + 1]; // of each character, and the end
    uint32_t source[WORD_MOST];    // bytes of the text up to and with the character
    // the best way to each character
    float score[WORD_MOST + 1];
    uint32_t piece[WORD_MOST + 1];
    uint16_t from[WORD_MOST + 1];
    uint16_t way[WORD_MOST + 1];
};

// Ids of the first window: the mark of the begin, prefix and text, the mark of the end. Returns how many, at most
// TOKENS_MOST; *ret_seen: bytes of the text in them.
size_t tokens_read(const struct weights *weights, const struct pieces *pieces, struct word *word, struct str prefix,
                   struct str text, uint32_t ids[TOKENS_MOST], size_t *ret_seen);
