// SPDX-License-Identifier: Apache-2.0
#include "model/ingredient.h"

#include "base/id.h"

// ---- numbers --------------------------------------------------------------------------------------------------------

static bool all_digits(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
    return text.n > 0;
}

// Cuts "98-92-0" into its three runs of digits.
static bool three_runs(struct str text, struct str runs[3])
{
    for (size_t i = 0; i < 3; i++) {
        runs[i] = text.p ? str_split(&text, '-') : STR_NULL;
        if (!runs[i].p || !all_digits(runs[i]))
            return false;
    }
    return !text.p && runs[2].n == 1;
}

static enum number_fault check_cas(struct str text)
{
    struct str runs[3];
    if (!three_runs(text, runs) || runs[0].n < 2 || runs[0].n > 7 || runs[1].n != 2)
        return NUMBER_FORM;
    int sum = 0, weight = 1;
    for (size_t r = 2; r-- > 0;)
        for (size_t i = runs[r].n; i-- > 0;)
            sum += (runs[r].p[i] - '0') * weight++;
    return sum % 10 == runs[2].p[0] - '0' ? NUMBER_GOOD : NUMBER_CHECK_DIGIT;
}

static enum number_fault check_einecs(struct str text)
{
    struct str runs[3];
    if (!three_runs(text, runs) || runs[0].n != 3 || runs[1].n != 3)
        return NUMBER_FORM;
    int sum = 0, weight = 1;
    for (size_t r = 0; r < 2; r++)
        for (size_t i = 0; i < 3; i++)
            sum += (runs[r].p[i] - '0') * weight++;
    return sum % 11 == runs[2].p[0] - '0' ? NUMBER_GOOD : NUMBER_CHECK_DIGIT; // 10 is no digit
}

static size_t separator(struct str text, size_t at)
{
    if (text.p[at] == ',' || text.p[at] == ';')
        return 1;
    return str_starts((struct str){text.p + at, text.n - at}, STR(" / ")) ? 3 : 0;
}

static enum number_fault check_each(struct str text, enum number_fault (*check)(struct str))
{
    size_t from = 0;
    for (size_t i = 0; i <= text.n; i++) {
        size_t skip = i < text.n ? separator(text, i) : 1;
        if (!skip)
            continue;
        enum number_fault fault = check(str_trim((struct str){text.p + from, i - from}));
        if (fault)
            return fault;
        from = i + skip;
        i = from - 1;
    }
    return NUMBER_GOOD;
}

enum number_fault cas_number_check(struct str text)
{
    return check_each(text, check_cas);
}

enum number_fault einecs_number_check(struct str text)
{
    return check_each(text, check_einecs);
}

static void add_fault(struct faults *faults, const struct loc *root, const char *field, enum number_fault fault,
                      const char *form)
{
    struct loc at = {root, str_from(field), 0};
    if (fault == NUMBER_FORM)
        fault_add(faults, FAULT_FORM, &at, NULL, 0, form);
    else if (fault == NUMBER_CHECK_DIGIT)
        fault_add(faults, FAULT_CHECK_DIGIT, &at, NULL, 0, NULL);
}

static void check_numbers(const void *row, struct faults *faults, const struct loc *root)
{
    const struct ingredient *p = row;
    if (model_has(&ingredient_model, p, "casNumber"))
        add_fault(faults, root, "casNumber", cas_number_check(p->cas_number), "CAS numbers such as 98-92-0");
    if (model_has(&ingredient_model, p, "einecsNumber"))
        add_fault(faults, root, "einecsNumber", einecs_number_check(p->einecs_number), "EC numbers such as 202-713-4");
}

// ---- the table ------------------------------------------------------------------------------------------------------

static const struct field supplier_fields[] = {
    {"id", NULL, FIELD_STRING, FIELD_READONLY, FIELD_AT(struct ingredient_supplier, id)},
    {"name", NULL, FIELD_STRING, FIELD_READONLY, FIELD_AT(struct ingredient_supplier, name)},
    {"code", NULL, FIELD_STRING, FIELD_READONLY | FIELD_NULL, FIELD_AT(struct ingredient_supplier, code)},
};
static const struct model of_supplier_model = {"ProductSupplier", NULL, sizeof(struct ingredient_supplier),
                                               MODEL_FIELDS(supplier_fields)};

#define NUMBERS(one) "^" one "(( *[,;] *| +/ +)" one ")*$"
#define AT(member) FIELD_AT(struct ingredient, member)
static const struct field ingredient_fields[] = {
    {"id", "id", FIELD_STRING, FIELD_READONLY | FIELD_KEY, AT(id)},
    {"kind", "kind", FIELD_STRING, FIELD_READONLY, AT(kind), .choices = "ingredient|catalogue"},
    {"supplier", NULL, FIELD_OBJECT, FIELD_READONLY | FIELD_NULL, AT(supplier), .model = &of_supplier_model},
    {"supplierId", "supplier_id", FIELD_STRING, FIELD_REQUIRED | FIELD_NULL | FIELD_TRIM, AT(supplier_id), 1, 64,
     .valid = id_valid, .pattern_help = "an id", .pattern = ID_PATTERN, .shape = "\"type\":\"string\"",
     .example = "\"0197a1d0-2b11-7c3e-9f20-6d5f1f0a7712\""},
    {"inciName", "inci_name", FIELD_STRING, FIELD_REQUIRED | FIELD_NULL | FIELD_TRIM | FIELD_LINE, AT(inci_name), 1,
     255, .example = "\"Niacinamide\"", .help = "Unique among the supplier's, ignoring case; null of the catalogue's",
     .shape = "\"type\":\"string\""},
    {"tradeName", "trade_name", FIELD_STRING, FIELD_TRIM | FIELD_LINE | FIELD_NULL, AT(trade_name), 0, 255},
    {"casNumber", "cas_number", FIELD_STRING, FIELD_TRIM | FIELD_LINE | FIELD_NULL, AT(cas_number), 1, 50,
     .pattern = NUMBERS("[0-9]{2,7}-[0-9]{2}-[0-9]"), .example = "\"98-92-0\"",
     .help = "One or more, separated by , ; or ' / '; check digits are checked"},
    {"einecsNumber", "einecs_number", FIELD_STRING, FIELD_TRIM | FIELD_LINE | FIELD_NULL, AT(einecs_number), 1, 50,
     .pattern = NUMBERS("[0-9]{3}-[0-9]{3}-[0-9]"), .example = "\"202-713-4\"", .help = "Likewise"},
    {"description", "description", FIELD_STRING, FIELD_TRIM | FIELD_NULL, AT(description), 0, 10000},
    {"isActive", "is_active", FIELD_BOOL, 0, AT(is_active), .fallback = "true",
     .help = "False: it and its documents are not searched"},
    {"documentCount", "document_count", FIELD_INT, FIELD_READONLY, AT(document_count)},
    {"createdAt", "created_at", FIELD_TIME, FIELD_READONLY, AT(created_at)},
    {"updatedAt", "updated_at", FIELD_TIME, FIELD_READONLY, AT(updated_at)},
    {"inciFold", "inci_fold", FIELD_STRING, FIELD_READONLY | FIELD_HIDDEN, AT(inci_fold)},
    {"searchFold", "search_fold", FIELD_STRING, FIELD_READONLY | FIELD_HIDDEN, AT(search_fold)},
};
const struct model ingredient_model = {"Ingredient",
                                       "ingredients",
                                       sizeof(struct ingredient),
                                       MODEL_FIELDS(ingredient_fields),
                                       .order = "inci_fold, id",
                                       .view = "all_products",
                                       .check = check_numbers};
#undef AT
