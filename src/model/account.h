// SPDX-License-Identifier: Apache-2.0
// What accounts send.
#pragma once

#include "model/model.h"

struct login_request {
    uint64_t set;
    struct str username, email, password;
};
extern const struct model login_model;

struct refresh_request {
    uint64_t set;
    struct str refresh_token;
};
extern const struct model refresh_model;

struct logout_request {
    uint64_t set;
    struct str refresh_token;
    bool all_devices;
};
extern const struct model logout_model;
