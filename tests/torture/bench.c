/*
 * The device: made by the factory, booted, run.
 */
#include "bench.h"

#include "ota/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A device that needs more turns than this for one errand has run wild; an honest one needs hundreds. */
#define TURNS_MAX 20000u
/* A hanging image is reset by the watchdog; so many resets in a row are a boot loop. */
#define BOOTS_IN_A_ROW_MAX 12u

jmp_buf bench_assert_failed;
const char *bench_assert_file;
int bench_assert_line;

_Noreturn void ota_assert_failed(const char *file, int line)
{
    bench_assert_file = file;
    bench_assert_line = line;
    longjmp(bench_assert_failed, 1);
}

void bench_must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "torture: %s\n", what);
        abort();
    }
}

void bench_violation(struct bench *b, const char *what)
{
    if (b->violation == NULL) {
        b->violation = what;
    }
}

/* --- the factory --------------------------------------------------------------------- */

/* Whole sectors, at least `size` bytes of them, from `*at`. */
static struct ota_region take(const struct ota_flash *f, uint32_t *at, uint32_t size)
{
    const uint32_t begin = *at;
    while (*at - begin < size) {
        const struct ota_region sector = ota_flash_sector(f, *at);
        bench_must(sector.size > 0, "a geometry with too little flash");
        *at += sector.size;
    }
    return (struct ota_region){ begin, *at - begin };
}

static struct ota_region take_log(const struct ota_flash *f, uint32_t *at, uint32_t half)
{
    const struct ota_region first = take(f, at, half), second = take(f, at, half);
    return (struct ota_region){ first.offset, first.size + second.size };
}

/* Logs as small as the store allows, so that they turn over often. */
static void lay_out(struct bench *b)
{
    const struct ota_flash *const f = &b->flash.base;
    struct ota_store store;
    for (uint32_t half = 1024; half <= 65536; half += 256) {
        struct ota_layout *const l = &b->layout;
        uint32_t at = 0;
        memset(l, 0, sizeof *l);
        l->trust = take_log(f, &at, half < 4096 ? half : 4096);
        l->counter = take_log(f, &at, 64);
        l->identity = take_log(f, &at, 64);
        l->journal = take_log(f, &at, half);
        l->slot[OTA_SLOT_A] = take(f, &at, b->cfg.geometry->slot_size);
        l->slot[OTA_SLOT_B] = take(f, &at, b->cfg.geometry->slot_size);
        if (ota_store_open(&store, &b->flash.base, l) == OTA_OK) {
            return;
        }
    }
    bench_must(false, "a geometry that the store refuses");
}

static void make_flash(struct bench *b)
{
    const struct bench_geometry *const g = b->cfg.geometry;
    struct flash_geometry geometry = {
        .write_size = b->cfg.write_size,
        .erased_zero = b->cfg.erased_zero,
        .sectors = g->runs[0].count,
        .sector_size = g->runs[0].sector_size,
    };
    if (g->run_count > 1) {
        geometry.runs = g->runs;
        geometry.run_count = (uint8_t)g->run_count;
    }
    flash_model_init(&b->flash, &geometry);
    lay_out(b);

    struct ota_store store;
    const struct ota_trust trust = sim_trust(b->cfg.keys);
    const struct sim_image *const first = b->image[BENCH_FACTORY];
    bench_must(ota_store_open(&store, &b->flash.base, &b->layout) == OTA_OK &&
                   ota_store_trust_write(&store, &trust) == OTA_OK &&
                   ota_store_write(&store, OTA_SLOT_A, 0,
                                   (struct ota_span){ first->bytes, first->size }) == OTA_OK &&
                   (g->unmarked || ota_store_mark_factory(&store, OTA_SLOT_A) == OTA_OK),
               "the factory cannot make this device");
    flash_model_power_on(&b->flash);
    b->seen.outside = bench_outside(b);
}

static const struct sim_image *make_image(const struct bench *b, enum bench_image which,
                                          enum sim_behaviour behaviour)
{
    const struct sim_image_spec spec = {
        .version = { .major = 1, .minor = (uint8_t)which },
        /* Not all of one length: the shorter must not be seen through the longer. */
        .payload_size = b->cfg.geometry->payload_size - 100u * (uint32_t)which,
        .counter = 1u + (uint32_t)which,
        .behaviour = behaviour,
    };
    return sim_image_signed(b->cfg.keys, &spec);
}

void bench_make(struct bench *b, const struct bench_cfg *cfg, enum sim_behaviour behaviour)
{
    memset(b, 0, sizeof *b);
    b->cfg = *cfg;
    for (enum bench_image i = BENCH_FACTORY; i < BENCH_IMAGES; i++) {
        b->image[i] = make_image(b, i, i == BENCH_UPDATE ? behaviour : SIM_GOOD);
    }
    bench_write_documents(b);
    make_flash(b);
}

