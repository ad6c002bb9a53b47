/*
 * The agent's inbox, seen from outside: what was posted comes out of poll, in order, or is
 * counted as dropped.
 */
#include "agent_fixture.h"
#include "ota/agent.h"

#include <pthread.h>

#define ROOT   "$aws"
#define THING  "t-1"
#define TOPICS ROOT "/things/" THING "/jobs/"

#define BLOCK_SIZE 512u
#define EVENTS_MAX 256u
#define FILTER_MAX 128u

struct world {
    struct fix flash;
    struct ota_trust trust;
    struct ota_agent agent;
    struct ota_stream_source stream;
    uint8_t topic[OTA_TOPIC_MAX], payload[OTA_SCRATCH_PAYLOAD_MIN];
    uint8_t *inbox;
    ota_ms_t now;
    /* what poll gave */
    size_t effects, events, publishes, subscribes;
    struct {
        enum ota_event_kind kind;
        ota_err_t error;
    } event[EVENTS_MAX];
    char filter[OTA_SUBSCRIPTIONS][FILTER_MAX];
    uint8_t request[OTA_SCRATCH_PAYLOAD_MIN]; /* the newest publish */
    size_t request_len;
};

static enum ota_policy policy; /* of the worlds that are opened next */

static struct ota_agent_cfg config(struct world *w, const char *thing)
{
    return (struct ota_agent_cfg){
        .orchestrator = {
            .store = &w->flash.s,
            .crypto = crypto(),
            .trust = &w->trust,
            .root = OTA_SPAN_LIT(ROOT),
            .thing = ota_span_of_str(thing),
            .scratch = { OTA_BUF_OF(w->topic), OTA_BUF_OF(w->payload) },
            .source = ota_stream_source(&w->stream, NULL),
            .running = OTA_SLOT_A,
            .handover = { .rule = OTA_BOOT_CONFIRMED, .cause = OTA_RESET_POWER_ON },
            .policy = policy,
            .block_size = BLOCK_SIZE,
            .window = 4,
            .retry_ms_min = 1000,
            .retry_ms_max = 60000,
            .self_test_ms = 10000,
        },
    };
}

static void see(struct world *w, const struct ota_effect *e)
{
    w->effects++;
    switch (e->kind) {
    case OTA_EFFECT_SUBSCRIBE:
        assert_true(e->as.subscribe.filter.len < FILTER_MAX);
        memcpy(w->filter[w->subscribes % OTA_SUBSCRIPTIONS], e->as.subscribe.filter.ptr,
               e->as.subscribe.filter.len);
        w->filter[w->subscribes % OTA_SUBSCRIPTIONS][e->as.subscribe.filter.len] = '\0';
        w->subscribes++;
        break;
    case OTA_EFFECT_PUBLISH:
        memcpy(w->request, e->as.publish.payload.ptr, e->as.publish.payload.len);
        w->request_len = e->as.publish.payload.len;
        w->publishes++;
        break;
    case OTA_EFFECT_EVENT:
        assert_true(w->events < EVENTS_MAX);
        w->event[w->events].kind = e->as.event.kind;
        w->event[w->events].error = e->as.event.error;
        w->events++;
        break;
    case OTA_EFFECT_UNSUBSCRIBE:
    case OTA_EFFECT_FETCH:
    case OTA_EFFECT_FETCH_STOP:
    case OTA_EFFECT_REBOOT: break;
    }
}

/* Until nothing moves. */
static void run(struct world *w)
{
    for (unsigned turns = 0; turns < 10000; turns++) {
        struct ota_effect e;
        if (ota_agent_poll(&w->agent, w->now, &e)) {
            see(w, &e);
        } else if (ota_agent_deadline(&w->agent) > w->now) {
            return;
        }
    }
    fail_msg("it never comes to rest");
}

