// SPDX-License-Identifier: Apache-2.0
#include "engine/brand_make.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/id.h"
#include "base/json.h"
#include "store/account.h"
#include "store/audit.h"
#include "store/chatbot_key.h"

#include <stdio.h>

enum { TRIES = 20 };

struct choose {
    struct brand_make *make;
    char id[BRAND_ID_SIZE];
    bool taken, full;
};

static int look(struct tx *tx, struct choose *c, struct err *err)
{
    struct brand_make *make = c->make;
    char fold[BRAND_ID_SIZE], base[BRAND_ID_SIZE];
    int64_t made = 0;
    int rc = make->owner.p ? brand_made_by(tx, make->owner, &made, err) : 0;
    c->full = made >= make->most;
    if (make->given_id.p) {
        (void)brand_id_given(make->given_id, c->id);
        return rc                                     ? rc
               : brand_id_fold(str_from(c->id), fold) ? brand_fold_taken(tx, fold, &c->taken, err)
                                                      : ERR_INVALID;
    }
    brand_id_from_name(make->name, base);
    (void)snprintf(c->id, sizeof c->id, "%s", base);
    for (int i = 1; !rc && brand_id_fold(str_from(c->id), fold); i++) {
        rc = brand_fold_taken(tx, fold, &c->taken, err);
        if (rc || (!c->taken && !brand_id_reserved(str_from(fold))))
            break;
        char suffix[16];
        int n = snprintf(suffix, sizeof suffix, "_%d", i);
        size_t keep = strlen(base) < sizeof c->id - 1 - (size_t)n ? strlen(base) : sizeof c->id - 1 - (size_t)n;
        (void)snprintf(c->id, sizeof c->id, "%.*s%s", (int)keep, base, suffix);
    }
    c->taken = false;
    return rc;
}

static struct str company_info(struct arena *arena, struct str name, struct str description)
{
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *info = yyjson_mut_obj(doc);
    json_add_str(doc, info, "name", name);
    json_add_str(doc, info, "description", description);
    return json_write(arena, info);
}

void brand_first_config(struct arena *arena, struct str name, struct str description, struct brand_config *config)
{
    struct str about = description.n ? arena_strf(arena, " " STR_FMT, STR_ARG(description)) : STR("");
    config->set = (UINT64_C(1) << brand_config_model.n) - 1;
    config->system_prompt = arena_strf(arena,
                                       "You are the assistant of " STR_FMT "." STR_FMT
                                       " Help with questions about its products and services. "
                                       "Be polite and exact, and answer in the language of the customer.",
                                       STR_ARG(name), STR_ARG(about));
    config->persona_prompt = STR_NULL;
    config->welcome_message = arena_strf(arena, "Hello from " STR_FMT ". What can I help you with?", STR_ARG(name));
    config->company_info = company_info(arena, name, description);
    config->appearance_settings = STR(BRAND_FIRST_APPEARANCE);
    model_defaults(&chat_settings_model, arena, &config->chat_settings);
}

static void first_config(struct brand_make *make)
{
    struct brand_config *config = &make->row.config;
    brand_first_config(make->arena, make->name, make->description, config);
    if (make->config)
        *config = *make->config;
    config->chat_settings.public_access = make->public_access;
    config->chat_settings.listed = make->listed;
}

static void first_row(struct brand_make *make, const char *id)
{
    struct brand_row *row = &make->row;
    char *chatbot = arena_alloc(make->arena, ID_SIZE);
    id_v7(chatbot);
    *row = (struct brand_row){.created_by = make->owner,
                              .pristine = make->pristine,
                              .chatbot_id = str_from(chatbot),
                              .chatbot_status = STR("active")};
    row->brand = (struct brand){
        .set = ((UINT64_C(1) << brand_model.n) - 1) & ~(UINT64_C(1) << model_field_index(&brand_model, "updated_at")),
        .id = arena_str(make->arena, str_from(id)),
        .name = make->name,
        .description = make->description,
        .created_at = clock_wall_ms(),
        .is_active = true,
    };
    (void)brand_id_fold(row->brand.id, row->fold_id);
    model_defaults(&chatbot_configuration_model, make->arena, &row->configuration);
    model_mark(&chatbot_configuration_model, &row->configuration, "model", false); // the provider's
    first_config(make);
    row->config.brand_id = row->brand.id;
}

