/*
 * Counts what updates wear: each erase that the flash model sees while the real device code installs
 * one image after the other, from deploy to report. Prints docs/flash-wear.md.
 */
#include "flash_parts.h"
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UPDATES 10u
/* What most parts' manuals promise, in erases of a sector. */
#define ENDURANCE 10000u
/* As many marks as a download may leave, on sectors of 2 KiB. */
#define IMAGE_MAX FLASH_KIB(128)

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "flash-wear: %s\n", what);
        exit(EXIT_FAILURE);
    }
}

/* --- counting ---------------------------------------------------------------- */

/* Erases of the most worn sector of each region in UPDATES updates; of a journal sector in the worst one. */
struct wear {
    uint32_t journal, journal_in_one, image, trailer, others;
};

static uint32_t most_erases(const struct sim *s, struct ota_region region)
{
    uint32_t most = 0, index = 0;
    for (uint32_t at = 0; at < s->flash.base.size; index++) {
        const bool inside = at >= region.offset && at < region.offset + region.size;
        if (inside && s->flash.erases[index] > most) {
            most = s->flash.erases[index];
        }
        at += ota_flash_sector(&s->flash.base, at).size;
    }
    return most;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static struct sim_image *image_of(const struct flash_part *part, unsigned minor)
{
    const uint32_t room = part->room[part->room[0] < part->room[1] ? 0 : 1];
    const struct sim_image_spec spec = {
        .version = { .major = 1, .minor = (uint8_t)minor },
        .payload_size = (room < IMAGE_MAX ? room : IMAGE_MAX) - 600u,
        .counter = 1,
    };
    return sim_image_make(&spec);
}

/* The download has come half-way, and the power goes. */
static void cut_in_the_middle(struct sim *s, const struct sim_image *image)
{
    const uint32_t half = image->size / s->cfg.block_size / 2u;
    while (ota_orchestrator_state(&s->device.o) != OTA_JOURNAL_RECEIVING ||
           s->device.o.received < half) {
        must(sim_run(s, s->now + 1), "the power was lost");
    }
    sim_boot(s);
}

static void update(struct sim *s, unsigned n, const struct sim_image *image, bool cut)
{
    char id[8];
    snprintf(id, sizeof id, "u%u", n);
    sim_deploy(s, id, image);
    if (cut) {
        cut_in_the_middle(s, image);
    }
    must(sim_run(s, OTA_NEVER) && sim_status(s, id, NULL) == OTA_JOB_SUCCEEDED,
         "an update did not succeed");
}

static void sum_up(struct sim *s, struct wear *wear)
{
    wear->journal = most_erases(s, s->layout.journal);
    for (enum ota_slot slot = OTA_SLOT_A; slot <= OTA_SLOT_B; slot++) {
        const struct ota_region whole = s->layout.slot[slot];
        const struct ota_region room = ota_store_image_region(&s->device.store, slot);
        const struct ota_region trailer = { room.offset + room.size, whole.size - room.size };
        wear->image = larger(wear->image, most_erases(s, room));
        wear->trailer = larger(wear->trailer, most_erases(s, trailer));
    }
    wear->others = larger(most_erases(s, s->layout.trust), most_erases(s, s->layout.identity));
    wear->others = larger(wear->others, most_erases(s, s->layout.counter));
}

static struct wear measure(const struct flash_part *part, bool cuts)
{
    static struct sim s;
    struct wear wear = { .journal = 0 };
    const struct flash_geometry geometry = flash_part_geometry(part);
    struct sim_cfg cfg = sim_cfg_default();
    cfg.geometry = &geometry;
    cfg.layout = &part->layout;
    cfg.fuses = part->fuses ? 32 : 0;
    cfg.block_size = 2048;
    cfg.window = 2;
    struct sim_image *const images[] = { image_of(part, 0), image_of(part, 1) };
    sim_open(&s, &cfg, images[0]);
    sim_boot(&s);
    must(sim_run(&s, OTA_NEVER), "it does not boot");
    for (unsigned n = 0; n < UPDATES; n++) {
        const uint32_t before = most_erases(&s, s.layout.journal);
        update(&s, n, images[1 - n % 2], cuts);
        wear.journal_in_one =
            larger(wear.journal_in_one, most_erases(&s, s.layout.journal) - before);
    }
    sum_up(&s, &wear);
    must(flash_model_faults(&s.flash) == 0, "the flash was misused");
    sim_close(&s);
    sim_image_free(images[0]);
    sim_image_free(images[1]);
    return wear;
}

/* --- the page -------------------------------------------------------------------- */

static void row(const struct flash_part *part, bool cuts)
{
    const struct wear w = measure(part, cuts);
    const uint32_t most = larger(larger(w.journal, w.image), larger(w.trailer, w.others));
    printf("| %s | %u | %u | %u | %u | %u | %u |\n", part->name, w.journal, w.journal_in_one,
           w.image, w.trailer, w.others, ENDURANCE * UPDATES / most);
}

static void table(bool cuts)
{
    printf("| part | journal | of these in one update | image | trailer | trust, identity, counter "
           "| updates that %u erases bear |\n"
           "|---|---:|---:|---:|---:|---:|---:|\n",
           ENDURANCE);
    for (size_t i = 0; i < FLASH_PARTS; i++) {
        row(&flash_parts[i], cuts);
    }
}

int main(void)
{
    printf(
        "# What updates wear\n\n"
        "Made by `tools/flash-wear --write`; a test compares. Counted, not estimated: the real "
        "device code installs %u\nimages of up to %u KiB, one after the other, on a model of "
        "the part's flash; the numbers are erases of the most worn\nsector of each region in all "
        "%u updates. The parts and their layouts are in `tests/support/flash_parts.h`.\n\n"
        "Each slot is the target of every other update, and each of its sectors is erased once "
        "for it, so the slots set the limit:\ntwice as many updates as the part bears erases. "
        "The journal is shared by all updates: a record a state and at most 64\nmarks a "
        "download, in two halves that take turns. Trust, identity and counter are written at the "
        "factory, by a keyset and\nby an image with a higher counter: not here.\n\n",
        UPDATES, IMAGE_MAX / 1024u, UPDATES);
    printf("## Downloads without a cut\n\n");
    table(false);
    printf("\n## The power lost once in each download\n\n"
           "Begun again at the last mark: what was written behind it is erased once more, a sector "
           "or two.\n\n");
    table(true);
    return EXIT_SUCCESS;
}
