/*
 * The cases by which AWS qualifies devices for OTA updates, each by its name, end to end: waftd with
 * its broker, waft, and devices as processes. All devices work at the same time; what can be seen
 * at the end only is looked at last.
 *
 * Jobs that are made before any device is on: those are found by asking, not by a notification.
 */
#define _GNU_SOURCE
#include "device.h"
#include "gate.h"
#include "ota/image_write.h"
#include "run.h"
#include "t.h"
#include "tmp.h"

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#define VENDOR "7d1d6fbc-6b5e-4b5a-9f0e-2c1f5f0f6a01"
#define CLASS  "b1c0a1de-0d5c-4d6b-8a51-6a2b8f5d2e02"

/* A download that is to be met in its middle takes this long; nobody waits for its end. */
#define SLOW_MS 15000u
/* An URL is no good any more when this one is at 40 %, in 10 seconds. */
#define SLOWER_MS     25000u
#define URL_EXPIRES_S "8"

static struct t_tmp tmp;
static struct t_gate gate; /* in front of the provider's HTTPS */

/* Each does what its name says, or meets what it says. */
static struct lane {
    const char *thing;
    struct t_device d;
} steady = { .thing = "steady" }, careful = { .thing = "careful" }, deaf = { .thing = "deaf" },
  crashing = { .thing = "crashing" }, resuming = { .thing = "resuming" },
  fickle = { .thing = "fickle" }, expiring = { .thing = "expiring" };
static struct lane *const lanes[] = { &steady,   &careful, &deaf,    &crashing,
                                      &resuming, &fickle,  &expiring };

/* --- programs ------------------------------------------------------------------------------- */

#define WORDS_MAX 24u

/* Several at once: none of them needs another's result. */
static struct {
    struct t_started started[24];
    size_t count;
} crew;

static void begin_waft(const char *const *words)
{
    const char *argv[WORDS_MAX] = { "waft" };
    for (size_t i = 0; words[i] != NULL; i++) {
        assert_true(i + 2u < WORDS_MAX);
        argv[i + 1u] = words[i];
    }
    assert_true(crew.count < COUNT(crew.started));
    crew.started[crew.count++] = t_start(argv);
}
#define BEGIN(...) begin_waft((const char *const[]){ __VA_ARGS__, NULL })

static void must(struct t_run run)
{
    if (run.code != 0) {
        fail_msg("exit code %d: %s%s", run.code, run.out, run.err);
    }
    t_run_end(&run);
}

static void finish_all(void)
{
    for (size_t i = 0; i < crew.count; i++) {
        must(t_finish(crew.started[i]));
    }
    crew.count = 0;
}
#define WAFT(...) must(t_waft(__VA_ARGS__))

/* --- the house -------------------------------------------------------------------------------- */

static void begin_sign(const char *out, const char *version, const char *build, const char *key,
                       const char *counter)
{
    char path[300];
    (void)snprintf(path, sizeof path, "%s/images/%s", t_run_bin_dir(), build);
    BEGIN("image", "sign", *build == '/' ? build : path, "--out", out, "--version", version,
          "--key", key, "--counter", counter, "--vendor", VENDOR, "--class", CLASS);
}

/* The image as it was, but for the signature. */
static void strip_signature(const char *from, const char *to)
{
    size_t size = 0;
    uint8_t *const bytes = (uint8_t *)t_slurp(from, &size);
    struct ota_image image;
    assert_int_equal(ota_image_header_read((struct ota_span){ bytes, size }, &image.header),
                     OTA_OK);
    const uint32_t tlvs = ota_image_tlvs_offset(&image.header);
    assert_int_equal(
        ota_image_read(&image.header, (struct ota_span){ bytes + tlvs, size - tlvs }, &image),
        OTA_OK);
    const uint32_t covered = ota_image_signed_size(&image.header);
    struct ota_writer w = ota_writer((struct ota_buf){ bytes + covered, size - covered });
    ota_image_unprotected_write(&w, image.digest, NULL, 0);
    const size_t len = covered + ota_writer_done(&w).len;
    const int fd = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    close(fd);
    free(bytes);
}

/* As `waft up` has stored it for its user. */
static uint16_t api_port(void)
{
    json_error_t why;
    char *text = t_slurp("config/waft/provider.json", NULL);
    json_t *profile = json_loads(text, 0, &why);
    const char *const url = json_string_value(json_object_get(profile, "url"));
    const int port = atoi(strrchr(url, ':') + 1);
    json_decref(profile);
    free(text);
    return (uint16_t)port;
}

static void make_keys_and_provider(void)
{
    char url[64];
    t_gate_make(&gate);
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%u", gate.port);
    BEGIN("up", "--data", "provider", "--detach", "--download-url", url, "--url-expires",
          URL_EXPIRES_S);
    BEGIN("key", "new", "release");
    BEGIN("key", "new", "deploy");
    BEGIN("key", "new", "stranger");
    BEGIN("key", "new", "other", "--type", "ed25519");
    finish_all();
    t_gate_open(&gate, api_port());
}

