/*
 * What the application decides, with what belongs to it: now, later, or no and why; of the download,
 * and apart from that of the activation. And whose word a document is: the chain of parsers.
 */
#include "workflow_provider.h"

static struct {
    unsigned offers, activates, none;
    uint32_t ticket; /* of the newest */
    char document[1200];
} seen;

static void look(struct sim *s, const struct ota_effect *effect)
{
    (void)s;
    const enum ota_event_kind kind = effect->as.event.kind;
    seen.offers += kind == OTA_EVENT_OFFER;
    seen.activates += kind == OTA_EVENT_ACTIVATE;
    seen.none += kind == OTA_EVENT_NO_JOB;
    seen.ticket = effect->as.event.ticket;
    if (kind == OTA_EVENT_OFFER) {
        (void)snprintf(seen.document, sizeof seen.document, "%.*s",
                       (int)effect->as.event.document.len,
                       (const char *)effect->as.event.document.ptr);
    }
}

static void open_fresh(enum ota_policy policy, struct ota_parser_chain parsers)
{
    struct sim_cfg cfg = sim_cfg_default();
    cfg.policy = policy;
    cfg.parsers = parsers;
    close_world();
    open_with(&cfg);
    memset(&seen, 0, sizeof seen);
    world.on_event = look;
}

/* j1 is offered, and waits for our word. */
static void open_asking(void)
{
    open_fresh(OTA_POLICY_ASK, (struct ota_parser_chain){ NULL, 0 });
    offer("j1", 1, "s2", v2);
    settle();
    assert_int_equal(seen.offers, 1);
}

/* j1 is in flash, verified, and waits for our word. */
static void open_ready(void)
{
    open_fresh(OTA_POLICY_ACCEPT, (struct ota_parser_chain){ NULL, 0 });
    world.hands_off = true;
    offer("j1", 1, "s2", v2);
    settle();
    assert_int_equal(state(), OTA_JOURNAL_READY);
    assert_int_equal(seen.activates, 1);
}

static ota_err_t decide(enum ota_command command, const char *words)
{
    const struct ota_decision d = { .command = command,
                                    .until = OTA_NEVER,
                                    .reason = text_of(words) };
    return ota_orchestrator_decide(&world.device.o, &d);
}

static void put_off_until(ota_ms_t until)
{
    const struct ota_decision d = { .command = OTA_COMMAND_LATER, .until = until };
    assert_int_equal(ota_orchestrator_decide(&world.device.o, &d), OTA_OK);
}

static uint32_t flash_writes(void)
{
    return world.flash.ops;
}

/* --- the download ----------------------------------------------------------------------- */

static void an_offer_that_is_put_off_waits_untouched_until_its_time(void **ctx)
{
    (void)ctx;
    open_asking();
    const uint32_t writes = flash_writes();
    const ota_ms_t until = world.now + HOUR_MS;
    put_off_until(until);
    for (unsigned i = 0; i < 5; i++) { /* the provider reminds us, and the link comes and goes */
        notify();
        run_ms(5u * 60000u);
        sim_link(&world, false);
        sim_link(&world, true);
        run_ms(5u * 60000u);
        assert_int_equal(seen.offers, 1);
    }
    assert_true(p.asked > 5);
    assert_int_equal(p.told, 0);
    assert_string_equal(p.status, "QUEUED");
    assert_int_equal(flash_writes(), writes);
    assert_true(sim_run(&world, until - 1));
    assert_int_equal(seen.offers, 1);
    run_ms(1000);
    assert_int_equal(seen.offers, 2);
    say(OTA_COMMAND_ACCEPT);
    settle();
    expect_result("at night", "j1", 1, "SUCCEEDED");
}

/* Another event than the offer's waits to be told. */
static void an_offer_that_was_seen_can_be_decided_whatever_else_came(void **ctx)
{
    (void)ctx;
    open_asking();
    ota_orchestrator_message(&world.device.o,
                             OTA_SPAN_LIT("$aws/things/" SIM_THING "/jobs/notify-next"),
                             OTA_SPAN_LIT("{"), world.now);
    assert_int_equal(world.device.o.stats.refused, 1);
    say(OTA_COMMAND_ACCEPT);
    settle();
    expect_result("accepted", "j1", 1, "SUCCEEDED");
}

