// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"

#include "engine/small_talk.h"

TEST(small_talk_is_short_and_nothing_else)
{
    static const struct {
        const char *text;
        enum small_talk talk;
    } rows[] = {
        {"Hi", SMALL_TALK_GREETING},
        {"hello there!", SMALL_TALK_GREETING},
        {"Good morning", SMALL_TALK_GREETING},
        {"こんにちは", SMALL_TALK_GREETING},
        {"Thanks a lot :)", SMALL_TALK_THANKS},
        {"Muito obrigado", SMALL_TALK_THANKS},
        {"ขอบคุณครับ", SMALL_TALK_THANKS},
        {"谢谢你", SMALL_TALK_THANKS},
        {"Danke schön", SMALL_TALK_THANKS},
        {"Merci beaucoup !", SMALL_TALK_THANKS},
        {"Good night", SMALL_TALK_FAREWELL},
        {"Thanks, bye", SMALL_TALK_FAREWELL},
        {"Tchau, obrigada", SMALL_TALK_THANKS},
        {"", SMALL_TALK_NONE},
        {"?", SMALL_TALK_NONE},
        {"there", SMALL_TALK_NONE},
        {"Hi, do you ship to Norway?", SMALL_TALK_NONE},
        {"hello hello hello hello hello", SMALL_TALK_NONE},
        {"ขอบคุณ ราคาเท่าไหร่", SMALL_TALK_NONE},
        {"谢谢, 多少钱", SMALL_TALK_NONE},
        {"warranty", SMALL_TALK_NONE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (small_talk(str_from(rows[i].text)) != rows[i].talk)
            fail_msg("%s is no small talk, or another one", rows[i].text);
}
