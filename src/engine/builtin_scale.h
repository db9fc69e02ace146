// SPDX-License-Identifier: Apache-2.0
// Which cosines of the built-in model count as unrelated and as the same.
#pragma once

#include <stddef.h>

// `centre`: the mean of the `n` vectors that are searched; NULL, 0: not known.
void scale_of(const float *question, const float *centre, size_t n, float *ret_floor, float *ret_full);
