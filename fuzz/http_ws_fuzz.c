// SPDX-License-Identifier: Apache-2.0
// WebSocket frames from any bytes, whole and in pieces: the same messages, controls and close code both ways.
#include "fuzz.h"

#include "base/mem.h"
#include "http/ws_codec.h"

#include <stdlib.h>

static void events(const uint8_t *data, size_t size, size_t piece, bool binary, struct buf *log)
{
    struct ws_codec codec;
    ws_codec_init(&codec, 5000, binary);
    AUTO_FREE uint8_t *bytes = mem_alloc(size + 1);
    if (size)
        memcpy(bytes, data, size);
    for (size_t at = 0; at < size;) {
        size_t used = 0, n = size - at < piece ? size - at : piece;
        enum ws_event event = ws_codec_read(&codec, bytes + at, n, &used);
        if (used > n || (event == WS_MORE && used != n))
            abort();
        at += used;
        if (event == WS_MORE)
            continue;
        buf_addc(log, (char)('0' + event));
        if (event == WS_TEXT || event == WS_BINARY) {
            size_t length;
            AUTO_FREE char *text = ws_codec_take(&codec, &length);
            if (length > 5000 || (event == WS_TEXT && !utf8_valid((struct str){text, length})))
                abort();
            buf_add(log, text, length);
        } else if (event == WS_CLOSED || event == WS_FAILED) {
            buf_addf(log, "%u", codec.code);
            if (event == WS_FAILED && codec.code != 1002 && codec.code != 1003 && codec.code != 1007 &&
                codec.code != 1009)
                abort();
            break;
        } else {
            buf_add(log, codec.control, codec.control_n);
        }
    }
    ws_codec_done(&codec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    AUTO_BUF struct buf whole = BUF_INIT(1 << 20), pieces = BUF_INIT(1 << 20);
    events(data + 1, size - 1, size, data[0] & 1, &whole);
    events(data + 1, size - 1, 1 + data[0] % 13, data[0] & 1, &pieces);
    if (!str_eq(buf_str(&whole), buf_str(&pieces)))
        abort();
    char accept[29];
    (void)ws_accept_key((struct str){(const char *)data, size}, accept);
    AUTO_BUF struct buf out = BUF_INIT(1 << 20);
    (void)ws_frame_close(&out, 1000, (struct str){(const char *)data, size});
    return 0;
}