static void an_offer_can_be_put_off_again_and_again(void **ctx)
{
    (void)ctx;
    open_asking();
    for (unsigned i = 1; i <= 40; i++) {
        put_off_until(world.now + 60000u);
        run_ms(61000u);
        assert_int_equal(seen.offers, 1 + i);
    }
    say(OTA_COMMAND_ACCEPT);
    settle();
    expect_result("in the end", "j1", 1, "SUCCEEDED");
}

static void an_offer_that_is_put_off_until_told_waits_for_that(void **ctx)
{
    (void)ctx;
    open_asking();
    put_off_until(OTA_NEVER);
    notify();
    run_ms(DAY_MS);
    assert_int_equal(seen.offers, 1);
    say(OTA_COMMAND_CHECK); /* tell me again */
    run_ms(1000);
    assert_int_equal(seen.offers, 2);
    put_off_until(OTA_NEVER);
    run_ms(DAY_MS);
    assert_int_equal(seen.offers, 2);
    say(OTA_COMMAND_ACCEPT); /* it is still the same */
    settle();
    assert_int_equal(seen.offers, 2);
    expect_result("a day later", "j1", 1, "SUCCEEDED");
}

static void an_activation_that_is_put_off_until_told_waits_for_that(void **ctx)
{
    (void)ctx;
    open_ready();
    put_off_until(world.now + HOUR_MS);
    say(OTA_COMMAND_CHECK); /* it has its time */
    run_ms(1000);
    assert_int_equal(seen.activates, 1);
    put_off_until(OTA_NEVER);
    notify();
    run_ms(DAY_MS);
    assert_int_equal(seen.activates, 1);
    say(OTA_COMMAND_CHECK); /* tell me again */
    run_ms(1000);
    assert_int_equal(seen.activates, 2);
    run_ms(DAY_MS);
    assert_int_equal(seen.activates, 2);
    go_on();
    expect_result("a day later", "j1", 1, "SUCCEEDED");
}

static void what_is_put_off_is_one_execution(void **ctx)
{
    (void)ctx;
    open_asking();
    put_off_until(OTA_NEVER);
    offer("j1", 2, "s2", v2);
    notify();
    run_ms(1000);
    assert_int_equal(seen.offers, 2);
}

static void an_offer_that_is_gone_while_it_was_put_off_is_forgotten(void **ctx)
{
    (void)ctx;
    open_asking();
    put_off_until(world.now + HOUR_MS);
    p.job = NULL;
    notify();
    run_ms(1000);
    assert_int_equal(seen.none, 1);
    assert_int_equal(decide(OTA_COMMAND_ACCEPT, ""), OTA_E_STATE);
    const unsigned asked = p.asked;
    run_ms(2u * HOUR_MS);
    assert_int_equal(p.asked, asked);
}

static void a_restart_tells_again_what_was_put_off(void **ctx)
{
    (void)ctx;
    open_asking();
    put_off_until(OTA_NEVER);
    sim_boot(&world);
    settle();
    assert_int_equal(seen.offers, 2);
}

static void an_offer_shows_its_document(void **ctx)
{
    (void)ctx;
    open_asking();
    assert_string_equal(seen.document, p.document);
}

/* --- words ------------------------------------------------------------------------------ */

static void a_refusal_is_told_in_the_applications_words(void **ctx)
{
    (void)ctx;
    static const char longest[] =
        "0123456789012345678901234567890123456789012345678901234567890123";
    static const char *const words[] = { "battery at 12 %", "x", longest, " !#[]~" };
    _Static_assert(sizeof longest - 1u == OTA_WORDS_MAX, "as long as it may be");
    for (size_t i = 0; i < COUNT(words); i++) {
        char wanted[128];
        (void)snprintf(wanted, sizeof wanted, "\"reason\":\"%s\"", words[i]);
        open_asking();
        assert_int_equal(decide(OTA_COMMAND_REFUSE, words[i]), OTA_OK);
        settle();
        expect_result(words[i], "j1", 1, "REJECTED");
        CHECK_ROW(words[i], strstr(p.result.text, wanted) != NULL);
    }
}

