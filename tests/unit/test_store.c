/* Slots and their trailers, without cuts: the bytes, what they mean, and in which order they may come. */
#include "store_fixture.h"

/* --- layout -------------------------------------------------------------------- */

static const struct ota_layout good_layout = {
    .slot = { { 0x8000, 0x4000 }, { 0xc000, 0x4000 } },
    .journal = { 0, 0x2000 },
    .counter = { 0x2000, 0x2000 },
    .trust = { 0x4000, 0x2000 },
    .identity = { 0x6000, 0x2000 },
};
static const struct flash_geometry good_geometry = { .sectors = 16,
                                                     .sector_size = 0x1000,
                                                     .write_size = 8 };

static void a_layout_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        size_t region; /* offset in struct ota_layout */
        struct ota_region value;
    } rows[] = {
#define AT(member) offsetof(struct ota_layout, member)
        { "slot behind the end", AT(slot[1]), { 0x10000, 0x4000 } },
        { "slot over the end", AT(slot[1]), { 0xd000, 0x4000 } },
        { "slot whose end wraps", AT(slot[1]), { 0xffffc000, 0x4000 } },
        { "size that wraps", AT(slot[1]), { 0xc000, 0xfffff000 } },
        { "slot of a trailer alone", AT(slot[1]), { 0xc000, 0x1000 } },
        { "slot of nothing", AT(slot[0]), { 0x8000, 0 } },
        { "slot inside a sector", AT(slot[0]), { 0x8008, 0x4000 } },
        { "slot of a sector and a half", AT(slot[0]), { 0x8000, 0x1800 } },
        { "slots overlap", AT(slot[1]), { 0xb000, 0x4000 } },
        { "same slot twice", AT(slot[1]), { 0x8000, 0x4000 } },
        { "journal in a slot", AT(journal), { 0x9000, 0x2000 } },
        { "journal of one sector", AT(journal), { 0, 0x1000 } },
        { "counter of three sectors", AT(counter), { 0x2000, 0x3000 } },
        { "trust on the counter", AT(trust), { 0x3000, 0x2000 } },
        { "identity of nothing", AT(identity), { 0x6000, 0 } },
        { "identity misaligned", AT(identity), { 0x6001, 0x2000 } },
#undef AT
    };
    struct flash_model m;
    flash_model_init(&m, &good_geometry);
    struct ota_store s;
    assert_int_equal(ota_store_open(&s, &m.base, &good_layout), OTA_OK);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_layout layout = good_layout;
        memcpy((uint8_t *)&layout + rows[i].region, &rows[i].value, sizeof rows[i].value);
        memset(&s, 0xa5, sizeof s);
        const struct ota_store before = s;
        CHECK_ROW(rows[i].why, ota_store_open(&s, &m.base, &layout) == OTA_E_RANGE);
        CHECK_ROW(rows[i].why, memcmp(&s, &before, sizeof s) == 0);
    }
    assert_int_equal(m.ops, 0);
    flash_model_free(&m);
}

static void a_geometry_that_trailers_cannot_have_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        uint32_t sector_size, write_size;
        uint8_t erased;
        ota_err_t want;
    } rows[] = {
        { "as the board has it", 0x1000, 8, 0xff, OTA_OK },
        { "narrowest unit", 0x1000, 1, 0xff, OTA_OK },
        { "widest unit", 0x1000, 32, 0xff, OTA_OK },
        { "erased is zero", 0x1000, 8, 0x00, OTA_OK },
        { "no unit", 0x1000, 0, 0xff, OTA_E_RANGE },
        { "unit of three", 0x1000, 3, 0xff, OTA_E_RANGE },
        { "unit wider than a trailer field", 0x1000, 64, 0xff, OTA_E_RANGE },
        { "erased is neither", 0x1000, 8, 0xf0, OTA_E_RANGE },
        { "no sector", 0, 8, 0xff, OTA_E_RANGE },
        { "smallest sector", 64, 8, 0xff, OTA_OK },
        { "sector smaller than any part's", 32, 8, 0xff, OTA_E_RANGE },
        { "sector not of whole fields", 4, 1, 0xff, OTA_E_RANGE },
        { "sector not of whole units", 0x1010, 32, 0xff, OTA_E_RANGE },
    };
    struct flash_model m;
    flash_model_init(&m, &good_geometry);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_store s;
        m.base.sector_size = rows[i].sector_size;
        m.base.write_size = rows[i].write_size;
        m.base.erased = rows[i].erased;
        CHECK_ROW(rows[i].why, ota_store_open(&s, &m.base, &good_layout) == rows[i].want);
    }
    flash_model_free(&m);
}

/* A journal half of 4 sectors of 512 bytes holds a state (224) and 64 marks (32) only for narrow units. */
static void a_journal_half_holds_a_state_and_its_marks(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        uint32_t write_size, sectors;
        ota_err_t want;
    } rows[] = {
        { "216 + 64 * 24 = 1752 bytes in 1536", 8, 6, OTA_E_RANGE },
        { "1752 in 2048", 8, 8, OTA_OK },
        { "224 + 64 * 32 = 2272 in 2048", 32, 8, OTA_E_RANGE },
        { "2272 in 2560", 32, 10, OTA_OK },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fix x;
        fix_init(&x, rows[i].write_size, 0xff);
        x.layout.journal.size = rows[i].sectors * FIX_SECTOR;
        CHECK_ROW(rows[i].why, ota_store_open(&x.s, &x.m.base, &x.layout) == rows[i].want);
        fix_free(&x);
    }
}

static void a_trailer_has_sectors_of_its_own(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        uint32_t sector_size, write_size, image_size; /* of a slot of 16 KiB */
    } rows[] = {
        { "16 + 12 * 8 = 112 bytes", 0x1000, 8, 0x3000 },
        { "32 + 12 * 32 = 416 bytes, sectors of 128", 128, 32, 0x4000 - 512 },
        { "112 bytes, sectors of 64", 64, 1, 0x4000 - 128 },
        { "16 + 12 * 16 = 208 bytes, sectors of 64", 64, 16, 0x4000 - 256 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct flash_model m;
        flash_model_init(&m, &good_geometry);
        m.base.sector_size = rows[i].sector_size;
        m.base.write_size = rows[i].write_size;
        struct ota_store s;
        assert_int_equal(ota_store_open(&s, &m.base, &good_layout), OTA_OK);
        for (enum ota_slot slot = OTA_SLOT_A; slot <= OTA_SLOT_B; slot++) {
            const struct ota_region room = ota_store_image_region(&s, slot);
            CHECK_ROW(rows[i].why, room.offset == good_layout.slot[slot].offset);
            CHECK_ROW(rows[i].why, room.size == rows[i].image_size);
        }
        flash_model_free(&m);
    }
}

