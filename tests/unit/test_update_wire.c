/*
 * One update over a wire on which one thing goes wrong: each single message, subscriptions and
 * notifications included, is lost, doubled, late by milliseconds or minutes, or overtaken by the
 * next one, or takes the link with it. Each time the update ends well by itself, is installed
 * once, reported once, and nothing is refused but for being late.
 */
#include "workflow_world.h"

static struct sim_image *v1, *v2, *data; /* `data`: of a second file */

/* What kind of update. */
enum kind { CBOR, JSON, HTTP, FILES };
static const char *const kind_words[] = { "CBOR", "JSON", "HTTP", "two files" };

#define MINUTE_MS    60000u
#define MESSAGES_MAX 200u
#define BREAK_MS     50u

/* What goes wrong, with which message. */
static struct {
    unsigned index, seen;
    struct sim_fate fate;
    bool breaks;    /* the whole link, with all that is on its way */
    char name[160]; /* of that message */
} plan_of_wire;

/* What became of it. */
static struct {
    ota_ms_t reported_at;
    unsigned reports, tests, claims, refusals;
    ota_err_t refused; /* the last error that is not OTA_E_UNEXPECTED */
} seen;

static struct sim_fate on_fate(struct sim *s, const struct sim_message *m)
{
    static const char *const way[] = { "to the provider", "to the device", "SUBACK" };
    if (plan_of_wire.seen++ != plan_of_wire.index) {
        return (struct sim_fate){ SIM_PASSES, 0 };
    }
    (void)snprintf(plan_of_wire.name, sizeof plan_of_wire.name, "%s, %.*s", way[m->to],
                   (int)m->topic_len, (const char *)m->topic);
    if (plan_of_wire.breaks) {
        sim_link(s, false);
    }
    return plan_of_wire.fate;
}

static void on_event(struct sim *s, const struct ota_effect *effect)
{
    const enum ota_event_kind kind = effect->as.event.kind;
    seen.reports += kind == OTA_EVENT_REPORTED;
    seen.tests += kind == OTA_EVENT_START_TEST;
    seen.claims += kind == OTA_EVENT_CLAIMED;
    if (kind == OTA_EVENT_REPORTED) {
        seen.reported_at = s->now;
    }
    if (kind == OTA_EVENT_MESSAGE_REFUSED) {
        seen.refusals++;
        if (effect->as.event.error != OTA_E_UNEXPECTED) {
            seen.refused = effect->as.event.error;
        }
    }
}

/* A link that is gone comes back within BREAK_MS. */
static void run_linked(ota_ms_t until)
{
    while (world.now < until && seen.reports == 0) {
        const ota_ms_t next = world.now + BREAK_MS;
        assert_true(sim_run(&world, next));
        world.now = next; /* even if nothing happens in it */
        if (!world.link) {
            sim_link(&world, true);
        }
    }
}

static void deploy_kind(enum kind kind)
{
    const struct sim_file file = { 1, data };
    switch (kind) {
    case CBOR:
    case JSON: sim_deploy(&world, "j1", v2); break;
    case HTTP: sim_deploy_over(&world, "j1", v2, "HTTP"); break;
    case FILES: sim_deploy_files(&world, "j1", v2, &file, 1); break;
    }
}

/* From power-on to rest, with `fate` for message `index`. The provider's job comes at one second. */
static void run_update(enum kind kind, unsigned index, struct sim_fate fate)
{
    struct sim_cfg cfg = sim_cfg_default();
    cfg.format = kind == JSON ? OTA_FORMAT_JSON : OTA_FORMAT_CBOR;
    cfg.http = kind == HTTP ? SIM_HTTP_ONLY : SIM_NO_HTTP;
    cfg.bank_sectors = kind == FILES ? 8 : 0;
    cfg.keys = sim_keys_fast();
    memset(&seen, 0, sizeof seen);
    plan_of_wire.seen = 0;
    plan_of_wire.index = index;
    plan_of_wire.fate = fate;
    sim_open(&world, &cfg, v1);
    world.fate = on_fate;
    world.on_event = on_event;
    sim_boot(&world);
    run_linked(1000);
    deploy_kind(kind);
    run_linked(10000);
    settle();
}

static uint32_t most_slot_erases(void)
{
    const struct ota_region *r = &world.layout.slot[OTA_SLOT_B];
    uint32_t most = 0;
    for (uint32_t i = 0; i < r->size / world.cfg.sector_size; i++) {
        const uint32_t n = world.flash.erases[r->offset / world.cfg.sector_size + i];
        most = n > most ? n : most;
    }
    return most;
}

/* The update without a fault: what one fault is measured by. */
struct measure {
    unsigned messages;
    ota_ms_t reported_at;
    uint32_t bytes; /* of blocks and bodies */
};

