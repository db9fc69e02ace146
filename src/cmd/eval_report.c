// SPDX-License-Identifier: Apache-2.0
#include "cmd/eval_report.h"

#include "base/utf8.h"

#include <math.h>
#include <stdio.h>

#define SAME 0.00005 // figures are written with four decimals

void eval_report_init(struct eval_report *report)
{
    *report = (struct eval_report){.n = 1};
    report->groups[0] = (struct eval_group){.of = "all", .name = STR("all")};
}

static struct score *group(struct eval_report *report, const char *of, struct str name)
{
    for (size_t i = 0; i < report->n; i++)
        if (strcmp(report->groups[i].of, of) == 0 && str_eq(report->groups[i].name, name))
            return &report->groups[i].score;
    if (report->n == EVAL_GROUPS_MOST)
        return NULL;
    report->groups[report->n] = (struct eval_group){.of = of, .name = name};
    return &report->groups[report->n++].score;
}

void eval_report_add(struct eval_report *report, struct str language, struct str kind,
                     const struct score_result *result)
{
    struct score *of[] = {&report->groups[0].score, language.n ? group(report, "languages", language) : NULL,
                          kind.n ? group(report, "kinds", kind) : NULL};
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        if (of[i])
            score_add(of[i], result);
}

// The same group of an earlier run; NULL: it had none.
static yyjson_val *earlier(yyjson_val *baseline, const struct eval_group *group, struct str name)
{
    yyjson_val *part = json_get(baseline, group->of), *key, *value;
    size_t i, max;
    if (strcmp(group->of, "all") == 0)
        return part;
    yyjson_obj_foreach(part, i, max, key, value)
    {
        if (str_eq(json_str(key), name))
            return value;
    }
    return NULL;
}

static void print_figure(const struct score *score, const struct score_figure *figure, yyjson_val *before)
{
    yyjson_val *was = json_get(before, figure->name);
    if (!figure->of(score)) {
        printf("  %7s%s", "", before ? "       " : "");
        return;
    }
    double now = score_value(score, figure);
    printf("  %7.3f", now);
    if (before && was && fabs(now - yyjson_get_num(was)) >= SAME)
        printf(" %+.3f", now - yyjson_get_num(was));
    else if (before)
        printf("       ");
}

static void print_group(const struct eval_group *group, yyjson_val *baseline)
{
    yyjson_val *before = baseline ? earlier(baseline, group, group->name) : NULL;
    printf("%-14.*s %5zu", STR_ARG(group->name), group->score.questions);
    for (size_t i = 0; i < score_figure_count; i++)
        print_figure(&group->score, &score_figures[i], before);
    printf("\n");
}

void eval_report_print(const struct eval_report *report, yyjson_val *baseline)
{
    static const char *const parts[] = {"all", "languages", "kinds"};
    printf("%-14s %5s", "", "n");
    for (size_t i = 0; i < score_figure_count; i++)
        printf("  %7s%s", score_figures[i].head, baseline ? "       " : "");
    printf("\n");
    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++)
        for (size_t i = 0; i < report->n; i++)
            if (strcmp(report->groups[i].of, parts[p]) == 0)
                print_group(&report->groups[i], baseline);
}

static yyjson_mut_val *figures(const struct score *score, yyjson_mut_doc *doc)
{
    yyjson_mut_val *object = yyjson_mut_obj(doc);
    json_add_int(doc, object, "questions", (int64_t)score->questions);
    json_add_int(doc, object, "answerable", (int64_t)score->answerable);
    for (size_t i = 0; i < score_figure_count; i++)
        if (score_figures[i].of(score))
            json_add_decimal(doc, object, score_figures[i].name, score_value(score, &score_figures[i]), 4);
    return object;
}

yyjson_mut_val *eval_report_json(const struct eval_report *report, yyjson_mut_doc *doc)
{
    yyjson_mut_val *root = yyjson_mut_obj(doc), *languages = yyjson_mut_obj(doc), *kinds = yyjson_mut_obj(doc);
    json_add(doc, root, "all", figures(&report->groups[0].score, doc));
    json_add(doc, root, "languages", languages);
    json_add(doc, root, "kinds", kinds);
    for (size_t i = 1; i < report->n; i++) {
        const struct eval_group *g = &report->groups[i];
        (void)yyjson_mut_obj_add(strcmp(g->of, "languages") == 0 ? languages : kinds, json_new_str(doc, g->name),
                                 figures(&g->score, doc));
    }
    return root;
}

static bool worse(const struct score_figure *figure, double now, double bound)
{
    return figure->less_is_better ? now > bound + SAME : now < bound - SAME;
}

int eval_report_worse(const struct eval_report *report, yyjson_val *baseline)
{
    const struct score *score = &report->groups[0].score;
    yyjson_val *before = json_get(baseline, "all");
    int n = 0;
    for (size_t i = 0; i < score_figure_count; i++) {
        yyjson_val *was = json_get(before, score_figures[i].name);
        double now = score_value(score, &score_figures[i]);
        if (!was || !worse(&score_figures[i], now, yyjson_get_num(was)))
            continue;
        (void)fprintf(stderr, "worse than the baseline: %s %.4f, was %.4f\n", score_figures[i].name, now,
                      yyjson_get_num(was));
        n++;
    }
    return n;
}

int eval_report_gate(const struct eval_report *report, struct str gate, struct err *err)
{
    int n = 0;
    while (gate.p) {
        struct str bound = str_split(&gate, ','), name = str_trim(str_split(&bound, '='));
        const struct score_figure *figure = score_figure_named(name);
        double least;
        if (!figure || !bound.p || !str_to_double(str_trim(bound), &least))
            return err_set(err, ERR_INVALID, "--gate: '" STR_FMT "' is no figure with a bound", STR_ARG(name));
        double now = score_value(&report->groups[0].score, figure);
        if (!worse(figure, now, least))
            continue;
        (void)fprintf(stderr, "gate: %s %.4f, %s %.4f\n", figure->name, now,
                      figure->less_is_better ? "at most" : "at least", least);
        n++;
    }
    return n;
}