static void words_that_cannot_be_told_are_refused_and_nothing_happens(void **ctx)
{
    (void)ctx;
    static const struct {
        const char *why, *words;
    } rows[] = {
        { "a quote would end the string", "so \"so\"" },
        { "a backslash would begin an escape", "a\\b" },
        { "a line is one line", "a\nb" },
        { "DEL is not printable", "a\x7f" },
        { "not ASCII", "caf\xc3\xa9" },
        { "one too long", "01234567890123456789012345678901234567890123456789012345678901234" },
    };
    open_asking();
    for (size_t i = 0; i < COUNT(rows); i++) {
        const size_t len = strlen(rows[i].words);
        uint8_t *const exact = t_exact(rows[i].words, len);
        const struct ota_decision d = { .command = OTA_COMMAND_REFUSE, .reason = { exact, len } };
        CHECK_ROW(rows[i].why, ota_orchestrator_decide(&world.device.o, &d) == OTA_E_NAME);
        free(exact);
    }
    settle();
    assert_int_equal(p.told, 0);
    say(OTA_COMMAND_ACCEPT); /* it still waits */
    settle();
    expect_result("accepted all the same", "j1", 1, "SUCCEEDED");
}

static void words_belong_to_one_decision(void **ctx)
{
    (void)ctx;
    open_asking();
    assert_int_equal(decide(OTA_COMMAND_REFUSE, "not on a Sunday"), OTA_OK);
    settle();
    offer("j2", 1, "s3", v3);
    notify();
    settle();
    assert_int_equal(decide(OTA_COMMAND_REFUSE, ""), OTA_OK);
    settle();
    expect_result("the next", "j2", 1, "REJECTED");
    assert_non_null(strstr(p.result.text, "\"refused by the application\""));
}

static void words_about_one_job_are_not_told_of_another_that_we_refuse(void **ctx)
{
    (void)ctx;
    open_asking();
    assert_int_equal(decide(OTA_COMMAND_REFUSE, "not on a Sunday"), OTA_OK);
    settle();
    offer("j2", 1, "s3", v3);
    strcpy(p.document, "{\"operation\":\"blink\"}");
    notify();
    settle();
    expect_result("not for us", "j2", 1, "REJECTED");
    assert_non_null(strstr(p.result.text, "\"reason\":\"job document not understood\""));
}

static void after_a_reset_a_refusal_is_told_in_our_words(void **ctx)
{
    (void)ctx;
    open_asking();
    p.mute = true;
    assert_int_equal(decide(OTA_COMMAND_REFUSE, "not on a Sunday"), OTA_OK);
    run_ms(1000);
    assert_non_null(strstr(p.result.text, "not on a Sunday"));
    sim_boot(&world);
    p.mute = false;
    settle();
    expect_result("after a reset", "j1", 1, "REJECTED");
    assert_non_null(strstr(p.result.text, "\"refused by the application\""));
}

/* --- tickets ------------------------------------------------------------------------------ */

static void a_decision_about_one_execution_is_none_about_the_next(void **ctx)
{
    (void)ctx;
    open_asking();
    struct ota_decision d = { .command = OTA_COMMAND_ACCEPT, .ticket = seen.ticket };
    assert_int_not_equal(d.ticket, 0);
    offer("j1", 2, "s2", v2);
    notify();
    settle();
    assert_int_equal(seen.offers, 2);
    assert_int_equal(ota_orchestrator_decide(&world.device.o, &d), OTA_E_STATE);
    d.ticket = seen.ticket;
    assert_int_equal(ota_orchestrator_decide(&world.device.o, &d), OTA_OK);
    settle();
    expect_result("with the right ticket", "j1", 2, "SUCCEEDED");
}

/* --- the activation ------------------------------------------------------------------------- */

