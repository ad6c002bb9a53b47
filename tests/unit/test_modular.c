/* examples/modular against the provider's domain, through real flash, bootloader and crypto, in virtual time. */
#include "modular.h"
#include "sim_peer.h"
#include "t.h"

#define HOUR_MS UINT64_C(3600000)
#define TEST_MS 60000u

struct device {
    struct peer peer;
    struct modular modular;
    uint8_t topic[OTA_TOPIC_MAX], payload[OTA_SCRATCH_PAYLOAD_MIN];
    unsigned boots, blinks;
    bool bad;                 /* the new image does not pass its self-test */
    bool hangs;               /* nor does it fail */
    unsigned updates_refused; /* of those that the device tells next */
    ota_ms_t refused_at;      /* the last of them */
    bool stop_fetching;
};
static struct device device;

/* --- the application ------------------------------------------------------------------- */

/* The second parser of the chain: a schema of the application's own, {"tiny":{"from":STREAM,"size":N,"sig":...}}. */
static const struct ota_json_field tiny_fields[] = {
    OTA_JSON_FIELD("size", OTA_JSON_REQUIRED | OTA_JSON_NUMBER, struct ota_jobdoc_file, size),
    OTA_JSON_FIELD("sig", OTA_JSON_REQUIRED | OTA_JSON_STRING, struct ota_jobdoc_file, signature),
};

static ota_err_t tiny_read(const struct ota_json *document, struct ota_jobdoc *doc)
{
    memset(doc, 0, sizeof *doc);
    ota_err_t err = ota_json_find(document, "tiny", &doc->files);
    if (err == OTA_OK) {
        err = ota_json_find(&doc->files, "from", &doc->stream);
        err = err == OTA_E_NOT_FOUND ? OTA_E_JOB_DOCUMENT : err;
    }
    return err;
}

static ota_err_t tiny_choose(struct ota_jobdoc *doc, unsigned slot, struct ota_jobdoc_file *file)
{
    (void)slot;
    memset(file, 0, sizeof *file);
    file->signature_kind = OTA_SIGNATURE_P256;
    return ota_json_bind(&doc->files, OTA_JSON_FIELDS(tiny_fields), file);
}

static const struct ota_parser tiny = { .read = tiny_read, .choose = tiny_choose };
static const struct ota_parser *const parsers[] = { &ota_parser_afr, &tiny };

/* What no parser understands: {"blink":3} is done at once. */
static ota_err_t blink(void *context, struct ota_json document)
{
    struct device *d = context;
    struct ota_json times;
    uint64_t number;
    ota_err_t err = ota_json_find(&document, "blink", &times);
    if (err == OTA_OK) {
        err = ota_json_u64(&times, &number);
    }
    if (err != OTA_OK) {
        return OTA_E_JOB_DOCUMENT;
    }
    d->blinks += (unsigned)number;
    return OTA_OK;
}

static void boot(struct device *d)
{
    const struct ota_boot_result booted = peer_boot(&d->peer);
    assert_int_not_equal(booted.verdict.rule, OTA_BOOT_RECOVERY);
    const struct modular_cfg cfg = {
        .jobs = { .root = OTA_SPAN_LIT("$aws"),
                  .thing = OTA_SPAN_LIT(SIM_THING),
                  .retry_ms_min = 1000,
                  .retry_ms_max = 60000,
                  .seed = ++d->boots },
        .stream = { .root = OTA_SPAN_LIT("$aws"),
                    .thing = OTA_SPAN_LIT(SIM_THING),
                    .block_size = 512,
                    .window = 8,
                    .format = OTA_FORMAT_CBOR,
                    .retry_ms_min = 1000,
                    .retry_ms_max = 60000,
                    .seed = 1 },
        .scratch = { OTA_BUF_OF(d->topic), OTA_BUF_OF(d->payload) },
        .installer = { &d->peer.sim.device.store, d->peer.sim.crypto, &d->peer.sim.device.trust,
                       booted.verdict.slot },
        .rule = booted.verdict.rule,
        .test_until = d->peer.sim.now + TEST_MS,
        .parsers = { parsers, COUNT(parsers) },
        .custom = blink,
        .context = d,
    };
    memset(&d->modular, 0xa5, sizeof d->modular);
    assert_int_equal(modular_init(&d->modular, &cfg), OTA_OK);
    modular_link(&d->modular, true);
}

