// SPDX-License-Identifier: Apache-2.0
// Suppliers of ingredients (000-management 5.1).
#pragma once

#include "model/model.h"

struct supplier {
    uint64_t set;
    struct str id, name, code, contact_email, contact_phone, address;
    bool is_active;
    int64_t product_count;
    int64_t created_at, updated_at;
    struct str name_fold, code_fold; // not shown
};
extern const struct model supplier_model;
