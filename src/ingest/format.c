// SPDX-License-Identifier: Apache-2.0
// Judging by content is a handful of fixed marks at the start of a file. Office documents are ZIP archives: which one
// is told by the names in the archive's directory, which is walked here without unpacking anything.
#include "ingest/format.h"

#include "base/mem.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    HEAD_BYTES = 4096,
    TAIL_BYTES = 65557,
    DIRECTORY_MOST = 1 << 20,
    PROTECTED_WITHIN = 64 << 20,
    ENTRY_SIZE = 46,
    END_SIZE = 22
};

#define TEXT_FORMAT FORMAT_IS_TEXT | FORMAT_READABLE
const struct format formats[FORMATS] = {
    [FORMAT_TEXT] = {"txt", "TXT", "text/plain", "txt|text|log", TEXT_FORMAT},
    [FORMAT_MARKDOWN] = {"md", "MD", "text/markdown", "md|markdown", TEXT_FORMAT},
    [FORMAT_HTML] = {"html", "HTML", "text/html", "html|htm|xhtml", TEXT_FORMAT},
    [FORMAT_CSV] = {"csv", "CSV", "text/csv", "csv|tsv", TEXT_FORMAT},
    [FORMAT_JSON] = {"json", "JSON", "application/json", "json", TEXT_FORMAT},
    [FORMAT_XML] = {"xml", "XML", "application/xml", "xml", TEXT_FORMAT},
    [FORMAT_PDF] = {"pdf", "PDF", "application/pdf", "pdf", FORMAT_READABLE},
    [FORMAT_DOCX] = {"docx", "DOCX", "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
                     "docx|docm", FORMAT_READABLE},
    [FORMAT_XLSX] = {"xlsx", "XLSX", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx|xlsm",
                     FORMAT_READABLE},
    [FORMAT_PNG] = {"png", "PNG", "image/png", "png", FORMAT_IS_IMAGE},
    [FORMAT_JPEG] = {"jpeg", "JPEG", "image/jpeg", "jpg|jpeg", FORMAT_IS_IMAGE},
    [FORMAT_WEBP] = {"webp", "WebP", "image/webp", "webp", FORMAT_IS_IMAGE},
    [FORMAT_GIF] = {"gif", "GIF", "image/gif", "gif", FORMAT_IS_IMAGE},
    [FORMAT_TIFF] = {"tiff", "TIFF", "image/tiff", "tif|tiff", FORMAT_IS_IMAGE},
    [FORMAT_BMP] = {"bmp", "BMP", "image/bmp", "bmp", FORMAT_IS_IMAGE},
    [FORMAT_OLE] = {"ole", "OLE", "application/x-ole-storage", "doc|xls|ppt", 0},
    [FORMAT_ARCHIVE] = {"zip", "ZIP", "application/zip", "zip", 0},
    [FORMAT_BINARY] = {"binary", "binary", "application/octet-stream", "bin", 0},
};

static const struct {
    size_t at;
    struct str mark;
    enum format_id id;
} marks[] = {
    {0, STR("%PDF-"), FORMAT_PDF},
    {0, STR("PK\x03\x04"), FORMAT_ARCHIVE},
    {0, STR("PK\x05\x06"), FORMAT_ARCHIVE},
    {0, STR("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"), FORMAT_OLE},
    {0, STR("\x89PNG\r\n\x1A\n"), FORMAT_PNG},
    {0, STR("\xFF\xD8\xFF"), FORMAT_JPEG},
    {8, STR("WEBP"), FORMAT_WEBP},
    {0, STR("GIF8"), FORMAT_GIF},
    {0, STR("II*\0"), FORMAT_TIFF},
    {0, STR("MM\0*"), FORMAT_TIFF},
    {0, STR("MZ"), FORMAT_BINARY},
    {0,
     STR("\x7F"
         "ELF"),
     FORMAT_BINARY},
    {0, STR("\x1F\x8B"), FORMAT_BINARY},
    {0, STR("BZh"), FORMAT_BINARY},
    {0,
     STR("\xFD"
         "7zXZ"),
     FORMAT_BINARY},
    {0, STR("7z\xBC\xAF\x27\x1C"), FORMAT_BINARY},
    {0, STR("Rar!"), FORMAT_BINARY},
    {257, STR("ustar"), FORMAT_BINARY},
};

static uint32_t le(const unsigned char *p, size_t n)
{
    uint32_t value = 0;
    for (size_t i = n; i > 0; i--)
        value = value << 8 | p[i - 1];
    return value;
}

// Walks the names in a directory of a ZIP: word/… and xl/… tell the document.
static enum format_id directory_format(const unsigned char *at, size_t n)
{
    for (size_t pos = 0; pos + ENTRY_SIZE <= n && memcmp(at + pos, "PK\x01\x02", 4) == 0;) {
        size_t name = le(at + pos + 28, 2), skip = name + le(at + pos + 30, 2) + le(at + pos + 32, 2);
        if (pos + ENTRY_SIZE + name > n)
            break;
        struct str entry = {(const char *)at + pos + ENTRY_SIZE, name};
        if (str_eq(entry, STR("word/document.xml")))
            return FORMAT_DOCX;
        if (str_eq(entry, STR("xl/workbook.xml")))
            return FORMAT_XLSX;
        pos += ENTRY_SIZE + skip;
    }
    return FORMAT_ARCHIVE;
}

