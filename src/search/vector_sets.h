// SPDX-License-Identifier: Apache-2.0
// Sets of kernels, inside the search room.
#pragma once

#include "search/vector.h"

extern const struct vector_kernels vector_scalar;
#if defined(__x86_64__)
extern const struct vector_kernels vector_avx2, vector_avx512;
#endif
// Compares a set with the scalar one on generated vectors of every length that matters.
bool vector_check(const struct vector_kernels *kernels);
