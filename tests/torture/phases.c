/*
 * The tables: geometries, phases; and how a case is written down.
 */
#include "torture.h"

#include <stdio.h>
#include <string.h>

/* A name, runs of sectors, then what differs from most. */
#define EVEN(name_, size_, count_) .name = name_, .runs = { { size_, count_ } }, .run_count = 1

const struct bench_geometry torture_geometries[] = {
    { EVEN("512", 512, 60), .slot_size = 6144, .payload_size = 4300, .block_size = 512, .window = 8,
      .trials_max = 1 },
    { EVEN("1024, 2 trials", 1024, 40), .slot_size = 8192, .payload_size = 5000, .block_size = 1024,
      .window = 4, .trials_max = 2 },
    { EVEN("4096", 4096, 20), .slot_size = 12288, .payload_size = 7000, .block_size = 1024,
      .window = 8, .trials_max = 1 },
    { .name = "3 runs: 512, 2048, 8192",
      .runs = { { 512, 16 }, { 2048, 10 }, { 8192, 4 } },
      .run_count = 3,
      .slot_size = 12288,
      .payload_size = 5000,
      .block_size = 512,
      .window = 8,
      .trials_max = 1 },
    { EVEN("128", 128, 230), .slot_size = 5632, .payload_size = 4200, .block_size = 256,
      .window = 8, .trials_max = 1 },
    { EVEN("256, 3 trials", 256, 120), .slot_size = 5632, .payload_size = 4200, .block_size = 512,
      .window = 2, .trials_max = 3 },
    { EVEN("1024, unmarked by the factory", 1024, 40), .slot_size = 8192, .payload_size = 5000,
      .block_size = 512, .window = 8, .trials_max = 1, .unmarked = true },
    { EVEN("2048", 2048, 40), .slot_size = 8192, .payload_size = 4600, .block_size = 512,
      .window = 8, .trials_max = 1 },
    { EVEN("2048, long image", 2048, 40), .slot_size = 18432, .payload_size = 15000,
      .block_size = 2048, .window = 3, .trials_max = 1 },
    { EVEN("8192, one for the image", 8192, 14), .slot_size = 16384, .payload_size = 7700,
      .block_size = 2048, .window = 4, .trials_max = 2 },
    { EVEN("16384, one for the image", 16384, 14), .slot_size = 32768, .payload_size = 15800,
      .block_size = 4096, .window = 4, .trials_max = 1 },
    { EVEN("4096, one block at a time", 4096, 20), .slot_size = 12288, .payload_size = 7000,
      .block_size = 4096, .window = 1, .trials_max = 1 },
    { .name = "2 runs: 1024, 16384",
      .runs = { { 1024, 16 }, { 16384, 6 } },
      .run_count = 2,
      .slot_size = 32768,
      .payload_size = 9000,
      .block_size = 1024,
      .window = 8,
      .trials_max = 1 },
    { .name = "3 runs: small, large, small",
      .runs = { { 1024, 12 }, { 4096, 6 }, { 512, 20 } },
      .run_count = 3,
      .slot_size = 9000,
      .payload_size = 4200,
      .block_size = 512,
      .window = 8,
      .trials_max = 2 },
};
const uint32_t torture_geometry_count = sizeof torture_geometries / sizeof torture_geometries[0];

/* clang-format off */
const struct torture_phase torture_phases[] = {
    { .name = "download",    .from = BENCH_AT_REST,     .to = BENCH_AT_ACTIVATE },
    { .name = "pending",     .from = BENCH_AT_ACTIVATE, .to = BENCH_AT_REBOOT, .pairs = true },
    { .name = "boot",        .from = BENCH_AT_REBOOT,   .to = BENCH_AT_TEST,   .pairs = true },
    { .name = "confirm",     .from = BENCH_AT_TEST,     .to = BENCH_AT_REST,   .pairs = true },
    { .name = "revert",      .from = BENCH_AT_TEST,     .to = BENCH_AT_REST,   .pairs = true, .behaviour = SIM_FAILS },
    { .name = "hang",        .from = BENCH_AT_REBOOT,   .to = BENCH_AT_REST,   .pairs = true, .behaviour = SIM_HANGS },
    { .name = "keyset",      .keyset = true },
    { .name = "turn-over 1", .from = BENCH_AT_REST,     .to = BENCH_AT_REST,   .room = 1 },
    { .name = "turn-over 3", .from = BENCH_AT_REST,     .to = BENCH_AT_REST,   .room = 3 },
    { .name = "turn-over 6", .from = BENCH_AT_REST,     .to = BENCH_AT_REST,   .room = 6 },
};
/* clang-format on */
const uint32_t torture_phase_count = sizeof torture_phases / sizeof torture_phases[0];

/* geometry/write size/erased/phase/noise then /op.unit.kind of each cut; unit "-": by kind. */
void torture_write_case(const struct torture_case *c, char *text, size_t room)
{
    int len =
        snprintf(text, room, "%u/%u/%02x/%u/%u", (unsigned)c->geometry, (unsigned)c->write_size,
                 c->erased_zero ? 0x00u : 0xffu, (unsigned)c->phase, (unsigned)c->noise);
    for (uint32_t i = 0; i < c->cut_count && len > 0 && (size_t)len < room; i++) {
        const struct torture_cut *const cut = &c->cut[i];
        char unit[12] = "-";
        if (cut->unit != UINT32_MAX) {
            (void)snprintf(unit, sizeof unit, "%u", (unsigned)cut->unit);
        }
        len += snprintf(text + len, room - (size_t)len, "/%u.%s.%u", (unsigned)cut->op, unit,
                        (unsigned)cut->how);
    }
}

bool torture_read_case(const char *text, struct torture_case *c)
{
    unsigned geometry, write_size, erased, phase, noise;
    int used = 0;
    memset(c, 0, sizeof *c);
    if (sscanf(text, "%u/%u/%x/%u/%u%n", &geometry, &write_size, &erased, &phase, &noise, &used) !=
            5 ||
        geometry >= torture_geometry_count || phase >= torture_phase_count) {
        return false;
    }
    c->geometry = geometry;
    c->write_size = write_size;
    c->erased_zero = erased == 0;
    c->phase = phase;
    c->noise = noise;
    for (const char *at = text + used; *at == '/'; at += used) {
        unsigned op, how;
        char unit[12];
        if (c->cut_count == TORTURE_CUTS_MAX ||
            sscanf(at, "/%u.%11[-0-9].%u%n", &op, unit, &how, &used) != 3) {
            return false;
        }
        struct torture_cut *const cut = &c->cut[c->cut_count++];
        cut->op = op;
        cut->unit = UINT32_MAX;
        cut->how = (enum flash_cut)how;
        if (unit[0] != '-' && sscanf(unit, "%u", &op) == 1) {
            cut->unit = op;
        }
    }
    return true;
}
