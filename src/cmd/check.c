// SPDX-License-Identifier: Apache-2.0
// What works and what does not, before anybody is sent here. Exit 1 if the server could not start.
#include "cmd/command.h"
#include "cmd/compose.h"
#include "engine/models.h"

#include <curl/curl.h>
#include <stdio.h>

enum { TIMEOUT_MS = 5000, BODY_MOST = 1 << 20 };

static size_t drop(char *bytes, size_t size, size_t n, void *arg)
{
    (void)bytes;
    (void)arg;
    return size * n;
}

// Asks for the list of models: cheap, and every server has it.
static void check_provider(const struct llm_provider *provider)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    CURL *curl = curl_easy_init();
    struct curl_slist *fields = NULL;
    long status = 0;
    if (provider->api_key)
        fields = curl_slist_append(NULL, arena_printf(arena, "Authorization: Bearer %s", provider->api_key));
    curl_easy_setopt(curl, CURLOPT_URL, llm_url(arena, provider, "models", ""));
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    if (provider->ca_file)
        curl_easy_setopt(curl, CURLOPT_CAINFO, provider->ca_file);
    CURLcode rc = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (rc != CURLE_OK)
        printf("provider %-20s does not answer: %s\n", provider->id, curl_easy_strerror(rc));
    else
        printf("provider %-20s %s (HTTP %ld)\n", provider->id, status < 400 ? "works" : "answers with an error",
               status);
    curl_slist_free_all(fields);
    curl_easy_cleanup(curl);
}

int command_check(int argc, char **argv)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct settings *settings;
    struct composition c;
    struct llm_provider *providers;
    struct err err = {0};
    size_t n = 0;
    int code = command_read_settings(argc, argv, false, &settings);
    if (code)
        return EXIT_FAILED;
    printf("settings                      are valid\n");
    for (size_t i = 0; i < SETTING_COUNT; i++)
        if (setting_rows[i].flags & SETTING_RESERVED && settings_given(settings, (enum setting_id)i))
            printf("setting %-21s is not used by this version\n", setting_rows[i].name);
    int rc = models_of_settings(settings, arena, &providers, &n, &err);
    if (rc) {
        (void)command_fault("%s", err.text);
        settings_free(settings);
        return EXIT_FAILED;
    }
    code = compose(settings, COMPOSE_SHARED, &c);
    if (code == 0) {
        printf("store %-23s works, migrations are done%s\n", store_engine(c.app.store),
               store_writable(c.app.store) ? "" : " (not writable)");
        compose_end(&c);
    }
    for (size_t i = 0; i < n; i++)
        check_provider(&providers[i]);
    if (n == 0)
        printf("provider                      none: answers are quoted\n");
    settings_free(settings);
    return code ? EXIT_FAILED : EXIT_DONE;
}
