/*
 * Keys, images and factory flash as `waft` makes them, without a server. Images
 * are taken apart by hand here, from MCUboot's description, and their
 * signatures checked by OpenSSL; flash is read with the device's own store.
 */
#define _GNU_SOURCE
#include "ota/store.h"
#include "posix_board.h"
#include "posix_flash.h"
#include "posix_identity.h"
#include "psa_port.h"
#include "run.h"
#include "t.h"
#include "tmp.h"
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#define VENDOR "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
#define CLASS  "0f0e0d0c-0b0a-0908-0706-050403020100"

static struct t_tmp tmp;
static char release[100], release2[100], deployment[100], image[100];

static const char *at(char out[200], const char *name)
{
    snprintf(out, 200, "%s/%s", tmp.path, name);
    return out;
}

static uint32_t u32(const char *bytes)
{
    const unsigned char *b = (const unsigned char *)bytes;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static uint16_t u16(const char *bytes)
{
    return (uint16_t)(u32(bytes) & 0xffff);
}

/* The value of a TLV in the area at `area`; NULL: not there. */
static const char *tlv(const char *area, uint16_t magic, uint16_t type, uint16_t *len)
{
    assert_int_equal(u16(area), magic);
    const char *end = area + u16(area + 2);
    for (const char *entry = area + 4; entry < end; entry += 4 + u16(entry + 2)) {
        if (u16(entry) == type) {
            *len = u16(entry + 2);
            return entry + 4;
        }
    }
    return NULL;
}

static EVP_PKEY *public_key(const char *private_path)
{
    FILE *f = fopen(private_path, "r");
    EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
    fclose(f);
    assert_non_null(key);
    return key;
}

static void a_new_key_is_p256_for_its_owner_only_and_never_overwritten(void **state)
{
    (void)state;
    struct stat st;
    char path[200];
    assert_int_equal(stat(release, &st), 0);
    assert_int_equal(st.st_mode & 0777u, 0600);
    EVP_PKEY *key = public_key(release);
    char group[32];
    assert_int_equal(EVP_PKEY_get_group_name(key, group, sizeof group, NULL), 1);
    assert_string_equal(group, "prime256v1");
    FILE *f = fopen(at(path, "release.pub"), "r");
    EVP_PKEY *other = PEM_read_PUBKEY(f, NULL, NULL, NULL);
    fclose(f);
    assert_int_equal(EVP_PKEY_eq(key, other), 1);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);

    char *before = t_slurp(release, NULL);
    assert_int_equal(t_code(t_waft("key", "new", release)), 1);
    char *after = t_slurp(release, NULL);
    assert_string_equal(before, after);
    free(before);
    free(after);
    /* Half of a pair is enough to refuse. */
    assert_int_equal(unlink(at(path, "release2.key")), 0);
    assert_int_equal(t_code(t_waft("key", "new", at(path, "release2.key"))), 1);
    assert_int_equal(unlink(at(path, "release2.pub")), 0);
    assert_int_equal(t_code(t_waft("key", "new", release2)), 0);
}

