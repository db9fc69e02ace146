// SPDX-License-Identifier: Apache-2.0
#include "model/supplier.h"

#include "model/account.h"

static bool is_code(struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i], low = (char)(c | 0x20);
        if (!(low >= 'a' && low <= 'z') && !(c >= '0' && c <= '9') && !memchr("._-", c, 3))
            return false;
    }
    return true;
}

#define AT(member) FIELD_AT(struct supplier, member)
static const struct field supplier_fields[] = {
    {"id", "id", FIELD_STRING, FIELD_READONLY | FIELD_KEY, AT(id)},
    {"name", "name", FIELD_STRING, FIELD_REQUIRED | FIELD_TRIM | FIELD_LINE, AT(name), 1, 255,
     .example = "\"Bergamot Labs\"", .help = "Unique in the brand, ignoring case"},
    {"code", "code", FIELD_STRING, FIELD_TRIM | FIELD_NULL, AT(code), 1, 50, .valid = is_code,
     .pattern = "^[A-Za-z0-9._-]+$", .pattern_help = "letters, digits and . _ -", .example = "\"BGL\"",
     .help = "Unique in the brand, ignoring case"},
    {"contactEmail", "contact_email", FIELD_STRING, FIELD_TRIM | FIELD_NULL, AT(contact_email), 3, 254, ACCOUNT_EMAIL},
    {"contactPhone", "contact_phone", FIELD_STRING, FIELD_TRIM | FIELD_NULL | FIELD_LINE, AT(contact_phone), 0, 50},
    {"address", "address", FIELD_STRING, FIELD_TRIM | FIELD_NULL, AT(address), 0, 2000},
    {"isActive", "is_active", FIELD_BOOL, 0, AT(is_active), .fallback = "true",
     .help = "False: its products and their documents are not searched"},
    {"productCount", "product_count", FIELD_INT, FIELD_READONLY, AT(product_count)},
    {"createdAt", "created_at", FIELD_TIME, FIELD_READONLY, AT(created_at)},
    {"updatedAt", "updated_at", FIELD_TIME, FIELD_READONLY, AT(updated_at)},
    {"nameFold", "name_fold", FIELD_STRING, FIELD_READONLY | FIELD_HIDDEN, AT(name_fold)},
    {"codeFold", "code_fold", FIELD_STRING, FIELD_READONLY | FIELD_HIDDEN, AT(code_fold)},
};
const struct model supplier_model = {"Supplier", "suppliers", sizeof(struct supplier), MODEL_FIELDS(supplier_fields),
                                     .order = "name_fold, id"};
#undef AT
