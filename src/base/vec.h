// SPDX-License-Identifier: Apache-2.0
// Growing arrays: VEC(type) declares one, zero-initialised is empty, vec_push grows it on the heap.
#pragma once

#include "base/mem.h"

#define VEC(type)                                                                                                      \
    struct {                                                                                                           \
        type *at;                                                                                                      \
        size_t n, cap;                                                                                                 \
    }

#define vec_reserve(v, more)                                                                                           \
    do {                                                                                                               \
        size_t need_ = (v)->n + (more);                                                                                \
        if (need_ > (v)->cap) {                                                                                        \
            (v)->cap = (v)->cap * 2 > need_ ? (v)->cap * 2 : (need_ < 8 ? 8 : need_);                                  \
            (v)->at = mem_realloc((v)->at, (v)->cap * sizeof *(v)->at);                                                \
        }                                                                                                              \
    } while (0)

#define vec_push(v, ...)                                                                                               \
    do {                                                                                                               \
        vec_reserve((v), 1);                                                                                           \
        (v)->at[(v)->n++] = (__typeof__(*(v)->at)){__VA_ARGS__};                                                       \
    } while (0)

#define vec_add(v, item) /* a value of the element's type */                                                           \
    do {                                                                                                               \
        vec_reserve((v), 1);                                                                                           \
        (v)->at[(v)->n++] = (item);                                                                                    \
    } while (0)

#define vec_done(v)                                                                                                    \
    do {                                                                                                               \
        free((v)->at);                                                                                                 \
        (v)->at = NULL;                                                                                                \
        (v)->n = (v)->cap = 0;                                                                                         \
    } while (0)

// Moves what was gathered into memory of the arena, one element's room behind it; the vector is empty then.
#define vec_give(v, arena, ret, ret_n)                                                                                 \
    do {                                                                                                               \
        *(ret) = arena_calloc((arena), (v)->n + 1, sizeof **(ret));                                                    \
        if ((v)->n)                                                                                                    \
            memcpy(*(ret), (v)->at, (v)->n * sizeof **(ret));                                                          \
        *(ret_n) = (v)->n;                                                                                             \
        vec_done(v);                                                                                                   \
    } while (0)
