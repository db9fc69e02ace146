// SPDX-License-Identifier: Apache-2.0
// A column is a name and marks behind it: ! key, @ id, ~ user, { JSON with ids, # integer, % number, + kept by a row
// that is there, - left out, = made anew. Marks are those of enum tenant_flags. What is deleted for a while stays out,
// and so does what belongs to it; counters are counted anew.
#include "store/tenant.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIVE "deleted_at IS NULL"
#define OF_LIVE_CHATBOT                                                                                                \
    "(chatbot_id IS NULL OR chatbot_id NOT IN (SELECT c.id FROM chatbots c WHERE c.brand_id = $1 AND "                 \
    "c.deleted_at IS NOT NULL))"

static struct tenant_table tables[] = {
    {"brands",
     "fold_id= name description is_active# persona_prompt company_info appearance chat_settings pristine#= created_by~ "
     "created_at# updated_at# deleted_at#-"},
    {"brand_totals", "conversations#+ messages#+ products#- last_position#- last_activity#+"},
    {"budgets", "monthly_tokens# daily_tokens# monthly_cost# warn_at% on_exhausted warned_month#- warned_day#- "
                "exhausted_month#- exhausted_day#- updated_at#"},
    {"chatbots",
     "id!@ slug+ name description status is_default#+ is_public# system_prompt prompt_version# welcome_message "
     "configuration knowledge_filters{ engine engine_config tags default_personality_id@ publishable_key= language "
     "allowed_domains allow_localhost channels_off created_by~ created_at# updated_at# deleted_at#- training# "
     "model_failures#- search_text",
     .place = "chatbot", .place_column = "id", .where = LIVE},
    {"prompt_versions", "chatbot_id!@ version#! prompt method created_by~ created_at# id@ description metadata{",
     .parent = "chatbots", .parent_column = "chatbot_id"},
    {"personalities",
     "id!@ chatbot_id@ name description traits tones language_style response_characteristics custom_instructions "
     "is_default# created_at# updated_at#",
     .place = "personality", .place_column = "id", .where = OF_LIVE_CHATBOT},
    {"suppliers",
     "id!@ name name_fold code code_fold contact_email contact_phone address is_active# product_count#- created_at# "
     "updated_at#",
     .place = "supplier", .place_column = "id", .natural = "name_fold"},
    {"ingredients",
     "id!@ kind supplier_id@ inci_name inci_fold trade_name cas_number einecs_number description search_fold "
     "is_active# document_count#- created_at# updated_at#",
     .place = "product", .place_column = "id", .natural = "supplier_id inci_fold"},
    {"products",
     "id! position#+ document_id@+ name description category category_fold price# features specifications "
     "availability# url image_url sample# created_at#+ updated_at#",
     .view = "visible_products", .place = "product", .place_column = "document_id"},
    {"knowledge_bases",
     "id!@ chatbot_id@ name kind is_active# created_at# description settings{ item_count#- "
     "updated_at#",
     .place = "knowledge_base", .place_column = "id", .where = OF_LIVE_CHATBOT},
    {"documents",
     "id!@ chatbot_id@ base_id@ type title content tags created_at# category product_id@ metadata citable# source "
     "status title_fold chunk_count# updated_at# deleted_at#- filename mime_type file_size# sha256 uploaded_by~ "
     "processing_error stage percent# pages# ocr_completed_at# embedding_completed_at#-",
     .place = "document", .place_column = "id", .where = LIVE " AND " OF_LIVE_CHATBOT},
    {"document_chunks", "document_id!@ ordinal#! page# heading start_at# end_at# created_at#", .parent = "documents",
     .parent_column = "document_id"},
    {"document_tags", "document_id!@ tag!", .parent = "documents", .parent_column = "document_id"},
    {"conversations",
     "id!@ chatbot_id@ session_id issued# channel user_label status message_count# started_at# last_message_at# "
     "ended_at# begun_by~ context event_count#- idle_at# metadata",
     .where = OF_LIVE_CHATBOT},
    {"messages", "conversation_id!@ seq#! id@ role content status mode finish_reason confidence% metadata{ created_at#",
     .parent = "conversations", .parent_column = "conversation_id"},
    {"feedback",
     "id!@ chatbot_id@ conversation_id@ message_id@ user_label type comment source reported_query reported_response "
     "learned# created_at# updated_at#",
     .where = OF_LIVE_CHATBOT},
    {"webhooks",
     "id!@ scope name description url events chatbot_id@ secret= secret_hint= old_secret- old_secret_until#- headers- "
     "header_values- active#= disabled_reason= retry_config filter_config{ ordering created_by~ created_at# "
     "updated_at# active_since#- due_at#- hold_until#- total#- succeeded#- failed#- cancelled#- given_up#- "
     "last_attempt_at#- last_success_at#- last_failure_at#-",
     .place = "webhook", .place_column = "id", .where = "scope <> 'installation' AND " OF_LIVE_CHATBOT},
};
enum { TABLES = sizeof tables / sizeof *tables };

