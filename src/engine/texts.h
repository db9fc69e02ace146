// SPDX-License-Identifier: Apache-2.0
// The engine's fixed texts by language: one table (texts.c). Built in for en, pt-BR, th, ja, zh, id, de, es, fr and ar;
// other languages get English. The strings are static.
#pragma once

#include "base/buf.h"

enum text_key {
    TEXT_WELCOME, // the keys of 004-locale-chat 2, in its order
    TEXT_RATE_LIMITED,
    TEXT_BAD_REQUEST,
    TEXT_BAD_LOCALE,
    TEXT_NOT_FOUND,
    TEXT_FORBIDDEN,
    TEXT_TOO_LARGE,
    TEXT_UNAVAILABLE,
    TEXT_INTERRUPTED,
    TEXT_NO_ANSWER,
    TEXT_THANKS,
    TEXT_REFUSAL, // the engine's own from here: moderated messages
    TEXT_LEAD_IN, // From our documents:
    TEXT_IN_STOCK,
    TEXT_OUT_OF_STOCK,
    TEXT_CURRENT_PRICE,   // Current price of {0}: {1}.
    TEXT_COSTS,           // {0} costs {1}.
    TEXT_MATCHED_ON,      // Matched on: {0}.
    TEXT_NOTHING_FITS,    // Nothing in the catalogue matches this request.
    TEXT_YOU_ARE_WELCOME, // to thanks
    TEXT_FAREWELL,
    TEXT_KEYS,
};

// `language`: a BCP 47 tag in any case, `_` read as `-`; NULL or unknown gives English ("pt" and "pt-PT" give pt-BR).
struct str text_fixed(enum text_key key, const char *language);
// Appends the text with {0} and {1} replaced (arguments are not looked into again).
void text_fill(struct buf *out, enum text_key key, const char *language, struct str arg0, struct str arg1);
// "rateLimited" …; NULL for the engine's own.
const char *text_key_name(enum text_key key);
bool text_key_find(struct str name, enum text_key *ret); // keys of 004 only
// The tag of the row that serves a language: "en", "pt-BR", …; never NULL.
const char *text_language(const char *language);
// English name of a language for the prompt ("Thai"); NULL when unknown.
const char *text_language_name(const char *language);
