// SPDX-License-Identifier: Apache-2.0
// parley-fake-llm [--port N] [--tls|--h2 [--cert-host NAME] [--cert-out FILE]] [--seed N] [--until-eof]
#include "server.h"

#include "base/crypto.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static int usage(FILE *out, int code)
{
    fputs(
        "usage: parley-fake-llm [--port N] [--seed N] [--tls|--h2] [--cert-host NAME] [--cert-out FILE] [--until-eof]\n"
        "An OpenAI-compatible server for tests. Prints \"listening 127.0.0.1:PORT\".\n"
        "Knobs: POST /__control {\"default\":{…},\"queue\":[{…}]}, or in the model's name: fake;cutAfter=5;split=1\n"
        "Requests so far: GET /__log, DELETE /__log.\n",
        out);
    return code;
}

int main(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"port", required_argument, NULL, 'p'},
        {"seed", required_argument, NULL, 's'},
        {"tls", no_argument, NULL, 't'},
        {"h2", no_argument, NULL, '2'},
        {"cert-host", required_argument, NULL, 'n'},
        {"cert-out", required_argument, NULL, 'o'},
        {"until-eof", no_argument, NULL, 'e'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    struct server_options options = {0};
    int option;
    while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        switch (option) {
        case 'p':
            options.port = atoi(optarg);
            break;
        case 's':
            options.seed = strtoull(optarg, NULL, 10);
            break;
        case 't':
            options.tls = true;
            break;
        case '2':
            options.tls = options.h2 = true;
            break;
        case 'n':
            options.cert_host = optarg;
            break;
        case 'o':
            options.cert_out = optarg;
            break;
        case 'e':
            options.until_eof = true;
            break;
        case 'h':
            return usage(stdout, 0);
        default:
            return usage(stderr, 2);
        }
    }
    signal(SIGPIPE, SIG_IGN);
    if (crypto_init() != 0)
        return 1;
    return server_run(&options);
}
