/* Wire: topics taken apart and put together, names at their limits, words. */
#include "t.h"

#include "ota/file_ids.h"
#include "ota/wire.h"

#define ROOT OTA_SPAN_LIT("$aws")

static const struct ota_topic untouched = { .kind = OTA_TOPIC_KIND_COUNT };

/* --- topics --------------------------------------------------------------------- */

/* Each kind as AWS's developer guide writes it ("Jobs MQTT API", "MQTT-based file delivery"). */
static const struct {
    const char *text;
    enum ota_topic_kind kind;
    const char *id;
    enum ota_format format;
} topics[] = {
    { "$aws/things/lamp/jobs/get", OTA_TOPIC_JOBS_GET, "", 0 },
    { "$aws/things/lamp/jobs/get/accepted", OTA_TOPIC_JOBS_GET_ACCEPTED, "", 0 },
    { "$aws/things/lamp/jobs/get/rejected", OTA_TOPIC_JOBS_GET_REJECTED, "", 0 },
    { "$aws/things/lamp/jobs/start-next", OTA_TOPIC_JOBS_START_NEXT, "", 0 },
    { "$aws/things/lamp/jobs/start-next/accepted", OTA_TOPIC_JOBS_START_NEXT_ACCEPTED, "", 0 },
    { "$aws/things/lamp/jobs/start-next/rejected", OTA_TOPIC_JOBS_START_NEXT_REJECTED, "", 0 },
    { "$aws/things/lamp/jobs/AFR_OTA-7/get", OTA_TOPIC_JOB_GET, "AFR_OTA-7", 0 },
    { "$aws/things/lamp/jobs/$next/get", OTA_TOPIC_JOB_GET, "$next", 0 },
    { "$aws/things/lamp/jobs/AFR_OTA-7/get/accepted", OTA_TOPIC_JOB_GET_ACCEPTED, "AFR_OTA-7", 0 },
    { "$aws/things/lamp/jobs/$next/get/accepted", OTA_TOPIC_JOB_GET_ACCEPTED, "$next", 0 },
    { "$aws/things/lamp/jobs/AFR_OTA-7/get/rejected", OTA_TOPIC_JOB_GET_REJECTED, "AFR_OTA-7", 0 },
    { "$aws/things/lamp/jobs/$next/get/rejected", OTA_TOPIC_JOB_GET_REJECTED, "$next", 0 },
    { "$aws/things/lamp/jobs/AFR_OTA-7/update", OTA_TOPIC_JOB_UPDATE, "AFR_OTA-7", 0 },
    { "$aws/things/lamp/jobs/AFR_OTA-7/update/accepted", OTA_TOPIC_JOB_UPDATE_ACCEPTED, "AFR_OTA-7",
      0 },
    { "$aws/things/lamp/jobs/AFR_OTA-7/update/rejected", OTA_TOPIC_JOB_UPDATE_REJECTED, "AFR_OTA-7",
      0 },
    { "$aws/things/lamp/jobs/notify", OTA_TOPIC_JOBS_NOTIFY, "", 0 },
    { "$aws/things/lamp/jobs/notify-next", OTA_TOPIC_JOBS_NOTIFY_NEXT, "", 0 },
    { "$aws/things/lamp/streams/s-1/describe/cbor", OTA_TOPIC_STREAM_DESCRIBE, "s-1",
      OTA_FORMAT_CBOR },
    { "$aws/things/lamp/streams/s-1/description/json", OTA_TOPIC_STREAM_DESCRIPTION, "s-1",
      OTA_FORMAT_JSON },
    { "$aws/things/lamp/streams/s-1/get/json", OTA_TOPIC_STREAM_GET, "s-1", OTA_FORMAT_JSON },
    { "$aws/things/lamp/streams/s-1/data/cbor", OTA_TOPIC_STREAM_DATA, "s-1", OTA_FORMAT_CBOR },
    { "$aws/things/lamp/streams/s-1/rejected/cbor", OTA_TOPIC_STREAM_REJECTED, "s-1",
      OTA_FORMAT_CBOR },
};

