/*
 * The device: made by the factory, booted, run. And the clock that moves it all.
 */
#include "sim_priv.h"

#include "ota/store_trust.h"

#include <stdlib.h>
#include <string.h>

/* A device that needs more turns than this without time moving has run wild. */
#define TURNS_MAX 200000u
/* A hanging image is reset by the watchdog; so many resets in a row are a boot loop. */
#define BOOTS_IN_A_ROW_MAX 8u

uint32_t sim_random(struct sim *s)
{
    s->random ^= s->random << 13;
    s->random ^= s->random >> 17;
    s->random ^= s->random << 5;
    return s->random;
}

const struct sim_keys *sim_keys_of(const struct sim *s)
{
    return s->cfg.keys != NULL ? s->cfg.keys : sim_keys_real();
}

struct ota_span sim_thing(const struct sim *s)
{
    return ota_span_of_str(s->cfg.thing != NULL ? s->cfg.thing : SIM_THING);
}

uint32_t sim_erases(const struct sim *s)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < s->flash.sectors; i++) {
        sum += s->flash.erases[i];
    }
    return sum;
}

void sim_note_erases(struct sim *s, uint32_t before)
{
    const uint32_t erases = sim_erases(s) - before;
    s->most_erases = erases > s->most_erases ? erases : s->most_erases;
}

struct sim_cfg sim_cfg_default(void)
{
    return (struct sim_cfg){
        .sector_size = 512,
        .write_size = 8,
        .slot_sectors = 24,
        .block_size = 512,
        .window = 8,
        .latency_ms = 20,
        .seed = 1,
        .trials_max = 1,
    };
}

/* --- the factory --------------------------------------------------------------------- */

static struct ota_region take(uint32_t *at, uint32_t size)
{
    const struct ota_region r = { *at, size };
    *at += size;
    return r;
}

/* Each log half holds what the store asks for; the journal's the most: a state and its marks. */
static struct ota_layout make_layout(const struct sim_cfg *cfg, uint32_t *size)
{
    const uint32_t sector = cfg->sector_size;
    const uint32_t half = (4096u + sector - 1u) / sector * sector;
    const uint32_t small = (1024u + sector - 1u) / sector * sector;
    uint32_t at = 0;
    struct ota_layout l = { .fuses = NULL };
    l.trust = take(&at, 2u * small);
    l.counter = take(&at, 2u * small);
    l.identity = take(&at, 2u * small);
    l.journal = take(&at, 2u * half);
    l.slot[OTA_SLOT_A] = take(&at, cfg->slot_sectors * sector);
    l.slot[OTA_SLOT_B] = take(&at, cfg->slot_sectors * sector);
    *size = at;
    return l;
}

/* Behind everything else. */
static void make_banks(struct sim *s, uint32_t *size)
{
    for (unsigned type = 0; type < SIM_FILE_TYPES; type++) {
        for (unsigned bank = 0; bank < 2; bank++) {
            s->banks[type][bank] = take(size, s->cfg.bank_sectors * s->cfg.sector_size);
        }
    }
}

static ota_err_t fuses_read(struct ota_counter *c, uint32_t *value)
{
    const struct sim_fuses *fuses = (const struct sim_fuses *)c;
    if (fuses->unreadable) {
        return OTA_E_FLASH;
    }
    *value = fuses->value;
    return OTA_OK;
}

static ota_err_t fuses_room(struct ota_counter *c, uint32_t *max)
{
    *max = ((const struct sim_fuses *)c)->max;
    return OTA_OK;
}

static ota_err_t fuses_raise(struct ota_counter *c, uint32_t value)
{
    struct sim_fuses *fuses = (struct sim_fuses *)c;
    sim_must(value > fuses->value && value <= fuses->max, "fuses are asked for what they cannot");
    fuses->value = fuses->stuck ? fuses->value : value;
    return OTA_OK;
}

static const struct ota_counter_ops fuses_ops = { fuses_read, fuses_room, fuses_raise };

