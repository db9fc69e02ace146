// SPDX-License-Identifier: Apache-2.0
// Identifiers and random tokens (RFC 9562). All randomness is libsodium's. Thread-safe.
#pragma once

#include "base/arena.h"

#define ID_SIZE 37 // 36 characters and a NUL

void id_v7(char out[ID_SIZE]); // for rows: sorted by time, monotonic within the process
void id_v4(char out[ID_SIZE]); // where the id itself grants access
bool id_valid(struct str text); // any UUID in the 8-4-4-4-12 form, either case
#define ID_PATTERN "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"
int64_t id_v7_ms(struct str id); // Unix ms of a version 7 id; -1 for others
// `n` random characters of the alphabet (n <= 256), NUL-terminated: out has n + 1 bytes.
void id_random(char *out, size_t n, const char *alphabet);
extern const char ID_ALNUM[]; // A-Z a-z 0-9
extern const char ID_LOWER_ALNUM[]; // a-z 0-9
extern const char ID_HEX[];
extern const char ID_BASE64URL[];
