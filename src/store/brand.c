// SPDX-License-Identifier: Apache-2.0
#include "store/brand.h"

#include "base/id.h"
#include "base/vec.h"
#include "model/text.h"
#include "store/account.h"
#include "store/chatbot.h"
#include "store/prompt.h"
#include "store/ids.h"

#include <stdlib.h>

#define BRAND_COLUMNS                                                                                                  \
    "b.id, b.fold_id, b.name, b.description, b.is_active, b.created_at, b.updated_at, b.created_by, b.deleted_at, "    \
    "b.pristine, b.persona_prompt, b.company_info, b.appearance, b.chat_settings, c.id, c.status, c.system_prompt, "   \
    "c.welcome_message, c.configuration, c.language, c.allowed_domains, c.allow_localhost"

STORE_SQL_ALL(brand_by_fold,
              "SELECT " BRAND_COLUMNS " FROM brands b JOIN chatbots c ON c.brand_id = b.id AND c.is_default = 1 "
              "WHERE b.fold_id = $1");
STORE_SQL_ALL(brands_all, "SELECT id, name, description, created_at, updated_at, is_active FROM brands "
                          "WHERE deleted_at IS NULL AND is_active >= $1 ORDER BY created_at, id LIMIT $2 OFFSET $3");
STORE_SQL_ALL(
    brands_of_user,
    "SELECT b.id, b.name, b.description, b.created_at, b.updated_at, b.is_active FROM brands b JOIN memberships m "
    "ON m.brand_id = b.id AND m.user_id = $4 AND m.role = 'admin' AND m.active = 1 WHERE b.deleted_at IS NULL AND "
    "b.is_active >= $1 "
    "ORDER BY b.created_at, b.id LIMIT $2 OFFSET $3");
STORE_SQL_ALL(brands_all_count, "SELECT COUNT(*) FROM brands WHERE deleted_at IS NULL AND is_active >= $1");
STORE_SQL_ALL(brands_of_user_count,
              "SELECT COUNT(*) FROM brands b JOIN memberships m ON m.brand_id = b.id AND m.user_id = $2 AND "
              "m.role = 'admin' AND m.active = 1 WHERE b.deleted_at IS NULL AND b.is_active >= $1");
STORE_SQL_ALL(brands_made_by, "SELECT COUNT(*) FROM brands WHERE created_by = $1 AND deleted_at IS NULL");
STORE_SQL_ALL(brand_fold_exists, "SELECT 1 FROM brands WHERE fold_id = $1");
STORE_SQL(
    brand_row_insert,
    "INSERT INTO brands (id, fold_id, name, description, is_active, persona_prompt, company_info, appearance, "
    "chat_settings, pristine, created_by, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)");
STORE_SQL(totals_insert, "INSERT INTO brand_totals (brand_id) VALUES ($1)");
STORE_SQL(brand_update, "UPDATE brands SET name = $2, description = $3, is_active = $4, updated_at = $5 WHERE id = $1");
STORE_SQL(brand_taken_over, "UPDATE brands SET name = $2, description = $3, is_active = $4, updated_at = $5, "
                            "created_at = $6, pristine = 0 WHERE id = $1");
STORE_SQL(brand_config_update,
          "UPDATE brands SET persona_prompt = $2, company_info = $3, appearance = $4, chat_settings = $5, "
          "updated_at = $6, pristine = 0 WHERE id = $1");
STORE_SQL(chatbot_config_update, "UPDATE chatbots SET welcome_message = $2, configuration = $3, language = $4, "
                                 "allowed_domains = $5, updated_at = $6 WHERE brand_id = $1 AND is_default = 1");
STORE_SQL(brand_there, "SELECT 1 FROM brands WHERE id = $1 AND deleted_at IS NULL");
STORE_SQL(brand_delete_mark, "UPDATE brands SET deleted_at = $2, is_active = 0 WHERE id = $1");
STORE_SQL(brand_show_row, "UPDATE brands SET deleted_at = NULL WHERE id = $1");
STORE_SQL(brand_hide_row, "UPDATE brands SET deleted_at = $2 WHERE id = $1");
STORE_SQL(brand_keys_revoke, "UPDATE api_keys SET revoked_at = $2 WHERE brand_id = $1 AND revoked_at IS NULL");
STORE_SQL(brand_product_counts,
          "SELECT COUNT(*), COALESCE(SUM(availability), 0) FROM visible_products WHERE brand_id = $1");
