// SPDX-License-Identifier: Apache-2.0
#include "cmd/eval_file.h"

#include "base/json.h"
#include "base/vec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int eval_read_text(struct arena *arena, const char *path, struct str *ret, struct err *err)
{
    FILE *file = fopen(path, "rbe");
    if (!file)
        return err_set(err, ERR_IO, "%s: %m", path);
    AUTO_BUF struct buf text = BUF_INIT(EVAL_BYTES_MOST);
    char piece[65536];
    size_t n;
    while ((n = fread(piece, 1, sizeof piece, file)) > 0 && buf_add(&text, piece, n))
        ;
    bool failed = ferror(file);
    (void)fclose(file);
    if (failed)
        return err_set(err, ERR_IO, "%s: cannot be read", path);
    if (text.overflow)
        return err_set(err, ERR_INVALID, "%s: is over %d MiB", path, EVAL_BYTES_MOST >> 20);
    *ret = arena_str(arena, buf_str(&text));
    return 0;
}

// A text, or a list of texts. false: it is neither.
static bool read_texts(struct arena *arena, yyjson_val *value, struct eval_texts *ret)
{
    size_t i, max;
    yyjson_val *item;
    if (!value)
        return true;
    bool list = yyjson_is_arr(value);
    max = list ? yyjson_arr_size(value) : 1;
    if (max > EVAL_LIST_MOST || (!list && !yyjson_is_str(value)))
        return false;
    ret->at = arena_calloc(arena, max + 1, sizeof *ret->at);
    if (!list)
        ret->at[ret->n++] = json_str(value);
    yyjson_arr_foreach(value, i, max, item)
    {
        if (!yyjson_is_str(item))
            return false;
        ret->at[ret->n++] = json_str(item);
    }
    return true;
}

// Texts, each of grade 1, or an object of texts and their grades.
static bool read_targets(struct arena *arena, yyjson_val *value, struct eval_targets *ret)
{
    struct eval_texts names = {0};
    size_t i, max;
    yyjson_val *key, *grade;
    if (yyjson_is_obj(value)) {
        if (yyjson_obj_size(value) > EVAL_LIST_MOST)
            return false;
        ret->at = arena_calloc(arena, yyjson_obj_size(value) + 1, sizeof *ret->at);
        yyjson_obj_foreach(value, i, max, key, grade)
        {
            int64_t n = yyjson_is_int(grade) ? yyjson_get_sint(grade) : 0;
            if (n < 1 || n > EVAL_GRADE_MOST)
                return false;
            ret->at[ret->n++] = (struct eval_target){json_str(key), (int)n};
        }
        return true;
    }
    if (!read_texts(arena, value, &names))
        return false;
    ret->at = arena_calloc(arena, names.n + 1, sizeof *ret->at);
    for (; ret->n < names.n; ret->n++)
        ret->at[ret->n] = (struct eval_target){names.at[ret->n], 1};
    return true;
}

// What is wrong with the line; NULL: nothing.
static const char *read_question(struct arena *arena, struct str line, struct eval_question *ret)
{
    yyjson_val *root;
    if (json_parse(arena, line, 0, &root, NULL) != 0 || !yyjson_is_obj(root))
        return "is no JSON object";
    *ret = (struct eval_question){
        .id = json_get_str(root, "id"),
        .question = json_get_str(root, "question"),
        .brand = json_get_str(root, "brand"),
        .language = json_get_str(root, "language"),
        .kind = json_get_str(root, "kind"),
        .none = json_get_bool(root, "none", false),
    };
    if (!ret->question.n)
        return "has no `question`";
    if (!read_targets(arena, json_get(root, "documents"), &ret->documents))
        return "`documents`: ids or titles, or an object of them with grades 1..3";
    if (!read_targets(arena, json_get(root, "products"), &ret->products))
        return "`products`: ids or names, or an object of them with grades 1..3";
    if (!read_texts(arena, json_get(root, "says"), &ret->says))
        return "`says`: a text or a list of texts";
    if (!read_texts(arena, json_get(root, "history"), &ret->history))
        return "`history`: a list of texts";
    if (!ret->none && !ret->documents.n && !ret->products.n)
        return "names neither `documents` nor `products`, nor `none`";
    return NULL;
}

int eval_read(struct arena *arena, const char *path, struct eval_question **ret, size_t *ret_n, struct err *err)
{
    VEC(struct eval_question) questions = {0};
    struct str rest;
    int rc = eval_read_text(arena, path, &rest, err), number = 0;
    while (!rc && rest.p) {
        struct str line = str_trim(str_split(&rest, '\n'));
        struct eval_question question;
        number++;
        if (!line.n)
            continue;
        const char *fault =
            questions.n == EVAL_QUESTIONS_MOST ? "is one too many" : read_question(arena, line, &question);
        if (fault)
            rc = err_set(err, ERR_INVALID, "%s, line %d: %s", path, number, fault);
        else
            vec_add(&questions, question);
    }
    if (!rc && !questions.n)
        rc = err_set(err, ERR_INVALID, "%s: has no question", path);
    if (!rc) {
        *ret = arena_calloc(arena, questions.n + 1, sizeof **ret);
        memcpy(*ret, questions.at, questions.n * sizeof **ret);
        *ret_n = questions.n;
    }
    vec_done(&questions);
    return rc;
}
