// SPDX-License-Identifier: Apache-2.0
#include "model/chatbot.h"

#include "base/id.h"
#include "model/knowledge.h"
#include "model/text.h"

#include <string.h>

#define AT(member) FIELD_AT(struct chatbot_rate_limit, member)
static const struct field rate_limit_fields[] = {
    {"limit", NULL, FIELD_INT, 0, AT(limit), 0, 100000, .fallback = "100", .help = "Turns of a visitor; 0: no limit"},
    {"windowMinutes", NULL, FIELD_INT, 0, AT(window_minutes), 1, 1440, .fallback = "60"},
    {"chatbotPerMinute", NULL, FIELD_INT, 0, AT(chatbot_per_minute), 0, 100000, .fallback = "600"},
};
static const struct model rate_limit_model = {"ChatbotRateLimit", NULL, sizeof(struct chatbot_rate_limit),
                                              MODEL_FIELDS(rate_limit_fields)};
#undef AT

#define AT(member) FIELD_AT(struct chatbot_intents, member)
static const struct field intents_fields[] = {
    {"enabled", NULL, FIELD_BOOL, 0, AT(enabled), .fallback = "true"},
    {"mode", NULL, FIELD_STRING, 0, AT(mode), .choices = "auto|ground|off", .fallback = "\"auto\""},
    {"threshold", NULL, FIELD_NUMBER, FIELD_NULL, AT(threshold), 0, 1},
    {"answerThreshold", NULL, FIELD_NUMBER, FIELD_NULL, AT(answer_threshold), 0, 1},
};
static const struct model intents_model = {"ChatbotIntents", NULL, sizeof(struct chatbot_intents),
                                           MODEL_FIELDS(intents_fields)};
#undef AT

#define AT(member) FIELD_AT(struct chatbot_context, member)
static const struct field context_fields[] = {
    {"enabled", NULL, FIELD_BOOL, 0, AT(enabled), .fallback = "true"},
    {"resolveReferences", NULL, FIELD_BOOL, 0, AT(resolve_references), .fallback = "true"},
    {"trustKeyUserId", NULL, FIELD_BOOL, 0, AT(trust_key_user_id), .fallback = "false"},
    {"ttlMinutes", NULL, FIELD_INT, 0, AT(ttl_minutes), 1, 43200, .fallback = "60"},
    {"topicMinutes", NULL, FIELD_INT, 0, AT(topic_minutes), 1, 1440, .fallback = "30"},
    {"entityDays", NULL, FIELD_INT, 0, AT(entity_days), 1, 365, .fallback = "30"},
};
static const struct model context_model = {"ChatbotContext", NULL, sizeof(struct chatbot_context),
                                           MODEL_FIELDS(context_fields)};
#undef AT

#define AT(member) FIELD_AT(struct chatbot_plugins, member)
static const struct field plugins_fields[] = {
    {"maxCalls", NULL, FIELD_INT, 0, AT(max_calls), 0, 40, .fallback = "16"},
    {"maxRounds", NULL, FIELD_INT, 0, AT(max_rounds), 1, 5, .fallback = "5"},
    {"budgetMs", NULL, FIELD_INT, 0, AT(budget_ms), 1000, 60000, .fallback = "20000"},
};
static const struct model plugins_model = {"ChatbotPlugins", NULL, sizeof(struct chatbot_plugins),
                                           MODEL_FIELDS(plugins_fields)};
#undef AT

#define AT(member) FIELD_AT(struct chatbot_configuration, member)
static const struct field configuration_fields[] = {
    {"model", NULL, FIELD_STRING, FIELD_NULL | FIELD_TRIM | FIELD_LINE, AT(model), 1, 100, .fallback = "\"gpt-4\"",
     .help = "null: the provider's default"},
    {"temperature", NULL, FIELD_NUMBER, 0, AT(temperature), 0, 2, .fallback = "0.7"},
    {"maxTokens", NULL, FIELD_INT, 0, AT(max_tokens), 1, 8000, .fallback = "500"},
    {"language", NULL, FIELD_STRING, FIELD_TRIM, AT(language), 2, 10, .fallback = "\"en\"", .valid = text_is_language,
     .pattern = LANGUAGE_PATTERN, .pattern_help = "a BCP 47 language tag", .help = "Of fixed texts"},
    {"responseTimeout", NULL, FIELD_INT, 0, AT(response_timeout), 5, 300, .fallback = "30", .help = "Seconds"},
    {"welcomeMessage", NULL, FIELD_STRING, FIELD_TRIM | FIELD_SKIP_NULL, AT(welcome_message), 1, 500,
     .help = "The chatbot's welcomeMessage"},
    {"similarityThreshold", NULL, FIELD_NUMBER, 0, AT(similarity_threshold), 0, 1, .fallback = "0.3"},
    {"maxResults", NULL, FIELD_INT, 0, AT(max_results), 1, 20, .fallback = "5"},
    {"historyMessages", NULL, FIELD_INT, 0, AT(history_messages), 0, 100, .fallback = "20"},
    {"retentionDays", NULL, FIELD_INT, 0, AT(retention_days), 0, 3650, .fallback = "0", .help = "0: kept"},
    {"rateLimit", NULL, FIELD_OBJECT, FIELD_MERGE, AT(rate_limit), .model = &rate_limit_model},
    {"intents", NULL, FIELD_OBJECT, FIELD_MERGE, AT(intents), .model = &intents_model},
    {"context", NULL, FIELD_OBJECT, FIELD_MERGE, AT(context), .model = &context_model},
    {"plugins", NULL, FIELD_OBJECT, FIELD_MERGE, AT(plugins), .model = &plugins_model},
    {"sessionTimeoutMinutes", NULL, FIELD_INT, 0, AT(session_timeout_minutes), 1, 1440, .fallback = "30"},
};
const struct model chatbot_configuration_model = {"ChatbotConfiguration", NULL, sizeof(struct chatbot_configuration),
                                                  MODEL_FIELDS(configuration_fields)};
