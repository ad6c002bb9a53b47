/* The identity record of a device process: written by the factory, read as if by an enemy. */
#include "t.h"

#include "posix_identity.h"

#define FIELD(type, len) type, 0, len, 0

/* Built by hand from the table in the header, not by the writer. */
static const uint8_t golden[] = {
    FIELD(1, 3), 't', '-',         '1', FIELD(2, 3), 'K',         'E', 'Y', FIELD(3, 2),
    'C',         'E', FIELD(4, 2), 'C', 'A',         FIELD(5, 2), 'm', 'y',
};

/* Sentinels by which a test sees that nothing was touched. */
static struct posix_identity untouched(void)
{
    return (struct posix_identity){ .thing = OTA_SPAN_LIT("before") };
}

static ota_err_t read_exact(struct ota_span record, struct posix_identity *identity)
{
    uint8_t *copy = t_exact(record.ptr, record.len);
    ota_err_t err = posix_identity_read((struct ota_span){ copy, record.len }, identity);
    if (err == OTA_OK) { /* the answer borrows: only whether it is one counts here */
        *identity = (struct posix_identity){ .thing = OTA_SPAN_NONE };
    }
    free(copy);
    return err;
}

static void reads_every_field(void **state)
{
    (void)state;
    struct posix_identity id;
    assert_int_equal(posix_identity_read(OTA_SPAN_OF(golden), &id), OTA_OK);
    assert_true(ota_span_eq(id.thing, OTA_SPAN_LIT("t-1")));
    assert_true(ota_span_eq(id.key_pem, OTA_SPAN_LIT("KEY")));
    assert_true(ota_span_eq(id.cert_pem, OTA_SPAN_LIT("CE")));
    assert_true(ota_span_eq(id.ca_pem, OTA_SPAN_LIT("CA")));
    assert_true(ota_span_eq(id.topic_root, OTA_SPAN_LIT("my")));
}

static void writes_what_it_reads(void **state)
{
    (void)state;
    struct posix_identity id;
    uint8_t room[sizeof golden];
    assert_int_equal(posix_identity_read(OTA_SPAN_OF(golden), &id), OTA_OK);
    struct ota_writer w = ota_writer(OTA_BUF_OF(room));
    posix_identity_write(&w, &id);
    assert_true(ota_span_eq(ota_writer_done(&w), OTA_SPAN_OF(golden)));
}

static void a_record_that_does_not_fit_is_not_half_written(void **state)
{
    (void)state;
    struct posix_identity id;
    uint8_t room[sizeof golden - 1];
    assert_int_equal(posix_identity_read(OTA_SPAN_OF(golden), &id), OTA_OK);
    struct ota_writer w = ota_writer(OTA_BUF_OF(room));
    posix_identity_write(&w, &id);
    assert_int_equal(ota_writer_done(&w).len, 0);
}

static void a_field_beyond_its_length_is_not_written(void **state)
{
    (void)state;
    static uint8_t large[UINT16_MAX + 1u], room[2 * sizeof large];
    memset(large, 'x', sizeof large);
    struct posix_identity id = { OTA_SPAN_LIT("t"), OTA_SPAN_OF(large), OTA_SPAN_LIT("c"),
                                 OTA_SPAN_LIT("a"), OTA_SPAN_NONE };
    struct ota_writer w = ota_writer(OTA_BUF_OF(room));
    posix_identity_write(&w, &id);
    assert_true(w.bad);
    id.key_pem.len--;
    w = ota_writer(OTA_BUF_OF(room));
    posix_identity_write(&w, &id);
    assert_false(w.bad);
}

static void no_prefix_is_taken_for_the_whole(void **state)
{
    (void)state;
    const size_t without_root = sizeof golden - 6; /* the last field may be absent */
    for (size_t len = 0; len < sizeof golden; len++) {
        struct posix_identity id = untouched();
        ota_err_t err = read_exact((struct ota_span){ golden, len }, &id);
        if (len == without_root) {
            assert_int_equal(err, OTA_OK);
            continue;
        }
        assert_true(err == OTA_E_TRUNCATED || err == OTA_E_NOT_FOUND);
        assert_true(ota_span_eq(id.thing, OTA_SPAN_LIT("before")));
    }
}

#define KEYS     FIELD(2, 1), 'k', FIELD(3, 1), 'c', FIELD(4, 1), 'a'
#define ROW(...) OTA_SPAN_OF(((const uint8_t[]){ __VA_ARGS__ }))

static void refuses_what_the_table_does_not_allow(void **state)
{
    (void)state;
    const struct {
        const char *why;
        struct ota_span record;
        ota_err_t want;
    } rows[] = {
        { "as it should be", ROW(FIELD(1, 1), 't', KEYS), OTA_OK },
        { "any order", ROW(KEYS, FIELD(1, 1), 't'), OTA_OK },
        { "unknown type, skipped", ROW(9, 9, 1, 0, 'x', FIELD(1, 1), 't', KEYS), OTA_OK },
        { "type 0, skipped", ROW(FIELD(0, 0), FIELD(1, 1), 't', KEYS), OTA_OK },
        { "type 6, skipped", ROW(FIELD(6, 0), FIELD(1, 1), 't', KEYS), OTA_OK },
        { "no thing", ROW(KEYS), OTA_E_NOT_FOUND },
        { "empty thing", ROW(FIELD(1, 0), KEYS), OTA_E_NOT_FOUND },
        { "no key", ROW(FIELD(1, 1), 't', FIELD(3, 1), 'c', FIELD(4, 1), 'a'), OTA_E_NOT_FOUND },
        { "empty CA", ROW(FIELD(1, 1), 't', FIELD(2, 1), 'k', FIELD(3, 1), 'c', FIELD(4, 0)),
          OTA_E_NOT_FOUND },
        { "thing twice", ROW(FIELD(1, 1), 't', KEYS, FIELD(1, 1), 'u'), OTA_E_MALFORMED },
        { "thing twice, first empty", ROW(FIELD(1, 0), KEYS, FIELD(1, 1), 'u'), OTA_E_MALFORMED },
        { "zero in a key",
          ROW(FIELD(1, 1), 't', FIELD(2, 1), 0, FIELD(3, 1), 'c', FIELD(4, 1), 'a'),
          OTA_E_MALFORMED },
        { "thing is no name", ROW(FIELD(1, 1), '/', KEYS), OTA_E_NAME },
        { "thing with a wildcard", ROW(FIELD(1, 1), '+', KEYS), OTA_E_NAME },
        { "root with a wildcard", ROW(FIELD(1, 1), 't', KEYS, FIELD(5, 1), '#'), OTA_E_NAME },
        { "length beyond the end", ROW(FIELD(1, 1), 't', KEYS, 9, 0, 255, 255, 'x'),
          OTA_E_TRUNCATED },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct posix_identity id = untouched();
        CHECK_ROW(rows[i].why, read_exact(rows[i].record, &id) == rows[i].want);
        CHECK_ROW(rows[i].why,
                  rows[i].want == OTA_OK || ota_span_eq(id.thing, OTA_SPAN_LIT("before")));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_field),
        cmocka_unit_test(writes_what_it_reads),
        cmocka_unit_test(a_record_that_does_not_fit_is_not_half_written),
        cmocka_unit_test(a_field_beyond_its_length_is_not_written),
        cmocka_unit_test(no_prefix_is_taken_for_the_whole),
        cmocka_unit_test(refuses_what_the_table_does_not_allow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
