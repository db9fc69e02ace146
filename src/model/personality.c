// SPDX-License-Identifier: Apache-2.0
#include "model/personality.h"

#define AT(member) FIELD_AT(struct trait, member)
static const struct field trait_fields[] = {
    {"name", NULL, FIELD_STRING, FIELD_REQUIRED | FIELD_TRIM | FIELD_LINE, AT(name), 1, 50, .example = "\"patient\""},
    {"value", NULL, FIELD_NUMBER, 0, AT(value), -1, 1, .fallback = "0.5", .decimals = 3},
    {"description", NULL, FIELD_STRING, FIELD_TRIM | FIELD_LINE, AT(description), 0, 200, .fallback = "\"\""},
};
static const struct model trait_model = {"Trait", NULL, sizeof(struct trait), MODEL_FIELDS(trait_fields)};
#undef AT

#define AT(member) FIELD_AT(struct tone, member)
static const struct field tone_fields[] = {
    {"name", NULL, FIELD_STRING, FIELD_REQUIRED | FIELD_TRIM | FIELD_LINE, AT(name), 1, 50, .example = "\"warm\""},
    {"strength", NULL, FIELD_NUMBER, 0, AT(strength), 0, 1, .fallback = "0.5", .decimals = 3},
    {"description", NULL, FIELD_STRING, FIELD_TRIM | FIELD_LINE, AT(description), 0, 200, .fallback = "\"\""},
};
static const struct model tone_model = {"Tone", NULL, sizeof(struct tone), MODEL_FIELDS(tone_fields)};
#undef AT

#define AT(member) FIELD_AT(struct language_style, member)
static const struct field style_fields[] = {
    {"formality", NULL, FIELD_NUMBER, 0, AT(formality), -1, 1, .fallback = "0", .decimals = 3},
    {"complexity", NULL, FIELD_NUMBER, 0, AT(complexity), -1, 1, .fallback = "0", .decimals = 3},
    {"verbosity", NULL, FIELD_NUMBER, 0, AT(verbosity), -1, 1, .fallback = "0", .decimals = 3},
};
static const struct model style_model = {"LanguageStyle", NULL, sizeof(struct language_style),
                                         MODEL_FIELDS(style_fields)};
#undef AT

#define AT(member) FIELD_AT(struct response_characteristics, member)
static const struct field characteristics_fields[] = {
    {"humor", NULL, FIELD_NUMBER, 0, AT(humor), 0, 1, .fallback = "0.2", .decimals = 3},
    {"empathy", NULL, FIELD_NUMBER, 0, AT(empathy), 0, 1, .fallback = "0.5", .decimals = 3},
    {"creativity", NULL, FIELD_NUMBER, 0, AT(creativity), 0, 1, .fallback = "0.3", .decimals = 3},
};
static const struct model characteristics_model = {
    "ResponseCharacteristics", NULL, sizeof(struct response_characteristics), MODEL_FIELDS(characteristics_fields)};
#undef AT

#define AT(member) FIELD_AT(struct personality, member)
static const struct field personality_fields[] = {
    {"id", "id", FIELD_STRING, FIELD_READONLY | FIELD_KEY, AT(id)},
    {"chatbotId", "chatbot_id", FIELD_STRING, FIELD_READONLY | FIELD_FILTER, AT(chatbot_id)},
    {"name", "name", FIELD_STRING, FIELD_REQUIRED | FIELD_TRIM | FIELD_LINE, AT(name), 1, 100, .example = "\"Coach\""},
    {"description", "description", FIELD_STRING, FIELD_TRIM, AT(description), 0, 500, .fallback = "\"\""},
    {"traits", "traits", FIELD_OBJECTS, FIELD_BARE, AT(traits), 0, 30, .fallback = "[]", .model = &trait_model,
     .help = "A bare string is a trait of value 0.5"},
    {"tones", "tones", FIELD_OBJECTS, FIELD_BARE, AT(tones), 0, 30, .fallback = "[]", .model = &tone_model,
     .help = "A bare string is a tone of strength 0.5"},
    {"languageStyle", "language_style", FIELD_OBJECT, FIELD_MERGE, AT(language_style), .model = &style_model},
    {"responseCharacteristics", "response_characteristics", FIELD_OBJECT, FIELD_MERGE, AT(response_characteristics),
     .model = &characteristics_model},
    {"customInstructions", "custom_instructions", FIELD_STRING, 0, AT(custom_instructions), 0, 2000, .fallback = "\"\"",
     .help = "Added to the prompt as they stand"},
    {"isDefault", "is_default", FIELD_BOOL, 0, AT(is_default), .fallback = "false",
     .help = "True takes it from the others"},
    {"createdAt", "created_at", FIELD_TIME, FIELD_READONLY, AT(created_at)},
    {"updatedAt", "updated_at", FIELD_TIME, FIELD_READONLY, AT(updated_at)},
};
const struct model personality_model = {"Personality", "personalities", sizeof(struct personality),
                                        MODEL_FIELDS(personality_fields), .order = "created_at, id"};
#undef AT

static const struct field default_fields[] = {
    {"name", NULL, FIELD_STRING, FIELD_TRIM | FIELD_LINE, FIELD_AT(struct personality_default, name), 1, 100,
     .fallback = "\"Default\""},
};
const struct model personality_default_model = {"PersonalityDefault", NULL, sizeof(struct personality_default),
                                                MODEL_FIELDS(default_fields)};
