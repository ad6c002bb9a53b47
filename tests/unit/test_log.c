/* Journal, counter, trust and identity: records that are found again, and what is not taken for one. */
#include "store_fixture.h"

#include "ota/crc.h"

/* --- records by hand, from docs/spec/flash.md -------------------------------------------- */

enum kind { K_STATE = 1, K_MARK = 2, K_COUNTER = 3, K_TRUST = 4, K_IDENTITY = 5, K_UNKNOWN = 200 };
enum { HEADER = 16, STATE_SIZE = 196 };

static void put32(uint8_t *to, uint32_t value)
{
    for (uint32_t i = 0; i < 4; i++) {
        to[i] = (uint8_t)(value >> 8 * i);
    }
}

/* A record at a flash offset; gives where the next one begins. */
static uint32_t put_record(struct fix *x, uint32_t at, uint8_t kind, uint32_t sequence,
                           struct ota_span payload)
{
    uint8_t *r = x->m.bytes + at;
    memcpy(r, "wr\x01", 3);
    r[3] = kind;
    put32(r + 4, (uint32_t)payload.len);
    put32(r + 8, sequence);
    if (payload.len > 0) {
        memcpy(r + HEADER, payload.ptr, payload.len);
    }
    put32(r + 12, ota_crc32(ota_crc32(0, (struct ota_span){ r, 12 }), payload));
    const uint32_t unit = x->m.base.write_size;
    return at + (HEADER + (uint32_t)payload.len + unit - 1) / unit * unit;
}

/* The payload of a state that is READY in slot B with mark 0. */
static struct ota_span ready_payload(uint8_t bytes[STATE_SIZE])
{
    memset(bytes, 0, STATE_SIZE);
    bytes[0] = OTA_JOURNAL_READY;
    bytes[1] = OTA_SLOT_B;
    return (struct ota_span){ bytes, STATE_SIZE };
}

static struct ota_journal sample(uint32_t n)
{
    struct ota_journal j = {
        .state = OTA_JOURNAL_RECEIVING,
        .slot = OTA_SLOT_B,
        .refusals = 2,
        .job_id_len = 5,
        .job_id = { 'j', 'o', 'b', '-', '7' },
        .execution = 0x0102030405060708u,
        .file_size = 0x00123456,
        .version = { 1, 2, 0x0304, 0x05060708 },
        .mark = n,
        .reason = OTA_REASON_REVERTED,
        .error = OTA_E_IMAGE_DIGEST,
        .reset_cause = OTA_RESET_WATCHDOG,
    };
    memset(j.bytes_id, 0xb1, sizeof j.bytes_id);
    memset(j.signature, 0x51, sizeof j.signature);
    return j;
}

static void assert_same(const struct ota_journal *a, const struct ota_journal *b)
{
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->slot, b->slot);
    assert_int_equal(a->refusals, b->refusals);
    assert_int_equal(a->job_id_len, b->job_id_len);
    assert_memory_equal(a->job_id, b->job_id, sizeof a->job_id);
    assert_true(a->execution == b->execution);
    assert_int_equal(a->file_size, b->file_size);
    assert_memory_equal(a->bytes_id, b->bytes_id, sizeof a->bytes_id);
    assert_memory_equal(a->signature, b->signature, sizeof a->signature);
    assert_memory_equal(&a->version, &b->version, sizeof a->version);
    assert_int_equal(a->mark, b->mark);
    assert_int_equal(a->reason, b->reason);
    assert_int_equal(a->error, b->error);
    assert_int_equal(a->reset_cause, b->reset_cause);
    assert_int_equal(a->files, b->files);
    assert_int_equal(a->file, b->file);
    assert_int_equal(a->no_image, b->no_image);
}

static uint32_t mark_in_flash(struct fix *x)
{
    struct ota_journal j;
    fix_restart(x);
    assert_int_equal(ota_journal_read(&x->s, &j), OTA_OK);
    return j.mark;
}

/* --- bytes ---------------------------------------------------------------------------------- */

/* docs/spec/flash.md, "Journal": the worked example; checksums by zlib. */
static void a_journal_is_these_bytes(void **state)
{
    (void)state;
    static const uint8_t head[] = {
        0x77, 0x72, 0x01, 0x01, 0xc4, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x2f,
        0x6e, 0x97, 0x3c, 0x02, 0x01, 0x02, 0x03, 0x05, 0x05, 0x00, 0x00, /* state, slot, refusals, reset, reason, id length */
        0xec, 0xff, 0xff, 0xff, 0x56, 0x34, 0x12, 0x00, /* error -20, file size */
        0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, /* execution */
        0x00, 0x10, 0x00, 0x00, 0x01, 0x02, 0x04, 0x03, 0x08, 0x07, 0x06, 0x05, /* mark, version */
    };
    static const uint8_t mark[] = {
        0x77, 0x72, 0x01, 0x02, 0x08, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00,
        0x69, 0xa0, 0x88, 0x7d, 0x01, 0x00, 0x00, 0x00, 0x00, 0x20, 0x00, 0x00,
    };
    struct fix x;
    fix_init(&x, 8, 0xff);
    const struct ota_journal j = sample(0x1000);
    assert_int_equal(ota_journal_write(&x.s, &j), OTA_OK);
    assert_int_equal(t_mark(&x.s, 0x2000), OTA_OK);
    const uint8_t *at = x.m.bytes + x.layout.journal.offset;
    assert_memory_equal(at, head, sizeof head);
    assert_memory_equal(at + sizeof head, j.bytes_id, 32);
    assert_memory_equal(at + sizeof head + 32, j.signature, 64);
    assert_memory_equal(at + sizeof head + 96, j.job_id, 64);
    assert_memory_equal(at + sizeof head + 160, "\xff\xff\xff\xff", 4);
    assert_memory_equal(at + 216, mark, sizeof mark);
    for (uint32_t i = 240; i < x.layout.journal.size; i++) {
        assert_int_equal(at[i], 0xff);
    }
    fix_free(&x);
}

