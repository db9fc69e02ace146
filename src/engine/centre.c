// SPDX-License-Identifier: Apache-2.0
#include "engine/centre.h"

#include <pthread.h>
#include <stdlib.h>

struct centre {
    pthread_mutex_t lock;
    double *sum;
    size_t dims, n;
};

struct centre *centre_new(void)
{
    struct centre *centre = mem_zalloc(sizeof *centre);
    pthread_mutex_init(&centre->lock, NULL);
    return centre;
}

void centre_free(struct centre *centre)
{
    if (!centre)
        return;
    pthread_mutex_destroy(&centre->lock);
    free(centre->sum);
    free(centre);
}

void centre_add(struct centre *centre, const float *vector, size_t dims)
{
    pthread_mutex_lock(&centre->lock);
    if (!centre->sum) {
        centre->sum = mem_calloc(dims, sizeof *centre->sum);
        centre->dims = dims;
    }
    bool fits = centre->dims == dims;
    for (size_t i = 0; fits && i < dims; i++)
        centre->sum[i] += (double)vector[i];
    centre->n += fits;
    pthread_mutex_unlock(&centre->lock);
}

const float *centre_mean(struct centre *centre, struct arena *arena, size_t dims, size_t *ret_n)
{
    float *mean = NULL;
    pthread_mutex_lock(&centre->lock);
    *ret_n = centre->dims == dims ? centre->n : 0;
    if (*ret_n) {
        mean = arena_calloc(arena, dims, sizeof *mean);
        for (size_t i = 0; i < dims; i++)
            mean[i] = (float)(centre->sum[i] / (double)centre->n);
    }
    pthread_mutex_unlock(&centre->lock);
    return mean;
}
