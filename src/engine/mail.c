// SPDX-License-Identifier: Apache-2.0
// Heads are plain ASCII lines; what is not goes into encoded words (RFC 2047). Bodies are sent as they are while they
// are ASCII in short lines, else as quoted-printable (RFC 2045 6.7).
#include "engine/mail.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/utf8.h"
#include "model/account.h"
#include "store/job.h"

#include <stdio.h>
#include <time.h>

enum { MESSAGE_MOST = 1 << 20, WORD_BYTES = 42, LINE_MOST = 76, PLAIN_LINE_MOST = 998 };
#define CONTEXT STR("mail")

// ---- the queue -----------------------------------------------------------------------------------------------------

int mail_queue(struct tx *tx, const struct crypto_keys *keys, const struct mail *mail, struct err *err)
{
    struct arena *arena = tx_arena(tx);
    yyjson_mut_doc *doc = json_doc(arena);
    yyjson_mut_val *plain = yyjson_mut_obj(doc), *payload = yyjson_mut_obj(doc);
    json_add_str(doc, plain, "to", mail->to);
    json_add_str(doc, plain, "subject", mail->subject);
    json_add_str(doc, plain, "text", mail->text);
    json_add_str(doc, plain, "link", mail->link);
    struct str sealed = crypto_seal(keys, arena, CONTEXT, json_write(arena, plain));
    json_add_str(doc, payload, "sealed", crypto_base64url(arena, sealed));
    return job_insert(tx, "mail.send", json_write(arena, payload), clock_wall_ms(), err);
}

int mail_unseal(const struct crypto_keys *keys, struct arena *arena, struct str payload, struct mail *ret)
{
    yyjson_val *outer, *inner;
    struct str sealed, plain;
    if (json_parse(arena, payload, 0, &outer, NULL) != 0 ||
        crypto_base64url_decode(arena, json_get_str(outer, "sealed"), &sealed) != 0)
        return ERR_FORMAT;
    int rc = crypto_open(keys, arena, CONTEXT, sealed, &plain);
    if (rc || json_parse(arena, plain, 0, &inner, NULL) != 0)
        return rc ? rc : ERR_FORMAT;
    *ret = (struct mail){json_get_str(inner, "to"), json_get_str(inner, "subject"), json_get_str(inner, "text"),
                         json_get_str(inner, "link")};
    return 0;
}

// ---- the message ---------------------------------------------------------------------------------------------------

bool mail_sender(struct arena *arena, struct str text, struct str *ret_name, struct str *ret_address)
{
    struct str rest = str_trim(text), name = STR_NULL;
    if (rest.n && rest.p[rest.n - 1] == '>') {
        const char *open = memrchr(rest.p, '<', rest.n);
        if (!open)
            return false;
        name = str_trim((struct str){rest.p, (size_t)(open - rest.p)});
        rest = str_trim((struct str){open + 1, (size_t)(rest.p + rest.n - open) - 2});
        if (name.n >= 2 && name.p[0] == '"' && name.p[name.n - 1] == '"')
            name = (struct str){name.p + 1, name.n - 2};
    }
    if (!utf8_valid(text) || !account_email_valid(rest))
        return false;
    *ret_name = name.n ? arena_str(arena, name) : STR_NULL;
    *ret_address = arena_str(arena, rest);
    return true;
}

// Printable ASCII that no structured field gives a meaning.
static bool is_plain(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] < 32 || text.p[i] > 126 || strchr("\"\\()<>[]:;@,=?", text.p[i]))
            return false;
    return text.n > 0 && text.n < LINE_MOST - 20;
}

// Encoded words of whole code points, folded.
static void add_words(struct arena *arena, struct buf *out, struct str text)
{
    for (size_t pos = 0, from = 0; from < text.n; from = pos) {
        while (pos < text.n) {
            size_t next = pos;
            (void)utf8_next(text, &next);
            if (next - from > WORD_BYTES)
                break;
            pos = next;
        }
        struct str piece = crypto_base64(arena, (struct str){text.p + from, pos - from});
        buf_addf(out, "%s=?UTF-8?B?" STR_FMT "?=", from ? "\r\n " : "", STR_ARG(piece));
    }
}

static void add_text(struct arena *arena, struct buf *out, const char *name, struct str text)
{
    buf_addf(out, "%s: ", name);
    if (is_plain(text))
        buf_adds(out, text);
    else
        add_words(arena, out, text);
    buf_addz(out, "\r\n");
}

static void add_sender(struct arena *arena, struct buf *out, const struct mail_head *head)
{
    buf_addz(out, "From: ");
    if (head->from_name.n && is_plain(head->from_name))
        buf_addf(out, "\"" STR_FMT "\" ", STR_ARG(head->from_name));
    else if (head->from_name.n) {
        add_words(arena, out, head->from_name);
        buf_addz(out, "\r\n ");
    }
    buf_addf(out, "<" STR_FMT ">\r\n", STR_ARG(head->from));
}

