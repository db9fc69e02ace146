// SPDX-License-Identifier: Apache-2.0
#include "engine/accounts.h"
#include "engine/testing.h"

#include "base/clock.h"
#include "model/text.h"
#include "store/chatbot_key.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define PASSWORD STR("pebble-and-reed-58")
#define ISSUER STR("http://127.0.0.1:8000")
#define HERE STR("192.0.2.7")

static const struct scope BY = {.actor_kind = ACTOR_ANONYMOUS, .actor = {"anonymous", 9}};

struct people {
    struct site site;
    struct crypto_keys *keys;
    struct accounts *accounts;
    struct user_row root, ada; // the first is super_admin
};

static struct user_row make(struct people *p, struct str username, struct str email)
{
    struct user_row user;
    struct err err = {0};
    if (accounts_create(p->accounts, p->site.arena, username, email, PASSWORD, false, &user, &err) != 0)
        fail_msg("%s", err.text);
    return user;
}

static void people_open(struct people *p)
{
    site_open(&p->site, 0);
    p->keys = crypto_keys_new(STR("a master key of a test, long enough"));
    p->accounts = accounts_new(p->site.store, p->keys, p->site.settings);
    p->root = make(p, STR_NULL, STR("root@fern.example"));
    p->ada = make(p, STR("Ada"), STR("ada@fern.example"));
}

static void people_close(struct people *p)
{
    accounts_free(p->accounts);
    crypto_keys_free(p->keys);
    site_close(&p->site);
}

static int login(struct people *p, struct str name, struct str password, struct signed_in *ret)
{
    int64_t retry_s = 0;
    struct err err = {0};
    *ret = (struct signed_in){0};
    int rc = accounts_login(p->accounts, p->site.arena, &BY, name, password, HERE, ISSUER, ret, &retry_s, &err);
    assert_true(rc != ERR_LIMIT || (retry_s > 0 && retry_s <= 15 * 60 + 1));
    return rc;
}

static int identify(struct people *p, struct str credential, struct caller *ret)
{
    struct err err = {0};
    return accounts_identify(p->accounts, p->site.arena, credential, ret, &err);
}

static int refresh(struct people *p, struct str token, struct signed_in *ret)
{
    struct err err = {0};
    return accounts_refresh(p->accounts, p->site.arena, &BY, token, ISSUER, ret, &err);
}

TEST(accounts_sign_in_by_name_or_mail_in_any_case)
{
    struct people p;
    struct signed_in in;
    struct caller caller;
    people_open(&p);
    assert_true(p.root.super_admin);
    assert_false(p.ada.super_admin);
    const struct str names[] = {STR("Ada"), STR("ada"), STR("ADA@fern.example")};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(login(&p, names[i], PASSWORD, &in), 0);
        assert_int_equal(identify(&p, in.access_token, &caller), 0);
        assert_int_equal(caller.kind, CALLER_USER);
        assert_false(caller.by_key);
        assert_true(str_eq(caller.user.id, p.ada.id));
    }
    assert_int_equal(login(&p, STR("ada"), STR("pebble-and-reed-59"), &in), ERR_DENIED);
    assert_int_equal(login(&p, STR("nobody"), PASSWORD, &in), ERR_DENIED);
    people_close(&p);
}

TEST(accounts_refuse_what_is_no_credential)
{
    struct people p;
    struct signed_in in;
    struct caller caller;
    people_open(&p);
    assert_int_equal(login(&p, STR("ada"), PASSWORD, &in), 0);
    assert_int_equal(identify(&p, STR(""), &caller), ERR_DENIED);
    assert_int_equal(identify(&p, STR("a.b.c"), &caller), ERR_DENIED);
    assert_int_equal(identify(&p, STR("ck_0000"), &caller), ERR_DENIED);
    assert_int_equal(identify(&p, in.refresh_token, &caller), ERR_DENIED);
    for (size_t i = 0; i < in.access_token.n; i += 7) { // any byte
        char *bent = arena_cstr(p.site.arena, in.access_token);
        bent[i] = bent[i] == 'A' ? 'B' : 'A';
        assert_int_equal(identify(&p, str_from(bent), &caller), ERR_DENIED);
    }
    clock_advance(3601 * 1000);
    assert_int_equal(identify(&p, in.access_token, &caller), ERR_DENIED);
    people_close(&p);
}