/* docs/spec/flash.md, "Counter", "Trust", "Identity": the worked examples; checksums by zlib. */
static void counter_trust_and_identity_are_these_bytes(void **state)
{
    (void)state;
    static const uint8_t counter[] = {
        0x77, 0x72, 0x01, 0x03, 0x04, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,
        0xe4, 0xe5, 0x40, 0x12, 0x07, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff,
    };
    static const uint8_t trust_head[] = {
        0x77, 0x72, 0x01, 0x04, 0x55, 0x01, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,
        0x18, 0x49, 0x2f, 0xe3, 0x77, 0x6b, 0x65, 0x79, 0x01, 0x01, 0x02, 0x00,
        0x09, 0x00, 0x00, 0x00, 0x03, 0x02, 0x00, 0x00, 0x00, 0x00,
    };
    static const uint8_t identity[] = {
        0x77, 0x72, 0x01, 0x05, 0x04, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,
        0xb6, 0x42, 0x40, 0xf4, 'w',  'a',  'f',  't',  0xff, 0xff, 0xff, 0xff,
    };
    struct fix x;
    fix_init(&x, 8, 0xff);
    assert_int_equal(ota_store_counter_raise(&x.s, 7), OTA_OK);
    assert_memory_equal(x.m.bytes + x.layout.counter.offset, counter, sizeof counter);
    assert_int_equal(ota_store_identity_write(&x.s, OTA_SPAN_LIT("waft")), OTA_OK);
    assert_memory_equal(x.m.bytes + x.layout.identity.offset, identity, sizeof identity);

    struct ota_trust trust = {
        .version = 9, .hw_revision = 0x0203, .release_count = 1, .deployment_count = 2
    };
    memset(trust.vendor, 0x11, sizeof trust.vendor);
    memset(trust.class_id, 0x22, sizeof trust.class_id);
    memset(&trust.release[0], 0x33, sizeof trust.release[0]);
    memset(&trust.deployment[0], 0x44, sizeof trust.deployment[0]);
    memset(&trust.deployment[1], 0x55, sizeof trust.deployment[1]);
    assert_int_equal(ota_store_trust_write(&x.s, &trust), OTA_OK);
    const uint8_t *at = x.m.bytes + x.layout.trust.offset + HEADER;
    assert_memory_equal(at - HEADER, trust_head, sizeof trust_head);
    const struct {
        uint32_t at, len;
        uint8_t byte;
    } parts[] = {
        { 18, 16, 0x11 }, { 34, 16, 0x22 }, { 50, 97, 0x33 }, { 147, 97, 0x44 }, { 244, 97, 0x55 },
    };
    for (size_t i = 0; i < COUNT(parts); i++) {
        for (uint32_t k = 0; k < parts[i].len; k++) {
            assert_int_equal(at[parts[i].at + k], parts[i].byte);
        }
    }
    fix_free(&x);
}

/* --- round trips ------------------------------------------------------------------------------ */

static void check_round_trip(uint32_t write_size, uint8_t erased)
{
    struct fix x;
    fix_init(&x, write_size, erased);
    struct ota_journal j, got;
    memset(&got, 0xa5, sizeof got);
    const struct ota_journal untouched = got;
    assert_int_equal(ota_journal_read(&x.s, &got), OTA_E_NOT_FOUND);
    assert_memory_equal(&got, &untouched, sizeof got);
    for (uint32_t n = 0; n < 40; n++) {
        j = sample(n * FIX_SECTOR);
        j.job_id_len = (uint8_t)(n % 2 == 0 ? OTA_JOB_ID_MAX : 0);
        memset(j.job_id, n % 2 == 0 ? 'x' : 0, sizeof j.job_id);
        j.files = (uint8_t)(n + 11); /* to the most, 50 */
        j.file = (uint8_t)(n % 3 == 0 ? j.files : n);
        j.no_image = n % 2 != 0;
        assert_int_equal(ota_journal_write(&x.s, &j), OTA_OK);
        assert_int_equal(ota_journal_read(&x.s, &got), OTA_OK);
        assert_same(&got, &j);
        fix_restart(&x);
        assert_int_equal(ota_journal_read(&x.s, &got), OTA_OK);
        assert_same(&got, &j);
    }
    fix_free(&x);
}

static void a_journal_is_read_as_it_was_written(void **state)
{
    (void)state;
    fix_everywhere(check_round_trip);
}

