// SPDX-License-Identifier: Apache-2.0
// Sends a queued mail by the transport of the settings: a mail server (libcurl speaks SMTP), a file, or the log. Who it
// is from and the id in its head come from the job, so that a job that runs again makes the same message: a file is
// written over, and a server that kept the first may know the second.
//
// A mail server's 5xx is final (ERR_DENIED). Everything else, a certificate that does not hold among it, is tried
// again.
#include "jobs/kinds.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "engine/mail.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SMTP_MS = 30000, CONNECT_MS = 10000 };

struct sending {
    const struct jobs_options *with;
    struct arena *arena;
    const struct job *job;
    struct mail mail;
    struct mail_head head;
};

// ---- file ----------------------------------------------------------------------------------------------------------

static int write_file(const char *path, struct str text, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    size_t done = 0;
    while (fd >= 0 && done < text.n) {
        ssize_t n = write(fd, text.p + done, text.n - done);
        if (n < 0 && errno != EINTR)
            break;
        done += n > 0 ? (size_t)n : 0;
    }
    bool ok = fd >= 0 && done == text.n && fchmod(fd, 0600) == 0 && fsync(fd) == 0;
    int cause = errno;
    if (fd >= 0)
        close(fd);
    return ok ? 0 : err_set(err, ERR_IO, "%s: %s", path, strerror(cause));
}

static void sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd);
    close(fd);
}

// Whole before it is visible.
static int send_file(struct sending *s, struct err *err)
{
    char time[CLOCK_RFC3339_SIZE];
    clock_rfc3339(s->head.date_ms, time);
    for (char *c = time; *c; c++)
        *c = *c == ':' ? '-' : *c;
    const char *folder = arena_printf(s->arena, "%s/mail", settings_str(s->with->settings, SET_DATA));
    const char *path = arena_printf(s->arena, "%s/%s-" STR_FMT ".eml", folder, time, STR_ARG(s->job->id));
    const char *temporary = arena_printf(s->arena, "%s/." STR_FMT ".new", folder, STR_ARG(s->job->id));
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return err_set(err, ERR_IO, "%s: %s", folder, strerror(errno));
    int rc = write_file(temporary, mail_message(s->arena, &s->head, &s->mail), err);
    if (!rc && rename(temporary, path) != 0)
        rc = err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    if (rc)
        (void)unlink(temporary);
    else
        sync_directory(folder);
    return rc;
}

// ---- log -----------------------------------------------------------------------------------------------------------

// As a warning, because demo mode shows nothing less, and the log is where the mail goes.
static int send_log(struct sending *s, struct err *err)
{
    (void)err;
    log_warn("mail", "to=" STR_FMT " subject=\"" STR_FMT "\" link=" STR_FMT, STR_ARG(s->mail.to),
             STR_ARG(s->mail.subject), STR_ARG(s->mail.link));
    return 0;
}

// ---- smtp ----------------------------------------------------------------------------------------------------------

struct upload {
    struct str rest;
    bool given; // all of it has been handed over: from here on only the server's answer tells
    const _Atomic bool *ending;
};

static size_t read_message(char *to, size_t size, size_t count, void *arg)
{
    struct upload *u = arg;
    size_t n = size * count < u->rest.n ? size * count : u->rest.n;
    memcpy(to, u->rest.p, n);
    u->rest = (struct str){u->rest.p + n, u->rest.n - n};
    u->given |= n == 0;
    return n;
}

static int on_progress(void *arg, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
    const struct upload *u = arg;
    (void)down_all, (void)down, (void)up_all, (void)up;
    return u->ending && *u->ending && !u->given;
}

static void set_security(CURL *curl, const struct settings *settings, bool tls)
{
    bool none = strcmp(settings_str(settings, SET_SMTP_SECURITY), "none") == 0;
    curl_easy_setopt(curl, CURLOPT_USE_SSL, none || tls ? (long)CURLUSESSL_NONE : (long)CURLUSESSL_ALL);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (settings_str(settings, SET_SMTP_CA_FILE)) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, settings_str(settings, SET_SMTP_CA_FILE));
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    }
    if (settings_str(settings, SET_SMTP_USER)) {
        const char *password = settings_str(settings, SET_SMTP_PASSWORD);
        curl_easy_setopt(curl, CURLOPT_USERNAME, settings_str(settings, SET_SMTP_USER));
        curl_easy_setopt(curl, CURLOPT_PASSWORD, password ? password : "");
    }
}

static const char *server_url(struct sending *s, bool tls)
{
    const struct settings *settings = s->with->settings;
    const char *host = settings_str(settings, SET_SMTP_HOST);
    bool v6 = strchr(host, ':') && host[0] != '[';
    struct str own = s->head.from; // what we say who we are: the sender's host
    (void)str_split(&own, '@');
    return arena_printf(s->arena, "%s://%s%s%s:%lld/" STR_FMT, tls ? "smtps" : "smtp", v6 ? "[" : "", host,
                        v6 ? "]" : "", (long long)settings_int(settings, SET_SMTP_PORT), STR_ARG(own));
}

