/*
 * Jobs of several files: all of them or none, and always those of the image that runs.
 */
#include "ota/step.h"
#include "workflow_world.h"

static struct sim_image *v1, *v2, *bad;
static struct sim_image *one[3], *two[3]; /* data of types 1 and 2, in three editions */

static void begin_with(uint32_t bank_sectors, enum ota_policy policy)
{
    struct sim_cfg cfg = sim_cfg_default();
    cfg.bank_sectors = bank_sectors;
    cfg.policy = policy;
    v1 = image_of(0, 1, SIM_GOOD);
    v2 = image_of(1, 1, SIM_GOOD);
    bad = image_of(2, 1, SIM_FAILS);
    for (uint32_t i = 0; i < 3; i++) {
        one[i] = sim_data_make(sim_keys_real(), 2500 + i, 11 + i);
        two[i] = sim_data_make(sim_keys_real(), 700 + i, 21 + i);
    }
    open_world(&cfg, v1);
}

static int begin(void **state)
{
    (void)state;
    begin_with(8, OTA_POLICY_ACCEPT);
    return 0;
}

static int begin_without_handlers(void **state)
{
    (void)state;
    begin_with(0, OTA_POLICY_ACCEPT);
    return 0;
}

static int end(void **state)
{
    (void)state;
    close_world();
    for (unsigned i = 0; i < 3; i++) {
        sim_image_free(one[i]);
        sim_image_free(two[i]);
    }
    sim_image_free(v1);
    sim_image_free(v2);
    sim_image_free(bad);
    return 0;
}

/* Edition `n` of both data files, with an image or without. */
static enum ota_job_status deploy_edition(const char *id, const struct sim_image *image, unsigned n)
{
    const struct sim_file files[] = { { 1, one[n] }, { 2, two[n] } };
    sim_deploy_files(&world, id, image, files, 2);
    settle();
    return sim_status(&world, id, NULL);
}

static void expect(const struct sim_image *running, const struct sim_image *of_one,
                   const struct sim_image *of_two)
{
    assert_ptr_equal(sim_running(&world), running);
    assert_ptr_equal(sim_file_in_use(&world, 1), of_one);
    assert_ptr_equal(sim_file_in_use(&world, 2), of_two);
}

/* --- what is meant to be ------------------------------------------------------------- */

static void an_image_and_two_files_are_installed_together(void **state)
{
    (void)state;
    assert_int_equal(deploy_edition("j1", v2, 0), OTA_JOB_SUCCEEDED);
    expect(v2, one[0], two[0]);
    assert_int_equal(deploy_edition("j2", v1, 1), OTA_JOB_SUCCEEDED);
    expect(v1, one[1], two[1]);
    sim_boot(&world);
    settle();
    expect(v1, one[1], two[1]);
}

static void files_without_an_image_need_no_reset(void **state)
{
    (void)state;
    const uint32_t boots = world.boots;
    for (unsigned n = 0; n < 3; n++) {
        const char *const ids[] = { "j0", "j1", "j2" };
        assert_int_equal(deploy_edition(ids[n], NULL, n), OTA_JOB_SUCCEEDED);
        expect(v1, one[n], two[n]);
    }
    expect_reason("j2", "accepted v1.0.0");
    assert_int_equal(world.boots, boots);
}

static void one_file_alone_leaves_the_other_as_it_is(void **state)
{
    (void)state;
    assert_int_equal(deploy_edition("both", NULL, 0), OTA_JOB_SUCCEEDED);
    const struct sim_file file = { 2, two[1] };
    sim_deploy_files(&world, "second", NULL, &file, 1);
    settle();
    assert_int_equal(sim_status(&world, "second", NULL), OTA_JOB_SUCCEEDED);
    expect(v1, one[0], two[1]);
}

static void an_image_alone_leaves_the_files_as_they_are(void **state)
{
    (void)state;
    assert_int_equal(deploy_edition("both", NULL, 0), OTA_JOB_SUCCEEDED);
    assert_int_equal(deploy("image", v2), OTA_JOB_SUCCEEDED);
    expect(v2, one[0], two[0]);
}

static void the_running_image_with_other_files_is_a_job_of_files(void **state)
{
    (void)state;
    assert_int_equal(deploy_edition("j1", v2, 0), OTA_JOB_SUCCEEDED);
    const uint32_t boots = world.boots;
    assert_int_equal(deploy_edition("j2", v2, 1), OTA_JOB_SUCCEEDED);
    expect(v2, one[1], two[1]);
    assert_int_equal(world.boots, boots);
    assert_ptr_equal(sim_image_in(&world, OTA_SLOT_A), v1); /* the slot was not touched */
}

/* --- all or nothing -------------------------------------------------------------------- */

static void an_image_that_is_reverted_takes_its_files_along(void **state)
{
    (void)state;
    struct sim_image *hangs = image_of(3, 1, SIM_HANGS), *silent = image_of(4, 1, SIM_SILENT);
    assert_int_equal(deploy_edition("good", v2, 0), OTA_JOB_SUCCEEDED);
    assert_int_equal(deploy_edition("fails", bad, 1), OTA_JOB_FAILED);
    expect(v2, one[0], two[0]);
    expect_reason("fails", "self-test failed");
    assert_int_equal(deploy_edition("hangs", hangs, 1), OTA_JOB_FAILED);
    expect(v2, one[0], two[0]);
    assert_int_equal(deploy_edition("silent", silent, 1), OTA_JOB_FAILED);
    expect(v2, one[0], two[0]);
    assert_int_equal(deploy_edition("after", v1, 2), OTA_JOB_SUCCEEDED);
    expect(v1, one[2], two[2]);
    sim_image_free(hangs);
    sim_image_free(silent);
}

