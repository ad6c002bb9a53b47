/*
 * The OTA_ interface in a program with one loop and no thread: what the application's loop and the
 * interface's own waiting make of it. What the interface does at all is test_facade.c's.
 */
#include "agent_fixture.h"
#include "ota_facade.h"
#include "superloop.h"

#define BLOCK_SIZE 512u
#define MESSAGES   16u   /* the grants of the broker all wait at once here */
#define TURNS_MAX  1000u /* only a failing test takes so many */
#define ENOUGH_MS  1000u

static struct {
    ota_ms_t now;
    unsigned subscribes, unsubscribes, publishes, tests;
    struct fix flash;
    uint8_t memory[OTA_MEMORY_SIZE(BLOCK_SIZE, MESSAGES)];
    struct OTA_Config config;
} device;

ota_ms_t OTA_SuperloopNow(void)
{
    return device.now;
}

static bool mqtt_publish(void *context, struct ota_span topic, struct ota_span payload,
                         enum ota_qos qos)
{
    (void)context, (void)topic, (void)payload, (void)qos;
    device.publishes++;
    return true;
}

/* The broker grants at once, from within the call: the loop is the only thread there is. */
static bool mqtt_subscribe(void *context, struct ota_span filter, enum ota_qos qos)
{
    (void)context, (void)qos;
    device.subscribes++;
    OTA_OnSubscribed(filter);
    return true;
}

static bool mqtt_unsubscribe(void *context, struct ota_span filter)
{
    (void)context, (void)filter;
    device.unsubscribes++;
    return true;
}

static void on_reset(void *context)
{
    (void)context;
    fail();
}

/* Every image is a good one. */
static void on_event(OTA_JobEvent_t event, const struct OTA_EventData *data, void *context)
{
    (void)data, (void)context;
    if (event == OTA_JobEvent_StartTest) {
        device.tests++;
        assert_int_equal(OTA_SetImageState(OTA_ImageState_Accepted), OTA_Err_None);
    }
}

static int set_up(void **state)
{
    (void)state;
    memset(&device, 0, sizeof device);
    device_init(&device.flash);
    device.config = (struct OTA_Config){
        .thing_name = "t-1",
        .flash = &device.flash.m.base,
        .layout = &device.flash.layout,
        .crypto = crypto(),
        .running_slot = OTA_SLOT_A,
        .handover = { .rule = OTA_BOOT_CONFIRMED, .cause = OTA_RESET_POWER_ON },
        .mqtt = { mqtt_publish, mqtt_subscribe, mqtt_unsubscribe, NULL },
        .reset = on_reset,
        .callback = on_event,
        .block_size = BLOCK_SIZE,
        .window = 4,
        .memory = OTA_BUF_OF(device.memory),
    };
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    OTA_OnDisconnected();
    assert_int_equal(OTA_AgentShutdown(ENOUGH_MS), OTA_AgentState_NotReady);
    fix_free(&device.flash);
    return 0;
}

/* The application's loop, until the agent has nothing to do. @return when it wants to be called again. */
static ota_ms_t loop(void)
{
    for (unsigned i = 0; i < TURNS_MAX; i++) {
        const ota_ms_t deadline = OTA_AgentTurn();
        if (deadline > device.now) {
            return deadline;
        }
    }
    fail_msg("it is never at rest");
    return 0;
}

static void an_agent_that_does_not_run_wants_no_turn(void **state)
{
    (void)state;
    assert_int_equal(OTA_AgentTurn(), OTA_NEVER);
}

static void init_with_a_time_out_turns_the_agent_until_it_is_ready(void **state)
{
    (void)state;
    assert_int_equal(OTA_AgentInit(&device.config, ENOUGH_MS), OTA_AgentState_Ready);
}

static void init_at_once_leaves_it_to_the_loop(void **state)
{
    (void)state;
    assert_int_equal(OTA_AgentInit(&device.config, 0), OTA_AgentState_NotReady);
    assert_int_equal(OTA_GetLastError(), OTA_Err_None);
    (void)loop();
    assert_int_equal(OTA_GetAgentState(), OTA_AgentState_Ready);
}

