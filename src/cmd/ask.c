// SPDX-License-Identifier: Apache-2.0
// One question through the engine, without a server: the answer, its sources, and why each product was found.
#include "cmd/command.h"
#include "cmd/compose.h"

#include "engine/suggest.h"

#include <stdio.h>
#include <string.h>

static void print_reasons(struct composition *c, struct brand_ref *brand, struct arena *arena, struct str text)
{
    static const char *const parts[] = {"products", "passages"};
    struct err err;
    for (int part = 0; part < CATALOGUE_PARTS; part++) {
        // Each its own: the search fills in the question's vector and what counts as near in that collection.
        struct search_query query = {.text = text, .filter = SEARCH_ALL, .limit = 5, .idf_at_least = 1000};
        struct search_result found;
        if (catalogue_search(c->app.catalogues, brand, (enum catalogue_part)part, arena, &query, &found, &err) != 0 ||
            found.n == 0)
            continue;
        printf("\n%s\n", parts[part]);
        for (size_t i = 0; i < found.n; i++) {
            const struct search_hit *hit = &found.hits[i];
            printf("  %.4f  " STR_FMT "  words %.4f (rank %u, bm25 %.2f) vector %.4f (rank %u)\n",
                   (double)hit->relevance, STR_ARG(hit->doc), (double)hit->w, hit->word_rank, (double)hit->bm25,
                   (double)hit->v, hit->vector_rank);
            for (size_t k = 0; k < hit->n_matches; k++)
                printf("          " STR_FMT "  idf %.2f  zone %.1f\n", STR_ARG(hit->matches[k].term),
                       (double)hit->matches[k].idf, (double)hit->matches[k].weight);
        }
    }
}

static void print_json(const struct turn_outcome *outcome, struct arena *arena)
{
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *products = yyjson_mut_arr(doc);
    for (size_t i = 0; i < outcome->n_products; i++)
        (void)yyjson_mut_arr_append(products, model_encode(&product_model, doc, &outcome->products[i]));
    json_add_str(doc, root, "response", outcome->content);
    json_add_str(doc, root, "conversation_id", outcome->conversation_id);
    json_add(doc, root, "suggested_products", products);
    json_add(doc, root, "metadata", json_new_raw(doc, outcome->metadata));
    printf("%s\n", json_write(arena, root).p);
}

static int answer(struct composition *c, struct brand_ref *brand, struct str text, bool json)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct turn_input input = {.chatbot = &brand->chatbot,
                               .prefix = STR("ask:"),
                               .channel = STR("api"),
                               .message = text,
                               .actor = STR("ask"),
                               .actor_kind = ACTOR_SYSTEM};
    struct turn *turn = turn_start(c->app.engine, &input, NULL, NULL, NULL);
    turn_wait(turn);
    const struct turn_outcome *outcome = turn_outcome(turn);
    int code = outcome->code ? EXIT_FAILED : EXIT_DONE;
    if (outcome->code)
        (void)command_fault("%s", outcome->model_failed ? "the model failed and nothing can be quoted"
                                                        : "the store cannot be used");
    else if (json)
        print_json(outcome, arena);
    else
        printf(STR_FMT "\n", STR_ARG(outcome->content));
    turn_unref(turn);
    if (!code && !json)
        print_reasons(c, brand, arena, text);
    return code;
}

int command_ask(int argc, char **argv)
{
    const char *brand_id = NULL, *json = NULL, *words[32];
    struct option options[] = {{"--brand", true, &brand_id}, {"--json", false, &json}};
    AUTO_BUF struct buf text = BUF_INIT(16384);
    struct settings *settings;
    struct composition c;
    struct brand_ref *brand = NULL;
    struct err err = {0};
    argc = command_options(argc, argv, options, 2);
    if (argc < 0)
        return EXIT_USAGE;
    int n = command_words(&argc, argv, words, 32);
    for (int i = 0; i < n && i < 32; i++)
        buf_addf(&text, "%s%s", i ? " " : "", words[i]);
    if (n == 0)
        return command_fault("ask: what?");
    int code = command_read_settings(argc, argv, false, &settings);
    code = code ? code : compose(settings, COMPOSE_SHARED, &c);
    if (code)
        return code;
    if (!brand_id)
        brand_id = settings_str(settings, SET_DEFAULT_BRAND);
    if (brands_get(c.app.brands, str_from(brand_id), &brand, &err) == 1)
        code = answer(&c, brand, buf_str(&text), json);
    else
        code = command_fault("no brand '%.80s'", brand_id);
    brand_ref_drop(brand);
    compose_end(&c);
    settings_free(settings);
    return code;
}
