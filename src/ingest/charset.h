// SPDX-License-Identifier: Apache-2.0
// Text of any encoding as UTF-8, and as lines. The encoding is found by a mark at the start, by being valid UTF-8 from
// end to end, by what the file declares of itself, then by its bytes: Thai (Windows-874) by its runs of high bytes,
// Japanese, Chinese and Korean by ICU's detector where that is sure, Windows-1252 for what is left.
#pragma once

#include "base/buf.h"
#include "ingest/source.h"

#include <unicode/ucnv.h>

enum { LINE_MOST = 1 << 20, DECODE_PIECE = 64 << 10 };

// Reads the file once from its start. `declared`: a name that the file gives itself; STR_NULL: none.
const char *charset_of(struct source *source, struct str declared);

struct decoder {
    struct source *source;
    UConverter *from, *to; // NULL: bytes are UTF-8 already
    UChar pivot[1024], *pivot_from, *pivot_to;
    char raw[DECODE_PIECE];
    size_t kept; // bytes of a UTF-8 sequence that goes on
    bool ended, begun;
};
// From the start of the source. ERR_FORMAT: no such encoding.
int decoder_init(struct decoder *decoder, struct source *source, const char *charset);
void decoder_done(struct decoder *decoder);
// Appends the next piece. 1, 0 at the end, ERR_IO.
int decoder_next(struct decoder *decoder, struct buf *out);

struct lines {
    struct decoder decoder;
    struct buf text;
    size_t pos;
    int64_t line; // of the one given last, from 1
    bool ended;
};
int lines_init(struct lines *lines, struct source *source, const char *charset);
void lines_done(struct lines *lines);
// 1: *ret without its end, valid until the next call; 0; ERR_IO. A line over LINE_MOST comes in pieces.
int lines_next(struct lines *lines, struct str *ret);
