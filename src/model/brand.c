// SPDX-License-Identifier: Apache-2.0
#include "model/brand.h"

#include "base/id.h"
#include "base/utf8.h"
#include "model/text.h"

#include <ctype.h>
#include <stdio.h>

#define AT(member) FIELD_AT(struct brand, member)
static const struct field brand_fields[] = {
    {"id", "id", FIELD_STRING, FIELD_READONLY | FIELD_KEY, AT(id), .help = "Slug of the brand",
     .example = "\"nordvik\""},
    {"name", "name", FIELD_STRING, FIELD_REQUIRED, AT(name), 1, 255, .example = "\"Nordvik Outdoor\""},
    {"description", "description", FIELD_STRING, FIELD_REQUIRED, AT(description), 0, 2000},
    {"created_at", "created_at", FIELD_TIME, FIELD_READONLY, AT(created_at)},
    {"updated_at", "updated_at", FIELD_TIME, FIELD_READONLY | FIELD_NULL, AT(updated_at),
     .help = "null until the first change"},
    {"is_active", "is_active", FIELD_BOOL, 0, AT(is_active), .fallback = "true"},
};
const struct model brand_model = {"Brand", "brands", sizeof(struct brand), MODEL_FIELDS(brand_fields),
                                  .installation = true};
#undef AT

static bool is_given_id(struct str text)
{
    char id[BRAND_ID_SIZE];
    return brand_id_given(text, id);
}

#define AT(member) FIELD_AT(struct brand_create, member)
static const struct field create_fields[] = {
    {"name", NULL, FIELD_STRING, FIELD_REQUIRED | FIELD_TRIM, AT(name), 1, 255, .example = "\"Nordvik Outdoor\""},
    {"description", NULL, FIELD_STRING, FIELD_REQUIRED, AT(description), 0, 2000,
     .example = "\"Tents and packs for long walks\""},
    {"brand_id", NULL, FIELD_STRING, FIELD_TRIM | FIELD_EMPTY_NULL, AT(brand_id), .valid = is_given_id,
     .pattern = "^[A-Za-z0-9]([A-Za-z0-9 _-]{0,46}[A-Za-z0-9])?$",
     .pattern_help = "1 to 48 of a-z 0-9 _ -, beginning and ending with a letter or digit",
     .help = "Made from the name when absent"},
};
const struct model brand_create_model = {"BrandCreate", NULL, sizeof(struct brand_create), MODEL_FIELDS(create_fields)};
#undef AT

#define AT(member) FIELD_AT(struct brand_patch, member)
static const struct field patch_fields[] = {
    {"name", NULL, FIELD_STRING, FIELD_TRIM, AT(name), 1, 255},
    {"description", NULL, FIELD_STRING, 0, AT(description), 0, 2000},
    {"is_active", NULL, FIELD_BOOL, 0, AT(is_active)},
};
const struct model brand_patch_model = {"BrandUpdate", NULL, sizeof(struct brand_patch), MODEL_FIELDS(patch_fields)};
#undef AT

static bool currency_valid(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] < 'A' || text.p[i] > 'Z')
            return false;
    return text.n == 3;
}

// Subtags of 1 to 8 letters or digits; the first of 2 or 3 letters (RFC 5646 2.1, without private use alone).
#define AT(member) FIELD_AT(struct chat_settings, member)
static const struct field settings_fields[] = {
    {"public_access", NULL, FIELD_BOOL, 0, AT(public_access), .fallback = "false", .help = "Anybody may chat"},
    {"listed", NULL, FIELD_BOOL, 0, AT(listed), .fallback = "false", .help = "Named by GET / to anybody"},
    {"allowed_domains", NULL, FIELD_STRINGS, FIELD_NULL | FIELD_TRIM, AT(allowed_domains), 0, 100, 255,
     .help = "Origins that may use the chat; null: every"},
    {"conversation_ids", NULL, FIELD_STRING, 0, AT(conversation_ids), .choices = "any|issued", .fallback = "\"any\""},
    {"messages_per_minute", NULL, FIELD_INT, 0, AT(messages_per_minute), 1, 600, .fallback = "30",
     .help = "Chat frames of a socket in 60 s"},
    {"temperature", NULL, FIELD_NUMBER, 0, AT(temperature), 0, 2, .fallback = "0.7"},
    {"max_tokens", NULL, FIELD_INT, 0, AT(max_tokens), 1, 8000, .fallback = "500"},
    {"voice_max_tokens", NULL, FIELD_INT, 0, AT(voice_max_tokens), 10, 200, .fallback = "50"},
    {"history_messages", NULL, FIELD_INT, 0, AT(history_messages), 0, 100, .fallback = "20",
     .help = "Earlier messages sent to the model, in whole pairs"},
    {"suggestions", NULL, FIELD_BOOL, 0, AT(suggestions), .fallback = "true"},
    {"suggestion_limit", NULL, FIELD_INT, 0, AT(suggestion_limit), 0, 10, .fallback = "3"},
    {"similarity_threshold", NULL, FIELD_NUMBER, 0, AT(similarity_threshold), 0, 1, .fallback = "0.35"},
    {"suggest_unavailable", NULL, FIELD_BOOL, 0, AT(suggest_unavailable), .fallback = "false"},
    {"currency", NULL, FIELD_STRING, 0, AT(currency), .valid = currency_valid, .pattern = "^[A-Z]{3}$",
     .pattern_help = "an ISO 4217 code of 3 capitals", .fallback = "\"USD\""},
    {"language", NULL, FIELD_STRING, FIELD_NULL, AT(language), 2, 10, .valid = text_is_language,
     .pattern = LANGUAGE_PATTERN, .pattern_help = "a BCP 47 language tag",
     .help = "null: the customer's"},
    {"typing_frames", NULL, FIELD_BOOL, 0, AT(typing_frames), .fallback = "true"},
    {"price_guard", NULL, FIELD_BOOL, 0, AT(price_guard), .fallback = "true"},
};
const struct model chat_settings_model = {"ChatSettings", NULL, sizeof(struct chat_settings),
                                          MODEL_FIELDS(settings_fields)};