static void check_marks(uint32_t write_size, uint8_t erased)
{
    struct fix x;
    fix_init(&x, write_size, erased);
    const struct ota_journal j = sample(8);
    assert_int_equal(t_mark(&x.s, 16), OTA_E_NOT_FOUND);
    assert_int_equal(ota_journal_write(&x.s, &j), OTA_OK);
    for (uint32_t n = 1; n < 300; n++) {
        assert_int_equal(t_mark(&x.s, 8 + n), OTA_OK);
        struct ota_journal want = j, got;
        want.mark = 8 + n;
        fix_restart(&x);
        assert_int_equal(ota_journal_read(&x.s, &got), OTA_OK);
        assert_same(&got, &want);
    }
    fix_free(&x);
}

static void a_mark_changes_the_mark_and_nothing_else_through_every_turn_over(void **state)
{
    (void)state;
    fix_everywhere(check_marks);
}

static void a_mark_belongs_to_the_state_before_it(void **state)
{
    (void)state;
    struct fix x;
    fix_init(&x, 8, 0xff);
    struct ota_journal j = sample(0x1000);
    assert_int_equal(ota_journal_write(&x.s, &j), OTA_OK);
    assert_int_equal(t_mark(&x.s, 0x9000), OTA_OK);
    j.mark = 0; /* the bytes are gone: from the beginning (H16) */
    assert_int_equal(ota_journal_write(&x.s, &j), OTA_OK);
    assert_int_equal(mark_in_flash(&x), 0);
    /* The newest state rots: its mark must not be taken for one of the older state. */
    assert_int_equal(t_mark(&x.s, 0x3000), OTA_OK);
    assert_int_equal(mark_in_flash(&x), 0x3000);
    flash_model_rot(&x.m, x.layout.journal.offset + 216 + 24 + 100, 0);
    assert_int_equal(mark_in_flash(&x), 0x9000);
    fix_free(&x);
}

static void what_looks_like_a_mark_and_is_none_is_skipped(void **state)
{
    (void)state;
    struct fix x;
    fix_init(&x, 8, 0xff);
    uint8_t payload[STATE_SIZE], mark[8];
    uint32_t at = put_record(&x, x.layout.journal.offset, K_STATE, 1, ready_payload(payload));
    put32(mark, 1);
    put32(mark + 4, 0x1000);
    at = put_record(&x, at, K_MARK, 2, OTA_SPAN_OF(mark));
    put32(mark + 4, 0x2000);
    at = put_record(&x, at, K_MARK, 3, (struct ota_span){ mark, 7 }); /* a byte short */
    at = put_record(&x, at, K_UNKNOWN, 4, OTA_SPAN_OF(mark));
    put32(mark, 0);
    put_record(&x, at, K_MARK, 5, OTA_SPAN_OF(mark)); /* of another state */
    assert_int_equal(mark_in_flash(&x), 0x1000);
    fix_free(&x);
}

/* A header that begins so near to a half's end that it would end behind it. */
static void a_header_that_crosses_the_middle_is_none(void **state)
{
    (void)state;
    struct fix x;
    fix_init(&x, 8, 0xff);
    uint8_t payload[STATE_SIZE];
    const uint32_t middle = x.layout.journal.offset + x.layout.journal.size / 2;
    put_record(&x, middle - 8, K_STATE, 9, OTA_SPAN_NONE);
    put_record(&x, x.layout.journal.offset, K_STATE, 1, ready_payload(payload));
    assert_int_equal(mark_in_flash(&x), 0);
    fix_free(&x);
}

static void the_counter_only_rises(void **state)
{
    (void)state;
    static const uint32_t edges[] = { 1, 2, 0x7fffffff, 0x80000000, UINT32_MAX - 1, UINT32_MAX };
    struct fix x;
    fix_init(&x, 8, 0xff);
    struct ota_store_facts facts;
    assert_int_equal(ota_store_counter_raise(&x.s, 0), OTA_OK);
    assert_int_equal(x.m.ops, 0);
    for (size_t i = 0; i < COUNT(edges); i++) {
        assert_int_equal(ota_store_counter_raise(&x.s, edges[i]), OTA_OK);
        for (size_t k = 0; k <= i; k++) {
            fix_restart(&x);
            assert_int_equal(ota_store_counter_raise(&x.s, edges[k]), OTA_OK);
            assert_int_equal(ota_store_facts(&x.s, &facts), OTA_OK);
            assert_int_equal(facts.counter, edges[i]);
            assert_int_equal(x.m.ops, 0);
        }
    }
    fix_free(&x);
}

static void trust_is_read_as_it_was_written(void **state)
{
    (void)state;
    for (uint32_t counts = 0; counts < 9; counts++) {
        struct fix x;
        fix_init(&x, 32, 0x00);
        struct ota_trust trust, got;
        memset(&trust, 0, sizeof trust);
        trust.hw_revision = 0xfffe;
        trust.release_count = (uint8_t)(counts / 3);
        trust.deployment_count = (uint8_t)(counts % 3);
        memset(trust.vendor, 0x17, sizeof trust.vendor);
        memset(trust.class_id, 0x18, sizeof trust.class_id);
        memset(trust.release, 0x19, sizeof trust.release[0] * trust.release_count);
        memset(trust.deployment, 0x20, sizeof trust.deployment[0] * trust.deployment_count);
        memset(&got, 0xa5, sizeof got);
        assert_int_equal(ota_store_trust_write(&x.s, &trust), OTA_OK);
        fix_restart(&x);
        assert_int_equal(ota_store_trust(&x.s, &got), OTA_OK);
        assert_memory_equal(got.vendor, trust.vendor, sizeof got.vendor);
        assert_memory_equal(got.class_id, trust.class_id, sizeof got.class_id);
        assert_int_equal(got.hw_revision, trust.hw_revision);
        assert_int_equal(got.release_count, trust.release_count);
        assert_int_equal(got.deployment_count, trust.deployment_count);
        assert_memory_equal(got.release, trust.release,
                            trust.release_count * sizeof got.release[0]);
        assert_memory_equal(got.deployment, trust.deployment,
                            trust.deployment_count * sizeof got.deployment[0]);
        fix_free(&x);
    }
}

