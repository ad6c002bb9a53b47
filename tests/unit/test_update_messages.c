/*
 * Messages of a whole update, one by one: blocks in every order, and every prefix of every message
 * into the side that it is meant for. A prefix is refused by its name and changes nothing at all:
 * no bit of the device's context, no byte of its flash, no row of the provider's.
 */
#include "workflow_world.h"

#define ROOT "$aws/things/" SIM_THING "/"

static struct sim_image *v1;

static struct sim_image *image_of_payload(uint32_t payload_size)
{
    const struct sim_image_spec spec = { .version = { .major = 1, .minor = payload_size > 0 },
                                         .payload_size = payload_size,
                                         .counter = 1 };
    return sim_image_signed(sim_keys_fast(), &spec);
}

static int begin(void **ctx)
{
    (void)ctx;
    v1 = image_of_payload(500);
    return 0;
}

static int end(void **ctx)
{
    (void)ctx;
    sim_image_free(v1);
    return 0;
}

static void open_for(enum ota_format format, uint32_t block_size)
{
    struct sim_cfg cfg = sim_cfg_default();
    cfg.format = format;
    cfg.keys = sim_keys_fast();
    cfg.block_size = block_size;
    open_world(&cfg, v1);
}

static bool ends_with(struct ota_span text, const char *tail)
{
    const size_t len = strlen(tail);
    return text.len >= len && memcmp(text.ptr + text.len - len, tail, len) == 0;
}

static bool contains(struct ota_span text, const char *word)
{
    const size_t len = strlen(word);
    for (size_t i = 0; i + len <= text.len; i++) {
        if (memcmp(text.ptr + i, word, len) == 0) {
            return true;
        }
    }
    return false;
}

/* --- blocks in every order --------------------------------------------------------------- */

#define BLOCK_SIZE 1024u
#define BLOCKS_MAX 6u

/* The blocks of a download, caught before they arrive. */
static struct {
    uint32_t count;
    struct sim_message message[BLOCKS_MAX];
} caught;

static struct sim_fate catch_blocks(struct sim *s, const struct sim_message *m)
{
    static const struct sim_fate passes = { SIM_PASSES, 0 }, lost = { SIM_LOST, 0 };
    const struct ota_span topic = { m->topic, m->topic_len };
    (void)s;
    if (m->to != SIM_TO_DEVICE || !contains(topic, "/data/") || state() != OTA_JOURNAL_RECEIVING) {
        return passes;
    }
    assert_true(caught.count < BLOCKS_MAX);
    struct sim_message *const to = &caught.message[caught.count++];
    *to = *m;
    to->topic = t_exact(m->topic, m->topic_len);
    to->payload = t_exact(m->payload, m->payload_len);
    return lost;
}

static void arrive(uint32_t block)
{
    struct ota_effect effect;
    const struct sim_message *const m = &caught.message[block];
    world.now++;
    sim_hear(&world, SIM_TO_DEVICE, (struct ota_span){ m->topic, m->topic_len },
             (struct ota_span){ m->payload, m->payload_len });
    while (ota_orchestrator_poll(&world.device.o, world.now, &effect)) {
        assert_true(effect.kind != OTA_EFFECT_EVENT || effect.as.event.kind == OTA_EVENT_PROGRESS);
        if (state() != OTA_JOURNAL_RECEIVING) {
            return;
        }
    }
}

/* Permutation `number` of the first `count` numbers; each number below count! gives another one. */
static void permutation(uint32_t number, uint32_t count, uint32_t order[BLOCKS_MAX])
{
    uint32_t left[BLOCKS_MAX];
    for (uint32_t i = 0; i < count; i++) {
        left[i] = i;
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t n = count - i, pick = number % n;
        number /= n;
        order[i] = left[pick];
        memmove(left + pick, left + pick + 1u, (n - pick - 1u) * sizeof *left);
    }
}

