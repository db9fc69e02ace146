// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"

#include "engine/attribute.h"

#include <math.h>

static double value(const char *message, const char *specifications, bool *ret_largest)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct str text = str_from(message);
    struct tokens tokens = tokens_make(arena, text, 100);
    struct attribute_order order = {0};
    struct product product = {.specifications = str_from(specifications)};
    double found = NAN;
    for (size_t i = 0; i < tokens.n && !order.row; i++)
        (void)attribute_at(text, tokens, i, &order);
    *ret_largest = order.largest;
    return order.row && attribute_value(arena, &order, text, &product, &found) ? found : NAN;
}

TEST(attribute_superlatives)
{
    static const struct {
        const char *message, *specifications;
        double value;
        bool largest;
    } rows[] = {
        {"the lightest tent", "{\"Weight\":\"0.78 kg\"}", 780, false},
        {"the lightest tent", "{\"Weight\":\"780 g\"}", 780, false},
        {"Qual é a máquina mais leve?", "{\"Peso\":\"6,2 kg\"}", 6200, false},
        {"your biggest pack", "{\"Weight\":\"1 kg\",\"Volume\":\"75 l\"}", 75000, true},
        {"with the largest run time", "{\"Volume\":\"75 l\",\"Run time\":\"1,500 h\"}", 1500000, true},
        {"warmest sleeping bag", "{\"Comfort\":\"-20 °C\"}", -20, false},
        {"กันแดดที่ SPF สูงที่สุด", "{\"ปริมาณ\":\"60 มล.\",\"SPF\":\"50\"}", 50, true},
        {"一番軽い万年筆", "{\"重さ\":\"14 g\"}", 14, false},
        {"容量最大的冰箱", "{\"容量\":520}", 520, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool largest;
        double found = value(rows[i].message, rows[i].specifications, &largest);
        if (!(fabs(found - rows[i].value) < 1e-9) || largest != rows[i].largest)
            fail_msg("%s: %f", rows[i].message, found);
    }
    bool largest;
    assert_true(isnan(value("the lightest tent", "{\"Volume\":\"2 l\"}", &largest)));
    assert_true(isnan(value("the lightest tent", "{\"Weight\":\"light\"}", &largest)));
    assert_true(isnan(value("a light tent", "{\"Weight\":\"2 kg\"}", &largest)));
    assert_true(isnan(value("the most popular tent", "{\"Weight\":\"2 kg\"}", &largest)));
}

TEST(attribute_measures_that_are_asked_for)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct product product = {.specifications =
                                  STR("{\"Weight\":\"1.9 kg\",\"Sleeps\":2,\"Water column\":\"3000 mm\"}")};
    assert_str(attribute_asked(arena, STR("How heavy is it?"), &product), "Weight: 1.9 kg");
    assert_str(attribute_asked(arena, STR("Quanto pesa?"), &product), "Weight: 1.9 kg");
    assert_str(attribute_asked(arena, STR("多重"), &product), "Weight: 1.9 kg");
    assert_str(attribute_asked(arena, STR("What is the water column?"), &product), "Water column: 3000 mm");
    assert_str(attribute_asked(arena, STR("Is it green?"), &product), "");
    product.specifications = STR("{}");
    assert_str(attribute_asked(arena, STR("How heavy is it?"), &product), "");
    assert_true(attribute_is_asked(STR("E quanto pesa?")));
    assert_false(attribute_is_asked(STR("Is it green?")));
}
