// SPDX-License-Identifier: Apache-2.0
#include "base/test.h"

#include "ingest/format.h"

#include <sys/mman.h>
#include <unistd.h>

static enum format_id judge(struct str bytes, const char *name)
{
    int fd = memfd_create("file", MFD_CLOEXEC);
    assert_int_equal(write(fd, bytes.p, bytes.n), bytes.n);
    enum format_id id = format_of(fd, str_from(name));
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
    close(fd);
    return id;
}

TEST(content_decides_and_names_tell_texts_apart)
{
    static const struct {
        struct str bytes;
        const char *name;
        enum format_id id;
    } rows[] = {
        {STR("%PDF-1.4\n"), "a.txt", FORMAT_PDF},
        {STR("MZ\x90\0\3"), "a.pdf", FORMAT_BINARY},
        {STR("\x7F"
             "ELF\2\1"),
         "a.csv", FORMAT_BINARY},
        {STR("\x89PNG\r\n\x1A\n"), "label.jpg", FORMAT_PNG},
        {STR("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"), "a.docx", FORMAT_OLE},
        {STR("PK\3\4 no archive at all"), "a.docx", FORMAT_ARCHIVE},
        {STR("a;b\n1;2\n"), "list.CSV", FORMAT_CSV},
        {STR("a;b\n1;2\n"), "list", FORMAT_TEXT},
        {STR("MZ is a town code\n"), "towns.txt", FORMAT_TEXT},
        {STR("# Tents\n"), "a.md", FORMAT_MARKDOWN},
        {STR("\xEF\xBB\xBF<!DOCTYPE html><p>"), "page", FORMAT_HTML},
        {STR("\xFF\xFE"
             "a\0;\0"),
         "a.csv", FORMAT_CSV},
        {STR("a\0b"), "a.txt", FORMAT_BINARY},
        {STR(""), "a.json", FORMAT_JSON},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(judge(rows[i].bytes, rows[i].name), rows[i].id);
}

TEST(names_by_their_ending)
{
    assert_int_equal(format_by_name(STR("a.b.DOCX")), FORMAT_DOCX);
    assert_int_equal(format_by_name(STR("a.exe")), FORMATS);
    assert_int_equal(format_by_name(STR("docx")), FORMATS);
    assert_int_equal(format_by_name(STR("a.")), FORMATS);
    assert_int_equal(format_called(STR("xlsx")), FORMAT_XLSX);
    assert_int_equal(format_called(STR("rows")), FORMATS);
}
