/*
 * Sources by their verbs: what each keeps of a document, what it makes of arrivals that are not for it, and that it
 * bears every verb at any time. What they do in an update is in test_update_http.c and test_update.c.
 */
#include "ota/source.h"
#include "t.h"

enum { BLOCK = 256, SIZE = 1000 };

static struct ota_stream_source stream;
static struct ota_range_source range;
static uint8_t url[64];
static union ota_source_room room;
static struct ota_source *both[2];

static int begin_test(void **state)
{
    (void)state;
    both[0] = ota_stream_source(&stream, NULL);
    both[1] = ota_range_source(&range, OTA_BUF_OF(url), 0, both[0]);
    return 0;
}

static struct ota_json json(const char *text)
{
    struct ota_json value = { .text = ota_span_of_str(text) };
    return value;
}

static bool take(struct ota_source *s, unsigned protocols, const char *name, const char *where,
                 uint8_t file_id)
{
    const struct ota_jobdoc doc = { .protocols = (uint8_t)protocols, .stream = json(name) };
    const struct ota_jobdoc_file file = { .size = SIZE, .file_id = file_id, .url = json(where) };
    return s->ops->take(s, &doc, &file);
}

static ota_err_t begin(struct ota_source *s, uint32_t block_size)
{
    const struct ota_fetch fetch = {
        .root = OTA_SPAN_LIT("$aws"),
        .thing = OTA_SPAN_LIT("t"),
        .begin = 0,
        .end = SIZE,
        .file_size = SIZE,
        .block_size = block_size,
        .window = 4,
        .retry_ms_min = 1000,
        .retry_ms_max = 60000,
        .seed = 1,
    };
    return s->ops->begin(s, &room, &fetch);
}

#define MQTT OTA_PROTOCOL_MQTT
#define HTTP OTA_PROTOCOL_HTTP

static void a_stream_is_another_by_its_name_or_its_file(void **state)
{
    /* clang-format off */
    static const struct { const char *why; unsigned protocols; const char *name; uint8_t file; bool same, offered; } rows[] = {
        { "the first",              MQTT,        "\"s\"", 1, false, true },
        { "again",                  MQTT | HTTP, "\"s\"", 1, true,  true },
        { "another file of it",     MQTT,        "\"s\"", 2, false, true },
        { "another stream",         MQTT,        "\"z\"", 2, false, true },
        { "no more",                HTTP,        "\"z\"", 2, false, false },
        { "not again",              HTTP,        "\"y\"", 3, true,  false },
        { "offered without a name", MQTT,        "",      3, false, false },
        { "offered again",          MQTT,        "\"y\"", 3, false, true },
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const bool same = take(both[0], rows[i].protocols, rows[i].name, "", rows[i].file);
        CHECK_ROW(rows[i].why, same == rows[i].same);
        CHECK_ROW(rows[i].why, both[0]->offered == rows[i].offered);
    }
}