static void make_flash(struct sim *s, const struct sim_image *first)
{
    uint32_t size;
    s->layout = make_layout(&s->cfg, &size);
    make_banks(s, &size);
    struct flash_geometry geometry = {
        .sectors = size / s->cfg.sector_size,
        .sector_size = s->cfg.sector_size,
        .write_size = s->cfg.write_size,
        .erased_zero = s->cfg.erased_zero,
    };
    if (s->cfg.geometry != NULL) {
        geometry = *s->cfg.geometry;
        s->layout = *s->cfg.layout;
    }
    s->fuses = (struct sim_fuses){ .base = { &fuses_ops }, .max = s->cfg.fuses };
    s->layout.fuses = s->cfg.fuses > 0 ? &s->fuses.base : NULL;
    flash_model_init(&s->flash, &geometry);
    s->flash.seed = s->cfg.seed;

    struct ota_store store;
    const struct ota_trust trust = sim_trust(sim_keys_of(s));
    sim_must(ota_store_open(&store, &s->flash.base, &s->layout) == OTA_OK, "layout does not fit");
    sim_must(ota_store_trust_write(&store, &trust) == OTA_OK, "factory: trust");
    sim_must(ota_store_write(&store, OTA_SLOT_A, 0,
                             (struct ota_span){ first->bytes, first->size }) == OTA_OK,
             "factory: image");
    sim_must(s->cfg.unmarked || ota_store_mark_factory(&store, OTA_SLOT_A) == OTA_OK,
             "factory: marks");
    flash_model_power_on(&s->flash); /* operations are counted from here */
}

void sim_open(struct sim *s, const struct sim_cfg *cfg, const struct sim_image *first)
{
    memset(s, 0, sizeof *s);
    s->cfg = *cfg;
    s->random = cfg->seed;
    s->crypto = sim_keys_of(s)->crypto;
    sim_keys_of(s)->seed(cfg->seed);
    s->link = true;
    make_flash(s, first);
    sim_provider_open(s);
    sim_remember(s, first);
}

void sim_close(struct sim *s)
{
    sim_wire_close(s);
    sim_provider_close(s);
    flash_model_free(&s->flash);
}

/* --- boot ------------------------------------------------------------------------------ */

const struct sim_image *sim_image_in(struct sim *s, enum ota_slot slot)
{
    const struct ota_region r = ota_store_image_region(&s->device.store, slot);
    for (size_t i = 0; i < s->artifact_count; i++) {
        const struct sim_image *image = s->artifacts[i];
        if (image->size <= r.size &&
            memcmp(s->flash.bytes + r.offset, image->bytes, image->size) == 0) {
            return image;
        }
    }
    return NULL;
}

static struct ota_boot_result run_bootloader(struct sim *s)
{
    memset(&s->device, 0xa5, sizeof s->device); /* RAM after a reset is anything */
    s->device.runs = s->device.bricked = false;
    s->boots++;
    if (ota_store_open(&s->device.store, &s->flash.base, &s->layout) != OTA_OK) {
        return (struct ota_boot_result){ .verdict = { .rule = OTA_BOOT_RECOVERY } };
    }
    struct ota_boot_result result;
    const struct ota_boot_cfg cfg = {
        .store = &s->device.store,
        .crypto = s->crypto,
        .scratch = &s->device.scratch,
        .trials_max = s->cfg.trials_max,
    };
    ota_boot(&cfg, &result);
    return result;
}

/* Handlers of data files, if there is room for any; NULL: there is not. */
static const struct ota_files *open_banks(struct sim *s)
{
    if (s->cfg.bank_sectors == 0) {
        return s->files;
    }
    for (uint8_t i = 0; i < SIM_FILE_TYPES; i++) {
        struct ota_file_banks *const b = &s->device.banks[i];
        sim_must(ota_file_banks_init(b, (uint8_t)(i + 1u), &s->flash.base, s->banks[i]) == OTA_OK,
                 "banks do not fit");
        s->device.handlers[i] = &b->base;
    }
    s->device.files = (struct ota_files){ &ota_files_engine, s->device.handlers, SIM_FILE_TYPES };
    return &s->device.files;
}

