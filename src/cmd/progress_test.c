// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"

#include "cmd/progress.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void assert_line(struct progress_state state, bool bar, int columns, const char *want)
{
    char line[200];
    int n = progress_line(&state, bar, columns, line, sizeof line);
    assert_string_equal(line, want);
    assert_int_equal(n, (int)strlen(want));
}

TEST(progress_line_fits_its_width)
{
    struct progress_state half = {"backup", "packing", PROGRESS_BYTES, 512, 1024};
    assert_line(half, true, 60, "backup: packing [#######        ] 50 %, 512 bytes of 1.0 KiB");
    assert_line(half, true, 40, "backup: packing 50 %, 512 bytes of 1.0 K");
    assert_line(half, true, 10, "backup: pa");
    assert_line(half, true, 0, "");
    assert_line(half, false, 200, "backup: packing: 50 %, 512 bytes of 1.0 KiB");
}

TEST(progress_line_of_an_unknown_or_wrong_total)
{
    assert_line((struct progress_state){"import", "rows", PROGRESS_ROWS, 7000, 0}, true, 60, "import: rows 7000");
    assert_line((struct progress_state){"import", "rows", PROGRESS_ROWS, 12, 10}, false, 60,
                "import: rows: 100 %, 10 of 10");
    assert_line((struct progress_state){"x", NULL, PROGRESS_BYTES, 3LL << 40, 0}, false, 60, "x: : 3.0 TiB");
}

// Reads until `text` has come; what came stays in `out`.
static void read_until(int fd, const char *text, char *out, size_t size)
{
    size_t n = strlen(out);
    while (!strstr(out, text)) {
        struct pollfd p = {fd, POLLIN, 0};
        assert_int_equal(poll(&p, 1, 10000), 1);
        ssize_t got = read(fd, out + n, size - 1 - n);
        assert_true(got > 0);
        out[n += (size_t)got] = 0;
    }
}

TEST(progress_on_no_terminal_says_lines)
{
    int ends[2];
    char out[65536] = "";
    assert_int_equal(pipe(ends), 0);
    struct progress *p = progress_new_to("import", ends[1], 1);
    progress_stage(p, "rows", PROGRESS_ROWS, 4);
    progress_add(p, 1);
    progress_add(p, 2);
    read_until(ends[0], "import: rows: 75 %, 3 of 4\n", out, sizeof out);
    assert_null(strchr(out, '\r'));
    progress_free(p);
    close(ends[0]);
    close(ends[1]);
    progress_add(NULL, 1);
    progress_free(NULL);
}

TEST(progress_on_a_terminal_leaves_nothing)
{
    char out[65536] = "", path[] = "/tmp/progress-XXXXXX";
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    int tty = open(ptsname(master), O_RDWR | O_NOCTTY);
    assert_true(tty >= 0);
    assert_int_equal(ioctl(tty, TIOCSWINSZ, &(struct winsize){.ws_row = 24, .ws_col = 64}), 0);
    setenv("TERM", "xterm", 1);
    int file = mkstemp(path);
    assert_int_equal(write(file, "12345", 5), 5);
    struct progress *p = progress_new_to("backup", tty, 1);
    progress_stage(p, "copying", PROGRESS_BYTES, 10);
    progress_watch(p, path);
    read_until(master, "backup: copying [", out, sizeof out);
    read_until(master, "] 50 %, 5 bytes of 10 bytes", out, sizeof out);
    assert_null(strchr(out, '\n'));
    progress_free(p);
    out[0] = 0;
    assert_int_equal(write(tty, "end", 3), 3);
    read_until(master, "\r\033[Kend", out, sizeof out);
    close(tty);
    close(master);
    close(file);
    unlink(path);
}
