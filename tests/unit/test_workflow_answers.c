/*
 * When the provider answers: each row of the workflow's table about it, told by
 * a provider whose every word the test decides. Streams are the real provider's.
 */
#include "workflow_provider.h"

/* --- where we can be when the answer comes ---------------------------------------------------------------- */

enum where {
    CLAIMED_UNTOUCHED, /* the head is on its way */
    CLAIMED_TOUCHED,   /* power was lost while the slot was erased */
    RECEIVING,
    RECEIVING_RESTARTED, /* the provider has not been heard in this boot */
    READY,
    READY_RESTARTED,
    PLACES,
};
static const char *const place[PLACES] = { "claimed",   "claimed and touched",
                                           "receiving", "restarted",
                                           "ready",     "ready again" };

static void boot_unheard(void)
{
    p.away = true;
    sim_boot(&world);
    run_ms(1000);
    p.away = false;
}

static void go_to(enum where where)
{
    offer("j1", 1, "s2", v2);
    world.hands_off = true;
    p.no_streams = where == CLAIMED_UNTOUCHED;
    switch (where) {
    case CLAIMED_UNTOUCHED:
        run_ms(300);
        assert_int_equal(state(), OTA_JOURNAL_CLAIMED);
        p.no_streams = false;
        break;
    case CLAIMED_TOUCHED:
        plan_cut(OTA_EVENT_CLAIMED, 5, FLASH_CUT_HALF);
        assert_false(sim_run(&world, OTA_NEVER));
        boot_unheard();
        assert_int_equal(state(), OTA_JOURNAL_CLAIMED);
        break;
    case RECEIVING: run_to_received(4); break;
    case RECEIVING_RESTARTED:
        run_to_received(9);
        boot_unheard();
        assert_int_equal(state(), OTA_JOURNAL_RECEIVING);
        break;
    case READY:
        run_to(OTA_JOURNAL_READY);
        run_ms(100);
        break;
    case READY_RESTARTED:
        run_to(OTA_JOURNAL_READY);
        run_ms(100);
        boot_unheard();
        assert_int_equal(state(), OTA_JOURNAL_READY);
        break;
    case PLACES: break;
    }
}

/* Ask now: back-off and all that was said to deaf ears are over. */
static void ask_now(void)
{
    sim_link(&world, false);
    sim_link(&world, true);
    run_ms(200);
}

static void the_same_execution_goes_on(void **ctx)
{
    (void)ctx;
    for (unsigned w = 0; w < PLACES; w++) {
        open_again();
        go_to((enum where)w);
        ask_now();
        CHECK_ROW(place[w], state() != OTA_JOURNAL_NONE && state() != OTA_JOURNAL_DROP);
        go_on();
        expect_result(place[w], "j1", 1, "SUCCEEDED");
        CHECK_ROW(place[w], sim_running(&world) == v2);
    }
}

static void the_same_bytes_go_on_for_whom_they_are_wanted_now(void **ctx)
{
    (void)ctx;
    static const struct {
        const char *job, *stream;
        unsigned execution;
    } rows[] = { { "j1", "s2", 2 }, { "j2", "s2", 1 }, { "j2", "s2b", 7 } };
    for (unsigned w = 0; w < PLACES; w++) {
        for (size_t i = 0; i < COUNT(rows); i++) {
            open_again();
            go_to((enum where)w);
            const uint32_t before = world.stream_bytes;
            offer(rows[i].job, rows[i].execution, rows[i].stream, v2);
            ask_now();
            CHECK_ROW(place[w], strcmp(p.taken.job, rows[i].job) == 0);
            CHECK_ROW(place[w], p.taken.execution == rows[i].execution);
            CHECK_ROW(place[w], strcmp(p.status, "IN_PROGRESS") == 0);
            go_on();
            expect_result(place[w], rows[i].job, rows[i].execution, "SUCCEEDED");
            if (w == READY || w == READY_RESTARTED) {
                CHECK_ROW(place[w], world.stream_bytes == before);
            }
            if (w == RECEIVING_RESTARTED) {
                CHECK_ROW(place[w], world.stream_bytes - before < v2->size);
            }
        }
    }
}