/* Seen by the application when the test begins, and when it is asked to activate. */
static const struct sim_image *at_activate, *at_test;

static void see_files(struct sim *s, const struct ota_effect *effect)
{
    if (effect->as.event.kind == OTA_EVENT_ACTIVATE) {
        at_activate = sim_file_in_use(s, 1);
    } else if (effect->as.event.kind == OTA_EVENT_START_TEST) {
        at_test = sim_file_in_use(s, 1);
    }
}

static void a_new_image_is_tested_with_its_own_files(void **state)
{
    (void)state;
    assert_int_equal(deploy_edition("before", NULL, 0), OTA_JOB_SUCCEEDED);
    world.on_event = see_files;
    assert_int_equal(deploy_edition("j", bad, 1), OTA_JOB_FAILED);
    assert_ptr_equal(at_activate, one[0]);
    assert_ptr_equal(at_test, one[1]);
    expect(v1, one[0], two[0]);
}

static void a_file_that_is_not_what_was_signed_spoils_the_whole_job(void **state)
{
    (void)state;
    assert_int_equal(deploy_edition("before", NULL, 0), OTA_JOB_SUCCEEDED);
    const uint32_t boots = world.boots;
    two[1]->bytes[300] ^= 1;
    assert_int_equal(deploy_edition("j", v2, 1), OTA_JOB_REJECTED);
    expect_reason("j", "deployment signature does not match");
    expect(v1, one[0], two[0]);
    assert_int_equal(world.boots, boots);
    assert_int_equal(deploy_edition("after", v2, 2), OTA_JOB_SUCCEEDED);
    expect(v2, one[2], two[2]);
}

static void an_image_that_is_not_what_was_signed_spoils_its_files(void **state)
{
    (void)state;
    v2->bytes[4000] ^= 1;
    assert_int_equal(deploy_edition("j", v2, 0), OTA_JOB_FAILED);
    expect(v1, NULL, NULL);
    assert_int_equal(deploy_edition("after", NULL, 1), OTA_JOB_SUCCEEDED);
    expect(v1, one[1], two[1]);
}

/* --- refused before anything happens ------------------------------------------------------ */

static uint32_t erases(void)
{
    uint32_t sum = 0;
    for (uint32_t at = world.layout.slot[OTA_SLOT_A].offset; at < world.flash.base.size;
         at += world.cfg.sector_size) {
        sum += world.flash.erases[at / world.cfg.sector_size];
    }
    return sum;
}

static void refused(const struct sim_image *image, const struct sim_file *files, size_t count,
                    const char *words)
{
    const uint32_t erased = erases(), bytes = world.stream_bytes;
    sim_deploy_files(&world, "refused", image, files, count);
    settle();
    assert_int_equal(sim_status(&world, "refused", NULL), OTA_JOB_REJECTED);
    expect_reason("refused", words);
    assert_int_equal(erases(), erased);
    assert_int_equal(world.stream_bytes, bytes);
    expect(v1, NULL, NULL);
}

static void a_file_that_nobody_handles_is_refused_by_name(void **state)
{
    (void)state;
    const struct sim_file files[] = { { 1, one[0] }, { 3, two[0] } };
    refused(v2, files, 2, "OTA_E_JOB_FILE_TYPE");
}

static void a_second_image_is_no_data_file(void **state)
{
    (void)state;
    const struct sim_file files[] = { { 0, bad } };
    refused(v2, files, 1, "OTA_E_JOB_FILE_TYPE");
}

static void a_device_without_handlers_takes_images_only(void **state)
{
    (void)state;
    const struct sim_file files[] = { { 1, one[0] } };
    const uint32_t bytes = world.stream_bytes;
    sim_deploy_files(&world, "both", v2, files, 1);
    settle();
    sim_deploy_files(&world, "file", NULL, files, 1);
    settle();
    assert_int_equal(sim_status(&world, "both", NULL), OTA_JOB_REJECTED);
    assert_int_equal(sim_status(&world, "file", NULL), OTA_JOB_REJECTED);
    expect_reason("both", "OTA_E_JOB_FILE_TYPE");
    expect_reason("file", "OTA_E_JOB_FILE_TYPE");
    assert_int_equal(world.stream_bytes, bytes);
    assert_int_equal(deploy("image", v2), OTA_JOB_SUCCEEDED);
}

/* The one that runs after an update, or after a power cut, may know nothing of data files. */
static void run_images_without_handlers(void)
{
    world.cfg.bank_sectors = 0;
}

static void lose_the_handlers_at_activation(struct sim *s, const struct ota_effect *effect)
{
    (void)s;
    if (effect->as.event.kind == OTA_EVENT_ACTIVATE) {
        run_images_without_handlers();
    }
}

static void a_new_image_without_handlers_is_reverted(void **state)
{
    (void)state;
    world.on_event = lose_the_handlers_at_activation;
    assert_int_equal(deploy_edition("j", v2, 0), OTA_JOB_REJECTED);
    expect_reason("j", "OTA_E_JOB_FILE_TYPE");
    expect(v1, NULL, NULL);
}

static void a_job_of_files_is_given_up_by_an_image_without_handlers(void **state)
{
    (void)state;
    const struct sim_file files[] = { { 1, one[0] } };
    sim_deploy_files(&world, "j", v2, files, 1);
    run_to(OTA_JOURNAL_FILES);
    run_images_without_handlers();
    sim_boot(&world);
    settle();
    assert_int_equal(sim_status(&world, "j", NULL), OTA_JOB_REJECTED);
    expect_reason("j", "OTA_E_JOB_FILE_TYPE");
    expect(v1, NULL, NULL);
    assert_int_equal(deploy("image", v2), OTA_JOB_SUCCEEDED);
}

