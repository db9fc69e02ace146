// SPDX-License-Identifier: Apache-2.0
// What fits the window, in the order of upstream-llm 7.1: system prompt, message, tools, catalogue and best passage,
// the newest two pairs, further passages up to 60 % of the rest, older pairs. Each part is measured alone; the sum is
// never below the measure of the whole, because the estimate rounds up.
#include "engine/prompt.h"

#include "base/utf8.h"
#include "engine/sentence.h"

#include <math.h>

#define PER_MESSAGE 4
#define PER_REQUEST 2
#define PASSAGE_HEAD 12  // number, brackets, line breaks
#define BLOCK_LINES 24   // the lines around the passages
#define CUT_AT_LEAST 200 // characters that must stay of a passage that is cut
#define NEWEST_PAIRS 2

struct fitting {
    struct arena *arena;
    const struct prompt_input *in;
    int64_t left;
    struct prompt_passage *passages; // chosen, in order
    size_t n_passages;
    size_t first_pair; // pairs from here on are kept
};

static int64_t scaled(const struct prompt_input *in, int64_t tokens)
{
    return in->factor > 0 ? (int64_t)ceil((double)tokens * in->factor) : tokens;
}

static int64_t measure(const struct prompt_input *in, struct str text)
{
    return scaled(in, in->estimate(text));
}

static int64_t per_message(const struct prompt_input *in)
{
    return scaled(in, PER_MESSAGE);
}

// Longest beginning of whole paragraphs that fits; where not even the first does, of characters.
static struct str cut_paragraphs(const struct prompt_input *in, struct str text, int64_t most)
{
    size_t end = 0, pos = 0;
    while (pos < text.n) {
        ptrdiff_t gap = str_find((struct str){text.p + pos, text.n - pos}, STR("\n\n"));
        size_t next = gap < 0 ? text.n : pos + (size_t)gap;
        if (measure(in, (struct str){text.p, next}) > most)
            break;
        end = next;
        pos = gap < 0 ? text.n : next + 2;
    }
    if (end)
        return (struct str){text.p, end};
    size_t low = 0, high = utf8_count(text);
    while (low < high) {
        size_t middle = (low + high + 1) / 2;
        if (measure(in, (struct str){text.p, utf8_offset(text, middle)}) <= most)
            low = middle;
        else
            high = middle - 1;
    }
    return (struct str){text.p, utf8_offset(text, low)};
}

static struct str without_middle(struct arena *arena, struct str text, size_t keep)
{
    size_t count = utf8_count(text), tail = keep / 2, head = keep - tail;
    size_t head_end = utf8_offset(text, head), tail_start = utf8_offset(text, count - tail);
    return arena_strf(arena, STR_FMT "[…]" STR_FMT, (int)head_end, text.p, (int)(text.n - tail_start),
                      text.p + tail_start);
}

static struct str cut_middle(const struct fitting *f, struct str text, int64_t most)
{
    size_t low = 0, high = utf8_count(text);
    while (low < high) {
        size_t middle = (low + high + 1) / 2;
        if (measure(f->in, without_middle(f->arena, text, middle)) <= most)
            low = middle;
        else
            high = middle - 1;
    }
    return without_middle(f->arena, text, low);
}

static int64_t passage_cost(const struct prompt_input *in, const struct prompt_passage *passage)
{
    return measure(in, passage->title) + measure(in, passage->category) + measure(in, passage->supplier) +
           measure(in, passage->text) + scaled(in, PASSAGE_HEAD);
}

// Adds a passage that costs at most `most`, cut at a sentence end where that leaves enough. Returns what it cost, or 0.
static int64_t take_passage(struct fitting *f, const struct prompt_passage *passage, int64_t most)
{
    struct prompt_passage taken = *passage;
    int64_t cost = passage_cost(f->in, &taken);
    if (cost > most) {
        size_t end = 0;
        struct str sentence;
        for (size_t pos = 0; sentence_next(passage->text, &pos, &sentence);) {
            taken.text.n = (size_t)(sentence.p + sentence.n - passage->text.p);
            if (passage_cost(f->in, &taken) > most)
                break;
            end = taken.text.n;
        }
        taken.text.n = end;
        if (utf8_count(taken.text) < CUT_AT_LEAST)
            return 0;
        cost = passage_cost(f->in, &taken);
    }
    f->passages[f->n_passages++] = taken;
    return cost;
}

