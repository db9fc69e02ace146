// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"

#include "base/mem.h"
#include "base/buf.h"
#include "http/multipart.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TYPE STR("multipart/form-data; boundary=\"b o:1\"")

static int feed(struct str type, const char *text, size_t n, size_t piece, struct multipart **ret, struct err *err)
{
    int rc = multipart_new(type, "/tmp", 1 << 20, ret, err);
    for (size_t at = 0; rc == 0 && at < n; at += piece)
        rc = multipart_feed(*ret, text + at, n - at < piece ? n - at : piece, err);
    return rc == 0 ? multipart_finish(*ret, err) : rc;
}

TEST(multipart_reads_fields_and_files_split_anywhere)
{
    static const char text[] =
        "a preamble\r\n--b o:1\r\n"
        "Content-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n--b o:2\r\nworld\r\n--b o:1 \r\n"
        "content-type: text/csv\r\n"
        "CONTENT-DISPOSITION: form-data; filename=\"C:\\dir\\a \\\"q\\\";.csv\"; name=file\r\n\r\n"
        "id;name\r\n--b\r\n1;x\r\n\r\n--b o:1\r\n"
        "Content-Disposition: form-data; name=\"empty\"; filename=\"\"\r\n\r\n\r\n--b o:1--\r\nepilogue";
    for (size_t piece = 1; piece < sizeof text; piece++) {
        struct multipart *m = NULL;
        struct err err = {0};
        assert_int_equal(feed(TYPE, text, sizeof text - 1, piece, &m, &err), 0);
        assert_int_equal(multipart_count(m), 3);
        const struct multipart_part *note = multipart_at(m, 0), *file = multipart_at(m, 1);
        assert_str(note->name, "note");
        assert_null(note->filename.p);
        assert_str(note->value, "hello\r\n--b o:2\r\nworld");
        assert_str(file->name, "file");
        assert_str(file->filename, "C:\\dir\\a \"q\";.csv");
        assert_str(file->content_type, "text/csv");
        assert_int_equal(file->size, 19);
        char bytes[64] = "", path[200];
        struct stat st;
        int fd = open(file->path, O_RDONLY);
        assert_int_equal(read(fd, bytes, sizeof bytes), 19);
        assert_string_equal(bytes, "id;name\r\n--b\r\n1;x\r\n");
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        close(fd);
        assert_int_equal(multipart_at(m, 2)->size, 0);
        assert_null(multipart_at(m, 3));
        (void)snprintf(path, sizeof path, "%s", file->path);
        multipart_free(m);
        assert_int_equal(access(path, F_OK), -1);
    }
}

static int outcome(struct str type, const char *text)
{
    struct multipart *m = NULL;
    struct err err = {0};
    int rc = feed(type, text, strlen(text), 5, &m, &err);
    multipart_free(m);
    return rc;
}

#define PART "Content-Disposition: form-data; name=a\r\n\r\n"

TEST(multipart_refuses_what_is_broken)
{
    struct str b = STR("multipart/form-data; boundary=b");
    assert_int_equal(outcome(b, "--b\r\n" PART "x\r\n--b--"), 0);
    assert_int_equal(outcome(b, "--b--\r\n"), 0);
    assert_int_equal(outcome(b, "--b\r\n" PART "x\r\n--b\r\n"), ERR_FORMAT); // no end
    assert_int_equal(outcome(b, "--b\r\n" PART "x"), ERR_FORMAT);
    assert_int_equal(outcome(b, ""), ERR_FORMAT);
    assert_int_equal(outcome(b, "--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--"), ERR_FORMAT);
    assert_int_equal(outcome(b, "--b\r\n\r\nx\r\n--b--"), ERR_FORMAT);
    assert_int_equal(outcome(b, "--b\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--b--"), ERR_FORMAT);
    assert_int_equal(outcome(b, "--bx\r\n" PART "x\r\n--b--"), ERR_FORMAT);
    assert_int_equal(outcome(STR("text/plain"), ""), ERR_INVALID);
    assert_int_equal(outcome(STR("multipart/form-data"), ""), ERR_FORMAT);
    assert_int_equal(outcome(STR("multipart/form-data; boundary="), ""), ERR_FORMAT);
    assert_int_equal(outcome(STR("multipart/form-data; boundary=\"b"), ""), ERR_FORMAT);
    assert_int_equal(outcome(STR("multipart/form-data; boundary=\"a\r\nb\""), ""), ERR_FORMAT);
}

TEST(multipart_is_bounded)
{
    struct str b = STR("multipart/form-data; boundary=b");
    AUTO_BUF struct buf text = BUF_INIT(4 << 20);
    for (int i = 0; i < 65; i++)
        buf_addz(&text, "--b\r\n" PART "x\r\n");
    buf_addz(&text, "--b--");
    assert_int_equal(outcome(b, text.p), ERR_LIMIT); // parts
    buf_clear(&text);
    buf_addz(&text, "--b\r\nX: ");
    for (int i = 0; i < 9000; i++)
        buf_addc(&text, 'x');
    assert_int_equal(outcome(b, text.p), ERR_LIMIT); // a part's head
    buf_clear(&text);
    buf_addz(&text, "--b\r\n" PART);
    for (int i = 0; i < 65537; i++)
        buf_addc(&text, 'x');
    buf_addz(&text, "\r\n--b--");
    assert_int_equal(outcome(b, text.p), ERR_LIMIT); // a field
    buf_clear(&text);
    buf_addz(&text, "--b\r\nContent-Disposition: form-data; name=a; filename=f\r\n\r\n");
    for (int i = 0; i < (1 << 20) + 1; i++)
        buf_addc(&text, 'x');
    buf_addz(&text, "\r\n--b--");
    struct multipart *m = NULL;
    struct err err = {0};
    assert_int_equal(feed(b, text.p, text.n, 60000, &m, &err), ERR_LIMIT); // the whole
    multipart_free(m);
}

TEST(multipart_says_when_it_cannot_store)
{
    struct multipart *m = NULL;
    struct err err = {0};
    assert_int_equal(multipart_new(STR("multipart/form-data; boundary=b"), "/nonexistent/dir", 100, &m, &err), 0);
    static const char text[] = "--b\r\nContent-Disposition: form-data; name=a; filename=f\r\n\r\nx";
    assert_int_equal(multipart_feed(m, text, sizeof text - 1, &err), ERR_IO);
    multipart_free(m);
}
