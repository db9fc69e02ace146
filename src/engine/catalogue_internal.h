// SPDX-License-Identifier: Apache-2.0
// What the files of the catalogue share.
#pragma once

#include "engine/catalogue.h"

struct store *catalogues_store(const struct catalogues *catalogues);
