// SPDX-License-Identifier: Apache-2.0
#include "tls.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>

struct tls_server {
    SSL_CTX *ctx;
    bool h2;
};

struct tls {
    SSL *ssl;
    BIO *in, *out;
};

static X509 *self_signed(EVP_PKEY *key, const char *host)
{
    X509 *cert = X509_new();
    char names[300];
    bool number = host[strspn(host, "0123456789.")] == '\0';
    snprintf(names, sizeof names, "%s:%s", number ? "IP" : "DNS", host);
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 7 * 86400);
    X509_set_pubkey(cert, key);
    X509_NAME *name = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)host, -1, -1, 0);
    X509_set_issuer_name(cert, name);
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_alt_name, names);
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, NID_basic_constraints, "critical,CA:TRUE");
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
    X509_sign(cert, key, EVP_sha256());
    return cert;
}

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *in, unsigned in_n,
                       void *arg)
{
    (void)ssl;
    static const unsigned char offered[] = "\x02h2\x08http/1.1";
    const struct tls_server *server = arg;
    unsigned char *chosen;
    unsigned skip = server->h2 ? 0 : 3;
    if (SSL_select_next_proto(&chosen, n, offered + skip, (unsigned)sizeof offered - 1 - skip, in, in_n) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

struct tls_server *tls_server_new(const char *host, const char *cert_out, bool h2)
{
    struct tls_server *server = mem_zalloc(sizeof *server);
    server->h2 = h2;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    server->ctx = SSL_CTX_new(TLS_server_method());
    if (!key || !server->ctx)
        return NULL;
    X509 *cert = self_signed(key, host ? host : "127.0.0.1");
    SSL_CTX_set_min_proto_version(server->ctx, TLS1_2_VERSION);
    SSL_CTX_set_alpn_select_cb(server->ctx, choose_alpn, server);
    bool ok = SSL_CTX_use_certificate(server->ctx, cert) == 1 && SSL_CTX_use_PrivateKey(server->ctx, key) == 1;
    FILE *file = ok && cert_out ? fopen(cert_out, "w") : NULL;
    if (cert_out && (!file || PEM_write_X509(file, cert) != 1))
        ok = false;
    if (file)
        fclose(file);
    X509_free(cert);
    EVP_PKEY_free(key);
    if (ok)
        return server;
    tls_server_free(server);
    return NULL;
}

void tls_server_free(struct tls_server *server)
{
    if (!server)
        return;
    SSL_CTX_free(server->ctx);
    free(server);
}

struct tls *tls_new(struct tls_server *server)
{
    struct tls *tls = mem_zalloc(sizeof *tls);
    tls->ssl = SSL_new(server->ctx);
    tls->in = BIO_new(BIO_s_mem());
    tls->out = BIO_new(BIO_s_mem());
    SSL_set_bio(tls->ssl, tls->in, tls->out);
    SSL_set_accept_state(tls->ssl);
    return tls;
}

void tls_free(struct tls *tls)
{
    if (!tls)
        return;
    SSL_free(tls->ssl);
    free(tls);
}

const char *tls_alpn(const struct tls *tls)
{
    const unsigned char *name;
    unsigned n;
    SSL_get0_alpn_selected(tls->ssl, &name, &n);
    return n == 8 ? "http/1.1" : n == 2 ? "h2" : "";
}

static void drain(struct tls *tls, struct buf *wire)
{
    char bytes[4096];
    int n;
    while ((n = BIO_read(tls->out, bytes, sizeof bytes)) > 0)
        buf_add(wire, bytes, (size_t)n);
}

bool tls_read(struct tls *tls, struct str bytes, struct buf *plain, struct buf *wire)
{
    char out[16384];
    BIO_write(tls->in, bytes.p, (int)bytes.n);
    int n;
    while ((n = SSL_read(tls->ssl, out, sizeof out)) > 0)
        buf_add(plain, out, (size_t)n);
    int error = SSL_get_error(tls->ssl, n);
    drain(tls, wire);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

void tls_write(struct tls *tls, struct str plain, struct buf *wire)
{
    if (SSL_write(tls->ssl, plain.p, (int)plain.n) > 0)
        drain(tls, wire);
}