static ota_err_t parse(const char *root, const char *text, struct ota_topic *topic)
{
    const size_t len = strlen(text);
    uint8_t *copy = t_exact(text, len);
    *topic = untouched;
    const ota_err_t err =
        ota_topic_parse(ota_span_of_str(root), (struct ota_span){ copy, len }, topic);
    if (err != OTA_OK) {
        CHECK_ROW(text,
                  topic->kind == untouched.kind && topic->thing.len == 0 && topic->id.len == 0);
    }
    free(copy);
    return err;
}

static void every_topic_is_taken_apart_and_written_back(void **state)
{
    (void)state;
    bool met[OTA_TOPIC_KIND_COUNT] = { false };
    for (size_t i = 0; i < COUNT(topics); i++) {
        const struct ota_span text = ota_span_of_str(topics[i].text);
        struct ota_topic topic = untouched;
        CHECK_ROW(topics[i].text, ota_topic_parse(ROOT, text, &topic) == OTA_OK);
        CHECK_ROW(topics[i].text, topic.kind == topics[i].kind);
        CHECK_ROW(topics[i].text, topic.format == topics[i].format);
        CHECK_ROW(topics[i].text, ota_span_eq(topic.thing, OTA_SPAN_LIT("lamp")));
        CHECK_ROW(topics[i].text, ota_span_eq(topic.id, ota_span_of_str(topics[i].id)));
        met[topic.kind] = true;
        for (size_t cap = 0; cap <= text.len; cap++) {
            uint8_t *room = t_exact(text.ptr, cap);
            memset(room, 0, cap);
            struct ota_writer w = ota_writer((struct ota_buf){ room, cap });
            ota_topic_write(&w, ROOT, &topic);
            CHECK_ROW(topics[i].text, w.bad == (cap < text.len));
            CHECK_ROW(topics[i].text, w.bad || ota_span_eq(ota_writer_done(&w), text));
            free(room);
        }
    }
    for (size_t kind = 0; kind < COUNT(met); kind++) {
        assert_true(met[kind]);
    }
}

static void no_prefix_of_a_topic_means_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(topics); i++) {
        for (size_t len = 0; len < strlen(topics[i].text); len++) {
            uint8_t *copy = t_exact(topics[i].text, len);
            struct ota_topic topic = untouched;
            if (ota_topic_parse(ROOT, (struct ota_span){ copy, len }, &topic) == OTA_OK) {
                CHECK_ROW(topics[i].text, topic.kind != topics[i].kind);
            }
            free(copy);
        }
    }
}

