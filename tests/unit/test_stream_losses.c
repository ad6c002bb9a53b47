/* Stream: what a bad link costs: blocks that are lost, late or doubled, and silence. */
#include "stream_fixture.h"

/* --- losses ------------------------------------------------------------------------------------- */

static void one_lost_block_costs_one_request_for_one_block(void **state)
{
    (void)state;
    struct ota_stream s = begun(usual);
    asks_run(&s, 0, 0, 8);
    give(&s, 0, 1);
    give(&s, 2, 1); /* 1 is lost, or two places late */
    give(&s, 3, 1);
    asks_nothing(&s, 1);
    give(&s, 4, 1);
    asks_run(&s, 1, 8, 4);
    give(&s, 5, 1); /* four places behind it: lost */
    asks_run(&s, 1, 1, 1);
    assert_int_equal(s.stats.losses, 1);
    give(&s, 1, 1);
    assert_int_equal(s.stats.duplicates, 0);
    assert_int_equal(s.stats.silences, 0);
}

static void a_block_that_comes_a_few_places_late_is_not_asked_for_again(void **state)
{
    (void)state;
    struct ota_stream s = begun(usual);
    asks_run(&s, 0, 0, 8);
    static const uint32_t order[] = { 3, 0, 1, 2, 6, 4, 5, 7 };
    for (size_t i = 0; i < COUNT(order); i++) {
        give(&s, order[i], 1);
    }
    assert_int_equal(s.stats.losses, 0);
}

static void the_last_block_of_the_range_proves_all_losses_before_it(void **state)
{
    (void)state;
    struct ota_stream_cfg cfg = usual;
    cfg.file_size = 4 * 256;
    struct ota_stream s = begun(cfg);
    asks_run(&s, 0, 0, 4);
    give(&s, 0, 1);
    give(&s, 3, 1);
    asks_run(&s, 1, 1, 2);
}

static void a_block_asked_for_again_and_lost_again_is_proved_lost_by_new_ones(void **state)
{
    (void)state;
    struct ota_stream_cfg cfg = usual;
    cfg.file_size = 64 * 256;
    struct ota_stream s = begun(cfg);
    asks_run(&s, 0, 0, 8);
    for (uint32_t block = 1; block < 5; block++) {
        give(&s, block, 1);
    }
    asks_run(&s, 1, 0, 1);
    asks_run(&s, 1, 8, 4); /* after the request that is lost now */
    for (uint32_t block = 5; block < 8; block++) {
        give(&s, block, 2);
    }
    uint32_t next = 12, again = 0;
    for (uint32_t block = 8; again == 0 && block < 20; block++) {
        give(&s, block, 3);
        while (ota_stream_deadline(&s) == 0) {
            const struct asked a = ask(&s, 3);
            if (a.offset == 0) {
                again++;
                assert_int_equal(a.count, 1);
            } else {
                assert_int_equal(a.offset, next);
                next += a.count;
            }
        }
    }
    assert_int_equal(again, 1);
    assert_int_equal(s.stats.silences, 0);
}

static void a_lost_block_does_not_hold_up_those_behind_it(void **state)
{
    (void)state;
    struct ota_stream_cfg cfg = usual;
    cfg.file_size = 1000 * 256;
    cfg.format = OTA_FORMAT_JSON;
    struct ota_stream s = begun(cfg);
    asks_run(&s, 0, 0, 8);
    uint32_t asked_end = 8;
    for (uint32_t block = 1; block < 256; block++) { /* 0 never comes */
        give(&s, block, 1);
        while (ota_stream_deadline(&s) == 0) {
            const struct asked a = ask(&s, 1);
            asked_end = a.offset + a.count > asked_end ? a.offset + a.count : asked_end;
        }
    }
    /* The ring is full: nothing that lies 256 behind the first missing is asked for. */
    assert_int_equal(asked_end, 256);
    give(&s, 0, 1);
    asks_run(&s, 1, 256, 8);
}

/* --- silence -------------------------------------------------------------------------------------- */

