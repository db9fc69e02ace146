// SPDX-License-Identifier: Apache-2.0
#include "base/crypto.h"

#include <unistd.h>

#include <sys/wait.h>

#include "base/test.h"

#include <sodium.h>

#define HEX(bytes) hex_of((bytes), sizeof(bytes))

static const char *hex_of(const uint8_t *bytes, size_t n)
{
    static char text[129];
    return sodium_bin2hex(text, sizeof text, bytes, n);
}

// FIPS 180-4 examples
TEST(crypto_sha256_vectors)
{
    char hex[CRYPTO_HEX_SIZE];
    crypto_sha256_hex(STR_NULL, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    crypto_sha256_hex(STR("abc"), hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    crypto_sha256_hex(STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), hex);
    assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

// RFC 4231, cases 1, 2 and 6
TEST(crypto_hmac_vectors)
{
    uint8_t mac[CRYPTO_SHA256];
    char key[131];
    memset(key, 0x0b, 20);
    crypto_hmac_sha256((struct str){key, 20}, STR("Hi There"), mac);
    assert_string_equal(HEX(mac), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    crypto_hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), mac);
    assert_string_equal(HEX(mac), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    crypto_hmac_sha256((struct str){key, sizeof key}, STR("Test Using Larger Than Block-Size Key - Hash Key First"),
                       mac);
    assert_string_equal(HEX(mac), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    crypto_hmac_sha256(STR_NULL, STR_NULL, mac);
    assert_string_equal(HEX(mac), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

// RFC 4648 section 10
TEST(crypto_base64_vectors)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    assert_str(crypto_base64(arena, STR("")), "");
    assert_str(crypto_base64(arena, STR("fooba")), "Zm9vYmE=");
    assert_str(crypto_base64(arena, STR("\xFB\xFF")), "+/8=");
    assert_str(crypto_base64url(arena, STR("\xFB\xFF")), "-_8");
    struct str bytes;
    assert_int_equal(crypto_base64url_decode(arena, STR("-_8"), &bytes), 0);
    assert_str(bytes, "\xFB\xFF");
    assert_int_equal(crypto_base64url_decode(arena, STR(""), &bytes), 0);
    assert_int_equal(bytes.n, 0);
    static const struct str bad[] = {STR("+/8"),  STR("-_8="),   STR("-_9"), STR("A"),
                                     STR("AA A"), STR("AAAA\n"), STR("AA\0")};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(crypto_base64url_decode(arena, bad[i], &bytes), ERR_FORMAT);
}

TEST(crypto_equal_and_random)
{
    uint8_t a[32], b[32], none[32] = {0};
    crypto_random(a, sizeof a);
    crypto_random(b, sizeof b);
    assert_false(crypto_equal(a, b, sizeof a));
    memcpy(b, a, sizeof a);
    assert_true(crypto_equal(a, b, sizeof a));
    b[31] ^= 1;
    assert_false(crypto_equal(a, b, sizeof a));
    crypto_wipe(a, sizeof a);
    assert_memory_equal(a, none, sizeof a);
}

#define MASTER STR("0123456789abcdef0123456789abcdef")
static const char claims[] = "{\"sub\":\"u-1\",\"exp\":1999999999}";

// A child must not draw what its parent draws.
TEST(crypto_random_parts_at_a_fork)
{
    uint8_t mine[8], its[8];
    int ends[2];
    crypto_random(mine, sizeof mine); // now there is a block
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    crypto_random(mine, sizeof mine);
    if (child == 0)
        _exit(write(ends[1], mine, sizeof mine) != sizeof mine);
    assert_int_equal(read(ends[0], its, sizeof its), sizeof its);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_memory_not_equal(mine, its, sizeof mine);
    close(ends[0]);
    close(ends[1]);
}

TEST(crypto_jwt_signs_and_verifies)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct crypto_keys *keys = crypto_keys_new(MASTER), *same = crypto_keys_new(MASTER);
    struct str token = crypto_jwt_sign(keys, arena, str_from(claims)), back, head = token, bytes;
    assert_int_equal(crypto_jwt_verify(same, arena, token, &back), 0);
    assert_string_equal(arena_cstr(arena, back), claims);
    assert_int_equal(crypto_base64url_decode(arena, str_split(&head, '.'), &bytes), 0);
    assert_true(str_starts(bytes, STR("{\"alg\":\"HS256\",\"typ\":\"at+jwt\",\"kid\":\"")));
    crypto_keys_free(keys);
    crypto_keys_free(same);
    crypto_keys_free(NULL);
}

// Every character of a token changed, and every prefix of it: all refused.
TEST(crypto_jwt_refuses_any_change)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct crypto_keys *keys = crypto_keys_new(MASTER),
                       *other = crypto_keys_new(STR("0123456789abcdef0123456789abcdeF"));
    struct str token = crypto_jwt_sign(keys, arena, str_from(claims)), back = STR("untouched");
    char *copy = arena_cstr(arena, token);
    for (size_t i = 0; i < token.n; i++) {
        copy[i] = token.p[i] == 'A' ? 'B' : 'A';
        assert_int_equal(crypto_jwt_verify(keys, arena, str_from(copy), &back), ERR_DENIED);
        copy[i] = token.p[i];
        assert_int_equal(crypto_jwt_verify(keys, arena, (struct str){token.p, i}, &back), ERR_DENIED);
    }
    assert_int_equal(crypto_jwt_verify(other, arena, token, &back), ERR_DENIED);
    assert_str(back, "untouched");
    assert_int_equal(crypto_jwt_verify(keys, arena, str_from(copy), &back), 0);
    crypto_keys_free(keys);
    crypto_keys_free(other);
}

TEST(crypto_jwt_refuses_other_forms)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct crypto_keys *keys = crypto_keys_new(MASTER);
    struct str token = crypto_jwt_sign(keys, arena, str_from(claims)), back, rest = token;
    const char *head = arena_cstr(arena, str_split(&rest, '.')), *body = arena_cstr(arena, str_split(&rest, '.'));
    const char *mac = arena_cstr(arena, rest);
    const char *none = crypto_base64url(arena, STR("{\"alg\":\"none\",\"typ\":\"at+jwt\"}")).p;
    const struct str bad[] = {
        STR_NULL,
        STR(""),
        STR("."),
        STR(".."),
        STR("..."),
        arena_strf(arena, "%s.%s.", none, body),
        arena_strf(arena, "%s.%s.%s", none, body, mac),
        arena_strf(arena, "%s.%s.%s.%s", head, body, mac, mac),
        arena_strf(arena, "%s.%s.%s.", head, body, mac),
        arena_strf(arena, "%s.%s.%s=", head, body, mac),
        arena_strf(arena, " %s", token.p),
        arena_strf(arena, "%s\n", token.p),
        arena_strf(arena, "%s.%s.%9000s", head, body, mac),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(crypto_jwt_verify(keys, arena, bad[i], &back), ERR_DENIED);
    crypto_keys_free(keys);
}

TEST(crypto_seals_and_opens)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct crypto_keys *keys = crypto_keys_new(MASTER);
    static const struct str plains[] = {STR(""), STR("x"), STR("a secret \0 with a NUL"), STR_NULL};
    static const struct str contexts[] = {STR("row-1"), STR(""), STR_NULL};
    for (size_t p = 0; p < 4; p++)
        for (size_t c = 0; c < 3; c++) {
            struct str sealed = crypto_seal(keys, arena, contexts[c], plains[p]), back = STR_NULL;
            assert_int_equal(sealed.n, plains[p].n + 28);
            assert_int_equal(crypto_open(keys, arena, contexts[c], sealed, &back), 0);
            assert_true(str_eq(back, plains[p]));
        }
    struct str once = crypto_seal(keys, arena, STR("row-1"), STR("same")),
               twice = crypto_seal(keys, arena, STR("row-1"), STR("same"));
    assert_false(str_eq(once, twice));
    crypto_keys_free(keys);
}

TEST(crypto_open_refuses_any_change)
{
    AUTO_ARENA struct arena *arena = arena_new(0);
    struct crypto_keys *keys = crypto_keys_new(MASTER),
                       *other = crypto_keys_new(STR("another master key of 32 bytes.."));
    struct str sealed = crypto_seal(keys, arena, STR("row-1"), STR("a secret")), back = STR("untouched");
    char *copy = arena_cstr(arena, sealed);
    for (size_t i = 0; i < sealed.n * 8; i++) {
        copy[i / 8] = (char)(copy[i / 8] ^ 1 << i % 8);
        assert_int_equal(crypto_open(keys, arena, STR("row-1"), (struct str){copy, sealed.n}, &back), ERR_DENIED);
        copy[i / 8] = sealed.p[i / 8];
    }
    for (size_t n = 0; n < sealed.n; n++)
        assert_int_not_equal(crypto_open(keys, arena, STR("row-1"), (struct str){sealed.p, n}, &back), 0);
    assert_int_equal(crypto_open(keys, arena, STR("row-2"), sealed, &back), ERR_DENIED);
    assert_int_equal(crypto_open(other, arena, STR("row-1"), sealed, &back), ERR_DENIED);
    assert_str(back, "untouched");
    crypto_keys_free(keys);
    crypto_keys_free(other);
}

TEST(crypto_passwords)
{
    char phc[CRYPTO_PHC_SIZE], again[CRYPTO_PHC_SIZE];
    assert_int_equal(crypto_password_hash(STR("pebble-and-reed-58"), phc), 0);
    assert_int_equal(crypto_password_hash(STR("pebble-and-reed-58"), again), 0);
    assert_string_not_equal(phc, again);
    assert_memory_equal(phc, "$argon2id$v=19$m=19456,t=2,p=1$", 31);
    assert_true(crypto_password_verify(phc, STR("pebble-and-reed-58")));
    assert_false(crypto_password_verify(phc, STR("pebble-and-reed-59")));
    assert_false(crypto_password_verify(phc, STR("")));
    assert_false(crypto_password_verify(phc, STR_NULL));
    assert_false(crypto_password_verify(NULL, STR("pebble-and-reed-58")));
    assert_false(crypto_password_verify(NULL, STR_NULL));
    assert_false(crypto_password_verify("", STR("pebble-and-reed-58")));
    assert_false(crypto_password_verify("$argon2id$broken", STR("pebble-and-reed-58")));
}