static void an_activation_that_is_put_off_comes_back_at_its_time(void **ctx)
{
    (void)ctx;
    open_ready();
    const ota_ms_t until = world.now + 8u * HOUR_MS;
    put_off_until(until);
    for (unsigned i = 0; i < 4; i++) { /* the same execution again, also from another stream */
        offer("j1", 1, i % 2u == 0 ? "s2b" : "s2", v2);
        p.status = "IN_PROGRESS";
        notify();
        run_ms(HOUR_MS);
        assert_int_equal(state(), OTA_JOURNAL_READY);
        assert_int_equal(seen.activates, 1);
    }
    assert_true(sim_run(&world, until - 1));
    assert_int_equal(seen.activates, 1);
    run_ms(1);
    assert_int_equal(seen.activates, 2);
    go_on();
    expect_result("in the maintenance window", "j1", 1, "SUCCEEDED");
}

static void an_activation_can_be_refused_with_a_reason(void **ctx)
{
    (void)ctx;
    open_ready();
    assert_int_equal(decide(OTA_COMMAND_REJECT, "valve is open"), OTA_OK);
    settle();
    expect_result("no", "j1", 1, "REJECTED");
    assert_non_null(strstr(p.result.text, "\"reason\":\"valve is open\""));
    assert_ptr_equal(sim_running(&world), v1);
}

static void an_image_that_waits_can_still_be_canceled(void **ctx)
{
    (void)ctx;
    open_ready();
    put_off_until(OTA_NEVER);
    p.job = NULL;
    notify();
    settle();
    assert_int_equal(state(), OTA_JOURNAL_NONE);
    assert_int_equal(seen.activates, 1);
}

/* --- parsers -------------------------------------------------------------------------------- */

/* A schema of someone's own: {"acme":{"from":STREAM,"bytes":N,"proof":SIGNATURE}}. */
static const struct ota_json_field acme_fields[] = {
    OTA_JSON_FIELD("from", OTA_JSON_REQUIRED | OTA_JSON_STRING, struct ota_jobdoc, stream),
};
static const struct ota_json_field acme_file_fields[] = {
    OTA_JSON_FIELD("bytes", OTA_JSON_REQUIRED | OTA_JSON_NUMBER, struct ota_jobdoc_file, size),
    OTA_JSON_FIELD("proof", OTA_JSON_REQUIRED | OTA_JSON_STRING, struct ota_jobdoc_file, signature),
};

static ota_err_t acme_read(const struct ota_json *document, struct ota_jobdoc *doc)
{
    memset(doc, 0, sizeof *doc);
    const ota_err_t err = ota_json_find(document, "acme", &doc->files);
    if (err == OTA_E_NOT_FOUND) {
        return OTA_E_NOT_FOUND;
    }
    doc->protocols = OTA_PROTOCOL_MQTT;
    doc->file_count = 1;
    return err == OTA_OK && ota_json_bind(&doc->files, OTA_JSON_FIELDS(acme_fields), doc) == OTA_OK
               ? OTA_OK
               : OTA_E_JOB_DOCUMENT;
}

static ota_err_t acme_file(const struct ota_jobdoc *doc, uint32_t index,
                           struct ota_jobdoc_file *file)
{
    memset(file, 0, sizeof *file);
    file->signature_kind = OTA_SIGNATURE_P256;
    return index == 0 &&
                   ota_json_bind(&doc->files, OTA_JSON_FIELDS(acme_file_fields), file) == OTA_OK
               ? OTA_OK
               : OTA_E_JOB_DOCUMENT;
}

static ota_err_t acme_choose(struct ota_jobdoc *doc, unsigned slot, struct ota_jobdoc_file *file)
{
    (void)slot;
    return acme_file(doc, 0, file);
}

static bool acme_names_image(const struct ota_jobdoc *doc, const uint8_t digest[OTA_DIGEST_SIZE])
{
    (void)doc;
    (void)digest;
    return false;
}

static const struct ota_parser acme = { acme_read, acme_file, acme_choose, acme_names_image, NULL };

/* The document that is offered in that schema; `bytes` is its size. */
static void write_acme_document(const char *bytes)
{
    char text[sizeof p.document];
    struct ota_json document;
    struct ota_jobdoc doc;
    struct ota_jobdoc_file file;
    assert_int_equal(ota_json_parse(text_of(p.document), &document), OTA_OK);
    assert_int_equal(ota_jobdoc_read(&document, &doc), OTA_OK);
    assert_int_equal(ota_jobdoc_choose(&doc, 1, &file), OTA_OK);
    (void)snprintf(text, sizeof text, "{\"acme\":{\"from\":\"s2\",\"bytes\":%s,\"proof\":%.*s}}",
                   bytes, (int)file.signature.text.len, (const char *)file.signature.text.ptr);
    strcpy(p.document, text);
}