STORE_SQL(brand_category_list, "SELECT DISTINCT category FROM visible_products WHERE brand_id = $1");
STORE_SQL(brand_active_conversations,
          "SELECT COUNT(*) FROM conversations WHERE brand_id = $1 AND last_message_at > $2 AND status <> 'ended'");
STORE_SQL(brand_total_counts, "SELECT conversations, messages, last_activity FROM brand_totals WHERE brand_id = $1");
STORE_SQL(brand_confidence,
          "SELECT AVG(confidence) FROM messages WHERE brand_id = $1 AND created_at > $2 AND confidence IS NOT NULL");

// What belongs to a brand and goes with it, in one place: every tenant's table but audit and usage. Those with a key go
// a few rows at a time, in this order: what is due by itself, what opens something, the rest; but for the job that does
// it, and the default chatbot, without which the brand is not found (its id would seem free).
#define ERASED                                                                                                         \
    ERASE(jobs, "brand_id, id", " AND kind <> 'brand.erase'")                                                          \
    ERASE(webhooks, "brand_id, id", "")                                                                                \
    ERASE(import_undo, "brand_id, import_id, ordinal", "")                                                             \
    ERASE(memberships, "brand_id, user_id", "")                                                                        \
    ERASE(invites, "brand_id, id", "")                                                                                 \
    ERASE(api_keys, "brand_id, id", "")                                                                                \
    ERASE(old_publishable_keys, "brand_id, key", "")                                                                   \
    ERASE(conversations, "brand_id, id", "")                                                                           \
    ERASE(messages, "brand_id, conversation_id, seq", "")                                                              \
    ERASE(feedback, "brand_id, id", "")                                                                                \
    ERASE(events, "brand_id, id", "")                                                                                  \
    ERASE(deliveries, "brand_id, id", "")                                                                              \
    ERASE(delivery_counts, "brand_id, webhook_id, event, status", "")                                                  \
    ERASE(attempts, "brand_id, delivery_id, id", "")                                                                   \
    ERASE(activities, "brand_id, created_at, id, type, user_id", "")                                                   \
    ERASE(tool_calls, "brand_id, id", "")                                                                              \
    ERASE(stagings, "brand_id, id", "")                                                                                \
    ERASE(staged_products, "brand_id, staging_id, id", "")                                                             \
    ERASE(products, "brand_id, id", "")                                                                                \
    ERASE(documents, "brand_id, id", "")                                                                               \
    ERASE(document_chunks, "brand_id, document_id, ordinal", "")                                                       \
    ERASE(document_tags, "brand_id, document_id, tag", "")                                                             \
    ERASE(knowledge_bases, "brand_id, id", "")                                                                         \
    ERASE(vectors, "brand_id, kind, document_id, ordinal, model", "")                                                  \
    ERASE(text_vectors, "brand_id, model, text_hash", "")                                                              \
    ERASE(ingredients, "brand_id, id", "")                                                                             \
    ERASE(suppliers, "brand_id, id", "")                                                                               \
    ERASE(uploads, "brand_id, id", "")                                                                                 \
    ERASE(personalities, "brand_id, id", "")                                                                           \
    ERASE(prompt_versions, "brand_id, chatbot_id, version", "")                                                        \
    ERASE(places, "kind, name", "")                                                                                    \
    ERASE(chatbots, "brand_id, id", " AND is_default = 0")