static void without_good_trust_nobody_is_trusted(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        uint32_t at; /* one byte of the head, set to */
        uint8_t byte;
        uint32_t len;
        ota_err_t want;
    } rows[] = {
        { "one of each", 5, 1, 50 + 2 * 97, OTA_OK },
        { "with fields of a later format", 5, 1, 50 + 2 * 97 + 9, OTA_OK },
        { "a byte short", 5, 1, 50 + 2 * 97 - 1, OTA_E_NOT_FOUND },
        { "three release keys", 5, 3, 50 + 4 * 97, OTA_E_NOT_FOUND },
        { "three deployment keys", 6, 3, 50 + 4 * 97, OTA_E_NOT_FOUND },
        { "255 release keys", 5, 255, 50 + 4 * 97, OTA_E_NOT_FOUND },
        { "nine revocations", 7, 9, 50 + 4 * 97, OTA_E_NOT_FOUND },
        { "another format", 4, 2, 50 + 4 * 97, OTA_E_NOT_FOUND },
        { "another magic", 0, 'W', 50 + 4 * 97, OTA_E_NOT_FOUND },
        { "head a byte short", 5, 0, 49, OTA_E_NOT_FOUND },
        { "nothing", 0, 0, 0, OTA_E_NOT_FOUND },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fix x;
        fix_init(&x, 8, 0xff);
        uint8_t payload[50 + 4 * 97] = { 'w', 'k', 'e', 'y', 1, 1, 1 };
        payload[rows[i].at] = rows[i].byte;
        put_record(&x, x.layout.trust.offset, K_TRUST, 1,
                   (struct ota_span){ payload, rows[i].len });
        struct ota_trust trust;
        memset(&trust, 0xa5, sizeof trust);
        CHECK_ROW(rows[i].why, ota_store_trust(&x.s, &trust) == rows[i].want);
        if (rows[i].want != OTA_OK) {
            CHECK_ROW(rows[i].why, trust.release_count == 0 && trust.deployment_count == 0);
        }
        fix_free(&x);
    }
}

static void a_trust_record_that_fails_on_reading_leaves_no_key(void **state)
{
    (void)state;
    struct fix x;
    fix_init(&x, 8, 0xff);
    struct ota_trust trust = { .release_count = 2, .deployment_count = 2 };
    assert_int_equal(ota_store_trust_write(&x.s, &trust), OTA_OK);
    x.m.broken_read = (struct ota_region){ x.layout.trust.offset + HEADER + 50 + 3 * 97, 1 };
    memset(&trust, 0xa5, sizeof trust);
    trust.release_count = 0;
    trust.deployment_count = 0;
    assert_int_equal(ota_store_trust(&x.s, &trust), OTA_E_FLASH);
    assert_int_equal(trust.release_count + trust.deployment_count, 0);
    fix_free(&x);
}

static void an_identity_is_any_bytes_that_fit_a_half(void **state)
{
    (void)state;
    struct fix x;
    fix_init(&x, 8, 0xff);
    uint8_t bytes[FIX_SECTOR], room[FIX_SECTOR];
    memset(bytes, 0x1d, sizeof bytes);
    static const uint32_t sizes[] = { 0, 1, 17, FIX_SECTOR - HEADER };
    struct ota_span got = OTA_SPAN_NONE;
    assert_int_equal(ota_store_identity(&x.s, OTA_BUF_OF(room), &got), OTA_E_NOT_FOUND);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        const struct ota_span want = { bytes, sizes[i] };
        assert_int_equal(ota_store_identity_write(&x.s, want), OTA_OK);
        fix_restart(&x);
        uint8_t *exact = t_exact(room, sizes[i]);
        assert_int_equal(ota_store_identity(&x.s, (struct ota_buf){ exact, sizes[i] }, &got),
                         OTA_OK);
        assert_true(ota_span_eq(got, want));
        free(exact);
    }
    const struct ota_buf small = { room, FIX_SECTOR - HEADER - 1 };
    assert_int_equal(ota_store_identity(&x.s, small, &got), OTA_E_TOO_LARGE);
    const struct ota_span large = { bytes, FIX_SECTOR - HEADER + 1 };
    assert_int_equal(ota_store_identity_write(&x.s, large), OTA_E_TOO_LARGE);
    assert_int_equal(x.m.ops, 0);
    fix_free(&x);
}

/* --- what is not a record ------------------------------------------------------------------------ */

