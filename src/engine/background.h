// SPDX-License-Identifier: Apache-2.0
// Generic sentences and questions about nothing that a brand would have for itself, the same in five languages: what a
// model makes of them tells how its cosines are to be read (engine/calibration.h). Out of src/engine/background/.
#pragma once

#include "base/str.h"

// The first BACKGROUND_PAIRS questions of a language are each answered by the passage of the same place, and by no
// other one of that language.
enum { BACKGROUND_LANGUAGES = 5, BACKGROUND_PAIRS = 5 };

struct background {
    const struct str *texts; // language by language, in one order
    size_t n;
    size_t of[BACKGROUND_LANGUAGES]; // how many
};
extern const struct background background_passages, background_questions;
