/*
 * The store's whole life on flash as real parts have it: three updates with a power cut in each
 * download, and every log turned over. Nothing is programmed twice, misaligned or outside.
 */
#include "flash_parts.h"
#include "ota/store_trust.h"
#include "t.h"
#include "t_mark.h"

enum { BLOCK = 1024, CUT_AFTER = 3 };

/* A counter port that burns steps. */
struct fuses {
    struct ota_counter base;
    uint32_t value, max;
};

static ota_err_t fuses_read(struct ota_counter *c, uint32_t *value)
{
    *value = ((const struct fuses *)c)->value;
    return OTA_OK;
}

static ota_err_t fuses_room(struct ota_counter *c, uint32_t *max)
{
    *max = ((const struct fuses *)c)->max;
    return OTA_OK;
}

static ota_err_t fuses_raise(struct ota_counter *c, uint32_t value)
{
    ((struct fuses *)c)->value = value;
    return OTA_OK;
}

static const struct ota_counter_ops fuses_ops = { fuses_read, fuses_room, fuses_raise };

struct device {
    const struct flash_part *part;
    struct flash_model m;
    struct ota_layout layout;
    struct fuses fuses;
    struct ota_store s;
};

/* Everything in RAM forgotten, as after a reset. */
static void restart(struct device *d)
{
    flash_model_power_on(&d->m);
    memset(&d->s, 0xa5, sizeof d->s);
    CHECK_ROW(d->part->name, ota_store_open(&d->s, &d->m.base, &d->layout) == OTA_OK);
}

static void make(struct device *d, const struct flash_part *part)
{
    *d = (struct device){ .part = part, .fuses = { { &fuses_ops }, 0, 32 } };
    const struct flash_geometry geometry = flash_part_geometry(part);
    flash_model_init(&d->m, &geometry);
    d->layout = part->layout;
    d->layout.fuses = part->fuses ? &d->fuses.base : NULL;
    restart(d);
}

static void drop(struct device *d)
{
    CHECK_ROW(d->part->name, flash_model_faults(&d->m) == 0);
    flash_model_free(&d->m);
}

/* Byte `at` of the n-th image. */
static uint8_t image_byte(uint32_t n, uint32_t at)
{
    return (uint8_t)(n * 37u + at * 7u + (at >> 8));
}

static ota_err_t put_block(struct device *d, enum ota_slot slot, uint32_t n, uint32_t at)
{
    uint8_t block[BLOCK];
    const uint32_t left = d->part->room[slot] - at;
    const uint32_t len = left < BLOCK ? left : BLOCK;
    for (uint32_t i = 0; i < len; i++) {
        block[i] = image_byte(n, at + i);
    }
    return ota_store_write(&d->s, slot, at, (struct ota_span){ block, len });
}

static bool holds_image(const struct device *d, enum ota_slot slot, uint32_t n)
{
    const uint8_t *bytes = d->m.bytes + d->layout.slot[slot].offset;
    for (uint32_t i = 0; i < d->part->room[slot]; i++) {
        if (bytes[i] != image_byte(n, i)) {
            return false;
        }
    }
    return true;
}

static enum ota_slot_class class_of(struct device *d, enum ota_slot slot)
{
    struct ota_store_facts facts;
    CHECK_ROW(d->part->name, ota_store_facts(&d->s, &facts) == OTA_OK);
    return ota_slot_classify(&facts.slot[slot], true);
}

/* --- exact limits ---------------------------------------------------------------- */