static int answer(CURL *curl, CURLcode code, const char *text, bool ending, struct err *err)
{
    long status = 0;
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_OK)
        return 0;
    if (code == CURLE_ABORTED_BY_CALLBACK && ending)
        return err_set(err, ERR_CANCELLED, "stopping");
    const char *why = text[0] ? text : curl_easy_strerror(code);
    return err_set(err, status / 100 == 5 ? ERR_DENIED : ERR_IO, "mail server: %s (%ld)", why, status);
}

static int send_smtp(struct sending *s, struct err *err)
{
    const struct settings *settings = s->with->settings;
    bool tls = strcmp(settings_str(settings, SET_SMTP_SECURITY), "tls") == 0;
    char why[CURL_ERROR_SIZE] = "";
    if (!settings_str(settings, SET_SMTP_HOST))
        return err_set(err, ERR_IO, "smtp.host is not set");
    CURL *curl = curl_easy_init();
    if (!curl)
        return err_set(err, ERR_IO, "no transfer could be made");
    struct upload upload = {mail_message(s->arena, &s->head, &s->mail), false, s->with->ending};
    struct curl_slist *to = curl_slist_append(NULL, arena_printf(s->arena, "<" STR_FMT ">", STR_ARG(s->mail.to)));
    curl_easy_setopt(curl, CURLOPT_URL, server_url(s, tls));
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)SMTP_MS);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, arena_printf(s->arena, "<" STR_FMT ">", STR_ARG(s->head.from)));
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, read_message);
    curl_easy_setopt(curl, CURLOPT_READDATA, &upload);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &upload);
    set_security(curl, settings, tls);
    CURLcode code = curl_easy_perform(curl);
    int rc = answer(curl, code, why, upload.ending && *upload.ending, err);
    curl_slist_free_all(to);
    curl_easy_cleanup(curl);
    return rc;
}

// ---- the job -------------------------------------------------------------------------------------------------------

static const struct {
    const char *name;
    int (*send)(struct sending *s, struct err *err);
} transports[] = {{"smtp", send_smtp}, {"file", send_file}, {"log", send_log}};

const char *jobs_mail_transport(const struct settings *settings)
{
    const char *given = settings_str(settings, SET_MAIL_TRANSPORT);
    return given                                   ? given
           : settings_str(settings, SET_SMTP_HOST) ? "smtp"
           : settings_bool(settings, SET_DEMO)     ? "log"
                                                   : "file";
}

// The host of an address like https://chat.fern.example:8443.
static struct str host_of(const char *url)
{
    struct str rest = str_from(url);
    ptrdiff_t scheme = str_find(rest, STR("://"));
    if (scheme >= 0)
        rest = (struct str){rest.p + scheme + 3, rest.n - (size_t)scheme - 3};
    struct str host = str_split(&rest, '/');
    return str_split(&host, ':');
}

int jobs_check_mail(const struct settings *settings, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    const char *from = settings_str(settings, SET_MAIL_FROM);
    struct str name, address;
    if (from && !mail_sender(arena, str_from(from), &name, &address))
        return err_set(err, ERR_INVALID, "mail.from: an e-mail address, with or without a name before it in <>");
    if (strcmp(jobs_mail_transport(settings), "smtp") == 0 && !settings_str(settings, SET_SMTP_HOST))
        return err_set(err, ERR_INVALID, "mail.transport: smtp needs smtp.host");
    return 0;
}

static int find_sender(struct sending *s, struct err *err)
{
    const char *given = settings_str(s->with->settings, SET_MAIL_FROM);
    const char *url = settings_str(s->with->settings, SET_PUBLIC_URL);
    if (given && !mail_sender(s->arena, str_from(given), &s->head.from_name, &s->head.from))
        return err_set(err, ERR_IO, "mail.from is no address");
    if (!given)
        s->head.from = arena_strf(s->arena, "parley@" STR_FMT, STR_ARG(url ? host_of(url) : STR("localhost")));
    return 0;
}

int job_send_mail(const struct jobs_options *with, const struct job *job, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct sending s = {.with = with, .arena = arena, .job = job};
    if (mail_unseal(with->keys, arena, job->payload, &s.mail) != 0)
        return err_set(err, ERR_DENIED, "the mail cannot be opened with this master key");
    if (!s.mail.to.p) // nobody has the address: see accounts_reset.c
        return 0;
    s.head.id = job->id;
    s.head.date_ms = id_v7_ms(job->id);
    int rc = find_sender(&s, err);
    for (size_t i = 0; i < sizeof transports / sizeof *transports && !rc; i++)
        if (strcmp(transports[i].name, jobs_mail_transport(with->settings)) == 0)
            return transports[i].send(&s, err);
    return rc;
}
