// SPDX-License-Identifier: Apache-2.0
// Cosines of this model crowd between 0.75 and 0.90, related or not, and lie lower where question and passage are of
// two languages: its vectors share one large component, and some directions say little but the language. Without these
// the cosines of unrelated texts lie around 0.1 and those of answers around 0.45, whatever their languages. A question
// that is near to what is searched as a whole needs less. How it was found and fitted: docs/internals/embed.md.
#include "engine/builtin_scale.h"

#include <math.h>

static float dot(const float *a, const float *b)
{
    float sum = 0;
    for (size_t i = 0; i < BUILTIN_DIMS; i++)
        sum += a[i] * b[i];
    return sum;
}

static void subtract(float *from, const float *what, float times)
{
    for (size_t i = 0; i < BUILTIN_DIMS; i++)
        from[i] -= times * what[i];
}

void scale_shape(enum embedder_text of, float *vector)
{
    subtract(vector, builtin_common[of], 1);
    for (size_t i = 0; i < BUILTIN_LANGUAGES; i++)
        subtract(vector, builtin_languages[i], dot(vector, builtin_languages[i]));
    float length = sqrtf(dot(vector, vector));
    for (size_t i = 0; i < BUILTIN_DIMS && length > 0; i++)
        vector[i] /= length;
}

void scale_of(const float *question, const float *centre, size_t n, float *ret_floor, float *ret_full)
{
    float near = centre && n ? dot(question, centre) : 0;
    *ret_floor = builtin_scale.at - builtin_scale.by * near;
    *ret_full = *ret_floor + builtin_scale.width;
}