static void add_date(struct buf *out, int64_t ms)
{
    char date[CLOCK_HTTP_SIZE];
    clock_http(ms, date); // "Sun, 06 Nov 1994 08:49:37 GMT"
    buf_addf(out, "Date: %.25s +0000\r\n", date);
}

static bool goes_plainly(struct str text)
{
    size_t line = 0;
    for (size_t i = 0; i < text.n; i++) {
        line = text.p[i] == '\n' ? 0 : line + 1;
        if ((text.p[i] < 32 && text.p[i] != '\n' && text.p[i] != '\t') || text.p[i] == 127 || text.p[i] < 0 ||
            line > PLAIN_LINE_MOST)
            return false;
    }
    return true;
}

static void add_quoted(struct buf *out, struct str text)
{
    size_t column = 0;
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        bool ends = i + 1 == text.n || text.p[i + 1] == '\n';
        bool as_it_is = c > 32 && c < 127 && c != '=';
        if (c == '\n') {
            buf_addz(out, "\r\n");
            column = 0;
            continue;
        }
        as_it_is |= (c == ' ' || c == '\t') && !ends;
        if (column + (as_it_is ? 1 : 3) > LINE_MOST - 1) {
            buf_addz(out, "=\r\n");
            column = 0;
        }
        if (as_it_is)
            buf_addc(out, (char)c);
        else
            buf_addf(out, "=%02X", c);
        column += as_it_is ? 1 : 3;
    }
}

struct str mail_message(struct arena *arena, const struct mail_head *head, const struct mail *mail)
{
    AUTO_BUF struct buf out = BUF_INIT(MESSAGE_MOST);
    bool plain = goes_plainly(mail->text);
    const char *at = memchr(head->from.p, '@', head->from.n);
    add_date(&out, head->date_ms);
    add_sender(arena, &out, head);
    buf_addf(&out, "To: <" STR_FMT ">\r\n", STR_ARG(mail->to));
    add_text(arena, &out, "Subject", mail->subject);
    buf_addf(&out, "Message-ID: <" STR_FMT "%.*s>\r\n", STR_ARG(head->id),
             at ? (int)(head->from.p + head->from.n - at) : 0, at ? at : "");
    buf_addf(&out,
             "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
             "Content-Transfer-Encoding: %s\r\n\r\n",
             plain ? "7bit" : "quoted-printable");
    struct str rest = mail->text;
    while (plain && rest.p) {
        struct str line = str_split(&rest, '\n');
        if (rest.p || line.n)
            buf_addf(&out, STR_FMT "\r\n", STR_ARG(line));
    }
    if (!plain)
        add_quoted(&out, mail->text);
    return arena_str(arena, buf_str(&out));
}

// ---- what they say -------------------------------------------------------------------------------------------------

struct mail mail_reset(struct arena *arena, struct str to, struct str base, struct str token)
{
    struct str link = arena_strf(arena, STR_FMT "/reset-password?token=" STR_FMT, STR_ARG(base), STR_ARG(token));
    return (struct mail){
        .to = to,
        .subject = STR("Choose a new password"),
        .link = link,
        .text = arena_strf(arena,
                           "Somebody asked for a new password for the account with this address.\n\n"
                           "To choose one, open this link within an hour. It works once.\n\n" STR_FMT
                           "\n\nA program may ask for the token itself:\n\nToken: " STR_FMT
                           "\n\nIf it was not you, do nothing: your password stays as it is.\n",
                           STR_ARG(link), STR_ARG(token)),
    };
}

// A name that somebody chose must not pass for lines of ours.
static struct str one_line(struct arena *arena, struct str text)
{
    char *line = arena_cstr(arena, text);
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)line[i] < 32 || line[i] == 127)
            line[i] = ' ';
    return (struct str){line, text.n};
}

struct mail mail_invite(struct arena *arena, struct str to, struct str url, struct str brand_name)
{
    brand_name = one_line(arena, brand_name);
    return (struct mail){
        .to = to,
        .subject = arena_strf(arena, "Invitation to " STR_FMT, STR_ARG(brand_name)),
        .link = url,
        .text = arena_strf(arena,
                           "You are invited to join " STR_FMT
                           ".\n\nTo make your account, open this link. It works once.\n\n" STR_FMT
                           "\n\nIf you did not expect this, you need do nothing.\n",
                           STR_ARG(brand_name), STR_ARG(url)),
    };
}

struct mail mail_password_changed(struct str to)
{
    return (struct mail){
        .to = to,
        .subject = STR("Your password was changed"),
        .text = STR("The password of your account was changed, and other devices were signed out.\n\n"
                    "If it was not you, ask for a new password at once and tell your administrator.\n"),
    };
}

struct mail mail_address_changed(struct str old_address)
{
    return (struct mail){
        .to = old_address,
        .subject = STR("The e-mail address of your account was changed"),
        .text = STR("Your account has another e-mail address now. Mails for it no longer come here.\n\n"
                    "If it was not you, tell your administrator at once.\n"),
    };
}
