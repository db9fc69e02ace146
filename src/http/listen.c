// SPDX-License-Identifier: Apache-2.0
// Listening sockets: bound and listening when http_server_new returns, so that nothing is lost between "bound" and
// "started". With several loops each has its own socket on the port (SO_REUSEPORT). Because that option would let a
// second server of the same user in, a first bind without it finds out whether the port is taken. Unix sockets and
// inherited ones exist once and are shared by duplicated descriptors.
#include "http/server.h"

#include "base/arena.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

static int resolve(const char *text, struct sockaddr_storage *ret, socklen_t *ret_n, struct err *err)
{
    AUTO_ARENA struct arena *arena = arena_new(512);
    const char *colon = strrchr(text, ':');
    struct str host = {text, colon ? (size_t)(colon - text) : 0};
    if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = (struct str){host.p + 1, host.n - 2};
    else if (host.n == 0 || memchr(host.p, ':', host.n))
        return err_set(err, ERR_INVALID, "listen address '%s' is not host:port, [v6]:port or unix:/path", text);
    int64_t port;
    if (!str_to_int(str_from(colon + 1), 0, 65535, &port))
        return err_set(err, ERR_INVALID, "listen address '%s' has no port in 0..65535", text);
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    if (getaddrinfo(arena_cstr(arena, host), colon + 1, &hints, &found) != 0 || !found)
        return err_set(err, ERR_INVALID, "listen address '%s' has an unknown host", text);
    memcpy(ret, found->ai_addr, found->ai_addrlen);
    *ret_n = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

static int bind_one(const struct sockaddr_storage *sa, socklen_t n, bool share, const char *text, int *ret_fd,
                    struct err *err)
{
    int on = 1, fd = socket(sa->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set(err, ERR_IO, "socket: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (share)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (sa->ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)sa, n) < 0) {
        int code = errno == EADDRINUSE ? ERR_CONFLICT : errno == EADDRNOTAVAIL ? ERR_INVALID : ERR_IO;
        err_set(err, code, "cannot listen on %s: %s", text, strerror(errno));
        close(fd);
        return code;
    }
    *ret_fd = fd;
    return 0;
}

static char *url_of(const struct sockaddr *sa)
{
    char host[ADDRESS_TEXT];
    struct address address;
    address_from(sa, &address);
    address_text(&address, host);
    bool v6 = sa->sa_family == AF_INET6;
    const struct sockaddr_in *in = (const void *)sa;
    const struct sockaddr_in6 *in6 = (const void *)sa;
    char *url = mem_alloc(ADDRESS_TEXT + 20);
    (void)snprintf(url, ADDRESS_TEXT + 20, v6 ? "http://[%s]:%u" : "http://%s:%u", host,
                   (unsigned)ntohs(v6 ? in6->sin6_port : in->sin_port));
    return url;
}

static int open_tcp(const char *text, struct listener *at, size_t n_loops, struct err *err)
{
    struct sockaddr_storage sa = {0};
    socklen_t n = 0;
    int fd = -1, rc = resolve(text, &sa, &n, err);
    if (rc == 0)
        rc = bind_one(&sa, n, false, text, &fd, err);
    if (rc < 0)
        return rc;
    if (n_loops > 1) { // taken by nobody: now for real
        if (getsockname(fd, (struct sockaddr *)&sa, &n) < 0)
            rc = err_set(err, ERR_IO, "getsockname: %s", strerror(errno));
        close(fd);
        fd = -1;
    }
    for (size_t i = 0; rc == 0 && i < n_loops; i++) {
        if (n_loops > 1)
            rc = bind_one(&sa, n, true, text, &fd, err);
        if (rc == 0 && listen(fd, BACKLOG) < 0) {
            rc = err_set(err, errno == EADDRINUSE ? ERR_CONFLICT : ERR_IO, "cannot listen on %s: %s", text,
                         strerror(errno));
            close(fd);
        }
        if (rc == 0)
            at[i].fd = fd;
    }
    if (rc < 0)
        return rc;
    n = sizeof sa;
    getsockname(at[0].fd, (struct sockaddr *)&sa, &n);
    at[0].url = url_of((const struct sockaddr *)&sa);
    address_from((const struct sockaddr *)&sa, &at[0].address);
    return 0;
}

// A socket file that nobody listens on is left over from a crash.
static int clear_path(const struct sockaddr_un *sa, struct err *err)
{
    struct stat st;
    if (lstat(sa->sun_path, &st) < 0)
        return 0;
    if (!S_ISSOCK(st.st_mode))
        return err_set(err, ERR_CONFLICT, "%s exists and is no socket", sa->sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool taken = fd >= 0 && connect(fd, (const struct sockaddr *)sa, sizeof *sa) == 0;
    if (fd >= 0)
        close(fd);
    if (taken)
        return err_set(err, ERR_CONFLICT, "cannot listen on unix:%s: address already in use", sa->sun_path);
    unlink(sa->sun_path);
    return 0;
}

static int share(struct listener *at, size_t n_loops, int fd, struct err *err)
{
    for (size_t i = 0; i < n_loops; i++) {
        at[i].fd = i == 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, 0);
        at[i].unix_socket = at[0].unix_socket;
        if (at[i].fd < 0)
            return err_set(err, ERR_IO, "dup: %s", strerror(errno));
    }
    return 0;
}

static int open_unix(const char *path, struct listener *at, size_t n_loops, struct err *err)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    if (path[0] != '/' || strlen(path) >= sizeof sa.sun_path)
        return err_set(err, ERR_INVALID, "listen address 'unix:%s' needs an absolute path of at most %zu bytes", path,
                       sizeof sa.sun_path - 1);
    memcpy(sa.sun_path, path, strlen(path));
    int rc = clear_path(&sa, err);
    if (rc < 0)
        return rc;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&sa, sizeof sa) < 0 || listen(fd, BACKLOG) < 0) {
        rc = err_set(err, ERR_IO, "cannot listen on unix:%s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return rc;
    }
    (void)chmod(path, 0666); // the proxy is another user; the folder says who may come
    at[0].unix_socket = true;
    at[0].path = mem_strdup(path);
    at[0].address.kind = ADDRESS_UNIX;
    at[0].url = mem_alloc(strlen(path) + 6);
    (void)snprintf(at[0].url, strlen(path) + 6, "unix:%s", path);
    return share(at, n_loops, fd, err);
}

