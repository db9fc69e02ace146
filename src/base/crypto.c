// SPDX-License-Identifier: Apache-2.0
#include "base/crypto.h"

#include "base/json.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <semaphore.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { KEY = 32, NONCE = 12, TAG = 16, HASHES_AT_ONCE = 4, RANDOM_BLOCK = 256 };
enum { ARGON_OPS = 2, ARGON_KIB = 19456 };

static sem_t hashing;
static char decoy[CRYPTO_PHC_SIZE];
static pthread_once_t decoy_once = PTHREAD_ONCE_INIT, forks_once = PTHREAD_ONCE_INIT;
static _Atomic unsigned forks; // between the first process and this one

static void count_fork(void)
{
    atomic_fetch_add(&forks, 1);
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, count_fork);
}

int crypto_init(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static bool ready;
    pthread_mutex_lock(&lock);
    if (!ready)
        ready = sodium_init() >= 0 && sem_init(&hashing, 0, HASHES_AT_ONCE) == 0;
    pthread_mutex_unlock(&lock);
    return ready ? 0 : ERR_INTERNAL;
}

// Small amounts come from a block for each thread, which is wiped as it is used. A child of fork begins a new one.
void crypto_random(void *out, size_t n)
{
    static _Thread_local struct {
        uint8_t bytes[RANDOM_BLOCK];
        size_t left;
        unsigned forks;
    } block;
    if (n > RANDOM_BLOCK / 4) {
        randombytes_buf(out, n);
        return;
    }
    pthread_once(&forks_once, watch_forks);
    unsigned now = atomic_load_explicit(&forks, memory_order_relaxed);
    if (block.left < n || block.forks != now) {
        randombytes_buf(block.bytes, sizeof block.bytes);
        block.left = sizeof block.bytes;
        block.forks = now;
    }
    block.left -= n;
    memcpy(out, block.bytes + block.left, n);
    sodium_memzero(block.bytes + block.left, n);
}

void crypto_wipe(void *bytes, size_t n)
{
    sodium_memzero(bytes, n);
}

bool crypto_equal(const void *a, const void *b, size_t n)
{
    return sodium_memcmp(a, b, n) == 0;
}

void crypto_sha256(struct str data, uint8_t out[CRYPTO_SHA256])
{
    crypto_hash_sha256(out, (const uint8_t *)(data.p ? data.p : ""), data.n);
}

void crypto_sha256_hex(struct str data, char out[CRYPTO_HEX_SIZE])
{
    uint8_t hash[CRYPTO_SHA256];
    crypto_sha256(data, hash);
    sodium_bin2hex(out, CRYPTO_HEX_SIZE, hash, sizeof hash);
}

void crypto_hmac_sha256(struct str key, struct str data, uint8_t out[CRYPTO_SHA256])
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, (const uint8_t *)(key.p ? key.p : ""), key.n);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)(data.p ? data.p : ""), data.n);
    crypto_auth_hmacsha256_final(&state, out);
}

static struct str base64(struct arena *arena, struct str data, int variant)
{
    size_t size = sodium_base64_encoded_len(data.n, variant);
    char *text = arena_alloc(arena, size);
    sodium_bin2base64(text, size, (const uint8_t *)(data.p ? data.p : ""), data.n, variant);
    return (struct str){text, size - 1};
}

struct str crypto_base64(struct arena *arena, struct str data)
{
    return base64(arena, data, sodium_base64_VARIANT_ORIGINAL);
}

