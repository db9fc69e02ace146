// SPDX-License-Identifier: Apache-2.0
// Lists of phrases by language; every word of the message must belong to one of them.
#include "engine/small_talk.h"

#include "engine/phrases.h"

#include <pthread.h>

enum { TALK = 1, BESIDE = 2, WORDS_MOST = 4, TOKENS_MOST = 40 };

// clang-format off
static const struct phrase_row ROWS[] = {
    {"hi, hello, hey, good morning, good afternoon, good evening, good day, greetings, how are you, nice to meet you", TALK},
    {"thanks, thank you, thx, ty, cheers, great, perfect, ok, okay, cool, nice, good night", TALK},
    {"bye, goodbye, good bye, see you, see you later, see ya, farewell, take care, have a nice day", TALK},
    {"there, all, everyone, so much, very much, a lot, again, for now, then, you too, and, bot, team, it", BESIDE},
    {"olá, oi, bom dia, boa tarde, boa noite, tudo bem, obrigado, obrigada, valeu, tchau, até logo, até mais, adeus", TALK},
    {"muito, a todos, de nada", BESIDE},
    {"สวัสดี, หวัดดี, ขอบคุณ, ขอบใจ, ลาก่อน, บาย, โอเค", TALK},
    {"ครับ, ค่ะ, คะ, จ้า, มาก, นะ, มากๆ", BESIDE},
    {"こんにちは, こんばんは, おはよう, おはようございます, はじめまして, もしもし, ありがとう, ありがとうございます, ありがとうございました", TALK},
    {"さようなら, バイバイ, またね, どうも, 了解, 了解です", TALK},
    {"どうも, 本当に", BESIDE},
    {"你好, 您好, 嗨, 早上好, 早安, 下午好, 晚上好, 谢谢, 謝謝, 多谢, 多謝, 感谢, 感謝, 再见, 再見, 拜拜, 晚安, 好的", TALK},
    {"你, 您, 你们, 大家, 非常, 啊, 呀", BESIDE},
    {"안녕, 안녕하세요, 감사합니다, 고맙습니다, 고마워요, 안녕히 계세요, 잘 가요", TALK},
    {"hola, buenos días, buenas tardes, buenas noches, qué tal, gracias, muchas gracias, adiós, hasta luego, chao", TALK},
    {"hallo, guten tag, guten morgen, guten abend, danke, danke schön, vielen dank, tschüss, auf wiedersehen, moin, servus", TALK},
    {"sehr, nochmals, zusammen, bis bald", BESIDE},
    {"bonjour, bonsoir, salut, merci, merci beaucoup, au revoir, à bientôt, bonne journée", TALK},
    {"halo, hai, selamat pagi, selamat siang, selamat sore, selamat malam, terima kasih, sampai jumpa, apa kabar", TALK},
    {"banyak", BESIDE},
    {"مرحبا, السلام عليكم, صباح الخير, مساء الخير, شكرا, شكرا جزيلا, مع السلامة, وداعا, أهلا", TALK},
};
// clang-format on

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct phrases *phrases;

static void make(void)
{
    phrases = phrases_new(ROWS, sizeof ROWS / sizeof *ROWS);
}

static size_t words(struct str text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] != ' ' && text.p[i] != '\n' && text.p[i] != '\t' &&
             (i == 0 || text.p[i - 1] == ' ' || text.p[i - 1] == '\n' || text.p[i - 1] == '\t');
    return n;
}

bool small_talk(struct str message)
{
    if (message.n > 400 || words(message) > WORDS_MOST)
        return false;
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct tokens tokens = tokens_make(arena, message, TOKENS_MOST);
    unsigned seen = 0, kinds;
    pthread_once(&once, make);
    for (size_t i = 0, n; i < tokens.n; i += n) {
        n = phrases_at(phrases, message, tokens, i, TALK | BESIDE, &kinds);
        if (n == 0)
            return false;
        seen |= kinds;
    }
    return seen & TALK;
}
