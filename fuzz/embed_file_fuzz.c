// SPDX-License-Identifier: Apache-2.0
// Any bytes as the head of a model file, with room for the numbers behind it: refused, or its pieces cut a text into
// ids of its vocabulary. The first byte says how much of a good head stands before the rest of the input.
#include "fuzz.h"

#include "base/mem.h"
#include "embed/testing.h"
#include "embed/tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void read_texts(const struct weights *weights)
{
    static struct word word;
    uint32_t ids[TOKENS_MOST];
    size_t seen;
    struct pieces *pieces = pieces_new(weights);
    size_t n =
        tokens_read(weights, pieces, &word, STR("query: "), STR("the PARCEL กากก \xEF\xB7\xBA\x01\xFFz"), ids, &seen);
    for (size_t i = 0; i < n; i++)
        if (ids[i] >= weights->word.rows)
            __builtin_trap();
    pieces_free(pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct buf good;
    if (!good.p) {
        good = BUF_INIT(1 << 20);
        testing_head(&good);
    }
    if (size < 4 || size > good.n)
        return 0;
    // A good head with the input written over it at some place, or cut there.
    struct buf head = BUF_INIT(1 << 20);
    size_t at = load_u32(data) % good.n, n = size - 4;
    bool cut = load_u32(data) >> 31;
    (void)buf_add(&head, good.p, good.n);
    if (n > good.n - at)
        n = good.n - at;
    memcpy(head.p + at, data + 4, n);
    int fd = memfd_create("model", MFD_CLOEXEC);
    char path[64];
    struct weights weights;
    struct err err;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (fd < 0 || write(fd, head.p, cut ? at : head.n) < 0 ||
        (!cut && ftruncate(fd, (off_t)(head.n + TESTING_NUMBERS))))
        abort();
    int rc = weights_open(path, &weights, &err);
    if (rc == 0) {
        read_texts(&weights);
        weights_done(&weights);
    } else if (rc != ERR_FORMAT || err.text[0] == '\0') {
        __builtin_trap();
    }
    close(fd);
    buf_done(&head);
    return 0;
}