static void a_bootloader_begins_with_a_layout_that_was_opened_before(void **state)
{
    (void)state;
    struct fix x;
    fix_init(&x, 8, 0xff);
    assert_int_equal(ota_store_mark_factory(&x.s, OTA_SLOT_A), OTA_OK);
    assert_int_equal(ota_store_counter_raise(&x.s, 7), OTA_OK);
    memset(&x.s, 0xa5, sizeof x.s);
    ota_store_begin(&x.s, &x.m.base, &x.layout);
    struct ota_store_facts facts;
    assert_int_equal(ota_store_facts(&x.s, &facts), OTA_OK);
    assert_int_equal(facts.counter, 7);
    assert_int_equal(fix_class(&x, OTA_SLOT_A), OTA_SLOT_CONFIRMED);
    fix_free(&x);
}

static void a_slot_of_trailer_sectors_alone_is_refused(void **state)
{
    (void)state;
    struct fix x;
    fix_init(&x, 32, 0xff);
    x.layout.slot[OTA_SLOT_A].size = FIX_SECTOR;
    x.layout.slot[OTA_SLOT_B].size = FIX_SECTOR;
    assert_int_equal(ota_store_open(&x.s, &x.m.base, &x.layout), OTA_E_RANGE);
    fix_free(&x);
}

/* --- the trailer's bytes ------------------------------------------------------------ */

static void mcuboot_would_read_our_marks(void **state)
{
    (void)state;
    /* MCUboot, boot_img_magic: one for an alignment of 8, and one that begins with the alignment. */
    static const struct {
        uint32_t write_size;
        uint8_t magic[16];
    } rows[] = {
        { 1,
          { 0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f, 0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6,
            0x79, 0x80 } },
        { 8,
          { 0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f, 0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6,
            0x79, 0x80 } },
        { 16,
          { 0x10, 0x00, 0x2d, 0xe1, 0x5d, 0x29, 0x41, 0x0b, 0x8d, 0x77, 0x67, 0x9c, 0x11, 0x0f,
            0x1f, 0x8a } },
        { 32,
          { 0x20, 0x00, 0x2d, 0xe1, 0x5d, 0x29, 0x41, 0x0b, 0x8d, 0x77, 0x67, 0x9c, 0x11, 0x0f,
            0x1f, 0x8a } },
    };
    for (size_t i = 0; i < COUNT(rows) * 2; i++) {
        struct fix x;
        const uint8_t erased = i % 2 == 0 ? 0xff : 0x00;
        fix_init(&x, rows[i / 2].write_size, erased);
        assert_int_equal(ota_store_mark_factory(&x.s, OTA_SLOT_B), OTA_OK);
        assert_memory_equal(x.m.bytes + field_at(&x, OTA_SLOT_B, F_MAGIC), rows[i / 2].magic, 16);
        assert_int_equal(x.m.bytes[field_at(&x, OTA_SLOT_B, F_IMAGE_OK)], 0x01);
        assert_int_equal(x.m.bytes[field_at(&x, OTA_SLOT_B, F_COPY_DONE)], erased);
        assert_int_equal(ota_store_trial(&x.s, OTA_SLOT_B), OTA_OK);
        assert_int_equal(x.m.bytes[field_at(&x, OTA_SLOT_B, F_COPY_DONE)], 0x01);
        fix_free(&x);
    }
}

/* docs/spec/flash.md, "Trailer": the worked example. */
static void a_trailer_is_these_bytes(void **state)
{
    (void)state;
    static const uint8_t want[] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* trial mark 2: not yet */
        0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* trial mark 1 */
        0x05, 0x00, 0x00, 0x00, 0xfa, 0xff, 0xff, 0xff, /* install sequence 5, its complement */
        0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* download */
        0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* copy_done */
        0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* image_ok */
        0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f,
        0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80,
    };
    static const uint8_t sequence_4[] = { 0x04, 0x00, 0x00, 0x00, 0xfb, 0xff, 0xff, 0xff };
    struct fix x;
    fix_init(&x, 8, 0xff);
    memcpy(x.m.bytes + field_at(&x, OTA_SLOT_A, F_SEQUENCE), sequence_4, sizeof sequence_4);
    const struct ota_verified_image image = fix_verified(&x, OTA_SLOT_B);
    assert_int_equal(ota_store_mark_download(&x.s, OTA_SLOT_B), OTA_OK);
    assert_int_equal(ota_store_activate(&x.s, &image), OTA_OK);
    assert_int_equal(ota_store_trial(&x.s, OTA_SLOT_B), OTA_OK);
    assert_int_equal(ota_store_confirm(&x.s, OTA_SLOT_B), OTA_OK);
    assert_memory_equal(x.m.bytes + x.m.base.size - sizeof want, want, sizeof want);
    fix_free(&x);
}

/* --- facts ------------------------------------------------------------------------- */

static enum ota_mark fact_of(const struct ota_slot_facts *facts, enum field field)
{
    switch (field) {
    case F_MAGIC: return facts->magic;
    case F_IMAGE_OK: return facts->image_ok;
    case F_COPY_DONE: return facts->copy_done;
    case F_DOWNLOAD: return facts->download;
    case F_SEQUENCE: return facts->sequence_mark;
    case F_TRIAL: return facts->trials > 0 ? OTA_MARK_TORN : OTA_MARK_UNSET;
    }
    fail();
    return OTA_MARK_TORN;
}

