// SPDX-License-Identifier: Apache-2.0
// Memory with one lifetime: everything allocated from an arena is freed with it. A request, a job and an index
// generation each own one. Not thread-safe: an arena belongs to one thread at a time.
#pragma once

#include "base/mem.h"
#include "base/str.h"

#include <stdarg.h>

struct arena;

struct arena *arena_new(size_t first_block); // 0 = 4 KiB; blocks double up to 1 MiB
void arena_free(struct arena *arena); // NULL is fine
void arena_free_slot(struct arena **arena);
#define AUTO_ARENA MEM_CLEANUP(arena_free_slot)

void *arena_alloc(struct arena *arena, size_t size) __attribute__((returns_nonnull)); // 16-byte aligned, not zeroed
void *arena_zalloc(struct arena *arena, size_t size) __attribute__((returns_nonnull));
void *arena_calloc(struct arena *arena, size_t count, size_t size) __attribute__((returns_nonnull));
// Copies are NUL-terminated behind their last byte. A null str gives a null str.
struct str arena_str(struct arena *arena, struct str s);
struct str arena_lower(struct arena *arena, struct str s); // a copy with A-Z in lower case
char *arena_cstr(struct arena *arena, struct str s) __attribute__((returns_nonnull));
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3), returns_nonnull));
struct str arena_strf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *arena, const char *format, va_list args)
    __attribute__((format(printf, 2, 0), returns_nonnull));
// Bytes handed out so far.
size_t arena_used(const struct arena *arena);
#define ARENA_NEW(arena, type) ((type *)arena_zalloc((arena), sizeof(type)))