static void download_in_order(const struct sim_image *image, uint32_t number)
{
    char why[32];
    uint32_t order[BLOCKS_MAX];
    const uint8_t *const slot = world.flash.bytes + world.layout.slot[OTA_SLOT_B].offset;
    permutation(number, caught.count, order);
    for (uint32_t i = 0; i < caught.count; i++) {
        (void)snprintf(why + i, sizeof why - i, "%u", order[i]);
    }
    for (uint32_t i = 0; i < caught.count; i++) {
        CHECK_ROW(why, state() == OTA_JOURNAL_RECEIVING);
        arrive(order[i]);
    }
    CHECK_ROW(why, state() == OTA_JOURNAL_VERIFYING);
    CHECK_ROW(why, memcmp(slot, image->bytes, image->size) == 0);
    CHECK_ROW(why, world.device.o.stats.refused == 0);
}

/* Download, as far as the blocks are on their way; from there in every order; the last to the end. */
static void download_in_every_order(enum ota_format format, uint32_t count)
{
    struct sim_image *image = image_of_payload((count - 1u) * BLOCK_SIZE + 300u);
    assert_int_equal((image->size - 1u) / BLOCK_SIZE + 1u, count);
    open_for(format, BLOCK_SIZE);
    memset(&caught, 0, sizeof caught);
    world.fate = catch_blocks;
    sim_deploy(&world, "j1", image);
    while (caught.count < count) {
        assert_true(sim_run(&world, world.now + 1));
    }
    uint8_t *const flash = flash_model_save(&world.flash);
    const ota_ms_t now = world.now;
    static struct sim before; /* of it, the device */
    before.device = world.device;
    uint32_t permutations = 1;
    for (uint32_t i = 2; i <= count; i++) {
        permutations *= i;
    }
    for (uint32_t i = 0; i < permutations; i++) {
        flash_model_load(&world.flash, flash);
        world.device = before.device;
        world.now = now;
        download_in_order(image, i);
    }
    settle();
    assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_SUCCEEDED);
    assert_ptr_equal(sim_running(&world), image);
    for (uint32_t i = 0; i < count; i++) {
        free(caught.message[i].topic);
        free(caught.message[i].payload);
    }
    free(flash);
    close_world();
    sim_image_free(image);
}

static void up_to_six_blocks_may_come_in_every_order(void **ctx)
{
    (void)ctx;
    for (uint32_t count = 1; count <= BLOCKS_MAX; count++) {
        download_in_every_order(OTA_FORMAT_CBOR, count);
        download_in_every_order(OTA_FORMAT_JSON, count);
    }
}

/* --- every prefix, to the device ----------------------------------------------------------- */

/* All but what counts and tells: that may change when a message is refused. */
static void forget_what_is_counted(struct ota_orchestrator *o)
{
    memset(&o->stats, 0, sizeof o->stats);
    memset(&o->jobs.stats, 0, sizeof o->jobs.stats);
    memset(&o->event, 0, sizeof o->event);
    o->event_waits = o->busy = false;
    o->now = 0;
    if (world.device.stream.stream != NULL) {
        memset(&o->u.fetch.room.stream.stats, 0, sizeof o->u.fetch.room.stream.stats);
    }
}

/* Say it to the device; then nothing has happened. @return how it was refused; OTA_OK: not at all. */
static ota_err_t device_hears_in_vain(const char *why, struct ota_span topic,
                                      struct ota_span payload)
{
    static struct ota_orchestrator before, a, b;
    struct ota_orchestrator *const o = &world.device.o;
    struct ota_stream_source source;
    const uint32_t ops = world.flash.ops;
    memcpy(&before, o, sizeof before);
    memcpy(&source, &world.device.stream, sizeof source);
    o->event_waits = false; /* so that the error is told */
    sim_hear(&world, SIM_TO_DEVICE, topic, payload);
    const ota_err_t err =
        o->stats.refused == before.stats.refused ? OTA_OK : o->event.as.event.error;
    CHECK_ROW(why, err == OTA_OK || o->event.as.event.kind == OTA_EVENT_MESSAGE_REFUSED);
    CHECK_ROW(why, world.flash.ops == ops);
    CHECK_ROW(why, memcmp(&source, &world.device.stream, sizeof source) == 0);
    memcpy(&a, &before, sizeof a);
    memcpy(&b, o, sizeof b);
    forget_what_is_counted(&a);
    forget_what_is_counted(&b);
    CHECK_ROW(why, memcmp(&a, &b, sizeof a) == 0);
    memcpy(o, &before, sizeof before);
    return err;
}