static void an_image_has_exactly_the_sectors_before_the_trailers(void **state)
{
    (void)state;
    for (size_t i = 0; i < FLASH_PARTS; i++) {
        struct device d;
        make(&d, &flash_parts[i]);
        for (enum ota_slot slot = OTA_SLOT_A; slot <= OTA_SLOT_B; slot++) {
            const struct ota_region room = ota_store_image_region(&d.s, slot);
            CHECK_ROW(d.part->name, room.offset == d.layout.slot[slot].offset);
            CHECK_ROW(d.part->name, room.size == d.part->room[slot]);
            const uint32_t unit = d.m.base.write_size, last = room.size - unit, ops = d.m.ops;
            const uint8_t bytes[OTA_FLASH_WRITE_SIZE_MAX + 1] = { 0 };
            const struct ota_span fits = { bytes, unit }, over = { bytes, unit + 1 };
            CHECK_ROW(d.part->name, ota_store_write(&d.s, slot, last, over) == OTA_E_IMAGE_SIZE);
            CHECK_ROW(d.part->name, d.m.ops == ops);
            CHECK_ROW(d.part->name, ota_store_write(&d.s, slot, last, fits) == OTA_OK);
        }
        drop(&d);
    }
}

static void regions_begin_and_end_with_a_sector(void **state)
{
    (void)state;
    for (size_t i = 0; i < FLASH_PARTS; i++) {
        const struct flash_part *part = &flash_parts[i];
        const struct ota_region *const all[] = {
            &part->layout.slot[OTA_SLOT_A], &part->layout.slot[OTA_SLOT_B],
            &part->layout.journal,          &part->layout.trust,
            &part->layout.identity,
        };
        for (size_t k = 0; k < COUNT(all); k++) {
            struct device d;
            make(&d, part);
            const size_t at = (size_t)((const uint8_t *)all[k] - (const uint8_t *)&part->layout);
            struct ota_region *const r = (struct ota_region *)(void *)((uint8_t *)&d.layout + at);
            /* A region of the smallest steps that no sector has. */
            static const int32_t steps[][2] = { { 32, 0 }, { 0, -32 }, { 32, -32 }, { -32, 32 } };
            for (size_t n = 0; n < COUNT(steps); n++) {
                *r = *all[k];
                r->offset += (uint32_t)steps[n][0];
                r->size += (uint32_t)steps[n][1];
                CHECK_ROW(part->name, ota_store_open(&d.s, &d.m.base, &d.layout) == OTA_E_RANGE);
            }
            drop(&d);
        }
    }
}

static void runs_that_are_not_the_flash_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        struct ota_flash_run runs[OTA_FLASH_RUNS_MAX + 1];
        uint8_t run_count;
        uint32_t sector_size;
        ota_err_t want;
    } rows[] = {
        { "as one run", { { 0x1000, 16 } }, 1, 0x1000, OTA_OK },
        { "as two", { { 0x800, 16 }, { 0x1000, 8 } }, 2, 0x1000, OTA_OK },
        { "as eight",
          { { 0x1000, 2 },
            { 0x1000, 2 },
            { 0x1000, 2 },
            { 0x1000, 2 },
            { 0x1000, 2 },
            { 0x1000, 2 },
            { 0x1000, 2 },
            { 0x1000, 2 } },
          8,
          0x1000,
          OTA_OK },
        { "one run too many",
          { { 0x1000, 2 },
            { 0x1000, 2 },
            { 0x1000, 2 },
            { 0x1000, 2 },
            { 0x1000, 2 },
            { 0x1000, 2 },
            { 0x1000, 2 },
            { 0x1000, 1 },
            { 0x1000, 1 } },
          9,
          0x1000,
          OTA_E_RANGE },
        { "a sector short", { { 0x1000, 15 } }, 1, 0x1000, OTA_E_RANGE },
        { "a sector over", { { 0x1000, 17 } }, 1, 0x1000, OTA_E_RANGE },
        { "product wraps", { { 0x1000, 0x100010 } }, 1, 0x1000, OTA_E_RANGE },
        { "largest is another", { { 0x800, 16 }, { 0x1000, 8 } }, 2, 0x800, OTA_E_RANGE },
        { "largest is none", { { 0x800, 32 } }, 1, 0x1000, OTA_E_RANGE },
        { "no sector size", { { 0, 16 }, { 0x1000, 16 } }, 2, 0x1000, OTA_E_RANGE },
        { "sectors of half a piece", { { 32, 0x80 }, { 0x1000, 15 } }, 2, 0x1000, OTA_E_RANGE },
        { "sectors of odd sizes", { { 96, 0x80 }, { 0x1000, 13 } }, 2, 0x1000, OTA_E_RANGE },
    };
    static const struct ota_layout layout = {
        .slot = { { 0x8000, 0x4000 }, { 0xc000, 0x4000 } },
        .journal = { 0, 0x2000 },
        .counter = { 0x2000, 0x2000 },
        .trust = { 0x4000, 0x2000 },
        .identity = { 0x6000, 0x2000 },
    };
    struct flash_model m;
    flash_model_init(
        &m, &(struct flash_geometry){ .sectors = 16, .sector_size = 0x1000, .write_size = 8 });
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_store s;
        m.base.runs = rows[i].runs;
        m.base.run_count = rows[i].run_count;
        m.base.sector_size = rows[i].sector_size;
        CHECK_ROW(rows[i].why, ota_store_open(&s, &m.base, &layout) == rows[i].want);
    }
    assert_int_equal(m.ops, 0);
    flash_model_free(&m);
}