static void a_file_larger_than_its_room_is_refused(void **state)
{
    (void)state;
    struct sim_image *fits = sim_data_make(sim_keys_real(), 7 * 512, 5),
                     *over = sim_data_make(sim_keys_real(), 7 * 512 + 1, 6);
    const struct sim_file large[] = { { 2, two[0] }, { 1, over } }, right[] = { { 1, fits } };
    refused(NULL, large, 2, "larger than the room for it");
    sim_deploy_files(&world, "fits", NULL, right, 1);
    settle();
    assert_int_equal(sim_status(&world, "fits", NULL), OTA_JOB_SUCCEEDED);
    expect(v1, fits, NULL);
    sim_image_free(fits);
    sim_image_free(over);
}

static void a_file_without_a_signature_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *words;
    } rows[] = {
        { "\"fileType\":2,\"sig-sha256-ecdsa\"", "\"fileType\":2,\"sig-sha256-none!\"",
          "OTA_E_JOB_UNSIGNED" },
        { "\"fileType\":2,\"sig-sha256-ecdsa\"", "\"fileType\":2,\"sig-sha256-rsa\"  ",
          "OTA_E_JOB_SIGNATURE" },
        { "\"fileType\":2,\"sig-sha256-ecdsa\":\"M", "\"fileType\":2,\"sig-sha256-ecdsa\":\"A",
          "OTA_E_JOB_SIGNATURE" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct sim_entry entries[] = { { 0, v2 }, { 1, one[0] }, { 2, two[0] } };
        char text[2048], id[8];
        (void)snprintf(id, sizeof id, "j%u", (unsigned)i);
        sim_files_document(sim_keys_real(), id, entries, 3, text, sizeof text);
        memcpy(strstr(text, rows[i].from), rows[i].to, strlen(rows[i].to));
        sim_deploy_document(&world, id, v2, text);
        settle();
        CHECK_ROW(rows[i].words, sim_status(&world, id, NULL) == OTA_JOB_REJECTED);
        expect_reason(id, rows[i].words);
    }
    assert_int_equal(world.stream_bytes, 0);
}

/* --- on the way --------------------------------------------------------------------------- */

/* Run until so many files are here, and so many blocks of the next. */
static void run_to_file(unsigned files, uint32_t blocks)
{
    const struct ota_orchestrator *const o = &world.device.o;
    for (unsigned i = 0;
         state() != OTA_JOURNAL_FILES || o->journal.file < files || o->received < blocks; i++) {
        assert_true(i < 100000 && sim_run(&world, world.now + 1));
    }
}

static void power_off_goes_on_with_the_file_and_where_it_was(void **state)
{
    (void)state;
    const struct sim_file files[] = { { 1, one[0] }, { 2, two[0] } };
    const uint32_t all = v2->size + one[0]->size + two[0]->size;
    world.cfg.window = 1; /* block by block */
    sim_boot(&world);
    settle();
    sim_deploy_files(&world, "j", v2, files, 2);
    run_to_file(0, 4);
    assert_int_equal(world.device.o.journal.file, 0);
    sim_boot(&world);
    run_to_file(1, 1);
    sim_boot(&world);
    settle();
    assert_int_equal(sim_status(&world, "j", NULL), OTA_JOB_SUCCEEDED);
    expect(v2, one[0], two[0]);
    /* Twice: head and tail of the image, and of a file each time a block and less than an interval of marks. */
    assert_true(world.stream_bytes - all <= (3u + 2u + 2u) * 512u);
}

/* The same bytes, as two jobs have them: whichever stream they are in. */
static void deploy_text(const char *id, const struct sim_image *image, const char *text)
{
    char named[4096];
    const char *const name = strchr(text, '@');
    (void)snprintf(named, sizeof named, "%.*s%s%s", (int)(name - text), text, id, name + 1);
    sim_deploy_document(&world, id, image, named);
}

static void the_same_file_for_another_job_goes_on(void **unused)
{
    (void)unused;
    const struct sim_entry entry = { 1, one[0] };
    char text[2048];
    sim_files_document(sim_keys_real(), "@", &entry, 1, text, sizeof text);
    world.cfg.window = 1;
    sim_boot(&world);
    settle();
    deploy_text("j1", one[0], text);
    run_to_file(0, 3);
    sim_link(&world, false);
    sim_cancel(&world, "j1");
    deploy_text("j2", one[0], text);
    const uint32_t bytes = world.stream_bytes;
    sim_link(&world, true);
    settle();
    assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_CANCELED);
    assert_int_equal(sim_status(&world, "j2", NULL), OTA_JOB_SUCCEEDED);
    expect(v1, one[0], NULL);
    assert_true(world.stream_bytes - bytes < one[0]->size - 512u);
}

/* The document names its digest. */
static void the_running_image_is_not_fetched_to_learn_that_it_runs(void **unused)
{
    (void)unused;
    const struct sim_entry entries[] = { { 1, one[0] }, { 0, v1 } };
    char text[2048];
    sim_files_document(sim_keys_real(), "j", entries, 2, text, sizeof text);
    name_image(text, sizeof text, v1);
    sim_deploy_document(&world, "j", one[0], text); /* in its stream there is no image */
    settle();
    assert_int_equal(sim_status(&world, "j", NULL), OTA_JOB_SUCCEEDED);
    expect(v1, one[0], NULL);
    assert_int_equal(world.stream_bytes, one[0]->size);
}

