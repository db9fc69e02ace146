// SPDX-License-Identifier: Apache-2.0
// A growing byte buffer that is born with a maximum. An append that would pass the maximum appends nothing and sets
// `overflow`, which stays set until buf_clear; callers check it once at the end. Always NUL-terminated (the NUL is not
// counted in `n`).
#pragma once

#include "base/mem.h"
#include "base/str.h"

struct buf {
    char *p;
    size_t n, cap, max;
    bool overflow;
};

#define BUF_INIT(maximum) ((struct buf){.max = (maximum)})

void buf_done(struct buf *buf); // frees; for MEM_CLEANUP
#define AUTO_BUF MEM_CLEANUP(buf_done)
void buf_clear(struct buf *buf); // keeps the memory
bool buf_reserve(struct buf *buf, size_t more); // false: over the maximum (overflow set)
bool buf_add(struct buf *buf, const void *bytes, size_t n);
bool buf_adds(struct buf *buf, struct str s);
bool buf_addz(struct buf *buf, const char *text);
bool buf_addc(struct buf *buf, char c);
bool buf_addf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Appends one Unicode code point as UTF-8.
bool buf_add_rune(struct buf *buf, uint32_t rune);
// Drops the first n bytes (n <= buf->n).
void buf_consume(struct buf *buf, size_t n);
static inline struct str buf_str(const struct buf *buf)
{
    return (struct str){buf->p ? buf->p : "", buf->n};
}
