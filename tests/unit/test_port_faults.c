/*
 * A port that fails once, at each of its calls during an update: flash that does not read, program or erase, crypto that
 * does not compute. The update may end, and says so, or the agent may stop until a restart; a signed image always runs,
 * what the provider was told is what runs, and the next update succeeds.
 */
#include "workflow_world.h"

static struct sim_image *v1, *v2, *v3, *failing, *data;

/* What kind of update. */
static enum kind { IMAGE, FAILING_IMAGE, IMAGE_AND_FILE, FILE_ALONE } kind;

/* --- ports that fail ------------------------------------------------------------------------------------- */

static struct {
    const struct ota_flash_ops *flash;
    const struct ota_crypto_ops *crypto;
    struct ota_crypto base;
    uint32_t calls, fail_at; /* of the port that is counted, while an agent runs; from 1 */
    enum { FLASH_READS, FLASH_WRITES, FLASH_ERASES, DIGESTS, SIGNATURES } counted;
} port;

static bool fails(int what)
{
    return what == (int)port.counted && world.device.runs && ++port.calls == port.fail_at;
}

static ota_err_t flash_read(struct ota_flash *f, uint32_t offset, struct ota_buf into)
{
    return fails(FLASH_READS) ? OTA_E_FLASH : port.flash->read(f, offset, into);
}

static ota_err_t flash_write(struct ota_flash *f, uint32_t offset, struct ota_span from)
{
    return fails(FLASH_WRITES) ? OTA_E_FLASH : port.flash->write(f, offset, from);
}

static ota_err_t flash_erase(struct ota_flash *f, uint32_t offset)
{
    return fails(FLASH_ERASES) ? OTA_E_FLASH : port.flash->erase(f, offset);
}

static const struct ota_flash_ops flash_ops = { flash_read, flash_write, flash_erase };

static ota_err_t sha256_begin(struct ota_crypto *c, struct ota_sha256 *h)
{
    return fails(DIGESTS) ? OTA_E_CRYPTO : port.crypto->sha256_begin(c, h);
}

static ota_err_t sha256_update(struct ota_crypto *c, struct ota_sha256 *h, struct ota_span bytes)
{
    return fails(DIGESTS) ? OTA_E_CRYPTO : port.crypto->sha256_update(c, h, bytes);
}

static ota_err_t sha256_peek(struct ota_crypto *c, const struct ota_sha256 *h,
                             uint8_t digest[OTA_DIGEST_SIZE])
{
    return fails(DIGESTS) ? OTA_E_CRYPTO : port.crypto->sha256_peek(c, h, digest);
}

static ota_err_t verify_p256(struct ota_crypto *c, const uint8_t point[OTA_P256_POINT_SIZE],
                             const uint8_t digest[OTA_DIGEST_SIZE],
                             const uint8_t rs[OTA_P256_RS_SIZE])
{
    return fails(SIGNATURES) ? OTA_E_CRYPTO : port.crypto->verify_p256(c, point, digest, rs);
}

static ota_err_t random_bytes(struct ota_crypto *c, struct ota_buf into)
{
    return port.crypto->random(c, into);
}

static ota_err_t no_random(struct ota_crypto *c, struct ota_buf into)
{
    (void)c;
    (void)into;
    return OTA_E_CRYPTO;
}

static const struct ota_crypto_ops crypto_ops = {
    sha256_begin, sha256_update, sha256_peek, verify_p256, NULL, random_bytes,
};

static void put_between(uint32_t fail_at)
{
    port.flash = world.flash.base.ops;
    port.crypto = world.crypto->ops;
    port.base.ops = &crypto_ops;
    port.calls = 0;
    port.fail_at = fail_at;
    world.flash.base.ops = &flash_ops;
    world.crypto = &port.base;
}

/* --- an update, with one fault in it -------------------------------------------------------------------------- */

static const struct sim_image *image_of_kind(void)
{
    switch (kind) {
    case IMAGE:
    case IMAGE_AND_FILE: return v2;
    case FAILING_IMAGE: return failing;
    case FILE_ALONE: break;
    }
    return NULL;
}

static bool has_file(void)
{
    return kind == IMAGE_AND_FILE || kind == FILE_ALONE;
}

static void deploy_kind(void)
{
    const struct sim_file file = { 1, data };
    if (has_file()) {
        sim_deploy_files(&world, "j", image_of_kind(), &file, 1);
    } else {
        sim_deploy(&world, "j", image_of_kind());
    }
}

/* What the provider was told is what runs, and what is in use. */
static void expect_consistent(uint32_t n)
{
    char details[SIM_DETAILS_MAX];
    const enum ota_job_status status = sim_status(&world, "j", details);
    const bool good = status == OTA_JOB_SUCCEEDED;
    const struct sim_image *const runs = good && kind != FILE_ALONE ? v2 : v1;
    const struct sim_image *const used = good && has_file() ? data : NULL;
    if (!(good || status == OTA_JOB_FAILED || status == OTA_JOB_REJECTED) ||
        sim_running(&world) != runs ||
        (world.cfg.bank_sectors > 0 && sim_file_in_use(&world, 1) != used)) {
        fail_msg("kind %d, call %u: job is %d, %s, running is %s", (int)kind, (unsigned)n,
                 (int)status, details,
                 sim_running(&world) == v1   ? "v1"
                 : sim_running(&world) == v2 ? "v2"
                                             : "neither");
    }
}

