// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"

#include "model/ingredient.h"

#include <stdio.h>

TEST(ingredient_cas_numbers)
{
    static const struct {
        const char *text;
        enum number_fault fault;
    } cases[] = {
        {"98-92-0", NUMBER_GOOD},
        {"7732-18-5", NUMBER_GOOD},
        {"50-00-0", NUMBER_GOOD},
        {"1333-86-4", NUMBER_GOOD},
        {"56-81-5 / 69-72-7", NUMBER_GOOD},
        {"56-81-5,69-72-7;98-92-0", NUMBER_GOOD},
        {"56-81-5 ,  69-72-7", NUMBER_GOOD},
        {"98-92-1", NUMBER_CHECK_DIGIT},
        {"56-81-5 / 69-72-8", NUMBER_CHECK_DIGIT},
        {"89-92-0", NUMBER_CHECK_DIGIT}, // two digits swapped
        {"", NUMBER_FORM},
        {"98-92-0,", NUMBER_FORM},
        {",98-92-0", NUMBER_FORM},
        {"98-92-0/69-72-7", NUMBER_FORM},
        {"9-92-0", NUMBER_FORM},
        {"12345678-92-0", NUMBER_FORM},
        {"98-9-0", NUMBER_FORM},
        {"98-92-00", NUMBER_FORM},
        {"98-92-0-", NUMBER_FORM},
        {"98920", NUMBER_FORM},
        {"98-92-a", NUMBER_FORM},
        {"\xEF\xBC\x99\xEF\xBC\x98-92-0", NUMBER_FORM},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (cas_number_check(str_from(cases[i].text)) != cases[i].fault)
            fail_msg("%s", cases[i].text);
}

// A wrong digit and two neighbours swapped are always found: 11 is prime, and so are the weights to it.
TEST(ingredient_einecs_numbers)
{
    assert_int_equal(einecs_number_check(STR("202-713-4")), NUMBER_GOOD);
    assert_int_equal(einecs_number_check(STR("200-001-8")), NUMBER_GOOD);
    assert_int_equal(einecs_number_check(STR("202-713-4; 200-001-8")), NUMBER_GOOD);
    assert_int_equal(einecs_number_check(STR("2027134")), NUMBER_FORM);
    assert_int_equal(einecs_number_check(STR("202-713-44")), NUMBER_FORM);
    for (int digit = 0; digit < 10; digit++) {
        char text[16];
        (void)snprintf(text, sizeof text, "20%d-713-4", digit);
        assert_int_equal(einecs_number_check(str_from(text)), digit == 2 ? NUMBER_GOOD : NUMBER_CHECK_DIGIT);
    }
    for (int digit = 0; digit < 10; digit++) { // its check would be 10, which no digit is
        char text[16];
        (void)snprintf(text, sizeof text, "000-050-%d", digit + 0);
        assert_int_equal(einecs_number_check(str_from(text)), digit == 25 % 11 ? NUMBER_GOOD : NUMBER_CHECK_DIGIT);
        (void)snprintf(text, sizeof text, "050-000-%d", digit);
        assert_int_equal(einecs_number_check(str_from(text)), NUMBER_CHECK_DIGIT);
    }
}