/* A device that has started and has no link; `count` messages of `size` bytes, to the byte. */
static void open_as(struct world *w, const char *thing, size_t count, uint32_t size)
{
    memset(w, 0, sizeof *w);
    device_init(&w->flash);
    w->trust = trust();
    struct ota_agent_cfg cfg = config(w, thing);
    w->inbox = malloc(count * size);
    assert_non_null(w->inbox);
    cfg.inbox = (struct ota_buf){ w->inbox, count * size };
    cfg.message_size = size;
    assert_int_equal(ota_agent_init(&w->agent, &cfg), OTA_OK);
    run(w);
    assert_int_equal(w->effects, 0);
}

static void open_agent(struct world *w, size_t count, uint32_t size)
{
    open_as(w, THING, count, size);
}

static void close_agent(struct world *w)
{
    free(w->inbox);
    fix_free(&w->flash);
}

static bool post(struct world *w, const char *topic, const char *payload)
{
    return ota_agent_post_message(&w->agent, ota_span_of_str(topic), ota_span_of_str(payload));
}

/* Link and SUBACKs, one at a time: the smallest inbox will do. Ends with an open question. */
static void connect_agent(struct world *w)
{
    ota_agent_post_link(&w->agent, true);
    run(w);
    assert_int_equal(w->subscribes, OTA_SUBSCRIPTIONS);
    for (unsigned i = 0; i < OTA_SUBSCRIPTIONS; i++) {
        ota_agent_post_subscribed(&w->agent, ota_span_of_str(w->filter[i]));
        run(w);
    }
    assert_int_equal(w->publishes, 1);
}

/* --- init ------------------------------------------------------------------------------- */

static void an_inbox_must_hold_a_message(void **state)
{
    static const struct {
        const char *why;
        uint32_t size;
        size_t cap;
        ota_err_t want;
    } rows[] = {
        { "no memory", 64, 0, OTA_E_NO_ROOM },
        { "a byte less than a block", 64, 63, OTA_E_NO_ROOM },
        { "one block", 64, 64, OTA_OK },
        { "blocks of nothing", 0, 64, OTA_E_NO_ROOM },
        { "blocks with room for their own head alone", OTA_INBOX_OVERHEAD, 64, OTA_E_NO_ROOM },
        { "one byte of message", OTA_INBOX_OVERHEAD + 1, 64, OTA_OK },
        { "the largest number", UINT32_MAX, 64, OTA_E_NO_ROOM },
    };
    (void)state;
    struct world w;
    memset(&w, 0, sizeof w);
    device_init(&w.flash);
    w.trust = trust();
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t *const memory = malloc(rows[i].cap > 0 ? rows[i].cap : 1);
        struct ota_agent_cfg cfg = config(&w, THING);
        cfg.inbox = (struct ota_buf){ memory, rows[i].cap };
        cfg.message_size = rows[i].size;
        CHECK_ROW(rows[i].why, ota_agent_init(&w.agent, &cfg) == rows[i].want);
        free(memory);
    }
    fix_free(&w.flash);
}

static void more_memory_than_64_blocks_is_left_alone(void **state)
{
    (void)state;
    struct world w;
    open_agent(&w, OTA_INBOX_MESSAGES_MAX + 6u, 64);
    memset(w.inbox, 0xa5, (size_t)(OTA_INBOX_MESSAGES_MAX + 6u) * 64u);
    for (unsigned i = 0; i < OTA_INBOX_MESSAGES_MAX; i++) {
        assert_true(post(&w, TOPICS "notify", "x"));
    }
    assert_false(post(&w, TOPICS "notify", "x"));
    assert_int_equal(w.agent.inbox.stats.dropped, 1);
    for (size_t i = OTA_INBOX_MESSAGES_MAX * 64u; i < (OTA_INBOX_MESSAGES_MAX + 6u) * 64u; i++) {
        assert_int_equal(w.inbox[i], 0xa5);
    }
    run(&w);
    assert_int_equal(w.events, OTA_INBOX_MESSAGES_MAX);
    close_agent(&w);
}

/* --- order and fullness -------------------------------------------------------------------- */