static void check_flipped_bytes(uint32_t write_size, uint8_t erased)
{
    struct fix x;
    fix_init(&x, write_size, erased);
    const struct ota_journal old = sample(FIX_SECTOR), new = sample(2 * FIX_SECTOR);
    assert_int_equal(ota_journal_write(&x.s, &old), OTA_OK);
    const uint32_t at = x.s.journal.end;
    assert_int_equal(ota_journal_write(&x.s, &new), OTA_OK);
    for (uint32_t i = 0; i < HEADER + STATE_SIZE; i++) {
        uint8_t *whole = flash_model_save(&x.m);
        flash_model_rot(&x.m, at + i, i % 8);
        assert_int_equal(mark_in_flash(&x), FIX_SECTOR);
        /* Whatever the byte was, one can go on: nothing is programmed twice, and it is the newest. */
        const struct ota_journal next = sample(3 * FIX_SECTOR);
        assert_int_equal(ota_journal_write(&x.s, &next), OTA_OK);
        assert_int_equal(mark_in_flash(&x), 3 * FIX_SECTOR);
        flash_model_load(&x.m, whole);
        free(whole);
    }
    fix_free(&x);
}

static void with_any_byte_flipped_the_record_before_is_the_newest(void **state)
{
    (void)state;
    fix_everywhere(check_flipped_bytes);
}

static void every_prefix_of_a_record_is_none(void **state)
{
    (void)state;
    struct fix x;
    fix_init(&x, 1, 0xff);
    uint8_t payload[STATE_SIZE];
    const struct ota_journal old = sample(FIX_SECTOR);
    assert_int_equal(ota_journal_write(&x.s, &old), OTA_OK);
    uint8_t *before = flash_model_save(&x.m);
    const uint32_t at = x.s.journal.end;
    for (uint32_t len = 0; len <= HEADER + STATE_SIZE; len++) {
        flash_model_load(&x.m, before);
        put_record(&x, at, K_STATE, 2, ready_payload(payload));
        memset(x.m.bytes + at + len, 0xff, HEADER + STATE_SIZE - len);
        assert_int_equal(mark_in_flash(&x), len < HEADER + STATE_SIZE ? FIX_SECTOR : 0);
        const struct ota_journal next = sample(3 * FIX_SECTOR);
        assert_int_equal(ota_journal_write(&x.s, &next), OTA_OK);
        assert_int_equal(mark_in_flash(&x), 3 * FIX_SECTOR);
    }
    free(before);
    fix_free(&x);
}

static void headers_that_lie_are_stepped_over(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        uint32_t at; /* in the record */
        uint8_t bytes[4];
        uint32_t count;
    } rows[] = {
        { "another magic", 0, { 'W' }, 1 },
        { "another format", 2, { 2 }, 1 },
        { "erased kind", 3, { 0xff }, 1 },
        { "length 0", 4, { 0, 0, 0, 0 }, 4 },
        { "length one over", 4, { STATE_SIZE + 1 }, 1 },
        { "length to the half's end", 4, { 0xf0, 0x09, 0, 0 }, 4 },
        { "length one behind the half's end", 4, { 0xf1, 0x09, 0, 0 }, 4 },
        { "length that wraps", 4, { 0xf0, 0xff, 0xff, 0xff }, 4 },
        { "erased length", 4, { 0xff, 0xff, 0xff, 0xff }, 4 },
        { "erased sequence", 8, { 0xff, 0xff, 0xff, 0xff }, 4 },
        { "erased CRC", 12, { 0xff, 0xff, 0xff, 0xff }, 4 },
        { "zero CRC", 12, { 0, 0, 0, 0 }, 4 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fix x;
        fix_init(&x, 8, 0xff);
        uint8_t payload[STATE_SIZE];
        const uint32_t at = x.layout.journal.offset;
        const uint32_t behind = put_record(&x, at, K_STATE, 9, ready_payload(payload));
        memcpy(x.m.bytes + at + rows[i].at, rows[i].bytes, rows[i].count);
        struct ota_journal j;
        CHECK_ROW(rows[i].why, ota_journal_read(&x.s, &j) == OTA_E_NOT_FOUND);
        /* A good record behind the lie is found. */
        put_record(&x, behind, K_STATE, 3, ready_payload(payload));
        fix_restart(&x);
        CHECK_ROW(rows[i].why,
                  ota_journal_read(&x.s, &j) == OTA_OK && j.state == OTA_JOURNAL_READY);
        fix_free(&x);
    }
}

static void what_only_newer_images_write_is_skipped(void **state)
{
    (void)state;
    struct fix x;
    fix_init(&x, 8, 0xff);
    uint8_t payload[STATE_SIZE + 20];
    memset(payload, 0, sizeof payload);
    uint32_t at = put_record(&x, x.layout.journal.offset, K_STATE, 5, ready_payload(payload));
    at = put_record(&x, at, K_UNKNOWN, 6, OTA_SPAN_LIT("whatever it is"));
    at = put_record(&x, at, K_UNKNOWN, 7, OTA_SPAN_NONE);
    struct ota_journal j;
    assert_int_equal(ota_journal_read(&x.s, &j), OTA_OK);
    assert_int_equal(j.state, OTA_JOURNAL_READY);
    /* Its number is not given out again. */
    assert_int_equal(t_mark(&x.s, 64), OTA_OK);
    assert_int_equal(x.m.bytes[at + 8], 8);
    assert_int_equal(mark_in_flash(&x), 64);
    /* A state with fields behind those that we know: the ones that we know count. */
    payload[0] = OTA_JOURNAL_TESTING;
    put_record(&x, at + 24, K_STATE, 9, OTA_SPAN_OF(payload));
    fix_restart(&x);
    assert_int_equal(ota_journal_read(&x.s, &j), OTA_OK);
    assert_int_equal(j.state, OTA_JOURNAL_TESTING);
    fix_free(&x);
}

