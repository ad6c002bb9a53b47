/*
 * A job that is canceled, wherever its update is, and however the device comes to know: as long as the
 * update can be given up it is, and nothing is told of it; from the activation on the test decides.
 */
#include "workflow_provider.h"

static unsigned canceled; /* events */

static void look(struct sim *s, const struct ota_effect *effect)
{
    (void)s;
    canceled += effect->as.event.kind == OTA_EVENT_CANCELED;
}

/* --- where it is --------------------------------------------------------------------------- */

enum where {
    OFFERED, /* and waits for the application's word */
    PUT_OFF,
    TAKING, /* IN_PROGRESS is told, and not answered */
    HEAD,
    RECEIVING,
    VERIFYING,
    READY,
    ACTIVATING,
    TESTING,
    OUTCOME_OK,
    OUTCOME_FAIL,
    REPORT_OK,
    REPORT_FAIL,
    CUSTOM, /* a job of the application's own kind: shown */
    CUSTOM_TAKING,
    CUSTOM_TAKEN,
    PLACES,
};

/* What must come of it. */
enum what {
    FORGOTTEN, /* no word to anyone: nobody had said yes to it */
    GIVEN_UP,  /* event CANCELED, the slot withdrawn, nothing reported */
    DECIDED,   /* it goes on; its report finds nobody */
};

static const struct {
    const char *why;
    enum what what;
    enum ota_policy policy;
    bool custom;
    bool tells; /* an update of the execution is on its way, or will be */
} places[PLACES] = {
    [OFFERED] = { "offered", FORGOTTEN, OTA_POLICY_ASK, false, false },
    [PUT_OFF] = { "put off", FORGOTTEN, OTA_POLICY_ASK, false, false },
    [TAKING] = { "being taken", GIVEN_UP, OTA_POLICY_ACCEPT, false, true },
    [HEAD] = { "its head is fetched", GIVEN_UP, OTA_POLICY_ACCEPT, false, false },
    [RECEIVING] = { "fetched", GIVEN_UP, OTA_POLICY_ACCEPT, false, true },
    [VERIFYING] = { "verified", GIVEN_UP, OTA_POLICY_ACCEPT, false, false },
    [READY] = { "ready", GIVEN_UP, OTA_POLICY_ACCEPT, false, false },
    [ACTIVATING] = { "activated", DECIDED, OTA_POLICY_ACCEPT, false, false },
    [TESTING] = { "tested", DECIDED, OTA_POLICY_ACCEPT, false, false },
    [OUTCOME_OK] = { "confirmed", DECIDED, OTA_POLICY_ACCEPT, false, false },
    [OUTCOME_FAIL] = { "failing", DECIDED, OTA_POLICY_ACCEPT, false, false },
    [REPORT_OK] = { "reported good", DECIDED, OTA_POLICY_ACCEPT, false, true },
    [REPORT_FAIL] = { "reported bad", DECIDED, OTA_POLICY_ACCEPT, false, true },
    [CUSTOM] = { "a custom job", FORGOTTEN, OTA_POLICY_ACCEPT, true, false },
    [CUSTOM_TAKING] = { "a custom job, being taken", GIVEN_UP, OTA_POLICY_ACCEPT, true, true },
    [CUSTOM_TAKEN] = { "a custom job, worked on", GIVEN_UP, OTA_POLICY_ACCEPT, true, false },
};

static void open_for(enum where w)
{
    struct sim_cfg cfg = sim_cfg_default();
    cfg.policy = places[w].policy;
    cfg.custom = places[w].custom ? &ota_custom_jobs : NULL;
    close_world();
    open_with(&cfg);
    world.hands_off = true;
    world.on_event = look;
    canceled = 0;
    p.unrecorded = places[w].custom;
    offer("j1", 1, "s2", v2);
    if (places[w].custom) {
        strcpy(p.document, "{\"operation\":\"blink\"}");
    }
}