TEST(accounts_lock_out_after_twenty_failures)
{
    struct people p;
    struct signed_in in;
    int64_t retry_s;
    struct err err = {0};
    people_open(&p);
    for (int i = 0; i < 20; i++)
        assert_int_equal(login(&p, STR("ada"), STR("wrong-password"), &in), ERR_DENIED);
    assert_int_equal(login(&p, STR("ADA"), PASSWORD, &in), ERR_LIMIT);
    assert_int_equal(login(&p, STR("root@fern.example"), PASSWORD, &in), 0); // another account
    assert_int_equal(accounts_login(p.accounts, p.site.arena, &BY, STR("ada"), PASSWORD, STR("192.0.2.8"), ISSUER, &in,
                                    &retry_s, &err),
                     0);
    clock_advance(15 * 60 * 1000 + 1000);
    assert_int_equal(login(&p, STR("ada"), PASSWORD, &in), 0);
    assert_int_equal(login(&p, STR("ada"), STR("wrong-password"), &in), ERR_DENIED); // counted from the start again
    assert_int_equal(login(&p, STR("ada"), PASSWORD, &in), 0);
    people_close(&p);
}

TEST(accounts_refresh_rotates_and_reuse_ends_the_sign_in)
{
    struct people p;
    struct signed_in in, second, third, other;
    struct caller caller;
    people_open(&p);
    assert_int_equal(login(&p, STR("ada"), PASSWORD, &in), 0);
    assert_int_equal(login(&p, STR("ada"), PASSWORD, &other), 0);
    assert_int_equal(refresh(&p, in.refresh_token, &second), 0);
    assert_false(str_eq(in.refresh_token, second.refresh_token));
    assert_int_equal(identify(&p, second.access_token, &caller), 0);
    assert_int_equal(refresh(&p, in.refresh_token, &third), ERR_DENIED); // used: two hold it
    assert_int_equal(refresh(&p, second.refresh_token, &third), ERR_DENIED);
    assert_int_equal(identify(&p, second.access_token, &caller), ERR_DENIED);
    assert_int_equal(identify(&p, other.access_token, &caller), 0); // another sign-in of the same user
    assert_int_equal(refresh(&p, STR("rt_nothing"), &third), ERR_DENIED);
    people_close(&p);
}

TEST(accounts_refresh_expires_and_stops_with_its_user)
{
    struct people p;
    struct signed_in in, next;
    struct caller caller;
    struct err err = {0};
    people_open(&p);
    assert_int_equal(login(&p, STR("ada"), PASSWORD, &in), 0);
    clock_advance(INT64_C(604801) * 1000);
    assert_int_equal(refresh(&p, in.refresh_token, &next), ERR_DENIED);
    assert_int_equal(login(&p, STR("ada"), PASSWORD, &in), 0);
    assert_int_equal(refresh(&p, in.refresh_token, &next), 0);
    assert_int_equal(accounts_disable(p.accounts, p.site.arena, STR("Ada"), &err), 0);
    assert_int_equal(refresh(&p, next.refresh_token, &in), ERR_DENIED);
    assert_int_equal(identify(&p, next.access_token, &caller), ERR_DENIED);
    assert_int_equal(login(&p, STR("ada"), PASSWORD, &in), ERR_INVALID);
    assert_int_equal(login(&p, STR("ada"), STR("wrong-password"), &in), ERR_DENIED);
    people_close(&p);
}

TEST(accounts_sign_in_lives_no_longer_than_it_may)
{
    struct people p;
    struct signed_in in;
    people_open(&p);
    assert_int_equal(login(&p, STR("ada"), PASSWORD, &in), 0);
    for (int day = 6; day < 30; day += 6) {
        clock_advance(INT64_C(6) * 86400 * 1000);
        assert_int_equal(refresh(&p, in.refresh_token, &in), 0);
    }
    clock_advance(INT64_C(6) * 86400 * 1000 + 1000);
    assert_int_equal(refresh(&p, in.refresh_token, &in), ERR_DENIED);
    people_close(&p);
}

struct both {
    struct people *p;
    struct str token;
    pthread_barrier_t *start;
    int rc;
    struct str next;
};

static void *refresh_too(void *arg)
{
    struct both *b = arg;
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct signed_in in = {0};
    struct err err = {0};
    pthread_barrier_wait(b->start);
    b->rc = accounts_refresh(b->p->accounts, arena, &BY, b->token, ISSUER, &in, &err);
    if (b->rc == 0)
        b->next = (struct str){mem_strndup(in.refresh_token.p, in.refresh_token.n), in.refresh_token.n};
    return NULL;
}

// Of two at once exactly one wins; then two hold the sign-in, and it ends.
TEST(accounts_two_refresh_at_once)
{
    struct people p;
    people_open(&p);
    for (int round = 0; round < 10; round++) {
        struct signed_in in, next;
        struct both both[2];
        pthread_t threads[2];
        pthread_barrier_t start;
        assert_int_equal(login(&p, STR("ada"), PASSWORD, &in), 0);
        pthread_barrier_init(&start, NULL, 2);
        for (int i = 0; i < 2; i++) {
            both[i] = (struct both){&p, in.refresh_token, &start, 0, STR_NULL};
            assert_int_equal(pthread_create(&threads[i], NULL, refresh_too, &both[i]), 0);
        }
        for (int i = 0; i < 2; i++)
            pthread_join(threads[i], NULL);
        pthread_barrier_destroy(&start);
        assert_true((both[0].rc == 0) != (both[1].rc == 0));
        for (int i = 0; i < 2; i++)
            if (both[i].next.p) {
                assert_int_equal(refresh(&p, both[i].next, &next), ERR_DENIED);
                free((char *)(uintptr_t)both[i].next.p);
            }
    }
    people_close(&p);
}