static int64_t pair_cost(const struct prompt_input *in, const struct prompt_turn *pair)
{
    int64_t cost = 0;
    if (pair->user.n)
        cost += measure(in, pair->user) + per_message(in);
    if (pair->assistant.n)
        cost += measure(in, pair->assistant) + per_message(in);
    return cost;
}

// Newest first, down to `keep` pairs; stops at the first that does not fit, so that what is kept is one stretch.
static bool take_pairs(struct fitting *f, size_t most)
{
    size_t n = f->in->n_history;
    while (f->first_pair > 0 && n - f->first_pair < most) {
        int64_t cost = pair_cost(f->in, &f->in->history[f->first_pair - 1]);
        if (cost > f->left)
            return false;
        f->left -= cost;
        f->first_pair--;
    }
    return true;
}

// Catalogue and example; products are dropped from the end until the block fits. A block that lost all of them would
// say that nothing fits the question: it goes altogether.
static struct prompt_data take_data(struct fitting *f)
{
    struct prompt_data data = f->in->data;
    data.n_passages = 0;
    for (;;) {
        struct str text = prompt_data_text(f->arena, &data);
        int64_t cost = text.n ? measure(f->in, text) : 0;
        if (cost <= f->left || cost == 0) {
            f->left -= cost;
            return data;
        }
        if (data.n_products > 1) {
            data.n_products--;
        } else if (data.catalogue) {
            data.catalogue = false;
        } else {
            data.example = STR_NULL;
        }
    }
}

static void take_rest(struct fitting *f)
{
    const struct prompt_data *data = &f->in->data;
    if (data->n_passages) {
        f->left -= scaled(f->in, BLOCK_LINES);
        f->left -= take_passage(f, &data->passages[0], f->left);
    }
    bool more = take_pairs(f, NEWEST_PAIRS);
    int64_t share = f->left * 6 / 10;
    for (size_t i = 1; i < data->n_passages; i++) {
        int64_t cost = take_passage(f, &data->passages[i], share);
        share -= cost;
        f->left -= cost;
    }
    if (more)
        take_pairs(f, f->in->n_history);
}

static void add_message(struct prompt *out, const char *role, struct str content, const struct prompt_input *in)
{
    if (content.n == 0)
        return;
    out->messages[out->n++] = (struct llm_message){role, content};
    out->tokens += measure(in, content) + per_message(in);
}

void prompt_build(struct arena *arena, const struct prompt_input *in, struct prompt *ret)
{
    *ret = (struct prompt){.tokens = scaled(in, PER_REQUEST)};
    ret->messages = arena_calloc(arena, 2 * in->n_history + 3, sizeof *ret->messages);
    int64_t budget = llm_prompt_budget(in->window, in->output);
    struct fitting f = {.arena = arena, .in = in, .first_pair = in->n_history};
    f.passages = arena_calloc(arena, in->data.n_passages + 1, sizeof *f.passages);
    struct str system = in->system, message = in->message;
    if (measure(in, system) > budget / 2) {
        system = cut_paragraphs(in, system, budget / 2);
        ret->cut_system = true;
    }
    if (measure(in, message) > budget / 2) {
        message = cut_middle(&f, message, budget / 2);
        ret->cut_message = true;
    }
    f.left = budget - measure(in, system) - measure(in, message) - 3 * per_message(in) - scaled(in, PER_REQUEST);
    int64_t tools = in->tools <= f.left ? in->tools : 0;
    f.left -= tools;
    struct prompt_data data = take_data(&f);
    take_rest(&f);
    data.passages = f.passages;
    data.n_passages = f.n_passages;
    ret->cut_passages = in->data.n_passages - f.n_passages;
    ret->cut_pairs = f.first_pair;
    add_message(ret, "system", system, in);
    for (size_t i = f.first_pair; i < in->n_history; i++) {
        add_message(ret, "user", in->history[i].user, in);
        add_message(ret, "assistant", in->history[i].assistant, in);
    }
    add_message(ret, "system", prompt_data_text(arena, &data), in);
    add_message(ret, "user", message, in);
    ret->tokens += tools;
}