/* Each bit of each byte of each field, flipped alone on an erased trailer: that field is torn, no other says anything. */
static void check_single_bits(uint32_t write_size, uint8_t erased)
{
    struct fix x;
    fix_init(&x, write_size, erased);
    const uint32_t a = write_size < 8 ? 8 : write_size;
    for (enum ota_slot slot = OTA_SLOT_A; slot <= OTA_SLOT_B; slot++) {
        for (uint32_t field = F_MAGIC; field <= F_TRIAL; field++) {
            const uint32_t size = field == F_MAGIC ? 16 : a;
            for (uint32_t bit = 0; bit < 8 * size; bit++) {
                const uint32_t at = field_at(&x, slot, field) + bit / 8;
                /* Zero with one bit set in the first byte of a flag is that flag, set. */
                if (erased == 0 && bit == 0 && field != F_MAGIC && field < F_SEQUENCE) {
                    continue;
                }
                flash_model_rot(&x.m, at, bit % 8);
                const struct ota_slot_facts facts = fix_facts(&x, slot);
                const struct ota_slot_facts other = fix_facts(&x, ota_slot_other(slot));
                for (uint32_t k = F_MAGIC; k <= F_TRIAL; k++) {
                    assert_int_equal(fact_of(&facts, (enum field)k),
                                     k == field ? OTA_MARK_TORN : OTA_MARK_UNSET);
                    assert_int_equal(fact_of(&other, (enum field)k), OTA_MARK_UNSET);
                }
                flash_model_rot(&x.m, at, bit % 8);
            }
        }
    }
    fix_free(&x);
}

static void a_single_bit_makes_its_field_torn_and_no_other(void **state)
{
    (void)state;
    fix_everywhere(check_single_bits);
}

/* Each bit of each set field, flipped alone: no longer set. */
static void check_set_then_rot(uint32_t write_size, uint8_t erased)
{
    struct fix x;
    fix_init(&x, write_size, erased);
    const uint32_t a = write_size < 8 ? 8 : write_size;
    const struct ota_verified_image image = fix_verified(&x, OTA_SLOT_A);
    assert_int_equal(ota_store_mark_download(&x.s, OTA_SLOT_A), OTA_OK);
    assert_int_equal(ota_store_activate(&x.s, &image), OTA_OK);
    assert_int_equal(ota_store_trial(&x.s, OTA_SLOT_A), OTA_OK);
    assert_int_equal(ota_store_confirm(&x.s, OTA_SLOT_A), OTA_OK);
    for (uint32_t field = F_MAGIC; field <= F_SEQUENCE; field++) {
        const uint32_t size = field == F_MAGIC ? 16 : a;
        for (uint32_t bit = 0; bit < 8 * size; bit++) {
            const uint32_t at = field_at(&x, OTA_SLOT_A, field) + bit / 8;
            flash_model_rot(&x.m, at, bit % 8);
            const struct ota_slot_facts facts = fix_facts(&x, OTA_SLOT_A);
            const bool erased_again =
                erased == 0 && bit == 0 && field != F_MAGIC && field < F_SEQUENCE;
            for (uint32_t k = F_MAGIC; k <= F_SEQUENCE; k++) {
                const enum ota_mark rotten = erased_again ? OTA_MARK_UNSET : OTA_MARK_TORN;
                assert_int_equal(fact_of(&facts, (enum field)k),
                                 k == field ? rotten : OTA_MARK_SET);
            }
            flash_model_rot(&x.m, at, bit % 8);
        }
    }
    fix_free(&x);
}

static void a_single_bit_off_makes_a_set_field_unset(void **state)
{
    (void)state;
    fix_everywhere(check_set_then_rot);
}

static void trial_marks_are_counted_to_the_last_that_is_not_blank(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        uint8_t marks; /* bit i: mark i is not blank */
        uint8_t byte;
        uint8_t want;
    } rows[] = {
        { "none", 0x00, 0x01, 0 },       { "first", 0x01, 0x01, 1 },
        { "first two", 0x03, 0x01, 2 },  { "all", 0xff, 0x01, 8 },
        { "torn", 0x01, 0x7f, 1 },       { "second torn", 0x03, 0xfd, 2 },
        { "first lost", 0x02, 0x01, 2 }, { "only the last", 0x80, 0x01, 8 },
        { "zeroed", 0x01, 0x00, 1 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fix x;
        fix_init(&x, 4, 0xff);
        for (uint32_t k = 0; k < 8; k++) {
            if ((rows[i].marks >> k & 1) != 0) {
                x.m.bytes[field_at(&x, OTA_SLOT_A, F_TRIAL + k)] = rows[i].byte;
            }
        }
        CHECK_ROW(rows[i].why, fix_facts(&x, OTA_SLOT_A).trials == rows[i].want);
        CHECK_ROW(rows[i].why, fix_facts(&x, OTA_SLOT_B).trials == 0);
        fix_free(&x);
    }
}

static void facts_fail_as_a_whole_if_a_trailer_or_the_counter_cannot_be_read(void **state)
{
    (void)state;
    struct fix x;
    fix_init(&x, 8, 0xff);
    const uint32_t places[] = {
        field_at(&x, OTA_SLOT_A, F_MAGIC),
        field_at(&x, OTA_SLOT_B, F_IMAGE_OK),
        field_at(&x, OTA_SLOT_B, F_SEQUENCE),
        field_at(&x, OTA_SLOT_A, F_TRIAL + 7),
        x.layout.counter.offset,
    };
    for (size_t i = 0; i < COUNT(places); i++) {
        struct ota_store_facts facts, before;
        memset(&facts, 0xa5, sizeof facts);
        before = facts;
        fix_restart(&x);
        x.m.broken_read = (struct ota_region){ places[i], 1 };
        assert_int_equal(ota_store_facts(&x.s, &facts), OTA_E_FLASH);
        assert_memory_equal(&facts, &before, sizeof facts);
    }
    fix_free(&x);
}

static void opening_and_facts_never_look_at_the_journal(void **state)
{
    (void)state;
    struct fix x;
    fix_init(&x, 8, 0xff);
    x.m.broken_read = x.layout.journal;
    fix_restart(&x);
    struct ota_store_facts facts;
    struct ota_trust trust;
    assert_int_equal(ota_store_facts(&x.s, &facts), OTA_OK);
    assert_int_equal(ota_store_trust(&x.s, &trust), OTA_E_NOT_FOUND);
    fix_free(&x);
}

/* --- what a slot is ------------------------------------------------------------------ */