/* Blocks that nobody waits for are not even read. */
static bool is_read(struct ota_span topic)
{
    return !contains(topic, "/streams/") || state() == OTA_JOURNAL_CLAIMED ||
           state() == OTA_JOURNAL_RECEIVING;
}

static unsigned prefixes;

static void cut_for_the_device(struct ota_span topic, struct ota_span payload)
{
    const ota_err_t want = is_read(topic) ? OTA_E_TRUNCATED : OTA_OK;
    for (size_t len = 0; len < payload.len; len++, prefixes++) {
        char why[200];
        uint8_t *exact = t_exact(payload.ptr, len);
        (void)snprintf(why, sizeof why, "%u of %u bytes on %.*s", (unsigned)len,
                       (unsigned)payload.len, (int)topic.len, (const char *)topic.ptr);
        const ota_err_t err = device_hears_in_vain(why, topic, (struct ota_span){ exact, len });
        if (err != want) {
            fail_msg("%s: %s", why, ota_err_name(err));
        }
        free(exact);
    }
    for (size_t len = 0; len < topic.len; len++, prefixes++) {
        uint8_t *exact = t_exact(topic.ptr, len);
        const struct ota_span cut = { exact, len };
        if (!ends_with(cut, "/jobs/notify")) { /* which is a topic */
            (void)device_hears_in_vain("topic cut", cut, payload);
        }
        free(exact);
    }
}

/* --- every prefix, to the provider ------------------------------------------------------------ */

/* What it answers, while we listen. */
static struct {
    bool listening;
    unsigned count;
    char topic[300], payload[1000];
} answer;

static struct sim_fate overhear(struct sim *s, const struct sim_message *m)
{
    (void)s;
    if (!answer.listening || m->to != SIM_TO_DEVICE) {
        return (struct sim_fate){ SIM_PASSES, 0 };
    }
    answer.count++;
    (void)snprintf(answer.topic, sizeof answer.topic, "%.*s", (int)m->topic_len,
                   (const char *)m->topic);
    (void)snprintf(answer.payload, sizeof answer.payload, "%.*s", (int)m->payload_len,
                   (const char *)m->payload);
    return (struct sim_fate){ SIM_LOST, 0 };
}

static void provider_hears(struct ota_span topic, struct ota_span payload)
{
    memset(&answer, 0, sizeof answer);
    answer.listening = true;
    sim_hear(&world, SIM_TO_PROVIDER, topic, payload);
    answer.listening = false;
}

struct row {
    enum ota_job_status status;
    uint64_t version;
    int64_t step_deadline_s;
    char details[SIM_DETAILS_MAX];
};

static struct row row_of(const char *job)
{
    struct srv_arena arena = { 0 };
    struct srv_execution found;
    struct row row = { .version = 0 };
    if (srv_db_execution_get(world.core.db, &arena, ota_span_of_str(job), OTA_SPAN_LIT(SIM_THING),
                             0, &found)) {
        row.status = found.status;
        row.version = found.version;
        row.step_deadline_s = found.step_deadline_s;
        (void)snprintf(row.details, sizeof row.details, "%.*s", (int)found.details.len,
                       (const char *)found.details.ptr);
    }
    srv_arena_end(&arena);
    return row;
}

/* Say it to the provider; then no row has changed. */
static void provider_hears_in_vain(const char *why, struct ota_span topic, struct ota_span payload)
{
    const struct row before = row_of("j1");
    provider_hears(topic, payload);
    const struct row after = row_of("j1");
    CHECK_ROW(why, answer.count <= 1);
    CHECK_ROW(why, memcmp(&before, &after, sizeof before) == 0);
}

/* No bytes at all are an empty object, with which a request may be content. */
static const char *word_for(struct ota_span topic, size_t len)
{
    if (len > 0) {
        return ends_with(topic, "/cbor") ? "InvalidCbor" : "InvalidJson";
    }
    return ends_with(topic, "/update") || contains(topic, "/streams/") ? "InvalidRequest" : "";
}