#define ERASE(table, key, but)                                                                                         \
    STORE_SQL(erase_##table, "DELETE FROM " #table " WHERE brand_id = $1");                                            \
    STORE_SQL(erase_some_##table, "DELETE FROM " #table " WHERE (" key ") IN (SELECT " key " FROM " #table             \
                                  " WHERE brand_id = $1" but " LIMIT $2)");
ERASED
#undef ERASE
#define ERASE(table) STORE_SQL(erase_##table, "DELETE FROM " #table " WHERE brand_id = $1")
ERASE(brand_totals);
ERASE(budgets);
ERASE(vector_indexes);
ERASE(imports);
#undef ERASE
STORE_SQL(erase_brand, "DELETE FROM brands WHERE id = $1");

static void load_config(struct rows *rows, struct arena *arena, struct brand_row *ret)
{
    struct brand_config *config = &ret->config;
    struct chat_settings *chat = &config->chat_settings;
    config->set = (UINT64_C(1) << brand_config_model.n) - 1;
    config->brand_id = ret->brand.id;
    config->persona_prompt = arena_str(arena, rows_str(rows, 10));
    config->company_info = arena_str(arena, rows_str(rows, 11));
    config->appearance_settings = arena_str(arena, rows_str(rows, 12));
    model_load_json(&chat_settings_model, arena, rows_str(rows, 13), chat);
    config->system_prompt = arena_str(arena, rows_str(rows, 16));
    config->welcome_message = arena_str(arena, rows_str(rows, 17));
    chat->temperature = ret->configuration.temperature;
    chat->max_tokens = ret->configuration.max_tokens;
    chat->history_messages = ret->configuration.history_messages;
    chat->language = arena_str(arena, rows_str(rows, 19));
    strings_load(arena, rows_str(rows, 20), &chat->allowed_domains);
    model_mark(&chat_settings_model, chat, "language", chat->language.p);
    model_mark(&chat_settings_model, chat, "allowed_domains", !rows_is_null(rows, 20));
    config->updated_at = ret->brand.updated_at;
    model_mark(&brand_config_model, config, "persona_prompt", config->persona_prompt.n);
    model_mark(&brand_config_model, config, "updated_at", config->updated_at);
}

static void load_brand(struct rows *rows, struct arena *arena, struct brand *ret)
{
    *ret = (struct brand){.set = (UINT64_C(1) << brand_model.n) - 1};
    ret->id = arena_str(arena, rows_str(rows, 0));
    ret->name = arena_str(arena, rows_str(rows, 1));
    ret->description = arena_str(arena, rows_str(rows, 2));
    ret->created_at = rows_int(rows, 3);
    ret->updated_at = rows_is_null(rows, 4) ? 0 : rows_int(rows, 4);
    ret->is_active = rows_bool(rows, 5);
    model_mark(&brand_model, ret, "updated_at", ret->updated_at);
}

int brand_load(struct tx *tx, struct arena *arena, const char *fold_id, struct brand_row *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &brand_by_fold, VALUES(v_cstr(fold_id)), &rows, err);
    if (rc != 1)
        return rc;
    *ret = (struct brand_row){0};
    ret->brand.set = (UINT64_C(1) << brand_model.n) - 1;
    ret->brand.id = arena_str(arena, rows_str(rows, 0));
    struct str fold = rows_str(rows, 1);
    memcpy(ret->fold_id, fold.p, fold.n < BRAND_ID_SIZE ? fold.n : BRAND_ID_SIZE - 1);
    ret->brand.name = arena_str(arena, rows_str(rows, 2));
    ret->brand.description = arena_str(arena, rows_str(rows, 3));
    ret->brand.is_active = rows_bool(rows, 4);
    ret->brand.created_at = rows_int(rows, 5);
    ret->brand.updated_at = rows_is_null(rows, 6) ? 0 : rows_int(rows, 6);
    model_mark(&brand_model, &ret->brand, "updated_at", ret->brand.updated_at);
    ret->created_by = arena_str(arena, rows_str(rows, 7));
    ret->deleted = !rows_is_null(rows, 8);
    ret->pristine = rows_bool(rows, 9);
    ret->chatbot_id = arena_str(arena, rows_str(rows, 14));
    ret->chatbot_status = arena_str(arena, rows_str(rows, 15));
    model_load_json(&chatbot_configuration_model, arena, rows_str(rows, 18), &ret->configuration);
    ret->allow_localhost = str_eq(rows_str(rows, 21), STR("always"));
    load_config(rows, arena, ret);
    return 1;
}