/* One turn, in no time. What it wants from streams is lost; a reset is not for us. */
static void turn(void)
{
    struct ota_effect e;
    if (ota_orchestrator_poll(&world.device.o, world.now, &e)) {
        assert_int_not_equal(e.kind, OTA_EFFECT_REBOOT);
        if (e.kind == OTA_EFFECT_PUBLISH) {
            (void)on_wire(&world, SIM_TO_PROVIDER, e.as.publish.topic, e.as.publish.payload);
        } else if (e.kind == OTA_EFFECT_EVENT) {
            look(&world, &e);
        }
    }
}

static void turn_to(enum ota_journal_state wanted)
{
    for (unsigned i = 0; state() != wanted; i++) {
        assert_true(i < 1000);
        turn();
    }
}

/* All that is on its way to the device arrives, and it has not done anything yet. */
static void hand_over(void)
{
    for (const struct sim_message *m = world.queue; m != NULL; m = m->next) {
        if (m->to == SIM_TO_DEVICE) {
            world.now = m->at;
            ota_orchestrator_message(&world.device.o, (struct ota_span){ m->topic, m->topic_len },
                                     (struct ota_span){ m->payload, m->payload_len }, m->at);
        }
    }
}

static uint32_t blocks(void)
{
    return (uint32_t)(v2->size + world.cfg.block_size - 1u) / world.cfg.block_size;
}

static void go_to_test(void)
{
    settle();
    say(OTA_COMMAND_ACTIVATE);
    run_to(OTA_JOURNAL_TESTING);
    run_ms(200);
}

/* A flat switch. */
static void go_to(enum where w)
{
    open_for(w);
    notify();
    switch (w) {
    case OFFERED:
    case CUSTOM: settle(); break;
    case PUT_OFF:
        settle();
        say(OTA_COMMAND_LATER);
        break;
    case TAKING:
        p.mute = true;
        run_to(OTA_JOURNAL_CLAIMED);
        run_ms(100);
        break;
    case HEAD:
        p.no_streams = true;
        run_to(OTA_JOURNAL_CLAIMED);
        run_ms(100);
        break;
    case RECEIVING: run_to_received(3); break;
    case VERIFYING:
        run_to_received(blocks() - 1u);
        for (hand_over(); world.device.o.received < blocks(); hand_over()) {
            run_ms(1); /* the last one is not on its way yet */
        }
        turn_to(OTA_JOURNAL_VERIFYING);
        break;
    case READY: settle(); break;
    case ACTIVATING:
        settle();
        say(OTA_COMMAND_ACTIVATE);
        turn_to(OTA_JOURNAL_ACTIVATING);
        break;
    case TESTING: go_to_test(); break;
    case OUTCOME_OK:
        go_to_test();
        say(OTA_COMMAND_CONFIRM);
        turn_to(OTA_JOURNAL_OUTCOME_OK);
        break;
    case OUTCOME_FAIL:
        go_to_test();
        say(OTA_COMMAND_REJECT);
        turn_to(OTA_JOURNAL_OUTCOME_FAIL);
        break;
    case REPORT_OK:
        go_to_test();
        p.mute = true;
        say(OTA_COMMAND_CONFIRM);
        run_to(OTA_JOURNAL_REPORT_OK);
        run_ms(200);
        break;
    case REPORT_FAIL:
        settle();
        p.mute = true;
        say(OTA_COMMAND_REJECT);
        run_to(OTA_JOURNAL_REPORT_FAIL);
        run_ms(200);
        break;
    case CUSTOM_TAKING:
        settle();
        p.mute = true;
        say(OTA_COMMAND_ACCEPT);
        run_ms(200);
        break;
    case CUSTOM_TAKEN:
        settle();
        say(OTA_COMMAND_ACCEPT);
        settle();
        break;
    case PLACES: break;
    }
    p.mute = false;
    assert_int_equal(canceled, 0);
}

/* --- how it comes to know ------------------------------------------------------------------- */

