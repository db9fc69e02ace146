// SPDX-License-Identifier: Apache-2.0
// Working memory of a query, kept by the thread between queries: a query's accumulators are a few hundred KB, and
// fetching fresh pages for them would cost more than the search.
#pragma once

#include <stddef.h>

struct scratch;

struct scratch *scratch_take(void);         // this thread's, or a fresh one while a query of this thread runs
void scratch_give(struct scratch *scratch); // what it handed out is void; keeps at most 8 MiB
// 64-byte aligned, not zeroed.
void *scratch_alloc(struct scratch *scratch, size_t bytes);