static void parts_that_end_inside_a_larger_sector_are_refused(void **state)
{
    (void)state;
    /* Sectors of 64 bytes up to 0x2000, then of 4 KiB. */
    static const struct ota_flash_run runs[] = { { 64, 128 }, { 4096, 8 } };
    static const struct ota_layout good = {
        .counter = { 0x0000, 0x0200 },
        .identity = { 0x0200, 0x0200 },
        .trust = { 0x0400, 0x0600 },
        .journal = { 0x0a00, 0x1200 },
        .slot = { { 0x2000, 0x2000 }, { 0x4000, 0x2000 } },
    };
    static const struct {
        const char *why;
        size_t region;
        struct ota_region value;
        ota_err_t want;
    } rows[] = {
#define AT(member) offsetof(struct ota_layout, member)
        { "as it is", AT(journal), { 0x0a00, 0x1200 }, OTA_OK },
        { "log whose second half ends in a sector", AT(counter), { 0x1e00, 0x0400 }, OTA_E_RANGE },
        { "log whose first half ends in a sector", AT(counter), { 0x1f80, 0x1080 }, OTA_E_RANGE },
        { "slot of the smallest sectors", AT(slot[0]), { 0x1d00, 0x0300 }, OTA_OK },
        { "slot that is one sector more than its trailer",
          AT(slot[0]),
          { 0x1d00, 0x00c0 },
          OTA_OK },
        { "slot that is all trailer", AT(slot[0]), { 0x1d00, 0x0080 }, OTA_E_RANGE },
        { "slot that is less than its trailer", AT(slot[0]), { 0x1d00, 0x0040 }, OTA_E_RANGE },
        { "slot that ends in a sector", AT(slot[0]), { 0x1f00, 0x0800 }, OTA_E_RANGE },
#undef AT
    };
    struct flash_model m;
    flash_model_init(
        &m, &(struct flash_geometry){ .runs = runs, .run_count = COUNT(runs), .write_size = 8 });
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_store s;
        struct ota_layout layout = good;
        memcpy((uint8_t *)&layout + rows[i].region, &rows[i].value, sizeof rows[i].value);
        CHECK_ROW(rows[i].why, ota_store_open(&s, &m.base, &layout) == rows[i].want);
    }
    flash_model_free(&m);
}

