/*
 * One simulated device and its provider, for the workflow's tests: how to stop it where it hurts,
 * and how to look at its flash as it lies there.
 */
#ifndef WORKFLOW_WORLD_H
#define WORKFLOW_WORLD_H

#include "sim.h"
#include "t.h"

static struct sim world;

static inline bool has(struct ota_span text, const char *word)
{
    const size_t len = strlen(word);
    for (size_t i = 0; i + len <= text.len; i++) {
        if (memcmp(text.ptr + i, word, len) == 0) {
            return true;
        }
    }
    return false;
}

static inline struct sim_image *image_of(unsigned minor, unsigned counter,
                                         enum sim_behaviour behaviour)
{
    const struct sim_image_spec spec = {
        .version = { .major = 1, .minor = (uint8_t)minor },
        .payload_size = 8000,
        .counter = counter,
        .behaviour = behaviour,
    };
    return sim_image_make(&spec);
}

static inline void settle(void)
{
    assert_true(sim_run(&world, OTA_NEVER));
}

static inline void open_world(const struct sim_cfg *cfg, const struct sim_image *first)
{
    sim_open(&world, cfg, first);
    sim_boot(&world);
    settle();
}

static inline void close_world(void)
{
    assert_int_equal(flash_model_faults(&world.flash), 0);
    sim_close(&world);
}

static inline enum ota_job_status deploy(const char *id, const struct sim_image *image)
{
    sim_deploy(&world, id, image);
    settle();
    return sim_status(&world, id, NULL);
}

static inline void expect_reason(const char *id, const char *words)
{
    char details[SIM_DETAILS_MAX];
    (void)sim_status(&world, id, details);
    if (strstr(details, words) == NULL) {
        fail_msg("%s: \"%s\" is not in %s", id, words, details);
    }
}

static inline enum ota_journal_state state(void)
{
    return ota_orchestrator_state(&world.device.o);
}

/* A millisecond at a time, until the workflow is there. */
static inline void run_to(enum ota_journal_state wanted)
{
    for (unsigned i = 0; state() != wanted; i++) {
        assert_true(i < 100000 && sim_run(&world, world.now + 1));
    }
}

static inline void run_to_received(uint32_t blocks)
{
    while (state() != OTA_JOURNAL_RECEIVING || world.device.o.received < blocks) {
        assert_true(sim_run(&world, world.now + 1));
    }
}

static inline void say(enum ota_command command)
{
    assert_int_equal(ota_orchestrator_command(&world.device.o, command), OTA_OK);
}

/* None means anything: nothing is done before a restart, or its verdict is not there yet. */
static inline void expect_no_command(void)
{
    for (unsigned c = OTA_COMMAND_CHECK; c <= OTA_COMMAND_LAST; c++) {
        assert_int_equal(ota_orchestrator_command(&world.device.o, (enum ota_command)c),
                         OTA_E_STATE);
    }
}

/* Advise with this document's end that it is about `image`. */
static inline void name_image(char *document, size_t room, const struct sim_image *image)
{
    char hex[2u * OTA_DIGEST_SIZE + 1u];
    const size_t len = strlen(document) - 1u; /* the last brace comes behind ours */
    for (size_t i = 0; i < OTA_DIGEST_SIZE; i++) {
        (void)snprintf(hex + 2u * i, 3, "%02x", image->digest[i]);
    }
    (void)snprintf(document + len, room - len, ",\"waft\":{\"v\":1,\"digest\":\"%s\"}}", hex);
}

/* --- flash, as it lies there --------------------------------------------------------- */

static inline struct ota_store_facts facts(void)
{
    struct ota_store store;
    struct ota_store_facts found;
    flash_model_power_on(&world.flash);
    assert_int_equal(ota_store_open(&store, &world.flash.base, &world.layout), OTA_OK);
    assert_int_equal(ota_store_facts(&store, &found), OTA_OK);
    return found;
}