/* Named by its image's digest, and signed for deployment as `signed_for` is. */
static void offer_by_digest(const char *job, const struct sim_image *image,
                            const struct sim_image *signed_for)
{
    struct sim_image mixed = *image;
    memcpy(mixed.file_digest, signed_for->file_digest, sizeof mixed.file_digest);
    offer(job, 1, "s2", image);
    sim_document("s2", &mixed, p.document, sizeof p.document);
    name_image(p.document, sizeof p.document, image);
}

static void the_same_bytes_are_judged_by_the_newest_signature(void **ctx)
{
    (void)ctx;
    for (int wrong_first = 0; wrong_first <= 1; wrong_first++) {
        open_again();
        offer_by_digest("j1", v2, wrong_first ? v3 : v2);
        run_to_received(4);
        offer_by_digest("j2", v2, wrong_first ? v2 : v3);
        ask_now();
        settle();
        expect_result("newest", "j2", 1, wrong_first ? "SUCCEEDED" : "REJECTED");
    }
}

static void the_same_bytes_without_a_signature_are_not_gone_on_with(void **ctx)
{
    (void)ctx;
    static const char before[] = "\"sig-sha256-ecdsa\":\"";
    offer_by_digest("j1", v2, v2);
    run_to_received(4);
    offer_by_digest("j2", v2, v2);
    memcpy(strstr(p.document, before) + strlen(before), "AAAA", 4); /* no DER */
    ask_now();
    settle();
    expect_result("no signature", "j2", 1, "REJECTED");
    assert_true(has(text_of(p.result.text), "OTA_E_JOB_SIGNATURE"));
    assert_int_equal(p.results, 1);
    assert_null(sim_image_in(&world, OTA_SLOT_B));
}

static void other_bytes_give_the_claim_up_and_are_fetched(void **ctx)
{
    (void)ctx;
    for (unsigned w = 0; w < PLACES; w++) {
        open_again();
        go_to((enum where)w);
        offer("j3", 1, "s3", v3);
        ask_now();
        go_on();
        if (state() != OTA_JOURNAL_NONE || sim_running(&world) != v3) {
            go_on();
        }
        expect_result(place[w], "j3", 1, "SUCCEEDED");
        CHECK_ROW(place[w], sim_running(&world) == v3);
        CHECK_ROW(place[w], p.results == 1); /* j1 is over for the provider: no word of it */
    }
}

static void a_canceled_claim_is_given_up_without_a_word(void **ctx)
{
    (void)ctx;
    for (unsigned w = 0; w < PLACES; w++) {
        open_again();
        go_to((enum where)w);
        p.job = NULL;
        ask_now();
        settle();
        CHECK_ROW(place[w], state() == OTA_JOURNAL_NONE);
        CHECK_ROW(place[w], p.results == 0);
        CHECK_ROW(place[w], sim_running(&world) == v1);
        CHECK_ROW(place[w], sim_image_in(&world, OTA_SLOT_B) == NULL);
        offer("j2", 1, "s2", v2);
        notify();
        settle();
        go_on();
        expect_result(place[w], "j2", 1, "SUCCEEDED");
    }
}

static void a_claim_that_is_canceled_before_its_head_came_erases_nothing(void **ctx)
{
    (void)ctx;
    go_to(CLAIMED_UNTOUCHED);
    p.job = NULL;
    ask_now();
    assert_int_equal(state(), OTA_JOURNAL_NONE);
    const uint32_t first = world.layout.slot[OTA_SLOT_B].offset / world.cfg.sector_size;
    assert_int_equal(world.flash.erases[first], 0);
}

/* Nobody has answered that it was taken; once it is over, nobody is asked to. */
static void a_claim_that_is_over_is_not_told_any_more(void **ctx)
{
    (void)ctx;
    p.mute = true;
    offer("j1", 1, "s2", v2);
    notify();
    run_ms(10000);
    assert_int_equal(state(), OTA_JOURNAL_CLAIMED);
    assert_true(p.told > 1);
    p.job = NULL;
    notify();
    run_ms(10000);
    assert_int_equal(state(), OTA_JOURNAL_NONE);
    const unsigned told = p.told;
    run_ms(HOUR_MS);
    assert_int_equal(p.told, told);
}

static void a_cancel_in_testing_leaves_the_test_to_decide(void **ctx)
{
    (void)ctx;
    go_to(READY);
    say(OTA_COMMAND_ACTIVATE);
    run_to(OTA_JOURNAL_TESTING);
    p.job = NULL;
    ask_now();
    assert_int_equal(state(), OTA_JOURNAL_TESTING);
    go_on();
    expect_result("nobody wants to know", "j1", 1, "SUCCEEDED");
    assert_ptr_equal(sim_running(&world), v2);
}