static void an_url_is_made_anew_each_time_and_is_no_other_source(void **state)
{
    /* clang-format off */
    static const struct { const char *why; unsigned protocols; const char *url; bool same, offered; } rows[] = {
        { "the first",                HTTP,        "\"https://h/1\"", false, true },
        { "another URL",              HTTP | MQTT, "\"https://h/2\"", true,  true },
        { "not offered, though there", MQTT,       "\"https://h/2\"", false, false },
        { "again",                    HTTP,        "\"https://h/2\"", false, true },
        { "offered without one",      HTTP,        "",                false, false },
        { "too long for the room",    HTTP,        "\"https://h/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"", true, false },
        { "a byte shorter",           HTTP,        "\"https://h/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"", false, true },
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const bool same = take(both[1], rows[i].protocols, "", rows[i].url, 0);
        CHECK_ROW(rows[i].why, same == rows[i].same);
        CHECK_ROW(rows[i].why, both[1]->offered == rows[i].offered);
    }
}

static void without_a_fetch_every_verb_is_harmless(void **state)
{
    (void)state;
    static uint8_t memory[BLOCK];
    struct ota_effect effect;
    const struct ota_scratch scratch = { { NULL, 0 }, { NULL, 0 } };
    for (size_t i = 0; i < 2; i++) {
        struct ota_source *s = both[i];
        s->ops->stop(s);
        s->ops->reconnected(s);
        if (s->ops->pause != NULL) {
            s->ops->pause(s);
            s->ops->reconnected(s);
        }
        assert_true(s->ops->deadline(s) == OTA_NEVER);
        assert_false(s->ops->poll(s, 5, &scratch, &effect));
        const struct ota_arrival arrivals[] = {
            { OTA_ARRIVAL_MESSAGE, .bytes = OTA_SPAN_LIT("x") },
            { OTA_ARRIVAL_HEAD, .bytes = OTA_SPAN_LIT("x"), .status = 403 },
            { OTA_ARRIVAL_BODY, .bytes = OTA_SPAN_LIT("x") },
            { OTA_ARRIVAL_ENDED, .bytes = OTA_SPAN_LIT("x") },
        };
        for (size_t k = 0; k < COUNT(arrivals); k++) {
            struct ota_arrival a = arrivals[k];
            struct ota_block block = { 0, OTA_SPAN_LIT("not this") };
            assert_int_equal(s->ops->hear(s, &a, OTA_BUF_OF(memory), 5, &block), OTA_OK);
            assert_int_equal(block.data.len, 0);
            assert_int_equal(a.bytes.len, 0);
        }
        assert_int_equal(s->strikes, 0);
        assert_false(s->stale);
    }
}

static void a_source_hears_its_own_kind_only(void **state)
{
    (void)state;
    static uint8_t memory[BLOCK];
    struct ota_block block;
    assert_false(take(both[0], MQTT, "\"s\"", "", 0));
    assert_false(take(both[1], HTTP, "", "\"https://h/1\"", 0));
    assert_int_equal(begin(both[0], BLOCK), OTA_OK);
    assert_int_equal(begin(both[1], BLOCK), OTA_OK);
    struct ota_arrival head = { OTA_ARRIVAL_HEAD, .bytes = OTA_SPAN_LIT("x"), .status = 403 };
    assert_int_equal(both[0]->ops->hear(both[0], &head, OTA_BUF_OF(memory), 0, &block), OTA_OK);
    const struct ota_topic topic = { .kind = OTA_TOPIC_STREAM_DATA };
    struct ota_arrival message = { OTA_ARRIVAL_MESSAGE, .bytes = OTA_SPAN_LIT("x"),
                                   .topic = &topic };
    assert_int_equal(both[1]->ops->hear(both[1], &message, OTA_BUF_OF(memory), 0, &block), OTA_OK);
    assert_int_equal(both[0]->strikes + both[1]->strikes, 0);
}

static void a_stream_that_cannot_be_begun_is_no_fetch(void **state)
{
    (void)state;
    (void)take(both[0], MQTT, "\"s\"", "", 0);
    assert_int_equal(begin(both[0], 300), OTA_E_RANGE);
    assert_true(both[0]->ops->deadline(both[0]) == OTA_NEVER);
}

/* What is gone counts as a denial and is for the caller; another message, of trouble that may pass, is not. */
static void a_stream_that_is_gone_is_denied(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct { const char *why, *payload; ota_err_t err; unsigned strikes; } rows[] = {
        { "gone",       "{\"code\":\"ResourceNotFound\"}",  OTA_E_NOT_FOUND, OTA_SOURCE_DENIAL },
        { "in trouble", "{\"code\":\"RequestThrottled\"}",  OTA_OK,          OTA_SOURCE_DENIAL },
        { "no answer",  "{}",                               OTA_E_MALFORMED, OTA_SOURCE_DENIAL },
        { "gone again", "{\"code\":\"ResourceNotFound\"}",  OTA_E_NOT_FOUND, 2 * OTA_SOURCE_DENIAL },
    };
    /* clang-format on */
    const struct ota_topic topic = { .kind = OTA_TOPIC_STREAM_REJECTED,
                                     .thing = OTA_SPAN_LIT("t"),
                                     .id = OTA_SPAN_LIT("s"),
                                     .format = OTA_FORMAT_JSON };
    (void)take(both[0], MQTT, "\"s\"", "", 0);
    assert_int_equal(begin(both[0], BLOCK), OTA_OK);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_arrival message = { OTA_ARRIVAL_MESSAGE, .topic = &topic,
                                       .bytes = ota_span_of_str(rows[i].payload) };
        struct ota_block block;
        const ota_err_t err =
            both[0]->ops->hear(both[0], &message, (struct ota_buf){ NULL, 0 }, 0, &block);
        CHECK_ROW(rows[i].why, err == rows[i].err && message.bytes.len == 0);
        CHECK_ROW(rows[i].why, block.data.len == 0);
        CHECK_ROW(rows[i].why, both[0]->strikes == rows[i].strikes);
    }
}

static ota_err_t hear(struct ota_arrival arrival)
{
    static uint8_t memory[BLOCK];
    struct ota_block block;
    return both[1]->ops->hear(both[1], &arrival, OTA_BUF_OF(memory), 0, &block);
}

/* An answer that is refused is broken off once, and its end says nothing more against the source. */
static void a_refused_answer_counts_once(void **state)
{
    (void)state;
    struct ota_effect effect;
    (void)take(both[1], HTTP, "", "\"https://h/1\"", 0);
    assert_int_equal(begin(both[1], BLOCK), OTA_OK);
    assert_true(both[1]->ops->poll(both[1], 0, NULL, &effect));
    assert_int_equal(effect.kind, OTA_EFFECT_FETCH);
    const uint32_t transfer = effect.as.fetch.transfer;
    const struct ota_arrival head = { OTA_ARRIVAL_HEAD, .status = 503, .transfer = transfer };
    const struct ota_arrival body = { OTA_ARRIVAL_BODY, .bytes = OTA_SPAN_LIT("<Busy/>"),
                                      .transfer = transfer };
    const struct ota_arrival over = { OTA_ARRIVAL_ENDED, .transfer = transfer };
    assert_int_equal(hear(head), OTA_E_BUSY);
    assert_true(both[1]->ops->deadline(both[1]) == 0);
    assert_int_equal(hear(head), OTA_OK);
    assert_int_equal(hear(body), OTA_OK);
    assert_int_equal(hear(over), OTA_OK);
    assert_int_equal(both[1]->strikes, OTA_SOURCE_FAULT);
    assert_false(both[1]->ops->poll(both[1], 0, NULL, &effect)); /* it has ended by itself */
    assert_int_equal(hear(head), OTA_OK);
    assert_int_equal(both[1]->strikes, OTA_SOURCE_FAULT);
}

/* An agent that was suspended has ended, and another begins with the same sources. */
static void a_pause_ends_with_its_fetch(void **state)
{
    (void)state;
    struct ota_effect effect;
    (void)take(both[1], HTTP, "", "\"https://h/1\"", 0);
    assert_int_equal(begin(both[1], BLOCK), OTA_OK);
    both[1]->ops->pause(both[1]);
    assert_false(both[1]->ops->poll(both[1], 0, NULL, &effect));
    both[1]->ops->stop(both[1]);
    assert_int_equal(begin(both[1], BLOCK), OTA_OK);
    assert_true(both[1]->ops->deadline(both[1]) == 0);
    assert_true(both[1]->ops->poll(both[1], 0, NULL, &effect));
}

/* Every byte is stored; only the end of the transfer is still to be heard: there is nothing to break off, and nothing to ask. */
static void a_pause_behind_the_last_byte_breaks_nothing_off(void **state)
{
    (void)state;
    static uint8_t bytes[SIZE], memory[SIZE];
    struct ota_source *const s = both[1];
    struct ota_effect effect;
    struct ota_block block;
    (void)take(s, HTTP, "", "\"https://h/1\"", 0);
    assert_int_equal(begin(s, 1024), OTA_OK);
    assert_true(s->ops->poll(s, 0, NULL, &effect));
    struct ota_arrival head = { OTA_ARRIVAL_HEAD, .status = 206,
                                .bytes = OTA_SPAN_LIT("bytes 0-999/1000"),
                                .transfer = effect.as.fetch.transfer };
    struct ota_arrival body = { OTA_ARRIVAL_BODY, .bytes = OTA_SPAN_OF(bytes),
                                .transfer = effect.as.fetch.transfer };
    assert_int_equal(s->ops->hear(s, &head, OTA_BUF_OF(memory), 0, &block), OTA_OK);
    assert_int_equal(s->ops->hear(s, &body, OTA_BUF_OF(memory), 0, &block), OTA_OK);
    assert_int_equal(block.data.len, SIZE);
    s->ops->stored(s, block.offset, 0);
    s->ops->pause(s);
    assert_false(s->ops->poll(s, 0, NULL, &effect));
    assert_true(s->ops->deadline(s) == OTA_NEVER);
    s->ops->reconnected(s);
    assert_false(s->ops->poll(s, 0, NULL, &effect));
    assert_int_equal(s->ops->stored_below(s), SIZE);
}

/* Twice in a row: it waits, and until then the transfer is not left open; what comes late of it is nobody's fault. */
static void a_transfer_that_fell_silent_is_broken_off_at_once(void **state)
{
    (void)state;
    struct ota_effect effect;
    ota_ms_t now = 0;
    (void)take(both[1], HTTP, "", "\"https://h/1\"", 0);
    assert_int_equal(begin(both[1], BLOCK), OTA_OK);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(both[1]->ops->poll(both[1], now, NULL, &effect));
        assert_int_equal(effect.kind, OTA_EFFECT_FETCH);
        const struct ota_arrival head = { OTA_ARRIVAL_HEAD, .status = 206,
                                          .bytes = OTA_SPAN_LIT("bytes 0-999/1000"),
                                          .transfer = effect.as.fetch.transfer };
        assert_int_equal(hear(head), OTA_OK);
        now = both[1]->ops->deadline(both[1]);
    }
    const struct ota_arrival late = { OTA_ARRIVAL_BODY, .bytes = OTA_SPAN_LIT("late"),
                                      .transfer = effect.as.fetch.transfer };
    assert_true(both[1]->ops->poll(both[1], now, NULL, &effect));
    assert_int_equal(effect.kind, OTA_EFFECT_FETCH_STOP);
    assert_int_equal(hear(late), OTA_OK);
    assert_int_equal(both[1]->strikes, 2u * OTA_SOURCE_FAULT);
    assert_true(both[1]->ops->deadline(both[1]) > now);
}

static void strikes_do_not_begin_anew(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        ota_source_strike(both[0], OTA_SOURCE_WRONG);
    }
    assert_in_range(both[0]->strikes, OTA_SOURCE_VAIN, OTA_SOURCE_VAIN + OTA_SOURCE_WRONG);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, begin_test)
    const struct CMUnitTest tests[] = {
        T(a_stream_is_another_by_its_name_or_its_file),
        T(an_url_is_made_anew_each_time_and_is_no_other_source),
        T(without_a_fetch_every_verb_is_harmless),
        T(a_source_hears_its_own_kind_only),
        T(a_stream_that_cannot_be_begun_is_no_fetch),
        T(a_stream_that_is_gone_is_denied),
        T(a_refused_answer_counts_once),
        T(a_pause_ends_with_its_fetch),
        T(a_pause_behind_the_last_byte_breaks_nothing_off),
        T(a_transfer_that_fell_silent_is_broken_off_at_once),
        T(strikes_do_not_begin_anew),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