static inline enum ota_journal_state journal(void)
{
    struct ota_store store;
    struct ota_journal found = { .state = OTA_JOURNAL_NONE };
    flash_model_power_on(&world.flash);
    assert_int_equal(ota_store_open(&store, &world.flash.base, &world.layout), OTA_OK);
    const ota_err_t err = ota_journal_read(&store, &found);
    assert_true(err == OTA_OK || err == OTA_E_NOT_FOUND);
    return found.state;
}

/* As if nothing had ever been written there. */
static inline void wipe(struct ota_region r)
{
    memset(world.flash.bytes + r.offset, world.flash.base.erased, r.size);
}

static inline void rot(enum ota_slot slot)
{
    flash_model_rot(&world.flash, world.layout.slot[slot].offset + 1000u, 3);
}

/* Where a trailer's field lies when fields are 8 bytes wide; docs/spec/flash.md. */
enum trailer_field { MAGIC, IMAGE_OK, COPY_DONE, DOWNLOAD, SEQUENCE, TRIALS };

static inline uint32_t field(enum ota_slot slot, enum trailer_field which)
{
    const struct ota_region *r = &world.layout.slot[slot];
    return r->offset + r->size - 16u - 8u * which;
}

/* Erases of the most worn sector in a region. */
static inline uint32_t most_erases(const struct ota_region *region)
{
    uint32_t most = 0, index = 0;
    for (uint32_t at = 0; at < world.flash.base.size; index++) {
        const bool inside = at >= region->offset && at < region->offset + region->size;
        if (inside && world.flash.erases[index] > most) {
            most = world.flash.erases[index];
        }
        at += ota_flash_sector(&world.flash.base, at).size;
    }
    return most;
}

/* --- power ------------------------------------------------------------------------------ */

/* From `event` on, the n-th flash operation is cut. */
static struct {
    enum ota_event_kind event;
    uint32_t n;
    enum flash_cut how;
    bool armed;
} plan;

static inline void follow_plan(struct sim *s, const struct ota_effect *effect)
{
    if (plan.armed && effect->as.event.kind == plan.event) {
        plan.armed = false;
        flash_model_cut(&s->flash, plan.n, plan.how);
    }
}

static inline void plan_cut(enum ota_event_kind event, uint32_t n, enum flash_cut how)
{
    plan.event = event;
    plan.n = n;
    plan.how = how;
    plan.armed = true;
    world.on_event = follow_plan;
}

/* --- a mark in the middle of a sector --------------------------------------------------- */

/* What comes while the workflow is in this state loses its first block. */
static struct {
    enum ota_journal_state state;
    unsigned blocks;
} loss;

static inline bool lose_the_first_block(struct sim *s, enum sim_direction to, struct ota_span topic,
                                        struct ota_span payload)
{
    (void)payload;
    const bool block =
        to == SIM_TO_DEVICE && s->device.o.journal.state == loss.state && has(topic, "/data/");
    return !block || loss.blocks++ != 0;
}

/*
 * A job waits for a device with two blocks a sector and a window of three. The block that is late brings a mark to
 * lie where it has never been, in a sector; with a restart there, what is received goes back to where that begins.
 */
static inline void restart_at_a_mark_within_a_sector(enum ota_journal_state receiving)
{
    loss.state = receiving;
    loss.blocks = 0;
    world.on_wire = lose_the_first_block;
    run_to(receiving);
    while (world.device.o.journal.mark == 0) {
        assert_true(sim_run(&world, world.now + 1) && state() == receiving);
    }
    assert_int_equal(world.device.o.journal.mark % 512u, 256);
    /* The journal goes back first; if it cannot, nothing of the bytes may go. */
    uint8_t *const before = flash_model_save(&world.flash);
    world.flash.broken_write = world.layout.journal;
    sim_boot(&world);
    settle();
    assert_true(world.device.o.halted);
    expect_no_command();
    assert_memory_equal(world.flash.bytes, before, world.flash.base.size);
    free(before);
    world.flash.broken_write.size = 0;
    sim_boot(&world);
    settle();
}

#endif
