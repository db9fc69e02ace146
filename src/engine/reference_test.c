// SPDX-License-Identifier: Apache-2.0
#include "engine/reference.h"

#include "base/buf.h"
#include "base/test.h"
#include "base/utf8.h"
#include "engine/names.h"

static const struct {
    const char *value, *type;
} KNOWN[] = {
    {"Aurora X2", "product"},     {"Aurora X3", "product"}, {"Dana Reyes", "person"},
    {"Skarv 2 tent", "product"},  {"Reed Buds", "product"}, {"Nordvik Outdoor", "organization"},
    {"The Great Pan", "product"},
};

// Entities of a text, as the turn would find them.
static struct reference_list entities(struct arena *arena, const char *text)
{
    AUTO_NAMES struct names *names = names_new(NAMES_LAST_WORD);
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++)
        names_add(names, str_from(KNOWN[i].value));
    names_ready(names);
    struct names_hit *hits;
    size_t n = text ? names_find(names, arena, str_from(text), 20, &hits) : 0;
    struct reference_entity *at = arena_calloc(arena, n + 1, sizeof *at);
    for (size_t i = 0; i < n; i++)
        at[i] = (struct reference_entity){str_from(KNOWN[hits[i].index].type), str_from(KNOWN[hits[i].index].value),
                                          arena_strf(arena, "id-%zu", hits[i].index), hits[i].start, hits[i].end};
    return (struct reference_list){at, n};
}