static void a_cancel_forgets_what_is_here(void **unused)
{
    (void)unused;
    const struct sim_file files[] = { { 1, one[0] }, { 2, two[0] } };
    sim_deploy_files(&world, "j", NULL, files, 2);
    run_to_file(1, 1);
    sim_cancel(&world, "j");
    settle();
    assert_int_equal(sim_status(&world, "j", NULL), OTA_JOB_CANCELED);
    assert_int_equal(state(), OTA_JOURNAL_NONE);
    expect(v1, NULL, NULL);
    const struct sim_file other = { 2, two[1] };
    sim_deploy_files(&world, "after", NULL, &other, 1);
    settle();
    assert_int_equal(sim_status(&world, "after", NULL), OTA_JOB_SUCCEEDED);
    expect(v1, NULL, two[1]);
}

static void the_application_says_when_files_are_applied(void **unused)
{
    (void)unused;
    const struct sim_file files[] = { { 1, one[0] }, { 2, two[0] } };
    world.hands_off = true;
    sim_deploy_files(&world, "j", NULL, files, 2);
    run_to(OTA_JOURNAL_READY);
    settle();
    expect(v1, NULL, NULL);
    sim_boot(&world); /* it is asked again after a restart */
    settle();
    assert_int_equal(state(), OTA_JOURNAL_READY);
    say(OTA_COMMAND_ACTIVATE);
    settle();
    expect(v1, one[0], two[0]);
    assert_int_equal(sim_status(&world, "j", NULL), OTA_JOB_SUCCEEDED);
    sim_deploy_files(&world, "no", NULL, files, 2);
    run_to(OTA_JOURNAL_READY);
    say(OTA_COMMAND_REJECT);
    settle();
    assert_int_equal(sim_status(&world, "no", NULL), OTA_JOB_REJECTED);
    expect(v1, one[0], two[0]);
}

static unsigned timer_ends;

/* Of what is told, the end of the job's timer. */
static bool see_the_timers_end(struct sim *s, enum sim_direction to, struct ota_span topic,
                               struct ota_span payload)
{
    (void)s;
    (void)topic;
    if (to == SIM_TO_PROVIDER && has(payload, "\"stepTimeoutInMinutes\":-1")) {
        timer_ends++;
        assert_false(has(payload, "statusDetails"));
    }
    return true;
}

/* An object without a member is nothing that AWS IoT Jobs promises to take. */
static void the_end_of_the_timer_is_told_without_empty_details(void **unused)
{
    (void)unused;
    const struct sim_file files[] = { { 1, one[0] }, { 2, two[0] } };
    world.cfg.step_minutes = ota_step_minutes;
    sim_boot(&world);
    world.on_wire = see_the_timers_end;
    world.hands_off = true;
    timer_ends = 0;
    sim_deploy_files(&world, "j", NULL, files, 2);
    run_to(OTA_JOURNAL_READY);
    settle();
    assert_int_equal(timer_ends, 1);
    say(OTA_COMMAND_ACTIVATE);
    settle();
    assert_int_equal(sim_status(&world, "j", NULL), OTA_JOB_SUCCEEDED);
}

static void a_broker_that_is_away_delays_and_nothing_else(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 12; i++) {
        char id[8];
        (void)snprintf(id, sizeof id, "j%u", i);
        const struct sim_file files[] = { { 1, one[i % 3] }, { 2, two[i % 3] } };
        const struct sim_image *const image = i % 2 == 0 ? v2 : v1;
        sim_deploy_files(&world, id, image, files, 2);
        assert_true(sim_run(&world, world.now + 60u * (i + 1u)));
        sim_link(&world, false);
        assert_true(sim_run(&world, world.now + 60000));
        sim_link(&world, true);
        settle();
        assert_int_equal(sim_status(&world, id, NULL), OTA_JOB_SUCCEEDED);
        expect(image, one[i % 3], two[i % 3]);
    }
}

static void suspended_in_any_file_it_goes_on_where_it_was(void **state)
{
    (void)state;
    const struct sim_file files[] = { { 1, one[0] }, { 2, two[0] } };
    for (unsigned i = 0; i < 12; i++) {
        char id[8];
        (void)snprintf(id, sizeof id, "j%u", i);
        sim_deploy_files(&world, id, i % 2 == 0 ? v2 : NULL, files, 2);
        assert_true(sim_run(&world, world.now + 60u * (i + 1u)));
        const uint32_t ops = world.flash.ops, sent = world.stream_bytes;
        say(OTA_COMMAND_SUSPEND);
        assert_true(sim_run(&world, world.now + 60000));
        assert_int_equal(world.flash.ops, ops);
        assert_in_range(world.stream_bytes, sent, sent + world.cfg.window * 512u);
        say(OTA_COMMAND_RESUME);
        settle();
        assert_int_equal(sim_status(&world, id, NULL), OTA_JOB_SUCCEEDED);
        expect(v2, one[0], two[0]);
    }
}

/* --- what is bounded, and what another may have written ------------------------------------- */

/* The same bytes in a world of other sizes. */
static void begin_again_with(uint32_t block_size, uint32_t bank_sectors)
{
    struct sim_cfg cfg = sim_cfg_default();
    close_world();
    cfg.block_size = block_size;
    cfg.bank_sectors = bank_sectors;
    cfg.window = 1;
    open_world(&cfg, v1);
}

static void a_file_larger_than_one_turn_is_digested_in_pieces(void **unused)
{
    (void)unused;
    struct sim_image *large = sim_data_make(sim_keys_real(), 2u * OTA_VERIFY_BUDGET + 1u, 3);
    const struct sim_file files[] = { { 1, large } };
    begin_again_with(512, 20);
    sim_deploy_files(&world, "j", NULL, files, 1);
    settle();
    assert_int_equal(sim_status(&world, "j", NULL), OTA_JOB_SUCCEEDED);
    expect(v1, large, NULL);
    large->bytes[OTA_VERIFY_BUDGET + 5u] ^= 1; /* beyond the first piece */
    sim_deploy_files(&world, "spoilt", NULL, files, 1);
    settle();
    assert_int_equal(sim_status(&world, "spoilt", NULL), OTA_JOB_REJECTED);
    large->bytes[OTA_VERIFY_BUDGET + 5u] ^= 1;
    expect(v1, large, NULL);
    sim_image_free(large);
}

