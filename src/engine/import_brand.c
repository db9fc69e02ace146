// SPDX-License-Identifier: Apache-2.0
#include "engine/import_brand.h"

#include "base/crypto.h"
#include "engine/brand_make.h"
#include "model/text.h"

#include <stdio.h>

void import_brand_id(struct str text, char out[BRAND_ID_SIZE])
{
    char fold[BRAND_ID_SIZE], hash[CRYPTO_HEX_SIZE];
    if (!brand_id_given(text, out) && text_slug(text, '_', out, BRAND_ID_SIZE) == 0) {
        crypto_sha256_hex(text, hash); // no letter of it can stay, but it must be the same the next time
        (void)snprintf(out, BRAND_ID_SIZE, "brand_%.8s", hash);
    }
    size_t n = strlen(out);
    if (brand_id_fold(str_from(out), fold) && brand_id_reserved(str_from(fold)))
        memcpy(out + n, "_1", 3); // the reserved ones are short
}

struct str import_brand_name(struct arena *arena, struct str id)
{
    char *name = arena_cstr(arena, id);
    bool begins = true;
    for (char *p = name; *p; p++) {
        if (*p == '_' || *p == '-')
            *p = ' ';
        else if (begins && *p >= 'a' && *p <= 'z')
            *p = (char)(*p - 32);
        begins = *p == ' ';
    }
    return str_from(name);
}

int import_brand_load(struct tx *tx, struct arena *arena, struct str id, struct brand_row *ret, struct err *err)
{
    char fold[BRAND_ID_SIZE];
    if (!brand_id_fold(id, fold))
        return 0;
    int rc = brand_load(tx, arena, fold, ret, err);
    if (rc == 1 && ret->deleted)
        return err_set(err, ERR_CONFLICT, "Brand '" STR_FMT "' is still being erased", STR_ARG(ret->brand.id));
    return rc;
}

static int insert(struct tx *tx, void *arg, struct err *err)
{
    return brand_make_insert(tx, arg, err);
}

static struct brand_make plan_of(struct arena *arena, struct str id)
{
    return (struct brand_make){.arena = arena,
                               .name = import_brand_name(arena, id),
                               .description = STR(""),
                               .given_id = id,
                               .public_access = true,
                               .pristine = true,
                               .most = INT64_MAX};
}

int import_brand_ensure(struct tx *tx, struct arena *arena, struct str id, struct str *ret, bool *ret_made,
                        struct err *err)
{
    struct brand_row row;
    int rc = import_brand_load(tx, arena, id, &row, err);
    *ret_made = rc == 0;
    if (rc == 1)
        *ret = row.brand.id;
    if (rc != 0)
        return rc < 0 ? rc : 0;
    struct brand_make make = plan_of(arena, id);
    rc = brand_make_plan_in(tx, &make, err);
    *ret = make.row.brand.id;
    return rc ? rc : tx_in_brand(tx, make.row.brand.id, insert, &make, err);
}

static int insert_hidden(struct tx *tx, void *arg, struct err *err)
{
    struct brand_make *make = arg;
    int rc = brand_make_rows(tx, make, err);
    return rc ? rc : brand_hide(tx, make->row.brand.created_at, err);
}

int import_brand_reserve(struct tx *tx, struct arena *arena, struct str id, struct str *ret,
                         struct brand_make **ret_made, struct err *err)
{
    struct brand_row row;
    int rc = import_brand_load(tx, arena, id, &row, err);
    *ret_made = NULL;
    if (rc == 1)
        *ret = row.brand.id;
    if (rc != 0)
        return rc < 0 ? rc : 0;
    struct brand_make *make = ARENA_NEW(arena, struct brand_make);
    *make = plan_of(arena, id);
    rc = brand_make_plan_in(tx, make, err);
    *ret = make->row.brand.id;
    *ret_made = make;
    return rc ? rc : tx_in_brand(tx, make->row.brand.id, insert_hidden, make, err);
}