int brand_list(struct tx *tx, struct arena *arena, struct str user, bool active_only, int64_t limit, int64_t offset,
               struct brand **ret, size_t *ret_n, int64_t *ret_total, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    struct value args[] = {v_bool(active_only), v_int(limit < 0 ? INT64_MAX : limit), v_int(offset), v_str(user)};
    struct value count_args[] = {args[0], args[3]};
    int rc =
        count_query(tx, user.p ? &brands_of_user_count : &brands_all_count, count_args, user.p ? 2 : 1, ret_total, err);
    rc = rc ? rc : tx_query(tx, user.p ? &brands_of_user : &brands_all, args, user.p ? 4 : 3, &rows, err);
    VEC(struct brand) list = {0};
    while (!rc && (rc = rows_next(rows, err)) == 1) {
        struct brand brand;
        load_brand(rows, arena, &brand);
        vec_add(&list, brand);
        rc = 0;
    }
    vec_give(&list, arena, ret, ret_n);
    return rc;
}

int brand_made_by(struct tx *tx, struct str user, int64_t *ret, struct err *err)
{
    return count_query(tx, &brands_made_by, VALUES(v_str(user)), ret, err);
}

int brand_fold_taken(struct tx *tx, const char *fold_id, bool *ret, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &brand_fold_exists, VALUES(v_cstr(fold_id)), &rows, err);
    *ret = rc == 1;
    return rc < 0 ? rc : 0;
}

static struct value domains_value(struct arena *arena, const struct chat_settings *chat)
{
    if (!model_has(&chat_settings_model, chat, "allowed_domains"))
        return v_null();
    return v_str(json_write(arena, strings_json(json_doc(arena), &chat->allowed_domains)));
}

// The chatbot's configuration with what surface 001 sets of it.
static struct chatbot_configuration configuration_of(const struct brand_row *row)
{
    struct chatbot_configuration configuration = row->configuration;
    configuration.temperature = row->config.chat_settings.temperature;
    configuration.max_tokens = row->config.chat_settings.max_tokens;
    configuration.history_messages = row->config.chat_settings.history_messages;
    return configuration;
}

static struct value settings_value(struct arena *arena, const struct chat_settings *chat)
{
    return v_str(json_write(arena, model_encode(&chat_settings_model, json_doc(arena), chat)));
}

static int insert_chatbot(struct tx *tx, const struct brand_row *row, struct err *err)
{
    const struct chat_settings *chat = &row->config.chat_settings;
    struct arena *arena = tx_arena(tx);
    struct chatbot chatbot = {0};
    chatbot.configuration = row->configuration;
    model_defaults(&chatbot_model, arena, &chatbot);
    chatbot.configuration = configuration_of(row);
    chatbot.id = row->chatbot_id;
    chatbot.name = row->brand.name;
    chatbot.description = row->brand.description;
    chatbot.status = STR("active");
    chatbot.is_default = true;
    chatbot.system_prompt = row->config.system_prompt;
    chatbot.welcome_message = row->config.welcome_message;
    chatbot.language = model_has(&chat_settings_model, chat, "language") ? chat->language : STR_NULL;
    chatbot.allowed_domains = chat->allowed_domains;
    chatbot.created_by = row->created_by;
    chatbot.created_at = chatbot.updated_at = row->brand.created_at;
    for (size_t i = 0; i < chatbot_model.n; i++)
        chatbot.set |= UINT64_C(1) << i;
    model_mark(&chatbot_model, &chatbot, "answerLanguage", chatbot.language.p);
    model_mark(&chatbot_model, &chatbot, "allowedDomains", model_has(&chat_settings_model, chat, "allowed_domains"));
    model_mark(&chatbot_model, &chatbot, "createdBy", chatbot.created_by.p);
    model_mark(&chatbot_model, &chatbot, "defaultPersonalityId", false);
    model_mark(&chatbot_model, &chatbot, "deletedAt", false);
    return chatbot_insert(tx, arena, &chatbot, err);
}

