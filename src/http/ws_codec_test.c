// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"

#include "base/mem.h"
#include "http/ws_codec.h"

#include <stdlib.h>

// Appends a client's frame (masked with a fixed key).
static void add_frame(struct buf *out, unsigned first, const void *payload, size_t n)
{
    static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    buf_addc(out, (char)first);
    if (n < 126) {
        buf_addc(out, (char)(0x80 | n));
    } else if (n < 65536) {
        buf_addc(out, (char)(0x80 | 126));
        buf_addc(out, (char)(n >> 8));
        buf_addc(out, (char)n);
    } else {
        buf_addc(out, (char)(0x80 | 127));
        for (int i = 7; i >= 0; i--)
            buf_addc(out, (char)((uint64_t)n >> (8 * i)));
    }
    buf_add(out, mask, 4);
    for (size_t i = 0; i < n; i++)
        buf_addc(out, (char)(((const uint8_t *)payload)[i] ^ mask[i & 3]));
}

static void add_text(struct buf *out, unsigned first, const char *text)
{
    add_frame(out, first, text, strlen(text));
}

// Feeds all bytes in pieces and writes the events as a line: T(text) B(n) I(ping) O(pong) C<code> F<code>.
static void events(const struct buf *in, size_t piece, size_t max, bool binary, struct buf *log)
{
    struct ws_codec codec;
    ws_codec_init(&codec, max, binary);
    AUTO_FREE char *bytes = mem_alloc(in->n + 1);
    memcpy(bytes, in->p, in->n);
    size_t at = 0;
    bool over = false;
    while (at < in->n && !over) {
        size_t used = 0, n = in->n - at < piece ? in->n - at : piece;
        enum ws_event event = ws_codec_read(&codec, (uint8_t *)bytes + at, n, &used);
        assert_true(used <= n);
        assert_true(event != WS_MORE || used == n);
        at += used;
        if (event == WS_TEXT || event == WS_BINARY) {
            size_t size;
            AUTO_FREE char *text = ws_codec_take(&codec, &size);
            if (size < 40)
                buf_addf(log, "%c(%.*s)", event == WS_TEXT ? 'T' : 'B', (int)size, text);
            else
                buf_addf(log, "%c<%zu>", event == WS_TEXT ? 'T' : 'B', size);
        } else if (event == WS_PING || event == WS_PONG) {
            buf_addf(log, "%c(%.*s)", event == WS_PING ? 'I' : 'O', codec.control_n, (char *)codec.control);
        } else if (event == WS_CLOSED || event == WS_FAILED) {
            buf_addf(log, "%c%u", event == WS_CLOSED ? 'C' : 'F', codec.code);
            over = true;
        }
    }
    ws_codec_done(&codec);
}

static void expect(const struct buf *in, size_t max, bool binary, const char *wanted)
{
    static const size_t pieces[] = {1, 2, 3, 7, 4096, 1 << 20};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        AUTO_BUF struct buf log = BUF_INIT(65536);
        buf_addz(&log, "");
        events(in, pieces[i], max, binary, &log);
        assert_string_equal(log.p, wanted);
    }
}

TEST(ws_codec_joins_fragments_around_control_frames)
{
    AUTO_BUF struct buf in = BUF_INIT(1 << 20);
    add_text(&in, 0x01, "Hel");
    add_text(&in, 0x89, "now");
    add_text(&in, 0x00, "");
    add_text(&in, 0x8a, "");
    add_text(&in, 0x80, "lo");
    add_text(&in, 0x81, "");
    add_text(&in, 0x88, "\x03\xe8gone");
    expect(&in, 100, false, "I(now)O()T(Hello)T()C1000");
}

TEST(ws_codec_checks_utf8_over_fragments)
{
    AUTO_BUF struct buf in = BUF_INIT(1 << 20);
    add_text(&in, 0x01, "\xe2\x82"); // a euro sign in two frames
    add_text(&in, 0x80, "\xac");
    expect(&in, 100, false, "T(\xe2\x82\xac)");
    add_text(&in, 0x81, "\xe2\x82");
    expect(&in, 100, false, "T(\xe2\x82\xac)F1007");
    buf_clear(&in);
    add_text(&in, 0x81, "\xff\xfe"); // 001-brands#24
    expect(&in, 100, false, "F1007");
    buf_clear(&in);
    add_text(&in, 0x01, "a\xed\xa0\x80"); // a surrogate fails before the message ends
    expect(&in, 100, false, "F1007");
}

