// SPDX-License-Identifier: Apache-2.0
// Background work: rows of the store's job table, run by one thread with leases, retries and back-off. Kinds are rows
// {name, handler, tries}; a job that fails every try stays `failed` with its error.
#pragma once

#include "engine/brands.h"
#include "engine/embedder.h"

struct jobs;

struct jobs_options {
    struct store *store;
    struct brands *brands;
    const struct embedder *embedder;
};
struct jobs *jobs_new(const struct jobs_options *options);
void jobs_free(struct jobs *jobs); // ends after the job under way
void jobs_poke(struct jobs *jobs); // there may be new work; any thread, does not block
