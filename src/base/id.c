// SPDX-License-Identifier: Apache-2.0
#include "base/id.h"

#include "base/clock.h"
#include "base/crypto.h"

#include <stdatomic.h>

const char ID_ALNUM[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const char ID_LOWER_ALNUM[] = "abcdefghijklmnopqrstuvwxyz0123456789";
const char ID_HEX[] = "0123456789abcdef";
const char ID_BASE64URL[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void format(const uint8_t b[16], char out[ID_SIZE])
{
    size_t at = 0;
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out[at++] = '-';
        out[at++] = ID_HEX[b[i] >> 4];
        out[at++] = ID_HEX[b[i] & 15];
    }
    out[at] = 0;
}

void id_v4(char out[ID_SIZE])
{
    uint8_t b[16];
    crypto_random(b, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0F) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3F) | 0x80);
    format(b, out);
}

// RFC 9562 6.2, method 3: 12 bits of sub-millisecond count behind the time keep the order within a millisecond.
void id_v7(char out[ID_SIZE])
{
    static _Atomic uint64_t last;
    uint64_t now = (uint64_t)clock_wall_ms() << 12, before = atomic_load(&last), mine;
    do
        mine = now > before ? now : before + 1;
    while (!atomic_compare_exchange_weak(&last, &before, mine));
    uint8_t b[16];
    crypto_random(b + 8, 8);
    uint64_t ms = mine >> 12;
    for (size_t i = 0; i < 6; i++)
        b[i] = (uint8_t)(ms >> (8 * (5 - i)));
    b[6] = (uint8_t)(0x70 | (mine >> 8 & 0x0F));
    b[7] = (uint8_t)mine;
    b[8] = (uint8_t)((b[8] & 0x3F) | 0x80);
    format(b, out);
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 32);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool id_valid(struct str text)
{
    if (text.n != ID_SIZE - 1)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text.p[i] != '-' : hex(text.p[i]) < 0)
            return false;
    }
    return true;
}

int64_t id_v7_ms(struct str id)
{
    if (!id_valid(id) || id.p[14] != '7')
        return -1;
    int64_t ms = 0;
    for (size_t i = 0; i < 13; i++)
        if (i != 8)
            ms = ms << 4 | hex(id.p[i]);
    return ms;
}

// Rejection keeps every character equally likely.
void id_random(char *out, size_t n, const char *alphabet)
{
    size_t size = strlen(alphabet), limit = 256 - 256 % size, made = 0;
    uint8_t bytes[64];
    while (made < n) {
        crypto_random(bytes, sizeof bytes);
        for (size_t i = 0; i < sizeof bytes && made < n; i++)
            if (bytes[i] < limit)
                out[made++] = alphabet[bytes[i] % size];
    }
    out[n] = 0;
}
