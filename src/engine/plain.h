// SPDX-License-Identifier: Apache-2.0
// Markdown and the like made plain for speaking, in one pass. Private to voice.c.
#pragma once

#include "base/buf.h"

// Appends the plain form of `raw` to `out`, line breaks as single '\n'. Without `final` it stops where what follows
// could still change the output: everything appended then stands for any continuation of `raw`.
void plain_make(struct str raw, bool final, struct buf *out);