static struct measure measure(enum kind kind)
{
    run_update(kind, MESSAGES_MAX, (struct sim_fate){ SIM_PASSES, 0 });
    const struct measure m = { plan_of_wire.seen, seen.reported_at,
                               world.stream_bytes + world.fetch_bytes };
    assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_SUCCEEDED);
    assert_int_equal(seen.refusals, 0);
    assert_in_range(m.messages, 30, MESSAGES_MAX - 1);
    close_world();
    return m;
}

static void check_end(const char *where, enum kind kind, const struct measure *without)
{
    CHECK_ROW(where, sim_status(&world, "j1", NULL) == OTA_JOB_SUCCEEDED);
    CHECK_ROW(where, sim_running(&world) == v2);
    CHECK_ROW(where, state() == OTA_JOURNAL_NONE);
    CHECK_ROW(where, seen.claims <= 1 && seen.tests == 1 && seen.reports == 1);
    CHECK_ROW(where, world.boots == 2);
    CHECK_ROW(where, most_slot_erases() == 1);
    CHECK_ROW(where, seen.refused == OTA_OK && seen.refusals <= 1);
    /* One silence of a second, of which jitter makes one and a half; and no more than a window, or
     * what one request was to bring, again. */
    const uint32_t again = kind == HTTP ? v2->size : world.cfg.window * world.cfg.block_size;
    CHECK_ROW(where, seen.reported_at <= without->reported_at + 1600u);
    CHECK_ROW(where, world.stream_bytes + world.fetch_bytes <= without->bytes + again);
    CHECK_ROW(where, kind != FILES || sim_file_in_use(&world, 1) == data);
}

static void each_message(enum kind kind, const char *word, struct sim_fate fate)
{
    const struct measure without = measure(kind);
    for (unsigned i = 0; i < without.messages; i++) {
        char where[240];
        run_update(kind, i, fate);
        (void)snprintf(where, sizeof where, "%s %s by %u ms: message %u, %s", kind_words[kind],
                       word, (unsigned)fate.late, i, plan_of_wire.name);
        check_end(where, kind, &without);
        close_world();
    }
}

static int begin(void **ctx)
{
    (void)ctx;
    const struct sim_image_spec spec = { .version = { .major = 1 },
                                         .payload_size = 6000,
                                         .counter = 1 };
    struct sim_image_spec next = spec;
    next.version.minor = 1;
    v1 = sim_image_signed(sim_keys_fast(), &spec);
    v2 = sim_image_signed(sim_keys_fast(), &next);
    data = sim_data_make(sim_keys_fast(), 2500, 7);
    return 0;
}

static int end(void **ctx)
{
    (void)ctx;
    sim_image_free(v1);
    sim_image_free(v2);
    sim_image_free(data);
    return 0;
}

static void any_one_message_may_be_lost(void **ctx)
{
    (void)ctx;
    each_message(CBOR, "lost", (struct sim_fate){ SIM_LOST, 0 });
    each_message(JSON, "lost", (struct sim_fate){ SIM_LOST, 0 });
    each_message(HTTP, "lost", (struct sim_fate){ SIM_LOST, 0 });
    each_message(FILES, "lost", (struct sim_fate){ SIM_LOST, 0 });
}

static void any_one_message_may_come_twice(void **ctx)
{
    (void)ctx;
    static const ota_ms_t apart[] = { 0, 5 * MINUTE_MS };
    for (size_t i = 0; i < COUNT(apart); i++) {
        each_message(CBOR, "doubled", (struct sim_fate){ SIM_TWICE, apart[i] });
    }
}

static void any_one_message_may_be_late(void **ctx)
{
    (void)ctx;
    static const ota_ms_t late[] = { 1, 45, 5 * MINUTE_MS };
    for (size_t i = 0; i < COUNT(late); i++) {
        each_message(CBOR, "late", (struct sim_fate){ SIM_LATE, late[i] });
    }
    each_message(HTTP, "late", (struct sim_fate){ SIM_LATE, 5 * MINUTE_MS });
    each_message(FILES, "late", (struct sim_fate){ SIM_LATE, 5 * MINUTE_MS });
}

static void any_one_message_may_be_overtaken_by_the_next(void **ctx)
{
    (void)ctx;
    each_message(CBOR, "overtaken", (struct sim_fate){ SIM_OVERTAKEN, 0 });
}

static void the_link_may_break_at_any_message(void **ctx)
{
    (void)ctx;
    plan_of_wire.breaks = true;
    each_message(CBOR, "link broken", (struct sim_fate){ SIM_LOST, 0 });
    each_message(HTTP, "link broken", (struct sim_fate){ SIM_LOST, 0 });
    each_message(FILES, "link broken", (struct sim_fate){ SIM_LOST, 0 });
    plan_of_wire.breaks = false;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_one_message_may_be_lost),
        cmocka_unit_test(any_one_message_may_come_twice),
        cmocka_unit_test(any_one_message_may_be_late),
        cmocka_unit_test(any_one_message_may_be_overtaken_by_the_next),
        cmocka_unit_test(the_link_may_break_at_any_message),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
