/* SQLite behind srv_db: what is committed is there after a new start, what is not is not. */
#define _GNU_SOURCE
#include "core/srv.h"
#include "db/sqlite.h"
#include "small_disk.h"
#include "t.h"
#include "tmp.h"
#include <sqlite3.h>

struct place {
    struct t_tmp tmp;
    char path[128];
};

static int make_place(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    p->tmp = t_tmp_make();
    snprintf(p->path, sizeof p->path, "%s/waft.db", p->tmp.path);
    *state = p;
    return 0;
}

static int remove_place(void **state)
{
    struct place *p = *state;
    t_tmp_remove(&p->tmp);
    free(p);
    return 0;
}

static struct srv_db *open_db(struct place *p)
{
    struct srv_db *db;
    struct srv_err err;
    if (!srv_sqlite_open(p->path, &db, &err)) {
        fail_msg("%s", err.text);
    }
    return db;
}

static bool apply(struct srv_db *db, const struct srv_command *command, struct srv_err *err)
{
    struct srv_core core = { .db = db, .topic_root = "$aws" };
    struct srv_outcome outcome;
    srv_outcome_begin(&outcome);
    const bool done = srv_apply_alone(&core, command, 1700000000, &outcome);
    *err = outcome.err;
    srv_outcome_end(&outcome);
    return done;
}

static const struct srv_command create_t = {
    .kind = SRV_CMD_THING_CREATE,
    .thing_create = { { (const uint8_t *)"t", 1 }, { (const uint8_t *)"0a1b", 4 }, 1800000000 }
};

static void rows_come_back_as_they_were_written(void **state)
{
    struct place *p = *state;
    struct srv_err err;
    struct srv_db *db = open_db(p);
    const struct ota_span t = OTA_SPAN_LIT("t");
    const struct srv_command job = {
        .kind = SRV_CMD_JOB_CREATE,
        .job_create = { .id = OTA_SPAN_LIT("j"),
                        .description = OTA_SPAN_LIT("it's; \"quoted\" -- \xc3\xa4"),
                        .document = OTA_SPAN_LIT("{\"a\": [1, 2.50, \"\\u00e4\"] }"),
                        .targets = &t,
                        .target_count = 1,
                        .in_progress_timeout_min = 7 }
    };
    const struct srv_command cancel = { .kind = SRV_CMD_JOB_CANCEL,
                                        .job_cancel = { .id = OTA_SPAN_LIT("j"),
                                                        .force = true,
                                                        .reason_code = OTA_SPAN_LIT("BAD_IMAGE"),
                                                        .comment = OTA_SPAN_LIT("why") } };
    assert_true(apply(db, &create_t, &err));
    assert_true(apply(db, &job, &err));
    assert_true(apply(db, &cancel, &err));
    srv_db_close(db);

    struct srv_arena a = { NULL };
    struct srv_thing thing;
    struct srv_job row;
    struct srv_execution e;
    db = open_db(p);
    assert_true(srv_db_thing_get(db, t, &thing));
    assert_string_equal(thing.cert_serial, "0a1b");
    assert_int_equal(thing.cert_expires_s, 1800000000);
    assert_true(srv_db_job_get(db, &a, job.job_create.id, &row));
    assert_true(ota_span_eq(row.description, job.job_create.description));
    assert_true(ota_span_eq(row.document, job.job_create.document));
    assert_true(ota_span_eq(row.comment, cancel.job_cancel.comment));
    assert_string_equal(row.reason_code, "BAD_IMAGE");
    assert_int_equal(row.status, SRV_JOB_CANCELED);
    assert_true(row.force_canceled);
    assert_int_equal(row.in_progress_timeout_min, 7);
    assert_int_equal(row.counts[OTA_JOB_CANCELED], 1);
    assert_true(srv_db_execution_get(db, &a, job.job_create.id, t, 1, &e));
    assert_int_equal(e.version, 2);
    assert_false(srv_db_execution_get(db, &a, job.job_create.id, t, 2, &e));
    srv_arena_end(&a);
    srv_db_close(db);
}