/* --- taking the job ------------------------------------------------------------------------------------------ */

static void an_execution_that_changed_is_looked_at_again(void **ctx)
{
    (void)ctx;
    offer("j1", 1, "s2", v2);
    run_ms(45); /* SUBACKs; the question is on its way */
    for (unsigned i = 0; p.asked == 0; i++) {
        run_ms(1);
    }
    p.version = 5; /* between our question and our taking it */
    settle();
    assert_true(p.asked >= 2);
    expect_result("in the end", "j1", 1, "SUCCEEDED");
}

static unsigned claims_lost;

static void count_lost_claims(struct sim *s, const struct ota_effect *effect)
{
    (void)s;
    claims_lost += effect->as.event.kind == OTA_EVENT_CANCELED;
}

/* While its answer was on the way, the same execution has been offered as taken already, from another stream. */
static void an_answer_to_a_take_that_is_no_more_awaited_changes_nothing(void **ctx)
{
    (void)ctx;
    static const char *const codes[] = { NULL, "InvalidStateTransition" };
    for (size_t i = 0; i < COUNT(codes); i++) {
        open_again();
        claims_lost = 0;
        world.on_event = count_lost_claims;
        offer("j1", 1, "s2", v2);
        p.no_streams = true;
        p.slow_ms = 400;
        p.code = codes[i];
        while (p.told == 0) {
            run_ms(1);
        }
        p.code = NULL;
        p.slow_ms = 0;
        p.version = 2;
        p.status = "IN_PROGRESS";
        write_document("s2b", v2);
        notify();
        run_ms(300);
        assert_int_equal(world.device.o.must_take, false);
        run_ms(300); /* here it comes */
        p.no_streams = false;
        settle();
        expect_result("goes on", "j1", 1, "SUCCEEDED");
        assert_int_equal(claims_lost, 0);
        assert_true(world.stream_bytes <= v2->size + 3u * world.cfg.block_size);
    }
}

static void a_claim_that_is_refused_is_forgotten(void **ctx)
{
    (void)ctx;
    static const char *const codes[] = { "TerminalStateReached", "InvalidStateTransition",
                                         "ResourceNotFound" };
    for (size_t i = 0; i < COUNT(codes); i++) {
        open_again();
        offer("j1", 1, "s2", v2);
        p.code = codes[i];
        p.code_state = "CANCELED";
        while (p.told == 0) {
            run_ms(1);
        }
        p.job = NULL;
        settle();
        CHECK_ROW(codes[i], state() == OTA_JOURNAL_NONE && p.results == 0);
        CHECK_ROW(codes[i], world.stream_bytes == 0);
    }
}

/* --- reports ---------------------------------------------------------------------------------------------------- */

/* With this code, and this status in the executionState that comes with it. */
static void refuse_the_first_report(const char *code, const char *status)
{
    open_again();
    go_to(READY);
    p.code = code;
    p.code_state = status;
    world.hands_off = false;
    say(OTA_COMMAND_ACTIVATE);
    while (p.results == 0) {
        run_ms(1);
    }
}