static void a_slot_is_what_its_marks_and_its_image_say(void **state)
{
    (void)state;
#define U OTA_MARK_UNSET
#define S OTA_MARK_SET
#define T OTA_MARK_TORN
    static const struct {
        const char *why;
        enum ota_mark magic, image_ok, copy_done, download;
        uint8_t trials;
        bool verifies;
        enum ota_slot_class want;
    } rows[] = {
        { "confirmed, but rotten", S, S, S, S, 1, false, OTA_SLOT_INVALID },
        { "blank, nothing in it", U, U, U, U, 0, false, OTA_SLOT_INVALID },
        { "after a confirm", S, S, S, S, 1, true, OTA_SLOT_CONFIRMED },
        { "from the factory", S, S, U, U, 0, true, OTA_SLOT_CONFIRMED },
        { "just activated", S, U, U, S, 0, true, OTA_SLOT_UNTRIED },
        { "by another tool", S, U, U, U, 0, true, OTA_SLOT_UNTRIED },
        { "torn confirm, never tried", S, T, U, S, 0, true, OTA_SLOT_UNTRIED },
        { "one trial", S, U, S, S, 1, true, OTA_SLOT_TRIED },
        { "cut behind the trial mark", S, U, U, S, 1, true, OTA_SLOT_TRIED },
        { "cut in copy_done", S, U, T, S, 0, true, OTA_SLOT_TRIED },
        { "tried by another bootloader", S, U, S, U, 0, true, OTA_SLOT_TRIED },
        { "torn confirm", S, T, S, S, 1, true, OTA_SLOT_TRIED },
        { "debugger", U, U, U, U, 0, true, OTA_SLOT_UNMARKED },
        { "torn magic, no download", T, U, U, U, 0, true, OTA_SLOT_UNMARKED },
        { "half adopted", U, S, U, U, 0, true, OTA_SLOT_UNMARKED },
        { "torn adoption", U, T, U, U, 0, true, OTA_SLOT_UNMARKED },
        { "downloaded, not activated", U, U, U, S, 0, true, OTA_SLOT_INCOMPLETE },
        { "torn download mark", U, U, U, T, 0, true, OTA_SLOT_INCOMPLETE },
        { "torn magic of a download", T, U, U, S, 0, true, OTA_SLOT_INCOMPLETE },
        { "image_ok without magic on a download", U, S, U, S, 0, true, OTA_SLOT_INCOMPLETE },
    };
#undef U
#undef S
#undef T
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct ota_slot_facts facts = {
            .magic = rows[i].magic,
            .image_ok = rows[i].image_ok,
            .copy_done = rows[i].copy_done,
            .download = rows[i].download,
            .trials = rows[i].trials,
        };
        CHECK_ROW(rows[i].why, ota_slot_classify(&facts, rows[i].verifies) == rows[i].want);
    }
}

/* --- filling ------------------------------------------------------------------------- */

static void a_slot_is_erased_from_its_first_sector_to_its_trailer(void **state)
{
    (void)state;
    struct fix x;
    fix_init(&x, 8, 0xff);
    const struct ota_region *slot = &x.layout.slot[OTA_SLOT_B];
    memset(x.m.bytes, 0x00, x.m.base.size);
    uint32_t at = 0;
    for (uint32_t sector = 1; sector <= FIX_SLOT_SECTORS; sector++) {
        assert_int_equal(ota_store_erase_step(&x.s, OTA_SLOT_B, &at), OTA_OK);
        assert_int_equal(at, sector * FIX_SECTOR);
        assert_int_equal(x.m.bytes[slot->offset + at - 1], 0xff);
        if (sector < FIX_SLOT_SECTORS) {
            assert_int_equal(x.m.bytes[slot->offset + at], 0x00);
        }
    }
    assert_int_equal(ota_store_erase_step(&x.s, OTA_SLOT_B, &at), OTA_OK);
    assert_int_equal(at, slot->size);
    assert_int_equal(x.m.ops, FIX_SLOT_SECTORS);
    for (uint32_t i = 0; i < slot->offset; i++) {
        assert_int_equal(x.m.bytes[i], 0x00);
    }
    fix_free(&x);
}

static void a_failed_erase_is_not_counted(void **state)
{
    (void)state;
    struct fix x;
    fix_init(&x, 8, 0xff);
    x.m.broken_write = x.layout.slot[OTA_SLOT_A];
    uint32_t at = 0;
    assert_int_equal(ota_store_erase_step(&x.s, OTA_SLOT_A, &at), OTA_E_FLASH);
    assert_int_equal(at, 0);
    at = 8;
    assert_int_equal(ota_store_erase_step(&x.s, OTA_SLOT_B, &at), OTA_E_RANGE);
    assert_int_equal(at, 8);
    fix_free(&x);
}

static void withdrawing_takes_the_header_first_and_the_trailer_next(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= 2; n++) {
        struct fix x;
        fix_init(&x, 8, 0xff);
        const struct ota_region *slot = &x.layout.slot[OTA_SLOT_A];
        memset(x.m.bytes + slot->offset, 0x00, slot->size);
        flash_model_cut(&x.m, n, FLASH_CUT_BEFORE);
        assert_int_equal(ota_store_withdraw(&x.s, OTA_SLOT_A), OTA_E_FLASH);
        assert_int_equal(x.m.bytes[slot->offset], n == 1 ? 0x00 : 0xff);
        assert_int_equal(x.m.bytes[slot->offset + slot->size - 1], 0x00);
        fix_restart(&x);
        assert_int_equal(ota_store_withdraw(&x.s, OTA_SLOT_A), OTA_OK);
        assert_int_equal(x.m.bytes[slot->offset + slot->size - 1], 0xff);
        fix_free(&x);
    }
}

