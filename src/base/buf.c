// SPDX-License-Identifier: Apache-2.0
#include "base/buf.h"

#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_done(struct buf *buf)
{
    free(buf->p);
    *buf = (struct buf){.max = buf->max};
}

void buf_clear(struct buf *buf)
{
    buf->n = 0;
    buf->overflow = false;
    if (buf->p)
        buf->p[0] = 0;
}

bool buf_reserve(struct buf *buf, size_t more)
{
    if (more > buf->max || buf->n > buf->max - more) {
        buf->overflow = true;
        return false;
    }
    size_t need = buf->n + more + 1;
    if (need > buf->cap) {
        size_t cap = buf->cap * 2 > need ? buf->cap * 2 : need;
        cap = cap < 64 ? 64 : cap;
        buf->cap = cap - 1 > buf->max ? buf->max + 1 : cap;
        buf->p = mem_realloc(buf->p, buf->cap);
    }
    return true;
}

bool buf_add(struct buf *buf, const void *bytes, size_t n)
{
    if (!buf_reserve(buf, n))
        return false;
    if (n)
        memcpy(buf->p + buf->n, bytes, n);
    buf->n += n;
    buf->p[buf->n] = 0;
    return true;
}

bool buf_adds(struct buf *buf, struct str s)
{
    return buf_add(buf, s.p, s.n);
}

bool buf_addz(struct buf *buf, const char *text)
{
    return buf_add(buf, text, strlen(text));
}

bool buf_addc(struct buf *buf, char c)
{
    return buf_add(buf, &c, 1);
}

bool buf_addf(struct buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    bool fits = n >= 0 && buf_reserve(buf, (size_t)n);
    if (fits) {
        (void)vsnprintf(buf->p + buf->n, (size_t)n + 1, format, again);
        buf->n += (size_t)n;
    }
    va_end(again);
    return fits;
}

bool buf_add_rune(struct buf *buf, uint32_t rune)
{
    char bytes[4];
    return buf_add(buf, bytes, utf8_encode(rune, bytes));
}

void buf_consume(struct buf *buf, size_t n)
{
    if (!buf->p)
        return;
    memmove(buf->p, buf->p + n, buf->n - n + 1);
    buf->n -= n;
}
