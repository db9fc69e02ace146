// SPDX-License-Identifier: Apache-2.0
// Mapped files that somebody cuts short while they are read. The kernel answers such a read with SIGBUS, which ends a
// process; here the whole mapping becomes zeros instead, so that the read goes on, and who reads asks afterwards.
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

// Watches a mapping of `size` bytes until guard_done, with a handler of the process for SIGBUS that then stays;
// faults elsewhere are what they were before. Returns its number, or -1: GUARDED_MOST are watched already.
enum { GUARDED_MOST = 16 };
int guard_new(void *base, size_t size);
void guard_done(int number); // before it is unmapped; -1 is fine
// It was cut while it was read, and has been zeros since.
bool guard_cut(int number);
// Around all reading: a thread may have been made with SIGBUS blocked, and then no handler is asked.
void guard_enter(sigset_t *ret_mask);
void guard_leave(const sigset_t *mask);
