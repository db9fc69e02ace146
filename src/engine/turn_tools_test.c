// SPDX-License-Identifier: Apache-2.0
// Tools in a turn: what the model gets back, bounds, deadlines, cancel, and what is stored.
#include "engine/testing.h"

#include "base/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

STORE_SQL(tools_rows, "SELECT COUNT(*) FROM tool_calls WHERE brand_id = $1");
STORE_SQL(tools_rows_good, "SELECT COUNT(*) FROM tool_calls WHERE brand_id = $1 AND ok = 1 AND error IS NULL");

static struct site site;
static struct brand_ref *brand;

// ---- rows for tests

static _Atomic int ran, at_once, most_at_once;
static struct tool_run *_Atomic kept;

static void run_echo(struct tool_run *run)
{
    atomic_fetch_add(&ran, 1);
    tool_run_end(run, NULL, 0, json_write_val(run->arena, run->arguments));
}

static void run_long(struct tool_run *run)
{
    char *text = arena_alloc(run->arena, 20000);
    memset(text, 'x', 20000);
    tool_run_end(run, NULL, 0, (struct str){text, 20000});
}

static void run_huge(struct tool_run *run)
{
    char *text = arena_alloc(run->arena, 2 << 20);
    memset(text, 'x', 2 << 20);
    tool_run_end(run, NULL, 0, (struct str){text, 2 << 20});
}

static void run_fail(struct tool_run *run)
{
    atomic_fetch_add(&ran, 1);
    tool_run_end(run, "http_502", 502, STR("Bad gateway"));
}

static void run_never(struct tool_run *run) // until the test ends it
{
    struct tool_run *none = NULL;
    atomic_fetch_add(&ran, 1);
    if (!atomic_compare_exchange_strong(&kept, &none, run))
        tool_run_end(run, NULL, 0, STR(""));
}

static void run_together(struct tool_run *run)
{
    int now = atomic_fetch_add(&at_once, 1) + 1, most = atomic_load(&most_at_once);
    while (now > most && !atomic_compare_exchange_weak(&most_at_once, &most, now))
        ;
    for (int i = 0; i < 2000 && atomic_load(&most_at_once) < TOOL_CALLS_AT_ONCE; i++)
        usleep(1000); // until four have been seen together
    atomic_fetch_sub(&at_once, 1);
    tool_run_end(run, NULL, 0, STR("{}"));
}

#define ANY "{\"type\":\"object\"}"
static const struct tool rows[] = {
    {"t", "echo", "builtin", "Says it back",
     "{\"type\":\"object\",\"properties\":{\"orderId\":{\"type\":\"string\"}},\"required\":[\"orderId\"]}", 1000, NULL,
     run_echo},
    {"t", "long", "builtin", "Says much", ANY, 1000, NULL, run_long},
    {"t", "huge", "builtin", "Says too much", ANY, 1000, NULL, run_huge},
    {"t", "fail", "builtin", "Fails", ANY, 1000, NULL, run_fail},
    {"t", "never", "builtin", "Never ends", ANY, 200, NULL, run_never},
    {"t", "slow", "builtin", "Never ends, and may", ANY, 15000, NULL, run_never},
    {"t", "together", "builtin", "Waits for others", ANY, 5000, NULL, run_together},
};

static void up(const char *names)
{
    atomic_store(&ran, 0);
    atomic_store(&kept, NULL);
    site_open_tools(&site, names, rows, sizeof rows / sizeof rows[0]);
    brand = site_brand(&site, "fern", NULL);
}

static void down(void)
{
    struct tool_run *run = atomic_load(&kept);
    if (run)
        tool_run_end(run, NULL, 0, STR("too late"));
    brand_ref_drop(brand);
    site_close(&site);
}

#define CALL(tool, arguments) "{\"name\":\"" tool "\",\"arguments\":" arguments "}"

