/*
 * Updates from deploy to report on flash as real parts have it: exact sizes, sectors of all sizes,
 * and how often a journal sector is erased.
 */
#include "flash_parts.h"
#include "workflow_world.h"

static struct sim_cfg cfg_of(const struct flash_part *part, struct flash_geometry *geometry)
{
    struct sim_cfg cfg = sim_cfg_default();
    *geometry = flash_part_geometry(part);
    cfg.geometry = geometry;
    cfg.layout = &part->layout;
    cfg.fuses = part->fuses ? 32 : 0;
    cfg.block_size = 4096;
    return cfg;
}

static const struct flash_part *part_named(const char *name)
{
    for (size_t i = 0; i < FLASH_PARTS; i++) {
        if (strncmp(flash_parts[i].name, name, strlen(name)) == 0) {
            return &flash_parts[i];
        }
    }
    fail_msg("no part is called %s", name);
    return NULL;
}

static struct sim_image *image_with(unsigned minor, uint32_t payload_size, uint32_t counter)
{
    const struct sim_image_spec spec = {
        .version = { .major = 1, .minor = (uint8_t)minor },
        .payload_size = payload_size,
        .counter = counter,
    };
    return sim_image_make(&spec);
}

/* A file of exactly this size: a signature's length differs by a byte or two from one to the next. */
static struct sim_image *image_of_size(unsigned minor, uint32_t size)
{
    uint32_t payload_size = size - 400u;
    for (unsigned tries = 0; tries < 100; tries++) {
        struct sim_image *image = image_with(minor, payload_size, 1);
        if (image->size == size) {
            return image;
        }
        payload_size += size - image->size;
        sim_image_free(image);
    }
    fail_msg("no image of %u bytes", size);
    return NULL;
}

/* --- exact sizes ------------------------------------------------------------------- */

static void check_sizes(const struct flash_part *part)
{
    struct flash_geometry geometry;
    const struct sim_cfg cfg = cfg_of(part, &geometry);
    struct sim_image *first = image_with(0, 300, 1), *last = first;
    open_world(&cfg, first);
    struct sim_image *made[4];
    for (unsigned n = 0; n < 2; n++) {
        const enum ota_slot target = n == 0 ? OTA_SLOT_B : OTA_SLOT_A;
        struct sim_image *over = made[2 * n] = image_of_size(1 + n, part->room[target] + 1);
        struct sim_image *fits = made[2 * n + 1] = image_of_size(3 + n, part->room[target]);
        const uint32_t erases = most_erases(&part->layout.slot[target]);
        CHECK_ROW(part->name, deploy(n == 0 ? "over-b" : "over-a", over) == OTA_JOB_REJECTED);
        expect_reason(n == 0 ? "over-b" : "over-a", "larger than the slot");
        CHECK_ROW(part->name, most_erases(&part->layout.slot[target]) == erases);
        CHECK_ROW(part->name, sim_running(&world) == last);
        CHECK_ROW(part->name, deploy(n == 0 ? "fits-b" : "fits-a", fits) == OTA_JOB_SUCCEEDED);
        CHECK_ROW(part->name, sim_running(&world) == fits);
        last = fits;
    }
    close_world();
    for (size_t i = 0; i < COUNT(made); i++) {
        sim_image_free(made[i]);
    }
    sim_image_free(first);
}

static void an_image_fits_to_the_byte_and_a_byte_more_erases_nothing(void **state)
{
    (void)state;
    check_sizes(part_named("STM32F767")); /* 96 KiB in front of one trailer, 256 of the other */
    check_sizes(part_named("STM32L073"));
    check_sizes(part_named("everything"));
}

/* --- sectors of all sizes ------------------------------------------------------------ */

static void a_download_goes_on_at_a_sector_of_whatever_size(void **state)
{
    (void)state;
    static const struct {
        const char *part;
        uint32_t block_size, payload_size, received; /* blocks, when the power goes */
    } rows[] = {
        { "STM32F407", 4096, 300000, 70 }, { "STM32F767", 1024, 90000, 60 },
        { "everything", 1024, 13000, 11 }, { "everything", 4096, 13000, 2 },
        { "STM32L073", 4096, 70000, 12 },  { "nRF52840", 2048, 90000, 30 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct flash_geometry geometry;
        struct sim_cfg cfg = cfg_of(part_named(rows[i].part), &geometry);
        cfg.block_size = rows[i].block_size;
        cfg.window = 2;
        struct sim_image *v1 = image_with(0, 300, 1), *v2 = image_with(1, rows[i].payload_size, 1);
        open_world(&cfg, v1);
        sim_deploy(&world, "j", v2);
        run_to_received(rows[i].received);
        const uint32_t before = world.stream_bytes;
        sim_boot(&world);
        settle();
        CHECK_ROW(rows[i].part, sim_status(&world, "j", NULL) == OTA_JOB_SUCCEEDED);
        CHECK_ROW(rows[i].part, sim_running(&world) == v2);
        /* Fetched twice: a mark interval (the largest sector, or a sector that it cuts) and a window. */
        const uint32_t largest = world.flash.base.sector_size;
        const uint32_t twice = world.stream_bytes - v2->size;
        CHECK_ROW(rows[i].part, twice <= 2 * largest + (cfg.window + 4u) * cfg.block_size);
        CHECK_ROW(rows[i].part, before > 0);
        close_world();
        sim_image_free(v1);
        sim_image_free(v2);
    }
}

/* --- the journal's wear ---------------------------------------------------------------- */

static void an_update_erases_a_journal_sector_at_most_twice(void **state)
{
    (void)state;
    for (size_t i = 0; i < FLASH_PARTS; i++) {
        const struct flash_part *part = &flash_parts[i];
        struct flash_geometry geometry;
        struct sim_cfg cfg = cfg_of(part, &geometry);
        cfg.block_size = 1024;
        cfg.window = 2;
        /* Large enough for all the marks that a download may leave. */
        const uint32_t room = part->room[part->room[0] < part->room[1] ? 0 : 1];
        const uint32_t size = room < 150u * 1024u ? room - 600u : 150u * 1024u;
        struct sim_image *images[] = { image_with(0, size, 1), image_with(1, size, 1) };
        open_world(&cfg, images[0]);
        for (unsigned n = 0; n < 6; n++) {
            char id[8];
            (void)snprintf(id, sizeof id, "j%u", n);
            const uint32_t before = most_erases(&part->layout.journal);
            sim_deploy(&world, id, images[1 - n % 2]);
            if (n >= 3) { /* and with a power cut in the download */
                run_to_received(size / cfg.block_size / 2u);
                sim_boot(&world);
            }
            settle();
            CHECK_ROW(part->name, sim_status(&world, id, NULL) == OTA_JOB_SUCCEEDED);
            CHECK_ROW(part->name, most_erases(&part->layout.journal) - before <= 2);
        }
        close_world();
        sim_image_free(images[0]);
        sim_image_free(images[1]);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_fits_to_the_byte_and_a_byte_more_erases_nothing),
        cmocka_unit_test(a_download_goes_on_at_a_sector_of_whatever_size),
        cmocka_unit_test(an_update_erases_a_journal_sector_at_most_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
