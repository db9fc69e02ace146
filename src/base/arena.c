// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>

enum { FIRST_BLOCK = 4096, LARGEST_BLOCK = 1 << 20, ALIGN = 16 };

struct block {
    struct block *before;
    size_t size, used;
    _Alignas(ALIGN) char bytes[];
};

struct arena {
    struct block *block;
    size_t next_size, used;
};

static struct block *block_new(size_t size, struct block *before)
{
    struct block *block = mem_alloc(sizeof *block + size);
    *block = (struct block){.before = before, .size = size};
    return block;
}

// The arena lives in its own first block: one allocation for a small request.
struct arena *arena_new(size_t first_block)
{
    size_t size = first_block < 256 ? FIRST_BLOCK : first_block;
    struct block *block = block_new(size, NULL);
    struct arena *arena = (struct arena *)(void *)block->bytes;
    block->used = (sizeof *arena + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    *arena = (struct arena){.block = block, .next_size = size * 2};
    return arena;
}

void arena_free(struct arena *arena)
{
    struct block *block = arena ? arena->block : NULL;
    while (block) {
        struct block *before = block->before;
        free(block);
        block = before;
    }
}

void arena_free_slot(struct arena **arena)
{
    arena_free(*arena);
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    struct block *block = arena->block;
    arena->used += size;
    if (block->size - block->used < size) {
        size_t want = arena->next_size < size ? size : arena->next_size;
        if (arena->next_size < LARGEST_BLOCK)
            arena->next_size *= 2;
        block = arena->block = block_new(want, block);
    }
    void *p = block->bytes + block->used;
    block->used += size;
    return p;
}

void *arena_zalloc(struct arena *arena, size_t size)
{
    return memset(arena_alloc(arena, size), 0, size);
}

void *arena_calloc(struct arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        abort();
    return arena_zalloc(arena, bytes);
}

struct str arena_lower(struct arena *arena, struct str s)
{
    struct str copy = arena_str(arena, s);
    char *at = (char *)(uintptr_t)copy.p;
    for (size_t i = 0; i < copy.n; i++)
        if (at[i] >= 'A' && at[i] <= 'Z')
            at[i] = (char)(at[i] + 32);
    return copy;
}

char *arena_cstr(struct arena *arena, struct str s)
{
    char *copy = arena_alloc(arena, s.n + 1);
    if (s.n)
        memcpy(copy, s.p, s.n);
    copy[s.n] = 0;
    return copy;
}

struct str arena_str(struct arena *arena, struct str s)
{
    return s.p ? (struct str){arena_cstr(arena, s), s.n} : STR_NULL;
}

char *arena_vprintf(struct arena *arena, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    char small[256];
    int n = vsnprintf(small, sizeof small, format, args);
    size_t bytes = n > 0 ? (size_t)n : 0;
    char *text = arena_alloc(arena, bytes + 1);
    if (bytes < sizeof small)
        memcpy(text, small, bytes);
    else
        (void)vsnprintf(text, bytes + 1, format, again);
    text[bytes] = 0;
    va_end(again);
    return text;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = arena_vprintf(arena, format, args);
    va_end(args);
    return text;
}

struct str arena_strf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = arena_vprintf(arena, format, args);
    va_end(args);
    return str_from(text);
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}