/* Newer image, then a revert: the other half begins with a record that we do not know. Ours stays. */
static void a_half_with_the_newest_state_is_not_erased_for_unknown_records(void **state)
{
    (void)state;
    struct fix x;
    fix_init(&x, 8, 0xff);
    uint8_t payload[STATE_SIZE];
    const uint32_t half = x.layout.journal.size / 2;
    put_record(&x, x.layout.journal.offset, K_STATE, 5, ready_payload(payload));
    put_record(&x, x.layout.journal.offset + half, K_UNKNOWN, 6, OTA_SPAN_LIT("newer"));
    struct ota_journal j;
    for (uint32_t n = 1; n <= 200; n++) {
        fix_restart(&x);
        flash_model_cut(&x.m, n, FLASH_CUT_BEFORE);
        (void)!t_mark(&x.s, n * 8);
        fix_restart(&x);
        assert_int_equal(ota_journal_read(&x.s, &j), OTA_OK);
        assert_int_equal(j.state, OTA_JOURNAL_READY);
        fix_restart(&x);
        assert_int_equal(t_mark(&x.s, n * 8), OTA_OK);
    }
    fix_free(&x);
}

static void a_state_that_cannot_be_understood_is_as_none(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        uint32_t at;
        uint8_t byte;
        ota_err_t want;
    } rows[] = {
        { "newest state", 0, OTA_JOURNAL_APPLYING, OTA_OK },
        { "a state that is not ours yet", 0, OTA_JOURNAL_APPLYING + 1, OTA_E_NOT_FOUND },
        { "erased state", 0, 0xff, OTA_E_NOT_FOUND },
        { "slot A", 1, OTA_SLOT_A, OTA_OK },
        { "slot C", 1, 2, OTA_E_NOT_FOUND },
        { "longest job id", 5, OTA_JOB_ID_MAX, OTA_OK },
        { "job id, one over", 5, OTA_JOB_ID_MAX + 1, OTA_E_NOT_FOUND },
        { "job id of 255", 5, 255, OTA_E_NOT_FOUND },
        { "as many data files as there can be", 6, 50, OTA_OK },
        { "one more", 6, 51, OTA_E_NOT_FOUND },
        { "no image", 6, 0x80, OTA_OK },
        { "no image, 51 data files", 6, 0x80 + 51, OTA_E_NOT_FOUND },
        { "more files here than there are", 7, 1, OTA_E_NOT_FOUND },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fix x;
        fix_init(&x, 8, 0xff);
        uint8_t payload[STATE_SIZE];
        ready_payload(payload);
        payload[rows[i].at] = rows[i].byte;
        put_record(&x, x.layout.journal.offset, K_STATE, 1, OTA_SPAN_OF(payload));
        struct ota_journal j, before;
        memset(&j, 0xa5, sizeof j);
        before = j;
        CHECK_ROW(rows[i].why, ota_journal_read(&x.s, &j) == rows[i].want);
        CHECK_ROW(rows[i].why, rows[i].want == OTA_OK || memcmp(&j, &before, sizeof j) == 0);
        fix_free(&x);
    }
}

static void every_shorter_state_is_as_none(void **state)
{
    (void)state;
    uint8_t payload[STATE_SIZE];
    ready_payload(payload);
    for (uint32_t len = 0; len <= STATE_SIZE; len++) {
        struct fix x;
        fix_init(&x, 8, 0xff);
        put_record(&x, x.layout.journal.offset, K_STATE, 1, (struct ota_span){ payload, len });
        struct ota_journal j;
        assert_int_equal(ota_journal_read(&x.s, &j), len < STATE_SIZE ? OTA_E_NOT_FOUND : OTA_OK);
        fix_free(&x);
    }
}

static void an_unknown_reason_is_still_an_end_to_report(void **state)
{
    (void)state;
    struct fix x;
    fix_init(&x, 8, 0xff);
    uint8_t payload[STATE_SIZE];
    ready_payload(payload);
    payload[0] = OTA_JOURNAL_REPORT_FAIL;
    payload[4] = OTA_REASON_LAST + 1;
    put_record(&x, x.layout.journal.offset, K_STATE, 1, OTA_SPAN_OF(payload));
    struct ota_journal j;
    assert_int_equal(ota_journal_read(&x.s, &j), OTA_OK);
    assert_int_equal(j.reason, OTA_REASON_ERROR);
    fix_free(&x);
}

static void records_of_another_log_are_not_taken(void **state)
{
    (void)state;
    struct fix x;
    fix_init(&x, 8, 0xff);
    static const uint8_t payload[STATE_SIZE] = { 7 };
    put_record(&x, x.layout.counter.offset, K_TRUST, 1, OTA_SPAN_OF(payload));
    put_record(&x, x.layout.trust.offset, K_COUNTER, 1, OTA_SPAN_OF(payload));
    put_record(&x, x.layout.journal.offset, K_IDENTITY, 1, OTA_SPAN_OF(payload));
    put_record(&x, x.layout.identity.offset, K_STATE, 1, OTA_SPAN_OF(payload));
    struct ota_store_facts facts;
    struct ota_trust trust;
    struct ota_journal j;
    struct ota_span identity;
    uint8_t room[8];
    assert_int_equal(ota_store_facts(&x.s, &facts), OTA_OK);
    assert_int_equal(facts.counter, 0);
    assert_int_equal(ota_store_trust(&x.s, &trust), OTA_E_NOT_FOUND);
    assert_int_equal(ota_journal_read(&x.s, &j), OTA_E_NOT_FOUND);
    assert_int_equal(ota_store_identity(&x.s, OTA_BUF_OF(room), &identity), OTA_E_NOT_FOUND);
    fix_free(&x);
}