static void a_report_on_what_is_over_is_dropped(void **ctx)
{
    (void)ctx;
    static const struct {
        const char *code, *status;
    } rows[] = {
        { "InvalidStateTransition", "SUCCEEDED" },
        { "TerminalStateReached", "CANCELED" },
        { "ResourceNotFound", NULL },
        { "VersionMismatch", "TIMED_OUT" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        refuse_the_first_report(rows[i].code, rows[i].status);
        p.job = NULL;
        settle();
        CHECK_ROW(rows[i].code, p.results == 1);
        CHECK_ROW(rows[i].code, state() == OTA_JOURNAL_NONE);
        CHECK_ROW(rows[i].code, sim_running(&world) == v2);
    }
}

static void a_report_is_repeated_until_it_is_taken(void **ctx)
{
    (void)ctx;
    static const struct {
        const char *code, *status;
    } rows[] = {
        { "VersionMismatch", "IN_PROGRESS" },
        { "RequestThrottled", NULL },
        { "InternalError", NULL },
        { "InvalidRequest", NULL },
        { "InvalidJson", NULL },
        { "Unauthorized", NULL },
        { "SomethingOfNextYear", NULL },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        refuse_the_first_report(rows[i].code, rows[i].status);
        p.code = NULL;
        settle();
        CHECK_ROW(rows[i].code, p.results == 2);
        expect_result(rows[i].code, "j1", 1, "SUCCEEDED");
        CHECK_ROW(rows[i].code, p.job == NULL);
        const bool brief = strncmp(rows[i].code, "Invalid", 7) == 0;
        CHECK_ROW(rows[i].code, has(text_of(p.result.text), "statusDetails") == !brief);
    }
}

/* --- a bad line --------------------------------------------------------------------------------------------------- */

static void lost_doubled_late_and_false_answers_change_nothing(void **ctx)
{
    (void)ctx;
    for (unsigned kind = 0; kind < 3; kind++) {
        open_again();
        p.lies = kind == 0;
        p.doubles = kind == 1;
        p.loses = kind == 2;
        offer("j1", 1, "s2", v2);
        settle();
        expect_result("bad line", "j1", 1, "SUCCEEDED");
        assert_ptr_equal(sim_running(&world), v2);
    }
}

static void hear(const char *topic, const char *payload)
{
    ota_orchestrator_message(&world.device.o, text_of(topic), text_of(payload), world.now);
}

/* Asked while j1 was received, answered when j1 has just been reported: it is offered again. */
static void an_answer_from_before_the_report_claims_nothing(void **ctx)
{
    (void)ctx;
    struct ota_effect effect;
    go_to(RECEIVING);
    p.holds = true;
    notify();
    while (p.held[0] == '\0') {
        run_ms(1);
    }
    say(OTA_COMMAND_ABORT);
    while (p.results == 0) {
        run_ms(1);
    }
    const struct sim_message *m = world.queue;
    while (m != NULL && !has((struct ota_span){ m->topic, m->topic_len }, "/update/accepted")) {
        m = m->next;
    }
    assert_non_null(m);
    ota_orchestrator_message(&world.device.o, (struct ota_span){ m->topic, m->topic_len },
                             (struct ota_span){ m->payload, m->payload_len }, world.now);
    while (state() != OTA_JOURNAL_NONE) {
        (void)ota_orchestrator_poll(&world.device.o, world.now, &effect);
    }
    hear("$aws/things/" SIM_THING "/jobs/$next/get/accepted", p.held);
    for (unsigned i = 0; i < 10; i++) {
        (void)ota_orchestrator_poll(&world.device.o, world.now, &effect);
        assert_int_equal(state(), OTA_JOURNAL_NONE);
    }
    p.holds = false;
    ask_now();
    expect_result("aborted", "j1", 1, "FAILED");
}

static unsigned told_to_application; /* but for the end itself */

static void count_told(struct sim *s, const struct ota_effect *effect)
{
    (void)s;
    told_to_application +=
        effect->as.event.kind != OTA_EVENT_FAILED && effect->as.event.kind != OTA_EVENT_REPORTED;
}

/* Asked while j1 was received, answered while its end is being told: that goes on, and nothing else is heard of. */
static void an_answer_while_an_end_is_told_changes_nothing(void **ctx)
{
    (void)ctx;
    static const char *const pending[] = { "j1", "j3", NULL };
    for (size_t i = 0; i < COUNT(pending); i++) {
        open_again();
        go_to(RECEIVING);
        p.job = pending[i];
        p.holds = p.mute = true;
        notify();
        while (p.held[0] == '\0') {
            run_ms(1);
        }
        told_to_application = 0;
        world.on_event = count_told;
        say(OTA_COMMAND_ABORT);
        run_to(OTA_JOURNAL_REPORT_FAIL);
        hear("$aws/things/" SIM_THING "/jobs/$next/get/accepted", p.held);
        run_ms(10);
        assert_int_equal(state(), OTA_JOURNAL_REPORT_FAIL);
        assert_int_equal(told_to_application, 0);
        p.job = "j1";
        p.holds = p.mute = false;
        settle();
        expect_result("aborted", "j1", 1, "FAILED");
    }
}

static enum ota_event_kind event_seen;

static void note_event(struct sim *s, const struct ota_effect *effect)
{
    (void)s;
    event_seen = effect->as.event.kind;
}

static void that_nothing_is_pending_displaces_no_other_event(void **ctx)
{
    (void)ctx;
    settle();
    let_it_come();
    world.on_event = note_event;
    hear("$aws/things/" SIM_THING "/jobs/notify", "{");
    hand_over_the_answer();
    settle();
    assert_int_equal(event_seen, OTA_EVENT_MESSAGE_REFUSED);
    assert_int_equal(world.device.o.stats.events_lost, 0);
}

static void a_notification_in_any_state_only_makes_us_ask(void **ctx)
{
    (void)ctx;
    offer("j1", 1, "s2", v2);
    for (unsigned i = 0; i < 100 && p.results == 0; i++) {
        notify();
        run_ms(50);
    }
    settle();
    expect_result("notified all the time", "j1", 1, "SUCCEEDED");
    assert_int_equal(p.results, 1);
}

static void a_provider_that_is_away_for_hours_is_waited_for_with_patience(void **ctx)
{
    (void)ctx;
    for (unsigned w = 0; w < PLACES; w++) {
        open_again();
        go_to((enum where)w);
        p.away = true;
        p.no_streams = true;
        const uint32_t from = world.device.o.jobs.serial;
        run_ms(5u * HOUR_MS);
        CHECK_ROW(place[w], world.device.o.jobs.serial - from < 5u * 60u * 2u + 20u);
        p.away = p.no_streams = false;
        run_ms(70000);
        go_on();
        expect_result(place[w], "j1", 1, "SUCCEEDED");
    }
}

static void a_clock_that_jumps_a_day_hurts_nothing_but_an_open_test(void **ctx)
{
    (void)ctx;
    for (unsigned w = 0; w < PLACES; w++) {
        open_again();
        go_to((enum where)w);
        world.now += DAY_MS;
        run_ms(1000);
        go_on();
        expect_result(place[w], "j1", 1, "SUCCEEDED");
    }
    open_again();
    go_to(READY);
    say(OTA_COMMAND_ACTIVATE);
    run_to(OTA_JOURNAL_TESTING);
    run_ms(200);
    world.now += DAY_MS;
    settle();
    expect_result("silence of a day", "j1", 1, "FAILED");
    assert_ptr_equal(sim_running(&world), v1);
}

/* --- documents that do not fit -------------------------------------------------------------------------------------- */

static void a_document_without_room_is_refused_by_name(void **ctx)
{
    (void)ctx;
    offer("j1", 3, "s2", v2);
    p.too_large = true;
    settle();
    expect_result("too large", "j1", 3, "REJECTED");
    assert_true(has(text_of(p.result.text), "too large"));
}

/* A notification holds a document too; what it says is only: ask. */
static void a_notification_without_room_makes_us_ask(void **ctx)
{
    (void)ctx;
    static const char *const words[] = { "notify", "notify-next" };
    for (size_t i = 0; i < COUNT(words); i++) {
        char topic[64];
        open_again();
        settle();
        const unsigned asked = p.asked;
        offer("j1", 1, "s2", v2);
        (void)snprintf(topic, sizeof topic, "$aws/things/" SIM_THING "/jobs/%s", words[i]);
        ota_orchestrator_too_large(&world.device.o, text_of(topic));
        settle();
        CHECK_ROW(words[i], p.asked > asked);
        expect_result(words[i], "j1", 1, "SUCCEEDED");
    }
}

static void whatever_else_has_no_room_is_no_reason_to_ask(void **ctx)
{
    (void)ctx;
    static const char *const topics[] = {
        "$aws/things/" SIM_THING "/jobs/j1/update/accepted",
        "$aws/things/" SIM_THING "/jobs/$next/get/rejected",
        "$aws/things/" SIM_THING "/streams/s2/data/cbor",
        "$aws/things/another/jobs/notify-next",
        "$aws/things/" SIM_THING "/jobs",
        "app/telemetry",
    };
    settle();
    offer("j1", 1, "s2", v2);
    const unsigned asked = p.asked;
    for (size_t i = 0; i < COUNT(topics); i++) {
        ota_orchestrator_too_large(&world.device.o, text_of(topics[i]));
        run_ms(1000);
        CHECK_ROW(topics[i], p.asked == asked && state() == OTA_JOURNAL_NONE);
    }
}

static void an_answer_without_room_does_not_end_the_claim_that_it_repeats(void **ctx)
{
    (void)ctx;
    go_to(RECEIVING);
    ota_orchestrator_too_large(&world.device.o,
                               OTA_SPAN_LIT("$aws/things/" SIM_THING "/jobs/$next/get/accepted"));
    run_to(OTA_JOURNAL_READY);
    assert_true(world.stream_bytes <= v2->size + 4u * world.cfg.block_size); /* all of it once */
    go_on();
    expect_result("asked briefly", "j1", 1, "SUCCEEDED");
}

/* --- offers that wait for the application ----------------------------------------------------------------------------- */

static unsigned offers_seen;

static void count_offers(struct sim *s, const struct ota_effect *effect)
{
    (void)s;
    offers_seen += effect->as.event.kind == OTA_EVENT_OFFER;
}

static void open_asking(void)
{
    struct sim_cfg cfg = sim_cfg_default();
    cfg.policy = OTA_POLICY_ASK;
    close_world();
    open_with(&cfg);
    offers_seen = 0;
    world.on_event = count_offers;
    offer("j1", 1, "s2", v2);
    settle();
    assert_int_equal(offers_seen, 1);
    assert_int_equal(state(), OTA_JOURNAL_NONE);
}

static void an_offer_waits_for_the_application(void **ctx)
{
    (void)ctx;
    open_asking();
    say(OTA_COMMAND_ACCEPT);
    settle();
    expect_result("accepted", "j1", 1, "SUCCEEDED");
    open_asking();
    say(OTA_COMMAND_REFUSE);
    settle();
    expect_result("refused", "j1", 1, "REJECTED");
}

static void a_decision_on_one_offer_is_none_on_the_next(void **ctx)
{
    (void)ctx;
    open_asking();
    offer("j3", 1, "s3", v3);
    let_it_come();
    while (!world.device.o.event_waits) {
        say(OTA_COMMAND_ACCEPT);
        hand_over_the_answer();
    }
    assert_int_equal(ota_orchestrator_command(&world.device.o, OTA_COMMAND_ACCEPT), OTA_E_STATE);
    settle();
    assert_int_equal(state(), OTA_JOURNAL_NONE);
    assert_int_equal(offers_seen, 2);
    say(OTA_COMMAND_ACCEPT);
    settle();
    expect_result("seen, then accepted", "j3", 1, "SUCCEEDED");
}

static void an_offer_that_is_not_for_us_leaves_nothing_to_accept(void **ctx)
{
    (void)ctx;
    open_asking();
    offer("j3", 1, "s3", v3);
    strcpy(p.document, "{\"operation\":\"blink\"}");
    let_it_come();
    while (!world.device.o.event_waits) {
        hand_over_the_answer();
    }
    assert_int_equal(ota_orchestrator_command(&world.device.o, OTA_COMMAND_ACCEPT), OTA_E_STATE);
    settle();
    expect_result("not for us", "j3", 1, "REJECTED");
}

static void an_offer_that_is_gone_cannot_be_accepted(void **ctx)
{
    (void)ctx;
    open_asking();
    p.job = NULL;
    notify();
    settle();
    assert_int_equal(ota_orchestrator_command(&world.device.o, OTA_COMMAND_ACCEPT), OTA_E_STATE);
}

/* --- a provider that never leaves us alone ------------------------------------------------------------------------------- */

/* The erases of all flash so far. */
static uint32_t wear(void)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < world.flash.base.size / world.cfg.sector_size; i++) {
        sum += world.flash.erases[i];
    }
    return sum;
}

