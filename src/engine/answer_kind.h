// SPDX-License-Identifier: Apache-2.0
// What kind of thing answers a question: a time, an amount of money, a number, yes or no; and whether a sentence holds
// one. Words are rows by language; all languages are tried at once. Pure and thread-safe.
#pragma once

#include "base/str.h"

enum answer_kind {
    ANSWER_TIME = 1,   // a date, a weekday, an hour, a duration
    ANSWER_MONEY = 2,  // an amount of money, or that nothing is to be paid
    ANSWER_NUMBER = 4, // a number, as a rule with its unit
    ANSWER_YESNO = 8,  // what may, can or must be, or not
};

// The kinds that a question asks for, any of which will do; 0: none that is known.
unsigned answer_kind_asked(struct str question);
// Does a sentence hold one of `kinds`?
bool answer_kind_held(struct str sentence, unsigned kinds);
