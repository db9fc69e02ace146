// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"

#include "llm/provider.h"

TEST(provider_urls)
{
    static const struct {
        const char *kind, *base, *version, *what, *expected;
    } rows[] = {
        {"openai", "https://api.example.com", NULL, "chat/completions", "https://api.example.com/v1/chat/completions"},
        {"openai", "https://api.example.com/", NULL, "models", "https://api.example.com/v1/models"},
        {"auto", "http://localhost:11434/v1/", NULL, "embeddings", "http://localhost:11434/v1/embeddings"},
        {"auto", "http://[::1]:80/api/llm", NULL, "models", "http://[::1]:80/api/llm/models"},
        {"azure", "https://x.example.com", "2024-06-01", "chat/completions",
         "https://x.example.com/openai/deployments/a%20b/chat/completions?api-version=2024-06-01"},
        {"azure", "https://x.example.com/openai/v1", NULL, "chat/completions",
         "https://x.example.com/openai/v1/chat/completions"},
    };
    struct arena *arena = arena_new(0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct llm_provider provider = {
            .id = "x", .kind = rows[i].kind, .base_url = rows[i].base, .api_version = rows[i].version, .retries = -1};
        assert_int_equal(llm_provider_check(&provider, NULL), 0);
        assert_string_equal(llm_url(arena, &provider, rows[i].what, "a b"), rows[i].expected);
    }
    arena_free(arena);
}

TEST(provider_models)
{
    const struct llm_pair pairs[] = {{"small", "s-1"}, {"*", "big-2"}};
    struct llm_provider provider = {.id = "x", .models = pairs, .n_models = 2};
    assert_string_equal(llm_map_model(&provider, "small"), "s-1");
    assert_string_equal(llm_map_model(&provider, "other"), "big-2");
    assert_string_equal(llm_map_model(&provider, ""), "big-2");
    provider.n_models = 1;
    assert_string_equal(llm_map_model(&provider, "other"), "other");
    assert_string_equal(llm_map_model(&provider, ""), "s-1");
    provider.n_models = 0;
    assert_string_equal(llm_map_model(&provider, ""), "");
}

TEST(provider_faults_name_the_field)
{
    struct err err;
    const struct llm_provider good = {.id = "a-1", .kind = "auto", .base_url = "http://h", .retries = -1};
    struct llm_provider bad = good;
    assert_int_equal(llm_provider_check(&bad, &err), 0);
    strcpy(bad.id, "A b");
    assert_int_equal(llm_provider_check(&bad, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "id"));
    static const char *const urls[] = {"ftp://x", "http://", "x", "http://u:p@h/", "http://h/?q=1", "http://h\r\nX: y"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        bad = good;
        bad.base_url = urls[i];
        assert_int_equal(llm_provider_check(&bad, &err), ERR_INVALID);
        assert_non_null(strstr(err.text, "baseUrl"));
    }
    bad = good;
    bad.kind = "nope";
    assert_int_equal(llm_provider_check(&bad, &err), ERR_INVALID);
    bad = good;
    bad.total_ms = 5;
    assert_int_equal(llm_provider_check(&bad, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "totalMs"));
    const struct llm_pair header = {"Authorization", "x"};
    bad = good;
    bad.extra_headers = &header;
    bad.n_extra_headers = 1;
    assert_int_equal(llm_provider_check(&bad, &err), ERR_INVALID);
    bad = good;
    bad.api_key = "a\r\nX: y";
    assert_int_equal(llm_provider_check(&bad, &err), ERR_INVALID);
}
