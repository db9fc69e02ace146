// SPDX-License-Identifier: Apache-2.0
// The one binary: finds the subcommand's row and runs it.
#include "cmd/command.h"

#include "base/crypto.h"

#include <stdio.h>
#include <string.h>

const struct command command_rows[] = {
    {"demo", "parley demo [--SETTING VALUE]…", "the server in demo mode, with sample data and an answered question",
     command_demo},
    {"serve", "parley serve [--SETTING VALUE]… [--config FILE]", "the server", command_serve},
    {"chat",
     "parley chat [--url ws://127.0.0.1:8000] [--brand techpro] [--voice] [--message TEXT]… [--conversation ID] "
     "[--list] [--all-brands] [--json] [--api-key KEY] [--timeout SECONDS]",
     "chat with a running server from the terminal", command_chat},
    {"ask", "parley ask [--brand ID] [--json] TEXT", "one question through the engine, with the reasons of each hit",
     command_ask},
    {"eval", "parley eval FILE [--brand ID] [--json] [--baseline FILE] [--gate hit1=0.8,…]",
     "how well a file of questions is answered, without the server: exit 1 below gate or baseline", command_eval},
    {"user",
     "parley user create --email E --password-file F [--super-admin] | list | disable EMAIL | reset-password --email E "
     "--password-file F",
     "accounts, without the server", command_user},
    {"export", "parley export --brand ID FILE", "one brand, whole, in one file; parley import takes it",
     command_export},
    {"backup", "parley backup FILE", "everything in one file, while a server runs or not", command_backup},
    {"restore", "parley restore FILE", "a backup into an empty data folder (--data)", command_restore},
    {"import",
     "parley import [--brand ID] [--format auto|export|brands|products|chroma] [--collection NAME]… "
     "[--as products|documents] [--on-conflict skip|update|error] [--tz ZONE] [--dry-run] [--json] PATH…",
     "brands, products and documents of other systems, from files and folders", command_import},
    {"audit", "parley audit verify", "the chain of audit rows: exit 1 where one is changed or missing", command_audit},
    {"check", "parley check", "settings, store, providers: what works and what does not", command_check},
    {"settings", "parley settings [--markdown]", "every setting with its value, range and source", command_settings},
    {"openapi", "parley openapi", "the OpenAPI document", command_openapi},
    {"metrics-list", "parley metrics-list [--markdown]", "every metric with its type and labels", command_metrics_list},
    {"rights", "parley rights", "who may do what under /api/v1", command_rights},
    {"version", "parley version", "version, commit, libraries", command_version},
    {"help", "parley help [COMMAND]", "this list, or one command", command_help},
    {"sql", "parley sql", NULL, command_sql}, // for the portability test
};
const size_t command_count = sizeof command_rows / sizeof *command_rows;

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < command_count; i++)
        if (strcmp(command_rows[i].name, name) == 0)
            return &command_rows[i];
    return NULL;
}

// Shared leading letters are near enough for a list this short.
static const char *nearest(const char *name)
{
    const char *best = NULL;
    size_t most = 1;
    for (size_t i = 0; i < command_count; i++) {
        size_t same = 0;
        while (name[same] && name[same] == command_rows[i].name[same])
            same++;
        if (same > most && command_rows[i].help) {
            most = same;
            best = command_rows[i].name;
        }
    }
    return best;
}

static void print_settings(void)
{
    printf("\nSettings (flag --NAME VALUE, environment PARLEY_NAME, or a file; `parley settings` shows all with their "
           "ranges):\n");
    for (size_t i = 0; i < SETTING_COUNT; i++)
        printf("  --%-44s %s\n", setting_rows[i].name, setting_rows[i].help);
}

int command_help(int argc, char **argv)
{
    const struct command *one = argc > 0 ? find(argv[0]) : NULL;
    if (argc > 0 && !one)
        return command_fault("no command '%.80s'", argv[0]);
    if (one) {
        printf("%s\n\n  %s\n", one->usage, one->help ? one->help : "");
        if (one->run == command_serve || one->run == command_demo)
            print_settings();
        return EXIT_DONE;
    }
    printf("Parley: a self-hosted chatbot platform.\n\n");
    for (size_t i = 0; i < command_count; i++)
        if (command_rows[i].help)
            printf("  parley %-10s %s\n", command_rows[i].name, command_rows[i].help);
    printf("\n`parley help COMMAND` tells more.\n");
    return EXIT_DONE;
}

int main(int argc, char **argv)
{
    if (crypto_init() != 0)
        return command_fault("the system gives no random numbers");
    const char *name = argc > 1 ? argv[1] : "help";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    if (strcmp(name, "--version") == 0)
        name = "version";
    const struct command *command = find(name);
    if (!command) {
        const char *near = nearest(name);
        return command_fault("no command '%.80s'%s%s%s", name, near ? " (did you mean '" : "", near ? near : "",
                             near ? "'?)" : "");
    }
    for (int i = 2; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return command_help(1, &argv[1]);
    return command->run(argc > 2 ? argc - 2 : 0, argv + 2);
}