static void a_sector_is_found_by_any_of_its_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < FLASH_PARTS; i++) {
        struct device d;
        make(&d, &flash_parts[i]);
        uint32_t at = 0;
        for (uint32_t run = 0; run < d.part->run_count; run++) {
            const uint32_t size = d.part->runs[run].sector_size;
            for (uint32_t n = 0; n < d.part->runs[run].count; n++, at += size) {
                const uint32_t inside[] = { at, at + 1, at + size / 2, at + size - 1 };
                for (size_t k = 0; k < COUNT(inside); k++) {
                    const struct ota_region got = ota_flash_sector(&d.m.base, inside[k]);
                    CHECK_ROW(d.part->name, got.offset == at && got.size == size);
                }
                CHECK_ROW(d.part->name, ota_flash_erase(&d.m.base, at + size / 2) == OTA_E_RANGE);
            }
        }
        CHECK_ROW(d.part->name, at == d.m.base.size);
        static const uint32_t outside[] = { 0, 1, 0x1000 };
        for (size_t k = 0; k < COUNT(outside); k++) {
            CHECK_ROW(d.part->name, ota_flash_sector(&d.m.base, at + outside[k]).size == 0);
            CHECK_ROW(d.part->name, ota_flash_erase(&d.m.base, at + outside[k]) == OTA_E_RANGE);
        }
        CHECK_ROW(d.part->name, ota_flash_sector(&d.m.base, UINT32_MAX).size == 0);
        drop(&d);
    }
}

/* --- a whole life ---------------------------------------------------------------------- */

static void factory(struct device *d)
{
    const char *why = d->part->name;
    for (uint32_t at = 0; at < d->part->room[OTA_SLOT_A]; at += BLOCK) {
        CHECK_ROW(why, put_block(d, OTA_SLOT_A, 0, at) == OTA_OK);
    }
    CHECK_ROW(why, ota_store_mark_factory(&d->s, OTA_SLOT_A) == OTA_OK);
    CHECK_ROW(why, ota_store_identity_write(&d->s, OTA_SPAN_LIT("who I am")) == OTA_OK);
    CHECK_ROW(why, ota_store_trust_write(&d->s, &(struct ota_trust){ .hw_revision = 7 }) == OTA_OK);
}

static void journal(struct device *d, enum ota_journal_state state, enum ota_slot slot)
{
    const struct ota_journal j = { .state = state, .slot = slot, .file_size = d->part->room[slot] };
    CHECK_ROW(d->part->name, ota_journal_write(&d->s, &j) == OTA_OK);
}

static void erase_all(struct device *d, enum ota_slot slot)
{
    const struct ota_region whole = d->layout.slot[slot];
    for (uint32_t at = 0, before = 0; at < whole.size; before = at) {
        const struct ota_region sector = ota_flash_sector(&d->m.base, whole.offset + at);
        CHECK_ROW(d->part->name, ota_store_erase_step(&d->s, slot, &at) == OTA_OK);
        CHECK_ROW(d->part->name, at == before + sector.size);
    }
}

/* Blocks from `at`, and marks as the workflow sets them; false: the power went. */
static bool receive(struct device *d, enum ota_slot slot, uint32_t n, uint32_t at)
{
    const uint32_t interval = ota_journal_mark_interval(&d->s, d->part->room[slot]);
    for (uint32_t marked = at; at < d->part->room[slot]; at += BLOCK) {
        if (at - marked >= interval) {
            marked = at;
            if (t_mark(&d->s, at) != OTA_OK) {
                return false;
            }
        }
        if (put_block(d, slot, n, at) != OTA_OK) {
            return false;
        }
    }
    return true;
}

/* Where the journal says that it can go on; what lies behind is made blank. */
static uint32_t resume(struct device *d, enum ota_slot slot)
{
    struct ota_journal j;
    restart(d);
    CHECK_ROW(d->part->name, ota_journal_read(&d->s, &j) == OTA_OK);
    CHECK_ROW(d->part->name, j.state == OTA_JOURNAL_RECEIVING && j.slot == slot);
    const uint32_t begin = d->layout.slot[slot].offset;
    uint32_t at = j.mark, sector;
    while ((sector = ota_flash_sector(&d->m.base, begin + at).offset - begin) != at) {
        at = sector - sector % BLOCK;
    }
    for (uint32_t clean = at; clean < d->part->room[slot];) {
        CHECK_ROW(d->part->name, ota_store_clean_step(&d->s, slot, &clean) == OTA_OK);
    }
    return at;
}

