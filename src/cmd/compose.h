// SPDX-License-Identifier: Apache-2.0
// Puts the rooms together: everything behind the listeners.
#pragma once

#include "api/app.h"
#include "jobs/jobs.h"
#include "jobs/webhooks.h"

struct composition {
    struct app app;
    struct embedder embedder;
    _Atomic(struct jobs *) jobs; // the store's change feed looks at it from any thread
    _Atomic(struct webhooks *) webhooks; // so does it at these
    bool fresh;                  // the store was empty
};

enum { COMPOSE_JOBS = 1, COMPOSE_SHARED = 2 }; // background jobs run here; another process may have the store open

// Store, migrations, first data, model client, engine. Returns an exit code (said already when it is not 0).
int compose(struct settings *settings, unsigned flags, struct composition *ret);
void compose_end(struct composition *c);