#undef AT

#define AT(member) FIELD_AT(struct chatbot_creator, member)
static const struct field creator_fields[] = {
    {"id", NULL, FIELD_STRING, 0, AT(id)},
    {"username", NULL, FIELD_STRING, 0, AT(username)},
    {"name", NULL, FIELD_STRING, 0, AT(name)},
    {"email", NULL, FIELD_STRING, 0, AT(email)},
};
const struct model chatbot_creator_model = {"ChatbotCreator", NULL, sizeof(struct chatbot_creator),
                                            MODEL_FIELDS(creator_fields)};
#undef AT

#define AT(member) FIELD_AT(struct chatbot_stats, member)
static const struct field stats_fields[] = {
    {"totalConversations", NULL, FIELD_INT, 0, AT(total_conversations), .fallback = "0"},
    {"uniqueUsers", NULL, FIELD_INT, 0, AT(unique_users), .fallback = "0"},
    {"lastActivity", NULL, FIELD_TIME, FIELD_NULL, AT(last_activity)},
};
static const struct model stats_model = {"ChatbotStats", NULL, sizeof(struct chatbot_stats),
                                         MODEL_FIELDS(stats_fields)};
#undef AT

#define INTERNAL (FIELD_READONLY | FIELD_HIDDEN)
#define AT(member) FIELD_AT(struct chatbot, member)
static const struct field chatbot_fields[] = {
    {"id", "id", FIELD_STRING, FIELD_READONLY | FIELD_KEY, AT(id)},
    {"slug", "slug", FIELD_STRING, FIELD_TRIM, AT(slug), 1, 48, .valid = chatbot_slug_valid,
     .pattern = "^[a-z0-9-]{1,48}$", .pattern_help = "a-z, 0-9 and - and not the form of a UUID",
     .example = "\"fern-bot\""},
    {"brandId", NULL, FIELD_STRING, FIELD_READONLY, AT(brand_id)},
    {"name", "name", FIELD_STRING, FIELD_REQUIRED | FIELD_TRIM | FIELD_LINE, AT(name), 1, 255,
     .example = "\"Fern bot\""},
    {"description", "description", FIELD_STRING, FIELD_TRIM | FIELD_NULL, AT(description), 0, 1000},
    {"status", "status", FIELD_STRING, FIELD_CHANGE, AT(status), .choices = "testing|active|inactive",
     .fallback = "\"testing\"", .shown_choices = "testing|active|inactive|training|error",
     .help = "training and error are only shown, while they hold"},
    {"apiKeyHint", NULL, FIELD_STRING, FIELD_READONLY, AT(api_key_hint)},
    {"publishableKey", "publishable_key", FIELD_STRING, FIELD_READONLY | FIELD_SECRET, AT(publishable_key)},
    {"welcomeMessage", "welcome_message", FIELD_STRING, FIELD_TRIM, AT(welcome_message), 1, 500,
     .fallback = "\"Hello! How can I help you today?\""},
    {"configuration", "configuration", FIELD_OBJECT, FIELD_MERGE, AT(configuration),
     .model = &chatbot_configuration_model},
    {"knowledgeSourceFilters", "knowledge_filters", FIELD_JSON, 0, AT(knowledge_filters), 0, 5, .item_high = 40,
     .bytes = 131072, .depth = 2, .fallback = "{}", .model = &knowledge_filters_model, .help = "Replaced as a whole"},
    {"promptVersion", "prompt_version", FIELD_INT, FIELD_READONLY, AT(prompt_version)},
    {"engine", "engine", FIELD_STRING, 0, AT(engine), .choices = "openai|botpress|huggingface|rasa|custom",
     .fallback = "\"openai\"", .help = "A label for clients"},
    {"engineConfig", "engine_config", FIELD_JSON, 0, AT(engine_config), 0, 1000, .item_high = 255, .bytes = 16384,
     .fallback = "{}"},
    {"isPublic", "is_public", FIELD_BOOL, 0, AT(is_public), .fallback = "false"},
    {"isDefault", "is_default", FIELD_BOOL, FIELD_READONLY, AT(is_default), .fallback = "false"},
    {"tags", "tags", FIELD_STRINGS, FIELD_TRIM, AT(tags), 0, 20, 50, .fallback = "[]"},
    {"defaultPersonalityId", "default_personality_id", FIELD_STRING, FIELD_NULL | FIELD_TRIM,
     AT(default_personality_id), 1, 64, .alias = "defaultPersonality"},
    {"defaultPersonality", NULL, FIELD_STRING, FIELD_READONLY, AT(default_personality)},
    {"createdBy", "created_by", FIELD_STRING, FIELD_TRIM | FIELD_HIDDEN | FIELD_CHANGE, AT(created_by), 1, 64,
     .help = "By an admin alone: the member of the brand to whom the chatbot is handed over"},
    {"createdBy", NULL, FIELD_OBJECT, FIELD_READONLY | FIELD_NULL, AT(creator), .model = &chatbot_creator_model},
    {"owner", NULL, FIELD_STRING, FIELD_READONLY, AT(owner)},
    {"stats", NULL, FIELD_OBJECT, FIELD_READONLY, AT(stats), .model = &stats_model,
     .help = "Without playground and test traffic"},
    {"createdAt", "created_at", FIELD_TIME, FIELD_READONLY, AT(created_at)},
    {"updatedAt", "updated_at", FIELD_TIME, FIELD_READONLY, AT(updated_at)},
    {"deletedAt", "deleted_at", FIELD_TIME, FIELD_READONLY | FIELD_NULL, AT(deleted_at)},
    {"systemPrompt", "system_prompt", FIELD_STRING, FIELD_HIDDEN | FIELD_CREATE, AT(system_prompt), 1, 10000,
     .help = "Version 1 of the prompt"},
    {"apiKey", NULL, FIELD_STRING, INTERNAL, AT(api_key_hint)}, // a patch may send back what POST has shown
    {"answerLanguage", "language", FIELD_STRING, INTERNAL, AT(language)},
    {"allowLocalhost", "allow_localhost", FIELD_STRING, INTERNAL, AT(allow_localhost), .fallback = "\"always\""},
    {"allowedDomains", "allowed_domains", FIELD_STRINGS, INTERNAL, AT(allowed_domains)},
    {"channelsOff", "channels_off", FIELD_STRINGS, INTERNAL, AT(channels_off), .fallback = "[]"},
    {"training", "training", FIELD_BOOL, INTERNAL, AT(training), .fallback = "false"},
    {"modelFailures", "model_failures", FIELD_INT, INTERNAL, AT(model_failures), .fallback = "0"},
    {"searchText", "search_text", FIELD_STRING, INTERNAL, AT(search_text)},
};
const struct model chatbot_model = {"Chatbot", "chatbots", sizeof(struct chatbot), MODEL_FIELDS(chatbot_fields),
                                    .order = "created_at DESC, id DESC"};
