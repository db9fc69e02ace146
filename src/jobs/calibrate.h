// SPDX-License-Identifier: Apache-2.0
// The calibration of a provider's model (engine/calibration.h) for a brand: made of the model's vectors of the
// background, kept with the brand's vectors.
#pragma once

#include "jobs/jobs.h"

// What was made last, for all brands of that model: thread-safe.
struct calibrated;
struct calibrated *calibrated_new(void);
void calibrated_free(struct calibrated *calibrated);

// Nothing to do where the model has its scale, or the brand has this calibration already or no vector of it yet. Blocks
// for as long as the model takes for some 130 short texts. A brand whose calibration changes has its indexes built
// anew.
int calibrate_brand(const struct jobs_options *with, const struct scope *scope, const char *key, struct err *err);
