// SPDX-License-Identifier: Apache-2.0
// A user's own questions against a brand's data: each is asked through the engine as a trial (nothing is stored), and
// what was found is scored. Documents are ranked as a turn ranks them, ten of them; products are those suggested.
#include "cmd/command.h"
#include "cmd/compose.h"
#include "cmd/eval_file.h"
#include "cmd/eval_report.h"

#include "engine/knowledge.h"
#include "store/conversation.h"

#include <stdio.h>
#include <stdlib.h>

enum { PAST_MOST = 2 * EVAL_LIST_MOST };

struct evaluation {
    struct composition composition;
    const char *brand_id; // of questions that name none
    struct eval_report report;
    struct brand_ref *brand; // of the last question
    yyjson_mut_doc *doc;
    yyjson_mut_val *answers; // NULL: not wanted
};

struct found { // what one question brought up, best first
    int grades[2 * SCORE_DEPTH];
    size_t n;
    yyjson_mut_val *ids; // NULL: not wanted
};

// The turn's end is waited for; its outcome is copied. An error code of the engine.
static int ask(struct evaluation *e, struct arena *arena, struct str text, const struct stored_message *past,
               size_t n_past, struct turn_outcome *ret)
{
    struct turn_input input = {.chatbot = &e->brand->chatbot,
                               .prefix = STR("eval:"),
                               .channel = STR("api"),
                               .message = text,
                               .unstored = true,
                               .past = past,
                               .n_past = n_past,
                               .actor = STR("eval"),
                               .actor_kind = ACTOR_SYSTEM};
    struct turn *turn = turn_start(e->composition.app.engine, &input, NULL, NULL, NULL);
    turn_wait(turn);
    *ret = *turn_outcome(turn);
    ret->content = arena_str(arena, ret->content);
    ret->searched = arena_str(arena, ret->searched);
    ret->metadata = arena_str(arena, ret->metadata);
    struct product *products = arena_calloc(arena, ret->n_products + 1, sizeof *products);
    for (size_t i = 0; i < ret->n_products; i++) {
        products[i].id = arena_str(arena, ret->products[i].id);
        products[i].name = arena_str(arena, ret->products[i].name);
    }
    ret->products = products;
    struct str *quoted = arena_calloc(arena, ret->n_quoted + 1, sizeof *quoted);
    for (size_t i = 0; i < ret->n_quoted; i++)
        quoted[i] = arena_str(arena, ret->quoted[i]);
    ret->quoted = quoted;
    turn_unref(turn);
    return ret->code;
}

static int grade_of(const struct eval_targets *targets, struct str id, struct str title)
{
    for (size_t i = 0; i < targets->n; i++)
        if (str_eq(targets->at[i].name, id) || str_eq_nocase(targets->at[i].name, title))
            return targets->at[i].grade;
    return 0;
}

static void add_found(struct evaluation *e, struct found *found, int grade, struct str id)
{
    if (found->n < sizeof found->grades / sizeof *found->grades)
        found->grades[found->n++] = grade;
    if (e->answers)
        (void)yyjson_mut_arr_append(found->ids, json_new_str(e->doc, id));
}

static int add_documents(struct evaluation *e, struct arena *arena, const struct eval_question *q,
                         const struct turn_outcome *outcome, struct found *ret, struct err *err)
{
    struct knowledge_query query;
    struct knowledge_found documents;
    knowledge_query_of(arena, &e->brand->chatbot, outcome->searched, &query);
    query.limit = SCORE_DEPTH;
    query.fresh = outcome->continues ? q->question : STR_NULL;
    int rc = knowledge_retrieve(e->composition.app.catalogues, e->brand, arena, &query, &documents, err);
    for (size_t i = 0; rc == 0 && i < documents.n; i++) {
        const struct passage *p = &documents.passages[i];
        add_found(e, ret, grade_of(&q->documents, p->document_id, p->title), p->document_id);
    }
    return rc;
}