/* Messages that are told apart by the error that each is refused with. */
static const struct {
    const char *topic, *payload;
    ota_err_t error;
} distinct[] = {
    { TOPICS "no name!/get/accepted", "{}", OTA_E_NAME },
    { ROOT "/things/someone/jobs/notify", "{}", OTA_E_UNEXPECTED },
    { TOPICS "notify", "x", OTA_E_MALFORMED },
};

/* A model of it beside it: a queue, and the block that the newest effect may still point to. */
static void messages_come_out_in_the_order_they_were_posted(void **state)
{
    (void)state;
    struct world w;
    uint32_t seed = 20261121;
    ota_err_t waiting[5];
    size_t count = 0, held = 0;
    print_message("seed %u\n", seed);
    open_agent(&w, COUNT(waiting), 64);

    for (unsigned step = 0; step < 5000; step++) {
        if (t_random(&seed) % 2u != 0) {
            const size_t kind = t_random(&seed) % COUNT(distinct);
            const bool room = count + held < COUNT(waiting);
            assert_int_equal(post(&w, distinct[kind].topic, distinct[kind].payload), room);
            if (room) {
                waiting[count++] = distinct[kind].error;
            }
            continue;
        }
        struct ota_effect e;
        held = ota_agent_poll(&w.agent, w.now, &e);
        assert_int_equal(held, count > 0);
        if (held != 0) {
            assert_int_equal(e.kind, OTA_EFFECT_EVENT);
            assert_int_equal(e.as.event.kind, OTA_EVENT_MESSAGE_REFUSED);
            assert_int_equal(e.as.event.error, waiting[0]);
            count--;
            memmove(waiting, waiting + 1, count * sizeof waiting[0]);
        }
    }
    const struct ota_inbox_stats *const s = &w.agent.inbox.stats;
    assert_int_equal(s->received, s->processed + s->dropped + count);
    assert_int_equal(s->too_large, 0);
    assert_true(s->dropped > 100 && s->processed > 100);
    close_agent(&w);
}

static void a_message_at_the_limit_fits_and_one_byte_more_does_not(void **state)
{
    enum { SIZE = 128 };
    const struct ota_span topic = OTA_SPAN_LIT(TOPICS "notify");
    const size_t fits = SIZE - OTA_INBOX_OVERHEAD - topic.len;
    (void)state;
    struct world w;
    open_agent(&w, 2, SIZE);
    for (size_t len = fits - 1; len <= fits + 1; len++) {
        char text[SIZE];
        memset(text, ' ', sizeof text);
        memcpy(text, "{}", 2);
        uint8_t *const exact = t_exact(text, len);
        const bool taken = ota_agent_post_message(&w.agent, topic, (struct ota_span){ exact, len });
        assert_int_equal(taken, len <= fits);
        free(exact);
        run(&w);
    }
    /* Read to the last byte: not one of the two was refused, and the third did not arrive. */
    assert_int_equal(w.agent.orchestrator.stats.messages, 2);
    assert_int_equal(w.agent.orchestrator.stats.refused, 0);
    assert_int_equal(w.agent.inbox.stats.too_large, 1);
    assert_int_equal(w.agent.inbox.stats.dropped, 0);
    close_agent(&w);
}

static void a_topic_longer_than_any_of_ours_is_dropped(void **state)
{
    (void)state;
    struct world w;
    char topic[OTA_TOPIC_MAX + 1];
    memset(topic, 'a', sizeof topic);
    open_agent(&w, 1, 1024);
    assert_false(ota_agent_post_message(
        &w.agent, (struct ota_span){ (uint8_t *)topic, sizeof topic }, OTA_SPAN_NONE));
    assert_int_equal(w.agent.inbox.stats.dropped, 1);
    assert_int_equal(w.agent.inbox.stats.too_large, 0);
    assert_true(ota_agent_post_message(
        &w.agent, (struct ota_span){ (uint8_t *)topic, OTA_TOPIC_MAX }, OTA_SPAN_NONE));
    run(&w);
    assert_int_equal(w.effects, 0); /* somebody else's */
    close_agent(&w);
}