static void check_write(uint32_t write_size, uint8_t erased)
{
    struct fix x;
    fix_init(&x, write_size, erased);
    const struct ota_region room = ota_store_image_region(&x.s, OTA_SLOT_A);
    for (uint32_t len = 0; len <= 70; len++) {
        fix_erase_slot(&x, OTA_SLOT_A);
        uint8_t bytes[70], got[70];
        uint32_t seed = 0x5eed0005 + len;
        for (uint32_t i = 0; i < len; i++) {
            bytes[i] = (uint8_t)t_random(&seed);
        }
        uint8_t *exact = t_exact(bytes, len);
        assert_int_equal(ota_store_write(&x.s, OTA_SLOT_A, 64, (struct ota_span){ exact, len }),
                         OTA_OK);
        free(exact);
        assert_int_equal(ota_store_read(&x.s, OTA_SLOT_A, 64, (struct ota_buf){ got, len }),
                         OTA_OK);
        assert_memory_equal(got, bytes, len);
        for (uint32_t i = len; i < 96; i++) {
            assert_int_equal(x.m.bytes[room.offset + 64 + i], erased);
        }
    }
    fix_free(&x);
}

static void a_short_last_unit_is_filled_up_with_erased_bytes(void **state)
{
    (void)state;
    fix_everywhere(check_write);
}

static void writes_end_where_the_room_for_an_image_ends(void **state)
{
    (void)state;
    struct fix x;
    fix_init(&x, 8, 0xff);
    const uint32_t size = ota_store_image_region(&x.s, OTA_SLOT_A).size;
    assert_int_equal(size, (FIX_SLOT_SECTORS - 1) * FIX_SECTOR);
    const struct {
        const char *why;
        uint32_t offset, len;
        ota_err_t want;
    } rows[] = {
        { "inside a unit", 4, 8, OTA_E_RANGE },
        { "last unit", size - 8, 8, OTA_OK },
        { "last unit, one over", size - 8, 9, OTA_E_IMAGE_SIZE },
        { "behind", size, 1, OTA_E_IMAGE_SIZE },
        { "nothing, at the end", size, 0, OTA_OK },
        { "far behind", UINT32_MAX - 7, 8, OTA_E_IMAGE_SIZE },
        { "all and one", 0, size + 1, OTA_E_IMAGE_SIZE },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t *bytes = calloc(1, rows[i].len + 1);
        assert_non_null(bytes);
        fix_restart(&x);
        const struct ota_span from = { bytes, rows[i].len };
        CHECK_ROW(rows[i].why,
                  ota_store_write(&x.s, OTA_SLOT_A, rows[i].offset, from) == rows[i].want);
        CHECK_ROW(rows[i].why, (x.m.ops > 0) == (rows[i].want == OTA_OK && rows[i].len > 0));
        free(bytes);
    }
    uint8_t byte[2];
    assert_int_equal(ota_store_read(&x.s, OTA_SLOT_A, size - 1, (struct ota_buf){ byte, 1 }),
                     OTA_OK);
    assert_int_equal(ota_store_read(&x.s, OTA_SLOT_A, size - 1, OTA_BUF_OF(byte)), OTA_E_RANGE);
    assert_int_equal(ota_store_read(&x.s, OTA_SLOT_A, UINT32_MAX, OTA_BUF_OF(byte)), OTA_E_RANGE);
    fix_free(&x);
}

static void cleaning_erases_only_what_is_not_blank(void **state)
{
    (void)state;
    struct fix x;
    fix_init(&x, 8, 0xff);
    const struct ota_region room = ota_store_image_region(&x.s, OTA_SLOT_A);
    x.m.bytes[room.offset] = 0x00;                      /* below the mark: kept */
    x.m.bytes[room.offset + 2 * FIX_SECTOR - 1] = 0x7f; /* the last byte of the second sector */
    assert_int_equal(ota_store_mark_download(&x.s, OTA_SLOT_A), OTA_OK);
    uint32_t at = FIX_SECTOR;
    while (at < room.size) {
        assert_int_equal(ota_store_clean_step(&x.s, OTA_SLOT_A, &at), OTA_OK);
    }
    assert_int_equal(at, room.size);
    assert_int_equal(x.m.ops, 2); /* the download mark and one erase */
    assert_int_equal(x.m.erases[room.offset / FIX_SECTOR + 1], 1);
    assert_int_equal(x.m.bytes[room.offset], 0x00);
    assert_int_equal(x.m.bytes[room.offset + 2 * FIX_SECTOR - 1], 0xff);
    assert_int_equal(fix_facts(&x, OTA_SLOT_A).download, OTA_MARK_SET);
    assert_int_equal(ota_store_clean_step(&x.s, OTA_SLOT_A, &at), OTA_OK);
    at = 8;
    assert_int_equal(ota_store_clean_step(&x.s, OTA_SLOT_A, &at), OTA_E_RANGE);
    assert_int_equal(at, 8);
    fix_free(&x);
}

static void a_download_is_marked_only_on_an_erased_trailer(void **state)
{
    (void)state;
    for (uint32_t field = F_MAGIC; field <= F_TRIAL; field++) {
        struct fix x;
        fix_init(&x, 8, 0xff);
        x.m.bytes[field_at(&x, OTA_SLOT_A, field)] = 0x00;
        const ota_err_t want = field == F_DOWNLOAD ? OTA_OK : OTA_E_STATE;
        assert_int_equal(ota_store_mark_download(&x.s, OTA_SLOT_A), want);
        assert_int_equal(x.m.ops, 0);
        fix_free(&x);
    }
}

/* --- marks: what may follow what ------------------------------------------------------ */

static void put_sequence(struct fix *x, enum ota_slot slot, uint32_t sequence)
{
    const uint32_t complement = ~sequence, at = field_at(x, slot, F_SEQUENCE);
    for (uint32_t i = 0; i < 4; i++) {
        x->m.bytes[at + i] = (uint8_t)(sequence >> 8 * i);
        x->m.bytes[at + 4 + i] = (uint8_t)(complement >> 8 * i);
    }
}

