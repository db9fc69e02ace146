// SPDX-License-Identifier: Apache-2.0
// parley-read FORMAT blocks|rows: reads one file from standard input and writes the frames of ingest/record.h to
// standard output. Started by the server for each file, and confined before the first byte of it is looked at.
//
// PDF is read by pdftotext: its library is not linked (licence), and may not share memory with what speaks to the
// server. It is started here, before this process confines itself for good, under limits and a filter of its own that
// leave it nothing but reading files; execve stays out of the strict filter. What it says is then read under that one.
#include "base/mem.h"
#include "ingest/confine.h"
#include "ingest/readers.h"

#include <libxml/parser.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unicode/ucnv.h>
#include <unistd.h>

enum { PDF_TEXT_MOST = 96 << 20, SAID_MOST = 4096 };

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "hard_rss_limit_mb=1024";
}
#endif
#endif

static bool put_frame(void *arg, struct str json)
{
    unsigned char head[4] = {(unsigned char)json.n, (unsigned char)(json.n >> 8), (unsigned char)(json.n >> 16),
                             (unsigned char)(json.n >> 24)};
    return fwrite(head, 1, 4, arg) == 4 && fwrite(json.p, 1, json.n, arg) == json.n;
}

// Converters and tables that a library makes at its first use, while files may still be opened.
static void warm_up(void)
{
    static const char *const names[] = {"windows-874", "windows-1252", "Shift_JIS", "EUC-JP", "GB18030",
                                        "Big5",        "EUC-KR",       "UTF-16LE",  "UTF-8"};
    xmlInitParser();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        UErrorCode status = U_ZERO_ERROR;
        ucnv_close(ucnv_open(names[i], &status));
    }
}

struct started {
    pid_t pid;
    int out, said; // its standard output and standard error
};

static bool start_pdftotext(struct started *ret)
{
    static char *const words[] = {"pdftotext", "-l", "201", "-enc", "UTF-8", "-bbox-layout", "fd://0", "-", NULL};
    char *const environment[] = {"PATH=/usr/bin:/bin:/usr/local/bin", "LC_ALL=C", NULL};
    int out[2], said[2];
    // What it says is looked at when its text has come: more of it than the pipe takes is lost, and it does not wait.
    if (pipe2(out, O_CLOEXEC) != 0 || pipe2(said, O_CLOEXEC) != 0 || fcntl(said[1], F_SETFL, O_NONBLOCK) != 0)
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        if (dup2(out[1], STDOUT_FILENO) < 0 || dup2(said[1], STDERR_FILENO) < 0 || confine_limits() != 0 ||
            confine_started() != 0)
            _exit(126);
        (void)execvpe(words[0], words, environment);
        _exit(127);
    }
    close(out[1]);
    close(said[1]);
    *ret = (struct started){pid, out[0], said[0]};
    return pid > 0;
}

static bool drain(int fd, struct buf *into)
{
    char piece[16384];
    for (ssize_t n; (n = read(fd, piece, sizeof piece)) != 0;) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || !buf_add(into, piece, (size_t)n))
            return false;
    }
    return true;
}

static enum read_reason read_pdf(const struct started *pdf, struct out *out, struct fault_at *fault)
{
    AUTO_BUF struct buf text = BUF_INIT(PDF_TEXT_MOST), said = BUF_INIT(SAID_MOST);
    int status = 0;
    if (!drain(pdf->out, &text))
        return READ_TOO_LARGE;
    (void)drain(pdf->said, &said);
    while (waitpid(pdf->pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return READ_NO_READER;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 126)
        return READ_INTERNAL;
    if (str_find(buf_str(&said), STR("Incorrect password")) >= 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 3))
        return READ_ENCRYPTED;
    if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL))
        return READ_TIMEOUT;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return READ_DAMAGED;
    struct source source = source_memory(buf_str(&text));
    return read_pdf_boxes(&source, out, fault);
}

int main(int argc, char **argv)
{
    enum format_id format = argc == 3 ? format_called(str_from(argv[1])) : FORMATS;
    reader_fn reader = reader_of(format);
    bool rows = argc == 3 && strcmp(argv[2], "rows") == 0, pdf = format == FORMAT_PDF;
    struct started started = {0};
    struct fault_at fault = {0, 0};
    struct out out;
    if (!reader || (!rows && strcmp(argv[2], "blocks") != 0)) {
        fputs("usage: parley-read txt|md|html|csv|json|xml|pdf|docx|xlsx blocks|rows <FILE\n", stderr);
        return 2;
    }
    static char buffer[64 << 10];
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    warm_up();
    if (confine_limits() != 0 || (pdf && !start_pdftotext(&started)) || confine_strictly() != 0) {
        fputs("parley-read: cannot confine itself\n", stderr);
        return 3;
    }
    out_init(&out, rows ? INGEST_ROWS : INGEST_BLOCKS, put_frame, stdout);
    struct source source = source_fd(STDIN_FILENO);
    enum read_reason reason = pdf ? read_pdf(&started, &out, &fault) : reader(&source, &out, &fault);
    out_end(&out, reason, fault.line, fault.column);
    (void)fflush(stdout);
    _exit(0);
}
