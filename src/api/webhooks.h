// SPDX-License-Identifier: Apache-2.0
// What the files of webhooks share.
#pragma once

#include "api/resource.h"
#include "store/webhook.h"

extern const struct resource webhook_resource;
// False, and answered: this caller does not see the call's webhook.
bool webhook_may_see(struct call *call);