static void make_images_and_things(void)
{
    begin_sign("base.img", "2.0.0", "demo-2.0.0", "release", "2");
    begin_sign("greater.img", "2.1.0", "demo-2.1.0", "release", "2");
    begin_sign("later.img", "2.2.0", "demo-2.0.0", "release", "2");
    begin_sign("previous.img", "1.9.0", "demo-2.1.0", "release", "1");
    begin_sign("untrusted.img", "2.3.0", "demo-2.1.0", "stranger", "2");
    begin_sign("algorithm.img", "2.4.0", "demo-2.1.0", "other", "2");
    begin_sign("deaf.img", "2.5.0", "demo-2.2.0", "release", "2");
    begin_sign("large.img", "2.7.0", "demo-1.4.0", "release", "2");
    begin_sign("crash.img", "2.6.0", "/bin/false", "release", "2");
    for (size_t i = 0; i < COUNT(lanes); i++) {
        BEGIN("thing", "create", lanes[i]->thing);
    }
    finish_all();
    strip_signature("greater.img", "unsigned.img");
}

static void make_devices(void)
{
    json_error_t why;
    struct t_run run = t_waft("status", "-o", "json");
    json_t *status = json_loads(run.out, 0, &why);
    const char *broker = json_string_value(json_object_get(status, "broker"));
    assert_non_null(broker);
    for (size_t i = 0; i < COUNT(lanes); i++) {
        struct t_device *const d = &lanes[i]->d;
        (void)snprintf(d->broker, sizeof d->broker, "%s", broker);
        (void)snprintf(d->flash, sizeof d->flash, "%s.flash", lanes[i]->thing);
        BEGIN("factory", "base.img", "--out", d->flash, "--thing", lanes[i]->thing, "--release-key",
              "release.pub", "--deployment-key", "deploy.pub");
    }
    finish_all();
    json_decref(status);
    t_run_end(&run);
}

static void begin_deploy(const char *image, const struct lane *to, const char *job)
{
    BEGIN("deploy", image, "--to", to->thing, "--key", "deploy", "--job", job, "--unchecked");
}

static void deploy(const char *image, const struct lane *to, const char *job)
{
    begin_deploy(image, to, job);
    finish_all();
}

static void deploy_to_the_sleeping(void)
{
    begin_deploy("greater.img", &steady, "GreaterVersion");
    begin_deploy("base.img", &careful, "SameVersion");
    begin_deploy("unsigned.img", &careful, "UnsignedImage");
    begin_deploy("untrusted.img", &careful, "UntrustedCertificate");
    begin_deploy("previous.img", &careful, "PreviousVersion");
    begin_deploy("algorithm.img", &careful, "IncorrectSigningAlgorithm");
    begin_deploy("deaf.img", &deaf, "RollbackIfUnableToConnectAfterUpdate");
    begin_deploy("crash.img", &crashing, "ImageCrashed");
    BEGIN("deploy", "large.img", "--to", expiring.thing, "--key", "deploy", "--job",
          "PresignedUrlExpired", "--protocol", "http");
    finish_all();
    deploy("later.img", &steady, "BackToBackDownloads"); /* behind the first */
}

/* So slow that this image takes `ms`. */
static void start_slow_for(struct lane *lane, const char *image, unsigned ms)
{
    struct stat st;
    char pace[16];
    assert_int_equal(stat(image, &st), 0);
    (void)snprintf(pace, sizeof pace, "%u", ms * 1000u / ((unsigned)st.st_size / 1024u + 1u));
    t_device_start(&lane->d, "--us-per-kb", pace);
}

static void start_slow(struct lane *lane)
{
    start_slow_for(lane, "greater.img", SLOW_MS);
}

static void start_fast(struct lane *lane)
{
    t_device_start(&lane->d, NULL, NULL);
}

static int before_all(void **state)
{
    (void)state;
    make_keys_and_provider();
    make_images_and_things();
    make_devices();
    deploy_to_the_sleeping();
    start_fast(&steady);
    start_fast(&careful);
    start_fast(&deaf);
    start_fast(&crashing);
    start_slow(&resuming);
    start_slow(&fickle);
    start_slow_for(&expiring, "large.img", SLOWER_MS);
    return 0;
}

static int after_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lanes); i++) {
        if (lanes[i]->d.board > 0) {
            (void)t_device_end(&lanes[i]->d, SIGTERM);
        }
    }
    t_gate_shut(&gate);
    return t_code(t_waft("down", "--data", "provider"));
}

/* --- what became of a job ------------------------------------------------------------------------ */

