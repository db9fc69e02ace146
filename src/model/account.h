// SPDX-License-Identifier: Apache-2.0
// What accounts send and show (003-platform 2).
#pragma once

#include "model/model.h"

// name@host.domain, at most 254 bytes, and nothing in it that has a meaning in a mail's head.
bool account_email_valid(struct str email);
// The columns of a field that is an e-mail address.
#define ACCOUNT_EMAIL                                                                                                  \
    .valid = account_email_valid, .pattern_help = "an e-mail address", .pattern = ACCOUNT_EMAIL_PATTERN
#define ACCOUNT_EMAIL_ATOM "A-Za-z0-9!#$%&'*+/=?^_`{|}~-"
#define ACCOUNT_EMAIL_PATTERN                                                                                          \
    "^[" ACCOUNT_EMAIL_ATOM "]([." ACCOUNT_EMAIL_ATOM "]{0,62}[" ACCOUNT_EMAIL_ATOM "])?@"                             \
    "([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.)+[A-Za-z0-9][A-Za-z0-9-]{0,61}[A-Za-z0-9]$"
// Letters, digits, marks of any script, ".", "_", "-".
bool account_username_valid(struct str name);

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

struct register_request {
    uint64_t set;
    struct str username, email, password, first_name, last_name, brand_name, invite_token, role;
};
extern const struct model register_model;

struct reset_request {
    uint64_t set;
    struct str email, token, password;
};
extern const struct model reset_request_model; // email
extern const struct model reset_model;         // token, password
extern const struct model reset_form_model;    // of the page: either the e-mail or the password

struct user_brand {
    uint64_t set;
    struct str id, name, role;
};

struct user_object { // as it is shown, and what may be changed of it
    uint64_t set;
    struct str id, username, email, first_name, last_name, role, brand_id;
    struct strings permissions;
    struct objects brands; // of struct user_brand
    bool active;
    int64_t last_login, created_at, updated_at;
    struct str password, current_password; // input alone
};
extern const struct model user_brand_model;
extern const struct model user_model;    // reply; input of an administrator
extern const struct model profile_model; // input of the user

struct user_key {
    uint64_t set;
    struct str id, name, api_key, hint;
    int64_t created_at, expires_at;
};
extern const struct model user_key_model;

struct invite {
    uint64_t set;
    struct str id, hash, role, email, created_by;
    int64_t expires_in_hours, expires_at, created_at, updated_at;
    struct str token; // in clear, only while it is made
};
extern const struct model invite_model;