static void documents_are_whose_parser_knows_them(void **ctx)
{
    (void)ctx;
    static const struct ota_parser *const both[] = { &acme, &ota_parser_afr };
    static const struct {
        const char *why;
        struct ota_parser_chain chain;
        bool acme;
        const char *status;
    } rows[] = {
        { "a schema of one's own", { both, 2 }, true, "SUCCEEDED" },
        { "AFR beside it", { both, 2 }, false, "SUCCEEDED" },
        { "AFR is there by default", { NULL, 0 }, false, "SUCCEEDED" },
        { "and nothing else", { NULL, 0 }, true, "REJECTED" },
        { "nor is AFR, where it is not wanted", { both, 1 }, false, "REJECTED" },
    };
    char size_of_v2[16];
    (void)snprintf(size_of_v2, sizeof size_of_v2, "%u", (unsigned)v2->size);
    for (size_t i = 0; i < COUNT(rows); i++) {
        open_fresh(OTA_POLICY_ACCEPT, rows[i].chain);
        offer("j1", 1, "s2", v2);
        if (rows[i].acme) {
            write_acme_document(size_of_v2);
        }
        settle();
        expect_result(rows[i].why, "j1", 1, rows[i].status);
        const bool good = strcmp(rows[i].status, "SUCCEEDED") == 0;
        CHECK_ROW(rows[i].why, sim_running(&world) == (good ? v2 : v1));
        CHECK_ROW(rows[i].why,
                  good || strstr(p.result.text, "job document not understood") != NULL);
    }
}

static void a_parser_that_knows_a_document_is_the_last_that_is_asked(void **ctx)
{
    (void)ctx;
    static const struct ota_parser *const both[] = { &acme, &ota_parser_afr };
    open_fresh(OTA_POLICY_ACCEPT, (struct ota_parser_chain){ both, 2 });
    offer("j1", 1, "s2", v2);
    p.document[strlen(p.document) - 1u] = '\0'; /* AFR, and a broken one of the other kind */
    strcat(p.document, ",\"acme\":{\"from\":7}}");
    settle();
    expect_result("broken", "j1", 1, "REJECTED");
}

static void a_parser_that_lets_a_file_of_no_bytes_pass_is_not_believed(void **ctx)
{
    (void)ctx;
    static const struct ota_parser *const one[] = { &acme };
    open_fresh(OTA_POLICY_ACCEPT, (struct ota_parser_chain){ one, 1 });
    offer("j1", 1, "s2", v2);
    write_acme_document("0");
    settle();
    expect_result("nothing to fetch", "j1", 1, "REJECTED");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
        T(an_offer_that_is_put_off_waits_untouched_until_its_time),
        T(an_offer_that_was_seen_can_be_decided_whatever_else_came),
        T(an_offer_can_be_put_off_again_and_again),
        T(an_offer_that_is_put_off_until_told_waits_for_that),
        T(an_activation_that_is_put_off_until_told_waits_for_that),
        T(what_is_put_off_is_one_execution),
        T(an_offer_that_is_gone_while_it_was_put_off_is_forgotten),
        T(a_restart_tells_again_what_was_put_off),
        T(an_offer_shows_its_document),
        T(a_refusal_is_told_in_the_applications_words),
        T(words_that_cannot_be_told_are_refused_and_nothing_happens),
        T(words_belong_to_one_decision),
        T(words_about_one_job_are_not_told_of_another_that_we_refuse),
        T(after_a_reset_a_refusal_is_told_in_our_words),
        T(a_decision_about_one_execution_is_none_about_the_next),
        T(an_activation_that_is_put_off_comes_back_at_its_time),
        T(an_activation_can_be_refused_with_a_reason),
        T(an_image_that_waits_can_still_be_canceled),
        T(documents_are_whose_parser_knows_them),
        T(a_parser_that_knows_a_document_is_the_last_that_is_asked),
        T(a_parser_that_lets_a_file_of_no_bytes_pass_is_not_believed),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
