#define _GNU_SOURCE
#include "device.h"
#include "ota/image_write.h"
#include "ota/store_trust.h"
#include "t.h"

#include "posix_board.h"
#include "posix_flash.h"
#include "psa_port.h"
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* --- factory --------------------------------------------------------------------------- */

static struct ota_crypto *crypto(void)
{
    static struct psa_port port;
    if (port.base.ops == NULL) {
        assert_int_equal(psa_port_init(&port, NULL), OTA_OK);
    }
    return &port.base;
}

/* The release key of this test program. */
static EVP_PKEY *key(void)
{
    static EVP_PKEY *made;
    if (made == NULL) {
        made = EVP_EC_gen("P-256");
        assert_non_null(made);
    }
    return made;
}

static struct ota_trust trust(void)
{
    struct ota_trust t = { .vendor = { 1 },
                           .class_id = { 2 },
                           .hw_revision = 3,
                           .release_count = 1,
                           .deployment_count = 1 };
    uint8_t point[OTA_P256_POINT_SIZE];
    size_t len = 0;
    assert_int_equal(
        EVP_PKEY_get_octet_string_param(key(), "encoded-pub-key", point, sizeof point, &len), 1);
    assert_int_equal(len, sizeof point);
    assert_int_equal(ota_anchor_make(crypto(), point, &t.release[0]), OTA_OK);
    t.deployment[0] = t.release[0];
    return t;
}

/* Open flash and store for the time of one deed. */
static void open_store(struct t_device *d, struct posix_flash *flash, struct ota_store *store)
{
    assert_int_equal(posix_flash_open(flash, d->flash, &posix_board_flash), POSIX_FLASH_OK);
    assert_int_equal(ota_store_open(store, &flash->base, &posix_board_layout), OTA_OK);
}

void t_device_make(struct t_device *d)
{
    struct posix_flash flash;
    struct ota_store store;
    const struct ota_trust t = trust();
    *d = (struct t_device){ .tmp = t_tmp_make() };
    (void)snprintf(d->flash, sizeof d->flash, "%s/flash", d->tmp.path);
    assert_int_equal(posix_flash_create(&flash, d->flash, &posix_board_flash), POSIX_FLASH_OK);
    posix_flash_close(&flash);
    open_store(d, &flash, &store);
    assert_int_equal(ota_store_trust_write(&store, &t), OTA_OK);
    posix_flash_close(&flash);
}

void t_device_remove(struct t_device *d)
{
    if (d->board > 0) {
        (void)t_device_end(d, SIGKILL);
    }
    t_tmp_remove(&d->tmp);
}

static size_t sign(const uint8_t digest[OTA_DIGEST_SIZE], uint8_t *der, size_t cap)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key(), NULL);
    assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
    assert_int_equal(EVP_PKEY_sign(ctx, der, &cap, digest, OTA_DIGEST_SIZE), 1);
    EVP_PKEY_CTX_free(ctx);
    return cap;
}

/* The bytes of an image around `payload`, into `w`. */
static void write_image(struct ota_writer *w, struct ota_version version, struct ota_span payload)
{
    const struct ota_trust t = trust();
    struct ota_image image = { .counter = 1, .hw_min = 0, .hw_max = UINT16_MAX };
    memcpy(image.vendor, t.vendor, sizeof image.vendor);
    memcpy(image.class_id, t.class_id, sizeof image.class_id);
    uint8_t tlvs[OTA_IMAGE_TLVS_MAX], digest[OTA_DIGEST_SIZE], der[80];
    struct ota_writer protected = ota_writer(OTA_BUF_OF(tlvs));
    ota_image_protected_write(&protected, &image, NULL);
    const struct ota_image_header h = { .version = version,
                                        .payload_size = (uint32_t)payload.len,
                                        .header_size = OTA_IMAGE_HEADER_SIZE,
                                        .protected_size =
                                            (uint16_t)ota_writer_done(&protected).len };
    ota_image_header_write(w, &h, 0xff);
    ota_write_bytes(w, payload);
    ota_write_bytes(w, ota_writer_done(&protected));
    const struct ota_span so_far = ota_writer_done(w);
    assert_int_equal(EVP_Digest(so_far.ptr, so_far.len, digest, NULL, EVP_sha256(), NULL), 1);
    struct ota_image_signing signing = { .signature = { der, sign(digest, der, sizeof der) } };
    memcpy(signing.key_id, t.release[0].key_id, sizeof signing.key_id);
    ota_image_unprotected_write(w, digest, &signing, 1);
}