static struct turn *ask(const char *tools, const char *more)
{
    fake_clear(&site.fake);
    fake_control(&site.fake,
                 arena_printf(site.arena, "{\"default\":{\"answer\":\"fixed:Done.\",\"tools\":[%s]%s}}", tools, more));
    return site_ask(&site, brand, NULL, "Where is my order?");
}

static void expect_answer(struct turn *turn, const char *text)
{
    turn_wait(turn);
    assert_int_equal(turn_outcome(turn)->code, 0);
    assert_string_equal(turn_outcome(turn)->mode, "model");
    assert_string_equal(turn_outcome(turn)->finish_reason, "stop");
    if (!str_eq(turn_outcome(turn)->content, str_from(text)))
        fail_msg(STR_FMT, STR_ARG(turn_outcome(turn)->content));
}

// Content of the nth tool message of the model's request number `request`; STR_NULL: none.
static struct str told(size_t request, size_t nth)
{
    yyjson_val *log = fake_wait(&site.fake, site.arena, request + 1), *message;
    size_t i, max;
    yyjson_arr_foreach(json_get(json_get(yyjson_arr_get(log, request), "body"), "messages"), i, max,
                       message) if (str_eq(json_get_str(message, "role"), STR("tool")) &&
                                    nth-- == 0) return json_get_str(message, "content");
    return STR_NULL;
}

static struct str member(struct turn *turn, const char *name)
{
    yyjson_val *root;
    assert_int_equal(json_parse(site.arena, turn_outcome(turn)->metadata, 0, &root, NULL), 0);
    return json_write_val(site.arena, json_get(root, name));
}

static void same(struct str a, const char *b)
{
    if (!str_eq(a, str_from(b)))
        fail_msg("\"" STR_FMT "\" is not \"%s\"", STR_ARG(a), b);
}

// ---- tests

TEST(turn_tools_result_goes_back) // 003-platform#20
{
    up("t__echo");
    struct turn *turn = ask(CALL("t__echo", "{\"orderId\":\"A/7\"}"), ",\"toolText\":\"Let me look.\"");
    expect_answer(turn, "Let me look.\n\nDone.");
    same(told(1, 0), "{\"orderId\":\"A/7\"}");
    assert_int_equal(fake_count(&site.fake), 2);
    assert_int_equal(atomic_load(&ran), 1);
    assert_true(
        str_starts(member(turn, "tools"), STR("[{\"plugin\":\"t\",\"tool\":\"echo\",\"ok\":true,\"status\":null,")));
    same(member(turn, "answered"), "true");
    assert_int_equal(site_count(&site, "fern", &tools_rows_good), 1);
    struct turn_tool_event event;
    assert_true(turn_tool_event(turn, 0, &event));
    assert_string_equal(event.name, "t__echo");
    assert_string_equal(event.status, "running");
    assert_int_equal(event.offset, 12);
    assert_true(turn_tool_event(turn, 1, &event));
    assert_string_equal(event.status, "ok");
    assert_false(turn_tool_event(turn, 2, &event));
    // Both calls of the model count.
    yyjson_val *log = fake_log(&site.fake, site.arena);
    assert_true(yyjson_arr_size(json_get(json_get(yyjson_arr_get(log, 0), "body"), "tools")) == 1);
    turn_unref(turn);
    down();
}

