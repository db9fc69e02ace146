// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"

#include "base/buf.h"
#include "engine/negation.h"

TEST(negation_in_many_languages)
{
    static const struct {
        const char *text, *about; // "" nothing; several parted by |
    } rows[] = {
        {"A backpack, but not the Elg", "the Elg"},
        {"I want a lamp that is not a headlamp, please", "a headlamp"},
        {"sleeping bags without down under 200", "down"},
        {"not a laptop and not a phone", "a laptop|a phone"},
        {"anything but leather boots", "leather boots"},
        {"not over 500", ""},
        {"Why not?", ""},
        {"a knot in the notebook", ""},
        {"Café em grão sem cafeína", "cafeína"},
        {"uma máquina que não seja de cápsulas", "de cápsulas"},
        {"Stiefel ohne Leder", "Leder"},
        {"แชมพูที่ไม่ใช่มะกรูด", "มะกรูด"},
        {"ลิปบาล์มที่ไม่มีน้ำผึ้ง", "น้ำผึ้ง"},
        {"ราคาไม่เกิน 500 บาท", ""},
        {"革以外の手帳", "革"},
        {"黒ではないインクはありますか", "黒"},
        {"不是台灯的灯", "台灯"},
        {"除了对开门还有什么冰箱", "对开门"},
        {"有没有冰箱", ""},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct negation found[NEGATIONS_MOST];
        struct str text = str_from(rows[i].text);
        AUTO_BUF struct buf out = BUF_INIT(1000);
        size_t n = negation_find(text, found);
        for (size_t k = 0; k < n; k++) {
            assert_true(found[k].start <= found[k].about && found[k].about_end <= found[k].end &&
                        found[k].end <= text.n);
            buf_addf(&out, "%s%.*s", k ? "|" : "", (int)(found[k].about_end - found[k].about), text.p + found[k].about);
        }
        if (!str_eq(buf_str(&out), str_from(rows[i].about)))
            fail_msg("%s: '%s', not '%s'", rows[i].text, buf_str(&out).p, rows[i].about);
    }
}

TEST(negation_covers_whole_ranges)
{
    const struct negation at[] = {{0, 10, 4, 10}};
    assert_true(negation_covers(at, 1, 4, 10) && negation_covers(at, 1, 5, 6));
    assert_false(negation_covers(at, 1, 3, 6) || negation_covers(at, 1, 9, 11) || negation_covers(at, 0, 5, 6));
}