static void a_counter_record_that_is_too_short_fails_closed(void **state)
{
    (void)state;
    struct fix x;
    fix_init(&x, 8, 0xff);
    put_record(&x, x.layout.counter.offset, K_COUNTER, 1, OTA_SPAN_LIT("\x07\x00\x00"));
    struct ota_store_facts facts;
    assert_int_equal(ota_store_facts(&x.s, &facts), OTA_E_FLASH_READ_BACK);
    fix_free(&x);
}

static void check_garbage(uint32_t write_size, uint8_t erased)
{
    for (uint32_t round = 0; round < 12; round++) {
        struct fix x;
        fix_init(&x, write_size, erased);
        uint32_t seed = 0x5eed0200u + round;
        /* One half, the other, both; random, all zero, all one, magics without end. */
        const uint32_t half = x.layout.journal.size / 2;
        for (uint32_t i = 0; i < 2 * half; i++) {
            const uint8_t fills[] = { (uint8_t)t_random(&seed), 0x00, 0xff,
                                      (uint8_t) "wr\x01\x01"[i % 4] };
            if (((round % 3 + 1) >> (i >= half) & 1) != 0) {
                x.m.bytes[x.layout.journal.offset + i] = fills[round / 3];
            }
        }
        struct ota_journal j = sample(FIX_SECTOR), got;
        assert_int_equal(ota_journal_read(&x.s, &got), OTA_E_NOT_FOUND);
        for (uint32_t n = 1; n < 30; n++) {
            j.mark = n;
            assert_int_equal(ota_journal_write(&x.s, &j), OTA_OK);
            assert_int_equal(mark_in_flash(&x), n);
        }
        fix_free(&x);
    }
}

static void garbage_is_neither_read_nor_programmed_over(void **state)
{
    (void)state;
    fix_everywhere(check_garbage);
}

/* --- flash that is not well ------------------------------------------------------------------------ */

static void a_record_that_flash_does_not_take_changes_nothing(void **state)
{
    (void)state;
    struct fix x;
    fix_init(&x, 8, 0xff);
    const struct ota_journal old = sample(8), new = sample(16);
    assert_int_equal(ota_journal_write(&x.s, &old), OTA_OK);
    /* Each piece of the record in turn is not taken. */
    for (uint32_t piece = 0; piece < HEADER + STATE_SIZE; piece += 32) {
        uint8_t *before = flash_model_save(&x.m);
        fix_restart(&x);
        x.m.deaf = (struct ota_region){ x.layout.journal.offset + 216 + piece, 1 };
        assert_int_equal(ota_journal_write(&x.s, &new), OTA_E_FLASH_READ_BACK);
        x.m.deaf.size = 0;
        struct ota_journal got;
        assert_int_equal(ota_journal_read(&x.s, &got), OTA_OK);
        assert_same(&got, &old);
        /* And without a restart, the next one goes behind the dirt. */
        assert_int_equal(ota_journal_write(&x.s, &new), OTA_OK);
        assert_int_equal(mark_in_flash(&x), 16);
        flash_model_load(&x.m, before);
        free(before);
    }
    x.m.broken_write = x.layout.journal;
    assert_int_equal(ota_journal_write(&x.s, &new), OTA_E_FLASH);
    assert_int_equal(t_mark(&x.s, 16), OTA_E_FLASH);
    assert_int_equal(mark_in_flash(&x), 8);
    fix_free(&x);
}

static void a_record_that_rots_while_in_use_is_noticed(void **state)
{
    (void)state;
    struct fix x;
    fix_init(&x, 8, 0xff);
    struct ota_store_facts facts;
    assert_int_equal(ota_store_counter_raise(&x.s, 3), OTA_OK);
    assert_int_equal(ota_store_counter_raise(&x.s, 4), OTA_OK);
    assert_int_equal(ota_store_facts(&x.s, &facts), OTA_OK);
    flash_model_rot(&x.m, x.layout.counter.offset + 24 + HEADER, 2); /* 4 becomes 0 */
    assert_int_equal(ota_store_facts(&x.s, &facts), OTA_E_FLASH_READ_BACK);
    assert_int_equal(ota_store_facts(&x.s, &facts), OTA_OK);
    assert_int_equal(facts.counter, 3);
    fix_free(&x);
}

static void a_log_that_cannot_be_read_is_an_error_and_is_not_written(void **state)
{
    (void)state;
    struct fix x;
    fix_init(&x, 8, 0xff);
    const struct ota_journal j = sample(8);
    x.m.broken_read = (struct ota_region){ x.layout.journal.offset + 3000, 1 };
    struct ota_journal got;
    assert_int_equal(ota_journal_read(&x.s, &got), OTA_E_FLASH);
    assert_int_equal(ota_journal_write(&x.s, &j), OTA_E_FLASH);
    assert_int_equal(t_mark(&x.s, 1), OTA_E_FLASH);
    assert_int_equal(x.m.ops, 0);
    fix_free(&x);
}