TEST(turn_tools_errors_are_results)
{
    static const struct {
        const char *names, *call, *want, *style;
        int rows;
    } cases[] = {
        {"t__echo", CALL("t__echo", "{}"), "{\"error\":\"invalid_arguments\",\"details\":\"orderId is required\"}", "",
         0},
        {"t__echo", CALL("t__other", "{}"), "{\"error\":\"unknown_tool\"}", "", 0},
        {"t__echo", CALL("t__fail", "{}"), "{\"error\":\"unknown_tool\"}", "", 0}, // there, but not offered
        {"t__echo", CALL("t__echo", "{}"),
         "{\"error\":\"invalid_arguments\",\"details\":\"the arguments are not JSON\"}", ",\"toolStyle\":\"badJson\"",
         0},
        {"t__fail", CALL("t__fail", "{}"), "{\"error\":\"http_502\",\"details\":\"Bad gateway\"}", "", 1},
        {"t__never", CALL("t__never", "{}"), "{\"error\":\"timeout\"}", "", 1},
        {"t__huge", CALL("t__huge", "{}"), "{\"error\":\"response_too_large\"}", "", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        up(cases[i].names);
        struct turn *turn = ask(cases[i].call, cases[i].style);
        expect_answer(turn, "Done.");
        same(told(1, 0), cases[i].want);
        assert_int_equal(site_count(&site, "fern", &tools_rows), cases[i].rows);
        assert_int_equal(site_count(&site, "fern", &tools_rows_good), 0);
        turn_unref(turn);
        down();
    }
}

TEST(turn_tools_results_are_cut)
{
    up("t__long");
    struct turn *turn = ask(CALL("t__long", "{}"), "");
    expect_answer(turn, "Done.");
    struct str result = told(1, 0);
    assert_true(str_ends(result, STR("xxx[truncated]")));
    assert_true(result.n <= TOOL_RESULT_CHARS + 11);
    turn_unref(turn);
    down();
}

// Ten in one answer: eight run, four at a time, two are refused.
TEST(turn_tools_run_together)
{
    struct str ten = STR(CALL("t__together", "{}"));
    up("t__together");
    atomic_store(&most_at_once, 0);
    for (int i = 1; i < 10; i++)
        ten = arena_strf(site.arena, STR_FMT ",%s", STR_ARG(ten), CALL("t__together", "{}"));
    struct turn *turn = ask(arena_cstr(site.arena, ten), "");
    expect_answer(turn, "Done.");
    assert_int_equal(atomic_load(&most_at_once), TOOL_CALLS_AT_ONCE);
    assert_int_equal(site_count(&site, "fern", &tools_rows_good), TOOL_CALLS_A_ROUND);
    same(told(1, 7), "{}");
    same(told(1, 8), "{\"error\":\"budget_exhausted\"}");
    same(told(1, 9), "{\"error\":\"budget_exhausted\"}");
    turn_unref(turn);
    down();
}

// A model that calls for ever: five rounds, sixteen calls, then it must answer.
TEST(turn_tools_are_bounded) // 003-platform#20
{
    for (int each = 1; each <= 4; each += 3) {
        const char *one = CALL("t__echo", "{\"orderId\":\"A\"}");
        up("t__echo");
        const char *calls = each == 1 ? one : arena_printf(site.arena, "%s,%s,%s,%s", one, one, one, one);
        struct turn *turn = ask(calls, ",\"toolRounds\":1000");
        expect_answer(turn, "Done.");
        assert_int_equal(atomic_load(&ran), each == 1 ? 5 : 16);
        size_t asked = each == 1 ? 6 : 5;
        assert_int_equal(fake_count(&site.fake), asked);
        yyjson_val *body = json_get(yyjson_arr_get(fake_wait(&site.fake, site.arena, asked), asked - 1), "body");
        same(json_get_str(body, "tool_choice"), "none");
        assert_null(
            json_get(json_get(yyjson_arr_get(fake_log(&site.fake, site.arena), asked - 2), "body"), "tool_choice"));
        turn_unref(turn);
        down();
    }
}

TEST(turn_tools_second_invalid_call_ends_them)
{
    up("t__echo");
    struct turn *turn =
        ask(CALL("t__echo", "{}") "," CALL("t__echo", "{}") "," CALL("t__echo", "{\"orderId\":\"A\"}"), "");
    expect_answer(turn, "Done.");
    same(told(1, 1), "{\"error\":\"invalid_arguments\",\"details\":\"orderId is required\"}");
    same(told(1, 2), "{\"error\":\"budget_exhausted\"}");
    assert_int_equal(atomic_load(&ran), 0);
    yyjson_val *body = json_get(yyjson_arr_get(fake_wait(&site.fake, site.arena, 2), 1), "body");
    same(json_get_str(body, "tool_choice"), "none");
    turn_unref(turn);
    down();
}

TEST(turn_tools_cancel_while_one_runs)
{
    up("t__slow");
    struct turn *turn = ask(CALL("t__slow", "{}"), "");
    struct turn_tool_event event;
    while (!atomic_load(&kept))
        usleep(1000);
    assert_true(turn_tool_event(turn, 0, &event));
    turn_cancel(turn);
    turn_wait(turn);
    assert_string_equal(turn_outcome(turn)->finish_reason, "cancelled");
    assert_int_equal(fake_count(&site.fake), 1);
    turn_unref(turn);
    down(); // and now the tool ends, whom nobody waits for
}

TEST(turn_tools_that_fail_are_left_out_for_a_while)
{
    up("t__fail,t__echo");
    for (int i = 0; i < 5; i++) {
        struct turn *turn = ask(CALL("t__fail", "{}"), "");
        expect_answer(turn, "Done.");
        turn_unref(turn);
    }
    for (int i = 0; i < 2; i++) {
        struct turn *turn = ask(CALL("t__fail", "{}"), "");
        turn_wait(turn);
        yyjson_val *body = json_get(yyjson_arr_get(fake_wait(&site.fake, site.arena, 2), 0), "body");
        assert_int_equal(yyjson_arr_size(json_get(body, "tools")), i == 0 ? 1 : 2);
        turn_unref(turn);
        clock_advance(TOOL_CLOSED_MS);
    }
    down();
}

TEST(turn_tools_search_gives_rows)
{
    site_open_tools(&site, "catalogue__search_products,clock__now", NULL, 0);
    brand = site_brand(&site, "fern", NULL);
    site_product(&site, "fern", "tent-2", "Skarv Tent", "349.00", "A tent for two people");
    site_product(&site, "fern", "tent-4", "Heron Tent", "549.00", "A tent for four people");
    site_product(&site, "fern", "stove", "Ember Stove", "59.90", "Burns wood");
    struct turn *turn = ask(
        CALL("catalogue__search_products", "{\"query\":\"tent\",\"maxPrice\":400}") "," CALL(
            "catalogue__search_products",
            "{\"query\":\"\",\"limit\":10}") "," CALL("clock__now",
                                                      "{\"timezone\":\"Asia/Bangkok\"}") "," CALL("clock__now",
                                                                                                  "{\"timezone\":"
                                                                                                  "\"Nowhere/Here\"}"),
        "");
    turn_wait(turn);
    struct str first = told(1, 0), all = told(1, 1), now = told(1, 2);
    assert_true(str_find(first, STR("\"id\":\"tent-2\"")) >= 0 &&
                str_find(first, STR("\"price\":\"349.00 USD\"")) >= 0);
    assert_true(str_find(first, STR("tent-4")) < 0 && str_find(first, STR("stove")) < 0);
    assert_true(str_find(all, STR("stove")) >= 0 && str_find(all, STR("tent-4")) >= 0);
    assert_true(str_find(now, STR("+07:00\"")) >= 0 && str_find(now, STR("\"timezone\":\"Asia/Bangkok\"")) >= 0);
    assert_true(str_starts(told(1, 3), STR("{\"error\":\"unknown_timezone\"")));
    turn_unref(turn);
    // A price that the tool's rows give: the marker is filled, another figure is corrected.
    fake_control(&site.fake,
                 "{\"default\":{\"answer\":\"fixed:The Ember Stove costs [[price:stove]].\",\"tools\":[" CALL(
                     "catalogue__search_products", "{\"query\":\"stove\"}") "]}}");
    turn = site_ask(&site, brand, NULL, "Anything else?");
    expect_answer(turn, "The Ember Stove costs 59.90 USD.");
    turn_unref(turn);
    brand_ref_drop(brand);
    site_close(&site);
}