static const struct {
    const char *why, *root, *text;
    ota_err_t want;
} no_topics[] = {
    { "nothing", "$aws", "", OTA_E_NOT_FOUND },
    { "root alone", "$aws", "$aws", OTA_E_NOT_FOUND },
    { "other root", "$aws", "aws/things/lamp/jobs/get", OTA_E_NOT_FOUND },
    { "longer root", "$aws", "$aws2/things/lamp/jobs/get", OTA_E_NOT_FOUND },
    { "root is a prefix of ours", "fleet/eu", "fleet/things/lamp/jobs/get", OTA_E_NOT_FOUND },
    { "no things", "$aws", "$aws/thing/lamp/jobs/get", OTA_E_NOT_FOUND },
    { "no thing", "$aws", "$aws/things/jobs/get", OTA_E_NOT_FOUND },
    { "shadow", "$aws", "$aws/things/lamp/shadow/get", OTA_E_NOT_FOUND },
    { "jobs alone", "$aws", "$aws/things/lamp/jobs", OTA_E_NOT_FOUND },
    { "empty last level", "$aws", "$aws/things/lamp/jobs/", OTA_E_NOT_FOUND },
    { "slash behind", "$aws", "$aws/things/lamp/jobs/get/", OTA_E_NOT_FOUND },
    { "slash before", "$aws", "/$aws/things/lamp/jobs/get", OTA_E_NOT_FOUND },
    { "one level more", "$aws", "$aws/things/lamp/jobs/get/accepted/x", OTA_E_NOT_FOUND },
    { "unknown verb", "$aws", "$aws/things/lamp/jobs/7/delete", OTA_E_NOT_FOUND },
    { "verb goes on", "$aws", "$aws/things/lamp/jobs/7/gets", OTA_E_NOT_FOUND },
    { "other case", "$aws", "$aws/things/lamp/jobs/7/Get", OTA_E_NOT_FOUND },
    { "unknown outcome", "$aws", "$aws/things/lamp/jobs/7/get/deferred", OTA_E_NOT_FOUND },
    { "job and nothing", "$aws", "$aws/things/lamp/jobs/7", OTA_E_NOT_FOUND },
    { "notify goes on", "$aws", "$aws/things/lamp/jobs/notify/accepted", OTA_E_NOT_FOUND },
    { "stream and nothing", "$aws", "$aws/things/lamp/streams/s", OTA_E_NOT_FOUND },
    { "stream without format", "$aws", "$aws/things/lamp/streams/s/get", OTA_E_NOT_FOUND },
    { "stream with no format", "$aws", "$aws/things/lamp/streams/s/get/", OTA_E_NOT_FOUND },
    { "unknown format", "$aws", "$aws/things/lamp/streams/s/get/xml", OTA_E_NOT_FOUND },
    { "format goes on", "$aws", "$aws/things/lamp/streams/s/get/cbor2", OTA_E_NOT_FOUND },
    { "format and more", "$aws", "$aws/things/lamp/streams/s/get/cbor/accepted", OTA_E_NOT_FOUND },
    { "the prototype of 2017", "$aws", "$aws/bin/things/lamp/streams/s/get", OTA_E_NOT_FOUND },
    /* of our shape, but with a name that cannot be */
    { "empty thing", "$aws", "$aws/things//jobs/get", OTA_E_NAME },
    { "thing is a wildcard", "$aws", "$aws/things/+/jobs/get", OTA_E_NAME },
    { "thing with a blank", "$aws", "$aws/things/la mp/jobs/get", OTA_E_NAME },
    { "the provider's own name", "$aws", "$aws/things/waft.provider/jobs/get", OTA_E_NAME },
    { "empty job", "$aws", "$aws/things/lamp/jobs//get", OTA_E_NAME },
    { "job is a wildcard", "$aws", "$aws/things/lamp/jobs/+/get", OTA_E_NAME },
    { "job with a colon", "$aws", "$aws/things/lamp/jobs/a:b/get", OTA_E_NAME },
    { "job called get", "$aws", "$aws/things/lamp/jobs/get/get", OTA_E_NAME },
    { "job called get, its answer", "$aws", "$aws/things/lamp/jobs/get/get/accepted", OTA_E_NAME },
    { "job called start-next", "$aws", "$aws/things/lamp/jobs/start-next/update", OTA_E_NAME },
    { "job called notify", "$aws", "$aws/things/lamp/jobs/notify/get", OTA_E_NAME },
    { "job called notify-next", "$aws", "$aws/things/lamp/jobs/notify-next/update", OTA_E_NAME },
    { "$next cannot be updated", "$aws", "$aws/things/lamp/jobs/$next/update", OTA_E_NAME },
    { "so it has no answer", "$aws", "$aws/things/lamp/jobs/$next/update/accepted", OTA_E_NAME },
    { "nearly $next", "$aws", "$aws/things/lamp/jobs/$nex/get", OTA_E_NAME },
    { "longer than $next", "$aws", "$aws/things/lamp/jobs/$next2/get", OTA_E_NAME },
    { "empty stream", "$aws", "$aws/things/lamp/streams//get/cbor", OTA_E_NAME },
    { "stream called $next", "$aws", "$aws/things/lamp/streams/$next/get/cbor", OTA_E_NAME },
};