const struct tenant_absent tenant_absent[] = {
    {"api_keys", "secret: only their hashes are kept; make new keys"},
    {"old_publishable_keys", "keys that end within a day; every chatbot gets a new publishable key"},
    {"invites", "secret: only their hashes are kept; invite anew"},
    {"memberships", "users belong to their installation; super_admins see the brand, others join anew"},
    {"places", "made anew with what they lead to"},
    {"stagings", "products on their way into the catalogue, or there already"},
    {"staged_products", "products on their way into the catalogue, or there already"},
    {"vectors", "computed anew by the model of the new installation"},
    {"text_vectors", "computed anew by the model of the new installation"},
    {"vector_indexes", "computed anew by the model of the new installation"},
    {"activities", "what people of this installation did, for a while"},
    {"tool_calls", "what was called in turns of this installation, for a while"},
    {"jobs", "work of the installation; what the rows need is queued anew"},
    {"uploads", "originals of product files, kept for a while for the operator of the installation"},
    {"events", "what was told to webhooks and streams of this installation"},
    {"deliveries", "what was told to webhooks of this installation"},
    {"attempts", "what was told to webhooks of this installation"},
    {"delivery_counts", "what was told to webhooks of this installation"},
    {"imports", "an import that is under way"},
    {"import_undo", "an import that is under way"},
    {"audit", "a chain of what was done in this installation"},
    {"audit_heads", "the ends of that chain"},
    {"usage_rows", "what models of this installation cost"},
    {NULL, NULL},
};

static void read_spec(struct tenant_table *table)
{
    static const struct {
        char mark;
        unsigned flag;
    } marks[] = {{'!', TENANT_KEY},  {'@', TENANT_ID},    {'~', TENANT_USER}, {'{', TENANT_JSON}, {'#', TENANT_INT},
                 {'%', TENANT_REAL}, {'+', TENANT_FIRST}, {'-', TENANT_OUT},  {'=', TENANT_MADE}};
    struct str rest = str_from(table->spec);
    while (rest.p && table->n < TENANT_COLUMNS) {
        struct str word = str_split(&rest, ' ');
        struct tenant_column *column = &table->columns[table->n++];
        for (bool marked = true; marked && word.n;) {
            marked = false;
            for (size_t i = 0; i < sizeof marks / sizeof *marks && !marked; i++)
                if (word.p[word.n - 1] == marks[i].mark) {
                    column->flags |= marks[i].flag;
                    marked = true;
                }
            word.n -= marked;
        }
        (void)snprintf(column->name, sizeof column->name, STR_FMT, STR_ARG(word));
    }
}

static void read_specs(void)
{
    for (size_t i = 0; i < TABLES; i++) {
        tables[i].index = i;
        read_spec(&tables[i]);
    }
}

size_t tenant_tables(const struct tenant_table **ret)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, read_specs);
    *ret = tables;
    return TABLES;
}

const struct tenant_table *tenant_find(struct str name)
{
    const struct tenant_table *all;
    size_t n = tenant_tables(&all);
    for (size_t i = 0; i < n; i++)
        if (str_eq(name, str_from(all[i].name)))
            return &all[i];
    return NULL;
}

size_t tenant_column(const struct tenant_table *table, struct str name)
{
    size_t i = 0;
    while (i < table->n && !str_eq(name, str_from(table->columns[i].name)))
        i++;
    return i;
}

bool tenant_in_file(const struct tenant_table *table, size_t column)
{
    return !(table->columns[column].flags & (TENANT_OUT | TENANT_MADE));
}