// Was nothing given but what may be shown beside a question without an answer?
static bool was_refused(struct arena *arena, const struct eval_question *q, const struct turn_outcome *outcome)
{
    yyjson_val *metadata, *source;
    size_t i, max;
    for (i = 0; i < outcome->n_products; i++)
        if (!q->none || !grade_of(&q->products, outcome->products[i].id, outcome->products[i].name))
            return false;
    if (!outcome->mode || strcmp(outcome->mode, "curated") == 0 ||
        json_parse(arena, outcome->metadata, 0, &metadata, NULL) != 0)
        return false;
    yyjson_arr_foreach(json_get(metadata, "sources"), i, max, source)
    {
        bool product = str_eq(json_get_str(source, "type"), STR("product"));
        bool allowed =
            q->none && grade_of(&q->documents, json_get_str(source, "documentId"), json_get_str(source, "title"));
        if (!product && !allowed)
            return false;
    }
    return true;
}

static bool says(const struct eval_texts *texts, struct str answer)
{
    for (size_t i = 0; i < texts->n; i++)
        if (str_find(answer, texts->at[i]) >= 0)
            return true;
    return false;
}

static void add_answer(struct evaluation *e, const struct eval_question *q, const struct turn_outcome *outcome,
                       const struct score_result *result, yyjson_mut_val *found)
{
    if (!e->answers)
        return;
    yyjson_mut_val *one = yyjson_mut_arr_add_obj(e->doc, e->answers);
    size_t rank = 0;
    while (rank < result->n_found && result->found[rank] == 0)
        rank++;
    if (q->id.p)
        json_add_str(e->doc, one, "id", q->id);
    json_add_str(e->doc, one, "question", q->question);
    json_add_int(e->doc, one, "rank", rank < result->n_found ? (int64_t)rank + 1 : 0);
    json_add_bool(e->doc, one, "refused", result->refused);
    json_add_bool(e->doc, one, "right", result->none ? result->refused : rank == 0 && result->n_found);
    if (result->says)
        json_add_bool(e->doc, one, "said", result->said);
    if (result->quoted)
        json_add_decimal(e->doc, one, "beside", (double)result->beside / (double)result->quoted, 4);
    json_add(e->doc, one, "found", found);
    json_add_str(e->doc, one, "answer", outcome->content);
}

static int score(struct evaluation *e, struct arena *arena, const struct eval_question *q,
                 const struct turn_outcome *outcome, struct err *err)
{
    struct found found = {.ids = e->answers ? yyjson_mut_arr(e->doc) : NULL};
    int expected[2 * EVAL_LIST_MOST];
    size_t n_expected = 0;
    for (size_t i = 0; i < q->products.n; i++)
        expected[n_expected++] = q->products.at[i].grade;
    for (size_t i = 0; i < q->documents.n; i++)
        expected[n_expected++] = q->documents.at[i].grade;
    for (size_t i = 0; i < outcome->n_products && (q->products.n || q->none); i++)
        add_found(e, &found, grade_of(&q->products, outcome->products[i].id, outcome->products[i].name),
                  outcome->products[i].id);
    int rc = q->documents.n || q->none ? add_documents(e, arena, q, outcome, &found, err) : 0;
    struct score_result result = {.found = found.grades,
                                  .n_found = found.n,
                                  .expected = expected,
                                  .n_expected = n_expected,
                                  .none = q->none,
                                  .refused = was_refused(arena, q, outcome),
                                  .says = q->says.n > 0,
                                  .said = says(&q->says, outcome->content),
                                  .one_kind = !q->none && !q->products.n != !q->documents.n,
                                  .unasked = q->products.n ? outcome->n_quoted > 0 : outcome->n_products > 0};
    score_quote(&result, outcome->quoted, outcome->n_quoted, q->says.at, q->says.n);
    if (rc == 0) {
        eval_report_add(&e->report, q->language, q->kind, &result);
        add_answer(e, q, outcome, &result, found.ids);
    }
    return rc;
}

static int use_brand(struct evaluation *e, const struct eval_question *q, struct err *err)
{
    struct str id = q->brand.n ? q->brand : str_from(e->brand_id);
    if (e->brand && str_eq(e->brand->row.brand.id, id))
        return 0;
    brand_ref_drop(e->brand);
    e->brand = NULL;
    int rc = brands_get(e->composition.app.brands, id, &e->brand, err);
    return rc == 0 ? err_set(err, ERR_INVALID, "no brand '%.*s'", STR_ARG(id)) : rc < 0 ? rc : 0;
}