static void a_file_goes_on_where_a_sector_begins(void **unused)
{
    (void)unused;
    const struct sim_file files[] = { { 1, one[0] } };
    begin_again_with(256, 8);
    world.cfg.window = 3;
    sim_boot(&world);
    settle();
    sim_deploy_files(&world, "j", v2, files, 1);
    restart_at_a_mark_within_a_sector(OTA_JOURNAL_FILES);
    assert_int_equal(sim_status(&world, "j", NULL), OTA_JOB_SUCCEEDED);
    expect(v2, one[0], NULL);
}

/* As another version of this library might have it. */
static void put_mark_at_the_end(void)
{
    struct ota_store store;
    struct ota_journal j = world.device.o.journal;
    j.mark = j.file_size;
    assert_int_equal(ota_store_open(&store, &world.flash.base, &world.layout), OTA_OK);
    assert_int_equal(ota_journal_write(&store, &j), OTA_OK);
    sim_boot(&world);
}

static void a_mark_at_the_end_of_a_file_is_none(void **unused)
{
    (void)unused;
    const struct sim_file files[] = { { 1, one[0] } };
    world.cfg.window = 1;
    sim_boot(&world);
    settle();
    sim_deploy_files(&world, "j", v2, files, 1);
    run_to_file(0, 2);
    put_mark_at_the_end();
    while (state() != OTA_JOURNAL_RECEIVING || world.device.o.journal.mark == 0) {
        assert_true(sim_run(&world, world.now + 1));
    }
    put_mark_at_the_end();
    settle();
    assert_int_equal(sim_status(&world, "j", NULL), OTA_JOB_SUCCEEDED);
    expect(v2, one[0], NULL);
}

/* --- parsers of other schemas ------------------------------------------------------------------ */

static bool next_of_no_bytes(const struct ota_jobdoc *doc, struct ota_jobdoc_data *at,
                             struct ota_jobdoc_file *file)
{
    const bool there = ota_jobdoc_next_data(doc, at, file);
    file->size = 0;
    return there;
}

static bool next_for_ever(const struct ota_jobdoc *doc, struct ota_jobdoc_data *at,
                          struct ota_jobdoc_file *file)
{
    struct ota_jobdoc_data first = { .begun = false };
    at->begun = true;
    return ota_jobdoc_next_data(doc, &first, file);
}

static void boot_with(struct ota_parser *parser)
{
    static const struct ota_parser *chain[1];
    chain[0] = parser;
    world.cfg.parsers = (struct ota_parser_chain){ chain, 1 };
    sim_boot(&world);
    settle();
}

static void a_parser_that_knows_no_data_files_has_images_only(void **unused)
{
    (void)unused;
    static struct ota_parser parser;
    parser = ota_parser_afr;
    parser.next_data = NULL;
    boot_with(&parser);
    assert_int_equal(deploy_edition("j", v2, 0), OTA_JOB_SUCCEEDED);
    expect(v2, NULL, NULL);
}

static void a_parser_that_lets_too_much_pass_is_not_believed(void **unused)
{
    (void)unused;
    static struct ota_parser parser;
    parser = ota_parser_afr;
    parser.next_data = next_of_no_bytes;
    boot_with(&parser);
    const struct sim_file files[] = { { 1, one[0] } };
    refused(v2, files, 1, "OTA_E_JOB_DOCUMENT");
}

/* --- two protocols -------------------------------------------------------------------------- */

/* The device hears of a URL for each file besides the stream. */
static bool offer_http_too(struct sim *s, enum sim_direction to, struct ota_span topic,
                           struct ota_span payload)
{
    static const char mqtt[] = "[\"MQTT\"]", size[] = "\"filesize\"";
    char text[4096];
    struct ota_writer w = ota_writer(OTA_BUF_OF(text));
    const char *const begin = (const char *)payload.ptr, *const end = begin + payload.len;
    bool both = false;
    for (const char *at = begin; to == SIM_TO_DEVICE && at < end; at++) {
        const size_t left = (size_t)(end - at);
        if (left > sizeof mqtt && memcmp(at, mqtt, sizeof mqtt - 1) == 0) {
            both = true;
            ota_write_str(&w, "[\"MQTT\",\"HTTP\"]");
            at += sizeof mqtt - 2;
            continue;
        }
        if (left > sizeof size && memcmp(at, size, sizeof size - 1) == 0) {
            ota_write_str(&w, "\"update_data_url\":\"https://sim/j\",");
        }
        ota_write_u8(&w, (uint8_t)*at);
    }
    if (both) {
        sim_say(s, s->cfg.latency_ms, topic, ota_writer_done(&w));
    }
    return !both;
}

static bool have_nothing(struct sim *s, const struct ota_effect *fetch)
{
    const struct sim_response r = { .status = 404, .content_range = "" };
    sim_respond(s, fetch, &r);
    return true;
}

static int begin_with_http(void **state)
{
    struct sim_cfg cfg = sim_cfg_default();
    (void)begin(state);
    close_world();
    cfg.bank_sectors = 8;
    cfg.http = SIM_HTTP_FIRST;
    open_world(&cfg, v1);
    world.on_wire = offer_http_too;
    world.on_fetch = have_nothing;
    return 0;
}

