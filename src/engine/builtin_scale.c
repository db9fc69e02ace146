// SPDX-License-Identifier: Apache-2.0
// Cosines of this model crowd between 0.75 and 0.90, related or not.
#include "engine/builtin_scale.h"

void scale_of(const float *question, float *ret_floor, float *ret_full)
{
    (void)question;
    *ret_floor = 0.78f;
    *ret_full = 0.92f;
}