static void what_is_larger_than_a_block_is_counted_whatever_makes_it_so(void **state)
{
    enum { SIZE = 128, ROOM = SIZE - OTA_INBOX_OVERHEAD };
    (void)state;
    static const struct {
        const char *why;
        size_t topic, payload;
        bool fits;
    } rows[] = {
        { "a topic alone, at the limit", ROOM, 0, true },
        { "a topic alone, one over", ROOM + 1, 0, false },
        { "no topic", 0, ROOM + 1, false },
        { "no topic, at the limit", 0, ROOM, true },
    };
    const uint8_t bytes[ROOM + 1] = { 0 };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world w;
        open_agent(&w, 1, SIZE);
        const bool taken =
            ota_agent_post_message(&w.agent, (struct ota_span){ bytes, rows[i].topic },
                                   (struct ota_span){ bytes, rows[i].payload });
        CHECK_ROW(rows[i].why, taken == rows[i].fits);
        CHECK_ROW(rows[i].why, w.agent.inbox.stats.too_large == (rows[i].fits ? 0 : 1));
        CHECK_ROW(rows[i].why, w.agent.inbox.stats.dropped == 0);
        close_agent(&w);
    }
}

/* --- too large ------------------------------------------------------------------------------ */

static void an_answer_too_large_is_asked_for_without_its_document(void **state)
{
    (void)state;
    struct world w;
    char large[512];
    memset(large, ' ', sizeof large);
    large[sizeof large - 1] = '\0';
    open_agent(&w, 1, 256);
    connect_agent(&w);
    assert_false(contains((struct ota_span){ w.request, w.request_len }, "includeJobDocument"));

    assert_false(post(&w, TOPICS "$next/get/accepted", large));
    run(&w);
    assert_int_equal(w.publishes, 2);
    assert_true(
        contains((struct ota_span){ w.request, w.request_len }, "\"includeJobDocument\":false"));

    /* What is said of another thing, or of another topic, is not about our question. */
    assert_false(post(&w, ROOT "/things/t-2/jobs/$next/get/accepted", large));
    run(&w);
    assert_false(post(&w, "app/data", large));
    run(&w);
    assert_int_equal(w.publishes, 2);

    /* A notification that does not fit still says: ask. */
    assert_false(post(&w, TOPICS "notify-next", large));
    run(&w);
    assert_int_equal(w.publishes, 3);
    assert_int_equal(w.agent.inbox.stats.too_large, 4);
    close_agent(&w);
}

/* --- the link ----------------------------------------------------------------------------------- */

static void what_came_over_the_link_before_is_dropped(void **state)
{
    (void)state;
    struct world w;
    char large[128];
    memset(large, ' ', sizeof large);
    large[sizeof large - 1] = '\0';
    for (unsigned up = 0; up < 2; up++) {
        open_agent(&w, 4, 96);
        for (unsigned i = 0; i < 3; i++) {
            assert_true(post(&w, TOPICS "notify", "x"));
        }
        assert_false(post(&w, TOPICS "notify", large));
        ota_agent_post_link(&w.agent, up != 0);
        assert_int_equal(w.agent.inbox.stats.dropped, 3);
        run(&w);
        assert_int_equal(w.events, 0);
        assert_int_equal(w.agent.inbox.stats.processed, 0);
        assert_int_equal(w.agent.orchestrator.commands, 0); /* nor is the large one asked after */

        for (unsigned i = 0; i < 4; i++) { /* the blocks are free again */
            assert_true(post(&w, TOPICS "notify", "x"));
        }
        run(&w);
        assert_int_equal(w.events, 4);
        close_agent(&w);
    }
}

