// SPDX-License-Identifier: Apache-2.0
// The mean of the vectors that an index was made of: what is near it is near everything there, whatever it says.
// Thread-safe. A vector that is read again counts again, which moves a mean little.
#pragma once

#include "base/arena.h"

struct centre;

struct centre *centre_new(void);
void centre_free(struct centre *centre);
void centre_add(struct centre *centre, const float *vector,
                size_t dims); // of other dimensions than the first: left out
// The mean in the arena and of how many; NULL, 0: there are none.
const float *centre_mean(struct centre *centre, struct arena *arena, size_t dims, size_t *ret_n);