static void an_activated_slot_is_one_newer_than_the_other(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        enum ota_mark other, own;
        uint32_t other_sequence, own_sequence;
        ota_err_t want;
        uint32_t sequence;
    } rows[] = {
        { "first update", OTA_MARK_SET, OTA_MARK_UNSET, 0, 0, OTA_OK, 1 },
        { "over an unmarked image (N2)", OTA_MARK_UNSET, OTA_MARK_UNSET, 0, 0, OTA_OK, 0 },
        { "over a torn sequence", OTA_MARK_TORN, OTA_MARK_UNSET, 0, 0, OTA_OK, 0 },
        { "far on", OTA_MARK_SET, OTA_MARK_UNSET, 0x7fffffff, 0, OTA_OK, 0x80000000 },
        { "last one", OTA_MARK_SET, OTA_MARK_UNSET, UINT32_MAX - 1, 0, OTA_OK, UINT32_MAX },
        { "none left", OTA_MARK_SET, OTA_MARK_UNSET, UINT32_MAX, 0, OTA_E_STATE, 0 },
        { "goes on behind a cut", OTA_MARK_SET, OTA_MARK_SET, 4, 5, OTA_OK, 5 },
        { "own one is another (N1)", OTA_MARK_SET, OTA_MARK_SET, 4, 4, OTA_E_STATE, 4 },
        { "own one is too new", OTA_MARK_SET, OTA_MARK_SET, 4, 6, OTA_E_STATE, 6 },
        { "own one is torn (N1)", OTA_MARK_SET, OTA_MARK_TORN, 4, 0, OTA_E_STATE, 0 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fix x;
        fix_init(&x, 8, 0xff);
        const struct {
            enum ota_slot slot;
            enum ota_mark mark;
            uint32_t sequence;
        } set[] = {
            { OTA_SLOT_A, rows[i].other, rows[i].other_sequence },
            { OTA_SLOT_B, rows[i].own, rows[i].own_sequence },
        };
        for (size_t k = 0; k < COUNT(set); k++) {
            if (set[k].mark != OTA_MARK_UNSET) {
                put_sequence(&x, set[k].slot, set[k].sequence);
            }
            if (set[k].mark == OTA_MARK_TORN) {
                flash_model_rot(&x.m, field_at(&x, set[k].slot, F_SEQUENCE), 3);
            }
        }
        const struct ota_verified_image image = fix_verified(&x, OTA_SLOT_B);
        CHECK_ROW(rows[i].why, ota_store_activate(&x.s, &image) == rows[i].want);
        const struct ota_slot_facts facts = fix_facts(&x, OTA_SLOT_B);
        CHECK_ROW(rows[i].why, (facts.magic == OTA_MARK_SET) == (rows[i].want == OTA_OK));
        CHECK_ROW(rows[i].why, facts.sequence == rows[i].sequence);
        CHECK_ROW(rows[i].why, (x.m.ops > 0) == (rows[i].want == OTA_OK));
        fix_free(&x);
    }
}

static void nothing_is_activated_over_marks_of_an_earlier_life(void **state)
{
    (void)state;
    static const uint32_t fields[] = { F_IMAGE_OK, F_COPY_DONE, F_TRIAL, F_TRIAL + 7 };
    for (size_t i = 0; i < COUNT(fields) * 2; i++) {
        struct fix x;
        fix_init(&x, 8, 0xff);
        x.m.bytes[field_at(&x, OTA_SLOT_B, fields[i / 2])] = i % 2 == 0 ? 0x01 : 0x7f;
        const struct ota_verified_image image = fix_verified(&x, OTA_SLOT_B);
        assert_int_equal(ota_store_activate(&x.s, &image), OTA_E_STATE);
        assert_int_equal(x.m.ops, 0);
        fix_free(&x);
    }
    struct fix x;
    fix_init(&x, 8, 0xff);
    x.m.bytes[field_at(&x, OTA_SLOT_B, F_MAGIC) + 5] = 0x00;
    const struct ota_verified_image torn = fix_verified(&x, OTA_SLOT_B);
    assert_int_equal(ota_store_activate(&x.s, &torn), OTA_E_STATE);
    struct ota_verified_image elsewhere = fix_verified(&x, OTA_SLOT_B);
    elsewhere.where.offset += FIX_SECTOR;
    assert_int_equal(ota_store_activate(&x.s, &elsewhere), OTA_E_STATE);
    assert_int_equal(x.m.ops, 0);
    fix_free(&x);
}

static void activating_twice_writes_once(void **state)
{
    (void)state;
    struct fix x;
    fix_init(&x, 8, 0xff);
    const struct ota_verified_image image = fix_verified(&x, OTA_SLOT_A);
    assert_int_equal(ota_store_activate(&x.s, &image), OTA_OK);
    const uint32_t ops = x.m.ops;
    assert_int_equal(ota_store_activate(&x.s, &image), OTA_OK);
    assert_int_equal(x.m.ops, ops);
    assert_int_equal(fix_class(&x, OTA_SLOT_A), OTA_SLOT_UNTRIED);
    fix_free(&x);
}

static void a_slot_settles_only_as_the_successor_of_a_confirmed_one(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        enum ota_slot_class other;
        int own, other_sequence; /* -1: erased, -2: torn */
        ota_err_t want;
        uint32_t ops;
    } rows[] = {
        { "as activated", OTA_SLOT_CONFIRMED, 5, 4, OTA_OK, 0 },
        { "no sequence yet (N4)", OTA_SLOT_CONFIRMED, -1, 4, OTA_OK, 1 },
        { "older", OTA_SLOT_CONFIRMED, 3, 4, OTA_E_STATE, 0 },
        { "equal", OTA_SLOT_CONFIRMED, 4, 4, OTA_E_STATE, 0 },
        { "too new", OTA_SLOT_CONFIRMED, 6, 4, OTA_E_STATE, 0 },
        { "torn", OTA_SLOT_CONFIRMED, -2, 4, OTA_E_STATE, 0 },
        { "other without a sequence", OTA_SLOT_CONFIRMED, 0, -1, OTA_OK, 0 },
        { "both without", OTA_SLOT_CONFIRMED, -1, -1, OTA_OK, 1 },
        { "other torn", OTA_SLOT_CONFIRMED, 0, -2, OTA_OK, 0 },
        { "other unmarked", OTA_SLOT_UNMARKED, 3, 4, OTA_OK, 0 },
        { "other rotten", OTA_SLOT_INVALID, -2, 4, OTA_OK, 0 },
        { "other tried", OTA_SLOT_TRIED, -1, 4, OTA_OK, 0 },
        { "other incomplete", OTA_SLOT_INCOMPLETE, -1, 4, OTA_OK, 0 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fix x;
        fix_init(&x, 8, 0xff);
        const int want[] = { rows[i].other_sequence, rows[i].own };
        for (enum ota_slot slot = OTA_SLOT_A; slot <= OTA_SLOT_B; slot++) {
            if (want[slot] != -1) {
                put_sequence(&x, slot, want[slot] < 0 ? 9u : (uint32_t)want[slot]);
            }
            if (want[slot] == -2) {
                flash_model_rot(&x.m, field_at(&x, slot, F_SEQUENCE) + 6, 0);
            }
        }
        CHECK_ROW(rows[i].why, ota_store_settle(&x.s, OTA_SLOT_B, rows[i].other) == rows[i].want);
        CHECK_ROW(rows[i].why, x.m.ops == rows[i].ops);
        if (rows[i].ops > 0) {
            CHECK_ROW(rows[i].why, ota_store_settle(&x.s, OTA_SLOT_B, rows[i].other) == OTA_OK);
            CHECK_ROW(rows[i].why, x.m.ops == rows[i].ops);
        }
        fix_free(&x);
    }
}

