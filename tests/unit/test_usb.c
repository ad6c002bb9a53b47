/* examples/usb: what lies on a stick takes the way of every update, and nothing else does. */
#include "sim_peer.h"
#include "t.h"
#include "usb.h"

/* A stick is two files in memory. */
struct stick {
    char document[1024];
    const uint8_t *image;
    size_t image_len;
};

static size_t stick_read(void *context, const char *name, uint32_t offset, struct ota_buf into)
{
    const struct stick *s = context;
    const bool is_image = strcmp(name, "image.img") == 0;
    const uint8_t *const bytes = is_image ? s->image : (const uint8_t *)s->document;
    const size_t len = is_image ? s->image_len : strlen(s->document);
    if (offset >= len) {
        return 0;
    }
    const size_t count = len - offset < into.cap ? len - offset : into.cap;
    memcpy(into.ptr, bytes + offset, count);
    return count;
}

static struct peer peer;
static struct usb usb;
static struct stick stick;
static struct sim_image *before, *after;

static struct sim_image *image_of(uint8_t minor, const struct sim_image_spec *like)
{
    struct sim_image_spec spec = like != NULL ? *like : (struct sim_image_spec){ .counter = minor };
    spec.payload_size = 3000;
    spec.version = (struct ota_version){ .major = 1, .minor = minor };
    return sim_image_make(&spec);
}

static void plug_in(const struct sim_image *image)
{
    sim_document("stick", image, stick.document, sizeof stick.document);
    stick.image = image->bytes;
    stick.image_len = image->size;
}

/* The least that a document needs, as README.md makes it with openssl: no protocol, no stream. */
static void plug_in_with_little(const struct sim_image *image)
{
    static const char name[] = "\"sig-sha256-ecdsa\":";
    char all[sizeof stick.document];
    plug_in(image);
    memcpy(all, stick.document, sizeof all);
    const char *const sig = strstr(all, name) + strlen(name);
    snprintf(stick.document, sizeof stick.document,
             "{\"afr_ota\":{\"protocols\":[],\"files\":[{\"filesize\":%u,\"fileid\":0,%s%.*s}]}}",
             image->size, name, (int)(strchr(sig + 1, '"') + 1 - sig), sig);
}

static enum ota_boot_rule boot(void)
{
    const struct ota_boot_result booted = peer_boot(&peer);
    const struct installer_cfg cfg = { &peer.sim.device.store, peer.sim.crypto,
                                       &peer.sim.device.trust, booted.verdict.slot };
    usb_init(&usb, &cfg, &(struct usb_stick){ stick_read, &stick });
    return booted.verdict.rule;
}

static int open_device(void **state)
{
    (void)state;
    before = image_of(2, NULL);
    after = image_of(3, NULL);
    peer_open(&peer, before);
    sim_deploy(&peer.sim, "known-to-the-test",
               after); /* so that the bytes are known to the simulator */
    memset(&stick, 0, sizeof stick);
    assert_int_equal(boot(), OTA_BOOT_CONFIRMED);
    return 0;
}

static int close_device(void **state)
{
    (void)state;
    peer_close(&peer);
    sim_image_free(before);
    sim_image_free(after);
    return 0;
}

static ota_err_t run(void)
{
    ota_err_t err = OTA_OK;
    for (unsigned i = 0; i < 1000 && err == OTA_OK && usb.state != USB_READY; i++) {
        err = usb_step(&usb);
    }
    return err;
}

static void pull_out(void)
{
    memset(&stick, 0, sizeof stick);
    assert_int_equal(usb_step(&usb), OTA_E_NOT_FOUND);
}

/* However often it is looked at: nothing is erased for it, and nothing written. */
static void refused(ota_err_t why)
{
    const uint32_t ops = peer.sim.flash.ops;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(run(), why);
    }
    assert_int_equal(peer.sim.flash.ops, ops);
}

static const struct sim_image *running(void)
{
    return sim_image_in(&peer.sim, usb.installer.cfg.running);
}

static void an_image_on_a_stick_is_installed_tried_and_kept(void **state)
{
    (void)state;
    plug_in_with_little(after);
    assert_int_equal(run(), OTA_OK);
    assert_int_equal(usb.state, USB_READY);
    assert_int_equal(boot(), OTA_BOOT_TRIAL);
    assert_ptr_equal(running(), after);
    assert_int_equal(installer_confirm(&usb.installer), OTA_OK);
    assert_int_equal(boot(), OTA_BOOT_CONFIRMED);
    assert_ptr_equal(running(), after);
    assert_int_equal(run(), OTA_E_NOT_FOUND); /* the stick is still in */
}

