// SPDX-License-Identifier: Apache-2.0
// Amounts of money: reading them (001-brands 12.3) and writing them (8.4). An amount is an int64_t in 1/10000 of a
// currency unit; currencies are names that are only written, never converted. Pure and thread-safe.
#pragma once

#include "base/buf.h"
#include "base/err.h"

#define MONEY_ONE ((int64_t)10000)
#define MONEY_MAX (1000000000000 * MONEY_ONE)

enum money_kind {
    MONEY_FREE_TEXT, // "Rp 899.000" and "899.000" are 899000
    MONEY_MACHINE,   // a bare "12.500" is 12.5, "12,500" is 12500; with a currency mark as in free text
};

// Reads a whole value that is nothing but one amount. Digits of any script; more than 4 decimals are rounded half up.
// ERR_INVALID: negative, over MONEY_MAX, more than one number, no number; *ret untouched.
int money_read(struct str text, enum money_kind kind, int64_t *ret, struct err *err);

// An amount found in running text, with everything that belongs to it. Offsets are bytes; start <= number <= end.
struct money_amount {
    int64_t value;     // with the multiplier applied: "1.5 jt" is 1500000
    int64_t number;    // without it
    int64_t factor;    // 1, 1000, 1000000 …
    size_t start, end; // currency mark, number, multiplier, currency mark
    size_t number_start, number_end;
    bool marked; // a currency mark or name stands before or after it
    bool unit;   // a unit follows ("16 GB", "15\"", "30 %"): not an amount of money
};

// Finds the next number at or after *pos and moves *pos behind it; false: none left. Numbers that are part of a word or
// code ("P5", "laptop-002", "1.2.3", dates) are passed over. Values over MONEY_MAX are passed over too.
bool money_next(struct str text, size_t *pos, struct money_amount *ret);

// `1,349.00 USD`: two decimals (rounded half up), comma as thousands mark; without a currency only the number.
void money_write(struct buf *out, int64_t amount, struct str currency);
// The number exactly as stored, for JSON: 1349.99, 389.5, 5. NUL-terminated.
#define MONEY_NUMBER_SIZE 28
void money_number(int64_t amount, char out[MONEY_NUMBER_SIZE]);