/* Half of the inbox takes parts of a response; messages have the rest; a link's edge drops messages alone. */
static void parts_of_a_response_wait_for_room_and_none_is_dropped(void **state)
{
    (void)state;
    struct world w;
    const struct ota_inbox_stats *const stats = &w.agent.inbox.stats;
    uint8_t *const body =
        t_exact("0123456789012345678901234567890123456789012345678901234567890123", 64);
    const struct ota_span bytes = { body, 64 };
    open_agent(&w, 6, 64);
    assert_true(ota_agent_post_fetched_head(&w.agent, 1, 206, OTA_SPAN_LIT("bytes 0-63/64")));
    const size_t taken = ota_agent_post_fetched_body(&w.agent, 1, bytes);
    assert_in_range(taken, 32, 63); /* what a block holds */
    assert_int_equal(
        ota_agent_post_fetched_body(&w.agent, 1, (struct ota_span){ body + taken, 64 - taken }),
        64 - taken);
    assert_false(ota_agent_post_fetched_ended(&w.agent, 1));
    assert_false(ota_agent_post_fetched_head(&w.agent, 2, 206, OTA_SPAN_NONE));
    assert_int_equal(ota_agent_post_fetched_body(&w.agent, 1, bytes), 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(post(&w, TOPICS "notify", "x"));
    }
    assert_false(post(&w, TOPICS "notify", "x"));
    assert_int_equal(stats->dropped, 1);
    ota_agent_post_link(&w.agent, true);
    assert_int_equal(stats->dropped, 4);
    assert_false(ota_agent_post_fetched_ended(&w.agent, 1));
    run(&w);
    assert_int_equal(stats->processed, 3);
    assert_int_equal(w.events, 0); /* of no open transfer: ignored */
    assert_true(ota_agent_post_fetched_ended(&w.agent, 1));
    run(&w);
    assert_int_equal(stats->processed, 4);
    assert_int_equal(stats->dropped, 4);
    free(body);
    close_agent(&w);
}

/* The model beside it: parts that wait, in order; a link's edge takes the messages from between them. */
static void parts_move_up_in_their_order_when_messages_go(void **state)
{
    (void)state;
    struct world w;
    open_agent(&w, 11, 64);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(post(&w, TOPICS "notify", "x"));
        assert_true(ota_agent_post_fetched_ended(&w.agent, i));
    }
    ota_agent_post_link(&w.agent, true);
    assert_int_equal(w.agent.inbox.stats.dropped, 3);
    for (unsigned i = 0; i < 8; i++) {
        assert_true(post(&w, TOPICS "notify", "x"));
    }
    assert_false(post(&w, TOPICS "notify", "x"));
    run(&w);
    assert_int_equal(w.agent.inbox.stats.processed, 11);
    assert_int_equal(w.events, 8);
    close_agent(&w);
}

/* A block with no room for more than its head takes nothing, and says so. */
static void an_inbox_too_small_for_parts_takes_none(void **state)
{
    (void)state;
    struct world w;
    open_agent(&w, 2, OTA_INBOX_OVERHEAD + 4u);
    assert_false(ota_agent_post_fetched_head(&w.agent, 1, 206, OTA_SPAN_LIT("bytes 0-1/2")));
    assert_int_equal(ota_agent_post_fetched_body(&w.agent, 1, OTA_SPAN_LIT("body")), 0);
    run(&w);
    assert_int_equal(w.events, 0);
    close_agent(&w);
}

static void a_link_that_blinks_is_subscribed_anew_once(void **state)
{
    (void)state;
    struct world w;
    open_agent(&w, 1, 128);
    connect_agent(&w);
    ota_agent_post_link(&w.agent, false);
    ota_agent_post_link(&w.agent, true);
    run(&w);
    assert_int_equal(w.subscribes, 2 * OTA_SUBSCRIPTIONS);

    /* A client that reports a connection twice has connected twice. */
    ota_agent_post_link(&w.agent, true);
    run(&w);
    assert_int_equal(w.subscribes, 3 * OTA_SUBSCRIPTIONS);

    ota_agent_post_link(&w.agent, true);
    ota_agent_post_link(&w.agent, false);
    run(&w);
    assert_int_equal(w.subscribes, 3 * OTA_SUBSCRIPTIONS);
    assert_int_equal(w.publishes, 1); /* without SUBACKs nothing was asked */
    close_agent(&w);
}

/* --- what an effect points to -------------------------------------------------------------------- */