/* Waits for its end. */
static void expect_job(const char *job, const char *status, const char *reason)
{
    json_error_t why;
    (void)t_code(t_waft("job", "watch", job, "--timeout", "60")); /* the code says how it ended */
    struct t_run run = t_waft("job", "show", job, "-o", "json");
    json_t *rows = json_loads(run.out, 0, &why), *row = json_array_get(rows, 0);
    const char *const is = json_string_value(json_object_get(row, "status"));
    const char *const said = json_string_value(json_object_get(row, "reason"));
    if (is == NULL || strcmp(is, status) != 0 ||
        (reason != NULL && (said == NULL || strstr(said, reason) == NULL))) {
        fail_msg("%s: %s, \"%s\"", job, is != NULL ? is : run.err, said != NULL ? said : "");
    }
    json_decref(rows);
    t_run_end(&run);
}

/* Off; then flash says which image the next boot would start, and that nothing is left to be done. */
static void expect_runs(struct lane *lane, const char *version)
{
    json_error_t why;
    const char *confirmed = "nothing";
    json_int_t newest = -1;
    assert_int_equal(t_device_end(&lane->d, SIGTERM), 0);
    struct t_run run = t_run((const char *const[]){ "flash-facts", lane->d.flash, NULL });
    json_t *facts = json_loads(run.out, 0, &why);
    size_t i;
    json_t *slot;
    json_array_foreach(json_object_get(facts, "slots"), i, slot)
    {
        const char *const is = json_string_value(json_object_get(slot, "class"));
        const json_int_t sequence = json_integer_value(json_object_get(slot, "sequence"));
        if (is != NULL && strcmp(is, "confirmed") == 0 && sequence > newest) {
            newest = sequence;
            confirmed = json_string_value(json_object_get(slot, "version"));
        }
    }
    assert_string_equal(confirmed, version);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(facts, "journal"), "state")), "none");
    json_decref(facts);
    t_run_end(&run);
}

static unsigned resets(const struct lane *lane)
{
    unsigned count = 0;
    for (const char *at = lane->d.log; (at = strstr(at, "board: reset")) != NULL; at++) {
        count++;
    }
    return count;
}

/* --- in the middle of a download --------------------------------------------------------------------- */

/* Its connection is gone, and does not come back before it is let in. */
static void put_out(struct lane *lane)
{
    t_device_mark(&lane->d);
    WAFT("thing", "disable", lane->thing);
    t_device_until(&lane->d, "trying again");
}

static void let_in(struct lane *lane)
{
    t_device_mark(&lane->d);
    WAFT("thing", "enable", lane->thing);
    t_device_until(&lane->d, "connected to");
}

static void restart(struct lane *lane, void (*start)(struct lane *lane))
{
    assert_int_equal(t_device_end(&lane->d, SIGTERM), 0);
    start(lane);
}

static void disconnect_resume(void **state)
{
    (void)state;
    deploy("greater.img", &resuming, "DisconnectResume");
    t_device_until(&resuming.d, "downloading: 10 %");
    put_out(&resuming);
    let_in(&resuming);
    t_device_until(&resuming.d, "downloading: "); /* goes on by itself */
    assert_null(strstr(resuming.d.log + resuming.d.mark, "downloading: 0 %"));
    assert_null(strstr(resuming.d.log + resuming.d.mark, "job accepted"));
    restart(&resuming, start_fast); /* and once more, from its journal, so that nobody waits */
    t_device_until(&resuming.d, "download goes on");
    expect_job("DisconnectResume", "SUCCEEDED", "accepted v2.1.0");
    expect_runs(&resuming, "2.1.0");
    assert_int_equal(resets(&resuming), 1);
}

static void disconnect_cancel_update(void **state)
{
    (void)state;
    deploy("greater.img", &fickle, "DisconnectCancelUpdate");
    t_device_until(&fickle.d, "downloading: 10 %");
    put_out(&fickle);
    WAFT("job", "cancel", "DisconnectCancelUpdate", "--force");
    let_in(&fickle);
    t_device_until(&fickle.d, "job canceled");
    expect_job("DisconnectCancelUpdate", "CANCELED", NULL);
    assert_int_equal(resets(&fickle), 0);
}

static void two_updates_cancel_first(void **state)
{
    (void)state;
    t_device_mark(&fickle.d);
    deploy("later.img", &fickle, "1of2Updates");
    t_device_until(&fickle.d, "downloading: 10 %");
    deploy("greater.img", &fickle, "2UpdatesCancel1st");
    t_device_mark(&fickle.d);
    WAFT("job", "cancel", "1of2Updates", "--force");
    t_device_until(&fickle.d, "job accepted"); /* the other one, at once */
    restart(&fickle, start_fast);
    expect_job("2UpdatesCancel1st", "SUCCEEDED", "accepted v2.1.0");
    expect_job("1of2Updates", "CANCELED", NULL);
    expect_runs(&fickle, "2.1.0");
    assert_int_equal(resets(&fickle), 1);
}