static void silence_is_answered_with_a_growing_jittered_back_off_that_never_ends(void **state)
{
    (void)state;
    struct ota_stream s = begun(usual);
    ota_ms_t now = 5000;
    uint32_t whole = usual.retry_ms_min;
    for (int i = 0; i < 500; i++) {
        asks_run(&s, now, 0, 8);
        const ota_ms_t deadline = ota_stream_deadline(&s);
        assert_true(deadline >= now + whole / 2 && deadline <= now + whole);
        asks_nothing(&s, deadline - 1);
        now = deadline;
        whole = whole * 2 < usual.retry_ms_max ? whole * 2 : usual.retry_ms_max;
    }
    assert_true(now > 3 * 3600 * 1000);
    assert_int_equal(s.stats.silences, 499);
    /* The provider is back: all goes on, with the short wait again. */
    for (uint32_t block = 0; block < 8; block++) {
        assert_true(give(&s, block, now));
    }
    asks_run(&s, now, 8, 8);
    assert_true(ota_stream_deadline(&s) <= now + usual.retry_ms_min);
}

static void a_clock_that_jumps_is_one_silence(void **state)
{
    (void)state;
    struct ota_stream s = begun(usual);
    asks_run(&s, 0, 0, 8);
    asks_run(&s, UINT64_C(1) << 40, 0, 8);
    asks_nothing(&s, UINT64_C(1) << 40);
    assert_int_equal(s.stats.silences, 1);
    asks_run(&s, OTA_NEVER - 1, 0, 8);
    assert_true(ota_stream_deadline(&s) == OTA_NEVER);
    struct ota_effect effect;
    assert_false(ota_stream_poll(&s, OTA_NEVER, &scratch, &effect));
}

static void after_a_silence_only_what_is_missing_is_asked_for(void **state)
{
    (void)state;
    struct ota_stream s = begun(usual);
    asks_run(&s, 0, 0, 8);
    give(&s, 0, 1);
    give(&s, 3, 1);
    const struct asked a = ask(&s, 10000);
    assert_false(a.has_bits);
    assert_int_equal(a.offset, 1);
    assert_int_equal(a.count, 2);
    asks_run(&s, 10000, 4, 6);
}

static void a_block_that_was_not_stored_is_asked_for_again(void **state)
{
    (void)state;
    struct ota_stream_cfg cfg = usual;
    cfg.file_size = 256;
    struct ota_stream s = begun(cfg);
    asks_run(&s, 0, 0, 1);
    const struct ota_span message = write_data(OTA_BUF_OF(message_room), &cfg, 0, cfg.format);
    struct ota_block block;
    assert_int_equal(
        ota_stream_on_message(&s, &data_cbor, message, (struct ota_buf){ NULL, 0 }, &block),
        OTA_OK);
    assert_int_equal(block.data.len, 256);
    assert_false(ota_stream_idle(&s));
    asks_run(&s, 1000, 0, 1);
}

static void a_reconnect_asks_at_once_for_what_is_missing(void **state)
{
    (void)state;
    struct ota_stream s = begun(usual);
    asks_run(&s, 0, 0, 8);
    give(&s, 0, 1);
    give(&s, 1, 1);
    ota_stream_reconnected(&s);
    assert_true(ota_stream_deadline(&s) == 0);
    asks_run(&s, 2, 2, 8);
    struct ota_stream idle;
    assert_int_equal(ota_stream_init(&idle, &usual), OTA_OK);
    ota_stream_reconnected(&idle);
    asks_nothing(&idle, 2);
}

/* --- bad links ------------------------------------------------------------------------------------------ */

/* A link in virtual time: blocks arrive one after another, each may be lost, doubled or swapped. */
#define QUEUE_MAX 4096u
struct link {
    struct ota_stream s;
    uint32_t seed;
    unsigned loss, twice, late; /* chances of 1000; `late`: two to three places */
    ota_ms_t now, free_at;
    struct {
        uint32_t block;
        ota_ms_t at;
    } queue[QUEUE_MAX];
    size_t head, tail;
    uint32_t sent, in_window_max;
};

static bool chance(struct link *l, unsigned of_1000)
{
    return t_random(&l->seed) % 1000u < of_1000;
}

static void send_block(struct link *l, uint32_t block)
{
    l->free_at = (l->free_at > l->now + 50 ? l->free_at : l->now + 50) + 2;
    l->sent++;
    if (chance(l, l->loss)) {
        return;
    }
    for (int copies = chance(l, l->twice) ? 2 : 1; copies > 0; copies--) {
        assert_true(l->tail - l->head < QUEUE_MAX);
        l->queue[l->tail % QUEUE_MAX].block = block;
        l->queue[l->tail++ % QUEUE_MAX].at = l->free_at;
    }
}