/* Six hours: sixteen turns at once, then one in ten minutes. */
#define TURNS_MAX (16u + 36u + 2u)

static void refused_jobs_without_end_wear_nothing_out(void **ctx)
{
    (void)ctx;
    static char ids[200][8];
    unsigned n = 0;
    for (const ota_ms_t until = world.now + 6u * HOUR_MS; world.now < until; run_ms(1000)) {
        if (p.job == NULL) {
            assert_true(n < COUNT(ids));
            (void)snprintf(ids[n], sizeof ids[n], "x%u", n);
            offer(ids[n++], 1, "s2", v2);
            strcpy(p.document, "{\"operation\":\"blink\"}");
            notify();
        }
    }
    assert_true(p.results >= 16);
    assert_true(p.results <= TURNS_MAX);
    assert_true(wear() <= TURNS_MAX);
}

static void executions_without_end_wear_nothing_out(void **ctx)
{
    (void)ctx;
    go_to(READY);
    const uint32_t before = wear();
    unsigned asked = p.asked;
    for (const ota_ms_t until = world.now + 6u * HOUR_MS; world.now < until; run_ms(1000)) {
        if (p.asked != asked) {
            asked = p.asked;
            offer("j1", p.execution + 1u, "s2", v2);
        }
        notify();
    }
    assert_true(p.execution >= 16);
    assert_true(wear() - before <= TURNS_MAX);
}