static void only_a_slot_with_a_magic_is_confirmed(void **state)
{
    (void)state;
    struct fix x;
    fix_init(&x, 8, 0xff);
    assert_int_equal(ota_store_confirm(&x.s, OTA_SLOT_A), OTA_E_STATE);
    assert_int_equal(x.m.ops, 0);
    const struct ota_verified_image image = fix_verified(&x, OTA_SLOT_A);
    assert_int_equal(ota_store_activate(&x.s, &image), OTA_OK);
    assert_int_equal(ota_store_confirm(&x.s, OTA_SLOT_A), OTA_OK);
    assert_int_equal(fix_class(&x, OTA_SLOT_A), OTA_SLOT_CONFIRMED);
    const uint32_t ops = x.m.ops;
    assert_int_equal(ota_store_confirm(&x.s, OTA_SLOT_A), OTA_OK);
    assert_int_equal(x.m.ops, ops);
    x.m.bytes[field_at(&x, OTA_SLOT_A, F_IMAGE_OK)] = 0x03; /* torn (H8) */
    assert_int_equal(ota_store_confirm(&x.s, OTA_SLOT_A), OTA_E_FLASH_READ_BACK);
    assert_int_equal(x.m.ops, ops);
    fix_free(&x);
}

static void only_an_unmarked_slot_is_adopted(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        uint8_t magic, image_ok, download; /* 0: as erased, 1: set, 2: torn */
        ota_err_t want;
        enum ota_slot_class then;
    } rows[] = {
        { "debugger", 0, 0, 0, OTA_OK, OTA_SLOT_CONFIRMED },
        { "cut behind image_ok", 0, 1, 0, OTA_OK, OTA_SLOT_CONFIRMED },
        { "torn image_ok (N3)", 0, 2, 0, OTA_E_FLASH_READ_BACK, OTA_SLOT_UNMARKED },
        { "torn magic (N3)", 2, 1, 0, OTA_E_FLASH_READ_BACK, OTA_SLOT_UNMARKED },
        { "confirmed already", 1, 1, 1, OTA_OK, OTA_SLOT_CONFIRMED },
        { "a trial", 1, 0, 1, OTA_E_STATE, OTA_SLOT_UNTRIED },
        { "a trial with a torn confirm", 1, 2, 1, OTA_E_STATE, OTA_SLOT_UNTRIED },
        { "an incomplete download", 0, 0, 1, OTA_E_STATE, OTA_SLOT_INCOMPLETE },
        { "torn download mark", 0, 0, 2, OTA_E_STATE, OTA_SLOT_INCOMPLETE },
    };
    static const uint8_t flags[] = { 0xff, 0x01, 0x7f };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fix x;
        fix_init(&x, 8, 0xff);
        if (rows[i].magic != 0) {
            struct ota_verified_image image = fix_verified(&x, OTA_SLOT_A);
            assert_int_equal(ota_store_activate(&x.s, &image), OTA_OK);
        }
        if (rows[i].magic == 2) {
            flash_model_rot(&x.m, field_at(&x, OTA_SLOT_A, F_MAGIC) + 9, 7);
        }
        x.m.bytes[field_at(&x, OTA_SLOT_A, F_IMAGE_OK)] = flags[rows[i].image_ok];
        x.m.bytes[field_at(&x, OTA_SLOT_A, F_DOWNLOAD)] = flags[rows[i].download];
        CHECK_ROW(rows[i].why, ota_store_adopt(&x.s, OTA_SLOT_A) == rows[i].want);
        CHECK_ROW(rows[i].why, fix_class(&x, OTA_SLOT_A) == rows[i].then);
        fix_free(&x);
    }
}

static void each_trial_writes_one_mark_until_there_is_no_room(void **state)
{
    (void)state;
    struct fix x;
    fix_init(&x, 16, 0x00);
    const struct ota_verified_image image = fix_verified(&x, OTA_SLOT_B);
    assert_int_equal(ota_store_activate(&x.s, &image), OTA_OK);
    for (uint8_t n = 1; n <= OTA_TRIALS_MAX; n++) {
        assert_int_equal(ota_store_trial(&x.s, OTA_SLOT_B), OTA_OK);
        const struct ota_slot_facts facts = fix_facts(&x, OTA_SLOT_B);
        assert_int_equal(facts.trials, n);
        assert_int_equal(facts.copy_done, OTA_MARK_SET);
        assert_int_equal(fix_class(&x, OTA_SLOT_B), OTA_SLOT_TRIED);
    }
    const uint32_t ops = x.m.ops;
    assert_int_equal(ota_store_trial(&x.s, OTA_SLOT_B), OTA_E_STATE);
    assert_int_equal(x.m.ops, ops);
    fix_free(&x);
}

