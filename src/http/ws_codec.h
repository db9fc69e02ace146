// SPDX-License-Identifier: Apache-2.0
// RFC 6455 frames without sockets: the server's side of a connection. Reading is incremental and fails as early as the
// bytes tell: a message that is too large at its frame's head, invalid UTF-8 at its first bad byte.
#pragma once

#include "base/buf.h"
#include "base/utf8.h"

enum ws_event {
    WS_MORE,   // all bytes used, nothing whole yet
    WS_TEXT,   // `message` is whole and valid UTF-8
    WS_BINARY, // `message` is whole
    WS_PING,   // `control` is its payload
    WS_PONG,
    WS_CLOSED, // `code` (1005 without one)
    WS_FAILED, // `code` is the close code to fail with: 1002 1003 1007 1009. Nothing more is read
};

enum { WS_OPCODE_CONTINUATION, WS_OPCODE_TEXT, WS_OPCODE_BINARY, WS_OPCODE_CLOSE = 8, WS_OPCODE_PING, WS_OPCODE_PONG };
enum { WS_CONTROL_MAX = 125, WS_HEAD_MAX = 10 };

struct ws_codec {
    struct buf message; // fragments joined; take its memory with ws_codec_take
    uint8_t *control;   // payload of a control frame, until the next frame; NULL when empty
    uint64_t left;      // payload bytes of the frame under way
    struct utf8_state utf8;
    uint32_t frames; // frame heads read so far, modulo 2^32
    uint16_t code;
    uint8_t head[14], head_n;
    uint8_t control_n;
    uint8_t mask[4], mask_at;
    uint8_t opcode; // of the frame under way
    uint8_t kind;   // opcode of the message under way, 0 = none
    bool in_payload, fin, accept_binary, failed;
};

void ws_codec_init(struct ws_codec *codec, size_t max_message, bool accept_binary);
void ws_codec_done(struct ws_codec *codec);
// Uses bytes up to the next event; `bytes` is changed (unmasked in place). *ret_used says how many were used.
enum ws_event ws_codec_read(struct ws_codec *codec, uint8_t *bytes, size_t n, size_t *ret_used);
// After WS_TEXT or WS_BINARY: the message's memory (NUL-terminated, free() it) and length; the codec begins anew.
char *ws_codec_take(struct ws_codec *codec, size_t *ret_n);

// Head of a whole, unmasked frame of n payload bytes; returns its length (<= WS_HEAD_MAX).
size_t ws_frame_head(uint8_t out[WS_HEAD_MAX], unsigned opcode, size_t n);
bool ws_frame_add(struct buf *out, unsigned opcode, struct str payload);
// A close frame; code 1005 gives one without payload. The reason is cut to 123 bytes at a code point.
bool ws_frame_close(struct buf *out, uint16_t code, struct str reason);
bool ws_close_code_valid(unsigned code); // may stand in a close frame

// Sec-WebSocket-Accept for a Sec-WebSocket-Key; false when the key is not 16 bytes in Base64.
bool ws_accept_key(struct str key, char out[29]);