#undef AT

bool brand_colour_valid(struct str text)
{
    if (text.n == 0 || text.p[0] != '#' || (text.n != 4 && text.n != 7 && text.n != 9))
        return false;
    for (size_t i = 1; i < text.n; i++)
        if (!isxdigit((unsigned char)text.p[i]))
            return false;
    return true;
}

static void check_appearance(yyjson_val *appearance, struct faults *faults, const struct loc *root)
{
    static const char *const colours[] = {"primary_color", "secondary_color"};
    struct loc at = {root, STR("appearance_settings"), 0};
    for (size_t i = 0; i < 2; i++) {
        yyjson_val *value = json_get(appearance, colours[i]);
        struct loc place = {&at, str_from(colours[i]), 0};
        if (value && !(json_str(value).p && brand_colour_valid(json_str(value))))
            fault_add(faults, FAULT_FORM, &place, value, 0, "a colour as #rgb, #rrggbb or #rrggbbaa");
    }
    yyjson_val *logo = json_get(appearance, "logo_url");
    struct str url = json_str(logo);
    struct loc place = {&at, STR("logo_url"), 0};
    bool path = url.n && url.p[0] == '/' && (url.n == 1 || url.p[1] != '/');
    if (logo && !(url.p && url.n <= 2048 && (path || text_is_web_url(url))))
        fault_add(faults, FAULT_FORM, &place, logo, 0, "an http(s) address or a path with one leading slash");
}

static void check_config(const void *row, struct faults *faults, const struct loc *root)
{
    const struct brand_config *config = row;
    yyjson_val *appearance;
    if (config->appearance_settings.p &&
        json_parse(faults->arena, config->appearance_settings, 0, &appearance, NULL) == 0)
        check_appearance(appearance, faults, root);
}

#define AT(member) FIELD_AT(struct brand_config, member)
static const struct field config_fields[] = {
    {"brand_id", NULL, FIELD_STRING, FIELD_READONLY, AT(brand_id)},
    {"system_prompt", NULL, FIELD_STRING, 0, AT(system_prompt), 1, 10000},
    {"persona_prompt", NULL, FIELD_STRING, 0, AT(persona_prompt), 0, 10000},
    {"welcome_message", NULL, FIELD_STRING, 0, AT(welcome_message), 1, 500},
    {"company_info", NULL, FIELD_JSON, 0, AT(company_info), 0, 32, .item_high = 64, .bytes = 8192, .depth = 3},
    {"appearance_settings", NULL, FIELD_JSON, 0, AT(appearance_settings), 0, 32, .item_high = 64, .bytes = 8192,
     .depth = 3},
    {"chat_settings", NULL, FIELD_OBJECT, FIELD_MERGE, AT(chat_settings), .model = &chat_settings_model},
    {"updated_at", NULL, FIELD_TIME, FIELD_READONLY | FIELD_NULL, AT(updated_at)},
};
const struct model brand_config_model = {"BrandConfig", NULL, sizeof(struct brand_config), MODEL_FIELDS(config_fields),
                                         .check = check_config};
#undef AT

static const struct field prompt_fields[] = {
    {"system_prompt", NULL, FIELD_STRING, FIELD_REQUIRED, FIELD_AT(struct system_prompt_change, system_prompt), 1,
     10000},
};
const struct model system_prompt_model = {"SystemPromptChange", NULL, sizeof(struct system_prompt_change),
                                          MODEL_FIELDS(prompt_fields)};

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool brand_id_valid(struct str id)
{
    if (id.n < 1 || id.n >= BRAND_ID_SIZE || !is_word(id.p[0]) || !is_word(id.p[id.n - 1]))
        return false;
    for (size_t i = 0; i < id.n; i++)
        if (!is_word(id.p[i]) && id.p[i] != '_' && id.p[i] != '-')
            return false;
    return true;
}

bool brand_id_reserved(struct str id)
{
    static const struct str reserved[] = {STR("active"), STR("history"), STR("welcome"), STR("completion"),
                                          STR("feedback")};
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (str_eq(id, reserved[i]))
            return true;
    return false;
}

bool brand_id_fold(struct str id, char out[BRAND_ID_SIZE])
{
    if (id.n < 1 || id.n >= BRAND_ID_SIZE)
        return false;
    for (size_t i = 0; i < id.n; i++)
        out[i] = id.p[i] == '-' ? '_' : (char)(isascii(id.p[i]) ? tolower((unsigned char)id.p[i]) : '?');
    out[id.n] = 0;
    return brand_id_valid((struct str){out, id.n});
}

bool brand_id_given(struct str text, char out[BRAND_ID_SIZE])
{
    if (text.n < 1 || text.n >= BRAND_ID_SIZE)
        return false;
    for (size_t i = 0; i < text.n; i++)
        out[i] = text.p[i] == ' ' ? '_' : (char)(isascii(text.p[i]) ? tolower((unsigned char)text.p[i]) : '?');
    out[text.n] = 0;
    return brand_id_valid((struct str){out, text.n});
}

void brand_id_from_name(struct str name, char out[BRAND_ID_SIZE])
{
    if (text_slug(name, '_', out, BRAND_ID_SIZE) == 0) {
        memcpy(out, "brand_", 6);
        id_random(out + 6, 8, ID_LOWER_ALNUM);
    }
}
