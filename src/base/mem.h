// SPDX-License-Identifier: Apache-2.0
// Heap allocation that cannot fail: out of memory ends the process in one place (mem.c). The *size* of what is
// allocated must already have been bounded by the caller; nothing here checks input.
#pragma once

#include <stddef.h>

#define MEM_CLEANUP(fn) __attribute__((cleanup(fn)))

void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *mem_zalloc(size_t size) __attribute__((malloc, returns_nonnull)); // zeroed
void *mem_calloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull)); // zeroed, overflow-checked
void *mem_realloc(void *old, size_t size) __attribute__((returns_nonnull));
char *mem_strdup(const char *text) __attribute__((malloc, returns_nonnull));
char *mem_strndup(const char *text, size_t bytes) __attribute__((malloc, returns_nonnull));

// Frees what the pointer at `slot` points to; for MEM_CLEANUP.
void mem_free_slot(void *slot);
#define AUTO_FREE MEM_CLEANUP(mem_free_slot)