static void what_is_not_ours_is_told_from_what_is_misnamed(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(no_topics); i++) {
        struct ota_topic topic;
        const ota_err_t err = parse(no_topics[i].root, no_topics[i].text, &topic);
        if (err != no_topics[i].want) {
            fail_msg("[%s] %s", no_topics[i].why, ota_err_name(err));
        }
    }
}

static void a_nul_byte_matches_nothing(void **state)
{
    (void)state;
    struct ota_topic topic = untouched;
    assert_int_equal(ota_topic_parse(ROOT, OTA_SPAN_LIT("$aws/things/lamp/jobs/get\0"), &topic),
                     OTA_E_NOT_FOUND);
    assert_int_equal(ota_topic_parse(ROOT, OTA_SPAN_LIT("$aws/things/la\0mp/jobs/get"), &topic),
                     OTA_E_NAME);
    assert_int_equal(topic.kind, untouched.kind);
}

static void a_job_called_like_a_reply_is_its_own_kind(void **state)
{
    (void)state;
    /* Legal ids, whatever other topics look like. */
    struct ota_topic topic;
    assert_int_equal(parse("$aws", "$aws/things/lamp/jobs/accepted/get", &topic), OTA_OK);
    assert_int_equal(topic.kind, OTA_TOPIC_JOB_GET);
    assert_int_equal(parse("$aws", "$aws/things/lamp/jobs/update/update", &topic), OTA_OK);
    assert_int_equal(topic.kind, OTA_TOPIC_JOB_UPDATE);
    assert_int_equal(parse("$aws", "$aws/things/jobs/streams/get/get/cbor", &topic), OTA_OK);
    assert_int_equal(topic.kind, OTA_TOPIC_STREAM_GET);
}

static void another_root_is_a_setting(void **state)
{
    (void)state;
    struct ota_topic topic = untouched;
    assert_int_equal(ota_topic_parse(OTA_SPAN_LIT("fleet/eu"),
                                     OTA_SPAN_LIT("fleet/eu/things/a/jobs/notify"), &topic),
                     OTA_OK);
    assert_int_equal(topic.kind, OTA_TOPIC_JOBS_NOTIFY);
    assert_true(ota_span_eq(topic.thing, OTA_SPAN_LIT("a")));
}

