// SPDX-License-Identifier: Apache-2.0
// Takes calls out of a text that are written into it: <tool_call>{"name":…,"arguments":…}</tool_call>, as models do
// whose server does not know their form. Text before a tag goes out at once; at most a few bytes of white space and the
// beginning of a tag are held back. What stands between the tags is never shown.
#pragma once

#include "llm/toolcall.h"

struct tooltext {
    void (*text)(void *arg, struct str text); // whole code points
    void (*call)(void *arg, const struct toolcall_piece *piece);
    void *arg;
    char hold[32];
    size_t n;     // held
    size_t blank; // of them white space before the tag
    bool inside, swallow;
    struct buf body;
};

void tooltext_init(struct tooltext *tooltext, void (*text)(void *, struct str),
                   void (*call)(void *, const struct toolcall_piece *), void *arg);
void tooltext_done(struct tooltext *tooltext);
void tooltext_feed(struct tooltext *tooltext, struct str text);
void tooltext_end(struct tooltext *tooltext); // a tag that was never closed counts where its call is whole
