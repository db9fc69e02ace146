// SPDX-License-Identifier: Apache-2.0
// Asks the server that is running, over HTTP like anybody, and prints question and answer.
#include "cmd/demo.h"

#include "base/json.h"
#include "engine/catalogue.h"
#include "store/health.h"

#include <curl/curl.h>
#include <stdio.h>

#define QUESTION "Which laptop is good for video editing?"
enum { REPLY_MOST = 1 << 20, TIMEOUT_MS = 60000 };

static size_t take(char *bytes, size_t size, size_t n, void *arg)
{
    return buf_add(arg, bytes, size * n) ? size * n : 0;
}

static bool ask(const char *url, struct buf *reply)
{
    CURL *curl = curl_easy_init();
    struct curl_slist *fields = curl_slist_append(NULL, "Content-Type: application/json");
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "{\"message\":\"" QUESTION "\"}");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
    bool ok = curl_easy_perform(curl) == CURLE_OK;
    curl_slist_free_all(fields);
    curl_easy_cleanup(curl);
    return ok;
}

static void print_sources(yyjson_val *metadata)
{
    size_t i, max;
    yyjson_val *source;
    yyjson_arr_foreach(json_get(metadata, "sources"), i, max, source)
    {
        struct str title = json_get_str(source, "title"), type = json_get_str(source, "type");
        printf("   source: " STR_FMT " (" STR_FMT ")\n", STR_ARG(title), STR_ARG(type));
    }
}

struct progress_look {
    struct str model;
    struct health_index index;
};

static int look(struct tx *tx, void *arg, struct err *err)
{
    struct progress_look *l = arg;
    return health_index_read(tx, l->model, &l->index, err);
}

static void print_vectors(struct app *app)
{
    char key[EMBEDDER_KEY];
    struct scope everywhere = scope_installation(STR("demo"));
    catalogue_model(app->catalogues, key);
    struct progress_look l = {.model = str_from(key)};
    if (!key[0])
        printf("\n  No model makes vectors: search goes by words alone.\n");
    else if (store_read(app->store, &everywhere, look, &l, NULL) == 0)
        printf("\n  Search by meaning, vectors: %lld of %lld\n", (long long)l.index.vectors,
               (long long)l.index.passages);
}

void demo_show(struct app *app)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    AUTO_BUF struct buf reply = BUF_INIT(REPLY_MOST);
    const char *url = http_server_url(app->server, 0);
    yyjson_val *root;
    printf("\n  A page to chat with:   %s/demo\n  Every endpoint:        %s/docs\n\n", url, url);
    printf("  curl -s %s/chat/techpro -H 'Content-Type: application/json' -d '{\"message\":\"" QUESTION "\"}'\n\n",
           url);
    if (!ask(arena_printf(arena, "%s/chat/techpro", url), &reply) ||
        json_parse(arena, buf_str(&reply), 0, &root, NULL) != 0) {
        printf("  (the server did not answer the first question)\n");
        return;
    }
    struct str answer = json_get_str(root, "response");
    yyjson_val *metadata = json_get(root, "metadata");
    printf("You: " QUESTION "\nParley: " STR_FMT "\n", STR_ARG(answer));
    print_sources(metadata);
    if (str_eq(json_get_str(metadata, "mode"), STR("quoted")))
        printf(
            "\n  No model is set: answers are quoted from the catalogue and the documents. To let a model write them:\n"
            "  OPENAI_BASE_URL=http://127.0.0.1:11434/v1 OPENAI_MODEL=llama3 build/parley demo\n");
    print_vectors(app);
    printf("\n  Ctrl-C ends it.\n");
    (void)fflush(stdout);
}