static void a_flag_that_the_flash_does_not_take_is_an_error(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        uint32_t field;
        ota_err_t download, activate, trial, confirm, factory;
    } rows[] = {
#define RB OTA_E_FLASH_READ_BACK
        { "download mark", F_DOWNLOAD, RB, OTA_OK, OTA_OK, OTA_OK, OTA_OK },
        { "sequence", F_SEQUENCE, OTA_OK, RB, OTA_OK, OTA_E_STATE, RB },
        { "magic", F_MAGIC, OTA_OK, RB, OTA_OK, OTA_E_STATE, RB },
        { "trial mark", F_TRIAL, OTA_OK, OTA_OK, RB, OTA_OK, OTA_OK },
        { "copy_done", F_COPY_DONE, OTA_OK, OTA_OK, RB, OTA_OK, OTA_OK },
        { "image_ok", F_IMAGE_OK, OTA_OK, OTA_OK, OTA_OK, RB, RB },
#undef RB
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fix x;
        fix_init(&x, 8, 0xff);
        const struct ota_verified_image image = fix_verified(&x, OTA_SLOT_A);
        x.m.deaf = (struct ota_region){ field_at(&x, OTA_SLOT_A, rows[i].field), 8 };
        CHECK_ROW(rows[i].why, ota_store_mark_download(&x.s, OTA_SLOT_A) == rows[i].download);
        CHECK_ROW(rows[i].why, ota_store_activate(&x.s, &image) == rows[i].activate);
        CHECK_ROW(rows[i].why, ota_store_trial(&x.s, OTA_SLOT_A) == rows[i].trial);
        CHECK_ROW(rows[i].why, ota_store_confirm(&x.s, OTA_SLOT_A) == rows[i].confirm);
        x.m.deaf = (struct ota_region){ field_at(&x, OTA_SLOT_B, rows[i].field), 8 };
        put_sequence(&x, OTA_SLOT_A, 0);
        CHECK_ROW(rows[i].why, ota_store_mark_factory(&x.s, OTA_SLOT_B) == rows[i].factory);
        fix_free(&x);
    }
}

static void a_part_that_refuses_is_reported_as_such(void **state)
{
    (void)state;
    struct fix x;
    fix_init(&x, 8, 0xff);
    const struct ota_verified_image image = fix_verified(&x, OTA_SLOT_A);
    x.m.broken_write = x.layout.slot[OTA_SLOT_A];
    assert_int_equal(ota_store_mark_download(&x.s, OTA_SLOT_A), OTA_E_FLASH);
    assert_int_equal(ota_store_activate(&x.s, &image), OTA_E_FLASH);
    assert_int_equal(ota_store_trial(&x.s, OTA_SLOT_A), OTA_E_FLASH);
    assert_int_equal(ota_store_adopt(&x.s, OTA_SLOT_A), OTA_E_FLASH);
    assert_int_equal(ota_store_mark_factory(&x.s, OTA_SLOT_A), OTA_E_FLASH);
    assert_int_equal(ota_store_withdraw(&x.s, OTA_SLOT_A), OTA_E_FLASH);
    assert_int_equal(ota_store_settle(&x.s, OTA_SLOT_A, OTA_SLOT_CONFIRMED), OTA_E_FLASH);
    uint8_t byte = 0;
    assert_int_equal(ota_store_write(&x.s, OTA_SLOT_A, 0, (struct ota_span){ &byte, 1 }),
                     OTA_E_FLASH);
    fix_free(&x);
}

static void a_factory_slot_is_confirmed_with_sequence_0(void **state)
{
    (void)state;
    struct fix x;
    fix_init(&x, 8, 0xff);
    for (int twice = 0; twice < 2; twice++) {
        assert_int_equal(ota_store_mark_factory(&x.s, OTA_SLOT_A), OTA_OK);
        const struct ota_slot_facts facts = fix_facts(&x, OTA_SLOT_A);
        assert_int_equal(facts.sequence_mark, OTA_MARK_SET);
        assert_int_equal(facts.sequence, 0);
        assert_int_equal(fix_class(&x, OTA_SLOT_A), OTA_SLOT_CONFIRMED);
        assert_int_equal(x.m.ops, 3);
    }
    put_sequence(&x, OTA_SLOT_B, 1);
    assert_int_equal(ota_store_mark_factory(&x.s, OTA_SLOT_B), OTA_E_STATE);
    fix_free(&x);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_layout_that_does_not_fit_is_refused),
        cmocka_unit_test(a_geometry_that_trailers_cannot_have_is_refused),
        cmocka_unit_test(a_journal_half_holds_a_state_and_its_marks),
        cmocka_unit_test(a_trailer_has_sectors_of_its_own),
        cmocka_unit_test(a_slot_of_trailer_sectors_alone_is_refused),
        cmocka_unit_test(a_bootloader_begins_with_a_layout_that_was_opened_before),
        cmocka_unit_test(mcuboot_would_read_our_marks),
        cmocka_unit_test(a_trailer_is_these_bytes),
        cmocka_unit_test(a_single_bit_makes_its_field_torn_and_no_other),
        cmocka_unit_test(a_single_bit_off_makes_a_set_field_unset),
        cmocka_unit_test(trial_marks_are_counted_to_the_last_that_is_not_blank),
        cmocka_unit_test(facts_fail_as_a_whole_if_a_trailer_or_the_counter_cannot_be_read),
        cmocka_unit_test(opening_and_facts_never_look_at_the_journal),
        cmocka_unit_test(a_slot_is_what_its_marks_and_its_image_say),
        cmocka_unit_test(a_slot_is_erased_from_its_first_sector_to_its_trailer),
        cmocka_unit_test(a_failed_erase_is_not_counted),
        cmocka_unit_test(withdrawing_takes_the_header_first_and_the_trailer_next),
        cmocka_unit_test(a_short_last_unit_is_filled_up_with_erased_bytes),
        cmocka_unit_test(writes_end_where_the_room_for_an_image_ends),
        cmocka_unit_test(cleaning_erases_only_what_is_not_blank),
        cmocka_unit_test(a_download_is_marked_only_on_an_erased_trailer),
        cmocka_unit_test(an_activated_slot_is_one_newer_than_the_other),
        cmocka_unit_test(nothing_is_activated_over_marks_of_an_earlier_life),
        cmocka_unit_test(activating_twice_writes_once),
        cmocka_unit_test(a_slot_settles_only_as_the_successor_of_a_confirmed_one),
        cmocka_unit_test(only_a_slot_with_a_magic_is_confirmed),
        cmocka_unit_test(only_an_unmarked_slot_is_adopted),
        cmocka_unit_test(each_trial_writes_one_mark_until_there_is_no_room),
        cmocka_unit_test(a_flag_that_the_flash_does_not_take_is_an_error),
        cmocka_unit_test(a_part_that_refuses_is_reported_as_such),
        cmocka_unit_test(a_factory_slot_is_confirmed_with_sequence_0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
