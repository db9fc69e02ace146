// SPDX-License-Identifier: Apache-2.0
// Two readers of bodies. First byte even: the rest is a chunked body, whole and in pieces. Odd: it is a form with the
// boundary "b", whole and in pieces; both ways must give the same parts.
#include "fuzz.h"

#include "base/buf.h"
#include "base/mem.h"
#include "http/head.h"
#include "http/multipart.h"

#include <stdlib.h>

static bool on_body(void *arg, const char *bytes, size_t n)
{
    return buf_add(arg, bytes, n);
}

// Appends the body, then '.' when it ended and '!' when it was refused.
static void chunked(const char *bytes, size_t n, size_t piece, struct buf *log)
{
    static const char start[] = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    struct head *head = head_new(1000, 10);
    size_t at = 0, used;
    head->body = on_body;
    head->body_arg = log;
    if (head_feed(head, start, sizeof start - 1, &used) != HEAD_DONE)
        abort();
    while (at < n) {
        enum head_event event = head_feed(head, bytes + at, n - at < piece ? n - at : piece, &used);
        at += used;
        if (event == HEAD_END || event == HEAD_BAD) {
            buf_addc(log, event == HEAD_END ? '.' : '!');
            break;
        }
    }
    head_free(head);
}

static void form(const char *bytes, size_t n, size_t piece, struct buf *log)
{
    struct multipart *m;
    struct err err = {0};
    if (multipart_new(STR("multipart/form-data; boundary=b"), "/tmp", 100000, &m, &err) != 0)
        abort();
    int rc = 0;
    for (size_t at = 0; rc == 0 && at < n; at += piece)
        rc = multipart_feed(m, bytes + at, n - at < piece ? n - at : piece, &err);
    if (rc == 0)
        rc = multipart_finish(m, &err);
    buf_addf(log, "%d:", rc);
    for (size_t i = 0; rc == 0 && i < multipart_count(m); i++) {
        const struct multipart_part *part = multipart_at(m, i);
        buf_adds(log, part->name);
        buf_adds(log, part->filename);
        buf_adds(log, part->value);
        buf_addf(log, "%llu;", (unsigned long long)part->size);
    }
    multipart_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const char *bytes = (const char *)data + 2;
    size_t n = size - 2, piece = 1 + data[1] % 9;
    AUTO_BUF struct buf whole = BUF_INIT(1 << 20), pieces = BUF_INIT(1 << 20);
    void (*reader)(const char *, size_t, size_t, struct buf *) = data[0] & 1 ? form : chunked;
    reader(bytes, n, n + 1, &whole);
    reader(bytes, n, piece, &pieces);
    if (!str_eq(buf_str(&whole), buf_str(&pieces)))
        abort();
    // The boundary's own reader.
    struct multipart *m = NULL;
    struct err err = {0};
    if (multipart_new((struct str){bytes, n}, "/tmp", 10, &m, &err) == 0)
        multipart_free(m);
    return 0;
}