static void cut_for_the_provider(struct ota_span topic, struct ota_span payload)
{
    for (size_t len = 0; len < payload.len; len++, prefixes++) {
        char why[1400];
        uint8_t *exact = t_exact(payload.ptr, len);
        const char *const word = word_for(topic, len);
        (void)snprintf(why, sizeof why, "%u of %u bytes on %.*s", (unsigned)len,
                       (unsigned)payload.len, (int)topic.len, (const char *)topic.ptr);
        if (*word != '\0') {
            provider_hears_in_vain(why, topic, (struct ota_span){ exact, len });
            CHECK_ROW(why, strstr(answer.topic, "/rejected") != NULL);
            CHECK_ROW(why, strstr(answer.payload, word) != NULL);
        }
        free(exact);
    }
    for (size_t len = 0; len < topic.len; len++, prefixes++) {
        uint8_t *exact = t_exact(topic.ptr, len);
        provider_hears_in_vain("topic cut", (struct ota_span){ exact, len }, payload);
        free(exact);
    }
}

/* --- the messages of an update ------------------------------------------------------------------- */

static void cut(struct sim *s, const struct sim_message *m)
{
    const struct ota_span topic = { m->topic, m->topic_len };
    const struct ota_span payload = { m->payload, m->payload_len };
    switch (m->to) {
    case SIM_TO_DEVICE: cut_for_the_device(topic, payload); break;
    case SIM_TO_PROVIDER: cut_for_the_provider(topic, payload); break;
    case SIM_FETCHED: break; /* over HTTP there are none */
    case SIM_SUBACK:
        for (size_t len = 0; len < topic.len; len++) {
            const uint8_t acked = s->device.o.sub_acked;
            uint8_t *exact = t_exact(topic.ptr, len);
            sim_hear(s, SIM_SUBACK, (struct ota_span){ exact, len }, OTA_SPAN_NONE);
            assert_int_equal(s->device.o.sub_acked, acked);
            free(exact);
        }
        break;
    }
}

static void update_behind_every_prefix(enum ota_format format)
{
    struct sim_image *image = image_of_payload(3000);
    open_for(format, 512);
    world.fate = overhear;
    world.on_arrival = cut;
    prefixes = 0;
    sim_link(&world, false); /* the first questions are cut too */
    sim_link(&world, true);
    settle();
    sim_deploy(&world, "j1", image);
    settle();
    assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_SUCCEEDED);
    assert_ptr_equal(sim_running(&world), image);
    assert_int_equal(world.boots, 2);
    assert_true(prefixes > 5000); /* else nothing was cut */
    close_world();
    sim_image_free(image);
}

static void every_message_of_an_update_comes_behind_all_its_prefixes(void **ctx)
{
    (void)ctx;
    update_behind_every_prefix(OTA_FORMAT_CBOR);
    update_behind_every_prefix(OTA_FORMAT_JSON);
}

/* --- messages that this update does not have -------------------------------------------------------- */

#define TEXT(topic, literal)                                                                       \
    {                                                                                              \
        ROOT topic,                                                                                \
        {                                                                                          \
            (const uint8_t *)(literal), sizeof(literal) - 1u                                       \
        }                                                                                          \
    }

static void open_in_mid_download(struct sim_image **image)
{
    *image = image_of_payload(8000);
    open_for(OTA_FORMAT_CBOR, 512);
    sim_deploy(&world, "j1", *image);
    run_to_received(4);
    world.fate = overhear;
}

static void close_at_the_end(struct sim_image *image)
{
    settle();
    assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_SUCCEEDED);
    close_world();
    sim_image_free(image);
}

