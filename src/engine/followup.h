// SPDX-License-Identifier: Apache-2.0
// Is a message only the rest of a question, so that it means something with the one before alone ("And on Sundays?",
// "E para as ilhas?", "那成都呢")? Words are rows by language; all are tried at once. Pure and thread-safe.
#pragma once

#include "base/str.h"

bool followup(struct str message);