static void subscriptions_are_topics_with_a_plus(void **state)
{
    (void)state;
    static const struct {
        struct ota_topic topic;
        const char *want;
    } rows[] = {
        { { .kind = OTA_TOPIC_JOBS_GET }, "$aws/things/+/jobs/get" },
        { { .kind = OTA_TOPIC_JOBS_START_NEXT }, "$aws/things/+/jobs/start-next" },
        { { .kind = OTA_TOPIC_JOB_GET }, "$aws/things/+/jobs/+/get" },
        { { .kind = OTA_TOPIC_JOB_UPDATE }, "$aws/things/+/jobs/+/update" },
        { { .kind = OTA_TOPIC_STREAM_GET, .format = OTA_FORMAT_CBOR },
          "$aws/things/+/streams/+/get/cbor" },
        { { .kind = OTA_TOPIC_STREAM_DESCRIBE, .format = OTA_FORMAT_JSON },
          "$aws/things/+/streams/+/describe/json" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_topic topic = rows[i].topic;
        topic.thing = topic.id = OTA_SPAN_LIT("+");
        uint8_t room[OTA_TOPIC_MAX];
        struct ota_writer w = ota_writer(OTA_BUF_OF(room));
        ota_topic_write(&w, ROOT, &topic);
        CHECK_ROW(rows[i].want, ota_span_eq(ota_writer_done(&w), ota_span_of_str(rows[i].want)));
    }
}

static void the_longest_names_fit_into_the_longest_topic(void **state)
{
    (void)state;
    char root[OTA_TOPIC_ROOT_MAX], thing[OTA_THING_NAME_MAX + 1], id[OTA_STREAM_ID_MAX + 1];
    memset(root, 'r', sizeof root);
    memset(thing, 't', sizeof thing);
    memset(id, 'i', sizeof id);
    for (size_t i = 0; i < COUNT(topics); i++) {
        const bool has_id = topics[i].id[0] != '\0';
        const size_t id_max = strstr(topics[i].text, "/streams/") != NULL ? 128 : 64;
        for (unsigned over = 0; over < 3; over++) {
            const struct ota_topic topic = {
                .kind = topics[i].kind,
                .thing = { (const uint8_t *)thing, over == 1 ? 129 : 128 },
                .id = { (const uint8_t *)id, over == 2 ? id_max + 1 : id_max },
            };
            uint8_t room[OTA_TOPIC_MAX + 1];
            struct ota_writer w = ota_writer(OTA_BUF_OF(room));
            ota_topic_write(&w, OTA_SPAN_OF(root), &topic);
            const struct ota_span text = ota_writer_done(&w);
            CHECK_ROW(topics[i].text, text.len > 0 && text.len <= OTA_TOPIC_MAX + (over > 0));

            struct ota_topic got = untouched;
            const ota_err_t err = ota_topic_parse(OTA_SPAN_OF(root), text, &got);
            const bool too_long = over == 1 || (over == 2 && has_id);
            CHECK_ROW(topics[i].text, err == (too_long ? OTA_E_NAME : OTA_OK));
            CHECK_ROW(topics[i].text, got.kind == (too_long ? untouched.kind : topics[i].kind));
        }
    }
}

/* One byte put in, taken out or changed, or a level taken from another topic. */
static size_t mutate(uint8_t text[OTA_TOPIC_MAX], size_t len, uint32_t *seed)
{
    static const char alphabet[] = "/+#$ajnstgecborux-_: \0";
    const size_t at = t_random(seed) % len;
    const uint8_t byte = (uint8_t)alphabet[t_random(seed) % (sizeof alphabet - 1)];
    switch (t_random(seed) % 4) {
    case 0: text[at] = byte; return len;
    case 1:
        memmove(&text[at + 1], &text[at], len - at);
        text[at] = byte;
        return len + 1;
    case 2: memmove(&text[at], &text[at + 1], len - at - 1); return len - 1;
    default: {
        const char *other = topics[t_random(seed) % COUNT(topics)].text;
        const size_t other_len = strlen(other);
        const size_t from = t_random(seed) % other_len;
        memcpy(&text[at], &other[from], other_len - from);
        return at + other_len - from;
    }
    }
}

/* Whatever is taken for a topic of ours is written back as the very same bytes. */
static void a_mutated_topic_is_refused_or_means_exactly_itself(void **state)
{
    (void)state;
    uint32_t seed = 0x5eed0009;
    print_message("seed %08x\n", (unsigned)seed);
    size_t tally[3] = { 0 };
    for (unsigned round = 0; round < 50000; round++) {
        uint8_t text[OTA_TOPIC_MAX];
        const char *from = topics[round % COUNT(topics)].text;
        size_t len = strlen(from);
        memcpy(text, from, len);
        for (uint32_t left = 1 + t_random(&seed) % 3; left > 0 && len > 0; left--) {
            len = mutate(text, len, &seed);
        }
        uint8_t *copy = t_exact(text, len);
        const struct ota_span exact = { copy, len };
        struct ota_topic topic = untouched;
        const ota_err_t err = ota_topic_parse(ROOT, exact, &topic);
        if (err == OTA_OK) {
            uint8_t room[OTA_TOPIC_MAX];
            struct ota_writer w = ota_writer(OTA_BUF_OF(room));
            ota_topic_write(&w, ROOT, &topic);
            assert_true(ota_span_eq(ota_writer_done(&w), exact));
            assert_true(ota_thing_name_ok(topic.thing));
        } else {
            assert_true(err == OTA_E_NOT_FOUND || err == OTA_E_NAME);
            assert_int_equal(topic.kind, untouched.kind);
        }
        tally[err == OTA_OK ? 0 : err == OTA_E_NAME ? 1 : 2]++;
        free(copy);
    }
    print_message("ours %zu, misnamed %zu, not ours %zu\n", tally[0], tally[1], tally[2]);
    assert_true(tally[0] > 1000 && tally[1] > 1000 && tally[2] > 1000);
}

/* --- names ------------------------------------------------------------------------- */

static void names_end_at_the_services_limits(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        bool (*ok)(struct ota_span);
        size_t max;
    } rows[] = {
        { "thing", ota_thing_name_ok, 128 },
        { "job", ota_job_id_ok, 64 },
        { "stream", ota_stream_id_ok, 128 },
        { "root", ota_topic_root_ok, 32 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (size_t len = 0; len <= rows[i].max + 2; len++) {
            char letters[130];
            memset(letters, 'a', sizeof letters);
            uint8_t *name = t_exact(letters, len);
            const bool ok = rows[i].ok((struct ota_span){ name, len });
            CHECK_ROW(rows[i].why, ok == (len >= 1 && len <= rows[i].max));
            free(name);
        }
    }
}

static void names_have_the_services_alphabet(void **state)
{
    (void)state;
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (unsigned c = 0; c < 256; c++) {
        const uint8_t name[3] = { 'a', (uint8_t)c, 'b' };
        const bool letter = memchr(letters, (int)c, sizeof letters - 1) != NULL;
        assert_int_equal(ota_thing_name_ok(OTA_SPAN_OF(name)), letter || c == ':');
        assert_int_equal(ota_job_id_ok(OTA_SPAN_OF(name)), letter);
        assert_int_equal(ota_stream_id_ok(OTA_SPAN_OF(name)), letter);
        const bool printable = c > ' ' && c <= '~';
        assert_int_equal(ota_topic_root_ok(OTA_SPAN_OF(name)), printable && c != '+' && c != '#');
    }
}

static void no_job_is_called_like_a_topic_of_its_thing(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        bool want;
    } rows[] = {
        { "get", false },         { "start-next", false }, { "notify", false },
        { "notify-next", false }, { "$next", false },      { "ge", true },
        { "gets", true },         { "GET", true },         { "notify-", true },
        { "update", true },       { "accepted", true },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_ROW(rows[i].id, ota_job_id_ok(ota_span_of_str(rows[i].id)) == rows[i].want);
        CHECK_ROW(rows[i].id,
                  ota_stream_id_ok(ota_span_of_str(rows[i].id)) == (rows[i].id[0] != '$'));
    }
}