static void *set_password(void *arg)
{
    struct people *p = arg;
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct err err = {0};
    return accounts_set_password(p->accounts, arena, STR("ada"), STR("another-password-7"), &err) ? p : NULL;
}

// A sign-in with the old password that is under way while the password changes opens nothing.
TEST(accounts_change_of_password_outruns_a_sign_in)
{
    struct people p;
    people_open(&p);
    for (int round = 0; round < 5; round++) {
        struct signed_in in;
        struct caller caller;
        pthread_t thread;
        struct err err = {0};
        assert_int_equal(accounts_set_password(p.accounts, p.site.arena, STR("ada"), PASSWORD, &err), 0);
        assert_int_equal(pthread_create(&thread, NULL, set_password, &p), 0);
        int rc = login(&p, STR("ada"), PASSWORD, &in); // before, between or after
        void *failed;
        pthread_join(thread, &failed);
        assert_null(failed);
        assert_true(rc == 0 || rc == ERR_DENIED);
        if (rc == 0)
            assert_int_equal(identify(&p, in.access_token, &caller), ERR_DENIED);
        assert_int_equal(login(&p, STR("ada"), STR("another-password-7"), &in), 0);
    }
    people_close(&p);
}

TEST(accounts_log_out_of_one_and_of_all)
{
    struct people p;
    struct signed_in a, b, c;
    struct caller caller;
    struct err err = {0};
    people_open(&p);
    assert_int_equal(login(&p, STR("ada"), PASSWORD, &a) | login(&p, STR("ada"), PASSWORD, &b) |
                         login(&p, STR("ada"), PASSWORD, &c),
                     0);
    assert_int_equal(accounts_logout_token(p.accounts, p.site.arena, &BY, a.refresh_token, &err), 0);
    assert_int_equal(identify(&p, a.access_token, &caller), ERR_DENIED);
    assert_int_equal(identify(&p, b.access_token, &caller), 0);
    assert_int_equal(accounts_logout(p.accounts, &BY, &caller, false, &err), 0);
    assert_int_equal(identify(&p, b.access_token, &caller), ERR_DENIED);
    assert_int_equal(identify(&p, c.access_token, &caller), 0);
    assert_int_equal(login(&p, STR("ada"), PASSWORD, &a), 0);
    assert_int_equal(accounts_logout(p.accounts, &BY, &caller, true, &err), 0);
    assert_int_equal(identify(&p, a.access_token, &caller), ERR_DENIED);
    assert_int_equal(identify(&p, c.access_token, &caller), ERR_DENIED);
    people_close(&p);
}

// ---- keys and roles
// ---------------------------------------------------------------------------------------------------

struct key {
    struct str of, key; // user or chatbot
    bool user;
    const char *role;
};

static int put_key(struct tx *tx, void *arg, struct err *err)
{
    const struct key *key = arg;
    char hash[CRYPTO_HEX_SIZE];
    crypto_sha256_hex(key->key, hash);
    if (key->role)
        return membership_put(tx, key->of, str_from(key->role), clock_wall_ms(), err);
    struct user_key row = {.id = STR("0198c0de-5a10-7b21-8c3d-2f6a9e01b7d4"), .name = STR("k"), .hint = STR("abcd")};
    return key->user ? user_key_insert(tx, key->of, &row, hash, err)
                     : chatbot_key_insert(tx, key->of, STR("k"), true, hash, STR("abcd"), clock_wall_ms(), err);
}