/* What is told goes to a provider that has no wish to hear it. */
static void refuse(struct device *d, const struct ota_effect *effect)
{
    static const char name[] = "\"clientToken\":\"";
    char text[OTA_SCRATCH_PAYLOAD_MIN + 1], topic[OTA_TOPIC_MAX + 16], reply[256];
    const struct ota_span said = effect->as.publish.payload, to = effect->as.publish.topic;
    assert_in_range(said.len, 1, sizeof text - 1);
    memcpy(text, said.ptr, said.len);
    text[said.len] = '\0';
    const char *const token = strstr(text, name);
    assert_non_null(token);
    snprintf(topic, sizeof topic, "%.*s/rejected", (int)to.len, (const char *)to.ptr);
    snprintf(reply, sizeof reply, "{\"code\":\"VersionMismatch\",%s", token);
    d->updates_refused--;
    d->refused_at = d->peer.sim.now;
    modular_message(&d->modular, ota_span_of_str(topic), ota_span_of_str(reply), d->peer.sim.now);
}

static bool is_update(const struct ota_effect *effect)
{
    static const char end[] = "/update";
    const struct ota_span to = effect->as.publish.topic;
    return to.len > strlen(end) && memcmp(to.ptr + to.len - strlen(end), end, strlen(end)) == 0;
}

/* Everything that can be done at this moment. @return false once power is lost. */
static bool work(struct device *d)
{
    struct modular *const m = &d->modular;
    for (unsigned turn = 0; !d->peer.sim.flash.off; turn++) {
        struct ota_effect effect;
        assert_true(turn < 10000);
        if (m->state == MODULAR_TESTING && !d->hangs) {
            modular_tested(m, !d->bad);
        } else if (!modular_poll(m, d->peer.sim.now, &effect)) {
            if (modular_deadline(m) > d->peer.sim.now) {
                return true;
            }
        } else if (effect.kind == OTA_EFFECT_PUBLISH && d->updates_refused > 0 &&
                   is_update(&effect)) {
            refuse(d, &effect);
        } else if (effect.kind == OTA_EFFECT_PUBLISH) {
            peer_publish(&d->peer, effect.as.publish.topic, effect.as.publish.payload);
        } else {
            assert_int_equal(effect.kind, OTA_EFFECT_REBOOT);
            if (!d->peer.sim.flash.off) {
                boot(d);
            }
        }
    }
    return false;
}

static void hear(struct device *d)
{
    struct peer_message message;
    while (peer_take(&d->peer, &message)) {
        modular_message(&d->modular, (struct ota_span){ message.topic, message.topic_len },
                        (struct ota_span){ message.payload, message.payload_len }, d->peer.sim.now);
        peer_release(&message);
        if (d->stop_fetching && d->modular.state == MODULAR_FETCHING) {
            return;
        }
    }
}

/* Until nothing moves for an hour, or a download runs that the test wants to see. */
static void run(struct device *d)
{
    for (;;) {
        if (!work(d)) {
            boot(d); /* power is back */
            continue;
        }
        if (d->stop_fetching && d->modular.state == MODULAR_FETCHING) {
            return;
        }
        const ota_ms_t at = modular_deadline(&d->modular), end = d->peer.sim.now + HOUR_MS;
        if (!peer_wait(&d->peer, at < end ? at : end) && at > end) {
            return;
        }
        hear(d);
    }
}

/* --- the test's world -------------------------------------------------------------------- */

static struct sim_image *image_of(uint8_t minor, const struct sim_image_spec *like)
{
    struct sim_image_spec spec = { .payload_size = 3000, .counter = minor };
    if (like != NULL) {
        spec = *like;
        spec.payload_size = 3000;
    }
    spec.version = (struct ota_version){ .major = 1, .minor = minor };
    return sim_image_make(&spec);
}

static struct sim_image *before, *after;

static int open_device(void **state)
{
    (void)state;
    before = image_of(1, NULL);
    after = image_of(2, NULL);
    memset(&device, 0, sizeof device);
    peer_open(&device.peer, before);
    boot(&device);
    return 0;
}

static int close_device(void **state)
{
    (void)state;
    peer_close(&device.peer);
    sim_image_free(before);
    sim_image_free(after);
    return 0;
}

static void ends_as(const char *job, enum ota_job_status want, const char *reason)
{
    char details[SIM_DETAILS_MAX];
    assert_int_equal(sim_status(&device.peer.sim, job, details), want);
    if (strstr(details, reason) == NULL) {
        fail_msg("%s instead of %s", details, reason);
    }
    assert_int_equal(device.modular.state, MODULAR_IDLE);
}

static const struct sim_image *running(void)
{
    return sim_image_in(&device.peer.sim, device.peer.sim.device.boot.verdict.slot);
}

/* --- facts ---------------------------------------------------------------------------------- */