static void a_server_that_is_asked_in_vain_for_a_file_is_left_for_the_stream(void **state)
{
    (void)state;
    const struct sim_file files[] = { { 1, one[0] }, { 2, two[0] } };
    sim_deploy_files(&world, "files", NULL, files, 2);
    assert_true(sim_run(&world, world.now + 3600u * 1000u));
    assert_int_equal(sim_status(&world, "files", NULL), OTA_JOB_SUCCEEDED);
    expect(v1, one[0], two[0]);
    assert_int_equal(deploy_edition("both", v2, 1), OTA_JOB_SUCCEEDED);
    expect(v2, one[1], two[1]);
    assert_in_range(world.fetches, 1, 60);
}

/* --- fifty files ----------------------------------------------------------------------------- */

/* A handler of the test's own: bytes in memory, a place for each file of its type. */
static struct {
    struct ota_file_handler base;
    uint8_t staged[50][600];
    unsigned verified, applied, kept, discarded;
    unsigned busy; /* each verb is so often busy before it is done */
    unsigned waits;
    ota_err_t verdict; /* of the 31st file */
    enum ram_verb { NO_VERB, BEGIN, WRITE, READ, VERIFIED, APPLY, KEEP, DISCARD } broken;
} ram;

static ota_err_t unless_broken(enum ram_verb verb)
{
    return ram.broken == verb ? OTA_E_FLASH : OTA_OK;
}

static ota_err_t busy_or(ota_err_t err)
{
    if (ram.waits < ram.busy) {
        ram.waits++;
        return OTA_E_BUSY;
    }
    ram.waits = 0;
    return err;
}

static ota_err_t ram_check(struct ota_file_handler *h, const struct ota_file *file)
{
    assert_ptr_equal(h, &ram.base);
    assert_int_equal(file->type, 200);
    assert_int_equal(file->nth, file->index);
    return file->size <= sizeof ram.staged[0] && file->nth < 50 ? OTA_OK : OTA_E_JOB_FILE_SIZE;
}

static uint32_t ram_resume(struct ota_file_handler *h, const struct ota_file *file, uint32_t mark)
{
    (void)h;
    (void)file;
    return mark / 100u * 100u; /* no multiple of a block: it is asked again */
}

static ota_err_t ram_begin(struct ota_file_handler *h, const struct ota_file *file, uint32_t from)
{
    (void)h;
    memset(ram.staged[file->nth] + from, 0, sizeof ram.staged[0] - from);
    return busy_or(unless_broken(BEGIN));
}

static ota_err_t ram_write(struct ota_file_handler *h, const struct ota_file *file, uint32_t offset,
                           struct ota_span bytes)
{
    (void)h;
    assert_true(offset + bytes.len <= file->size);
    memcpy(ram.staged[file->nth] + offset, bytes.ptr, bytes.len);
    return unless_broken(WRITE);
}

static ota_err_t ram_read(struct ota_file_handler *h, const struct ota_file *file, uint32_t offset,
                          struct ota_buf into)
{
    (void)h;
    memcpy(into.ptr, ram.staged[file->nth] + offset, into.cap);
    return unless_broken(READ);
}

static ota_err_t ram_verified(struct ota_file_handler *h, const struct ota_file *file)
{
    (void)h;
    const ota_err_t err = busy_or(file->index == 30 ? ram.verdict : unless_broken(VERIFIED));
    ram.verified += err == OTA_OK;
    return err;
}

static ota_err_t ram_apply(struct ota_file_handler *h)
{
    (void)h;
    const ota_err_t err = busy_or(unless_broken(APPLY));
    ram.applied += err == OTA_OK;
    return err;
}

static ota_err_t ram_keep(struct ota_file_handler *h)
{
    (void)h;
    const ota_err_t err = busy_or(unless_broken(KEEP));
    ram.kept += err == OTA_OK;
    return err;
}

static ota_err_t ram_discard(struct ota_file_handler *h)
{
    (void)h;
    const ota_err_t err = busy_or(unless_broken(DISCARD));
    ram.discarded += err == OTA_OK;
    return err;
}

static const struct ota_file_handler_ops ram_ops = {
    ram_check,    ram_resume, ram_begin, ram_write,   ram_read,
    ram_verified, ram_apply,  ram_keep,  ram_discard,
};

static int begin_with_ram(void **state)
{
    static struct ota_file_handler *const handlers[] = { &ram.base };
    static const struct ota_files files = { &ota_files_engine, handlers, 1 };
    (void)begin_without_handlers(state);
    memset(&ram, 0, sizeof ram);
    ram.base = (struct ota_file_handler){ &ram_ops, 200 };
    world.files = &files;
    sim_boot(&world);
    settle();
    return 0;
}

/* A job of so many files of one type: each is a piece of one artifact's stream. */
static void deploy_many(const char *id, unsigned count, struct sim_image *const *data)
{
    static struct sim_file files[51];
    for (unsigned i = 0; i < count; i++) {
        files[i] = (struct sim_file){ 200, data[i] };
    }
    sim_deploy_files(&world, id, NULL, files, count);
}