int brand_insert(struct tx *tx, const struct brand_row *row, struct str owner, struct err *err)
{
    const struct brand_config *config = &row->config;
    const struct chat_settings *chat = &config->chat_settings;
    struct arena *arena = tx_arena(tx);
    int64_t now = row->brand.created_at;
    int rc = tx_exec(tx, &brand_row_insert,
                     VALUES(v_cstr(row->fold_id), v_str(row->brand.name), v_str(row->brand.description),
                            v_bool(row->brand.is_active), v_str(config->persona_prompt), v_str(config->company_info),
                            v_str(config->appearance_settings), settings_value(arena, chat), v_bool(row->pristine),
                            v_str(row->created_by), v_int(now)),
                     NULL, err);
    rc = rc ? rc : insert_chatbot(tx, row, err);
    rc = rc ? rc : tx_exec(tx, &totals_insert, NO_VALUES, NULL, err);
    if (!rc && owner.p)
        rc = membership_put(tx, owner, STR("admin"), now, err);
    tx_changed(tx, CHANGE_BRAND, STR_NULL);
    return rc;
}

int brand_save(struct tx *tx, const struct brand *brand, struct err *err)
{
    tx_changed(tx, CHANGE_BRAND, STR_NULL);
    return tx_exec(
        tx, &brand_update,
        VALUES(v_str(brand->name), v_str(brand->description), v_bool(brand->is_active), v_int(brand->updated_at)), NULL,
        err);
}

int brand_take_over(struct tx *tx, const struct brand *brand, struct err *err)
{
    tx_changed(tx, CHANGE_BRAND, STR_NULL);
    return tx_exec(tx, &brand_taken_over,
                   VALUES(v_str(brand->name), v_str(brand->description), v_bool(brand->is_active),
                          brand->updated_at ? v_int(brand->updated_at) : v_null(), v_int(brand->created_at)),
                   NULL, err);
}

int brand_save_config(struct tx *tx, const struct brand_row *row, bool prompt_changed, struct err *err)
{
    const struct brand_config *config = &row->config;
    const struct chat_settings *chat = &config->chat_settings;
    struct arena *arena = tx_arena(tx);
    struct value persona = config->persona_prompt.n ? v_str(config->persona_prompt) : v_null();
    bool has_language = model_has(&chat_settings_model, chat, "language");
    struct chatbot_configuration changed = configuration_of(row);
    struct value configuration =
        v_str(json_write(arena, model_encode(&chatbot_configuration_model, json_doc(arena), &changed)));
    int rc = tx_exec(tx, &brand_config_update,
                     VALUES(persona, v_str(config->company_info), v_str(config->appearance_settings),
                            settings_value(arena, chat), v_int(config->updated_at)),
                     NULL, err);
    rc = rc ? rc
            : tx_exec(tx, &chatbot_config_update,
                      VALUES(v_str(config->welcome_message), configuration,
                             has_language ? v_str(chat->language) : v_null(), domains_value(arena, chat),
                             v_int(config->updated_at)),
                      NULL, err);
    if (!rc && prompt_changed)
        rc = prompt_write(tx, row->chatbot_id,
                          &(struct prompt_version){.prompt = config->system_prompt, .created_at = config->updated_at},
                          err);
    tx_changed(tx, CHANGE_BRAND, STR_NULL);
    tx_changed(tx, CHANGE_CHATBOT, row->chatbot_id);
    return rc;
}

int brand_check_there(struct tx *tx, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    int rc = tx_query_one(tx, &brand_there, NO_VALUES, &rows, err);
    return rc == 0 ? err_set(err, ERR_NOT_FOUND, "Brand not found") : rc < 0 ? rc : 0;
}

int brand_mark_deleted(struct tx *tx, int64_t now, struct err *err)
{
    int rc = tx_exec(tx, &brand_delete_mark, VALUES(v_int(now)), NULL, err);
    tx_changed(tx, CHANGE_BRAND, STR_NULL);
    return rc ? rc : tx_exec(tx, &brand_keys_revoke, VALUES(v_int(now)), NULL, err);
}

int brand_hide(struct tx *tx, int64_t now, struct err *err)
{
    return tx_exec(tx, &brand_hide_row, VALUES(v_int(now)), NULL, err);
}

int brand_show(struct tx *tx, struct err *err)
{
    tx_changed(tx, CHANGE_BRAND, STR_NULL);
    return tx_exec(tx, &brand_show_row, NO_VALUES, NULL, err);
}

