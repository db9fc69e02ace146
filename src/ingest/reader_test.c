// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"

#include "base/buf.h"
#include "ingest/reader.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int file_of(const char *text)
{
    int fd = memfd_create("file", MFD_CLOEXEC);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    return fd;
}

struct seen {
    struct buf text;
    int most; // records after which to stop
};

static int note(void *arg, const struct record *record)
{
    struct seen *seen = arg;
    size_t i, max;
    yyjson_val *cell;
    buf_addf(&seen->text, "%s@%d", record_kinds[record->kind], (int)record->line);
    if (record->text.p)
        buf_addf(&seen->text, "=" STR_FMT, STR_ARG(record->text));
    if (yyjson_is_arr(record->value))
        yyjson_arr_foreach(record->value, i, max, cell) buf_addf(&seen->text, "|" STR_FMT, STR_ARG(json_str(cell)));
    buf_addc(&seen->text, '\n');
    return --seen->most == 0 ? 7 : 0;
}

static struct ingest_result reading(const char *text, struct ingest_options options, struct seen *seen, int *ret_rc)
{
    struct ingest_result result;
    int fd = file_of(text);
    seen->text = BUF_INIT(10000);
    *ret_rc = ingest_read(fd, &options, note, seen, &result);
    close(fd);
    return result;
}

TEST(the_confined_child_reads_a_file)
{
    struct seen seen = {0};
    int rc;
    struct ingest_options options = {.format = FORMAT_CSV, .want = INGEST_ROWS};
    struct ingest_result result = reading("id;name\n1;\"two\nlines\"\n3;x\n", options, &seen, &rc);
    assert_int_equal(rc, 0);
    assert_int_equal(result.reason, READ_OK);
    assert_int_equal(result.records, 3);
    assert_string_equal(seen.text.p, "row@1|id|name\nrow@2|1|two\nlines\nrow@4|3|x\n");
    buf_done(&seen.text);
}

TEST(damage_has_its_place_and_an_empty_file_no_text)
{
    struct seen seen = {0};
    int rc;
    struct ingest_options options = {.format = FORMAT_JSON, .want = INGEST_ROWS};
    struct ingest_result result = reading("[\n  {\"id\": 1},\n  {\"id\" 2}]", options, &seen, &rc);
    assert_int_equal(result.reason, READ_DAMAGED);
    assert_int_equal(result.line, 3);
    assert_int_equal(result.column, 9);
    buf_done(&seen.text);
    options.format = FORMAT_TEXT;
    assert_int_equal(reading("\n \n", options, &seen, &rc).reason, READ_NO_TEXT);
    buf_done(&seen.text);
}

TEST(a_callback_ends_the_reading)
{
    struct seen seen = {.most = 2};
    int rc;
    struct ingest_options options = {.format = FORMAT_CSV, .want = INGEST_ROWS};
    (void)reading("a\nb\nc\n", options, &seen, &rc);
    assert_int_equal(rc, 7);
    assert_string_equal(seen.text.p, "row@1|a\nrow@2|b\n");
    buf_done(&seen.text);
}

// A child that misbehaves, as a script.
static enum read_reason child(const char *script, struct ingest_options options)
{
    char path[] = "/tmp/parley-child-XXXXXX";
    struct seen seen = {0};
    int rc, fd = mkostemp(path, O_CLOEXEC);
    dprintf(fd, "#!/bin/sh\n%s\n", script);
    fchmod(fd, 0700);
    close(fd);
    options.program = path;
    struct ingest_result result = reading("text", options, &seen, &rc);
    assert_int_equal(rc, 0);
    unlink(path);
    buf_done(&seen.text);
    return result.reason;
}

TEST(whatever_the_child_does_is_a_reason)
{
    struct ingest_options options = {.format = FORMAT_TEXT, .timeout_ms = 20000};
    assert_int_equal(child("kill -9 $$", options), READ_INTERNAL);
    assert_int_equal(child("exit 0", options), READ_INTERNAL);
    assert_int_equal(child("printf 'no frames at all, but many bytes of something else'", options), READ_INTERNAL);
    assert_int_equal(child("printf '\\002\\000\\000\\000[]'; sleep 60", options), READ_INTERNAL);
    assert_int_equal(child("kill -XCPU $$", options), READ_TIMEOUT);
    options.timeout_ms = 50;
    assert_int_equal(child("sleep 60", options), READ_TIMEOUT);
    options.timeout_ms = 20000;
    options.most_bytes = 100;
    assert_int_equal(child("head -c 1000 /dev/zero", options), READ_TOO_LARGE);
    options.program = NULL;
    struct seen seen = {0};
    int rc;
    options.program = "/nowhere/parley-read";
    assert_int_equal(reading("text", options, &seen, &rc).reason, READ_NO_READER);
}