static void what_is_rolled_back_has_never_been(void **state)
{
    struct place *p = *state;
    struct srv_db *db = open_db(p);
    struct srv_core core = { .db = db, .topic_root = "$aws" };
    struct srv_outcome outcome;
    struct srv_thing thing;
    srv_outcome_begin(&outcome);
    srv_db_begin(db);
    assert_true(srv_apply(&core, &create_t, 1, &outcome));
    assert_true(srv_db_thing_get(db, OTA_SPAN_LIT("t"), &thing));
    srv_db_rollback(db);
    assert_false(srv_db_thing_get(db, OTA_SPAN_LIT("t"), &thing));
    srv_outcome_end(&outcome);
    srv_db_close(db);
}

static void a_reader_sees_what_is_committed_and_cannot_write(void **state)
{
    struct place *p = *state;
    struct srv_db *db = open_db(p), *reader;
    struct srv_err err;
    struct srv_thing thing;
    assert_true(srv_sqlite_open_reader(p->path, &reader, &err));
    srv_db_begin(db);
    struct srv_core core = { .db = db, .topic_root = "$aws" };
    struct srv_outcome outcome;
    srv_outcome_begin(&outcome);
    assert_true(srv_apply(&core, &create_t, 1, &outcome));
    assert_false(srv_db_thing_get(reader, OTA_SPAN_LIT("t"), &thing));
    assert_true(srv_db_commit(db, &err));
    assert_true(srv_db_thing_get(reader, OTA_SPAN_LIT("t"), &thing));

    thing.state = SRV_THING_DISABLED;
    srv_db_thing_put(reader, &thing);
    assert_int_not_equal(reader->err.code, SRV_OK);
    assert_false(srv_db_thing_get(reader, OTA_SPAN_LIT("t"), &thing)); /* sticky */
    srv_db_rollback(reader);
    assert_true(srv_db_thing_get(reader, OTA_SPAN_LIT("t"), &thing));
    assert_int_equal(thing.state, SRV_THING_ENABLED);
    srv_outcome_end(&outcome);
    srv_db_close(reader);
    srv_db_close(db);
}

/* A report that does not fit any more is refused, not lost. */
static void device_is_told(struct srv_db *db)
{
    struct srv_core core = { .db = db, .topic_root = "$aws" };
    struct srv_outcome outcome;
    static char payload[16384] = "{\"status\":\"IN_PROGRESS\",\"clientToken\":\"c\","
                                 "\"statusDetails\":{\"k0\":\"";
    char *at = payload + strlen(payload);
    for (int i = 1; i < 10; i++) { /* ten values of 1024 */
        memset(at, 'v', 1024);
        at += 1024;
        at += sprintf(at, "\",\"k%d\":\"", i);
    }
    strcpy(at, "v\"}}");
    const struct srv_command update = { .kind = SRV_CMD_DEVICE_REQUEST,
                                        .device = { OTA_SPAN_LIT("$aws/things/t/jobs/j0/update"),
                                                    ota_span_of_str(payload) } };
    bool done;
    do { /* the last pages */
        srv_outcome_begin(&outcome);
        done = srv_apply_alone(&core, &update, 1700000000, &outcome);
        assert_int_equal(outcome.message_count, 1);
        const struct srv_message *m = &outcome.messages[0];
        if (!done) {
            assert_non_null(memmem(m->topic.ptr, m->topic.len, "update/rejected", 15));
            assert_non_null(memmem(m->payload.ptr, m->payload.len, "\"InternalError\"", 15));
            assert_non_null(memmem(m->payload.ptr, m->payload.len, "\"clientToken\":\"c\"", 17));
        }
        srv_outcome_end(&outcome);
    } while (done);
}

static void a_full_disk_is_named_and_nothing_of_the_command_remains(void **state)
{
    struct place *p = *state;
    if (!t_small_disk(p->tmp.path, "2m")) {
        skip(); /* not root */
    }
    struct srv_db *db = open_db(p);
    struct srv_err err;
    assert_true(apply(db, &create_t, &err));

    static uint8_t document[32768];
    memset(document, ' ', sizeof document);
    document[0] = '{';
    document[sizeof document - 1u] = '}';
    char id[16], ballast[160];
    struct srv_command job = { .kind = SRV_CMD_JOB_CREATE,
                               .job_create = { .id = { (const uint8_t *)id, 0 },
                                               .document = OTA_SPAN_OF(document),
                                               .targets = &create_t.thing_create.name,
                                               .target_count = 1 } };
    snprintf(ballast, sizeof ballast, "%s/ballast", p->tmp.path);
    FILE *f = fopen(ballast, "w");
    for (int i = 0; i < 300; i++) {
        fwrite(document, 1, 1024, f);
    }
    fclose(f);
    int made = 0;
    do {
        snprintf(id, sizeof id, "j%d", made++);
        job.job_create.id.len = strlen(id);
    } while (made < 200 && apply(db, &job, &err));
    assert_true(made > 2 && made < 200);
    assert_int_equal(err.code, SRV_E_DISK_FULL);
    assert_non_null(strstr(err.text, "full"));

    struct srv_arena a = { NULL };
    struct srv_job row;
    assert_false(srv_db_job_get(db, &a, job.job_create.id, &row));
    device_is_told(db);
    remove(ballast);
    assert_true(apply(db, &job, &err)); /* there is room again */
    assert_true(srv_db_job_get(db, &a, job.job_create.id, &row));
    srv_arena_end(&a);
    srv_db_close(db);
    umount(p->tmp.path);
}