void bench_free(struct bench *b)
{
    for (unsigned i = 0; i < BENCH_IMAGES; i++) {
        free(b->image[i]->bytes);
        free((void *)(uintptr_t)b->image[i]);
    }
    flash_model_free(&b->flash);
}

/* --- points in time --------------------------------------------------------------------- */

void bench_save(const struct bench *b, struct bench_point *to)
{
    if (to->bytes == NULL) {
        to->bytes = malloc(b->flash.base.size);
        to->erases = malloc(b->flash.sectors * sizeof *to->erases);
        bench_must(to->bytes != NULL && to->erases != NULL, "out of memory");
    }
    to->b = *b;
    memcpy(to->bytes, b->flash.bytes, b->flash.base.size);
    memcpy(to->erases, b->flash.erases, b->flash.sectors * sizeof *to->erases);
}

void bench_return(struct bench *b, const struct bench_point *to)
{
    *b = to->b;
    memcpy(b->flash.bytes, to->bytes, b->flash.base.size);
    memcpy(b->flash.erases, to->erases, b->flash.sectors * sizeof *to->erases);
}

void bench_point_free(struct bench_point *p)
{
    free(p->bytes);
    free(p->erases);
    p->bytes = NULL;
    p->erases = NULL;
}

/* --- boot ------------------------------------------------------------------------------ */

const struct sim_image *bench_image_in(const struct bench *b, enum ota_slot slot)
{
    const struct ota_region r = b->layout.slot[slot];
    for (unsigned i = 0; i < BENCH_IMAGES; i++) {
        const struct sim_image *const image = b->image[i];
        if (memcmp(b->flash.bytes + r.offset, image->bytes, image->size) == 0) {
            return image;
        }
    }
    return NULL;
}

static struct ota_boot_result run_bootloader(struct bench *b)
{
    struct ota_boot_result result = { .verdict = { .rule = OTA_BOOT_RECOVERY } };
    memset(&b->device, 0xa5, sizeof b->device); /* RAM after a reset is anything */
    b->device.runs = b->device.event_waits = b->device.reboot_waits = false;
    b->seen.boots++;
    if (ota_store_open(&b->device.store, &b->flash.base, &b->layout) != OTA_OK) {
        return result;
    }
    const struct ota_boot_cfg cfg = {
        .store = &b->device.store,
        .crypto = b->cfg.keys->crypto,
        .scratch = &b->device.scratch,
        .trials_max = b->cfg.geometry->trials_max,
    };
    ota_boot(&cfg, &result);
    return result;
}

/* What the image's start-up code does with flash and the handover. */
static void start_agent(struct bench *b, enum ota_reset_cause cause)
{
    if (ota_store_open(&b->device.store, &b->flash.base, &b->layout) != OTA_OK ||
        ota_store_trust(&b->device.store, &b->device.trust) != OTA_OK) {
        bench_violation(b, "the agent finds no trust record");
        return;
    }
    const struct ota_orchestrator_cfg cfg = {
        .store = &b->device.store,
        .crypto = b->cfg.keys->crypto,
        .trust = &b->device.trust,
        .root = OTA_SPAN_LIT("$aws"),
        .thing = OTA_SPAN_LIT("t"),
        .scratch = { OTA_BUF_OF(b->device.topic), OTA_BUF_OF(b->device.payload) },
        .source = ota_stream_source(&b->device.stream, NULL),
        .running = b->device.boot.verdict.slot,
        .handover = { .rule = b->device.boot.verdict.rule, .cause = cause },
        .policy = OTA_POLICY_ACCEPT,
        .format = OTA_FORMAT_CBOR,
        .block_size = b->cfg.geometry->block_size,
        .window = b->cfg.geometry->window,
        .retry_ms_min = 1000,
        .retry_ms_max = 60000,
        .self_test_ms = 16000,
    };
    if (ota_orchestrator_init(&b->device.o, &cfg) != OTA_OK) {
        bench_violation(b, "the agent does not start");
        return;
    }
    b->device.runs = true;
    ota_orchestrator_link_up(&b->device.o);
}

static void boot(struct bench *b, enum ota_reset_cause cause)
{
    b->taken = b->queued; /* what was on the wire is lost */
    for (unsigned i = 0; i < BOOTS_IN_A_ROW_MAX; i++) {
        b->device.boot = run_bootloader(b);
        if (b->flash.off) {
            return;
        }
        bench_check_boot(b);
        if (b->violation != NULL) {
            return;
        }
        const struct sim_image *const image = bench_image_in(b, b->device.boot.verdict.slot);
        if (image->behaviour != SIM_HANGS) {
            start_agent(b, cause);
            return;
        }
        cause = OTA_RESET_WATCHDOG;
    }
    bench_violation(b, "boots a hanging image again and again");
}

