// SPDX-License-Identifier: Apache-2.0
#include "cmd/command.h"

int command_chat(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return command_fault("chat: not built yet");
}
