// SPDX-License-Identifier: Apache-2.0
// Metrics of the HTTP server, and what is read for them when somebody asks (base/metrics.h).
#pragma once

#include "api/app.h"

void metrics_begin(void); // before any thread: routes and limit classes as labels
void metrics_request(const struct http_req *req, int status, int64_t us); // an answered one; on its loop
