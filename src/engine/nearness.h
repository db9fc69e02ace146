// SPDX-License-Identifier: Apache-2.0
// How near single texts are in meaning to a question whose vector is known: for choosing among a few sentences. Only
// with a model whose texts cost nothing but time (embedder_model.sentences). Thread-safe.
#pragma once

#include "engine/catalogue.h"

enum { NEARNESS_MS = 500, NEARNESS_MOST = 16 }; // what comes later is too late for a visitor

// Asks for the vectors of at most NEARNESS_MOST texts: `done` once on any thread, within the time and that of one text.
// false: there is nothing to wait for, and it is not called.
bool nearness_ask(struct catalogues *catalogues, const struct str *texts, size_t n, int timeout_ms,
                  void (*done)(void *arg), void *arg);
// Cosines as vectors are compared, −1..1. false: those of the question and of all texts are not known.
bool nearness_of(struct catalogues *catalogues, struct str question, const struct str *texts, size_t n, float *ret);