static void fifty_files_take_no_memory_and_no_more_than_fifty_are_taken(void **state)
{
    (void)state;
    struct sim_image *data[50];
    for (unsigned i = 0; i < 50; i++) {
        data[i] = sim_data_make(sim_keys_real(), 1u + i * 12u, i + 1u);
    }
    ram.busy = 2;
    deploy_many("j", 50, data);
    settle();
    assert_int_equal(sim_status(&world, "j", NULL), OTA_JOB_SUCCEEDED);
    assert_int_equal(ram.verified, 50);
    assert_int_equal(ram.applied, 1);
    assert_int_equal(ram.kept, 1);
    for (unsigned i = 0; i < 50; i++) {
        assert_memory_equal(ram.staged[i], data[i]->bytes, data[i]->size);
    }
    /* One that its handler does not like, when all of it is there. */
    ram.verdict = OTA_E_JOB_FILE_SIZE;
    ram.discarded = 0;
    deploy_many("no", 50, data);
    settle();
    assert_int_equal(sim_status(&world, "no", NULL), OTA_JOB_REJECTED);
    assert_int_equal(ram.verified, 50 + 30);
    assert_int_equal(ram.applied, 1);
    assert_true(ram.discarded >= 1);
    for (unsigned i = 0; i < 50; i++) {
        sim_image_free(data[i]);
    }
}

static void a_parser_that_finds_files_without_end_is_stopped(void **unused)
{
    (void)unused;
    static struct ota_parser parser;
    struct sim_image *data = sim_data_make(sim_keys_real(), 500, 1);
    parser = ota_parser_afr;
    parser.next_data = next_for_ever;
    boot_with(&parser);
    deploy_many("for-ever", 1, &data);
    settle();
    assert_int_equal(sim_status(&world, "for-ever", NULL), OTA_JOB_REJECTED);
    expect_reason("for-ever", "OTA_E_JOB_DOCUMENT");
    sim_image_free(data);
}

/* Neither an image nor a file: nothing that could be taken for done. */
static void files_of_which_their_parser_knows_nothing_are_no_job(void **unused)
{
    (void)unused;
    static struct ota_parser parser;
    struct sim_image *data = sim_data_make(sim_keys_real(), 500, 1);
    parser = ota_parser_afr;
    parser.next_data = NULL;
    boot_with(&parser);
    deploy_many("j", 1, &data);
    settle();
    assert_int_equal(sim_status(&world, "j", NULL), OTA_JOB_REJECTED);
    expect_reason("j", "OTA_E_JOB_NO_FILE");
    sim_image_free(data);
}

static void a_handler_that_fails_ends_the_job(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        enum ram_verb broken;
    } rows[] = { { "begin", BEGIN },
                 { "write", WRITE },
                 { "read", READ },
                 { "verified", VERIFIED },
                 { "apply", APPLY } };
    struct sim_image *data = sim_data_make(sim_keys_real(), 500, 1);
    ram.busy = 1;
    for (size_t i = 0; i < COUNT(rows); i++) {
        ram.broken = rows[i].broken;
        ram.discarded = 0;
        deploy_many(rows[i].id, 1, &data);
        settle();
        CHECK_ROW(rows[i].id, sim_status(&world, rows[i].id, NULL) == OTA_JOB_FAILED);
        expect_reason(rows[i].id, "OTA_E_FLASH");
        CHECK_ROW(rows[i].id, ram.discarded > 1 && ram.applied == 0 && ram.kept == 0);
    }
    sim_image_free(data);
}

/* What must happen and cannot: nothing more is done, and nothing is told, before a restart. */
static void a_handler_that_cannot_end_a_job_stops_the_workflow(void **unused)
{
    (void)unused;
    struct sim_image *data = sim_data_make(sim_keys_real(), 500, 1);
    ram.broken = DISCARD;
    deploy_many("begins", 1, &data);
    settle();
    assert_int_equal(state(), OTA_JOURNAL_CLAIMED);
    assert_true(world.device.o.halted);
    ram.broken = KEEP;
    sim_boot(&world);
    settle();
    assert_int_equal(state(), OTA_JOURNAL_REPORT_OK);
    assert_true(world.device.o.halted);
    assert_int_equal(sim_status(&world, "begins", NULL), OTA_JOB_IN_PROGRESS);
    ram.broken = NO_VERB;
    sim_boot(&world);
    settle();
    assert_int_equal(sim_status(&world, "begins", NULL), OTA_JOB_SUCCEEDED);
    assert_int_equal(ram.kept, 1);
    sim_image_free(data);
}

/* --- a journal that is lost ----------------------------------------------------------------- */

/* In the middle of the test: the image goes on without a job, and so do its files. */
static void lose_the_journal_in_a_test(enum ota_command verdict)
{
    const struct sim_file files[] = { { 1, one[1] }, { 2, two[1] } };
    assert_int_equal(deploy_edition("before", NULL, 0), OTA_JOB_SUCCEEDED);
    world.hands_off = true;
    sim_deploy_files(&world, "j", v2, files, 2);
    run_to(OTA_JOURNAL_READY);
    say(OTA_COMMAND_ACTIVATE);
    run_to(OTA_JOURNAL_TESTING);
    assert_true(sim_run(&world, world.now + 1000));
    expect(v2, one[1], two[1]);
    wipe(world.layout.journal);
    world.cfg.trials_max = 2;
    sim_boot(&world);
    assert_true(sim_run(&world, world.now + 1000));
    expect(v2, one[1], two[1]);
    say(verdict);
    world.hands_off = false;
    sim_cancel(&world, "j");
    settle();
}

static void without_its_journal_an_image_that_passes_keeps_its_files(void **state)
{
    (void)state;
    lose_the_journal_in_a_test(OTA_COMMAND_CONFIRM);
    expect(v2, one[1], two[1]);
    two[2]->bytes[9] ^= 1;
    assert_int_equal(deploy_edition("spoilt", NULL, 2), OTA_JOB_REJECTED);
    expect(v2, one[1], two[1]);
}

static void without_its_journal_an_image_that_fails_takes_its_files_along(void **state)
{
    (void)state;
    lose_the_journal_in_a_test(OTA_COMMAND_REJECT);
    expect(v1, one[0], two[0]);
}