static void an_image_that_failed_its_test_is_not_tried_again(void **state)
{
    (void)state;
    plug_in(after);
    assert_int_equal(run(), OTA_OK);
    assert_int_equal(boot(), OTA_BOOT_TRIAL);
    assert_int_equal(boot(), OTA_BOOT_CONFIRMED); /* nobody confirmed it */
    assert_ptr_equal(running(), before);
    assert_int_equal(run(), OTA_E_NOT_FOUND);
}

static void a_stick_that_is_pulled_out_leaves_what_runs(void **state)
{
    (void)state;
    plug_in(after);
    while (usb.state != USB_VERIFY) {
        assert_int_equal(usb_step(&usb), OTA_OK);
        stick.image_len = usb.copied < 1024 ? stick.image_len : 1024;
        if (usb.copied >= 1024) {
            break;
        }
    }
    assert_int_equal(run(), OTA_E_TRUNCATED);
    pull_out();
    assert_int_equal(boot(), OTA_BOOT_CONFIRMED);
    assert_ptr_equal(running(), before);
    plug_in(after); /* and in again */
    assert_int_equal(run(), OTA_OK);
    assert_int_equal(boot(), OTA_BOOT_TRIAL);
}

/* A stick that reads well once, and then otherwise. */
static void what_fails_once_it_is_copied_waits_for_another_stick(void **state)
{
    (void)state;
    static uint8_t changed[8192];
    assert_true(after->size <= sizeof changed);
    memcpy(changed, after->bytes, after->size);
    changed[1000] ^= 1;
    plug_in(after);
    while (usb.state != USB_COPY) {
        assert_int_equal(usb_step(&usb), OTA_OK);
    }
    stick.image = changed;
    assert_int_equal(run(), OTA_E_IMAGE_DIGEST);
    stick.image = after->bytes;
    refused(OTA_E_NOT_FOUND);
    pull_out();
    plug_in(after);
    assert_int_equal(run(), OTA_OK);
    assert_int_equal(boot(), OTA_BOOT_TRIAL);
}

static void what_is_not_for_this_device_is_refused_before_anything_is_erased(void **state)
{
    (void)state;
    const struct sim_image_spec foreign = { .key = SIM_KEY_FOREIGN, .counter = 3 };
    const struct sim_image_spec other = { .class_id = SIM_CLASS_OTHER, .counter = 3 };
    struct sim_image *const stranger = image_of(4, &foreign), *const misfit = image_of(4, &other);
    struct sim_image *const older = image_of(1, NULL);
    static uint8_t changed[8192];

    refused(OTA_E_NOT_FOUND); /* an empty stick */
    plug_in(older);
    refused(OTA_E_NOT_FOUND);
    plug_in(before);
    refused(OTA_E_NOT_FOUND);
    plug_in(stranger);
    refused(OTA_E_IMAGE_KEY);
    plug_in(misfit);
    refused(OTA_E_IMAGE_CLASS);
    plug_in(after);
    memcpy(changed, after->bytes, after->size);
    changed[1000] ^= 1;
    stick.image = changed;
    refused(OTA_E_IMAGE_DIGEST);
    stick.image_len = after->size - 1;
    refused(OTA_E_TRUNCATED);
    plug_in(after); /* a good image, and what somebody signed for a file of the same size */
    sim_document("stick", misfit, stick.document, sizeof stick.document);
    char size[16];
    char *const number = strstr(stick.document, "\"filesize\":") + strlen("\"filesize\":");
    assert_int_equal(snprintf(size, sizeof size, "%u", after->size), strspn(number, "0123456789"));
    memcpy(number, size, strlen(size));
    refused(OTA_E_JOB_SIGNATURE);
    stick.document[0] = 'x';
    refused(OTA_E_MALFORMED);
    memset(stick.document, ' ', sizeof stick.document - 1);
    refused(OTA_E_TRUNCATED);
    assert_int_equal(boot(), OTA_BOOT_CONFIRMED);
    assert_ptr_equal(running(), before);
    sim_image_free(stranger);
    sim_image_free(misfit);
    sim_image_free(older);
}

#define DEVICE_TEST(f) cmocka_unit_test_setup_teardown(f, open_device, close_device)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DEVICE_TEST(an_image_on_a_stick_is_installed_tried_and_kept),
        DEVICE_TEST(an_image_that_failed_its_test_is_not_tried_again),
        DEVICE_TEST(a_stick_that_is_pulled_out_leaves_what_runs),
        DEVICE_TEST(what_fails_once_it_is_copied_waits_for_another_stick),
        DEVICE_TEST(what_is_not_for_this_device_is_refused_before_anything_is_erased),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