static int evaluate_one(struct evaluation *e, const struct eval_question *q, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct stored_message past[PAST_MOST];
    struct turn_outcome outcome;
    size_t n = 0;
    int rc = use_brand(e, q, err);
    for (size_t i = 0; i <= q->history.n && !rc; i++) {
        bool last = i == q->history.n;
        struct str text = last ? q->question : q->history.at[i];
        rc = ask(e, arena, text, past, n, &outcome);
        if (rc == ERR_UNAVAILABLE && outcome.model_failed)
            rc = 0; // that is an answer too: none
        if (rc || last)
            continue;
        past[n++] = (struct stored_message){.role = STR("user"), .content = text};
        past[n++] =
            (struct stored_message){.role = STR("assistant"), .content = outcome.content, .metadata = outcome.metadata};
    }
    if (rc && !err->text[0])
        return err_set(err, rc, "a question could not be asked");
    return rc ? rc : score(e, arena, q, &outcome, err);
}

static int finish(struct evaluation *e, const char *baseline_path, const char *gate, bool json)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    yyjson_val *baseline = NULL;
    struct str text;
    struct err err = {0};
    if (baseline_path &&
        (eval_read_text(arena, baseline_path, &text, &err) != 0 || json_parse(arena, text, 0, &baseline, NULL) != 0))
        return command_fault("%s", err.text[0] ? err.text : "--baseline: is no JSON");
    if (json) {
        yyjson_mut_val *root = eval_report_json(&e->report, e->doc);
        json_add(e->doc, root, "answers", e->answers);
        printf("%s\n", json_write(arena, root).p);
    } else {
        eval_report_print(&e->report, baseline);
    }
    int below = baseline ? eval_report_worse(&e->report, baseline) : 0;
    int unmet = gate ? eval_report_gate(&e->report, str_from(gate), &err) : 0;
    if (unmet < 0)
        return command_fault("%s", err.text);
    return below || unmet ? EXIT_FAILED : EXIT_DONE;
}

static int evaluate(struct evaluation *e, const struct eval_question *questions, size_t n)
{
    struct err err = {0};
    eval_report_init(&e->report);
    int rc = 0;
    for (size_t i = 0; i < n && !rc; i++)
        rc = evaluate_one(e, &questions[i], &err);
    brand_ref_drop(e->brand);
    if (rc)
        (void)command_fault("%s", err.text);
    return rc == 0 ? EXIT_DONE : rc == ERR_INVALID ? EXIT_USAGE : EXIT_FAILED;
}

// What is said wrong is found before any question is asked.
static int check_gate(const char *gate)
{
    struct eval_report empty;
    struct err err = {0};
    if (!gate)
        return 0;
    eval_report_init(&empty);
    eval_report_add(&empty, STR_NULL, STR_NULL, &(struct score_result){.none = true, .refused = true});
    return eval_report_gate(&empty, str_from(gate), &err) < 0 ? command_fault("%s", err.text) : 0;
}

int command_eval(int argc, char **argv)
{
    const char *brand_id = NULL, *json = NULL, *baseline = NULL, *gate = NULL, *words[1];
    struct option options[] = {{"--brand", true, &brand_id},
                               {"--json", false, &json},
                               {"--baseline", true, &baseline},
                               {"--gate", true, &gate}};
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct evaluation e = {0};
    struct eval_question *questions;
    struct settings *settings;
    struct err err = {0};
    size_t n = 0;
    argc = command_options(argc, argv, options, sizeof options / sizeof *options);
    if (argc < 0)
        return EXIT_USAGE;
    if (command_words(&argc, argv, words, 1) != 1)
        return command_fault("eval: name one file of questions");
    if (check_gate(gate) != 0)
        return EXIT_USAGE;
    if (eval_read(arena, words[0], &questions, &n, &err) != 0)
        return command_fault("%s", err.text);
    int code = command_read_settings(argc, argv, false, &settings);
    if (code)
        return code;
    code = compose(settings, COMPOSE_SHARED, &e.composition);
    if (code == 0) {
        e.brand_id = brand_id ? brand_id : settings_str(settings, SET_DEFAULT_BRAND);
        e.doc = json_doc(arena);
        e.answers = json ? yyjson_mut_arr(e.doc) : NULL;
        code = evaluate(&e, questions, n);
        compose_end(&e.composition);
        code = code ? code : finish(&e, baseline, gate, json);
    }
    settings_free(settings);
    return code;
}
