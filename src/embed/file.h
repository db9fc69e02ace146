// SPDX-License-Identifier: Apache-2.0
// The model file ("E5S1", little endian), mapped and proven. Pointers lie in the mapping and are good until
// weights_done.
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MODEL_HIDDEN = 384,
    MODEL_LAYERS = 12,
    MODEL_HEADS = 12,
    MODEL_HEAD = MODEL_HIDDEN / MODEL_HEADS,
    MODEL_FEED = 1536,
    MODEL_POSITIONS = 512,
    MODEL_TYPES = 2,
    Q4_WEIGHTS = 32, // of a block: an f16 scale and 16 bytes; low nibbles are weights 0–15, high ones 16–31, minus 8
    Q4_BYTES = 18,
    MODEL_MOST_PIECES = (1 << 18) - 1
};

struct matrix { // Q4_0, row by row; cols is a multiple of 32
    const uint8_t *at;
    uint32_t rows, cols;
};

struct linear {
    struct matrix w;
    const float *b;
};

struct norm {
    const float *w, *b;
};

struct layer {
    struct linear q, k, v, ao, fi, fo; // query, key, value, attention out; feed-forward in, out
    struct norm aln, oln;
};

struct weights {
    const uint8_t *base;
    size_t size;
    size_t head;     // everything before the tensors' numbers
    uint64_t digest; // of it
    // to notice that it changes
    int fd, guard;
    _Atomic int64_t mtime_ns; // when the digest was right
    // text
    uint32_t pieces, bos, eos, unknown, longest; // longest: bytes of a piece
    float lowest;                                // score of a piece
    const uint32_t *offsets;                     // pieces + 1, into blob
    const float *scores;
    const char *blob;
    const uint8_t *map; // rows {u32 code point, u8 k, u32 out[k]}, ascending
    uint32_t *map_at;   // offset of each row; on the heap
    uint32_t map_n;
    // numbers
    struct matrix word;
    const float *position, *type;
    struct norm first;
    struct layer layers[MODEL_LAYERS];
    float eps;
};

// ERR_NOT_FOUND, ERR_IO, ERR_FORMAT.
int weights_open(const char *path, struct weights *ret, struct err *err);
void weights_done(struct weights *weights);
// The file is no longer the one that was proven: cut or written in place (of its numbers only the length counts). A
// file that was replaced by rename is not changed. Costs one fstat, and a walk where the file was touched.
bool weights_changed(struct weights *weights);
// Its pages go back to the system, which has them in its cache; they come again when they are read.
void weights_rest(const struct weights *weights);
// What code point becomes: how many others, in *ret (unaligned bytes of u32 each); -1: itself.
int weights_map(const struct weights *weights, uint32_t rune, const uint8_t **ret);

static inline uint32_t load_u32(const void *at)
{
    uint32_t v;
    __builtin_memcpy(&v, at, sizeof v);
    return v;
}

// Half to single precision; infinities and NaNs come out as large numbers, so that a scale is always one.
static inline float half_to_float(const void *at)
{
    uint16_t h;
    __builtin_memcpy(&h, at, sizeof h);
    uint32_t bits = (uint32_t)(h & 0x7FFF) << 13, sign = (uint32_t)(h & 0x8000) << 16;
    float f;
    __builtin_memcpy(&f, &bits, sizeof f);
    f *= 0x1p112f;
    __builtin_memcpy(&bits, &f, sizeof bits);
    bits |= sign;
    __builtin_memcpy(&f, &bits, sizeof f);
    return f;
}
