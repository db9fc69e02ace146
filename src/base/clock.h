// SPDX-License-Identifier: Apache-2.0
// The one source of time. Test builds move it (clock_advance), so that no test sleeps through an expiry.
#pragma once

#include "base/str.h"

int64_t clock_mono_ms(void); // monotonic, for durations and deadlines
int64_t clock_mono_us(void);
int64_t clock_wall_ms(void); // Unix time in milliseconds, never moves backwards within the process
void clock_advance(int64_t ms); // adds to both clocks; tests only

#define CLOCK_RFC3339_SIZE 25
// "2026-03-02T09:15:04.120Z" and a NUL.
void clock_rfc3339(int64_t wall_ms, char out[CLOCK_RFC3339_SIZE]);
// RFC 3339 with or without fraction, any offset. False: not a time.
bool clock_parse(struct str text, int64_t *ret_wall_ms);
// RFC 9110 IMF-fixdate ("Sun, 06 Nov 1994 08:49:37 GMT") and a NUL.
#define CLOCK_HTTP_SIZE 30
void clock_http(int64_t wall_ms, char out[CLOCK_HTTP_SIZE]);