static void a_root_is_whole_levels(void **state)
{
    (void)state;
    static const struct {
        const char *root;
        bool want;
    } rows[] = {
        { "$aws", true },      { "a", true },   { "fleet/eu", true }, { "a/b/c", true },
        { "/", false },        { "/a", false }, { "a/", false },      { "a//b", false },
        { "a/+", false },      { "#", false },  { "a b", false },     { "a\n", false },
        { "\xc3\xa9", false },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_ROW(rows[i].root, ota_topic_root_ok(ota_span_of_str(rows[i].root)) == rows[i].want);
    }
}

/* --- words --------------------------------------------------------------------------- */

static void statuses_are_aws_iot_jobs_words(void **state)
{
    (void)state;
    static const struct {
        enum ota_job_status status;
        const char *word;
        bool terminal;
    } rows[] = {
        { OTA_JOB_QUEUED, "QUEUED", false },      { OTA_JOB_IN_PROGRESS, "IN_PROGRESS", false },
        { OTA_JOB_SUCCEEDED, "SUCCEEDED", true }, { OTA_JOB_FAILED, "FAILED", true },
        { OTA_JOB_REJECTED, "REJECTED", true },   { OTA_JOB_TIMED_OUT, "TIMED_OUT", true },
        { OTA_JOB_CANCELED, "CANCELED", true },   { OTA_JOB_REMOVED, "REMOVED", true },
    };
    assert_int_equal(COUNT(rows), OTA_JOB_STATUS_COUNT);
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_string_equal(ota_job_status_name(rows[i].status), rows[i].word);
        CHECK_ROW(rows[i].word,
                  ota_job_status_parse(ota_span_of_str(rows[i].word)) == rows[i].status);
        CHECK_ROW(rows[i].word, ota_job_status_terminal(rows[i].status) == rows[i].terminal);
    }
}

