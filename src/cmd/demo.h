// SPDX-License-Identifier: Apache-2.0
// What `parley demo` shows when it has started.
#pragma once

#include "api/app.h"

void demo_show(struct app *app);
