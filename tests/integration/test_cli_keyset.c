/*
 * Keys that change, as an operator changes them: `waft image resign` and `waft keyset`, without a
 * server. What they make is given to a device's own store.
 */
#define _GNU_SOURCE
#include "t.h"
#include "ed25519_openssl.h"
#include "ota/store_trust.h"
#include "posix_board.h"
#include "posix_flash.h"
#include "psa_port.h"
#include "run.h"
#include "tmp.h"
#include <jansson.h>
#include <unistd.h>

#define VENDOR "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
#define CLASS  "0f0e0d0c-0b0a-0908-0706-050403020100"

static struct t_tmp tmp;

/* Files in the folder of this run; each call its own room, until the eighth. */
static const char *in(const char *name)
{
    static char rooms[8][200];
    static unsigned next;
    char *const room = rooms[next++ % COUNT(rooms)];
    snprintf(room, sizeof rooms[0], "%s/%s", tmp.path, name);
    return room;
}

/* Runs, and says what went wrong if the exit code is another. */
static void run_to(int code, const char *says, const char *const *words)
{
    struct t_run run = t_run(words);
    if (run.code != code ||
        (says != NULL && strstr(run.err, says) == NULL && strstr(run.out, says) == NULL)) {
        fail_msg("%s %s: %d, not %d \"%s\": %s%s", words[1], words[2], run.code, code,
                 says != NULL ? says : "", run.out, run.err);
    }
    t_run_end(&run);
}

#define waft(code, says, ...) run_to(code, says, (const char *const[]){ "waft", __VA_ARGS__, NULL })

/* A text of the JSON that a command prints; the caller's. */
static char *json_text(const char *member, const char *const *words)
{
    struct t_run run = t_run(words);
    json_t *value = json_loads(run.out, 0, NULL);
    const char *text = json_string_value(json_object_get(value, member));
    char *copy = text != NULL ? strdup(text) : NULL;
    json_decref(value);
    t_run_end(&run);
    return copy;
}

#define waft_json(member, ...)                                                                     \
    json_text(member, (const char *const[]){ "waft", __VA_ARGS__, "--json", NULL })

static void sign(const char *key, const char *out)
{
    waft(0, NULL, "image", "sign", "/bin/true", "--key", in(key), "--out", in(out), "--vendor",
         VENDOR, "--class", CLASS, "--version", "1.2.0", "--counter", "3");
}

/* --- images ------------------------------------------------------------------------------ */

static void a_second_signature_changes_nothing_but_the_areas_size(void **state)
{
    (void)state;
    size_t before = 0, after = 0;
    sign("release", "one.img");
    waft(0, NULL, "image", "resign", in("one.img"), "--key", in("ed"), "--out", in("two.img"));
    char *one = t_slurp(in("one.img"), &before), *two = t_slurp(in("two.img"), &after);
    assert_int_equal(after - before, 36 + 68);
    size_t differs = 0;
    for (size_t i = 0; i < before; i++) {
        differs += one[i] != two[i];
    }
    assert_in_range(differs, 1, 2);
    free(one);
    free(two);
    waft(0, "is good", "image", "verify", in("two.img"), "--key", in("release.pub"));
    waft(0, "is good", "image", "verify", in("two.img"), "--key", in("ed.pub"));
    waft(0, "P-256 Ed25519", "image", "info", in("two.img"));
}

static void the_same_keys_signature_is_replaced_in_its_place(void **state)
{
    (void)state;
    sign("release", "one.img");
    waft(0, NULL, "image", "resign", in("one.img"), "--key", in("ed"), "--out", in("two.img"));
    char *ids = waft_json("keyIds", "image", "info", in("two.img"));
    waft(0, NULL, "image", "resign", in("two.img"), "--key", in("release"), "--out", in("two.img"));
    char *again = waft_json("keyIds", "image", "info", in("two.img"));
    assert_non_null(ids);
    assert_string_equal(ids, again);
    free(ids);
    free(again);
    waft(0, "is good", "image", "verify", in("two.img"), "--key", in("release"), "--key", in("ed"));
}

static void resign_refuses_what_it_would_make_worse(void **state)
{
    (void)state;
    sign("release", "one.img");
    waft(0, NULL, "image", "resign", in("one.img"), "--key", in("ed"), "--out", in("two.img"));
    waft(1, "no room for another", "image", "resign", in("two.img"), "--key", in("next"), "--out",
         in("three.img"));
    size_t size = 0;
    char *bytes = t_slurp(in("one.img"), &size);
    bytes[size / 2] ^= 1;
    FILE *f = fopen(in("bad.img"), "w");
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    fclose(f);
    free(bytes);
    waft(1, "not those of its digest", "image", "resign", in("bad.img"), "--key", in("ed"), "--out",
         in("three.img"));
    waft(1, "not a valid image", "image", "resign", "/bin/true", "--key", in("ed"), "--out",
         in("three.img"));
    waft(1, "no private key", "image", "resign", in("one.img"), "--key", in("ed.pub"), "--out",
         in("three.img"));
    waft(2, "--key", "image", "resign", in("one.img"), "--out", in("three.img"));
    assert_int_not_equal(access(in("three.img"), F_OK), 0);
}

