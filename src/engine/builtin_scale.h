// SPDX-License-Identifier: Apache-2.0
// Which cosines of the built-in model count as unrelated and as the same.
#pragma once

void scale_of(const float *question, float *ret_floor, float *ret_full);
