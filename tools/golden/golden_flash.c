/*
 * Writes golden flash images: the flash of a device that the real code has brought to each state.
 *
 *     golden-flash FOLDER
 *
 * Made once for a version and kept: a later version must read them, so they are never made anew.
 */
#include "golden.h"
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sim s;
static struct sim_image *v1, *v2;

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "golden-flash: %s\n", what);
        exit(EXIT_FAILURE);
    }
}

/* --- two small parts -------------------------------------------------------------- */

static const struct golden places[] = {
    { .runs = { { 512, 40 } },
      .geometry = { .write_size = 8, .run_count = 1 },
      .layout = { .trust = { 0x0000, 0x800 },
                  .counter = { 0x0800, 0x400 },
                  .identity = { 0x0c00, 0x400 },
                  .journal = { 0x1000, 0x1000 },
                  .slot = { { 0x2000, 0x1000 }, { 0x3000, 0x1000 } } } },
    { .runs = { { 256, 10 }, { 2560, 2 }, { 1024, 3 }, { 256, 4 }, { 4096, 1 }, { 512, 1 } },
      .geometry = { .write_size = 32, .run_count = 6, .erased_zero = true },
      .layout = { .trust = { 0x0000, 0x600 },
                  .counter = { 0x0600, 0x200 },
                  .identity = { 0x0800, 0x200 },
                  .journal = { 0x0a00, 0x1400 },
                  .slot = { { 0x1e00, 0x1000 }, { 0x2e00, 0x1200 } } } },
};
static const char *const place_names[] = { "even", "uneven" };

/* --- states ---------------------------------------------------------------------------- */

static void factory(void)
{
}

static void boot(void)
{
    sim_boot(&s);
    must(sim_run(&s, OTA_NEVER), "it does not boot");
}

/* A millisecond at a time, until the workflow is there. */
static void run_to(enum ota_journal_state state, uint32_t received)
{
    s.hands_off = true;
    while (ota_orchestrator_state(&s.device.o) != state || s.device.o.received < received) {
        must(sim_run(&s, s.now + 1), "the power was lost");
    }
}

static void download(void)
{
    boot();
    sim_deploy(&s, "golden-job", v2);
    run_to(OTA_JOURNAL_RECEIVING, v2->size / s.cfg.block_size - 2u);
}

static void deploy(struct sim_image *image)
{
    boot();
    sim_deploy(&s, "golden-job", image);
    must(sim_run(&s, OTA_NEVER), "the power was lost");
}

/* Activated; the power goes at the bootloader's first mark. */
static void pending(void)
{
    boot();
    sim_deploy(&s, "golden-job", v2);
    run_to(OTA_JOURNAL_READY, 0);
    uint8_t *const ready = flash_model_save(&s.flash);
    for (uint32_t n = 1;; n++) {
        struct ota_store store;
        struct ota_store_facts facts;
        flash_model_load(&s.flash, ready);
        boot();
        flash_model_cut(&s.flash, n, FLASH_CUT_BEFORE);
        must(ota_orchestrator_command(&s.device.o, OTA_COMMAND_ACTIVATE) == OTA_OK, "not ready");
        must(!sim_run(&s, OTA_NEVER), "there is no such moment");
        flash_model_power_on(&s.flash);
        must(ota_store_open(&store, &s.flash.base, &s.layout) == OTA_OK &&
                 ota_store_facts(&store, &facts) == OTA_OK,
             "the store does not open");
        if (facts.slot[OTA_SLOT_B].magic == OTA_MARK_SET) {
            break;
        }
    }
    free(ready);
}

static void trial(void)
{
    boot();
    sim_deploy(&s, "golden-job", v2);
    run_to(OTA_JOURNAL_READY, 0);
    must(ota_orchestrator_command(&s.device.o, OTA_COMMAND_ACTIVATE) == OTA_OK, "not ready");
    run_to(OTA_JOURNAL_TESTING, 0);
}

static void confirmed(void)
{
    v2->behaviour = SIM_GOOD;
    deploy(v2);
}

static void reverted(void)
{
    v2->behaviour = SIM_FAILS;
    deploy(v2);
}

static const struct {
    const char *name;
    void (*reach)(void);
} states[] = {
    { "factory", factory }, { "mid-download", download }, { "pending", pending },
    { "trial", trial },     { "confirmed", confirmed },   { "reverted", reverted },
};

/* --- files ------------------------------------------------------------------------------- */

static void save(const char *folder, const char *place, const char *state,
                 const struct golden *where)
{
    char path[1024];
    struct golden found;
    golden_look(&s.flash, &s.layout, s.crypto, &found);
    memcpy(found.runs, where->runs, sizeof found.runs);
    found.geometry = where->geometry;
    found.layout = where->layout;
    must((size_t)snprintf(path, sizeof path, "%s/%s-%s.txt", folder, place, state) < sizeof path,
         "the folder's name is too long");
    FILE *const file = fopen(path, "w");
    must(file != NULL, "cannot write there");
    golden_write(file, &found, s.flash.bytes, s.flash.base.size);
    must(fclose(file) == 0, "cannot write there");
}

static void make(const char *folder, size_t place, size_t state)
{
    struct flash_geometry geometry = places[place].geometry;
    geometry.runs = places[place].runs;
    struct sim_cfg cfg = sim_cfg_default();
    cfg.geometry = &geometry;
    cfg.layout = &places[place].layout;
    cfg.block_size = 256;
    cfg.window = 1;
    sim_open(&s, &cfg, v1);
    struct ota_store store;
    must(ota_store_open(&store, &s.flash.base, &s.layout) == OTA_OK &&
             ota_store_identity_write(&store, OTA_SPAN_LIT("golden identity")) == OTA_OK,
         "no identity");
    states[state].reach();
    save(folder, place_names[place], states[state].name, &places[place]);
    sim_close(&s);
}

int main(int argc, char **argv)
{
    must(argc == 2, "one folder, please");
    v1 = sim_image_make(
        &(struct sim_image_spec){ .version = { .major = 1 }, .payload_size = 64, .counter = 1 });
    v2 = sim_image_make(
        &(struct sim_image_spec){ .version = { .major = 1, .minor = 1, .revision = 2, .build = 3 },
                                  .payload_size = 2000,
                                  .counter = 2 });
    for (size_t place = 0; place < sizeof places / sizeof places[0]; place++) {
        for (size_t state = 0; state < sizeof states / sizeof states[0]; state++) {
            make(argv[1], place, state);
        }
    }
    sim_image_free(v1);
    sim_image_free(v2);
    return EXIT_SUCCESS;
}