static void an_update_goes_from_deploy_to_report(void **state)
{
    (void)state;
    sim_deploy(&device.peer.sim, "up", after);
    run(&device);
    ends_as("up", OTA_JOB_SUCCEEDED, "installed");
    assert_ptr_equal(running(), after);
    struct ota_store_facts facts;
    assert_int_equal(ota_store_facts(&device.peer.sim.device.store, &facts), OTA_OK);
    assert_int_equal(facts.counter, 2); /* the way back is closed */
    assert_int_equal(device.boots, 2);
    boot(&device); /* and it stays */
    run(&device);
    assert_ptr_equal(running(), after);
    assert_int_equal(device.modular.state, MODULAR_IDLE);
}

static void an_image_that_fails_its_test_is_gone_and_told_of(void **state)
{
    (void)state;
    device.bad = true;
    sim_deploy(&device.peer.sim, "up", after);
    run(&device);
    ends_as("up", OTA_JOB_FAILED, "the image was not confirmed");
    assert_ptr_equal(running(), before);
    assert_int_equal(device.boots, 3);
}

static void a_test_that_does_not_end_is_ended(void **state)
{
    (void)state;
    device.hangs = true;
    sim_deploy(&device.peer.sim, "up", after);
    run(&device);
    ends_as("up", OTA_JOB_FAILED, "the image was not confirmed");
    assert_ptr_equal(running(), before);
    assert_in_range(device.peer.sim.now, TEST_MS, 2 * TEST_MS + 2 * HOUR_MS);
}

/* The image before has rotted, so that the bootloader starts what it would not: the job has failed all the same. */
static void what_runs_for_want_of_anything_better_has_not_succeeded(void **state)
{
    (void)state;
    const struct ota_region a = ota_store_image_region(&device.peer.sim.device.store, OTA_SLOT_A);
    device.bad = true;
    sim_deploy(&device.peer.sim, "up", after);
    device.stop_fetching = true;
    run(&device);
    device.stop_fetching = false;
    flash_model_rot(&device.peer.sim.flash, a.offset + 1000, 0);
    run(&device);
    assert_int_equal(device.peer.sim.device.boot.verdict.rule, OTA_BOOT_LAST_RESORT);
    ends_as("up", OTA_JOB_FAILED, "the image was not confirmed");
    assert_ptr_equal(running(), after);
}

static void a_provider_that_refuses_what_is_told_is_asked_ever_more_rarely(void **state)
{
    (void)state;
    const ota_ms_t begin = device.peer.sim.now;
    device.updates_refused = 10;
    sim_deploy(&device.peer.sim, "up", after);
    run(&device);
    assert_int_equal(device.updates_refused, 0);
    assert_in_range(device.refused_at - begin, 100000, HOUR_MS);
    ends_as("up", OTA_JOB_SUCCEEDED, "installed");
}

/* A signature there is, of a kind that no device takes: not to be called none. */
static void a_signature_of_another_kind_is_no_missing_signature(void **state)
{
    (void)state;
    char document[1024];
    sim_document("up", after, document, sizeof document);
    char *const kind = strstr(document, "sig-sha256-ecdsa");
    assert_non_null(kind);
    memcpy(kind, "sig-sha256-rsa\"  ", strlen("sig-sha256-ecdsa\""));
    sim_deploy_document(&device.peer.sim, "up", after, document);
    run(&device);
    ends_as("up", OTA_JOB_REJECTED, ota_err_text(OTA_E_JOB_SIGNATURE));
}

static void the_first_parser_that_understands_wins(void **state)
{
    (void)state;
    char afr[1024], document[1024];
    sim_document("up", after, afr, sizeof afr);
    const char *const sig =
        strstr(afr, "\"sig-sha256-ecdsa\":\"") + strlen("\"sig-sha256-ecdsa\":");
    snprintf(document, sizeof document, "{\"tiny\":{\"from\":\"up\",\"size\":%u,\"sig\":%.*s}}",
             after->size, (int)(strchr(sig + 1, '"') + 1 - sig), sig);
    sim_deploy_document(&device.peer.sim, "up", after, document);
    run(&device);
    ends_as("up", OTA_JOB_SUCCEEDED, "installed");
    assert_ptr_equal(running(), after);
}

static void what_no_parser_understands_is_the_applications(void **state)
{
    (void)state;
    sim_deploy_document(&device.peer.sim, "blink", NULL, "{\"blink\":3}");
    sim_deploy_document(&device.peer.sim, "sing", NULL, "{\"sing\":3}");
    sim_deploy_document(&device.peer.sim, "wrong", NULL, "{\"afr_ota\":{},\"blink\":9}");
    run(&device);
    ends_as("blink", OTA_JOB_SUCCEEDED, "taken");
    ends_as("sing", OTA_JOB_REJECTED, "job document not understood");
    ends_as("wrong", OTA_JOB_REJECTED, "job document not understood");
    assert_int_equal(device.blinks, 3);
    assert_int_equal(device.boots, 1);
}

