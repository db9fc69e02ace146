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
// `%text%` for LIKE … ESCAPE '!' over folded texts; STR_NULL for STR_NULL.
struct str text_like_pattern(struct arena *arena, struct str text);
bool text_is_language(struct str text); // the form of a BCP 47 tag: "pt-BR"
#define LANGUAGE_PATTERN "^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$"
// Words of a name joined by `glue` for an id or slug: folded plainly, runs of anything but a-z 0-9 become one glue,
// none at the ends. Writes at most size - 1 characters and a NUL; returns how many.
size_t text_slug(struct str name, char glue, char *out, size_t size);