static void cancel_then_update(void **state)
{
    (void)state;
    start_slow(&fickle);
    deploy("later.img", &fickle, "BeforeCancelThenUpdate");
    t_device_until(&fickle.d, "downloading: 10 %");
    WAFT("job", "cancel", "BeforeCancelThenUpdate", "--force");
    t_device_until(&fickle.d, "job canceled");
    restart(&fickle, start_fast);
    deploy("later.img", &fickle, "CancelThenUpdate");
    expect_job("CancelThenUpdate", "SUCCEEDED", "accepted v2.2.0");
    expect_job("BeforeCancelThenUpdate", "CANCELED", NULL);
    expect_runs(&fickle, "2.2.0");
}

/* --- seen at the end ----------------------------------------------------------------------------------- */

static void greater_version(void **state)
{
    (void)state;
    expect_job("GreaterVersion", "SUCCEEDED", "accepted v2.1.0");
}

static void back_to_back_downloads(void **state)
{
    (void)state;
    expect_job("BackToBackDownloads", "SUCCEEDED", "accepted v2.2.0");
    expect_runs(&steady, "2.2.0");
    assert_int_equal(resets(&steady), 2);
}

static void same_version(void **state)
{
    (void)state;
    expect_job("SameVersion", "SUCCEEDED", "already installed");
}

static void unsigned_image(void **state)
{
    (void)state;
    expect_job("UnsignedImage", "REJECTED", "key that is not trusted");
}

static void untrusted_certificate(void **state)
{
    (void)state;
    expect_job("UntrustedCertificate", "REJECTED", "key that is not trusted");
}

/* A version that goes down is the operator's to want; below the security counter nobody can. */
static void previous_version(void **state)
{
    (void)state;
    expect_job("PreviousVersion", "REJECTED", "counter");
}

static void incorrect_signing_algorithm(void **state)
{
    (void)state;
    expect_job("IncorrectSigningAlgorithm", "REJECTED", "key that is not trusted");
    assert_int_equal(resets(&careful), 0); /* nor for any of those before */
    expect_runs(&careful, "2.0.0");
}

static void image_crashed(void **state)
{
    (void)state;
    expect_job("ImageCrashed", "FAILED", "did not start (fault)");
    expect_runs(&crashing, "2.0.0");
}

static void rollback_if_unable_to_connect(void **state)
{
    (void)state;
    expect_job("RollbackIfUnableToConnectAfterUpdate", "FAILED", "self-test did not end in time");
    expect_runs(&deaf, "2.0.0");
    assert_int_equal(resets(&deaf), 2);
}

/*
 * The transfer breaks off when its URL is no good any more, and MQTT does not: so what the device
 * asks with next is refused, and it has the job told again for a new one.
 */
static int break_the_transfer(void **state)
{
    (void)state;
    t_device_until(&expiring.d, "downloading: 40 %");
    assert_null(strstr(expiring.d.log, "downloading: 90 %"));
    t_gate_shut(&gate);
    t_gate_open(&gate, api_port());
    return 0;
}

static void presigned_url_expired(void **state)
{
    (void)state;
    expect_job("PresignedUrlExpired", "SUCCEEDED", "accepted v2.7.0");
    expect_runs(&expiring, "2.7.0");
    assert_null(strstr(expiring.d.log, "trying again"));
}

int main(void)
{
    static const struct CMUnitTest cases[] = {
#define CASE(name, test) { name, test, NULL, NULL, NULL }
        CASE("DisconnectResume", disconnect_resume),
        CASE("DisconnectCancelUpdate", disconnect_cancel_update),
        CASE("2UpdatesCancel1st", two_updates_cancel_first),
        { "CancelThenUpdate", cancel_then_update, break_the_transfer, NULL, NULL },
        CASE("GreaterVersion", greater_version),
        CASE("BackToBackDownloads", back_to_back_downloads),
        CASE("SameVersion", same_version),
        CASE("UnsignedImage", unsigned_image),
        CASE("UntrustedCertificate", untrusted_certificate),
        CASE("PreviousVersion", previous_version),
        CASE("IncorrectSigningAlgorithm", incorrect_signing_algorithm),
        CASE("ImageCrashed", image_crashed),
        CASE("RollbackIfUnableToConnectAfterUpdate", rollback_if_unable_to_connect),
        CASE("PresignedUrlExpired", presigned_url_expired),
#undef CASE
    };
    tmp = t_tmp_make();
    t_run_home(tmp.path);
    assert_int_equal(chdir(tmp.path), 0); /* files are named as a person would */
    const int failed = cmocka_run_group_tests(cases, before_all, after_all);
    assert_int_equal(chdir("/"), 0);
    t_tmp_remove(&tmp);
    return failed;
}