TEST(ws_codec_refuses_what_breaks_the_protocol)
{
    struct {
        const char *bytes;
        size_t n;
        const char *wanted;
    } rows[] = {
        {"\x81\x03"
         "abc",
         5, "F1002"},             // not masked
        {"\xc1\x80", 2, "F1002"}, // reserved bit
        {"\x83\x80", 2, "F1002"}, // reserved opcode
        {"\x8b\x80", 2, "F1002"},
        {"\x09\x80", 2, "F1002"},             // control frame in fragments
        {"\x89\xfe", 2, "F1002"},             // control frame over 125 bytes
        {"\x80\x80", 2, "F1002"},             // continuation of nothing
        {"\x81\xfe\x00\x05....", 8, "F1002"}, // length not in its shortest form
        {"\x81\xff\x80\0\0\0\0\0\0\0....", 14, "F1002"},
        {"\x01\x81....x\x81\x80", 9, "F1002"}, // a new message within a message
        {"\x82\x80....", 6, "F1003"},          // binary
        {"\x81\xfe\x00\x7f....", 8, "F1009"},  // larger than 100, told by the head alone
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf in = BUF_INIT(100);
        buf_add(&in, rows[i].bytes, rows[i].n);
        expect(&in, 100, false, rows[i].wanted);
        buf_done(&in);
    }
}

TEST(ws_codec_bounds_the_joined_message)
{
    AUTO_BUF struct buf in = BUF_INIT(1 << 20);
    AUTO_FREE char *text = mem_alloc(65537);
    memset(text, 'x', 65537);
    add_frame(&in, 0x81, text, 65536);
    expect(&in, 65536, false, "T<65536>");
    buf_clear(&in);
    add_frame(&in, 0x81, text, 65537); // 001-brands#24
    expect(&in, 65536, false, "F1009");
    buf_clear(&in);
    add_frame(&in, 0x01, text, 65530);
    add_frame(&in, 0x80, text, 7);
    expect(&in, 65536, false, "F1009");
}

TEST(ws_codec_passes_binary_where_it_is_taken)
{
    AUTO_BUF struct buf in = BUF_INIT(1000);
    add_text(&in, 0x82, "\xff\xfe");
    expect(&in, 100, true, "B(\xff\xfe)");
}

TEST(ws_codec_checks_close_frames)
{
    struct {
        const char *payload;
        size_t n;
        const char *wanted;
    } rows[] = {
        {"", 0, "C1005"},
        {"\x03", 1, "F1002"},
        {"\x03\xe7", 2, "F1002"}, // 999
        {"\x03\xe8", 2, "C1000"},
        {"\x03\xec", 2, "F1002"}, // 1004
        {"\x03\xed", 2, "F1002"},
        {"\x03\xee", 2, "F1002"},
        {"\x03\xf7", 2, "F1002"}, // 1015
        {"\x0b\xb8", 2, "C3000"},
        {"\x13\x87", 2, "C4999"},
        {"\x13\x88", 2, "F1002"}, // 5000
        {"\x03\xe8\xff", 3, "F1007"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf in = BUF_INIT(100);
        add_frame(&in, 0x88, rows[i].payload, rows[i].n);
        expect(&in, 100, false, rows[i].wanted);
        buf_done(&in);
    }
}

TEST(ws_codec_writes_frames)
{
    AUTO_BUF struct buf out = BUF_INIT(1 << 20);
    ws_frame_add(&out, WS_OPCODE_TEXT, STR("Hi"));
    assert_str(buf_str(&out), "\x81\x02Hi");
    uint8_t head[WS_HEAD_MAX];
    assert_int_equal(ws_frame_head(head, WS_OPCODE_TEXT, 125), 2);
    assert_int_equal(ws_frame_head(head, WS_OPCODE_TEXT, 126), 4);
    assert_memory_equal(head, "\x81\x7e\x00\x7e", 4);
    assert_int_equal(ws_frame_head(head, WS_OPCODE_BINARY, 65536), 10);
    assert_memory_equal(head, "\x82\x7f\0\0\0\0\0\1\0\0", 10);
    buf_clear(&out);
    ws_frame_close(&out, 4408, STR("idle"));
    assert_str(buf_str(&out), "\x88\x06\x11\x38idle");
    buf_clear(&out);
    ws_frame_close(&out, 1005, STR_NULL);
    assert_str(buf_str(&out), "\x88\x00");
    buf_clear(&out);
    char reason[126]; // 123 bytes fit; the two-byte letter at 122 does not
    memset(reason, 'a', sizeof reason);
    memcpy(reason + 122, "\xc3\xa9", 2);
    ws_frame_close(&out, 1000, (struct str){reason, 126});
    assert_int_equal(out.n, 2 + 2 + 122);
}

TEST(ws_codec_answers_the_key)
{
    char accept[29];
    assert_true(ws_accept_key(STR("dGhlIHNhbXBsZSBub25jZQ=="), accept)); // RFC 6455 1.3
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_false(ws_accept_key(STR_NULL, accept));
    assert_false(ws_accept_key(STR(""), accept));
    assert_false(ws_accept_key(STR("dGhlIHNhbXBsZSBub25jZQ"), accept));
    assert_false(ws_accept_key(STR("dGhlIHNhbXBsZSBub25jZ==="), accept));
    assert_false(ws_accept_key(STR("dGhlIHNhbXBsZSBub2*jZQ=="), accept));
    assert_false(ws_accept_key(STR("dGhlIHNhbXBsZSBub25jZQAA"), accept));
}
