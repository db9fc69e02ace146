// SPDX-License-Identifier: Apache-2.0
// A frame is a head (2 to 14 bytes, gathered) and a payload (unmasked where it lies, then appended to the message or to
// the control payload). Control frames have their own payload, so they may come between fragments.
#include "http/ws_codec.h"

#include "base/mem.h"

#include <stdlib.h>

#include <openssl/evp.h>

void ws_codec_init(struct ws_codec *codec, size_t max_message, bool accept_binary)
{
    *codec = (struct ws_codec){.message = BUF_INIT(max_message), .accept_binary = accept_binary};
}

void ws_codec_done(struct ws_codec *codec)
{
    buf_done(&codec->message);
    free(codec->control);
    codec->control = NULL;
    codec->control_n = 0;
}

static enum ws_event fail(struct ws_codec *codec, uint16_t code)
{
    codec->failed = true;
    codec->code = code;
    return WS_FAILED;
}

static size_t head_size(const struct ws_codec *codec)
{
    if (codec->head_n < 2)
        return 2;
    unsigned length = codec->head[1] & 0x7f;
    return 2 + (length == 126 ? 2 : length == 127 ? 8 : 0) + (codec->head[1] & 0x80 ? 4 : 0);
}

// What the first two bytes already decide.
static bool head_start_valid(const struct ws_codec *codec)
{
    unsigned opcode = codec->head[0] & 0x0f, length = codec->head[1] & 0x7f;
    bool fin = codec->head[0] & 0x80, control = opcode & 8;
    if ((codec->head[0] & 0x70) || !(codec->head[1] & 0x80))
        return false; // reserved bit, or not masked
    if (opcode > WS_OPCODE_PONG || (opcode > WS_OPCODE_BINARY && opcode < WS_OPCODE_CLOSE))
        return false;
    if (control)
        return fin && length <= WS_CONTROL_MAX;
    return (opcode == WS_OPCODE_CONTINUATION) == (codec->kind != 0);
}

// Takes the whole head over into the state; 0, or the code to fail with.
static uint16_t head_end(struct ws_codec *codec)
{
    const uint8_t *p = codec->head + 2;
    unsigned length = codec->head[1] & 0x7f;
    size_t wide = length == 126 ? 2 : length == 127 ? 8 : 0;
    uint64_t n = wide ? 0 : length;
    for (size_t i = 0; i < wide; i++)
        n = n << 8 | *p++;
    if ((wide == 2 && n < 126) || (wide == 8 && (n < 65536 || n >> 63)))
        return 1002; // not the shortest form
    memcpy(codec->mask, p, 4);
    codec->mask_at = 0;
    codec->fin = codec->head[0] & 0x80;
    codec->opcode = codec->head[0] & 0x0f;
    codec->left = n;
    codec->in_payload = true;
    codec->head_n = 0;
    codec->frames++;
    free(codec->control);
    codec->control = codec->opcode & 8 && n ? mem_alloc((size_t)n) : NULL;
    codec->control_n = 0;
    if (codec->opcode & 8)
        return 0;
    if (codec->opcode == WS_OPCODE_BINARY && !codec->accept_binary)
        return 1003;
    if (n > codec->message.max - codec->message.n)
        return 1009;
    if (codec->opcode != WS_OPCODE_CONTINUATION) {
        codec->kind = codec->opcode;
        codec->utf8 = (struct utf8_state){0};
    }
    return 0;
}

static void unmask(struct ws_codec *codec, uint8_t *bytes, size_t n)
{
    const uint8_t *mask = codec->mask;
    unsigned at = codec->mask_at;
    size_t i = 0;
    for (; i < n && at != 0; i++, at = (at + 1) & 3)
        bytes[i] ^= mask[at];
    uint64_t wide;
    memcpy(&wide, mask, 4);
    memcpy((uint8_t *)&wide + 4, mask, 4);
    for (; n - i >= 8; i += 8) {
        uint64_t word;
        memcpy(&word, bytes + i, 8);
        word ^= wide;
        memcpy(bytes + i, &word, 8);
    }
    for (; i < n; i++, at = (at + 1) & 3)
        bytes[i] ^= mask[at];
    codec->mask_at = (uint8_t)at;
}

static enum ws_event close_event(struct ws_codec *codec)
{
    struct utf8_state utf8 = {0};
    if (codec->control_n == 0) {
        codec->code = 1005;
        return WS_CLOSED;
    }
    unsigned code = codec->control_n >= 2 ? (unsigned)codec->control[0] << 8 | codec->control[1] : 0;
    if (!ws_close_code_valid(code))
        return fail(codec, 1002);
    if (!utf8_feed(&utf8, codec->control + 2, codec->control_n - 2u) || !utf8_finish(&utf8))
        return fail(codec, 1007);
    codec->code = (uint16_t)code;
    return WS_CLOSED;
}