/* As the agent would before a reset: verified, then pending. */
static void make_pending(struct ota_store *store, enum ota_slot slot)
{
    static struct ota_verify verify;
    const struct ota_trust t = trust();
    const struct ota_verified_image *image = NULL;
    const struct ota_verify_cfg cfg = { store->flash, crypto(), &t,
                                        ota_store_image_region(store, slot), 0 };
    ota_verify_begin(&verify, &cfg);
    while (image == NULL) {
        assert_int_equal(ota_verify_step(&verify, 65536, &image), OTA_OK);
    }
    assert_int_equal(ota_store_activate(store, image), OTA_OK);
}

void t_device_install(struct t_device *d, enum ota_slot slot, struct ota_version version,
                      struct ota_span payload, enum t_mark_as mark)
{
    struct posix_flash flash;
    struct ota_store store;
    const size_t cap = payload.len + 2 * OTA_IMAGE_TLVS_MAX;
    uint8_t *room = malloc(cap);
    assert_non_null(room);
    struct ota_writer w = ota_writer((struct ota_buf){ room, cap });
    write_image(&w, version, payload);
    open_store(d, &flash, &store);
    assert_int_equal(ota_store_write(&store, slot, 0, ota_writer_done(&w)), OTA_OK);
    if (mark == T_PENDING) {
        make_pending(&store, slot);
    } else {
        assert_int_equal(ota_store_mark_factory(&store, slot), OTA_OK);
    }
    posix_flash_close(&flash);
    free(room);
}

void t_device_rot(struct t_device *d, uint32_t offset)
{
    uint8_t byte = 0;
    int fd = open(d->flash, O_RDWR | O_CLOEXEC);
    assert_int_equal(pread(fd, &byte, 1, (off_t)offset), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)offset), 1);
    close(fd);
}

struct ota_store_facts t_device_facts(struct t_device *d)
{
    struct posix_flash flash;
    struct ota_store store;
    struct ota_store_facts facts;
    open_store(d, &flash, &store);
    assert_int_equal(ota_store_facts(&store, &facts), OTA_OK);
    posix_flash_close(&flash);
    return facts;
}

/* --- board ------------------------------------------------------------------------------ */

_Noreturn static void become_board(struct t_device *d, int out, const char *option,
                                   const char *value)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nothing behind */
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    execl(WAFT_DEVICE, "waft-device", "--flash", d->flash, "--broker",
          d->broker[0] != '\0' ? d->broker : "127.0.0.1:1", option, value, (char *)NULL);
    _exit(99);
}

void t_device_start(struct t_device *d, const char *option, const char *value)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    d->len = d->mark = 0;
    d->board = fork();
    assert_true(d->board >= 0);
    if (d->board == 0) {
        become_board(d, ends[1], option, value);
    }
    close(ends[1]);
    d->out = ends[0];
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* @return false at the end of its output, or when time is up. */
static bool read_more(struct t_device *d, int64_t deadline)
{
    struct pollfd p = { d->out, POLLIN, 0 };
    int64_t left = deadline - now_ms();
    if (left <= 0 || d->len >= sizeof d->log - 1 || poll(&p, 1, (int)left) != 1) {
        return false;
    }
    ssize_t n = read(d->out, d->log + d->len, sizeof d->log - 1 - d->len);
    d->len += n > 0 ? (size_t)n : 0;
    d->log[d->len] = '\0';
    return n > 0;
}

void t_device_until(struct t_device *d, const char *text)
{
    const int64_t deadline = now_ms() + T_DEVICE_WAIT_MS;
    while (d->len == 0 || strstr(d->log + d->mark, text) == NULL) {
        if (!read_more(d, deadline)) {
            fail_msg("\"%s\" was not said; but: %s", text, d->log);
        }
    }
}

void t_device_mark(struct t_device *d)
{
    d->mark = d->len;
}

int t_device_end(struct t_device *d, int signal)
{
    int status = 0;
    const int64_t deadline = now_ms() + T_DEVICE_WAIT_MS;
    if (signal != 0) {
        kill(d->board, signal);
    }
    while (read_more(d, deadline)) {
    }
    assert_int_equal(waitpid(d->board, &status, 0), d->board);
    close(d->out);
    d->board = 0;
    return status;
}
