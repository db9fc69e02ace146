// SPDX-License-Identifier: Apache-2.0
// Vectors of an index: flat rows in the order in which they arrived, as float32, int8 with a scale, and sign bits. Rows
// lie in chunks that are never moved; a reader's view ends at the count that held when it was taken, so that the writer
// may append behind it. A replaced or removed vector is a dead row until the rows are written anew.
#pragma once

#include "base/vec.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct row_chunk {
    atomic_size_t refs;
    uint32_t cap;
    float *f32, *scale;
    int8_t *i8;
    uint64_t *bits;
    int32_t *sums;   // of the row's int8 components
    uint32_t *slots; // passage that the row belongs to
};

enum { ROWS_FIRST = 64, ROWS_MOST = 16384 }; // sizes of chunks: 64, 64, 128 … 16384, 16384 …

struct rows_dead {
    atomic_size_t refs;
    size_t words;
    uint64_t bits[];
};

struct rows {           // the writer's, or a reader's view of it
    size_t dims, words; // components, words of sign bits
    VEC(struct row_chunk *) chunks;
    uint32_t n, n_dead;
    bool several;           // some passage has more than one row: they follow one another, with one slot
    struct rows_dead *dead; // NULL = none is dead
};

// Chunk of a row, and the row within it.
static inline uint32_t rows_chunk(uint32_t row, uint32_t *ret_at)
{
    if (row < ROWS_FIRST) {
        *ret_at = row;
        return 0;
    }
    if (row < ROWS_MOST) {
        uint32_t log = 31 - (uint32_t)__builtin_clz(row);
        *ret_at = row - (1u << log);
        return log - 5;
    }
    *ret_at = row % ROWS_MOST;
    return 8 + row / ROWS_MOST;
}

static inline uint32_t rows_chunk_size(uint32_t chunk)
{
    return chunk == 0 ? ROWS_FIRST : chunk < 9 ? 32u << chunk : ROWS_MOST;
}

static inline bool rows_is_dead(const struct rows *rows, uint32_t row)
{
    return rows->dead && row >> 6 < rows->dead->words && (rows->dead->bits[row >> 6] >> (row & 63) & 1);
}

static inline uint32_t rows_slot(const struct rows *rows, uint32_t row)
{
    uint32_t at, chunk = rows_chunk(row, &at);
    return rows->chunks.at[chunk]->slots[at];
}

// Is the row behind this one of the same passage?
static inline bool rows_go_on(const struct rows *rows, uint32_t row)
{
    return rows->several && row + 1 < rows->n && rows_slot(rows, row) == rows_slot(rows, row + 1);
}

void rows_init(struct rows *rows, size_t dims);
void rows_release(struct rows *rows);
// Appends a vector of length 1 and returns its row.
uint32_t rows_add(struct rows *rows, uint32_t slot, const float *vector);
// Writer only. With those of the same passage behind it; copies the dead bits first when a view shares them.
void rows_kill(struct rows *rows, uint32_t row);
// A view: shares chunks and dead bits, done with rows_release.
void rows_share(const struct rows *rows, struct rows *ret_view);
size_t rows_bytes(const struct rows *rows);