/* A name to which the file system can add what a private key's temporary file wants, but not a public key's. */
static void a_key_of_which_one_half_cannot_be_written_leaves_none(void **state)
{
    (void)state;
    char name[247], path[400], link[200];
    memset(name, 'k', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    snprintf(path, sizeof path, "%s/%s", tmp.path, name);
    assert_int_equal(t_code(t_waft("key", "new", path)), 1);
    assert_int_equal(access(path, F_OK), -1);

    /* To a stick, perhaps, that is not plugged in: the private half does not go elsewhere. */
    assert_int_equal(symlink("/nowhere/stick.key", at(link, "stick.key")), 0);
    assert_int_equal(t_code(t_waft("key", "new", link)), 1);
    struct stat st;
    assert_int_equal(lstat(link, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
}

static void an_image_is_mcuboots_byte_by_byte(void **state)
{
    (void)state;
    size_t size = 0, payload_size = 0;
    char *bytes = t_slurp(image, &size), *payload = t_slurp("/bin/true", &payload_size);
    assert_int_equal(u32(bytes), 0x96f3b83d);
    assert_int_equal(u32(bytes + 4), 0);
    assert_int_equal(u16(bytes + 8), 32);
    assert_int_equal(u32(bytes + 12), payload_size);
    assert_int_equal(u32(bytes + 16), 0);
    assert_int_equal((unsigned char)bytes[20], 1);
    assert_int_equal((unsigned char)bytes[21], 4);
    assert_int_equal(u16(bytes + 22), 300);
    assert_int_equal(u32(bytes + 24), 77);
    assert_int_equal(u32(bytes + 28), 0);
    assert_memory_equal(bytes + 32, payload, payload_size);

    const char *protected_area = bytes + 32 + payload_size;
    uint16_t len = 0, protected_size = u16(bytes + 10);
    const char *counter = tlv(protected_area, 0x6908, 0x50, &len);
    assert_int_equal(len, 4);
    assert_int_equal(u32(counter), 7);
    static const unsigned char vendor[16] = { 0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
                                              0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8 };
    assert_memory_equal(tlv(protected_area, 0x6908, 0x74, &len), vendor, 16);
    assert_int_equal(tlv(protected_area, 0x6908, 0x75, &len)[0], 0x0f);
    assert_int_equal(u16(protected_area + 2), protected_size);

    const char *area = protected_area + protected_size;
    size_t covered = (size_t)(area - bytes);
    unsigned char digest[32], id[32], *der = NULL;
    SHA256((unsigned char *)bytes, covered, digest);
    assert_memory_equal(tlv(area, 0x6907, 0x10, &len), digest, 32);
    EVP_PKEY *key = public_key(release);
    int der_len = i2d_PUBKEY(key, &der);
    SHA256(der, (size_t)der_len, id);
    OPENSSL_free(der);
    assert_memory_equal(tlv(area, 0x6907, 0x01, &len), id, 32);
    const char *signature = tlv(area, 0x6907, 0x22, &len);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestVerify(ctx, (const unsigned char *)signature, len,
                                      (const unsigned char *)bytes, covered),
                     1);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    assert_ptr_equal(area + u16(area + 2), bytes + size); /* nothing behind it */
    free(payload);
    free(bytes);
}

#define SIGN(payload, key, out)                                                                    \
    "waft", "image", "sign", payload, "--key", key, "--out", out, "--vendor", VENDOR

static void a_sign_command_that_makes_no_sense_writes_nothing(void **state)
{
    (void)state;
    char out[200], empty[200];
    at(out, "never");
    int fd = open(at(empty, "empty"), O_CREAT | O_WRONLY, 0644);
    close(fd);
    const struct {
        const char *why;
        int code;
        const char *words[20];
    } rows[] = {
        { "no class", 2, { SIGN("/bin/true", release, out), "--version", "1.0.0" } },
        { "no version", 2, { SIGN("/bin/true", release, out), "--class", CLASS } },
        { "a version of two numbers",
          1,
          { SIGN("/bin/true", release, out), "--class", CLASS, "--version", "1.0" } },
        { "a version above its field",
          1,
          { SIGN("/bin/true", release, out), "--class", CLASS, "--version", "256.0.0" } },
        { "a counter above 32 bits",
          2,
          { SIGN("/bin/true", release, out), "--class", CLASS, "--version", "1.0.0", "--counter",
            "4294967296" } },
        { "a header below 32",
          2,
          { SIGN("/bin/true", release, out), "--class", CLASS, "--version", "1.0.0",
            "--header-size", "31" } },
        { "no UUID",
          1,
          { SIGN("/bin/true", release, out), "--class", "lamp", "--version", "1.0.0" } },
        { "an empty payload",
          1,
          { SIGN(empty, release, out), "--class", CLASS, "--version", "1.0.0" } },
        { "a payload that is not there",
          1,
          { SIGN("/nonexistent", release, out), "--class", CLASS, "--version", "1.0.0" } },
        { "a public key",
          1,
          { SIGN("/bin/true", "/nonexistent.pub", out), "--class", CLASS, "--version", "1.0.0" } },
        { "three keys",
          1,
          { SIGN("/bin/true", release, out), "--key", release, "--key", release, "--class", CLASS,
            "--version", "1.0.0" } },
        { "no room for the image",
          1,
          { SIGN("/bin/true", release, "/nonexistent/dir/image"), "--class", CLASS, "--version",
            "1.0.0" } },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct t_run run = t_run(rows[i].words);
        if (run.code != rows[i].code || run.err[0] == '\0') {
            fail_msg("[%s] %d: %s", rows[i].why, run.code, run.err);
        }
        CHECK_ROW(rows[i].why, access(out, F_OK) != 0);
        t_run_end(&run);
    }
}

static void put(const char *path, const char *bytes, size_t len)
{
    FILE *f = fopen(path, "w");
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    fclose(f);
}

static void verify_says_what_a_device_would_say(void **state)
{
    (void)state;
    size_t size = 0;
    char *bytes = t_slurp(image, &size);
    char flipped[200], cut[200], longer[200];
    bytes[size / 2] ^= 1;
    put(at(flipped, "flipped"), bytes, size);
    bytes[size / 2] ^= 1;
    put(at(cut, "cut"), bytes, size - 1);
    bytes = realloc(bytes, size + 1);
    bytes[size] = 0;
    put(at(longer, "longer"), bytes, size + 1);
    free(bytes);
    const struct {
        const char *why, *says;
        int code;
        const char *words[12];
    } rows[] = {
        { "good", "is good", 0, { "waft", "image", "verify", image, "--key", release } },
        { "one of two keys",
          "is good",
          0,
          { "waft", "image", "verify", image, "--key", release2, "--key", release } },
        { "another key",
          "OTA_E_IMAGE_KEY",
          1,
          { "waft", "image", "verify", image, "--key", release2 } },
        { "another class",
          "OTA_E_IMAGE_CLASS",
          1,
          { "waft", "image", "verify", image, "--key", release, "--class", VENDOR } },
        { "another vendor",
          "OTA_E_IMAGE_VENDOR",
          1,
          { "waft", "image", "verify", image, "--key", release, "--vendor", CLASS } },
        { "another board",
          "OTA_E_IMAGE_HARDWARE",
          1,
          { "waft", "image", "verify", image, "--key", release, "--hw", "6" } },
        { "a counter behind",
          "OTA_E_IMAGE_COUNTER",
          1,
          { "waft", "image", "verify", image, "--key", release, "--counter", "8" } },
        { "one bit",
          "OTA_E_IMAGE_DIGEST",
          1,
          { "waft", "image", "verify", flipped, "--key", release } },
        { "cut", "ends before", 1, { "waft", "image", "verify", cut, "--key", release } },
        { "longer",
          "OTA_E_IMAGE_TRAILING",
          1,
          { "waft", "image", "verify", longer, "--key", release } },
        { "no image",
          "OTA_E_IMAGE_FORMAT",
          1,
          { "waft", "image", "verify", "/bin/true", "--key", release } },
        { "info of one bit",
          "not those that were signed",
          1,
          { "waft", "image", "info", flipped } },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct t_run run = t_run(rows[i].words);
        if (run.code != rows[i].code ||
            (strstr(run.err, rows[i].says) == NULL && strstr(run.out, rows[i].says) == NULL)) {
            fail_msg("[%s] %d: %s%s", rows[i].why, run.code, run.out, run.err);
        }
        t_run_end(&run);
    }
}

#define FACTORY(what, out, thing)                                                                  \
    "waft", "factory", what, "--out", out, "--dir", tmp.path, "--thing", thing

static void factory_flash_holds_a_confirmed_image_keys_and_an_identity(void **state)
{
    (void)state;
    char path[200];
    at(path, "flash");
    struct t_run run =
        t_run((const char *const[]){ FACTORY(image, path, "lamp-1"), "--release-key", release,
                                     "--deployment-key", deployment, "--hw", "3", NULL });
    if (run.code != 0) {
        fail_msg("%s", run.err);
    }
    t_run_end(&run);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777u, 0600); /* it holds the device's key */

    struct posix_flash flash;
    struct ota_store store;
    struct ota_store_facts facts;
    struct ota_trust trust;
    assert_int_equal(posix_flash_open(&flash, path, &posix_board_flash), POSIX_FLASH_OK);
    assert_int_equal(ota_store_open(&store, &flash.base, &posix_board_layout), OTA_OK);
    assert_int_equal(ota_store_facts(&store, &facts), OTA_OK);
    assert_int_equal(ota_slot_classify(&facts.slot[OTA_SLOT_A], true), OTA_SLOT_CONFIRMED);
    assert_int_equal(ota_slot_classify(&facts.slot[OTA_SLOT_B], false), OTA_SLOT_INVALID);
    assert_int_equal(facts.counter, 7);
    assert_int_equal(ota_store_trust(&store, &trust), OTA_OK);
    assert_int_equal(trust.hw_revision, 3);
    assert_int_equal(trust.release_count, 1);
    assert_int_equal(trust.deployment_count, 1);
    assert_memory_not_equal(trust.release[0].key, trust.deployment[0].key, 65);

    struct psa_port crypto;
    assert_int_equal(psa_port_init(&crypto, NULL), OTA_OK);
    struct ota_verify_cfg cfg = { .flash = &flash.base,
                                  .crypto = &crypto.base,
                                  .trust = &trust,
                                  .where = ota_store_image_region(&store, OTA_SLOT_A),
                                  .counter_min = facts.counter };
    struct ota_verify v;
    const struct ota_verified_image *done = NULL;
    ota_verify_begin(&v, &cfg);
    while (done == NULL) {
        assert_int_equal(ota_verify_step(&v, 65536, &done), OTA_OK);
    }

    uint8_t room[POSIX_IDENTITY_MAX];
    struct ota_span record;
    struct posix_identity identity;
    assert_int_equal(ota_store_identity(&store, OTA_BUF_OF(room), &record), OTA_OK);
    assert_int_equal(posix_identity_read(record, &identity), OTA_OK);
    assert_true(ota_span_eq(identity.thing, OTA_SPAN_LIT("lamp-1")));
    assert_true(ota_span_eq(identity.ca_pem, OTA_SPAN_LIT("the CA\n")));
    posix_flash_close(&flash);
}

static void a_factory_command_that_no_device_could_live_with_leaves_no_file(void **state)
{
    (void)state;
    char out[200], there[200], flipped[200], large[200];
    at(out, "no-flash");
    at(there, "flash");
    at(flipped, "flipped");
    at(large, "large");
    const struct {
        const char *why, *says, *file;
        int code;
        const char *words[20];
    } rows[] = {
        { "no keys", "key", out, 2, { FACTORY(image, out, "lamp-1") } },
        { "an image of another key",
          "OTA_E_IMAGE_KEY",
          out,
          1,
          { FACTORY(image, out, "lamp-1"), "--release-key", release2, "--deployment-key",
            deployment } },
        { "a damaged image",
          "OTA_E_IMAGE_DIGEST",
          out,
          1,
          { FACTORY(flipped, out, "lamp-1"), "--release-key", release, "--deployment-key",
            deployment } },
        { "an image for another board",
          "OTA_E_IMAGE_HARDWARE",
          out,
          1,
          { FACTORY(image, out, "lamp-1"), "--release-key", release, "--deployment-key", deployment,
            "--hw", "9" } },
        { "an image that the counter forbids",
          "OTA_E_IMAGE_COUNTER",
          out,
          1,
          { FACTORY(image, out, "lamp-1"), "--release-key", release, "--deployment-key", deployment,
            "--counter", "8" } },
        { "an image larger than the slot",
          "OTA_E_IMAGE_SIZE",
          out,
          1,
          { FACTORY(large, out, "lamp-1"), "--release-key", release, "--deployment-key",
            deployment } },
        { "no identity",
          "no file",
          out,
          1,
          { FACTORY(image, out, "lamp-9"), "--release-key", release, "--deployment-key",
            deployment } },
        { "three keys",
          "at most",
          out,
          1,
          { FACTORY(image, out, "lamp-1"), "--release-key", release, "--release-key", release,
            "--release-key", release, "--deployment-key", deployment } },
    };
    char payload[200];
    char *zeros = calloc(1, 3u << 20);
    put(at(payload, "payload"), zeros, 3u << 20);
    free(zeros);
    assert_int_equal(t_code(t_run((const char *const[]){ SIGN(payload, release, large), "--class",
                                                         CLASS, "--version", "1.0.0", NULL })),
                     0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct t_run run = t_run(rows[i].words);
        if (run.code != rows[i].code || strstr(run.err, rows[i].says) == NULL) {
            fail_msg("[%s] %d: %s", rows[i].why, run.code, run.err);
        }
        CHECK_ROW(rows[i].why, access(rows[i].file, F_OK) != 0);
        t_run_end(&run);
    }
    /* A device's memory is never overwritten. */
    size_t size = 0;
    char *before = t_slurp(there, &size);
    assert_int_equal(
        t_code(t_run((const char *const[]){ FACTORY(image, there, "lamp-1"), "--release-key",
                                            release, "--deployment-key", deployment, NULL })),
        1);
    char *after = t_slurp(there, NULL);
    assert_memory_equal(before, after, size);
    free(before);
    free(after);
}

static int before_all(void **state)
{
    (void)state;
    char path[200];
    put(at(path, "lamp-1.key"), "a key\n", 6);
    put(at(path, "lamp-1.crt"), "a certificate\n", 14);
    put(at(path, "ca.crt"), "the CA\n", 7);
    return t_code(t_waft("key", "new", release)) + t_code(t_waft("key", "new", release2)) +
           t_code(t_waft("key", "new", deployment)) +
           t_code(t_run((const char *const[]){ SIGN("/bin/true", release, image), "--class", CLASS,
                                               "--version", "1.4.300+77", "--counter", "7", "--hw",
                                               "2-5", NULL }));
}

int main(void)
{
    tmp = t_tmp_make();
    t_run_home(tmp.path);
    snprintf(release, sizeof release, "%s/release.key", tmp.path);
    snprintf(release2, sizeof release2, "%s/release2.key", tmp.path);
    snprintf(deployment, sizeof deployment, "%s/deployment.key", tmp.path);
    snprintf(image, sizeof image, "%s/image", tmp.path);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_key_is_p256_for_its_owner_only_and_never_overwritten),
        cmocka_unit_test(a_key_of_which_one_half_cannot_be_written_leaves_none),
        cmocka_unit_test(an_image_is_mcuboots_byte_by_byte),
        cmocka_unit_test(a_sign_command_that_makes_no_sense_writes_nothing),
        cmocka_unit_test(verify_says_what_a_device_would_say),
        cmocka_unit_test(factory_flash_holds_a_confirmed_image_keys_and_an_identity),
        cmocka_unit_test(a_factory_command_that_no_device_could_live_with_leaves_no_file),
    };
    int failed = cmocka_run_group_tests(tests, before_all, NULL);
    t_tmp_remove(&tmp);
    return failed;
}