// The chatbot has a key from the start, as every chatbot does; only its hash is kept, and a shown one is made on
// demand.
static int first_key(struct tx *tx, struct brand_make *make, struct err *err)
{
    char key[CHATBOT_KEY_SIZE], hash[CRYPTO_HEX_SIZE];
    chatbot_key_make(key);
    crypto_sha256_hex(str_from(key), hash);
    return chatbot_key_insert(tx, make->row.chatbot_id, STR("primary"), true, hash, chatbot_key_hint(str_from(key)),
                              make->row.brand.created_at, err);
}

int brand_make_rows(struct tx *tx, struct brand_make *make, struct err *err)
{
    int rc = brand_insert(tx, &make->row, make->owner, err);
    return rc ? rc : first_key(tx, make, err);
}

int brand_make_tell(struct tx *tx, struct brand_make *make, struct err *err)
{
    int rc = audit_write(tx, "brand.create", make->row.brand.id, STR("name,description"), err);
    if (rc)
        return rc;
    yyjson_mut_doc *doc = json_doc(tx_arena(tx));
    yyjson_mut_val *data = yyjson_mut_obj(doc);
    json_add_str(doc, data, "chatbotId", make->row.chatbot_id);
    json_add_str(doc, data, "name", make->name);
    json_add_cstr(doc, data, "status", "active");
    json_add_str(doc, data, "createdBy", make->owner);
    json_add_time(doc, data, "createdAt", make->row.brand.created_at);
    return event_write(tx, "chatbot.created", STR_NULL, json_write(tx_arena(tx), data), err);
}

int brand_make_insert(struct tx *tx, struct brand_make *make, struct err *err)
{
    int rc = brand_make_rows(tx, make, err);
    return rc ? rc : brand_make_tell(tx, make, err);
}

static int insert(struct tx *tx, void *arg, struct err *err)
{
    return brand_make_insert(tx, arg, err);
}

int brand_make_plan_in(struct tx *tx, struct brand_make *make, struct err *err)
{
    char fold[BRAND_ID_SIZE];
    struct choose choose = {.make = make};
    int rc = look(tx, &choose, err);
    if (rc)
        return rc;
    if (make->given_id.p && brand_id_fold(str_from(choose.id), fold) && brand_id_reserved(str_from(fold)))
        return err_set(err, ERR_CONFLICT, "Brand ID '%s' is reserved", choose.id);
    if (choose.taken)
        return err_set(err, ERR_CONFLICT, "Brand with ID '%s' already exists", choose.id);
    if (choose.full)
        return err_set(err, ERR_DENIED, "Brand limit reached");
    first_row(make, choose.id);
    return 0;
}

static int plan(struct tx *tx, void *arg, struct err *err)
{
    return brand_make_plan_in(tx, arg, err);
}

int brand_make_plan(struct store *store, const struct scope *scope, struct brand_make *make, struct err *err)
{
    return store_read(store, scope, plan, make, err);
}

int brand_make(struct store *store, const struct scope *scope, struct brand_make *make, struct err *err)
{
    int rc = ERR_CONFLICT;
    // Two that derive the same id at once: the second finds it taken at the insert, and derives again.
    for (int i = 0; i < TRIES && rc == ERR_CONFLICT; i++) {
        rc = brand_make_plan(store, scope, make, err);
        if (rc)
            return rc;
        struct scope own = *scope;
        own.brand = make->row.brand.id;
        rc = store_write(store, &own, insert, make, err);
        if (rc == ERR_CONFLICT)
            (void)err_set(err, rc, "Brand with ID '" STR_FMT "' already exists", STR_ARG(own.brand));
    }
    return rc;
}