static void prefixes_of_other_replies_are_refused(void **ctx)
{
    (void)ctx;
    static const struct {
        const char *topic;
        struct ota_span payload;
    } rows[] = {
        TEXT("jobs/get/accepted",
             "{\"timestamp\":1,\"clientToken\":\"t\",\"inProgressJobs\":[{\"jobId\":\"j1\","
             "\"versionNumber\":2}],\"queuedJobs\":[]}"),
        TEXT("jobs/start-next/accepted", "{\"timestamp\":1,\"execution\":{\"jobId\":\"j1\"}}"),
        TEXT("jobs/notify", "{\"timestamp\":1,\"jobs\":{}}"),
        TEXT("jobs/notify-next", "{\"timestamp\":1729752877}"),
        TEXT("jobs/$next/get/accepted", "{\"clientToken\":\"test\",\"timestamp\":1729752877}"),
        TEXT("jobs/$next/get/rejected", "{\"code\":\"ResourceNotFound\",\"message\":\"\\u00e4\"}"),
        TEXT("jobs/j1/update/accepted", "{\"executionState\":{\"status\":\"IN_PROGRESS\","
                                        "\"versionNumber\":2},\"timestamp\":1}"),
        TEXT(
            "jobs/j1/update/rejected",
            "{\"code\":\"VersionMismatch\",\"message\":\"Expected version 99 but found version 1\","
            "\"executionState\":{\"status\":\"QUEUED\",\"versionNumber\":1}}"),
        TEXT("jobs/j1/update/rejected", "{\"code\":\"InvalidJson\",\"timestamp\":1}"),
        TEXT("streams/j1/data/json", "{\"f\":0,\"l\":512,\"i\":2,\"p\":\"AAAA\"}"),
        TEXT("streams/j1/rejected/json",
             "{\"o\":\"ResourceNotFound\",\"m\":\"gone\",\"c\":\"rdy\"}"),
        TEXT("streams/j1/rejected/cbor", "\xbf\x61o\x70ResourceNotFound\x61mdgone\xff"),
    };
    struct sim_image *image;
    open_in_mid_download(&image);
    for (size_t i = 0; i < COUNT(rows); i++) {
        cut_for_the_device(ota_span_of_str(rows[i].topic), rows[i].payload);
    }
    close_at_the_end(image);
}

static void prefixes_of_other_requests_are_refused(void **ctx)
{
    (void)ctx;
    static const struct {
        const char *topic;
        struct ota_span payload;
    } rows[] = {
        TEXT("jobs/get", "{\"clientToken\":\"t\"}"),
        TEXT("jobs/start-next", "{\"statusDetails\":{\"a\":\"b\"},\"stepTimeoutInMinutes\":5}"),
        TEXT("jobs/j1/get",
             "{\"executionNumber\":1,\"includeJobDocument\":false,\"clientToken\":\"t\"}"),
        TEXT("jobs/j1/update",
             "{\"status\":\"SUCCEEDED\",\"statusDetails\":{\"a\":\"b\"},\"expectedVersion\":\"2\","
             "\"executionNumber\":1,\"includeJobExecutionState\":true,\"includeJobDocument\":true,"
             "\"stepTimeoutInMinutes\":-1,\"clientToken\":\"t\"}"),
        TEXT("streams/j1/get/json", "{\"s\": 1,\"f\": 0,\"l\": 512,\"o\": 2,\"n\": 1}"),
        TEXT("streams/j1/get/json", "{\"f\":0,\"l\":512,\"o\":0,\"b\":\"0x130080\",\"n\":1}"),
        TEXT("streams/j1/get/cbor", "\xa6\x61"
                                    "c\x63rdy\x61"
                                    "f\x00\x61l\x19\x02\x00\x61o\x00\x61"
                                    "b\x44MQ==\x61n\x01"),
    };
    struct sim_image *image;
    open_in_mid_download(&image);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct ota_span topic = ota_span_of_str(rows[i].topic);
        cut_for_the_provider(topic, rows[i].payload);
        if (!ends_with(topic, "/update")) { /* which would end the job */
            provider_hears(topic, rows[i].payload);
            CHECK_ROW(rows[i].topic, answer.count == 1);
            CHECK_ROW(rows[i].topic, strstr(answer.topic, "/rejected") == NULL);
        }
    }
    close_at_the_end(image);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(up_to_six_blocks_may_come_in_every_order),
        cmocka_unit_test(every_message_of_an_update_comes_behind_all_its_prefixes),
        cmocka_unit_test(prefixes_of_other_replies_are_refused),
        cmocka_unit_test(prefixes_of_other_requests_are_refused),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
