// SPDX-License-Identifier: Apache-2.0
// The index behind search.h, inside the search room: a generation as queries see it.
#pragma once

#include "search/rows.h"
#include "search/segment.h"

struct search_reader { // a generation: immutable
    atomic_size_t refs;
    size_t n_parts;
    struct part *parts; // ascending by slot
    struct rows rows;
    uint64_t passages, documents; // living ones
    float average;                // passage length behind all impacts
    uint32_t all_of, bits_from;
};

// Tests and the bench: up to `all_of` passages that pass the filters every match is considered (20,000); from more than
// `bits_from` rows on, sign bits choose the candidates (50,000). Holds from the next publish on.
void search_tune(struct search_index *index, uint32_t all_of, uint32_t bits_from);