static void a_database_of_a_newer_waftd_is_left_alone(void **state)
{
    struct place *p = *state;
    sqlite3 *raw;
    struct srv_db *db = open_db(p);
    struct srv_err err = { .code = SRV_OK };
    srv_db_close(db);
    assert_int_equal(sqlite3_open(p->path, &raw), SQLITE_OK);
    sqlite3_exec(raw, "PRAGMA user_version = 9999", NULL, NULL, NULL);
    sqlite3_close(raw);
    assert_false(srv_sqlite_open(p->path, &db, &err));
    assert_non_null(strstr(err.text, "newer"));
}

static void a_file_that_is_no_database_is_refused(void **state)
{
    struct place *p = *state;
    struct srv_db *db;
    struct srv_err err = { .code = SRV_OK };
    FILE *f = fopen(p->path, "w");
    for (int i = 0; i < 1000; i++) {
        fputs("no database ", f);
    }
    fclose(f);
    assert_false(srv_sqlite_open(p->path, &db, &err));
    assert_int_equal(err.code, SRV_E_INTERNAL);
    assert_false(srv_sqlite_open_reader("/nowhere/waft.db", &db, &err));
}

static void lists_go_on_behind_what_was_seen(void **state)
{
    struct place *p = *state;
    struct srv_db *db = open_db(p);
    struct srv_err err;
    static const char *const names[] = { "a", "b", "c", "d", "e" };
    for (size_t i = 0; i < COUNT(names); i++) {
        const struct srv_command c = { .kind = SRV_CMD_THING_CREATE,
                                       .thing_create = { .name = ota_span_of_str(names[i]) } };
        assert_true(apply(db, &c, &err));
        const struct srv_command job = { .kind = SRV_CMD_JOB_CREATE,
                                         .job_create = { .id = ota_span_of_str(names[i]),
                                                         .document = OTA_SPAN_LIT("{}"),
                                                         .targets = &c.thing_create.name,
                                                         .target_count = 1 } };
        assert_true(apply(db, &job, &err));
    }
    struct srv_arena a = { NULL };
    struct srv_thing *things;
    struct srv_job *jobs;
    assert_int_equal(srv_db_thing_list(db, &a, OTA_SPAN_NONE, 2, &things), 2);
    assert_string_equal(things[1].name, "b");
    assert_int_equal(srv_db_thing_list(db, &a, ota_span_of_str(things[1].name), 10, &things), 3);
    assert_string_equal(things[0].name, "c");
    assert_int_equal(srv_db_job_list(db, &a, OTA_SPAN_NONE, 2, &jobs), 2);
    assert_string_equal(jobs[0].id, "e");
    assert_int_equal(jobs[0].document.len + jobs[0].targets.len, 0);
    assert_int_equal(srv_db_job_list(db, &a, ota_span_of_str(jobs[1].id), 10, &jobs), 3);
    assert_string_equal(jobs[0].id, "c");
    srv_arena_end(&a);
    srv_db_close(db);
}

#define PLACE_TEST(f) cmocka_unit_test_setup_teardown(f, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(rows_come_back_as_they_were_written),
        PLACE_TEST(what_is_rolled_back_has_never_been),
        PLACE_TEST(a_reader_sees_what_is_committed_and_cannot_write),
        PLACE_TEST(a_full_disk_is_named_and_nothing_of_the_command_remains),
        PLACE_TEST(a_database_of_a_newer_waftd_is_left_alone),
        PLACE_TEST(a_file_that_is_no_database_is_refused),
        PLACE_TEST(lists_go_on_behind_what_was_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
