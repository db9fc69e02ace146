// SPDX-License-Identifier: Apache-2.0
#include "engine/chunk.h"

#include "base/crypto.h"
#include "base/utf8.h"
#include "engine/sentence.h"

#include <stdio.h>

// Where to cut a text that is too long: behind the last paragraph, else sentence, else word, else code point that fits.
static size_t cut(struct str text, size_t most)
{
    struct str head = {text.p, most};
    for (size_t i = most; i > most / 2; i--)
        if (text.p[i - 1] == '\n' && i < most && text.p[i] == '\n')
            return i;
    size_t end = 0, next, close;
    while ((next = sentence_end(head, end, false, &close)) && close > end)
        end = close;
    if (end > most / 2)
        return end;
    for (size_t i = most; i > most / 2; i--)
        if (text.p[i - 1] == ' ' || text.p[i - 1] == '\n')
            return i;
    return most;
}

bool chunk_next(struct str text, size_t *pos, struct str *ret)
{
    while (*pos < text.n) {
        struct str rest = {text.p + *pos, text.n - *pos};
        // A form feed parts passages whatever their length (engine/passages.h).
        const char *feed = memchr(rest.p, '\f', rest.n);
        if (feed == rest.p) {
            ++*pos;
            continue;
        }
        if (feed)
            rest.n = (size_t)(feed - rest.p);
        size_t most = utf8_offset(rest, CHUNK_MOST);
        size_t n = most == rest.n ? rest.n : cut(rest, most);
        *pos += n;
        *ret = utf8_trim((struct str){rest.p, n});
        if (ret->n)
            return true;
    }
    return false;
}

int64_t chunk_count(struct str text)
{
    size_t pos = 0;
    struct str chunk;
    int64_t n = 0;
    while (chunk_next(text, &pos, &chunk))
        n++;
    return n;
}

// RFC 9562 version 8: bits of a hash.
void chunk_id(struct str document_id, uint32_t ordinal, char out[ID_SIZE])
{
    char name[128], hex[CRYPTO_HEX_SIZE];
    int n = snprintf(name, sizeof name, STR_FMT "/%u", STR_ARG(document_id), ordinal);
    crypto_sha256_hex((struct str){name, (size_t)n < sizeof name ? (size_t)n : sizeof name - 1}, hex);
    (void)snprintf(out, ID_SIZE, "%.8s-%.4s-8%.3s-a%.3s-%.12s", hex, hex + 8, hex + 12, hex + 15, hex + 18);
}
