// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"

#include "engine/mail.h"

static struct str shown(struct arena *arena, const struct mail *mail, struct str name)
{
    struct mail_head head = {name, STR("bot@fern.example"), STR("0198c0de-5a10-7b21-8c3d-2f6a9e01b7d4"), 0};
    return mail_message(arena, &head, mail);
}

static bool has(struct str text, const char *part)
{
    return str_find(text, str_from(part)) >= 0;
}

static struct str head_of(struct str message)
{
    ptrdiff_t end = str_find(message, STR("\r\n\r\n"));
    assert_true(end > 0);
    return (struct str){message.p, (size_t)end + 2};
}

TEST(mail_of_plain_text_goes_as_it_is)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct mail mail = mail_reset(arena, STR("mira@fern.example"), STR("https://fern.example"), STR("pr_abc"));
    struct str text = shown(arena, &mail, STR("Fern"));
    assert_true(str_starts(text, STR("Date: Thu, 01 Jan 1970 00:00:00 +0000\r\nFrom: \"Fern\" <bot@fern.example>\r\n"
                                     "To: <mira@fern.example>\r\nSubject: Choose a new password\r\n"
                                     "Message-ID: <0198c0de-5a10-7b21-8c3d-2f6a9e01b7d4@fern.example>\r\n")));
    assert_true(has(text, "\r\nContent-Transfer-Encoding: 7bit\r\n"));
    assert_true(has(text, "\r\nhttps://fern.example/reset-password?token=pr_abc\r\n"));
    assert_true(has(text, "\r\nToken: pr_abc\r\n"));
    for (size_t i = 0; i < text.n; i++)
        assert_true(text.p[i] != '\n' || (i && text.p[i - 1] == '\r'));
}

TEST(mail_head_takes_no_further_line)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct mail mail = mail_invite(arena, STR("mira@fern.example"), STR("https://fern.example/register"),
                                   STR("Fern\r\nBcc: all@fern.example\r\n\r\nToken: x"));
    struct str head = head_of(shown(arena, &mail, STR("Moss\r\nX-Other: 1")));
    assert_false(has(head, "Bcc"));
    assert_false(has(head, "X-Other"));
    assert_false(has(mail.text, "\nToken:"));
    mail.subject = STR("a\r\nBcc: all@fern.example");
    head = head_of(shown(arena, &mail, STR_NULL));
    assert_false(has(head, "Bcc"));
    assert_true(has(head, "\r\nFrom: <bot@fern.example>\r\n"));
}

TEST(mail_subjects_beyond_ascii_are_encoded_words)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct mail mail = {STR("mira@fern.example"), STR("สวัสดี สวัสดี สวัสดี สวัสดี"), STR("ok\n"), STR_NULL};
    struct str head = head_of(shown(arena, &mail, STR("Café")));
    assert_true(has(head, "\r\nFrom: =?UTF-8?B?Q2Fmw6k=?=\r\n <bot@fern.example>\r\n"));
    assert_true(has(head, "Subject: =?UTF-8?B?"));
    assert_true(has(head, "?=\r\n =?UTF-8?B?"));
    for (size_t i = 0, line = 0; i < head.n; i++) {
        line = head.p[i] == '\n' ? 0 : line + 1;
        assert_true(head.p[i] > 0 && line <= 78);
    }
}

TEST(mail_bodies_beyond_ascii_are_quoted)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct mail mail = {STR("mira@fern.example"), STR("x"), STR("caf\xc3\xa9 = 1 \nทดสอบทดสอบทดสอบทดสอบ\n.\n"),
                        STR_NULL};
    struct str text = shown(arena, &mail, STR_NULL);
    assert_true(has(text, "\r\nContent-Transfer-Encoding: quoted-printable\r\n"));
    assert_true(has(text, "\r\n\r\ncaf=C3=A9 =3D 1=20\r\n"));
    assert_true(has(text, "=\r\n"));
    for (size_t i = 0, line = 0; i < text.n; i++) {
        line = text.p[i] == '\n' ? 0 : line + 1;
        assert_true(text.p[i] > 0 && line <= 78);
    }
}

TEST(mail_senders)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct str name, address;
    assert_true(mail_sender(arena, STR("bot@fern.example"), &name, &address));
    assert_null(name.p);
    assert_str(address, "bot@fern.example");
    assert_true(mail_sender(arena, STR(" \"Fern & Moss\" <bot@fern.example> "), &name, &address));
    assert_str(name, "Fern & Moss");
    assert_true(mail_sender(arena, STR("Café <bot@fern.example>"), &name, &address));
    static const struct str wrong[] = {STR(""),
                                       STR("bot"),
                                       STR("bot@fern"),
                                       STR("a <b> c"),
                                       STR("<>"),
                                       STR(">"),
                                       STR("x <bot@fern.example> <y>"),
                                       STR("a@b.example, c@d.example"),
                                       STR("bot@fern.example\r\nBcc: x@y.example")};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(mail_sender(arena, wrong[i], &name, &address));
}
