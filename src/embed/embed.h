// SPDX-License-Identifier: Apache-2.0
// The built-in embedder: multilingual-e5-small at 4 bit, from a file that is mapped read-only. It makes vectors of
// length 1 without a network, so that search knows meanings where no provider makes embeddings. No threads and no locks
// during work: any number of threads may use one model at once, each with a scratch of its own. How it works:
// docs/internals/embed.md.
//
//   file.c      what the file holds, proven before anything of it is used
//   tokens.c    text → ids: the file's normalising map and unigram pieces
//   forward.c   ids → vectors: the pass through the layers
//   kernel*.c   its inner loops, by CPU feature
//   guard.c     a file that is cut while it is read
#pragma once

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define EMBED_DIMS 384
#define EMBED_WINDOW 512 // tokens that the model sees at once, its two marks and the prefix included
#define EMBED_NAME_SIZE 64

struct embed_model;
struct embed_scratch;

enum embed_kind { EMBED_QUERY, EMBED_PASSAGE };

// Maps the file and proves every offset, length, piece and tensor of it; about 2 ms and no memory to speak of.
// ERR_NOT_FOUND, ERR_IO; ERR_FORMAT: `err` says what is wrong.
int embed_open(const char *path, struct embed_model **ret, struct err *err);
void embed_free(struct embed_model *model); // NULL is fine

// Names the model for the key of stored vectors. Files that this version knows have a plain name; any other has a
// digest of its head in it, and is not `known`: proven to be a model of this kind, but nobody has tried it.
const char *embed_name(const struct embed_model *model);
bool embed_known(const struct embed_model *model);
// The file was cut or written in place since it was opened: it makes no vectors any more, in no call and for ever. One
// that was replaced by rename goes on as it was.
bool embed_changed(struct embed_model *model);
// Gives back what use has built and read in (2 MiB, and up to the file's size); the next text pays 15 ms for it, and
// reads what the system's cache has lost. Nobody may be embedding meanwhile.
void embed_rest(struct embed_model *model);

// Working memory of one caller: grows with the longest pass to at most about 4.5 MiB, and is kept between calls.
struct embed_scratch *embed_scratch_new(void);
void embed_scratch_free(struct embed_scratch *scratch); // NULL is fine

// How many bytes of the text the model sees at once, at most all: what is behind is another window, to be embedded as a
// text of its own. Never 0 for a text that is not empty.
size_t embed_window(struct embed_model *model, struct embed_scratch *scratch, enum embed_kind kind, struct str text);

// ret[i * EMBED_DIMS …]: the vector of texts[i], any bytes (what is no UTF-8 counts as spaces; an empty text has a
// vector too), cut to its first window. Short texts share a pass. One pass of 512 tokens is the longest piece of work;
// where `stop` (may be NULL) turns true it ends before the next pass with ERR_CANCELLED. ERR_FORMAT: the file's numbers
// make none. ERR_IO: embed_changed, also within the call.
int embed_vectors(struct embed_model *model, struct embed_scratch *scratch, enum embed_kind kind,
                  const struct str *texts, size_t n, const _Atomic bool *stop, float *ret, struct err *err);
