// SPDX-License-Identifier: Apache-2.0
// Small rules on texts that several resources share.
#pragma once

#include "base/arena.h"

// http:// or https:// with a host, without spaces or controls.
bool text_is_web_url(struct str text);
#define WEB_URL_PATTERN                                                                                                \
    "^https?://[^/?#\\s\"<>\\\\^`{|}\\u0000-\\u0020\\u007f][^\\s\"<>\\\\^`{|}\\u0000-\\u0020\\u007f]*$"
// Lower case, compatibility-normalised, accents dropped (for ids and comparisons).
struct str text_fold_plain(struct arena *arena, struct str text);
// NFKC, case-folded: how names and e-mails are compared.
struct str text_fold_case(struct arena *arena, struct str text);
