// SPDX-License-Identifier: Apache-2.0
// Products as /api/v1 knows them (000-management 5.2): ingredients, which are written here, and the catalogue's, which
// are only read.
#pragma once

#include "model/model.h"

struct ingredient_supplier {
    uint64_t set;
    struct str id, name, code;
};

struct ingredient {
    uint64_t set;
    struct str id, kind;                 // kind: ingredient, catalogue
    struct ingredient_supplier supplier; // not kept
    struct str supplier_id, inci_name, trade_name, cas_number, einecs_number, description;
    bool is_active;
    int64_t document_count;
    int64_t created_at, updated_at;
    struct str inci_fold, search_fold; // not shown
};
extern const struct model ingredient_model;

enum number_fault { NUMBER_GOOD, NUMBER_FORM, NUMBER_CHECK_DIGIT };
// One or more numbers, separated by , ; or " / ", each of the right form and with its check digit.
enum number_fault cas_number_check(struct str text);
enum number_fault einecs_number_check(struct str text);