/* The blocks of a request, ascending, as the service would send them. */
static size_t blocks_of(const struct asked *a, uint32_t *blocks, size_t max)
{
    size_t n = 0;
    const uint32_t span = a->has_bits ? (uint32_t)a->bits_len * 8u : a->count;
    for (uint32_t k = 0; k < span && n < a->count; k++) {
        if (!a->has_bits || (a->bits[k / 8] >> k % 8 & 1) != 0) {
            assert_true(n < max);
            blocks[n++] = a->offset + k;
        }
    }
    assert_int_equal(n, a->count);
    return n;
}

static void serve(struct link *l, const struct ota_effect *effect)
{
    static uint32_t blocks[OTA_STREAM_WINDOW_MAX];
    if (chance(l, l->loss)) {
        return; /* the request itself */
    }
    const struct asked a = read_request(effect->as.publish.payload, l->s.cfg.format);
    assert_true(a.count * a.size <= OTA_STREAM_BURST_MAX);
    const size_t n = blocks_of(&a, blocks, COUNT(blocks));
    for (size_t i = 0; i < n; i++) {
        assert_true(blocks[i] < l->s.block_count);
        send_block(l, blocks[i]);
    }
}

/* The next block out of the queue: usually its head, now and then one that stands behind it. */
static uint32_t arrival(struct link *l)
{
    const size_t waiting = l->tail - l->head;
    const size_t ahead = waiting > 3 && chance(l, l->late) ? 2 + t_random(&l->seed) % 2 : 0;
    const uint32_t block = l->queue[(l->head + ahead) % QUEUE_MAX].block;
    for (size_t i = ahead; i > 0; i--) {
        l->queue[(l->head + i) % QUEUE_MAX].block = l->queue[(l->head + i - 1) % QUEUE_MAX].block;
    }
    l->head++;
    return block;
}

/* Until the range is fetched: each of its blocks was handed over once, and no other was. */
static void run(struct link *l, uint8_t *seen, uint32_t first, uint32_t end)
{
    struct ota_effect effect;
    uint32_t missing = end - first;
    while (!ota_stream_idle(&l->s)) {
        while (ota_stream_poll(&l->s, l->now, &scratch, &effect)) {
            serve(l, &effect);
        }
        assert_true(l->s.in_flight <= l->s.cfg.window);
        const ota_ms_t deadline = ota_stream_deadline(&l->s);
        assert_true(deadline > l->now && deadline != OTA_NEVER);
        if (l->head == l->tail || l->queue[l->head % QUEUE_MAX].at > deadline) {
            l->now = deadline;
            continue;
        }
        const ota_ms_t at = l->queue[l->head % QUEUE_MAX].at;
        l->now = at > l->now ? at : l->now;
        const uint32_t block = arrival(l);
        if (give(&l->s, block, l->now)) {
            assert_true(block >= first && block < end && seen[block] == 0);
            seen[block] = 1;
            missing--;
        }
    }
    assert_int_equal(missing, 0);
}

static struct link link_of(struct ota_stream_cfg cfg, uint32_t seed)
{
    struct link l = { .seed = seed, .now = 1 };
    cfg.seed = seed;
    assert_int_equal(ota_stream_init(&l.s, &cfg), OTA_OK);
    return l;
}

static void any_link_that_lets_something_through_brings_the_whole_file(void **state)
{
    (void)state;
    for (uint32_t round = 1; round <= 240; round++) {
        uint32_t seed = 0x9e3779b9u * round;
        print_message("seed %u\n", (unsigned)round);
        static const uint32_t windows[] = { 1, 2, 3, 4, 7, 8, 16, 31, 64, 128, 255, 256 };
        struct ota_stream_cfg cfg = usual;
        cfg.window = windows[t_random(&seed) % COUNT(windows)];
        cfg.format = t_random(&seed) % 4 == 0 ? OTA_FORMAT_JSON : OTA_FORMAT_CBOR;
        const uint32_t windows_max = cfg.window > 16 ? 4 : 52;
        const uint32_t blocks = 1 + t_random(&seed) % (cfg.window * windows_max + 3);
        cfg.file_size = blocks * 256 - t_random(&seed) % 2 * (t_random(&seed) % 256);
        struct link l = link_of(cfg, seed);
        l.loss = t_random(&seed) % 4 == 0 ? 0 : t_random(&seed) % 400;
        l.twice = t_random(&seed) % 2 * (t_random(&seed) % 300);
        l.late = t_random(&seed) % 2 * (t_random(&seed) % 300);
        uint8_t *seen = calloc(1, blocks);
        const uint32_t begin = t_random(&seed) % cfg.file_size;
        const uint32_t end = begin + 1 + t_random(&seed) % (cfg.file_size - begin);
        ota_stream_fetch(&l.s, begin, end);
        run(&l, seen, begin / 256, (end - 1) / 256 + 1);
        free(seen);
    }
}