/* Poll until the application is shown a document. */
static struct ota_span custom_document(struct world *w)
{
    for (unsigned turns = 0; turns < 100; turns++) {
        struct ota_effect e;
        if (ota_agent_poll(&w->agent, w->now, &e) && e.kind == OTA_EFFECT_EVENT &&
            e.as.event.kind == OTA_EVENT_CUSTOM_JOB) {
            return e.as.event.document;
        }
    }
    fail_msg("no document was shown");
    return OTA_SPAN_NONE;
}

static void a_document_stays_while_other_threads_post(void **state)
{
    static const char document[] = "{\"mine\":{\"color\":\"blue\"}}";
    (void)state;
    for (size_t blocks = 1; blocks <= 3; blocks++) {
        struct world w;
        char answer[512];
        open_agent(&w, blocks, 512);
        connect_agent(&w);
        (void)answer_next(answer, sizeof answer, (struct ota_span){ w.request, w.request_len },
                          "job-1", document);
        assert_true(post(&w, TOPICS "$next/get/accepted", answer));

        const struct ota_span shown = custom_document(&w);
        for (size_t i = 1; i < blocks; i++) {
            assert_true(post(&w, TOPICS "notify", "{ }"));
        }
        assert_false(post(&w, TOPICS "notify", "{ }")); /* that block is in use */
        ota_agent_post_link(&w.agent, false);           /* and not flushed either */
        assert_int_equal(shown.len, sizeof document - 1);
        assert_memory_equal(shown.ptr, document, shown.len);

        run(&w);
        for (size_t i = 0; i < blocks; i++) {
            assert_true(post(&w, TOPICS "notify", "{ }"));
        }
        close_agent(&w);
    }
}

/* --- commands -------------------------------------------------------------------------------------- */

static void a_command_that_means_nothing_does_nothing(void **state)
{
    (void)state;
    struct world w;
    open_agent(&w, 1, 128);
    const uint32_t ops = w.flash.m.ops;
    for (int c = OTA_COMMAND_ACCEPT; c <= OTA_COMMAND_ABORT; c++) {
        ota_agent_post_command(&w.agent, (enum ota_command)c);
        assert_int_equal(ota_agent_deadline(&w.agent), 0);
        run(&w);
    }
    assert_int_equal(w.effects, 0);
    assert_int_equal(w.flash.m.ops, ops);
    assert_int_equal(ota_orchestrator_state(&w.agent.orchestrator), OTA_JOURNAL_NONE);
    assert_true(ota_agent_deadline(&w.agent) == OTA_NEVER);
    close_agent(&w);
}

static void a_check_asks_once_more(void **state)
{
    (void)state;
    struct world w;
    open_agent(&w, 1, 128);
    connect_agent(&w);
    ota_agent_post_command(&w.agent, OTA_COMMAND_CHECK);
    ota_agent_post_command(&w.agent, OTA_COMMAND_CHECK);
    run(&w);
    assert_int_equal(w.publishes, 2);
    close_agent(&w);
}

/* --- two of them, and many threads ------------------------------------------------------------------ */

static void two_agents_share_nothing(void **state)
{
    (void)state;
    struct world busy, quiet;
    char answer[512];
    open_as(&busy, "t-1", 2, 512);
    open_as(&quiet, "t-2", 2, 512);
    struct ota_agent *const before = (struct ota_agent *)t_exact(&quiet.agent, sizeof quiet.agent);
    uint8_t *const flash = flash_model_save(&quiet.flash.m);

    connect_agent(&busy);
    (void)answer_next(answer, sizeof answer, (struct ota_span){ busy.request, busy.request_len },
                      "job-1", DOCUMENT("1000"));
    assert_true(post(&busy, TOPICS "$next/get/accepted", answer));
    run(&busy);
    assert_int_equal(ota_orchestrator_state(&busy.agent.orchestrator), OTA_JOURNAL_CLAIMED);

    assert_memory_equal(&quiet.agent, before, sizeof quiet.agent);
    assert_memory_equal(quiet.flash.m.bytes, flash, quiet.flash.m.base.size);
    assert_int_equal(ota_orchestrator_state(&quiet.agent.orchestrator), OTA_JOURNAL_NONE);

    free(before);
    free(flash);
    close_agent(&busy);
    close_agent(&quiet);
}

