// SPDX-License-Identifier: Apache-2.0
// The calibration of the built-in model, with its titles; fitted on the project's own questions.
#pragma once

#include "engine/calibration.h"

enum { BUILTIN_DIMS = 384, BUILTIN_DIRECTIONS = 4 + 2 }; // of languages, of the forms of a message

extern const struct calibration builtin_calibration;
