// SPDX-License-Identifier: Apache-2.0
// What parley-read may do, and what the one program that it starts may do.
#pragma once

#include <stdbool.h>

enum { CONFINE_MEMORY = 512 << 20, CONFINE_SECONDS = 60 };

// Limits that hold for this process and what it starts: memory, processor time, no file may grow, no core. Dies with
// its parent.
int confine_limits(void);
// Only what a program needs that computes: read, write and seek what is open, memory, the clock, waiting for a child,
// ending. Opening and asking for files fails, everything else ends the process.
int confine_strictly(void);
// For a program that is to be started: it may open files to read them, but has no network, starts no other program
// after itself, and touches no other process.
int confine_started(void);