static void dependencies_are_written_shown_and_judged(void **state)
{
    (void)state;
#define SIGN_WITH(out, dependency)                                                                 \
    "image", "sign", "/bin/true", "--key", in("release"), "--out", in(out), "--vendor", VENDOR,    \
        "--class", CLASS, "--version", "1.2.0", "--dependency", dependency
    waft(0, NULL, SIGN_WITH("met.img", "0:1.2.0"));
    waft(0, "is good", "image", "verify", in("met.img"), "--key", in("release"));
    waft(0, NULL, SIGN_WITH("unmet.img", "0:1.2.1+9"));
    waft(0, "0:1.2.1+9", "image", "info", in("unmet.img"));
    waft(1, "OTA_E_IMAGE_DEPENDENCY", "image", "verify", in("unmet.img"), "--key", in("release"));
    static const char *const wrong[] = { "1.2.0",    "0:",     "0:1.2",  "256:1.0.0",
                                         "-1:1.0.0", ":1.0.0", "x:1.0.0" };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        waft(1, "IMAGE:VERSION", SIGN_WITH("never.img", wrong[i]));
    }
    assert_int_not_equal(access(in("never.img"), F_OK), 0);
}

static void verdicts_come_as_json_too(void **state)
{
    (void)state;
    sign("release", "one.img");
    char *good = waft_json("good", "image", "verify", in("one.img"), "--key", in("release"));
    char *error = waft_json("error", "image", "verify", in("one.img"), "--key", in("next"));
    assert_string_equal(good, "yes");
    assert_string_equal(error, "OTA_E_IMAGE_KEY");
    free(good);
    free(error);
    waft(2, "one is enough", "image", "info", in("one.img"), "--json", "-o", "csv");
}

/* --- keysets ------------------------------------------------------------------------------- */

#define MAKE(out, signer) "keyset", "make", "--out", in(out), "--key", in(signer)
#define FIRST             "--vendor", VENDOR, "--class", CLASS, "--version", "1"
#define DEPLOYMENT        "--deployment-key", in("deploy.pub")

static void a_keyset_that_no_device_would_take_is_not_made(void **state)
{
    (void)state;
    waft(0, NULL, MAKE("1.wkey", "release"), FIRST, "--release-key", in("release.pub"), DEPLOYMENT);
    waft(2, "--version is missing", MAKE("never", "release"), "--vendor", VENDOR, "--class", CLASS,
         "--release-key", in("release.pub"), DEPLOYMENT);
    waft(1, "--after does", MAKE("never", "release"), "--version", "1", "--release-key",
         in("release.pub"), DEPLOYMENT);
    waft(2, "--version is a whole number", MAKE("never", "release"), "--vendor", VENDOR, "--class",
         CLASS, "--version", "0", "--release-key", in("release.pub"), DEPLOYMENT);
    waft(2, "--deployment-key", MAKE("never", "release"), FIRST, "--release-key",
         in("release.pub"));
    waft(1, "OTA_E_KEYSET_REVOKED", MAKE("never", "release"), FIRST, "--release-key",
         in("release.pub"), DEPLOYMENT, "--revoke", in("release.pub"));
    waft(1, "P-256 is wanted", MAKE("never", "release"), FIRST, "--release-key", in("release.pub"),
         "--deployment-key", in("ed.pub"));
    waft(1, "OTA_E_KEYSET_VERSION", MAKE("never", "release"), "--after", in("1.wkey"), "--version",
         "1", "--release-key", in("release.pub"), DEPLOYMENT);
    waft(1, "no certificate", MAKE("never", "release"), FIRST, "--release-key", in("release.pub"),
         DEPLOYMENT, "--ca", in("release.pub"));
    waft(1, "OTA_E_KEYSET_FORMAT", "keyset", "info", in("release.pub"));
    waft(1, "larger than", "keyset", "info", "/bin/true");
    assert_int_not_equal(access(in("never"), F_OK), 0);
}