/* --- turning over -------------------------------------------------------------------------------------- */

static void sequences_may_wrap(void **state)
{
    (void)state;
    struct fix x;
    fix_init(&x, 8, 0xff);
    uint8_t payload[STATE_SIZE];
    put_record(&x, x.layout.journal.offset, K_STATE, UINT32_MAX - 3, ready_payload(payload));
    for (uint32_t n = 1; n < 60; n++) {
        const struct ota_journal j = sample(n);
        assert_int_equal(ota_journal_write(&x.s, &j), OTA_OK);
        assert_int_equal(mark_in_flash(&x), n);
    }
    fix_free(&x);
}

/* One update: each state once, 63 marks: fits into less than a half of the board's 4 KiB. */
static void an_update_erases_a_journal_half_at_most_once(void **state)
{
    (void)state;
    static const struct ota_layout layout = {
        .slot = { { 0x8000, 0x4000 }, { 0xc000, 0x4000 } },
        .journal = { 0, 0x2000 },
        .counter = { 0x2000, 0x2000 },
        .trust = { 0x4000, 0x2000 },
        .identity = { 0x6000, 0x2000 },
    };
    struct flash_model m;
    struct ota_store s;
    flash_model_init(
        &m, &(struct flash_geometry){ .sectors = 16, .sector_size = 0x1000, .write_size = 8 });
    assert_int_equal(ota_store_open(&s, &m.base, &layout), OTA_OK);
    enum { UPDATES = 50 };
    for (uint32_t update = 0; update < UPDATES; update++) {
        for (uint32_t st = OTA_JOURNAL_CLAIMED; st <= OTA_JOURNAL_REPORT_OK; st++) {
            struct ota_journal j = sample(0);
            j.state = (enum ota_journal_state)st;
            assert_int_equal(ota_journal_write(&s, &j), OTA_OK);
            for (uint32_t mark = 1; st == OTA_JOURNAL_RECEIVING && mark < 64; mark++) {
                assert_int_equal(t_mark(&s, mark), OTA_OK);
            }
        }
    }
    assert_in_range(m.erases[0], 1, UPDATES / 2);
    assert_in_range(m.erases[1], 1, UPDATES / 2);
    assert_int_equal(flash_model_faults(&m), 0);
    flash_model_free(&m);
}

static void marks_are_set_each_sector_or_each_64th(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        uint32_t file_size, want;
    } rows[] = {
        { "nothing", 0, 512 },
        { "a byte", 1, 512 },
        { "64 sectors", 64 * 512, 512 },
        { "a sector more, rounded up", 65 * 512, 1024 },
        { "a mebibyte", 1 << 20, 16384 },
        { "largest", UINT32_MAX, 1 << 26 },
    };
    struct fix x;
    fix_init(&x, 8, 0xff);
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_ROW(rows[i].why, ota_journal_mark_interval(&x.s, rows[i].file_size) == rows[i].want);
    }
    fix_free(&x);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_journal_is_these_bytes),
        cmocka_unit_test(counter_trust_and_identity_are_these_bytes),
        cmocka_unit_test(a_journal_is_read_as_it_was_written),
        cmocka_unit_test(a_mark_changes_the_mark_and_nothing_else_through_every_turn_over),
        cmocka_unit_test(a_mark_belongs_to_the_state_before_it),
        cmocka_unit_test(what_looks_like_a_mark_and_is_none_is_skipped),
        cmocka_unit_test(a_header_that_crosses_the_middle_is_none),
        cmocka_unit_test(the_counter_only_rises),
        cmocka_unit_test(trust_is_read_as_it_was_written),
        cmocka_unit_test(without_good_trust_nobody_is_trusted),
        cmocka_unit_test(a_trust_record_that_fails_on_reading_leaves_no_key),
        cmocka_unit_test(an_identity_is_any_bytes_that_fit_a_half),
        cmocka_unit_test(with_any_byte_flipped_the_record_before_is_the_newest),
        cmocka_unit_test(every_prefix_of_a_record_is_none),
        cmocka_unit_test(headers_that_lie_are_stepped_over),
        cmocka_unit_test(what_only_newer_images_write_is_skipped),
        cmocka_unit_test(a_half_with_the_newest_state_is_not_erased_for_unknown_records),
        cmocka_unit_test(a_state_that_cannot_be_understood_is_as_none),
        cmocka_unit_test(every_shorter_state_is_as_none),
        cmocka_unit_test(an_unknown_reason_is_still_an_end_to_report),
        cmocka_unit_test(records_of_another_log_are_not_taken),
        cmocka_unit_test(a_counter_record_that_is_too_short_fails_closed),
        cmocka_unit_test(garbage_is_neither_read_nor_programmed_over),
        cmocka_unit_test(a_record_that_flash_does_not_take_changes_nothing),
        cmocka_unit_test(a_record_that_rots_while_in_use_is_noticed),
        cmocka_unit_test(a_log_that_cannot_be_read_is_an_error_and_is_not_written),
        cmocka_unit_test(sequences_may_wrap),
        cmocka_unit_test(an_update_erases_a_journal_half_at_most_once),
        cmocka_unit_test(marks_are_set_each_sector_or_each_64th),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