static const struct {
    const char *before[5];       // user, answer, user, answer … oldest first
    const char *named;           // value of a person named through the API
    const char *text, *resolved; // resolved NULL = the text
    const char *listed;          // value=confidence, separated by ; with * where replaced
    const char *search;          // NULL = resolved
    const char *language;
} CASES[] = {
    // The table of 003-platform 12.4 (003-platform#32).
    {{"Tell me about the Aurora X2."},
     NULL,
     "How much does it cost?",
     "How much does the Aurora X2 cost?",
     "Aurora X2=0.90*"},
    {{"Tell me about the Aurora X2."},
     NULL,
     "Is it possible to pay later?",
     NULL,
     "",
     "Is it possible to pay later? (Aurora X2)"},
    {{"Show me the Aurora X2 and the Aurora X3.", "1. Aurora X2 2. Aurora X3"},
     NULL,
     "Is the second one waterproof?",
     "Is the Aurora X3 waterproof?",
     "Aurora X3=0.90*"},
    {{"How much does the Aurora X2 cost?"},
     NULL,
     "What about the X3?",
     "How much does the Aurora X3 cost?",
     "Aurora X3=0.80*"},
    {{NULL}, "Dana Reyes", "When did she order?", "When did Dana Reyes order?", "Dana Reyes=0.90*"},
    {{"Compare Aurora X2 with Aurora X3."},
     NULL,
     "How much does it cost?",
     NULL,
     "Aurora X3=0.66",
     "How much does it cost? (Aurora X3)"},
    {{NULL}, NULL, "It does not work", NULL, ""},
    {{NULL}, NULL, "Can you deliver next Monday?", NULL, "2026-11-23=0.90"},
    // Possessives, capitals, articles.
    {{"Tell me about the Aurora X2."}, NULL, "What is its price?", "What is the Aurora X2's price?", "Aurora X2=0.90*"},
    {{"Tell me about the Aurora X2."}, NULL, "It floats, right?", "The Aurora X2 floats, right?", "Aurora X2=0.90*"},
    {{"Tell me about The Great Pan."},
     NULL,
     "How much does it cost?",
     "How much does The Great Pan cost?",
     "The Great Pan=0.90*"},
    {{NULL}, "Dana Reyes", "What was her order?", "What was Dana Reyes's order?", "Dana Reyes=0.90*"},
    {{"Tell me about the Aurora X2."}, NULL, "When did she order?", NULL, "", "When did she order? (Aurora X2)"},
    // The same text, to the left.
    {{NULL},
     NULL,
     "I like the Aurora X3, does it float?",
     "I like the Aurora X3, does the Aurora X3 float?",
     "Aurora X3=0.90*"},
    {{NULL}, NULL, "Does it float, the Aurora X3?", NULL, ""},
    // Demonstratives.
    {{"Tell me about the Aurora X2."}, NULL, "Is that waterproof?", "Is the Aurora X2 waterproof?", "Aurora X2=0.90*"},
    {{"Tell me about the Aurora X2."},
     NULL,
     "How long does this one last?",
     "How long does the Aurora X2 last?",
     "Aurora X2=0.90*"},
    {{"Tell me about the Skarv 2 tent."},
     NULL,
     "Is this tent light?",
     "Is the Skarv 2 tent light?",
     "Skarv 2 tent=0.90*"},
    {{"Tell me about the Skarv 2 tent."},
     NULL,
     "How heavy is the product?",
     "How heavy is the Skarv 2 tent?",
     "Skarv 2 tent=0.90*"},
    {{"Tell me about the Aurora X2."},
     NULL,
     "I think that shipping is slow",
     NULL,
     "",
     "I think that shipping is slow (Aurora X2)"},
    {{"Tell me about the Aurora X2."}, NULL, "Is this kayak red?", NULL, "", "Is this kayak red? (Aurora X2)"},
    {{"Tell me about the Aurora X2."}, NULL, "OK, that's it", NULL, "", "OK, that's it (Aurora X2)"},
    // Plural.
    {{"Tell me about Aurora X2 and Aurora X3."},
     NULL,
     "How much do they cost?",
     "How much do the Aurora X2 and Aurora X3 cost?",
     "Aurora X2 and Aurora X3=0.86*"},
    {{"Tell me about the Reed Buds."},
     NULL,
     "Are they waterproof?",
     "Are the Reed Buds waterproof?",
     "Reed Buds=0.90*"},
    {{"Who is Nordvik Outdoor?"}, NULL, "Where are they?", "Where are Nordvik Outdoor?", "Nordvik Outdoor=0.90*"},
    // Expletives.
    {{"Tell me about the Aurora X2."},
     NULL,
     "It is raining today",
     NULL,
     "2026-11-20=0.90",
     "It is raining today (Aurora X2)"},
    {{"Tell me about the Aurora X2."}, NULL, "How long does it take?", NULL, "", "How long does it take? (Aurora X2)"},
    {{"Tell me about the Aurora X2."}, NULL, "It seems slow", NULL, "", "It seems slow (Aurora X2)"},
    // Ordinals.
    {{"Show me some", "- **Kettle**: red\n- **Pan**: blue\n- Pot, small"},
     NULL,
     "Is the last one red?",
     "Is Pot red?",
     "Pot=0.90*"},
    {{"Show me some", "- **Kettle**: red\n- **Pan**: blue\n- Pot, small"}, NULL, "Is the fifth one red?", NULL, ""},
    {{NULL}, NULL, "Is the first one red?", NULL, ""},
    // Ellipsis.
    {{"Tell me about the Aurora X2."},
     NULL,
     "And the price?",
     "What is the price of the Aurora X2?",
     "Aurora X2=0.80*"},
    {{"Tell me about the Aurora X2."},
     NULL,
     "Battery life?",
     "What is the Battery life of the Aurora X2?",
     "Aurora X2=0.80*"},
    {{"Tell me about the Aurora X2."}, NULL, "In red?", NULL, "Aurora X2=0.60", "In red? (Aurora X2)"},
    {{"Tell me about the Aurora X2."}, NULL, "Thanks!", NULL, ""},
    {{"Tell me about the Aurora X2."}, NULL, "Hello", NULL, ""},
    // Further back.
    {{"Tell me about the Aurora X2.", "It is light.", "Thank you", "Welcome."},
     NULL,
     "Does it float?",
     "Does the Aurora X2 float?",
     "Aurora X2=0.83*"},
    // Other languages: nothing is replaced, the name is added for retrieval.
    {{"ขอข้อมูล Aurora X2"}, NULL, "ราคาเท่าไหร่", NULL, "", "ราคาเท่าไหร่ (Aurora X2)", "th"},
    {{"Fale do Aurora X2"}, NULL, "Quanto custa?", NULL, "", "Quanto custa? (Aurora X2)", "pt-BR"},
    {{"Fale do Aurora X2"}, NULL, "E o Aurora X3?", NULL, "", NULL, "pt"},
    {{"Show me two", "Aurora X2 or Aurora X3"}, NULL, "ちょっと", NULL, "", NULL, "ja"},
    {{NULL}, NULL, "", NULL, ""},
};

static void make_turns(struct arena *arena, const char *const before[5], struct reference_turn turns[3], size_t *ret)
{
    size_t n = 0, count = 0;
    while (n < 5 && before[n])
        n++;
    for (size_t i = (n + 1) / 2; i-- > 0;) { // newest first
        const char *user = before[2 * i], *answer = 2 * i + 1 < n ? before[2 * i + 1] : NULL;
        turns[count++] =
            (struct reference_turn){str_from(user), str_from(answer), entities(arena, user), entities(arena, answer)};
    }
    *ret = count;
}

