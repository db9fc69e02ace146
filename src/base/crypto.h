// SPDX-License-Identifier: Apache-2.0
// Thin wrappers over libsodium and OpenSSL. All functions are thread-safe. crypto_init before the first use.
#pragma once

#include "base/arena.h"
#include "base/err.h"

int crypto_init(void);
void crypto_random(void *out, size_t n);
void crypto_wipe(void *bytes, size_t n);
bool crypto_equal(const void *a, const void *b, size_t n); // constant time

#define CRYPTO_SHA256 32
#define CRYPTO_HEX_SIZE 65
void crypto_sha256(struct str data, uint8_t out[CRYPTO_SHA256]);
void crypto_sha256_hex(struct str data, char out[CRYPTO_HEX_SIZE]); // lower case and a NUL
void crypto_hmac_sha256(struct str key, struct str data, uint8_t out[CRYPTO_SHA256]);

// Base64 with (standard) or without (URL alphabet) padding.
struct str crypto_base64(struct arena *arena, struct str data);
struct str crypto_base64url(struct arena *arena, struct str data);
int crypto_base64_decode(struct arena *arena, struct str text, struct str *ret); // ERR_FORMAT
int crypto_base64url_decode(struct arena *arena, struct str text, struct str *ret); // ERR_FORMAT

// Passwords: Argon2id, 19456 KiB, 2 passes, 1 lane, PHC string of at most 128 bytes. At most 4 run at once, others
// wait (each takes tens of milliseconds and 19 MiB).
#define CRYPTO_PHC_SIZE 128
int crypto_password_hash(struct str password, char out[CRYPTO_PHC_SIZE]);
// True when it matches. `phc` NULL costs the same time and is false (an unknown account must not be faster).
bool crypto_password_verify(const char *phc, struct str password);

// The installation's master key (32 bytes, derived with HKDF-SHA256 from the setting or data/secret.key). Subkeys are
// derived by purpose ("jwt", "seal"), so that one use never tells of another.
struct crypto_keys;
struct crypto_keys *crypto_keys_new(struct str master);
void crypto_keys_free(struct crypto_keys *keys);

// JWT (RFC 7519), HS256 only. `claims` is the payload's JSON. Verify checks form, alg, typ, kid and signature (constant
// time) and returns the payload's JSON; claims are the caller's to check. ERR_DENIED for anything else.
struct str crypto_jwt_sign(const struct crypto_keys *keys, struct arena *arena, struct str claims);
int crypto_jwt_verify(const struct crypto_keys *keys, struct arena *arena, struct str token, struct str *ret_claims);

// The same name for the same text within this installation, from which nobody else finds the text: the first half of an
// HMAC, hex.
#define CRYPTO_PSEUDONYM_SIZE 33
void crypto_pseudonym(const struct crypto_keys *keys, struct str text, char out[CRYPTO_PSEUDONYM_SIZE]);

// Secrets at rest: AES-256-GCM with a random nonce; `context` (e.g. the row's id) is authenticated, not stored.
struct str crypto_seal(const struct crypto_keys *keys, struct arena *arena, struct str context, struct str plain);
int crypto_open(const struct crypto_keys *keys, struct arena *arena, struct str context, struct str sealed,
                struct str *ret);