static void the_loop_subscribes_asks_and_says_when_it_wants_to_ask_again(void **state)
{
    (void)state;
    assert_int_equal(OTA_AgentInit(&device.config, ENOUGH_MS), OTA_AgentState_Ready);
    (void)loop();
    assert_int_equal(device.subscribes, 0);
    OTA_OnConnected();
    const ota_ms_t again = loop();
    assert_int_equal(device.subscribes, OTA_SUBSCRIPTIONS);
    assert_int_equal(device.publishes, 1);
    assert_true(again > device.now && again < OTA_NEVER);

    device.now = again - 1;
    assert_int_equal(loop(), again);
    assert_int_equal(device.publishes, 1);
    device.now = again;
    assert_true(loop() > again);
    assert_int_equal(device.publishes, 2);
}

static void a_post_makes_the_next_turn_due(void **state)
{
    (void)state;
    assert_int_equal(OTA_AgentInit(&device.config, ENOUGH_MS), OTA_AgentState_Ready);
    OTA_OnConnected();
    (void)loop();
    const struct OTA_Statistics before = OTA_GetStatistics();
    OTA_OnMessage(OTA_SPAN_LIT("$aws/things/t-1/jobs/notify"), OTA_SPAN_LIT("x"));
    assert_true(OTA_AgentTurn() <= device.now);
    (void)loop();
    assert_int_equal(OTA_GetStatistics().processed, before.processed + 1);
}

static void a_trial_is_confirmed_from_the_callback(void **state)
{
    (void)state;
    device_on_trial(&device.flash);
    device.config.running_slot = OTA_SLOT_B;
    device.config.handover.rule = OTA_BOOT_TRIAL;
    assert_int_equal(OTA_AgentInit(&device.config, ENOUGH_MS), OTA_AgentState_Ready);
    (void)loop();
    assert_int_equal(device.tests, 1);
    assert_int_equal(OTA_GetImageState(), OTA_ImageState_Accepted);
}

static void shutdown_ends_it_and_it_can_start_again(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= 10000; i++) {
        assert_int_equal(OTA_AgentInit(&device.config, ENOUGH_MS), OTA_AgentState_Ready);
        OTA_OnConnected();
        (void)loop();
        assert_int_equal(OTA_AgentShutdown(ENOUGH_MS), OTA_AgentState_NotReady);
        assert_int_equal(device.unsubscribes, i * OTA_SUBSCRIPTIONS);
        assert_int_equal(OTA_AgentTurn(), OTA_NEVER);
    }
}

static void shutdown_at_once_is_ended_by_the_loop(void **state)
{
    (void)state;
    assert_int_equal(OTA_AgentInit(&device.config, ENOUGH_MS), OTA_AgentState_Ready);
    assert_int_equal(OTA_AgentShutdown(0), OTA_AgentState_ShuttingDown);
    assert_int_equal(device.unsubscribes, 0);
    assert_int_equal(OTA_AgentTurn(), OTA_NEVER);
    assert_int_equal(device.unsubscribes, OTA_SUBSCRIPTIONS);
    assert_int_equal(OTA_GetAgentState(), OTA_AgentState_NotReady);
    assert_int_equal(OTA_AgentInit(&device.config, ENOUGH_MS), OTA_AgentState_Ready);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(an_agent_that_does_not_run_wants_no_turn),
        TEST(init_with_a_time_out_turns_the_agent_until_it_is_ready),
        TEST(init_at_once_leaves_it_to_the_loop),
        TEST(the_loop_subscribes_asks_and_says_when_it_wants_to_ask_again),
        TEST(a_post_makes_the_next_turn_due),
        TEST(a_trial_is_confirmed_from_the_callback),
        TEST(shutdown_ends_it_and_it_can_start_again),
        TEST(shutdown_at_once_is_ended_by_the_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