TEST(references_are_resolved)
{
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        struct reference_turn turns[3];
        struct reference_entity named = {STR("person"), str_from(CASES[i].named), STR_NULL, 0, 0};
        struct reference_input input = {.text = str_from(CASES[i].text),
                                        .language = CASES[i].language,
                                        .turns = turns,
                                        .year = 2026,
                                        .month = 11,
                                        .day = 20};
        make_turns(arena, CASES[i].before, turns, &input.n_turns);
        input.in_text = entities(arena, CASES[i].text);
        if (CASES[i].named)
            input.named = (struct reference_list){&named, 1};
        struct reference_result result;
        reference_resolve(arena, &input, &result);
        AUTO_BUF struct buf listed = BUF_INIT(500);
        for (size_t k = 0; k < result.n; k++) {
            const struct reference *ref = &result.at[k];
            buf_addf(&listed, "%s" STR_FMT "=%.2f%s", k ? ";" : "", STR_ARG(ref->resolved), ref->confidence,
                     ref->replaced ? "*" : "");
            size_t start = utf8_offset(input.text, ref->start), end = utf8_offset(input.text, ref->end);
            assert_true(str_eq(ref->text, (struct str){input.text.p + start, end - start}));
        }
        struct str want = str_from(CASES[i].resolved ? CASES[i].resolved : CASES[i].text);
        struct str search = CASES[i].search ? str_from(CASES[i].search) : want;
        if (!str_eq(result.resolved, want) || !str_eq(buf_str(&listed), str_from(CASES[i].listed)) ||
            !str_eq(result.search, search))
            fail_msg("%s: <" STR_FMT "> %s <" STR_FMT ">", CASES[i].text, STR_ARG(result.resolved),
                     listed.n ? listed.p : "", STR_ARG(result.search));
    }
}

TEST(places_count_code_points)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct reference_turn turn = {STR("The Aurora X2?"), STR_NULL, entities(arena, "The Aurora X2?"), {NULL, 0}};
    struct reference_input input = {.text = STR("Ünd how much does it cost?"), .turns = &turn, .n_turns = 1};
    struct reference_result result;
    reference_resolve(arena, &input, &result);
    assert_int_equal(result.n, 1);
    assert_int_equal(result.at[0].start, 18);
    assert_int_equal(result.at[0].end, 20);
    assert_string_equal(result.at[0].type, "pronoun");
    assert_str(result.at[0].entity_type, "product");
    assert_str(result.at[0].entity_id, "id-0");
}

TEST(time_words_become_dates)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"now", "2026-11-20"},
        {"tonight", "2026-11-20"},
        {"yesterday", "2026-11-19"},
        {"tomorrow", "2026-11-21"},
        {"this monday", "2026-11-16"},
        {"next Monday", "2026-11-23"},
        {"last Monday", "2026-11-16"},
        {"next Friday", "2026-11-27"},
        {"last Friday", "2026-11-13"},
        {"this Friday", "2026-11-20"},
        {"on Sunday", "2026-11-22"},
        {"next week", "2026-11-23/2026-11-29"},
        {"this week", "2026-11-16/2026-11-22"},
        {"last week", "2026-11-09/2026-11-15"},
        {"next month", "2026-12-01/2026-12-31"},
        {"last month", "2026-10-01/2026-10-31"},
        {"next year", "2027-01-01/2027-12-31"},
        {"in 3 days", "2026-11-23"},
        {"in two weeks", "2026-12-04"},
        {"in 3 months", "2027-02-20"},
        {"5 days ago", "2026-11-15"},
        {"a week ago", "2026-11-13"},
        {"in 1000 years", "3026-11-20"},
        {"soon", NULL},
        {"in red", NULL},
        {"the last pan", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_ARENA struct arena *arena = arena_new(0);
        struct reference_input input = {.text = str_from(cases[i].text), .year = 2026, .month = 11, .day = 20};
        struct reference_result result;
        reference_resolve(arena, &input, &result);
        if (result.n != (cases[i].want != NULL) ||
            (result.n &&
             (!str_eq(result.at[0].resolved, str_from(cases[i].want)) || strcmp(result.at[0].type, "time") != 0)))
            fail_msg("%s: %zu " STR_FMT, cases[i].text, result.n, STR_ARG(result.n ? result.at[0].resolved : STR_NULL));
        assert_true(str_eq(result.resolved, input.text));
    }
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct reference_input input = {.text = STR("in 1 month"), .year = 2027, .month = 1, .day = 31};
    struct reference_result result;
    reference_resolve(arena, &input, &result);
    assert_str(result.at[0].resolved, "2027-02-28");
}