enum way {
    NOTIFY,      /* jobs/notify: nothing is pending */
    NOTIFY_NEXT, /* jobs/notify-next: nothing comes next */
    ANOTHER,     /* the next is another one */
    RECONNECT,   /* nobody says anything, but the link was gone */
    TERMINAL,    /* what it tells is refused, by each code that means it */
    TRANSITION,
    NOT_FOUND,
    MISMATCH,
    WAYS,
};

static const char *const codes[WAYS] = {
    [TERMINAL] = "TerminalStateReached",
    [TRANSITION] = "InvalidStateTransition",
    [NOT_FOUND] = "ResourceNotFound",
    [MISMATCH] = "VersionMismatch",
};

static void say_next(const char *topic)
{
    sim_say(&world, 0, text_of(topic), OTA_SPAN_LIT("{\"timestamp\":1}"));
}

static void cancel_by(enum way how)
{
    p.job = NULL;
    switch (how) {
    case NOTIFY: say_next("$aws/things/" SIM_THING "/jobs/notify"); break;
    case NOTIFY_NEXT: say_next("$aws/things/" SIM_THING "/jobs/notify-next"); break;
    case ANOTHER:
        offer("j9", 1, "s3", v3);
        say_next("$aws/things/" SIM_THING "/jobs/notify-next");
        break;
    case RECONNECT:
        sim_link(&world, false);
        sim_link(&world, true);
        break;
    case TERMINAL:
    case TRANSITION:
    case NOT_FOUND:
    case MISMATCH:
        p.code = codes[how];
        p.code_state = "CANCELED";
        break;
    case WAYS: break;
    }
}

/* --- what comes of it -------------------------------------------------------------------------- */

/* The application does what it would do anyway. */
static void work(void)
{
    world.hands_off = false;
    p.no_streams = false;
    if (state() == OTA_JOURNAL_READY) {
        say(OTA_COMMAND_ACTIVATE);
    } else if (state() == OTA_JOURNAL_TESTING) {
        say(OTA_COMMAND_CONFIRM);
    }
    settle();
    if (world.device.o.offered == OTA_OFFERED_IMAGE) {
        say(OTA_COMMAND_ACCEPT);
        settle();
    }
}

static void expect_given_up(const char *why)
{
    CHECK_ROW(why, state() == OTA_JOURNAL_NONE);
    CHECK_ROW(why, p.results == 0);
    CHECK_ROW(why, sim_running(&world) == v1);
    CHECK_ROW(why, facts().slot[OTA_SLOT_B].magic == OTA_MARK_UNSET);
}

static void expect(const char *why, enum where w, enum way how)
{
    const bool failed = w == OUTCOME_FAIL || w == REPORT_FAIL;
    run_ms(2000); /* long enough for questions and answers, too short for a test to run out */
    CHECK_ROW(why, canceled == (places[w].what == GIVEN_UP ? 1u : 0u));
    if (places[w].what != DECIDED && how != ANOTHER) {
        expect_given_up(why);
    }
    if (how != ANOTHER) {
        work();
        CHECK_ROW(why, state() == OTA_JOURNAL_NONE);
        CHECK_ROW(why, sim_running(&world) == (places[w].what == DECIDED && !failed ? v2 : v1));
        offer("j9", 1, "s3", v3);
        notify();
    }
    p.code = p.code_state = NULL;
    work();
    expect_result(why, "j9", 1, "SUCCEEDED");
    CHECK_ROW(why, sim_running(&world) == v3);
}

static void a_cancel_is_seen_in_every_place_and_every_way(void **ctx)
{
    (void)ctx;
    for (unsigned w = 0; w < PLACES; w++) {
        for (unsigned how = 0; how < WAYS; how++) {
            char why[64];
            (void)snprintf(why, sizeof why, "%s, way %u", places[w].why, how);
            if (codes[how] != NULL && !places[w].tells) {
                continue; /* nothing is told that could be refused */
            }
            if (how == MISMATCH && w == RECEIVING) {
                continue; /* progress is told of no version */
            }
            go_to((enum where)w);
            cancel_by((enum way)how);
            expect(why, (enum where)w, (enum way)how);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_cancel_is_seen_in_every_place_and_every_way, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
