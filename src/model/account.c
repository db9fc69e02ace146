// SPDX-License-Identifier: Apache-2.0
#include "model/account.h"

static void check_login(const void *row, struct faults *faults, const struct loc *root)
{
    const struct login_request *login = row;
    struct loc at = {root, STR("username"), 0};
    if (!login->username.p && !login->email.p)
        fault_add(faults, FAULT_MISSING, &at, NULL, 0, NULL);
}

#define AT(member) FIELD_AT(struct login_request, member)
static const struct field login_fields[] = {
    {"username", NULL, FIELD_STRING, FIELD_TRIM | FIELD_NULL, AT(username), 1, 254, .help = "A username or an e-mail"},
    {"email", NULL, FIELD_STRING, FIELD_TRIM | FIELD_NULL, AT(email), 1, 254},
    {"password", NULL, FIELD_STRING, FIELD_REQUIRED, AT(password), 1, 128},
};
const struct model login_model = {"Login", NULL, sizeof(struct login_request), MODEL_FIELDS(login_fields),
                                  .check = check_login};
#undef AT

static const struct field refresh_fields[] = {
    {"refreshToken", NULL, FIELD_STRING, FIELD_TRIM | FIELD_NULL, FIELD_AT(struct refresh_request, refresh_token), 1,
     200, .help = "Or the cookie"},
};
const struct model refresh_model = {"Refresh", NULL, sizeof(struct refresh_request), MODEL_FIELDS(refresh_fields)};

#define AT(member) FIELD_AT(struct logout_request, member)
static const struct field logout_fields[] = {
    {"refreshToken", NULL, FIELD_STRING, FIELD_TRIM | FIELD_NULL, AT(refresh_token), 1, 200},
    {"allDevices", NULL, FIELD_BOOL, 0, AT(all_devices), .fallback = "false"},
};
const struct model logout_model = {"Logout", NULL, sizeof(struct logout_request), MODEL_FIELDS(logout_fields)};