static void update(struct device *d, enum ota_slot slot, uint32_t n)
{
    const char *why = d->part->name;
    journal(d, OTA_JOURNAL_CLAIMED, slot);
    erase_all(d, slot);
    journal(d, OTA_JOURNAL_RECEIVING, slot);
    CHECK_ROW(why, ota_store_mark_download(&d->s, slot) == OTA_OK);
    const uint32_t blocks = (d->part->room[slot] - 1) / BLOCK + 1;
    flash_model_cut(&d->m, n == 1 ? CUT_AFTER : blocks * n / 4, FLASH_CUT_NOISE);
    CHECK_ROW(why, !receive(d, slot, n, 0));
    CHECK_ROW(why, receive(d, slot, n, resume(d, slot)));
    CHECK_ROW(why, holds_image(d, slot, n));
    CHECK_ROW(why, class_of(d, slot) == OTA_SLOT_INCOMPLETE);

    journal(d, OTA_JOURNAL_ACTIVATING, slot);
    const struct ota_region where = ota_store_image_region(&d->s, slot);
    const struct ota_verified_image image = { .where = where,
                                              .image.counter = n,
                                              .proof = OTA_PROOF_ALL + where.offset };
    CHECK_ROW(why, ota_store_activate(&d->s, &image) == OTA_OK);
    CHECK_ROW(why, class_of(d, slot) == OTA_SLOT_UNTRIED);
    restart(d);
    CHECK_ROW(why, ota_store_trial(&d->s, slot) == OTA_OK);
    CHECK_ROW(why, class_of(d, slot) == OTA_SLOT_TRIED);
    restart(d);
    CHECK_ROW(why, ota_store_settle(&d->s, slot, OTA_SLOT_CONFIRMED) == OTA_OK);
    CHECK_ROW(why, ota_store_confirm(&d->s, slot) == OTA_OK);
    CHECK_ROW(why, ota_store_counter_raise(&d->s, n) == OTA_OK);
    journal(d, OTA_JOURNAL_NONE, slot);
    restart(d);
    CHECK_ROW(why, class_of(d, slot) == OTA_SLOT_CONFIRMED && holds_image(d, slot, n));
}

/* Was each sector of the log erased since the factory? */
static bool turned_over(const struct device *d, const struct ota_region *log)
{
    uint32_t index = 0;
    for (uint32_t at = 0; at < d->m.base.size; index++) {
        const struct ota_region sector = ota_flash_sector(&d->m.base, at);
        const bool inside = at >= log->offset && at < log->offset + log->size;
        if (inside && d->m.erases[index] == 0) {
            return false;
        }
        at += sector.size;
    }
    return true;
}

static void every_log_turns_over(struct device *d)
{
    const char *why = d->part->name;
    uint8_t identity[50], room[50];
    struct ota_span got;
    for (uint8_t n = 1; !turned_over(d, &d->layout.identity); n++) {
        memset(identity, n, sizeof identity);
        CHECK_ROW(why, ota_store_identity_write(&d->s, OTA_SPAN_OF(identity)) == OTA_OK);
    }
    struct ota_trust trust = { .hw_revision = 1 };
    for (; !turned_over(d, &d->layout.trust); trust.hw_revision++) {
        CHECK_ROW(why, ota_store_trust_write(&d->s, &trust) == OTA_OK);
    }
    uint32_t counter = 3;
    while (!d->part->fuses && !turned_over(d, &d->layout.counter)) {
        CHECK_ROW(why, ota_store_counter_raise(&d->s, ++counter) == OTA_OK);
    }
    struct ota_journal j = { .job_id_len = 0 };
    while (!turned_over(d, &d->layout.journal)) {
        j.job_id[j.job_id_len++ % OTA_JOB_ID_MAX] = 'x';
        j.job_id_len %= OTA_JOB_ID_MAX;
        CHECK_ROW(why, ota_journal_write(&d->s, &j) == OTA_OK);
    }
    restart(d);
    struct ota_trust trusted;
    struct ota_journal journaled;
    struct ota_store_facts facts;
    CHECK_ROW(why, ota_store_identity(&d->s, OTA_BUF_OF(room), &got) == OTA_OK);
    CHECK_ROW(why, ota_span_eq(got, OTA_SPAN_OF(identity)));
    CHECK_ROW(why, ota_store_trust(&d->s, &trusted) == OTA_OK);
    CHECK_ROW(why, trusted.hw_revision + 1 == trust.hw_revision);
    CHECK_ROW(why, ota_store_facts(&d->s, &facts) == OTA_OK && facts.counter == counter);
    CHECK_ROW(why, ota_journal_read(&d->s, &journaled) == OTA_OK);
    CHECK_ROW(why, journaled.job_id_len == j.job_id_len);
}