const struct sim_image *sim_file_in_use(struct sim *s, uint8_t type)
{
    struct ota_file_banks b;
    struct ota_region where;
    if (ota_file_banks_init(&b, type, &s->flash.base, s->banks[type - 1u]) != OTA_OK ||
        ota_file_banks_active(&b, &where) != OTA_OK) {
        return NULL;
    }
    for (size_t i = 0; i < s->artifact_count; i++) {
        const struct sim_image *file = s->artifacts[i];
        if (file->size == where.size &&
            memcmp(s->flash.bytes + where.offset, file->bytes, file->size) == 0) {
            return file;
        }
    }
    return NULL;
}

/* What the image's start-up code does with flash and the handover. */
static void start_agent(struct sim *s, enum ota_reset_cause cause)
{
    if (ota_store_open(&s->device.store, &s->flash.base, &s->layout) != OTA_OK ||
        ota_store_trust(&s->device.store, &s->device.trust) != OTA_OK) {
        return; /* power was lost, or the flash is broken: nothing runs */
    }
    const struct ota_orchestrator_cfg cfg = {
        .store = &s->device.store,
        .crypto = s->crypto,
        .trust = &s->device.trust,
        .root = OTA_SPAN_LIT("$aws"),
        .thing = sim_thing(s),
        .scratch = { OTA_BUF_OF(s->device.topic), OTA_BUF_OF(s->device.payload) },
        .source = sim_sources(s),
        .running = s->device.boot.verdict.slot,
        .handover = { s->device.boot.verdict.rule, cause, ota_boot_refused(&s->device.boot) },
        .policy = s->cfg.policy,
        .step_minutes = s->cfg.step_minutes,
        .parsers = s->cfg.parsers,
        .custom = s->cfg.custom,
        .announce = s->cfg.announce,
        .room = OTA_BUF_OF(s->device.room),
        .format = s->cfg.format,
        .block_size = s->cfg.block_size,
        .window = s->cfg.window,
        .retry_ms_min = 1000,
        .retry_ms_max = 60000,
        .self_test_ms = 16000,
        .files = open_banks(s),
    };
    if (ota_orchestrator_init(&s->device.o, &cfg) != OTA_OK) {
        return;
    }
    s->device.runs = true;
    if (s->link) {
        ota_orchestrator_link_up(&s->device.o);
    }
}

static void boot(struct sim *s, enum ota_reset_cause cause)
{
    sim_wire_cut(s); /* the connection did not survive */
    for (unsigned i = 0; i < BOOTS_IN_A_ROW_MAX; i++) {
        const struct ota_boot_result result = run_bootloader(s);
        s->device.boot = result;
        if (s->flash.off) {
            return; /* power was lost in the bootloader */
        }
        if (result.verdict.rule == OTA_BOOT_RECOVERY) {
            s->device.bricked = true;
            return;
        }
        const struct sim_image *image = sim_image_in(s, result.verdict.slot);
        sim_must(image != NULL,
                 "the bootloader chose bytes that are no image that was ever signed");
        if (image->behaviour != SIM_HANGS) {
            start_agent(s, cause);
            return;
        }
        cause = OTA_RESET_WATCHDOG;
    }
    s->device.bricked = true;
}

void sim_boot(struct sim *s)
{
    flash_model_power_on(&s->flash);
    boot(s, OTA_RESET_POWER_ON);
}

void sim_link(struct sim *s, bool up)
{
    s->link = up;
    sim_wire_cut(s);
    if (s->device.runs && up) {
        ota_orchestrator_link_up(&s->device.o);
    } else if (s->device.runs) {
        ota_orchestrator_link_down(&s->device.o);
    }
}

/* --- run ---------------------------------------------------------------------------------- */