static void files_around_each_multiple_of_a_block_are_complete(void **state)
{
    (void)state;
    for (uint32_t blocks = 1; blocks <= 20; blocks++) {
        for (uint32_t more = 0; more < 3; more++) {
            struct ota_stream_cfg cfg = usual;
            cfg.file_size = blocks * 256 + more - 1;
            cfg.window = 4;
            struct link l = link_of(cfg, blocks * 3 + more);
            l.loss = 50;
            uint8_t seen[22] = { 0 };
            ota_stream_fetch(&l.s, 0, cfg.file_size);
            run(&l, seen, 0, (cfg.file_size - 1) / 256 + 1);
        }
    }
}

static void losses_cost_little_more_than_what_was_lost(void **state)
{
    (void)state;
    static const struct {
        unsigned loss, late, more; /* of 1000; `more`: payloads sent above the least possible */
    } rows[] = {
        { 0, 0, 0 }, { 10, 0, 2 }, { 50, 0, 5 }, { 100, 0, 8 }, { 0, 100, 20 }, { 50, 50, 15 },
    };
    static const uint32_t windows[] = { 8, 32, 128 };
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (size_t k = 0; k < COUNT(windows); k++) {
            struct ota_stream_cfg cfg = usual;
            cfg.window = windows[k];
            cfg.file_size = 4000 * 256;
            struct link l = link_of(cfg, 0x5eed0003);
            l.loss = rows[i].loss;
            l.late = rows[i].late;
            uint8_t *seen = calloc(1, 4000);
            ota_stream_fetch(&l.s, 0, cfg.file_size);
            run(&l, seen, 0, 4000);
            free(seen);
            const unsigned least = 4000u * 1000u / (1000u - rows[i].loss);
            print_message("loss %u late %u window %u: sent %u, least %u, duplicates %u, "
                          "silences %u, %u ms\n",
                          rows[i].loss, rows[i].late, (unsigned)windows[k], (unsigned)l.sent, least,
                          (unsigned)l.s.stats.duplicates, (unsigned)l.s.stats.silences,
                          (unsigned)l.now);
            assert_true(l.sent <= least + least * rows[i].more / 1000u + 8u);
        }
    }
}

static void a_clean_link_never_idles(void **state)
{
    (void)state;
    struct ota_stream_cfg cfg = usual;
    cfg.window = 128; /* a round trip holds 25 blocks */
    cfg.file_size = 4000 * 256;
    struct link l = link_of(cfg, 1);
    uint8_t *seen = calloc(1, 4000);
    ota_stream_fetch(&l.s, 0, cfg.file_size);
    run(&l, seen, 0, 4000);
    free(seen);
    assert_int_equal(l.sent, 4000);
    assert_true(l.now <= 4000 * 2 + 100);
    assert_true(l.s.stats.requests <= 4000 / 64 + 2);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_lost_block_costs_one_request_for_one_block),
        cmocka_unit_test(a_block_that_comes_a_few_places_late_is_not_asked_for_again),
        cmocka_unit_test(the_last_block_of_the_range_proves_all_losses_before_it),
        cmocka_unit_test(a_block_asked_for_again_and_lost_again_is_proved_lost_by_new_ones),
        cmocka_unit_test(a_lost_block_does_not_hold_up_those_behind_it),
        cmocka_unit_test(silence_is_answered_with_a_growing_jittered_back_off_that_never_ends),
        cmocka_unit_test(a_clock_that_jumps_is_one_silence),
        cmocka_unit_test(after_a_silence_only_what_is_missing_is_asked_for),
        cmocka_unit_test(a_block_that_was_not_stored_is_asked_for_again),
        cmocka_unit_test(a_reconnect_asks_at_once_for_what_is_missing),
        cmocka_unit_test(any_link_that_lets_something_through_brings_the_whole_file),
        cmocka_unit_test(files_around_each_multiple_of_a_block_are_complete),
        cmocka_unit_test(losses_cost_little_more_than_what_was_lost),
        cmocka_unit_test(a_clean_link_never_idles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
