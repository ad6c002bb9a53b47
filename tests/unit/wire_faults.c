#include "wire_faults.h"

#include <stdio.h>
#include <string.h>

#define MINUTE_MS 60000u
#define BREAK_MS  50u

/* A silence is noticed after a second, which jitter makes one and a half; after two, the second time. */
#define ONE_SILENCE_MS  1600u
#define TWO_SILENCES_MS 4700u

const char *const wire_update_words[WIRE_UPDATES] = { "CBOR", "JSON", "HTTP", "two files" };

const char *const wire_fault_words[WIRE_FAULTS] = {
    "lost",         "twice",           "twice, five minutes apart",
    "late by 1 ms", "late by 45 ms",   "late by five minutes",
    "overtaken",    "the link broken",
};

static const struct sim_fate fates[WIRE_FAULTS] = {
    [WIRE_LOST] = { SIM_LOST, 0 },
    [WIRE_TWICE] = { SIM_TWICE, 0 },
    [WIRE_TWICE_MUCH_LATER] = { SIM_TWICE, 5 * MINUTE_MS },
    [WIRE_LATE] = { SIM_LATE, 1 },
    [WIRE_LATER] = { SIM_LATE, 45 },
    [WIRE_MUCH_LATER] = { SIM_LATE, 5 * MINUTE_MS },
    [WIRE_OVERTAKEN] = { SIM_OVERTAKEN, 0 },
    [WIRE_BROKEN] = { SIM_LOST, 0 },
};

static struct sim world;
static struct sim_image *v1, *v2, *data; /* `data`: of a second file */
static struct wire_plan *plan;
static struct wire_seen now;

static struct sim_fate on_fate(struct sim *s, const struct sim_message *m)
{
    static const char *const way[] = { "to the provider", "to the device", "SUBACK" };
    const unsigned index = now.messages++;
    for (unsigned i = 0; i < 2; i++) {
        if (plan->at[i].index != index) {
            continue;
        }
        (void)snprintf(plan->at[i].name, sizeof plan->at[i].name, "%s, %.*s", way[m->to],
                       (int)m->topic_len, (const char *)m->topic);
        if (plan->at[i].fault == WIRE_BROKEN) {
            sim_link(s, false); /* with all that is on its way */
        }
        return fates[plan->at[i].fault];
    }
    return (struct sim_fate){ SIM_PASSES, 0 };
}

static void on_event(struct sim *s, const struct ota_effect *effect)
{
    const enum ota_event_kind kind = effect->as.event.kind;
    now.reports += kind == OTA_EVENT_REPORTED;
    now.tests += kind == OTA_EVENT_START_TEST;
    now.claims += kind == OTA_EVENT_CLAIMED;
    if (kind == OTA_EVENT_REPORTED) {
        now.reported_at = s->now;
    }
    if (kind == OTA_EVENT_MESSAGE_REFUSED) {
        now.refusals++;
        if (effect->as.event.error != OTA_E_UNEXPECTED) {
            now.refused = effect->as.event.error;
        }
    }
}

/* A link that is gone comes back within BREAK_MS. */
static bool run_linked(ota_ms_t until)
{
    while (world.now < until && now.reports == 0) {
        const ota_ms_t next = world.now + BREAK_MS;
        if (!sim_run(&world, next)) {
            return false;
        }
        world.now = next; /* even if nothing happens in it */
        if (!world.link) {
            sim_link(&world, true);
        }
    }
    return true;
}

/* Whatever is late by minutes has come. */
static bool settle(void)
{
    bool runs = sim_run(&world, OTA_NEVER);
    while (runs && !world.link) {
        sim_link(&world, true);
        runs = sim_run(&world, OTA_NEVER);
    }
    return runs;
}