static const struct {
    const struct store_sql *all, *some; // some: NULL: one row
} erased[] = {
#define ERASE(table, key, but) {&erase_##table, &erase_some_##table},
    ERASED
#undef ERASE
    {&erase_brand_totals, NULL},
    {&erase_budgets, NULL},
    {&erase_vector_indexes, NULL},
    {&erase_imports, NULL},
    {&erase_brand, NULL},
};
enum { PARTS = sizeof erased / sizeof *erased };

int brand_erase_some(struct tx *tx, int64_t most, bool *ret_more, struct err *err)
{
    int64_t changed = 0, left = most;
    int rc = 0;
    for (size_t i = 0; i < PARTS && erased[i].some && left > 0 && !rc; i++) {
        rc = tx_exec(tx, erased[i].some, VALUES(v_int(left)), &changed, err);
        left -= changed;
    }
    *ret_more = left <= 0;
    return rc;
}

int brand_erase(struct tx *tx, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < PARTS && !rc; i++)
        rc = tx_exec(tx, erased[i].all, NO_VALUES, NULL, err);
    // The id is free again: whoever takes it must find nothing of this brand's in memory.
    tx_changed(tx, CHANGE_BRAND, STR_NULL);
    tx_changed(tx, CHANGE_PRODUCT, STR_NULL);
    tx_changed(tx, CHANGE_DOCUMENT, STR_NULL);
    return rc;
}

struct folded {
    struct str fold, text;
};

static int by_fold(const void *a, const void *b)
{
    const struct folded *x = a, *y = b;
    int order = str_cmp(x->fold, y->fold);
    return order ? order : str_cmp(x->text, y->text);
}

int brand_categories(struct tx *tx, struct arena *arena, struct str **ret, size_t *ret_n, struct err *err)
{
    AUTO_ROWS struct rows *rows = NULL;
    VEC(struct folded) list = {0};
    int rc = tx_query(tx, &brand_category_list, NO_VALUES, &rows, err);
    while (!rc && (rc = rows_next(rows, err)) == 1) {
        struct str text = arena_str(arena, rows_str(rows, 0));
        vec_push(&list, text_fold_case(arena, text), text);
        rc = 0;
    }
    if (list.n)
        qsort(list.at, list.n, sizeof *list.at, by_fold);
    *ret = arena_calloc(arena, list.n + 1, sizeof **ret);
    for (size_t i = 0; i < list.n; i++)
        (*ret)[i] = list.at[i].text;
    *ret_n = list.n;
    vec_done(&list);
    return rc;
}

enum { DAY_MS = 86400000 };

int brand_stats(struct tx *tx, struct arena *arena, int64_t now, struct brand_stats *ret, struct err *err)
{
    AUTO_ROWS struct rows *products = NULL, *totals = NULL, *confidence = NULL;
    *ret = (struct brand_stats){0};
    int rc = tx_query_one(tx, &brand_product_counts, NO_VALUES, &products, err);
    if (rc < 0)
        return rc;
    ret->products = rows_int(products, 0);
    ret->available = rows_int(products, 1);
    rc = brand_categories(tx, arena, &ret->categories, &ret->n_categories, err);
    rc =
        rc ? rc
           : count_query(tx, &brand_active_conversations, VALUES(v_int(now - DAY_MS)), &ret->active_conversations, err);
    if (rc || (rc = tx_query_one(tx, &brand_total_counts, NO_VALUES, &totals, err)) < 0)
        return rc;
    if (rc == 1) {
        ret->conversations = rows_int(totals, 0);
        ret->messages = rows_int(totals, 1);
        ret->last_activity = rows_is_null(totals, 2) ? 0 : rows_int(totals, 2);
    }
    rc = tx_query_one(tx, &brand_confidence, VALUES(v_int(now - INT64_C(30) * DAY_MS)), &confidence, err);
    if (rc < 0)
        return rc;
    ret->has_confidence = rc == 1 && !rows_is_null(confidence, 0);
    if (ret->has_confidence)
        ret->average_confidence = rows_real(confidence, 0);
    return 0;
}
