/* A keyset from a file into a device's flash, and its certificates as libmosquitto wants them. */
#define _GNU_SOURCE /* nftw() */
#include "image_fixture.h"
#include "posix_board.h"
#include "posix_flash.h"
#include "posix_keyset.h"
#include "tmp.h"
#include <openssl/pem.h>
#include <openssl/x509.h>

struct device {
    struct t_tmp tmp;
    struct posix_flash flash;
    struct ota_store store;
};

/* The vectors' device, as after the factory. */
static void make(struct device *d)
{
    char path[300];
    const struct ota_trust t = trust();
    const struct file image = vector_image("good");
    d->tmp = t_tmp_make();
    (void)snprintf(path, sizeof path, "%s/flash", d->tmp.path);
    assert_int_equal(posix_flash_create(&d->flash, path, &posix_board_flash), POSIX_FLASH_OK);
    assert_int_equal(ota_store_open(&d->store, &d->flash.base, &posix_board_layout), OTA_OK);
    assert_int_equal(ota_store_trust_write(&d->store, &t), OTA_OK);
    assert_int_equal(ota_store_write(&d->store, OTA_SLOT_A, 0, span_of(&image)), OTA_OK);
    assert_int_equal(ota_store_mark_factory(&d->store, OTA_SLOT_A), OTA_OK);
}

static void end(struct device *d)
{
    posix_flash_close(&d->flash);
    t_tmp_remove(&d->tmp);
}

static ota_err_t install(struct device *d, const char *name)
{
    return posix_keyset_install(name, &d->store, crypto(), OTA_SLOT_A);
}

#define KEYSET(name) IMAGE_VECTORS "/../keyset/" name ".wkey"

static void a_file_is_installed_once(void **state)
{
    (void)state;
    struct device d;
    struct ota_trust t;
    make(&d);
    assert_int_equal(install(&d, KEYSET("good-largest")), OTA_OK);
    assert_int_equal(ota_store_trust(&d.store, &t), OTA_OK);
    assert_int_equal(t.version, UINT32_MAX);
    assert_int_equal(install(&d, KEYSET("good-largest")), OTA_E_KEYSET_VERSION);
    end(&d);
}

static void what_is_no_keyset_is_refused(void **state)
{
    (void)state;
    struct device d;
    make(&d);
    assert_int_equal(install(&d, KEYSET("no-such-file")), OTA_E_NOT_FOUND);
    assert_int_equal(install(&d, d.tmp.path), OTA_E_NOT_FOUND); /* a folder */
    assert_int_equal(install(&d, "/bin/true"), OTA_E_TOO_LARGE);
    assert_int_equal(install(&d, "/dev/null"), OTA_E_KEYSET_FORMAT);
    assert_int_equal(install(&d, KEYSET("signature-forged")), OTA_E_KEYSET_SIGNATURE);
    end(&d);
}

/* The n-th certificate of a PEM text, as DER. */
static struct ota_span from_pem(struct ota_span pem, unsigned n, uint8_t room[2048])
{
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    char *name = NULL, *header = NULL;
    unsigned char *der = NULL;
    long len = 0;
    for (unsigned i = 0; i <= n; i++) {
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(der);
        assert_int_equal(PEM_read_bio(bio, &name, &header, &der, &len), 1);
    }
    assert_string_equal(name, "CERTIFICATE");
    memcpy(room, der, (size_t)len);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
    BIO_free(bio);
    return (struct ota_span){ room, (size_t)len };
}

static void certificates_are_pem_that_openssl_reads(void **state)
{
    (void)state;
    struct device d;
    uint8_t room[POSIX_KEYSET_PEM_MAX], der[2048];
    struct ota_span pem = OTA_SPAN_NONE;
    make(&d);
    assert_int_equal(posix_keyset_ca(&d.store, OTA_BUF_OF(room), &pem), OTA_E_NOT_FOUND);
    assert_int_equal(install(&d, KEYSET("good-rotated")), OTA_OK);
    assert_int_equal(posix_keyset_ca(&d.store, OTA_BUF_OF(room), &pem), OTA_OK);
    for (unsigned n = 0; n < 2; n++) {
        const struct ota_span made = from_pem(pem, n, der);
        assert_int_equal(made.len, n == 0 ? 400 : 1024);
        assert_int_equal(made.ptr[0], 0x30);
        assert_int_equal(made.ptr[3], n == 0 ? 7 : 11);
    }
    end(&d);
}

static void the_longest_certificates_fit_their_room_exactly_or_not_at_all(void **state)
{
    (void)state;
    struct device d;
    uint8_t room[POSIX_KEYSET_PEM_MAX];
    struct ota_span pem = OTA_SPAN_NONE;
    make(&d);
    assert_int_equal(install(&d, KEYSET("good-largest")), OTA_OK);
    assert_int_equal(posix_keyset_ca(&d.store, OTA_BUF_OF(room), &pem), OTA_OK);
    const struct ota_buf less = { room, pem.len - 1 };
    pem.len = 0;
    assert_int_equal(posix_keyset_ca(&d.store, less, &pem), OTA_E_TOO_LARGE);
    assert_int_equal(pem.len, 0);
    end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_installed_once),
        cmocka_unit_test(what_is_no_keyset_is_refused),
        cmocka_unit_test(certificates_are_pem_that_openssl_reads),
        cmocka_unit_test(the_longest_certificates_fit_their_room_exactly_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