/* @return how many calls of the port it took. */
static uint32_t update_with(uint32_t fail_at)
{
    struct sim_cfg cfg = sim_cfg_default();
    cfg.keys = sim_keys_fast();
    cfg.bank_sectors = has_file() ? 4 : 0;
    sim_open(&world, &cfg, v1);
    put_between(fail_at);
    sim_boot(&world);
    settle();
    deploy_kind();
    settle();
    const uint32_t calls = port.calls;
    assert_true(fail_at == 0 || calls >= fail_at);
    assert_non_null(sim_running(&world));

    port.fail_at = 0;
    sim_boot(&world);
    settle();
    expect_consistent(fail_at);
    assert_int_equal(deploy("next", v3), OTA_JOB_SUCCEEDED);
    assert_ptr_equal(sim_running(&world), v3);
    close_world();
    return calls;
}

/* Every `step`-th call, from the first to the last of an update without a fault. */
static void each_call_of(enum kind of, int what, uint32_t step)
{
    kind = of;
    port.counted = what;
    const uint32_t calls = update_with(0);
    for (uint32_t n = 1; n <= calls; n += step) {
        (void)update_with(n);
    }
}

static void each_call(int what, uint32_t step)
{
    each_call_of(IMAGE, what, step);
    each_call_of(FAILING_IMAGE, what, step);
    each_call_of(IMAGE_AND_FILE, what, step);
    each_call_of(FILE_ALONE, what, step);
}

static void flash_that_does_not_read_once(void **ctx)
{
    (void)ctx;
    each_call_of(IMAGE, FLASH_READS, 5);
    each_call_of(FAILING_IMAGE, FLASH_READS, 11);
    each_call_of(IMAGE_AND_FILE, FLASH_READS, 11);
    each_call_of(FILE_ALONE, FLASH_READS, 11);
}

static void flash_that_does_not_program_once(void **ctx)
{
    (void)ctx;
    each_call(FLASH_WRITES, 1);
}

static void flash_that_does_not_erase_once(void **ctx)
{
    (void)ctx;
    each_call(FLASH_ERASES, 1);
}

static void crypto_that_does_not_digest_once(void **ctx)
{
    (void)ctx;
    each_call(DIGESTS, 1);
}

static void crypto_that_does_not_verify_once(void **ctx)
{
    (void)ctx;
    each_call(SIGNATURES, 1);
}

static void without_random_numbers_nothing_begins(void **ctx)
{
    (void)ctx;
    struct sim_cfg cfg = sim_cfg_default();
    cfg.keys = sim_keys_fast();
    open_world(&cfg, v1);
    struct ota_crypto_ops ops = crypto_ops;
    struct ota_crypto crypto = { &ops };
    struct ota_orchestrator_cfg of_its_own = world.device.o.cfg;
    static struct ota_orchestrator o;
    ops.random = no_random;
    of_its_own.crypto = &crypto;
    assert_int_equal(ota_orchestrator_init(&o, &of_its_own), OTA_E_CRYPTO);
    close_world();
}

static void without_a_journal_that_can_be_read_nothing_begins(void **ctx)
{
    (void)ctx;
    struct sim_cfg cfg = sim_cfg_default();
    static struct ota_orchestrator o;
    cfg.keys = sim_keys_fast();
    open_world(&cfg, v1);
    assert_int_equal(deploy("j", v2), OTA_JOB_SUCCEEDED); /* so that there is something to read */
    const struct ota_orchestrator_cfg same = world.device.o.cfg;
    world.flash.broken_read = world.layout.journal;
    assert_int_equal(ota_orchestrator_init(&o, &same), OTA_E_FLASH);
    world.flash.broken_read.size = 0;
    assert_int_equal(ota_orchestrator_init(&o, &same), OTA_OK);
    close_world();
}

static struct sim_image *fast_image(uint8_t minor, enum sim_behaviour behaviour)
{
    const struct sim_image_spec spec = { .version = { .major = 1, .minor = minor },
                                         .payload_size = 2000,
                                         .counter = 1,
                                         .behaviour = behaviour };
    return sim_image_signed(sim_keys_fast(), &spec);
}

static int make(void **ctx)
{
    (void)ctx;
    v1 = fast_image(0, SIM_GOOD);
    v2 = fast_image(1, SIM_GOOD);
    v3 = fast_image(2, SIM_GOOD);
    failing = fast_image(3, SIM_FAILS);
    data = sim_data_make(sim_keys_fast(), 1200, 7);
    return 0;
}

static int done(void **ctx)
{
    (void)ctx;
    sim_image_free(v1);
    sim_image_free(v2);
    sim_image_free(v3);
    sim_image_free(failing);
    sim_image_free(data);
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(flash_that_does_not_read_once),
        cmocka_unit_test(flash_that_does_not_program_once),
        cmocka_unit_test(flash_that_does_not_erase_once),
        cmocka_unit_test(crypto_that_does_not_digest_once),
        cmocka_unit_test(crypto_that_does_not_verify_once),
        cmocka_unit_test(without_random_numbers_nothing_begins),
        cmocka_unit_test(without_a_journal_that_can_be_read_nothing_begins),
    };
    return cmocka_run_group_tests(tests, make, done);
}