static enum format_id archive_format(int fd, off_t size)
{
    size_t n = size < TAIL_BYTES ? (size_t)size : TAIL_BYTES;
    AUTO_FREE unsigned char *tail = mem_alloc(n), *directory = NULL;
    if (pread(fd, tail, n, size - (off_t)n) != (ssize_t)n || n < END_SIZE)
        return FORMAT_ARCHIVE;
    for (size_t at = n - END_SIZE + 1; at-- > 0;) {
        if (memcmp(tail + at, "PK\x05\x06", 4) != 0)
            continue;
        uint32_t bytes = le(tail + at + 12, 4), from = le(tail + at + 16, 4);
        if (bytes > DIRECTORY_MOST)
            bytes = DIRECTORY_MOST;
        directory = mem_alloc(bytes);
        ssize_t got = pread(fd, directory, bytes, (off_t)from);
        return got > 0 ? directory_format(directory, (size_t)got) : FORMAT_ARCHIVE;
    }
    return FORMAT_ARCHIVE;
}

// Text has no control characters but white space, form feed and escape; UTF-16 with its mark is text too.
static bool is_text(const char *p, size_t n)
{
    if (n >= 2 && (memcmp(p, "\xFF\xFE", 2) == 0 || memcmp(p, "\xFE\xFF", 2) == 0))
        return true;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)p[i] < 32 && !strchr("\t\n\r\f\v\x1b\x1a", p[i] ? p[i] : 1))
            return false;
    return true;
}

static bool starts_nocase(struct str s, struct str prefix)
{
    return s.n >= prefix.n && str_eq_nocase((struct str){s.p, prefix.n}, prefix);
}

static enum format_id text_format(struct str head, struct str name)
{
    enum format_id named = format_by_name(name);
    if (named != FORMATS && formats[named].flags & FORMAT_IS_TEXT)
        return named;
    if (str_starts(head, STR("\xEF\xBB\xBF")))
        head = (struct str){head.p + 3, head.n - 3};
    head = str_trim(head);
    if (starts_nocase(head, STR("<!doctype html")) || starts_nocase(head, STR("<html")))
        return FORMAT_HTML;
    return starts_nocase(head, STR("<?xml")) ? FORMAT_XML : FORMAT_TEXT;
}

enum format_id format_of(int fd, struct str name)
{
    char head[HEAD_BYTES];
    struct stat st;
    ssize_t n = fstat(fd, &st) == 0 ? pread(fd, head, sizeof head, 0) : -1;
    (void)lseek(fd, 0, SEEK_SET);
    if (n < 0)
        return FORMAT_BINARY;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t at = marks[i].at, bytes = marks[i].mark.n;
        if ((size_t)n < at + bytes || memcmp(head + at, marks[i].mark.p, bytes) != 0)
            continue;
        if (marks[i].id == FORMAT_BINARY && is_text(head, (size_t)n) && marks[i].at == 0)
            continue; // a text that happens to begin with MZ or BZh
        if (marks[i].id == FORMAT_WEBP && memcmp(head, "RIFF", 4) != 0)
            continue;
        return marks[i].id == FORMAT_ARCHIVE ? archive_format(fd, st.st_size) : marks[i].id;
    }
    if (n >= 26 && memcmp(head, "BM", 2) == 0 && !is_text(head, (size_t)n))
        return FORMAT_BMP;
    if (!is_text(head, (size_t)n))
        return FORMAT_BINARY;
    return text_format((struct str){head, (size_t)n}, name);
}

// The stream of such a file has this name, in UTF-16.
bool format_is_protected(int fd)
{
    static const char name[] = "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e";
    enum { PIECE = 64 << 10, OVERLAP = sizeof name };
    AUTO_FREE char *piece = mem_alloc(PIECE);
    for (off_t at = 0; at < PROTECTED_WITHIN; at += PIECE - OVERLAP) {
        ssize_t n = pread(fd, piece, PIECE, at);
        if (n <= 0)
            return false;
        if (memmem(piece, (size_t)n, name, sizeof name))
            return true;
    }
    return false;
}

enum format_id format_by_name(struct str name)
{
    for (size_t i = name.n; i > 0; i--) {
        if (name.p[i - 1] != '.')
            continue;
        char ending[16];
        size_t n = name.n - i;
        if (n == 0 || n >= sizeof ending)
            return FORMATS;
        for (size_t k = 0; k < n; k++)
            ending[k] = name.p[i + k] >= 'A' && name.p[i + k] <= 'Z' ? (char)(name.p[i + k] + 32) : name.p[i + k];
        for (int f = 0; f < FORMATS; f++)
            if (str_is_choice(formats[f].extensions, (struct str){ending, n}))
                return (enum format_id)f;
        return FORMATS;
    }
    return FORMATS;
}

enum format_id format_called(struct str name)
{
    for (int f = 0; f < FORMATS; f++)
        if (str_eq(str_from(formats[f].name), name))
            return (enum format_id)f;
    return FORMATS;
}