static enum ws_event frame_end(struct ws_codec *codec)
{
    codec->in_payload = false;
    switch (codec->opcode) {
    case WS_OPCODE_CLOSE:
        return close_event(codec);
    case WS_OPCODE_PING:
        return WS_PING;
    case WS_OPCODE_PONG:
        return WS_PONG;
    default:
        break;
    }
    if (!codec->fin)
        return WS_MORE;
    bool text = codec->kind == WS_OPCODE_TEXT;
    codec->kind = 0;
    if (!text)
        return WS_BINARY;
    return utf8_finish(&codec->utf8) ? WS_TEXT : fail(codec, 1007);
}

// Takes n payload bytes (all of the frame under way). 0, or the code to fail with.
static uint16_t payload(struct ws_codec *codec, uint8_t *bytes, size_t n)
{
    unmask(codec, bytes, n);
    codec->left -= n;
    if (codec->opcode & 8) {
        memcpy(codec->control + codec->control_n, bytes, n);
        codec->control_n = (uint8_t)(codec->control_n + n);
        return 0;
    }
    if (codec->kind == WS_OPCODE_TEXT && !utf8_feed(&codec->utf8, bytes, n))
        return 1007;
    return buf_add(&codec->message, bytes, n) ? 0 : 1009;
}

enum ws_event ws_codec_read(struct ws_codec *codec, uint8_t *bytes, size_t n, size_t *ret_used)
{
    size_t at = 0;
    enum ws_event event = codec->failed ? WS_FAILED : WS_MORE;
    while (event == WS_MORE && at < n) {
        if (!codec->in_payload) {
            codec->head[codec->head_n++] = bytes[at++];
            if (codec->head_n == 2 && !head_start_valid(codec)) {
                event = fail(codec, 1002);
            } else if (codec->head_n == head_size(codec)) {
                uint16_t code = head_end(codec);
                event = code ? fail(codec, code) : codec->left == 0 ? frame_end(codec) : WS_MORE;
            }
            continue;
        }
        size_t take = n - at < codec->left ? n - at : (size_t)codec->left;
        uint16_t code = payload(codec, bytes + at, take);
        at += take;
        event = code ? fail(codec, code) : codec->left == 0 ? frame_end(codec) : WS_MORE;
    }
    *ret_used = at;
    return event;
}

char *ws_codec_take(struct ws_codec *codec, size_t *ret_n)
{
    size_t max = codec->message.max;
    buf_reserve(&codec->message, 0); // an empty message has memory too
    char *text = codec->message.p;
    *ret_n = codec->message.n;
    text[*ret_n] = '\0';
    codec->message = BUF_INIT(max);
    return text;
}

size_t ws_frame_head(uint8_t out[WS_HEAD_MAX], unsigned opcode, size_t n)
{
    out[0] = (uint8_t)(0x80 | opcode);
    size_t wide = n < 126 ? 0 : n < 65536 ? 2 : 8;
    out[1] = (uint8_t)(wide == 0 ? n : wide == 2 ? 126 : 127);
    for (size_t i = 0; i < wide; i++)
        out[2 + i] = (uint8_t)((uint64_t)n >> (8 * (wide - 1 - i)));
    return 2 + wide;
}

bool ws_frame_add(struct buf *out, unsigned opcode, struct str text)
{
    uint8_t head[WS_HEAD_MAX];
    size_t n = ws_frame_head(head, opcode, text.n);
    return buf_reserve(out, n + text.n) && buf_add(out, head, n) && buf_adds(out, text);
}

bool ws_frame_close(struct buf *out, uint16_t code, struct str reason)
{
    uint8_t bytes[WS_CONTROL_MAX] = {(uint8_t)(code >> 8), (uint8_t)code};
    if (code == 1005)
        return ws_frame_add(out, WS_OPCODE_CLOSE, (struct str){"", 0});
    if (reason.n > sizeof bytes - 2)
        reason.n = utf8_whole((struct str){reason.p, sizeof bytes - 2});
    if (reason.n)
        memcpy(bytes + 2, reason.p, reason.n);
    return ws_frame_add(out, WS_OPCODE_CLOSE, (struct str){(const char *)bytes, reason.n + 2});
}

bool ws_close_code_valid(unsigned code)
{
    return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
           (code >= 3000 && code <= 4999);
}

bool ws_accept_key(struct str key, char out[29])
{
    static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char raw[24], text[24 + sizeof magic], digest[EVP_MAX_MD_SIZE];
    unsigned n;
    key = str_trim(key);
    // 16 bytes are 22 characters and two of padding; the decoder would take blanks too.
    if (key.n != 24 || !str_ends(key, STR("==")) || key.p[21] == '=' || memchr(key.p, ' ', key.n))
        return false;
    if (EVP_DecodeBlock(raw, (const unsigned char *)key.p, 24) != 18)
        return false;
    memcpy(text, key.p, 24);
    memcpy(text + 24, magic, sizeof magic - 1);
    if (EVP_Digest(text, 24 + sizeof magic - 1, digest, &n, EVP_sha1(), NULL) != 1)
        return false;
    EVP_EncodeBlock((unsigned char *)out, digest, 20);
    return true;
}