static void other_bytes_without_end_wear_no_slot_out(void **ctx)
{
    (void)ctx;
    static char ids[200][8];
    const uint32_t first = world.layout.slot[OTA_SLOT_B].offset / world.cfg.sector_size;
    unsigned n = 0;
    world.hands_off = true;
    for (const ota_ms_t until = world.now + 6u * HOUR_MS; world.now < until; run_ms(1000)) {
        if (p.job == NULL || state() == OTA_JOURNAL_RECEIVING || state() == OTA_JOURNAL_READY) {
            (void)snprintf(ids[n % 200u], sizeof ids[0], "x%u", n % 1000u);
            offer(ids[n % 200u], 1, n % 2u == 0 ? "s2" : "s3", n % 2u == 0 ? v2 : v3);
            n++;
            notify();
        }
    }
    assert_true(world.flash.erases[first] >= 8);
    assert_true(world.flash.erases[first] <= 2u * TURNS_MAX);
}

static void a_stream_that_is_gone_again_and_again_wears_nothing_out(void **ctx)
{
    (void)ctx;
    go_to(RECEIVING);
    const uint32_t before = wear();
    unsigned turns = 0;
    for (const ota_ms_t until = world.now + 6u * HOUR_MS; world.now < until; turns++) {
        sim_say(&world, 0, OTA_SPAN_LIT("$aws/things/" SIM_THING "/streams/s2/rejected/cbor"),
                OTA_SPAN_LIT("\xa2\x61o\x70ResourceNotFound\x61mgone"));
        run_ms(100);
        if (state() != OTA_JOURNAL_RECEIVING) {
            break;
        }
    }
    assert_true(wear() - before <= 40u * TURNS_MAX);
    settle();
    go_on();
    expect_result("in the end", "j1", 1, "SUCCEEDED");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
        T(the_same_execution_goes_on),
        T(the_same_bytes_go_on_for_whom_they_are_wanted_now),
        T(the_same_bytes_are_judged_by_the_newest_signature),
        T(the_same_bytes_without_a_signature_are_not_gone_on_with),
        T(other_bytes_give_the_claim_up_and_are_fetched),
        T(a_canceled_claim_is_given_up_without_a_word),
        T(a_claim_that_is_canceled_before_its_head_came_erases_nothing),
        T(a_claim_that_is_over_is_not_told_any_more),
        T(a_cancel_in_testing_leaves_the_test_to_decide),
        T(an_execution_that_changed_is_looked_at_again),
        T(an_answer_to_a_take_that_is_no_more_awaited_changes_nothing),
        T(a_claim_that_is_refused_is_forgotten),
        T(a_report_on_what_is_over_is_dropped),
        T(a_report_is_repeated_until_it_is_taken),
        T(lost_doubled_late_and_false_answers_change_nothing),
        T(an_answer_from_before_the_report_claims_nothing),
        T(an_answer_while_an_end_is_told_changes_nothing),
        T(that_nothing_is_pending_displaces_no_other_event),
        T(a_notification_in_any_state_only_makes_us_ask),
        T(a_provider_that_is_away_for_hours_is_waited_for_with_patience),
        T(a_clock_that_jumps_a_day_hurts_nothing_but_an_open_test),
        T(a_document_without_room_is_refused_by_name),
        T(a_notification_without_room_makes_us_ask),
        T(whatever_else_has_no_room_is_no_reason_to_ask),
        T(an_answer_without_room_does_not_end_the_claim_that_it_repeats),
        T(an_offer_waits_for_the_application),
        T(a_decision_on_one_offer_is_none_on_the_next),
        T(an_offer_that_is_not_for_us_leaves_nothing_to_accept),
        T(an_offer_that_is_gone_cannot_be_accepted),
        T(refused_jobs_without_end_wear_nothing_out),
        T(executions_without_end_wear_nothing_out),
        T(other_bytes_without_end_wear_no_slot_out),
        T(a_stream_that_is_gone_again_and_again_wears_nothing_out),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
