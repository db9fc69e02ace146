// SPDX-License-Identifier: Apache-2.0
// The service manager's notify and socket-activation protocols (sd_notify(3), sd_listen_fds(3)), which are a dozen
// lines.
#pragma once

#include <stddef.h>

void notify_ready(void); // and starts the watchdog where one is asked for
void notify_stopping(void);
size_t notify_inherited(int *fds, size_t most);
