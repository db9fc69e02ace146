// SPDX-License-Identifier: Apache-2.0
// The first data of an installation: the default brand, and its sample catalogue where that is wanted. Once: recorded.
#pragma once

#include "api/app.h"

int sample_install(struct app *app, struct err *err);
