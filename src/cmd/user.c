// SPDX-License-Identifier: Apache-2.0
// Accounts, without the server.
#include "cmd/command.h"
#include "cmd/compose.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct asked {
    const char *email, *password_file, *super_admin;
    struct arena *arena;
};

static int read_password(const struct asked *asked, struct str *ret)
{
    char bytes[1024];
    int fd = asked->password_file ? open(asked->password_file, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t n = fd >= 0 ? read(fd, bytes, sizeof bytes) : -1;
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return command_fault("--password-file: names no file with a password");
    struct str text = {bytes, (size_t)n};
    struct str line = str_split(&text, '\n');
    *ret = arena_str(asked->arena, line);
    crypto_wipe(bytes, sizeof bytes);
    return 0;
}

static int create(struct composition *c, const struct asked *asked, struct err *err)
{
    struct str password;
    struct user_row user;
    int code = read_password(asked, &password);
    if (code)
        return code;
    int rc = accounts_create(c->app.accounts, asked->arena, STR_NULL, str_from(asked->email), password,
                             asked->super_admin, &user, err);
    if (!rc)
        printf("%s  %s%s\n", user.id.p, user.email.p, user.super_admin ? "  super_admin" : "");
    return rc;
}

static int reset_password(struct composition *c, const struct asked *asked, struct err *err)
{
    struct str password;
    int code = read_password(asked, &password);
    return code ? code : accounts_set_password(c->app.accounts, asked->arena, str_from(asked->email), password, err);
}

static int disable(struct composition *c, const struct asked *asked, struct err *err)
{
    return accounts_disable(c->app.accounts, asked->arena, str_from(asked->email), err);
}

struct listing {
    struct arena *arena;
    struct user_row *users;
    size_t n;
};

static int load(struct tx *tx, void *arg, struct err *err)
{
    struct listing *l = arg;
    return user_list(tx, l->arena, &l->users, &l->n, err);
}

static int list(struct composition *c, const struct asked *asked, struct err *err)
{
    struct listing l = {.arena = asked->arena};
    struct scope scope = scope_installation(STR("command"));
    int rc = store_read(c->app.store, &scope, load, &l, err);
    for (size_t i = 0; i < l.n && !rc; i++)
        printf("%s  %s  %s%s%s\n", l.users[i].id.p, l.users[i].username.p, l.users[i].email.p,
               l.users[i].super_admin ? "  super_admin" : "", l.users[i].active ? "" : "  disabled");
    return rc;
}

static const struct {
    const char *name;
    bool needs_email;
    int (*run)(struct composition *c, const struct asked *asked, struct err *err);
} actions[] = {{"create", true, create},
               {"list", false, list},
               {"disable", true, disable},
               {"reset-password", true, reset_password}};

int command_user(int argc, char **argv)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct asked asked = {.arena = arena};
    struct option options[] = {{"--email", true, &asked.email},
                               {"--password-file", true, &asked.password_file},
                               {"--super-admin", false, &asked.super_admin}};
    const char *words[2] = {NULL, NULL};
    struct settings *settings;
    struct composition c;
    struct err err = {0};
    argc = command_options(argc, argv, options, 3);
    if (argc < 0)
        return EXIT_USAGE;
    int n = command_words(&argc, argv, words, 2), action = -1;
    for (size_t i = 0; n >= 1 && i < sizeof actions / sizeof *actions; i++)
        if (strcmp(actions[i].name, words[0]) == 0)
            action = (int)i;
    if (action < 0)
        return command_fault("user: say create, list, disable or reset-password");
    if (!asked.email)
        asked.email = words[1];
    if (actions[action].needs_email && !asked.email)
        return command_fault("user %s: --email is missing", words[0]);
    int code = command_read_settings(argc, argv, false, &settings);
    code = code ? code : compose(settings, COMPOSE_SHARED, &c);
    if (code)
        return code;
    int rc = actions[action].run(&c, &asked, &err);
    if (rc < 0)
        (void)command_fault("%s", err.text);
    compose_end(&c);
    settings_free(settings);
    return rc == 0 ? EXIT_DONE : rc > 0 ? rc : EXIT_FAILED;
}