struct str crypto_base64url(struct arena *arena, struct str data)
{
    return base64(arena, data, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static int base64_decode(struct arena *arena, struct str text, int variant, struct str *ret)
{
    uint8_t *bytes = arena_alloc(arena, text.n + 1);
    size_t n;
    if (sodium_base642bin(bytes, text.n, text.p ? text.p : "", text.n, NULL, &n, NULL, variant) != 0)
        return ERR_FORMAT;
    *ret = (struct str){(const char *)bytes, n};
    return 0;
}

int crypto_base64_decode(struct arena *arena, struct str text, struct str *ret)
{
    return base64_decode(arena, text, sodium_base64_VARIANT_ORIGINAL, ret);
}

int crypto_base64url_decode(struct arena *arena, struct str text, struct str *ret)
{
    return base64_decode(arena, text, sodium_base64_VARIANT_URLSAFE_NO_PADDING, ret);
}

static void wait_turn(void)
{
    while (sem_wait(&hashing) != 0) {
    }
}

int crypto_password_hash(struct str password, char out[CRYPTO_PHC_SIZE])
{
    wait_turn();
    int failed = crypto_pwhash_str_alg(out, password.p ? password.p : "", password.n, ARGON_OPS,
                                       (size_t)ARGON_KIB * 1024, crypto_pwhash_ALG_ARGON2ID13);
    sem_post(&hashing);
    return failed ? ERR_INTERNAL : 0;
}

static void make_decoy(void)
{
    char secret[32];
    crypto_random(secret, sizeof secret);
    if (crypto_password_hash((struct str){secret, sizeof secret}, decoy) != 0)
        abort();
}

bool crypto_password_verify(const char *phc, struct str password)
{
    pthread_once(&decoy_once, make_decoy);
    wait_turn();
    bool ok = crypto_pwhash_str_verify(phc ? phc : decoy, password.p ? password.p : "", password.n) == 0;
    sem_post(&hashing);
    return ok && phc;
}

struct crypto_keys {
    uint8_t jwt[KEY], seal[KEY], pseudonym[KEY];
    char kid[17]; // names the key in a token's head without telling anything of it
};

// HKDF-SHA256 (RFC 5869) with one block of output.
static void derive(struct str master, const char *purpose, uint8_t out[KEY])
{
    uint8_t prk[CRYPTO_SHA256];
    char info[64];
    size_t n = strlen(purpose);
    memcpy(info, purpose, n);
    info[n] = 1;
    crypto_hmac_sha256(STR("parley"), master, prk);
    crypto_hmac_sha256((struct str){(const char *)prk, sizeof prk}, (struct str){info, n + 1}, out);
    crypto_wipe(prk, sizeof prk);
}

struct crypto_keys *crypto_keys_new(struct str master)
{
    struct crypto_keys *keys = mem_zalloc(sizeof *keys);
    uint8_t name[KEY];
    derive(master, "jwt", keys->jwt);
    derive(master, "seal", keys->seal);
    derive(master, "pseudonym", keys->pseudonym);
    derive(master, "kid", name);
    sodium_bin2hex(keys->kid, sizeof keys->kid, name, 8);
    return keys;
}

void crypto_keys_free(struct crypto_keys *keys)
{
    if (!keys)
        return;
    crypto_wipe(keys, sizeof *keys);
    free(keys);
}

static struct str signature(const struct crypto_keys *keys, struct arena *arena, struct str text)
{
    uint8_t mac[CRYPTO_SHA256];
    crypto_hmac_sha256((struct str){(const char *)keys->jwt, KEY}, text, mac);
    return crypto_base64url(arena, (struct str){(const char *)mac, sizeof mac});
}

struct str crypto_jwt_sign(const struct crypto_keys *keys, struct arena *arena, struct str claims)
{
    struct str head = arena_strf(arena, "{\"alg\":\"HS256\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}", keys->kid);
    struct str text = arena_strf(arena, "%s.%s", crypto_base64url(arena, head).p, crypto_base64url(arena, claims).p);
    return arena_strf(arena, "%s.%s", text.p, signature(keys, arena, text).p);
}

int crypto_jwt_verify(const struct crypto_keys *keys, struct arena *arena, struct str token, struct str *ret_claims)
{
    struct str rest = token, head_text, claims;
    struct str head64 = str_split(&rest, '.');
    struct str claims64 = str_split(&rest, '.');
    if (!rest.p || token.n > 8192 || memchr(rest.p, '.', rest.n))
        return ERR_DENIED;
    struct str expected = signature(keys, arena, (struct str){token.p, head64.n + 1 + claims64.n});
    if (expected.n != rest.n || !crypto_equal(expected.p, rest.p, rest.n))
        return ERR_DENIED;
    yyjson_val *head;
    if (crypto_base64url_decode(arena, head64, &head_text) != 0 || json_parse(arena, head_text, 0, &head, NULL) != 0 ||
        !str_eq(json_get_str(head, "alg"), STR("HS256")) || !str_eq(json_get_str(head, "typ"), STR("at+jwt")) ||
        !str_eq(json_get_str(head, "kid"), str_from(keys->kid)) ||
        crypto_base64url_decode(arena, claims64, &claims) != 0)
        return ERR_DENIED;
    *ret_claims = claims;
    return 0;
}

void crypto_pseudonym(const struct crypto_keys *keys, struct str text, char out[CRYPTO_PSEUDONYM_SIZE])
{
    uint8_t mac[CRYPTO_SHA256];
    crypto_hmac_sha256((struct str){(const char *)keys->pseudonym, KEY}, text, mac);
    sodium_bin2hex(out, CRYPTO_PSEUDONYM_SIZE, mac, sizeof mac / 2);
}

struct str crypto_seal(const struct crypto_keys *keys, struct arena *arena, struct str context, struct str plain)
{
    uint8_t *out = arena_alloc(arena, NONCE + plain.n + TAG);
    int n;
    crypto_random(out, NONCE);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (!ctx || EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, keys->seal, out) != 1 ||
        EVP_EncryptUpdate(ctx, NULL, &n, (const uint8_t *)context.p, (int)context.n) != 1 ||
        EVP_EncryptUpdate(ctx, out + NONCE, &n, (const uint8_t *)plain.p, (int)plain.n) != 1 ||
        EVP_EncryptFinal_ex(ctx, out + NONCE + n, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG, out + NONCE + plain.n) != 1)
        abort(); // no input can cause it
    EVP_CIPHER_CTX_free(ctx);
    return (struct str){(const char *)out, NONCE + plain.n + TAG};
}

int crypto_open(const struct crypto_keys *keys, struct arena *arena, struct str context, struct str sealed,
                struct str *ret)
{
    if (sealed.n < NONCE + TAG)
        return ERR_FORMAT;
    const uint8_t *in = (const uint8_t *)sealed.p;
    size_t plain = sealed.n - NONCE - TAG;
    uint8_t *out = arena_alloc(arena, plain + 1);
    uint8_t tag[TAG];
    memcpy(tag, in + NONCE + plain, TAG);
    int n;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool ok = ctx && EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, keys->seal, in) == 1 &&
              EVP_DecryptUpdate(ctx, NULL, &n, (const uint8_t *)context.p, (int)context.n) == 1 &&
              EVP_DecryptUpdate(ctx, out, &n, in + NONCE, (int)plain) == 1 &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1 &&
              EVP_DecryptFinal_ex(ctx, out + n, &n) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (!ok)
        return ERR_DENIED;
    out[plain] = 0;
    *ret = (struct str){(const char *)out, plain};
    return 0;
}