static int take_inherited(int fd, struct listener *at, size_t n_loops, struct err *err)
{
    struct sockaddr_storage sa = {0};
    socklen_t n = sizeof sa;
    if (getsockname(fd, (struct sockaddr *)&sa, &n) < 0)
        return err_set(err, ERR_INVALID, "inherited descriptor %d is no socket", fd);
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    at[0].inherited = true;
    at[0].unix_socket = sa.ss_family == AF_UNIX;
    address_from((const struct sockaddr *)&sa, &at[0].address);
    if (at[0].unix_socket) {
        const struct sockaddr_un *un = (const void *)&sa;
        size_t size = sizeof un->sun_path + 8;
        at[0].url = mem_zalloc(size);
        (void)snprintf(at[0].url, size, "unix:%.*s", (int)(n - offsetof(struct sockaddr_un, sun_path)), un->sun_path);
    } else {
        at[0].url = url_of((const struct sockaddr *)&sa);
    }
    return share(at, n_loops, fd, err);
}

int listeners_open(struct http_server *server, struct err *err)
{
    const struct http_options *options = &server->options;
    size_t n = options->n_inherited ? options->n_inherited : options->n_listen;
    if (n == 0)
        return err_set(err, ERR_INVALID, "no listen address");
    server->n_listeners = n;
    server->listeners = mem_calloc(n * server->n_loops, sizeof *server->listeners);
    for (size_t i = 0; i < n * server->n_loops; i++)
        server->listeners[i].fd = -1;
    for (size_t i = 0; i < n; i++) {
        struct listener *at = &server->listeners[i * server->n_loops];
        const char *text = options->n_inherited ? "" : options->listen[i];
        int rc = options->n_inherited             ? take_inherited(options->inherited[i], at, server->n_loops, err)
                 : strncmp(text, "unix:", 5) == 0 ? open_unix(text + 5, at, server->n_loops, err)
                                                  : open_tcp(text, at, server->n_loops, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

void listeners_unlink(struct http_server *server)
{
    for (size_t i = 0; i < server->n_listeners; i++) {
        struct listener *listener = &server->listeners[i * server->n_loops];
        if (listener->path)
            unlink(listener->path);
        free(listener->path);
        listener->path = NULL;
    }
}

void listeners_close(struct http_server *server)
{
    listeners_unlink(server);
    for (size_t i = 0; i < server->n_listeners * server->n_loops; i++) {
        struct listener *listener = &server->listeners[i];
        if (listener->fd >= 0)
            close(listener->fd);
        free(listener->url);
    }
    free(server->listeners);
}