/* An image and a file of `ram`, in the test. */
static struct sim_image *test_with_ram(void)
{
    struct sim_image *const data = sim_data_make(sim_keys_real(), 500, 1);
    const struct sim_file file = { 200, data };
    world.hands_off = true;
    sim_deploy_files(&world, "j", v2, &file, 1);
    run_to(OTA_JOURNAL_READY);
    say(OTA_COMMAND_ACTIVATE);
    run_to(OTA_JOURNAL_TESTING);
    assert_true(sim_run(&world, world.now + 1000));
    assert_int_equal(ram.applied, 1);
    return data;
}

static void without_its_journal_an_image_waits_until_its_files_are_kept(void **state)
{
    (void)state;
    struct sim_image *const data = test_with_ram();
    sim_cancel(&world, "j");
    wipe(world.layout.journal);
    world.cfg.trials_max = 2;
    sim_boot(&world);
    assert_true(sim_run(&world, world.now + 1000));
    ram.busy = 2;
    ram.discarded = 0;
    say(OTA_COMMAND_CONFIRM);
    settle();
    assert_int_equal(ram.kept, 1);
    assert_int_equal(ram.waits, 0);
    assert_int_equal(ram.discarded, 0);
    assert_ptr_equal(sim_running(&world), v2);
    world.hands_off = false;
    assert_int_equal(deploy("next", v1), OTA_JOB_SUCCEEDED);
    sim_image_free(data);
}

/* Confirmed by others in the middle of its test, then a restart: its files are applied in this boot too, or it has failed. */
static void what_others_confirmed_gets_its_files_before_it_has_succeeded(void **state)
{
    (void)state;
    struct sim_image *const data = test_with_ram();
    assert_int_equal(ota_store_confirm(&world.device.store, OTA_SLOT_B), OTA_OK);
    ram.busy = 2;
    sim_boot(&world);
    settle();
    assert_int_equal(sim_status(&world, "j", NULL), OTA_JOB_SUCCEEDED);
    assert_int_equal(ram.applied, 2);
    assert_int_equal(ram.kept, 1);
    sim_image_free(data);
}

static void what_others_confirmed_has_failed_if_its_files_cannot_be_applied(void **state)
{
    (void)state;
    struct sim_image *const data = test_with_ram();
    assert_int_equal(ota_store_confirm(&world.device.store, OTA_SLOT_B), OTA_OK);
    ram.broken = APPLY;
    sim_boot(&world);
    settle();
    assert_int_equal(sim_status(&world, "j", NULL), OTA_JOB_FAILED);
    expect_reason("j", "confirmed against the verdict");
    assert_ptr_equal(sim_running(&world), v2);
    sim_image_free(data);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
#define T(name)       cmocka_unit_test_setup_teardown(name, begin, end)
#define WITH(b, name) cmocka_unit_test_setup_teardown(name, b, end)
        T(an_image_and_two_files_are_installed_together),
        T(files_without_an_image_need_no_reset),
        T(one_file_alone_leaves_the_other_as_it_is),
        T(an_image_alone_leaves_the_files_as_they_are),
        T(the_running_image_with_other_files_is_a_job_of_files),
        T(an_image_that_is_reverted_takes_its_files_along),
        T(a_new_image_is_tested_with_its_own_files),
        T(a_file_that_is_not_what_was_signed_spoils_the_whole_job),
        T(an_image_that_is_not_what_was_signed_spoils_its_files),
        T(a_file_that_nobody_handles_is_refused_by_name),
        T(a_second_image_is_no_data_file),
        WITH(begin_without_handlers, a_device_without_handlers_takes_images_only),
        T(a_new_image_without_handlers_is_reverted),
        T(a_job_of_files_is_given_up_by_an_image_without_handlers),
        T(a_file_larger_than_its_room_is_refused),
        T(a_file_without_a_signature_is_refused),
        T(power_off_goes_on_with_the_file_and_where_it_was),
        T(the_same_file_for_another_job_goes_on),
        T(the_running_image_is_not_fetched_to_learn_that_it_runs),
        T(a_cancel_forgets_what_is_here),
        T(the_application_says_when_files_are_applied),
        T(the_end_of_the_timer_is_told_without_empty_details),
        T(a_broker_that_is_away_delays_and_nothing_else),
        T(suspended_in_any_file_it_goes_on_where_it_was),
        T(a_file_larger_than_one_turn_is_digested_in_pieces),
        T(a_file_goes_on_where_a_sector_begins),
        T(a_mark_at_the_end_of_a_file_is_none),
        T(a_parser_that_knows_no_data_files_has_images_only),
        T(a_parser_that_lets_too_much_pass_is_not_believed),
        WITH(begin_with_http, a_server_that_is_asked_in_vain_for_a_file_is_left_for_the_stream),
        T(without_its_journal_an_image_that_passes_keeps_its_files),
        T(without_its_journal_an_image_that_fails_takes_its_files_along),
        WITH(begin_with_ram, files_of_which_their_parser_knows_nothing_are_no_job),
        WITH(begin_with_ram, without_its_journal_an_image_waits_until_its_files_are_kept),
        WITH(begin_with_ram, what_others_confirmed_gets_its_files_before_it_has_succeeded),
        WITH(begin_with_ram, what_others_confirmed_has_failed_if_its_files_cannot_be_applied),
        WITH(begin_with_ram, a_handler_that_fails_ends_the_job),
        WITH(begin_with_ram, a_parser_that_finds_files_without_end_is_stopped),
        WITH(begin_with_ram, a_handler_that_cannot_end_a_job_stops_the_workflow),
        WITH(begin_with_ram, fifty_files_take_no_memory_and_no_more_than_fifty_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
