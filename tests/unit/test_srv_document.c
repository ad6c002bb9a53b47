/* Job documents with placeholders: what is stored, and what each thing gets. */
#define _GNU_SOURCE
#include "t.h"
#include "srv_world.h"

#define A           "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define B           "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
#define NOT_HERE    "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define OPEN        "${aws:iot:s3-presigned-url:"
#define URL(digest) OPEN "https://s3.amazonaws.com/artifacts/" digest "}"

/* "<thing digest seconds>" */
static void mark(const struct srv_presigner *self, struct ota_writer *w, struct ota_span thing,
                 struct ota_span digest, int64_t now_s)
{
    (void)self;
    ota_write_str(w, "<");
    ota_write_bytes(w, thing);
    ota_write_str(w, " ");
    ota_write_bytes(w, (struct ota_span){ digest.ptr, 4 });
    ota_write_str(w, " ");
    ota_write_decimal(w, (uint64_t)(now_s - WORLD_START_S));
    ota_write_str(w, ">");
}

static void cannot(const struct srv_presigner *self, struct ota_writer *w, struct ota_span thing,
                   struct ota_span digest, int64_t now_s)
{
    (void)self, (void)thing, (void)digest, (void)now_s;
    w->bad = true;
}

static const struct srv_presigner marker = { mark }, broken = { cannot };

static void add_artifact(struct world *w, uint8_t first)
{
    struct srv_command c = { .kind = SRV_CMD_ARTIFACT_ADD, .artifact_add = { .size = 1 } };
    for (size_t i = 0; i < SRV_DIGEST_SIZE; i++) {
        c.artifact_add.digest[i] = (uint8_t)(first + i);
    }
    assert_true(world_apply(w, &c));
}

static int open_world(void **state)
{
    world_setup(state);
    struct world *w = *state;
    w->core.presigner = &marker;
    world_thing(w, "u");
    add_artifact(w, 0x00);
    add_artifact(w, 0x20);
    return 0;
}

static bool make_job(struct world *w, const char *id, const char *document)
{
    const struct ota_span targets[] = { OTA_SPAN_LIT("t"), OTA_SPAN_LIT("u") };
    return world_apply(w,
                       &(struct srv_command){ .kind = SRV_CMD_JOB_CREATE,
                                              .job_create = { .id = ota_span_of_str(id),
                                                              .document = ota_span_of_str(document),
                                                              .targets = targets,
                                                              .target_count = 2 } });
}

static void expect(struct world *w, size_t message, const char *text)
{
    if (strstr(world_payload(w, message), text) == NULL) {
        fail_msg("no %s in %s", text, world_payload(w, message));
    }
}

static void each_thing_gets_urls_of_its_own_wherever_a_document_is_told(void **state)
{
    struct world *w = *state;
    assert_true(make_job(w, "j", "{\"a\":\"" URL(A) "\",\"n\":1,\"b\":\"" URL(B) "\"}"));
    /* Of two things: notify, notify-next, notify, notify-next. */
    expect(w, 1, "\"jobDocument\":{\"a\":\"<t 0001 0>\",\"n\":1,\"b\":\"<t 2021 0>\"}");
    expect(w, 3, "\"jobDocument\":{\"a\":\"<u 0001 0>\",\"n\":1,\"b\":\"<u 2021 0>\"}");
    w->now_s += 5;
    assert_true(world_device(w, "t/jobs/j/get", ""));
    expect(w, 0, "{\"a\":\"<t 0001 5>\",\"n\":1,\"b\":\"<t 2021 5>\"}");
    assert_true(world_device(w, "u/jobs/$next/get", ""));
    expect(w, 0, "{\"a\":\"<u 0001 5>\",\"n\":1,\"b\":\"<u 2021 5>\"}");
    w->now_s += 5;
    assert_true(world_device(w, "t/jobs/start-next", ""));
    expect(w, 0, "{\"a\":\"<t 0001 10>\",\"n\":1,\"b\":\"<t 2021 10>\"}");
    assert_true(world_device(w, "t/jobs/j/update",
                             "{\"status\":\"IN_PROGRESS\",\"includeJobDocument\":true}"));
    expect(w, 0, "\"jobDocument\":{\"a\":\"<t 0001 10>\",\"n\":1,\"b\":\"<t 2021 10>\"}");
    /* What is stored is what was given. */
    struct srv_arena a = { 0 };
    struct srv_job job;
    assert_true(srv_db_job_get(w->core.db, &a, OTA_SPAN_LIT("j"), &job));
    assert_non_null(memmem(job.document.ptr, job.document.len, URL(B), strlen(URL(B))));
    srv_arena_end(&a);
}