static void unknown_words_are_none(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "", "queued", "QUEUE", "QUEUEDX", "CANCELLED", "IN-PROGRESS"
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_ROW(rows[i], ota_job_status_parse(ota_span_of_str(rows[i])) == OTA_JOB_STATUS_COUNT);
        CHECK_ROW(rows[i], ota_wire_code_parse(ota_span_of_str(rows[i])) == OTA_WIRE_CODE_COUNT);
    }
    assert_int_equal(ota_job_status_parse(OTA_SPAN_LIT("QUEUED\0")), OTA_JOB_STATUS_COUNT);
}

static void error_codes_are_written_and_read(void **state)
{
    (void)state;
    for (unsigned code = 0; code < OTA_WIRE_CODE_COUNT; code++) {
        const char *word = ota_wire_code_name((enum ota_wire_code)code);
        CHECK_ROW(word, ota_wire_code_parse(ota_span_of_str(word)) == code);
    }
    assert_string_equal(ota_wire_code_name(OTA_WIRE_VersionMismatch), "VersionMismatch");
    assert_string_equal(ota_wire_code_name(OTA_WIRE_BlockBitmapLimitExceeded),
                        "BlockBitmapLimitExceeded");
}

/* In an order that is not theirs: 167 and 256 have no common divisor. */
static void a_set_of_file_ids_holds_each_by_itself(void **state)
{
    (void)state;
    struct ota_file_ids ids = { { 0 } };
    for (unsigned i = 0; i < 256; i++) {
        assert_true(ota_file_ids_add(&ids, (uint8_t)(i * 167u)));
        assert_false(ota_file_ids_add(&ids, (uint8_t)(i * 167u)));
        for (unsigned k = 0; k < 256; k++) {
            assert_int_equal(ota_file_ids_has(&ids, (uint8_t)(k * 167u)), k <= i);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_topic_is_taken_apart_and_written_back),
        cmocka_unit_test(no_prefix_of_a_topic_means_the_same),
        cmocka_unit_test(what_is_not_ours_is_told_from_what_is_misnamed),
        cmocka_unit_test(a_nul_byte_matches_nothing),
        cmocka_unit_test(a_job_called_like_a_reply_is_its_own_kind),
        cmocka_unit_test(another_root_is_a_setting),
        cmocka_unit_test(subscriptions_are_topics_with_a_plus),
        cmocka_unit_test(the_longest_names_fit_into_the_longest_topic),
        cmocka_unit_test(a_mutated_topic_is_refused_or_means_exactly_itself),
        cmocka_unit_test(names_end_at_the_services_limits),
        cmocka_unit_test(names_have_the_services_alphabet),
        cmocka_unit_test(no_job_is_called_like_a_topic_of_its_thing),
        cmocka_unit_test(a_root_is_whole_levels),
        cmocka_unit_test(statuses_are_aws_iot_jobs_words),
        cmocka_unit_test(unknown_words_are_none),
        cmocka_unit_test(error_codes_are_written_and_read),
        cmocka_unit_test(a_set_of_file_ids_holds_each_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
