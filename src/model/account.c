// SPDX-License-Identifier: Apache-2.0
#include "model/account.h"

#include "base/utf8.h"

#include <unicode/uchar.h>

// Parts of an address that need no quoting, and any character beyond ASCII (RFC 5322 3.2.3, RFC 6532).
static bool is_atom(uint32_t rune)
{
    return (rune >= 'a' && rune <= 'z') || (rune >= 'A' && rune <= 'Z') || (rune >= '0' && rune <= '9') ||
           (rune < 128 && rune > 32 && strchr("!#$%&'*+-/=?^_`{|}~.", (int)rune)) ||
           (rune >= 160 && rune != 0xFFFD && !u_isUWhiteSpace((UChar32)rune) && u_isprint((UChar32)rune));
}

static bool all_atoms(struct str text)
{
    for (size_t pos = 0; pos < text.n;)
        if (!is_atom(utf8_next(text, &pos)))
            return false;
    return text.n > 0;
}

static bool host_valid(struct str host)
{
    struct str rest = host, label = STR_NULL;
    size_t labels = 0;
    while (rest.p) {
        label = str_split(&rest, '.');
        if (label.n < 1 || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-')
            return false;
        for (size_t i = 0; i < label.n; i++)
            if (strchr("!#$%&'*+/=?^_`{|}~", label.p[i]))
                return false;
        labels++;
    }
    return labels >= 2 && utf8_count(label) >= 2;
}

bool account_email_valid(struct str email)
{
    struct str rest = email;
    struct str local = str_split(&rest, '@');
    if (!rest.p || email.n > 254 || utf8_count(local) > 64 || local.n == 0 || local.p[0] == '.' ||
        local.p[local.n - 1] == '.')
        return false;
    return all_atoms(local) && all_atoms(rest) && host_valid(rest);
}

bool account_username_valid(struct str name)
{
    for (size_t pos = 0; pos < name.n;) {
        uint32_t rune = utf8_next(name, &pos);
        uint32_t kind = U_GET_GC_MASK((UChar32)rune);
        if (!(kind & (U_GC_L_MASK | U_GC_M_MASK | U_GC_ND_MASK)) && rune != '.' && rune != '_' && rune != '-')
            return false;
    }
    return name.n > 0;
}

// Printable characters of some scripts: all that `valid` takes cannot be said in a pattern.
#define LETTERS                                                                                                        \
    "\\u00c0-\\u00d6\\u00d8-\\u00f6\\u00f8-\\u024f\\u0400-\\u0481\\u0e01-\\u0e30\\u3041-\\u3096\\u30a1-"               \
    "\\u30fa\\u4e00-\\u9fff\\uac00-\\ud7a3"
#define USERNAME                                                                                                       \
    .valid = account_username_valid, .pattern_help = "letters, digits, '.', '_' and '-'",                              \
    .pattern = "^[A-Za-z0-9._" LETTERS "-]+$", .example = "\"mira\""
#define EMAIL ACCOUNT_EMAIL, .example = "\"mira@fern.example\""
#define PASSWORD_LOW 8
#define PASSWORD_HIGH 128

static void check_login(const void *row, struct faults *faults, const struct loc *root)
{
    const struct login_request *login = row;
    struct loc at = {root, STR("username"), 0};
    if (!login->username.p && !login->email.p)
        fault_add(faults, FAULT_MISSING, &at, NULL, 0, NULL);
}

#define AT(member) FIELD_AT(struct login_request, member)
static const struct field login_fields[] = {
    {"username", NULL, FIELD_STRING, FIELD_TRIM | FIELD_NULL, AT(username), 1, 254, .example = "\"mira\"",
     .help = "A username or an e-mail"},
    {"email", NULL, FIELD_STRING, FIELD_TRIM | FIELD_NULL, AT(email), 1, 254},
    {"password", NULL, FIELD_STRING, FIELD_REQUIRED, AT(password), 1, 128},
};
const struct model login_model = {
    "Login",
    NULL,
    sizeof(struct login_request),
    MODEL_FIELDS(login_fields),
    .check = check_login,
    .shape = "\"anyOf\":[{\"required\":[\"username\"],\"properties\":{\"username\":{\"type\":\"string\"}}},"
             "{\"required\":[\"email\"],\"properties\":{\"email\":{\"type\":\"string\"}}}]"};
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
#undef AT

#define AT(member) FIELD_AT(struct register_request, member)
static const struct field register_fields[] = {
    {"username", NULL, FIELD_STRING, FIELD_REQUIRED | FIELD_TRIM, AT(username), 3, 50, USERNAME},
    {"email", NULL, FIELD_STRING, FIELD_REQUIRED | FIELD_TRIM, AT(email), 3, 254, EMAIL},
    {"password", NULL, FIELD_STRING, FIELD_REQUIRED, AT(password), PASSWORD_LOW, PASSWORD_HIGH},
    {"firstName", NULL, FIELD_STRING, FIELD_TRIM | FIELD_LINE, AT(first_name), 0, 100, .fallback = "\"\""},
    {"lastName", NULL, FIELD_STRING, FIELD_TRIM | FIELD_LINE, AT(last_name), 0, 100, .fallback = "\"\""},
    {"brandName", NULL, FIELD_STRING, FIELD_TRIM | FIELD_LINE | FIELD_NULL, AT(brand_name), 1, 100,
     .help = "Of the brand that is made with the account; by default the username"},
    {"inviteToken", NULL, FIELD_STRING, FIELD_TRIM | FIELD_NULL, AT(invite_token), 1, 100,
     .help = "The account joins the brand that invites"},
    {"role", NULL, FIELD_STRING, FIELD_TRIM | FIELD_NULL, AT(role), 1, 20,
     .help = "With an admin's token: the account joins the admin's brand with this role",
     .shape = "\"enum\":[\"user\",\"developer\",\"admin\",null]"},
};
const struct model register_model = {"Register", NULL, sizeof(struct register_request), MODEL_FIELDS(register_fields)};
#undef AT

#define AT(member) FIELD_AT(struct reset_request, member)
static const struct field reset_request_fields[] = {
    {"email", NULL, FIELD_STRING, FIELD_REQUIRED | FIELD_TRIM, AT(email), 3, 254, EMAIL},
};
const struct model reset_request_model = {"PasswordResetRequest", NULL, sizeof(struct reset_request),
                                          MODEL_FIELDS(reset_request_fields)};
static const struct field reset_fields[] = {
    {"token", NULL, FIELD_STRING, FIELD_REQUIRED | FIELD_TRIM, AT(token), 1, 100, .alias = "resetToken"},
    {"password", NULL, FIELD_STRING, FIELD_REQUIRED, AT(password), PASSWORD_LOW, PASSWORD_HIGH, .alias = "newPassword"},
};
const struct model reset_model = {"PasswordReset", NULL, sizeof(struct reset_request), MODEL_FIELDS(reset_fields)};
static const struct field reset_form_fields[] = {
    {"email", NULL, FIELD_STRING, FIELD_TRIM, AT(email), 3, 254, EMAIL},
    {"password", NULL, FIELD_STRING, 0, AT(password), PASSWORD_LOW, PASSWORD_HIGH},
};
const struct model reset_form_model = {"PasswordResetForm", NULL, sizeof(struct reset_request),
                                       MODEL_FIELDS(reset_form_fields)};
#undef AT

#define AT(member) FIELD_AT(struct user_brand, member)
static const struct field user_brand_fields[] = {
    {"id", NULL, FIELD_STRING, 0, AT(id)},
    {"name", NULL, FIELD_STRING, 0, AT(name)},
    {"role", NULL, FIELD_STRING, 0, AT(role)},
};
const struct model user_brand_model = {"UserBrand", NULL, sizeof(struct user_brand), MODEL_FIELDS(user_brand_fields)};
#undef AT

#define AT(member) FIELD_AT(struct user_object, member)
#define MADE_BY_SERVER                                                                                                 \
    {"permissions", NULL, FIELD_STRINGS, FIELD_READONLY, AT(permissions), 0, 100},                                     \
        {"brandId", NULL, FIELD_STRING, FIELD_READONLY | FIELD_NULL, AT(brand_id), .help = "The current brand"},       \
        {"brands", NULL, FIELD_OBJECTS, FIELD_READONLY, AT(brands), .model = &user_brand_model},                       \
        {"lastLogin", NULL, FIELD_TIME, FIELD_READONLY | FIELD_NULL, AT(last_login)},                                  \
        {"createdAt", NULL, FIELD_TIME, FIELD_READONLY, AT(created_at)},                                               \
    {                                                                                                                  \
        "updatedAt", NULL, FIELD_TIME, FIELD_READONLY, AT(updated_at)                                                  \
    }
#define NAMES                                                                                                          \
    {"username", NULL, FIELD_STRING, FIELD_TRIM, AT(username), 3, 50, USERNAME},                                       \
        {"email", NULL, FIELD_STRING, FIELD_TRIM, AT(email), 3, 254, EMAIL},                                           \
        {"firstName", NULL, FIELD_STRING, FIELD_TRIM | FIELD_LINE, AT(first_name), 0, 100, .fallback = "\"\""},        \
    {                                                                                                                  \
        "lastName", NULL, FIELD_STRING, FIELD_TRIM | FIELD_LINE, AT(last_name), 0, 100, .fallback = "\"\""             \
    }
static const struct field user_fields[] = {
    {"id", NULL, FIELD_STRING, FIELD_READONLY, AT(id)},
    NAMES,
    {"role", NULL, FIELD_STRING, FIELD_TRIM, AT(role), .choices = "user|developer|admin|super_admin",
     .help = "In the current brand, or super_admin"},
    {"active", NULL, FIELD_BOOL, 0, AT(active)},
    {"password", NULL, FIELD_STRING, FIELD_HIDDEN, AT(password), PASSWORD_LOW, PASSWORD_HIGH},
    MADE_BY_SERVER,
};
const struct model user_model = {"User", NULL, sizeof(struct user_object), MODEL_FIELDS(user_fields)};

static const struct field profile_fields[] = {
    {"id", NULL, FIELD_STRING, FIELD_READONLY, AT(id)},
    NAMES,
    {"role", NULL, FIELD_STRING, FIELD_READONLY, AT(role)},
    {"active", NULL, FIELD_BOOL, FIELD_READONLY, AT(active)},
    {"newPassword", NULL, FIELD_STRING, FIELD_HIDDEN, AT(password), PASSWORD_LOW, PASSWORD_HIGH},
    {"currentPassword", NULL, FIELD_STRING, FIELD_HIDDEN, AT(current_password), 1, PASSWORD_HIGH,
     .help = "Needed to change the e-mail or the password"},
    MADE_BY_SERVER,
};
const struct model profile_model = {"Profile", NULL, sizeof(struct user_object), MODEL_FIELDS(profile_fields)};
#undef AT

#define AT(member) FIELD_AT(struct user_key, member)
static const struct field user_key_fields[] = {
    {"id", NULL, FIELD_STRING, FIELD_READONLY, AT(id)},
    {"name", NULL, FIELD_STRING, FIELD_TRIM | FIELD_LINE, AT(name), 1, 100, .fallback = "\"default\""},
    {"apiKey", NULL, FIELD_STRING, FIELD_READONLY | FIELD_SKIP_NULL, AT(api_key), .help = "Only when it is made"},
    {"hint", NULL, FIELD_STRING, FIELD_READONLY, AT(hint), .help = "Its last 8 characters"},
    {"createdAt", NULL, FIELD_TIME, FIELD_READONLY, AT(created_at)},
    {"expiresAt", NULL, FIELD_TIME, FIELD_NULL, AT(expires_at), .help = "null: never"},
};
const struct model user_key_model = {"UserKey", NULL, sizeof(struct user_key), MODEL_FIELDS(user_key_fields)};
#undef AT

#define AT(member) FIELD_AT(struct invite, member)
static const struct field invite_fields[] = {
    {"id", "id", FIELD_STRING, FIELD_READONLY | FIELD_KEY, AT(id)},
    {"hash", "hash", FIELD_STRING, FIELD_READONLY | FIELD_HIDDEN, AT(hash)},
    {"role", "role", FIELD_STRING, FIELD_REQUIRED | FIELD_TRIM, AT(role), .choices = "user|developer|admin"},
    {"email", "email", FIELD_STRING, FIELD_TRIM | FIELD_NULL | FIELD_SECRET, AT(email), 3, 254, EMAIL,
     .help = "Gets the invitation"},
    {"expiresInHours", NULL, FIELD_INT, FIELD_HIDDEN, AT(expires_in_hours), 1, 720, .fallback = "72"},
    {"createdBy", "created_by", FIELD_STRING, FIELD_READONLY | FIELD_NULL, AT(created_by)},
    {"expiresAt", "expires_at", FIELD_TIME, FIELD_READONLY, AT(expires_at)},
    {"createdAt", "created_at", FIELD_TIME, FIELD_READONLY, AT(created_at)},
    {"updatedAt", "updated_at", FIELD_TIME, FIELD_READONLY | FIELD_HIDDEN, AT(updated_at)},
};
const struct model invite_model = {"Invite", "invites", sizeof(struct invite), MODEL_FIELDS(invite_fields),
                                   .order = "created_at DESC, id DESC"};
#undef AT
