// SPDX-License-Identifier: Apache-2.0
#include "model/chatbot.h"

#include "base/test.h"

static void decode(struct arena *arena, const char *json, unsigned flags, struct chatbot *row)
{
    struct faults *faults = faults_new(arena);
    struct model_input input = {0};
    assert_int_equal(json_parse(arena, str_from(json), JSON_RAW_NUMBERS, &input.body, NULL), 0);
    assert_int_equal(model_decode(&chatbot_model, flags, &input, row, faults), 0);
}

// What was said to be null is not made the default again, however deep it stands.
TEST(chatbot_null_in_a_group_stays)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct chatbot row = {0};
    decode(arena, "{\"name\":\"x\",\"configuration\":{\"model\":null,\"intents\":{\"mode\":\"off\"}}}", 0, &row);
    assert_false(model_has(&chatbot_configuration_model, &row.configuration, "model"));
    assert_str(row.configuration.intents.mode, "off");
    assert_true(row.configuration.intents.enabled);
    assert_int_equal(row.configuration.max_tokens, 500);
    struct chatbot plain = {0};
    decode(arena, "{\"name\":\"x\"}", 0, &plain);
    assert_str(plain.configuration.model, "gpt-4");
}

TEST(chatbot_changes_of_groups_name_their_members)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct chatbot old = {0}, row;
    struct str before, after;
    decode(arena, "{\"name\":\"x\"}", 0, &old);
    row = old;
    decode(arena, "{\"configuration\":{\"maxTokens\":7,\"rateLimit\":{\"limit\":1}},\"tags\":[\"a\"]}", MODEL_PATCH,
           &row);
    model_diff(&chatbot_model, arena, &old, &row, &before, &after);
    assert_str(before, "{\"configuration\":{\"maxTokens\":500,\"rateLimit\":{\"limit\":100}},\"tags\":[]}");
    assert_str(after, "{\"configuration\":{\"maxTokens\":7,\"rateLimit\":{\"limit\":1}},\"tags\":[\"a\"]}");
    model_diff(&chatbot_model, arena, &old, &old, &before, &after);
    assert_str(after, "{}");
}

TEST(chatbot_what_holds_is_shown_over_its_status)
{
    struct chatbot row = {.status = STR("active")};
    assert_str(chatbot_status_shown(&row), "active");
    row.model_failures = CHATBOT_ERROR_TURNS - 1;
    assert_str(chatbot_status_shown(&row), "active");
    row.model_failures = CHATBOT_ERROR_TURNS;
    assert_str(chatbot_status_shown(&row), "error");
    row.training = true;
    assert_str(chatbot_status_shown(&row), "training");
    row.status = STR("inactive"); // answers nobody
    assert_str(chatbot_status_shown(&row), "inactive");
}

TEST(chatbot_channels)
{
    struct chatbot row = {.channels_off = {(struct str[]){STR("api")}, 1}};
    assert_false(chatbot_channel_on(&row, "api"));
    assert_true(chatbot_channel_on(&row, "web_embed"));
}

TEST(chatbot_slugs)
{
    static const char *const good[] = {"a", "fern-bot", "0", "-"};
    static const char *const bad[] = {"",
                                      "Fern",
                                      "a_b",
                                      "a b",
                                      "0198c0e0-0001-7000-8000-000000000001",
                                      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    char out[CHATBOT_SLUG_SIZE];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(chatbot_slug_valid(str_from(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(chatbot_slug_valid(str_from(bad[i])));
    chatbot_slug_from_name(STR("Été & Fern!"), out);
    assert_string_equal(out, "ete-fern");
    chatbot_slug_from_name(STR("ผู้ช่วย"), out);
    assert_string_equal(out, "chatbot");
    chatbot_slug_from_name(STR("0198c0e0-0001-7000-8000-000000000001"), out);
    assert_string_equal(out, "chatbot");
}

TEST(chatbot_schema_has_both_sides_of_its_creator)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *input = yyjson_mut_obj_get(model_schema(&chatbot_model, doc, 0), "properties");
    yyjson_mut_val *reply = yyjson_mut_obj_get(model_schema(&chatbot_model, doc, MODEL_REPLY), "properties");
    struct str shown = json_write(arena, yyjson_mut_obj_get(yyjson_mut_obj_get(reply, "createdBy"), "type"));
    assert_str(shown, "[\"object\",\"null\"]");
    yyjson_mut_val *change = yyjson_mut_obj_get(model_schema(&chatbot_model, doc, MODEL_PATCH), "properties");
    assert_null(yyjson_mut_obj_get(input, "createdBy"));
    assert_null(yyjson_mut_obj_get(input, "status"));
    assert_str(json_write(arena, yyjson_mut_obj_get(yyjson_mut_obj_get(change, "createdBy"), "type")), "\"string\"");
    assert_non_null(yyjson_mut_obj_get(change, "status"));
    assert_null(yyjson_mut_obj_get(change, "systemPrompt"));
    assert_non_null(yyjson_mut_obj_get(change, "stats")); // what was read may be sent back
    assert_non_null(yyjson_mut_obj_get(input, "systemPrompt"));
    assert_null(yyjson_mut_obj_get(reply, "systemPrompt"));
    assert_null(yyjson_mut_obj_get(input, "stats"));
    assert_non_null(yyjson_mut_obj_get(reply, "stats"));
    assert_null(yyjson_mut_obj_get(input, "allowLocalhost"));
}