static void deploy(enum wire_update update)
{
    const struct sim_file file = { 1, data };
    switch (update) {
    case WIRE_CBOR:
    case WIRE_JSON: sim_deploy(&world, "j1", v2); break;
    case WIRE_HTTP: sim_deploy_over(&world, "j1", v2, "HTTP"); break;
    case WIRE_FILES: sim_deploy_files(&world, "j1", v2, &file, 1); break;
    case WIRE_UPDATES: break;
    }
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

/* A message that was never sent met no fault. */
static unsigned faults_met(void)
{
    unsigned count = 0;
    for (unsigned i = 0; i < 2; i++) {
        count += plan->at[i].name[0] != '\0';
    }
    return count;
}

/* What was installed, and what was told of it. */
static const char *wrong_outcome(void)
{
    if (sim_status(&world, "j1", NULL) != OTA_JOB_SUCCEEDED) {
        return "the job has not succeeded";
    }
    if (sim_running(&world) != v2 || world.boots != 2) {
        return "the new image does not run since the second boot";
    }
    if (plan->update == WIRE_FILES && sim_file_in_use(&world, 1) != data) {
        return "the second file is not in use";
    }
    if (ota_orchestrator_state(&world.device.o) != OTA_JOURNAL_NONE) {
        return "the device is not idle";
    }
    if (now.claims > 1 || now.tests != 1 || now.reports != 1) {
        return "claimed, tested or reported more than once, or not at all";
    }
    return flash_model_faults(&world.flash) == 0 ? NULL : "flash was misused";
}

/* What it cost, beside the same without a fault. */
static const char *wrong_cost(const struct wire_seen *without)
{
    static const ota_ms_t patience[] = { 0, ONE_SILENCE_MS, TWO_SILENCES_MS };
    const unsigned faults = faults_met();
    /* A window again for each, or what one request was to bring. */
    const uint32_t again =
        plan->update == WIRE_HTTP ? v2->size : world.cfg.window * world.cfg.block_size;
    if (most_slot_erases() != 1) {
        return "the slot was erased more than once";
    }
    if (now.refused != OTA_OK || now.refusals > faults) {
        return "a message was refused, and not for being late";
    }
    if (now.reported_at > without->reported_at + patience[faults]) {
        return "it took too long";
    }
    return now.bytes <= without->bytes + faults * again ? NULL : "too much was fetched again";
}

struct wire_plan wire_no_fault(enum wire_update update)
{
    return (struct wire_plan){
        .update = update,
        .at = { { .index = WIRE_MESSAGES_MAX }, { .index = WIRE_MESSAGES_MAX } },
    };
}

const char *wire_play(struct wire_plan *p, const struct wire_seen *without, struct wire_seen *seen)
{
    struct sim_cfg cfg = sim_cfg_default();
    cfg.format = p->update == WIRE_JSON ? OTA_FORMAT_JSON : OTA_FORMAT_CBOR;
    cfg.http = p->update == WIRE_HTTP ? SIM_HTTP_ONLY : SIM_NO_HTTP;
    cfg.bank_sectors = p->update == WIRE_FILES ? 8 : 0;
    cfg.keys = sim_keys_fast();
    plan = p;
    plan->at[0].name[0] = plan->at[1].name[0] = '\0';
    memset(&now, 0, sizeof now);
    sim_open(&world, &cfg, v1);
    world.fate = on_fate;
    world.on_event = on_event;
    sim_boot(&world);
    bool runs = run_linked(1000);
    deploy(p->update);
    runs = runs && run_linked(20000) && settle();
    now.bytes = world.stream_bytes + world.fetch_bytes;
    const char *wrong = runs ? wrong_outcome() : "the device is dead";
    if (wrong == NULL) {
        wrong = wrong_cost(without != NULL ? without : &now);
    }
    sim_close(&world);
    *seen = now;
    return wrong;
}

void wire_begin(void)
{
    const struct sim_image_spec spec = { .version = { .major = 1 },
                                         .payload_size = 6000,
                                         .counter = 1 };
    struct sim_image_spec next = spec;
    next.version.minor = 1;
    v1 = sim_image_signed(sim_keys_fast(), &spec);
    v2 = sim_image_signed(sim_keys_fast(), &next);
    data = sim_data_make(sim_keys_fast(), 2500, 7);
}

void wire_end(void)
{
    sim_image_free(v1);
    sim_image_free(v2);
    sim_image_free(data);
}