static void an_update_lives_through_cuts_on_every_part(void **state)
{
    (void)state;
    for (size_t i = 0; i < FLASH_PARTS; i++) {
        struct device d;
        make(&d, &flash_parts[i]);
        factory(&d);
        for (uint32_t n = 1; n <= 3; n++) {
            const enum ota_slot slot = n % 2 == 1 ? OTA_SLOT_B : OTA_SLOT_A;
            update(&d, slot, n);
            CHECK_ROW(d.part->name, holds_image(&d, ota_slot_other(slot), n - 1));
            CHECK_ROW(d.part->name, class_of(&d, ota_slot_other(slot)) == OTA_SLOT_CONFIRMED);
        }
        struct ota_store_facts facts;
        CHECK_ROW(d.part->name, ota_store_facts(&d.s, &facts) == OTA_OK);
        CHECK_ROW(d.part->name, facts.counter == 3);
        CHECK_ROW(d.part->name, facts.counter_max == (d.part->fuses ? 32u : UINT32_MAX));
        CHECK_ROW(d.part->name, facts.slot[OTA_SLOT_B].sequence == 3);
        every_log_turns_over(&d);
        drop(&d);
    }
}

static void a_pending_image_is_withdrawn_on_every_part(void **state)
{
    (void)state;
    for (size_t i = 0; i < FLASH_PARTS; i++) {
        struct device d;
        make(&d, &flash_parts[i]);
        factory(&d);
        CHECK_ROW(d.part->name, ota_store_mark_download(&d.s, OTA_SLOT_B) == OTA_OK);
        CHECK_ROW(d.part->name, put_block(&d, OTA_SLOT_B, 1, 0) == OTA_OK);
        const struct ota_region where = ota_store_image_region(&d.s, OTA_SLOT_B);
        const struct ota_verified_image image = { .where = where,
                                                  .proof = OTA_PROOF_ALL + where.offset };
        CHECK_ROW(d.part->name, ota_store_activate(&d.s, &image) == OTA_OK);
        CHECK_ROW(d.part->name, class_of(&d, OTA_SLOT_B) == OTA_SLOT_UNTRIED);
        CHECK_ROW(d.part->name, ota_store_withdraw(&d.s, OTA_SLOT_B) == OTA_OK);
        restart(&d);
        CHECK_ROW(d.part->name, class_of(&d, OTA_SLOT_B) == OTA_SLOT_UNMARKED);
        CHECK_ROW(d.part->name, d.m.bytes[d.layout.slot[OTA_SLOT_B].offset] == d.m.base.erased);
        CHECK_ROW(d.part->name, class_of(&d, OTA_SLOT_A) == OTA_SLOT_CONFIRMED);
        CHECK_ROW(d.part->name, holds_image(&d, OTA_SLOT_A, 0));
        drop(&d);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_has_exactly_the_sectors_before_the_trailers),
        cmocka_unit_test(regions_begin_and_end_with_a_sector),
        cmocka_unit_test(runs_that_are_not_the_flash_are_refused),
        cmocka_unit_test(parts_that_end_inside_a_larger_sector_are_refused),
        cmocka_unit_test(a_sector_is_found_by_any_of_its_bytes),
        cmocka_unit_test(an_update_lives_through_cuts_on_every_part),
        cmocka_unit_test(a_pending_image_is_withdrawn_on_every_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