static void without_one_who_signs_a_document_stays_as_it_is(void **state)
{
    struct world *w = *state;
    const struct srv_presigner *rows[] = { NULL, &broken };
    assert_true(make_job(w, "j", "{\"a\":\"" URL(A) "\"}"));
    for (size_t i = 0; i < COUNT(rows); i++) {
        w->core.presigner = rows[i];
        assert_true(world_device(w, "t/jobs/j/get", ""));
        expect(w, 0, "\"jobDocument\":{\"a\":\"" URL(A) "\"}");
    }
}

static void a_placeholder_is_good_or_the_job_is_not_made(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *why, *value;
        enum srv_code want;
    } rows[] = {
        { "any host and bucket", OPEN "https://s3.region.amazonaws.com/b/c/" A "}", SRV_OK },
        { "slashes escaped", OPEN "https:\\/\\/s3.amazonaws.com\\/b\\/" A "}", SRV_OK },
        { "another kind of placeholder", "${aws:iot:parameter:x}", SRV_OK },
        { "its beginning only", "${aws:iot:s3-presigned-ur", SRV_OK },
        { "nothing behind it", OPEN "}", SRV_E_INVALID },
        { "the digest alone", OPEN A "}", SRV_E_INVALID },
        { "no slash before the digest", OPEN "x" A "}", SRV_E_INVALID },
        { "one digit less",
          OPEN "/00"
               "112233445566778899aabbccddeeff00112233445566778899aabbccddeef}",
          SRV_E_INVALID },
        { "one digit more", OPEN "/0" A "}", SRV_E_INVALID },
        { "capitals", OPEN "/A00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f}",
          SRV_E_INVALID },
        { "something behind the digest", OPEN "/" A "/}", SRV_E_INVALID },
        { "never closed", OPEN "/" A, SRV_E_INVALID },
        { "closed in another string", OPEN "/" A "\",\"b\":\"}", SRV_E_INVALID },
        { "an artifact that is not here", URL(NOT_HERE), SRV_E_NOT_FOUND },
        { "the second is not here", URL(A) URL(NOT_HERE), SRV_E_NOT_FOUND },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char document[512], id[16];
        snprintf(document, sizeof document, "{\"a\":\"%s\"}", rows[i].value);
        snprintf(id, sizeof id, "job-%zu", i);
        const uint64_t before = world_fingerprint(w);
        CHECK_ROW(rows[i].why, make_job(w, id, document) == (rows[i].want == SRV_OK));
        CHECK_ROW(rows[i].why, w->outcome.err.code == rows[i].want);
        CHECK_ROW(rows[i].why, rows[i].want == SRV_OK || world_fingerprint(w) == before);
    }
}

static void a_document_has_fifty_urls_at_most(void **state)
{
    struct world *w = *state;
    for (size_t count = 50; count <= 51; count++) {
        char document[51 * 200] = "{\"a\":[", id[16];
        for (size_t i = 0; i < count; i++) {
            strcat(document, i == 0 ? "\"" URL(A) "\"" : ",\"" URL(A) "\"");
        }
        strcat(document, "]}");
        snprintf(id, sizeof id, "job-%zu", count);
        assert_int_equal(make_job(w, id, document), count == 50);
    }
    assert_int_equal(w->outcome.err.code, SRV_E_LIMIT);
    assert_true(world_device(w, "t/jobs/job-50/get", ""));
    assert_null(strstr(world_payload(w, 0), OPEN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_thing_gets_urls_of_its_own_wherever_a_document_is_told,
                                        open_world, world_teardown),
        cmocka_unit_test_setup_teardown(without_one_who_signs_a_document_stays_as_it_is, open_world,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(a_placeholder_is_good_or_the_job_is_not_made, open_world,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(a_document_has_fifty_urls_at_most, open_world,
                                        world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