struct loop_port {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool woken;
    unsigned done; /* threads */
};

static void port_lock(void *context)
{
    struct loop_port *const p = context;
    assert_int_equal(pthread_mutex_lock(&p->mutex), 0);
}

static void port_unlock(void *context)
{
    struct loop_port *const p = context;
    assert_int_equal(pthread_mutex_unlock(&p->mutex), 0);
}

static void port_wake(void *context)
{
    struct loop_port *const p = context;
    port_lock(p);
    p->woken = true;
    assert_int_equal(pthread_cond_signal(&p->changed), 0);
    port_unlock(p);
}

enum { THREADS = 4, POSTS = 500 };

struct poster {
    struct world *w;
    struct loop_port *port;
    unsigned taken;
};

static void *post_many(void *context)
{
    struct poster *const p = context;
    for (unsigned i = 0; i < POSTS; i++) {
        p->taken += post(p->w, TOPICS "notify", "{}");
        ota_agent_post_command(&p->w->agent, OTA_COMMAND_CHECK);
    }
    port_lock(p->port);
    p->port->done++;
    port_unlock(p->port);
    port_wake(p->port);
    return NULL;
}

/* The loop of agent.h, until all threads are done and nothing waits. */
static void loop(struct world *w, struct loop_port *port)
{
    bool done = false;
    while (!done) {
        struct ota_effect e;
        while (ota_agent_poll(&w->agent, w->now, &e)) {
            w->effects++;
        }
        const bool idle = ota_agent_deadline(&w->agent) > w->now;
        port_lock(port);
        while (idle && !port->woken && port->done < THREADS) {
            assert_int_equal(pthread_cond_wait(&port->changed, &port->mutex), 0);
        }
        done = idle && !port->woken && port->done == THREADS;
        port->woken = false;
        port_unlock(port);
    }
}

static void threads_may_post_while_one_polls(void **state)
{
    (void)state;
    struct loop_port port = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0 };
    struct world w;
    pthread_t threads[THREADS];
    struct poster posters[THREADS];
    unsigned taken = 0;

    open_agent(&w, 8, 64);
    w.agent.port = (struct ota_agent_port){ port_lock, port_unlock, port_wake, &port };
    for (unsigned i = 0; i < THREADS; i++) {
        posters[i] = (struct poster){ &w, &port, 0 };
        assert_int_equal(pthread_create(&threads[i], NULL, post_many, &posters[i]), 0);
    }
    loop(&w, &port);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        taken += posters[i].taken;
    }

    const struct ota_inbox_stats *const s = &w.agent.inbox.stats;
    assert_int_equal(s->received, THREADS * POSTS);
    assert_int_equal(s->processed, taken);
    assert_int_equal(s->dropped, THREADS * POSTS - taken);
    assert_int_equal(s->too_large, 0);
    assert_int_equal(w.agent.orchestrator.stats.messages, taken);
    assert_int_equal(w.agent.orchestrator.stats.refused, 0);
    close_agent(&w);
}

/* --- decisions -------------------------------------------------------------------------------------- */

static void refuse_with(struct world *w, ota_err_t want, const char *words)
{
    char room[OTA_WORDS_MAX + 2u];
    (void)snprintf(room, sizeof room, "%s", words);
    const struct ota_decision d = { .command = OTA_COMMAND_REFUSE,
                                    .reason = ota_span_of_str(room) };
    assert_int_equal(ota_agent_post_decision(&w->agent, &d), want);
    memset(room, '?', sizeof room); /* they are the agent's copy by now */
}