/* The application: activates at once, tests as its image behaves. */
static void behave(struct sim *s, const struct ota_effect *effect)
{
    ota_err_t err = OTA_OK;
    const struct sim_image *image = sim_image_in(s, s->device.boot.verdict.slot);

    switch (effect->as.event.kind) {
    case OTA_EVENT_ACTIVATE:
        err = ota_orchestrator_command(&s->device.o, OTA_COMMAND_ACTIVATE);
        break;
    case OTA_EVENT_START_TEST:
        if (image != NULL && image->behaviour == SIM_GOOD) {
            err = ota_orchestrator_command(&s->device.o, OTA_COMMAND_CONFIRM);
        } else if (image != NULL && image->behaviour == SIM_FAILS) {
            err = ota_orchestrator_command(&s->device.o, OTA_COMMAND_REJECT);
        }
        break;
    case OTA_EVENT_OFFER:
    case OTA_EVENT_NO_JOB:
    case OTA_EVENT_CUSTOM_JOB:
    case OTA_EVENT_CLAIMED:
    case OTA_EVENT_RESUMED:
    case OTA_EVENT_PROGRESS:
    case OTA_EVENT_CONFIRMED:
    case OTA_EVENT_SELF_TEST_FAILED:
    case OTA_EVENT_FAILED:
    case OTA_EVENT_CANCELED:
    case OTA_EVENT_REPORTED:
    case OTA_EVENT_MESSAGE_REFUSED:
    case OTA_EVENT_FLASH_FAULT:
    case OTA_EVENT_FILE_COMPLETE: break;
    }
    sim_must(err == OTA_OK, "a command that an event asks for is refused");
}

static void on_event(struct sim *s, const struct ota_effect *effect)
{
    if (!s->hands_off) {
        behave(s, effect);
    }
    if (s->on_event != NULL) {
        s->on_event(s, effect);
    }
}

static void perform(struct sim *s, const struct ota_effect *effect)
{
    switch (effect->kind) {
    case OTA_EFFECT_SUBSCRIBE:
        if (s->link) {
            sim_wire_suback(s, effect->as.subscribe.filter);
        }
        break;
    case OTA_EFFECT_UNSUBSCRIBE: break;
    case OTA_EFFECT_PUBLISH:
        sim_wire_send(s, false, effect->as.publish.topic, effect->as.publish.payload);
        break;
    case OTA_EFFECT_FETCH: sim_http_fetch(s, effect); break;
    case OTA_EFFECT_FETCH_STOP: s->fetch_stops++; break;
    case OTA_EFFECT_REBOOT:
        if (s->flash.off) {
            s->device.runs = false; /* the cut came first */
        } else {
            boot(s, OTA_RESET_SOFTWARE);
        }
        break;
    case OTA_EFFECT_EVENT: on_event(s, effect); break;
    }
}

/* All that the device does at this moment. */
static void run_device(struct sim *s)
{
    for (uint32_t turn = 0; s->device.runs; turn++) {
        struct ota_effect effect;
        sim_must(turn < TURNS_MAX, "the device never comes to rest");
        const uint32_t before = sim_erases(s);
        const bool acts = ota_orchestrator_poll(&s->device.o, s->now, &effect);
        sim_note_erases(s, before);
        if (acts) {
            perform(s, &effect);
        } else if (ota_orchestrator_deadline(&s->device.o) > s->now) {
            break;
        }
        if (s->flash.off) {
            s->device.runs = false;
        }
    }
}

static ota_ms_t next_moment(const struct sim *s)
{
    ota_ms_t at = s->device.runs ? ota_orchestrator_deadline(&s->device.o) : OTA_NEVER;
    if (s->queue != NULL && s->queue->at < at) {
        at = s->queue->at;
    }
    return at;
}

bool sim_run(struct sim *s, ota_ms_t until)
{
    for (;;) {
        run_device(s);
        if (!s->device.runs) {
            return !s->flash.off && s->device.bricked;
        }
        const ota_ms_t at = next_moment(s);
        if (at == OTA_NEVER || at > until) {
            s->now = at == OTA_NEVER || until == OTA_NEVER ? s->now : until;
            return true;
        }
        s->now = at > s->now ? at : s->now;
        sim_wire_deliver(s);
        sim_provider_tick(s);
    }
}

const struct sim_image *sim_running(struct sim *s)
{
    return s->device.runs ? sim_image_in(s, s->device.boot.verdict.slot) : NULL;
}
