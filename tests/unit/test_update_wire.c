/*
 * One update over a wire on which one thing goes wrong: each single message, subscriptions and
 * notifications included, is lost, doubled, late by milliseconds or minutes, or overtaken by the
 * next one, or takes the link with it. Each time the update ends well by itself, is installed
 * once, reported once, and nothing is refused but for being late. And some of the pairs of such
 * faults; tools/wire-pairs goes through all.
 */
#include "t.h"
#include "wire_faults.h"

#define SEED  20240711u
#define PAIRS 20u

static struct wire_seen without[WIRE_UPDATES];

static int begin(void **ctx)
{
    (void)ctx;
    wire_begin();
    for (enum wire_update u = 0; u < WIRE_UPDATES; u++) {
        struct wire_plan plan = wire_no_fault(u);
        const char *const wrong = wire_play(&plan, NULL, &without[u]);
        if (wrong != NULL || without[u].messages < 30 || without[u].messages >= WIRE_MESSAGES_MAX) {
            fprintf(stderr, "%s without a fault: %s\n", wire_update_words[u],
                    wrong != NULL ? wrong : "too few messages, or too many");
            return -1;
        }
    }
    return 0;
}

static int end(void **ctx)
{
    (void)ctx;
    wire_end();
    return 0;
}

static void play(struct wire_plan *plan)
{
    struct wire_seen seen;
    const char *const wrong = wire_play(plan, &without[plan->update], &seen);
    if (wrong != NULL) {
        fail_msg("%s: %s; message %u %s (%s), message %u %s (%s)", wire_update_words[plan->update],
                 wrong, plan->at[0].index, wire_fault_words[plan->at[0].fault], plan->at[0].name,
                 plan->at[1].index, wire_fault_words[plan->at[1].fault], plan->at[1].name);
    }
}

static void each_message(enum wire_update update, enum wire_fault fault)
{
    for (unsigned i = 0; i < without[update].messages; i++) {
        struct wire_plan plan = wire_no_fault(update);
        plan.at[0].index = i;
        plan.at[0].fault = fault;
        play(&plan);
    }
}

static void any_one_message_may_be_lost(void **ctx)
{
    (void)ctx;
    for (enum wire_update u = 0; u < WIRE_UPDATES; u++) {
        each_message(u, WIRE_LOST);
    }
}

static void any_one_message_may_come_twice(void **ctx)
{
    (void)ctx;
    each_message(WIRE_CBOR, WIRE_TWICE);
    each_message(WIRE_CBOR, WIRE_TWICE_MUCH_LATER);
}

static void any_one_message_may_be_late(void **ctx)
{
    (void)ctx;
    each_message(WIRE_CBOR, WIRE_LATE);
    each_message(WIRE_CBOR, WIRE_LATER);
    each_message(WIRE_CBOR, WIRE_MUCH_LATER);
    each_message(WIRE_HTTP, WIRE_MUCH_LATER);
    each_message(WIRE_FILES, WIRE_MUCH_LATER);
}

static void any_one_message_may_be_overtaken_by_the_next(void **ctx)
{
    (void)ctx;
    each_message(WIRE_CBOR, WIRE_OVERTAKEN);
}

static void the_link_may_break_at_any_message(void **ctx)
{
    (void)ctx;
    each_message(WIRE_CBOR, WIRE_BROKEN);
    each_message(WIRE_HTTP, WIRE_BROKEN);
    each_message(WIRE_FILES, WIRE_BROKEN);
}

static void two_things_may_go_wrong(void **ctx)
{
    (void)ctx;
    uint32_t random = SEED;
    print_message("seed %u\n", SEED);
    for (unsigned i = 0; i < PAIRS * WIRE_UPDATES; i++) {
        struct wire_plan plan = wire_no_fault(i % WIRE_UPDATES);
        for (unsigned k = 0; k < 2; k++) {
            plan.at[k].index = t_random(&random) % (without[plan.update].messages + 10u * k);
            plan.at[k].fault = t_random(&random) % WIRE_FAULTS;
        }
        play(&plan);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_one_message_may_be_lost),
        cmocka_unit_test(any_one_message_may_come_twice),
        cmocka_unit_test(any_one_message_may_be_late),
        cmocka_unit_test(any_one_message_may_be_overtaken_by_the_next),
        cmocka_unit_test(the_link_may_break_at_any_message),
        cmocka_unit_test(two_things_may_go_wrong),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