#undef AT

bool chatbot_slug_valid(struct str slug)
{
    for (size_t i = 0; i < slug.n; i++)
        if (!(slug.p[i] >= 'a' && slug.p[i] <= 'z') && !(slug.p[i] >= '0' && slug.p[i] <= '9') && slug.p[i] != '-')
            return false;
    return slug.n >= 1 && slug.n < CHATBOT_SLUG_SIZE && !id_valid(slug);
}

void chatbot_slug_from_name(struct str name, char out[CHATBOT_SLUG_SIZE])
{
    if (text_slug(name, '-', out, CHATBOT_SLUG_SIZE) == 0 || id_valid(str_from(out)))
        memcpy(out, "chatbot", sizeof "chatbot");
}

struct str chatbot_status_shown(const struct chatbot *chatbot)
{
    if (str_eq(chatbot->status, STR("inactive")))
        return chatbot->status;
    return chatbot->training                                ? STR("training")
           : chatbot->model_failures >= CHATBOT_ERROR_TURNS ? STR("error")
                                                            : chatbot->status;
}

bool chatbot_channel_on(const struct chatbot *chatbot, const char *channel)
{
    for (size_t i = 0; i < chatbot->channels_off.n; i++)
        if (str_eq(chatbot->channels_off.at[i], str_from(channel)))
            return false;
    return true;
}