TEST(accounts_keys_and_roles)
{
    struct people p;
    struct caller caller;
    enum role role;
    bool anywhere;
    struct err err = {0};
    people_open(&p);
    struct brand_ref *brand = site_brand(&p.site, "fern", NULL), *other = site_brand(&p.site, "moss", NULL);
    struct key user = {.of = p.ada.id, .key = STR("uk_0123456789"), .user = true};
    struct key chatbot = {.of = brand->row.chatbot_id, .key = STR("ck_0123456789")};
    struct key admin = {.of = p.ada.id, .role = "admin"};
    site_write(&p.site, "fern", put_key, &user);
    site_write(&p.site, "fern", put_key, &chatbot);
    assert_int_equal(identify(&p, user.key, &caller), 0);
    assert_true(caller.by_key && caller.kind == CALLER_USER);
    assert_int_equal(accounts_role(p.accounts, &caller, STR("fern"), &role, &err), 0);
    assert_int_equal(role, ROLE_NONE);
    assert_int_equal(accounts_admin_anywhere(p.accounts, &caller, &anywhere, &err), 0);
    assert_false(anywhere);
    site_write(&p.site, "fern", put_key, &admin);
    assert_int_equal(accounts_role(p.accounts, &caller, STR("fern"), &role, &err), 0);
    assert_int_equal(role, ROLE_ADMIN);
    assert_int_equal(accounts_role(p.accounts, &caller, STR("moss"), &role, &err), 0);
    assert_int_equal(role, ROLE_NONE);
    assert_int_equal(accounts_admin_anywhere(p.accounts, &caller, &anywhere, &err), 0);
    assert_true(anywhere);
    assert_int_equal(identify(&p, chatbot.key, &caller), 0);
    assert_int_equal(caller.kind, CALLER_CHATBOT_KEY);
    assert_str(caller.brand, "fern");
    assert_int_equal(accounts_role(p.accounts, &caller, STR("fern"), &role, &err), 0);
    assert_int_equal(role, ROLE_NONE);
    assert_int_equal(accounts_disable(p.accounts, p.site.arena, STR("ada"), &err), 0);
    assert_int_equal(identify(&p, user.key, &caller), ERR_DENIED);
    brand_ref_drop(other);
    brand_ref_drop(brand);
    people_close(&p);
}

TEST(accounts_are_made_by_the_rules)
{
    struct people p;
    struct user_row user;
    struct err err = {0};
    people_open(&p);
    static const struct str bad[] = {STR("no-at.example"),    STR("@fern.example"), STR("a@b@fern.example"),
                                     STR("a b@fern.example"), STR("a@fern"),        STR("a@.fern.example"),
                                     STR("a@fern.e")};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(accounts_create(p.accounts, p.site.arena, STR("x"), bad[i], PASSWORD, false, &user, &err),
                         ERR_INVALID);
    assert_int_equal(
        accounts_create(p.accounts, p.site.arena, STR("x"), STR("x@fern.example"), STR("short"), false, &user, &err),
        ERR_INVALID);
    assert_int_equal(
        accounts_create(p.accounts, p.site.arena, STR("ADA"), STR("new@fern.example"), PASSWORD, false, &user, &err),
        ERR_CONFLICT);
    assert_int_equal(
        accounts_create(p.accounts, p.site.arena, STR("eve"), STR("Ada@Fern.example"), PASSWORD, false, &user, &err),
        ERR_CONFLICT);
    people_close(&p);
}

TEST(accounts_passwords_that_everybody_tries)
{
    static const struct str common[] = {STR("password"),    STR("PASSWORD123"), STR("12345678"),  STR("zzzzzzzz"),
                                        STR("  iloveyou "), STR("0123456789"),  STR("qwertyuiop")};
    static const struct str fine[] = {STR("pebble-and-reed-58"),
                                      STR("passwordpassworda"),
                                      STR(""),
                                      STR("zzzzzzzzz"),
                                      STR("0"),
                                      STR("\xe0\xb8\xa3\xe0\xb8\xab\xe0\xb8\xb1\xe0\xb8\xaa")};
    for (size_t i = 0; i < sizeof common / sizeof *common; i++)
        assert_true(password_common(common[i]));
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
        assert_false(password_common(fine[i]));
}

TEST(accounts_names_and_addresses)
{
    static const struct str mails[] = {STR("a@b.cc"), STR("a.b+c_d@x-y.example"), STR("m\xc3\xadra@fern.example"),
                                       STR("a@\xe0\xb9\x84\xe0\xb8\x97\xe0\xb8\xa2.example")};
    static const struct str no_mails[] = {STR("a,b@c.example"),      STR("a@b.example\r\nBcc: x@y.example"),
                                          STR("<a@b.example>"),      STR("a\"b@c.example"),
                                          STR("a@b..example"),       STR("a@-b.example"),
                                          STR("a@b.example."),       STR(".a@b.example"),
                                          STR("a@b.example;c@d.ee"), STR("a\xc2\xa0z@b.example"),
                                          STR("a@b_c.example")};
    for (size_t i = 0; i < sizeof mails / sizeof *mails; i++)
        assert_true(account_email_valid(mails[i]));
    for (size_t i = 0; i < sizeof no_mails / sizeof *no_mails; i++)
        assert_false(account_email_valid(no_mails[i]));
    assert_true(account_username_valid(STR("mira.o_k-1")));
    assert_true(account_username_valid(STR("\xe0\xb8\x9b\xe0\xb8\xb5\xe0\xb9\x88"))); // with marks
    assert_false(account_username_valid(STR("mira okafor")));
    assert_false(account_username_valid(STR("mira@fern")));
    assert_false(account_username_valid(STR("\xf0\x9f\x99\x82")));
}