void bench_boot(struct bench *b)
{
    boot(b, OTA_RESET_POWER_ON);
}

/* --- run ---------------------------------------------------------------------------------- */

/* The application: activates at once, tests as its image behaves. */
static void answer_event(struct bench *b)
{
    const struct sim_image *const image = bench_image_in(b, b->device.boot.verdict.slot);
    struct ota_orchestrator *const o = &b->device.o;
    ota_err_t err = OTA_OK;
    b->device.event_waits = false;
    if (b->device.event == OTA_EVENT_ACTIVATE) {
        err = ota_orchestrator_command(o, OTA_COMMAND_ACTIVATE);
    } else if (b->device.event == OTA_EVENT_START_TEST && image != NULL) {
        err = image->behaviour == SIM_GOOD    ? ota_orchestrator_command(o, OTA_COMMAND_CONFIRM)
              : image->behaviour == SIM_FAILS ? ota_orchestrator_command(o, OTA_COMMAND_REJECT)
                                              : OTA_OK;
    }
    if (err != OTA_OK) {
        bench_violation(b, "a command that an event asks for is refused");
    }
}

static void subscribe(struct bench *b, struct ota_span filter)
{
    struct bench_message *const m = &b->queue[b->queued++ % BENCH_QUEUE];
    m->kind = BENCH_SUBACK;
    bench_must(filter.len < sizeof m->filter, "a filter that is too long");
    memcpy(m->filter, filter.ptr, filter.len);
    m->filter[filter.len] = '\0';
}

/* What the effect is to whoever waits for a stop; the deed itself comes with the next turn. */
static enum bench_stop perform(struct bench *b, const struct ota_effect *effect)
{
    switch (effect->kind) {
    case OTA_EFFECT_SUBSCRIBE: subscribe(b, effect->as.subscribe.filter); break;
    case OTA_EFFECT_UNSUBSCRIBE: break;
    case OTA_EFFECT_PUBLISH:
        bench_provide(b, effect->as.publish.topic, effect->as.publish.payload);
        break;
    case OTA_EFFECT_FETCH:
    case OTA_EFFECT_FETCH_STOP: break; /* there is a stream only */
    case OTA_EFFECT_REBOOT: b->device.reboot_waits = true; return BENCH_AT_REBOOT;
    case OTA_EFFECT_EVENT:
        b->device.event = effect->as.event.kind;
        b->device.event_waits = true;
        if (b->device.event == OTA_EVENT_ACTIVATE) {
            return BENCH_AT_ACTIVATE;
        }
        if (b->device.event == OTA_EVENT_START_TEST) {
            return BENCH_AT_TEST;
        }
        break;
    }
    return BENCH_AT_REST;
}

/* Time passes: to the next message, else to what the device waits for. */
static bool wait(struct bench *b)
{
    const ota_ms_t deadline = ota_orchestrator_deadline(&b->device.o);
    if (deadline <= b->now) {
        return true;
    }
    b->now++;
    if (bench_deliver(b)) {
        return true;
    }
    if (deadline == OTA_NEVER) {
        return false;
    }
    b->now = deadline;
    return true;
}

enum bench_stop bench_run(struct bench *b, enum bench_stop stop)
{
    for (uint32_t turn = 0; turn < TURNS_MAX; turn++) {
        if (b->flash.off) {
            return BENCH_AT_OFF;
        }
        if (b->violation != NULL || !b->device.runs) {
            return BENCH_AT_REST;
        }
        if (b->device.reboot_waits) {
            boot(b, OTA_RESET_SOFTWARE);
            continue;
        }
        if (b->device.event_waits) {
            answer_event(b);
        }
        struct ota_effect effect;
        if (ota_orchestrator_poll(&b->device.o, b->now, &effect)) {
            const enum bench_stop at = perform(b, &effect);
            if (at != BENCH_AT_REST && at == stop && !b->flash.off) {
                return stop;
            }
        } else if (!wait(b)) {
            return b->flash.off ? BENCH_AT_OFF : BENCH_AT_REST;
        }
    }
    bench_violation(b, "the device never comes to rest");
    return BENCH_AT_REST;
}

void bench_deploy(struct bench *b, uint32_t job)
{
    b->job[job] = (struct bench_job){ .deployed = true, .status = OTA_JOB_QUEUED, .version = 1 };
    if (b->device.runs) {
        bench_notify(b);
    }
}
