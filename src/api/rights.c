// SPDX-License-Identifier: Apache-2.0
// The table of rights as a page, answered by the same functions that answer requests.
#include "api/access.h"

static const struct {
    const char *title;
    enum role role;
    bool creator, shared; // shared: of a public chatbot
} columns[] = {
    {"other brand", ROLE_NONE, false, true},
    {"`user`", ROLE_USER, false, false},
    {"`user`, public chatbot", ROLE_USER, false, true},
    {"`developer`", ROLE_DEVELOPER, false, false},
    {"creator, `user`", ROLE_USER, true, false},
    {"creator, `developer`", ROLE_DEVELOPER, true, false},
    {"`admin`", ROLE_ADMIN, false, false},
    {"`super_admin`", ROLE_SUPER_ADMIN, false, false},
};
enum { COLUMNS = sizeof columns / sizeof *columns };

static const char *word(int refusal)
{
    return refusal == 0 ? "yes" : refusal == 403 ? "403" : "404";
}

static void add_row(struct buf *out, const struct right *right)
{
    buf_addf(out, "| %s | %s |", right->letter, right->text);
    for (size_t i = 0; i < COLUMNS; i++) {
        int refusal = right->open ? 0 : right_on_chatbot(right, columns[i].role, columns[i].creator, columns[i].shared);
        buf_addf(out, " %s |", word(refusal));
    }
    buf_addf(out, " %s |\n", right->open || right->key ? "yes" : "401");
}

// Rights about chatbots and what hangs on them, not about brands or the installation.
static bool is_about_chatbots(int who)
{
    return who == WHO_SEE || who == WHO_CHANGE || who == WHO_OUTSIDE || who == WHO_TALK || who == WHO_BRAND_ADMIN;
}

void rights_print(struct buf *out)
{
    buf_addz(out, "# Rights\n\nPrinted by `parley rights`. The letter of each operation stands in "
                  "[openapi.json](openapi.json) as `x-parley-right`; roles are read from the store at each request.\n\n"
                  "## All letters\n\n| letter | may be done by |\n|---|---|\n");
    for (int i = 0; i < WHO_RIGHTS; i++) {
        bool again = false;
        for (int k = 0; k < i; k++)
            again |= rights[k].letter && strcmp(rights[k].letter, rights[i].letter) == 0;
        if (!again)
            buf_addf(out, "| %s | %s |\n", rights[i].letter, rights[i].text);
    }
    buf_addz(out, "\n## A chatbot and what hangs on it\n\nPersonalities, knowledge and the like follow their chatbot. "
                  "404: it is not there for this caller, in the same words as for an id that never was. Without a "
                  "credential: 401.\n\n| letter | |");
    for (size_t i = 0; i < COLUMNS; i++)
        buf_addf(out, " %s |", columns[i].title);
    buf_addz(out, " its key |\n|---|---|");
    for (size_t i = 0; i <= COLUMNS; i++)
        buf_addz(out, "---|");
    buf_addc(out, '\n');
    for (int i = 0; i < WHO_RIGHTS; i++)
        if (is_about_chatbots(i))
            add_row(out, &rights[i]);
    buf_addz(out,
             "\n## Credentials\n\nAn access token and a user's own key act as the user; operations with "
             "`x-parley-token` want the token. A chatbot's key acts as that chatbot alone and opens what K names. The "
             "bearer of `metrics.token` may read metrics and the detailed health, and nothing else.\n");
}
