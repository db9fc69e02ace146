// SPDX-License-Identifier: Apache-2.0
// Subcommands as rows, and what they share: settings, usage, exit codes.
#pragma once

#include "base/settings.h"
#include "store/store.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_CONNECT = 3 };

struct command {
    const char *name, *usage, *help;
    int (*run)(int argc, char **argv); // argv[0] is the first word behind the command
};
extern const struct command command_rows[];
extern const size_t command_count;

int command_serve(int argc, char **argv);
int command_demo(int argc, char **argv);
int command_ask(int argc, char **argv);
int command_eval(int argc, char **argv);
int command_chat(int argc, char **argv);
int command_user(int argc, char **argv);
int command_audit(int argc, char **argv);
int command_backup(int argc, char **argv);
int command_restore(int argc, char **argv);
int command_import(int argc, char **argv);
int command_export(int argc, char **argv);
int command_check(int argc, char **argv);
int command_settings(int argc, char **argv);
int command_openapi(int argc, char **argv);
int command_metrics_list(int argc, char **argv);
int command_rights(int argc, char **argv);
int command_version(int argc, char **argv);
int command_sql(int argc, char **argv);
int command_help(int argc, char **argv);

// Options of a command itself: taken out of argv (the rest stays for the settings).
struct option {
    const char *name; // "--json"
    bool takes_value;
    const char **ret; // last value; "" for a flag that is given
    size_t *n, most;  // n not NULL: it may be repeated, ret[0..*n) are its values
};
// Leaves settings' flags and plain words in argv, returns how many. Negative: a value is missing (said already).
int command_options(int argc, char **argv, const struct option *options, size_t n);
// Plain words (not flags) are moved out of argv into `words`. Returns how many there were; *argc is what is left.
int command_words(int *argc, char **argv, const char **words, int most);
// Reads settings for a command; prints the fault and returns EXIT_USAGE. `demo`: the demo's own defaults.
int command_read_settings(int argc, char **argv, bool demo, struct settings **ret);
// The store that the settings name, with this program's migrations. What is asked of it: see struct store_options.
enum command_store { STORE_OWNED, STORE_SHARED, STORE_READ_ONLY };
int command_open_store(const struct settings *settings, enum command_store how, struct store **ret, bool *ret_fresh,
                       struct err *err);
int command_fault(const char *format, ...)
    __attribute__((format(printf, 1, 2))); // prints "parley: …", returns EXIT_USAGE