static void what_may_not_run_is_not_activated(void **state)
{
    (void)state;
    static const struct {
        const char *job, *reason;
        struct sim_image_spec spec;
    } rows[] = {
        { "stranger",
          "image is signed with a key that is not trusted here",
          { .key = SIM_KEY_FOREIGN, .counter = 2 } },
        { "other-class",
          "image is for another device class",
          { .class_id = SIM_CLASS_OTHER, .counter = 2 } },
    };
    struct sim_image *images[COUNT(rows)];
    for (size_t i = 0; i < COUNT(rows); i++) {
        images[i] = image_of((uint8_t)(3 + i), &rows[i].spec);
        sim_deploy(&device.peer.sim, rows[i].job, images[i]);
        run(&device);
        ends_as(rows[i].job, OTA_JOB_FAILED, rows[i].reason);
    }
    assert_int_equal(device.boots, 1);
    boot(&device);
    assert_ptr_equal(running(), before);
    for (size_t i = 0; i < COUNT(rows); i++) {
        sim_image_free(images[i]);
    }
}

static void a_canceled_download_makes_room_for_the_next_job(void **state)
{
    (void)state;
    struct sim_image *other = image_of(3, NULL);
    sim_deploy(&device.peer.sim, "first", after);
    device.stop_fetching = true;
    run(&device);
    assert_int_equal(device.modular.state, MODULAR_FETCHING);
    sim_cancel(&device.peer.sim, "first");
    sim_deploy(&device.peer.sim, "second", other);
    device.stop_fetching = false;
    run(&device);
    assert_int_equal(sim_status(&device.peer.sim, "first", NULL), OTA_JOB_CANCELED);
    ends_as("second", OTA_JOB_SUCCEEDED, "installed");
    assert_ptr_equal(running(), other);
    sim_image_free(other);
}

static void lost_messages_cost_time_and_nothing_else(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 5; seed++) {
        (void)close_device(NULL);
        (void)open_device(NULL);
        device.peer.lose_permille = 300;
        device.peer.random = seed;
        sim_deploy(&device.peer.sim, "up", after);
        run(&device);
        device.peer.lose_permille = 0;
        boot(&device); /* the notice may have been lost: a device that comes up asks */
        run(&device);
        ends_as("up", OTA_JOB_SUCCEEDED, "installed");
        assert_ptr_equal(running(), after);
    }
}

/* Each run is cut once, at another operation; the job comes to its end all the same. */
static void a_power_cut_anywhere_costs_at_most_the_update(void **state)
{
    (void)state;
    uint32_t cuts = 0;
    for (uint32_t at = 1; at < 1000; at += 9) {
        (void)close_device(NULL);
        (void)open_device(NULL);
        flash_model_cut(&device.peer.sim.flash, at, FLASH_CUT_HALF);
        sim_deploy(&device.peer.sim, "up", after);
        run(&device);
        const enum ota_job_status end = sim_status(&device.peer.sim, "up", NULL);
        assert_true(end == OTA_JOB_SUCCEEDED || end == OTA_JOB_FAILED);
        assert_ptr_equal(running(), end == OTA_JOB_SUCCEEDED ? after : before);
        if (device.boots == 2) {
            break; /* the cut lies behind the end */
        }
        cuts++;
    }
    assert_in_range(cuts, 5, 100);
}

#define DEVICE_TEST(f) cmocka_unit_test_setup_teardown(f, open_device, close_device)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DEVICE_TEST(an_update_goes_from_deploy_to_report),
        DEVICE_TEST(an_image_that_fails_its_test_is_gone_and_told_of),
        DEVICE_TEST(a_test_that_does_not_end_is_ended),
        DEVICE_TEST(what_runs_for_want_of_anything_better_has_not_succeeded),
        DEVICE_TEST(a_provider_that_refuses_what_is_told_is_asked_ever_more_rarely),
        DEVICE_TEST(a_signature_of_another_kind_is_no_missing_signature),
        DEVICE_TEST(the_first_parser_that_understands_wins),
        DEVICE_TEST(what_no_parser_understands_is_the_applications),
        DEVICE_TEST(what_may_not_run_is_not_activated),
        DEVICE_TEST(a_canceled_download_makes_room_for_the_next_job),
        DEVICE_TEST(lost_messages_cost_time_and_nothing_else),
        DEVICE_TEST(a_power_cut_anywhere_costs_at_most_the_update),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