/* What the file of a device holds after `waft factory`, and after each keyset that it is given. */
static ota_err_t install(const char *name)
{
    static struct ota_keyset_room room;
    struct posix_flash flash;
    struct psa_port crypto;
    struct ota_store store;
    size_t size = 0;
    char *bytes = t_slurp(in(name), &size);
    assert_int_equal(posix_flash_open(&flash, in("flash"), &posix_board_flash), POSIX_FLASH_OK);
    assert_int_equal(ota_store_open(&store, &flash.base, &posix_board_layout), OTA_OK);
    assert_int_equal(psa_port_init(&crypto, NULL), OTA_OK);
    struct ota_crypto_ops ops = *crypto.base.ops;
    ops.verify_ed25519 = ed25519_openssl_verify;
    crypto.base.ops = &ops;
    const struct ota_buf document = { (uint8_t *)bytes, size };
    const ota_err_t err =
        ota_store_keyset_install(&store, &crypto.base, OTA_SLOT_A, document, &room);
    posix_flash_close(&flash);
    free(bytes);
    return err;
}

static void a_fleet_changes_its_release_key(void **state)
{
    (void)state;
    sign("release", "one.img");
    waft(0, NULL, "image", "resign", in("one.img"), "--key", in("ed"), "--out", in("one.img"));
    waft(0, NULL, "factory", in("one.img"), "--thing", "lamp-1", "--dir", tmp.path, "--out",
         in("flash"), "--release-key", in("release.pub"), "--deployment-key", in("deploy.pub"));

    /* The new key beside the old one; then the old one never again. */
    waft(0, NULL, MAKE("k1", "release"), FIRST, "--release-key", in("release.pub"), "--release-key",
         in("ed.pub"), DEPLOYMENT);
    waft(0, NULL, MAKE("k2", "ed"), "--after", in("k1"), "--release-key", in("ed.pub"), DEPLOYMENT,
         "--revoke", in("release.pub"));
    assert_int_equal(install("k2"),
                     OTA_E_KEYSET_SIGNATURE); /* by a key that it does not know yet */
    assert_int_equal(install("k1"), OTA_OK);
    assert_int_equal(install("k1"), OTA_E_KEYSET_VERSION);
    assert_int_equal(install("k2"), OTA_OK);
    waft(0, "good", "keyset", "info", in("k2"), "--key", in("ed.pub"));
    waft(1, "OTA_E_KEYSET_SIGNATURE", "keyset", "info", in("k2"), "--key", in("release.pub"));
    char *revoked = waft_json("revokedKeys", "keyset", "info", in("k2"));
    char *signer = waft_json("signer", "keyset", "info", in("k1"));
    assert_string_equal(revoked, signer);

    /* Revocations are taken along, and a revoked key does not come back. */
    waft(1, "OTA_E_KEYSET_REVOKED", MAKE("never", "ed"), "--after", in("k2"), "--release-key",
         in("release.pub"), "--release-key", in("ed.pub"), DEPLOYMENT);
    waft(0, revoked, MAKE("k3", "ed"), "--after", in("k2"), "--release-key", in("ed.pub"),
         DEPLOYMENT);
    assert_int_equal(install("k3"), OTA_OK);
    waft(0, NULL, MAKE("forgets", "ed"), "--vendor", VENDOR, "--class", CLASS, "--version", "9",
         "--release-key", in("ed.pub"), DEPLOYMENT);
    assert_int_equal(install("forgets"), OTA_E_KEYSET_REVOKED);
    waft(0, NULL, MAKE("strands", "ed"), "--after", in("k3"), "--release-key", in("next.pub"),
         DEPLOYMENT);
    assert_int_equal(install("strands"), OTA_E_KEYSET_STRANDS);
    free(revoked);
    free(signer);
}

static int before_all(void **state)
{
    (void)state;
    static const char *const files[] = { "lamp-1.key", "lamp-1.crt", "ca.crt" };
    for (size_t i = 0; i < COUNT(files); i++) {
        FILE *f = fopen(in(files[i]), "w");
        fputs("text\n", f);
        fclose(f);
    }
    waft(0, NULL, "key", "new", in("release"));
    waft(0, NULL, "key", "new", in("next"), "--type", "p256");
    waft(0, NULL, "key", "new", in("deploy"));
    waft(0, NULL, "key", "new", in("ed"), "--type", "ed25519");
    waft(2, "p256 or ed25519", "key", "new", in("other"), "--type", "rsa");
    return 0;
}

int main(void)
{
    tmp = t_tmp_make();
    t_run_home(tmp.path);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_signature_changes_nothing_but_the_areas_size),
        cmocka_unit_test(the_same_keys_signature_is_replaced_in_its_place),
        cmocka_unit_test(resign_refuses_what_it_would_make_worse),
        cmocka_unit_test(dependencies_are_written_shown_and_judged),
        cmocka_unit_test(verdicts_come_as_json_too),
        cmocka_unit_test(a_keyset_that_no_device_would_take_is_not_made),
        cmocka_unit_test(a_fleet_changes_its_release_key),
    };
    int failed = cmocka_run_group_tests(tests, before_all, NULL);
    t_tmp_remove(&tmp);
    return failed;
}
