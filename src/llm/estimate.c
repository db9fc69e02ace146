// SPDX-License-Identifier: Apache-2.0
#include "llm/llm.h"

int64_t llm_estimate(struct str text)
{
    int64_t ascii = 0, others = 0;
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        ascii += c < 0x80;
        others += c >= 0xc0;
    }
    return (ascii + 3) / 4 + others;
}