/* An agent that has an offer and asks what to do with it. */
static void open_undecided(struct world *w)
{
    char answer[1024];
    policy = OTA_POLICY_ASK;
    open_agent(w, 2, 1024);
    policy = OTA_POLICY_ACCEPT;
    connect_agent(w);
    (void)answer_next(answer, sizeof answer, (struct ota_span){ w->request, w->request_len },
                      "job-1", DOCUMENT("1000"));
    assert_true(post(w, TOPICS "$next/get/accepted", answer));
    run(w);
    assert_int_equal(w->event[w->events - 1u].kind, OTA_EVENT_OFFER);
}

static void a_decision_needs_no_words(void **state)
{
    (void)state;
    struct world w;
    open_undecided(&w);
    const size_t publishes = w.publishes;
    const struct ota_decision accept = { .command = OTA_COMMAND_ACCEPT };
    assert_int_equal(ota_agent_post_decision(&w.agent, &accept), OTA_OK);
    assert_int_equal(ota_agent_deadline(&w.agent), 0);
    run(&w);
    assert_int_equal(w.publishes, publishes + 1u);
    assert_true(contains((struct ota_span){ w.request, w.request_len }, "\"IN_PROGRESS\""));
    close_agent(&w);
}

static void a_decision_is_posted_with_its_words_and_the_newest_counts(void **state)
{
    (void)state;
    struct world w;
    open_undecided(&w);
    const size_t publishes = w.publishes;

    refuse_with(&w, OTA_OK, "too early");
    refuse_with(&w, OTA_OK, "too late");
    refuse_with(&w, OTA_E_NAME, "\"");
    run(&w);
    assert_int_equal(w.publishes, publishes + 1u);
    const struct ota_span told = { w.request, w.request_len };
    assert_true(contains(told, "\"REJECTED\"") && contains(told, "\"too late\""));

    refuse_with(&w, OTA_OK, "again"); /* nothing waits for it any more */
    run(&w);
    assert_int_equal(w.publishes, publishes + 1u);
    close_agent(&w);
}

static void of_suspend_and_resume_the_newer_has_the_word(void **state)
{
    static const enum ota_command first[] = { OTA_COMMAND_SUSPEND, OTA_COMMAND_RESUME };
    (void)state;
    for (unsigned i = 0; i < COUNT(first); i++) {
        struct world w;
        open_agent(&w, 1, 512);
        ota_agent_post_command(&w.agent, first[i]);
        ota_agent_post_command(&w.agent, first[1u - i]);
        ota_agent_post_link(&w.agent, true);
        run(&w);
        assert_int_equal(w.subscribes, first[i] == OTA_COMMAND_SUSPEND ? OTA_SUBSCRIPTIONS : 0);
        close_agent(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_inbox_must_hold_a_message),
        cmocka_unit_test(more_memory_than_64_blocks_is_left_alone),
        cmocka_unit_test(messages_come_out_in_the_order_they_were_posted),
        cmocka_unit_test(a_message_at_the_limit_fits_and_one_byte_more_does_not),
        cmocka_unit_test(a_topic_longer_than_any_of_ours_is_dropped),
        cmocka_unit_test(what_is_larger_than_a_block_is_counted_whatever_makes_it_so),
        cmocka_unit_test(an_answer_too_large_is_asked_for_without_its_document),
        cmocka_unit_test(what_came_over_the_link_before_is_dropped),
        cmocka_unit_test(parts_of_a_response_wait_for_room_and_none_is_dropped),
        cmocka_unit_test(parts_move_up_in_their_order_when_messages_go),
        cmocka_unit_test(an_inbox_too_small_for_parts_takes_none),
        cmocka_unit_test(a_link_that_blinks_is_subscribed_anew_once),
        cmocka_unit_test(a_document_stays_while_other_threads_post),
        cmocka_unit_test(a_command_that_means_nothing_does_nothing),
        cmocka_unit_test(a_check_asks_once_more),
        cmocka_unit_test(two_agents_share_nothing),
        cmocka_unit_test(threads_may_post_while_one_polls),
        cmocka_unit_test(a_decision_needs_no_words),
        cmocka_unit_test(a_decision_is_posted_with_its_words_and_the_newest_counts),
        cmocka_unit_test(of_suspend_and_resume_the_newer_has_the_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
