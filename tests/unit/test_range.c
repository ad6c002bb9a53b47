#include "ota/range.h"
#include "t.h"

enum { BLOCK = 256, BLOCKS = 7, FILE_SIZE = BLOCK * BLOCKS - 56, MIN_MS = 1000, MAX_MS = 60000 };

/* A file, a device that stores it, and what the test knows of both. */
struct world {
    struct ota_range r;
    uint8_t file[FILE_SIZE], flash[FILE_SIZE], room[BLOCK];
    ota_ms_t now;
};

static void begin(struct world *w, uint32_t request_size)
{
    memset(w, 0, sizeof *w);
    for (size_t i = 0; i < sizeof w->file; i++) {
        w->file[i] = (uint8_t)(i * 7u + i / 256u);
    }
    const struct ota_range_cfg cfg = {
        .file_size = FILE_SIZE,
        .block_size = BLOCK,
        .request_size = request_size,
        .retry_ms_min = MIN_MS,
        .retry_ms_max = MAX_MS,
        .seed = 1,
    };
    ota_range_init(&w->r, &cfg);
}

static struct ota_range_request ask(struct world *w)
{
    struct ota_range_request request = { UINT32_MAX, UINT32_MAX };
    assert_true(ota_range_poll(&w->r, w->now, &request));
    assert_true(request.first <= request.last && request.last < FILE_SIZE);
    return request;
}

static void assert_silent(struct world *w)
{
    struct ota_range_request request;
    assert_false(ota_range_poll(&w->r, w->now, &request));
}

static ota_err_t head(struct world *w, uint32_t status, const char *content_range)
{
    return ota_range_on_head(&w->r, status, ota_span_of_str(content_range), w->now);
}

static ota_err_t partial(struct world *w, struct ota_range_request request)
{
    char text[64];
    snprintf(text, sizeof text, "bytes %u-%u/%d", (unsigned)request.first, (unsigned)request.last,
             FILE_SIZE);
    return head(w, 206, text);
}

/* Body bytes first ..< end in pieces of `piece` bytes, each in an allocation of its own; every block is stored. */
static void body(struct world *w, uint32_t first, uint32_t end, uint32_t piece)
{
    for (uint32_t at = first; at < end; at += piece) {
        const uint32_t len = end - at < piece ? end - at : piece;
        uint8_t *const bytes = t_exact(w->file + at, len);
        struct ota_span left = { bytes, len };
        while (left.len > 0) {
            struct ota_block block;
            assert_int_equal(ota_range_on_body(&w->r, &left, OTA_BUF_OF(w->room), &block, w->now),
                             OTA_OK);
            if (block.data.len > 0) {
                assert_true(block.offset + block.data.len <= FILE_SIZE);
                memcpy(w->flash + block.offset, block.data.ptr, block.data.len);
                ota_range_stored(&w->r, block.offset);
            }
        }
        free(bytes);
    }
}

static void respond(struct world *w, struct ota_range_request request, uint32_t piece)
{
    assert_int_equal(partial(w, request), OTA_OK);
    body(w, request.first, request.last + 1, piece);
    ota_range_ended(&w->r, w->now);
}

/* --- asking --------------------------------------------------------------------- */

static void asks_for_the_file_in_requests_of_its_size(void **state)
{
    (void)state;
    static const struct {
        uint32_t request_size, requests;
    } rows[] = {
        { BLOCK, 7 }, { 2 * BLOCK, 4 }, { 6 * BLOCK, 2 }, { 7 * BLOCK, 1 }, { UINT32_MAX, 1 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        static struct world w;
        begin(&w, rows[i].request_size);
        ota_range_fetch(&w.r, 0, FILE_SIZE);
        uint32_t next = 0;
        while (!ota_range_idle(&w.r)) {
            const struct ota_range_request request = ask(&w);
            assert_int_equal(request.first, next);
            next = request.last + 1;
            respond(&w, request, 100);
        }
        assert_int_equal(next, FILE_SIZE);
        assert_int_equal(w.r.stats.requests, rows[i].requests);
        assert_int_equal(w.r.stats.blocks, BLOCKS);
        assert_memory_equal(w.flash, w.file, FILE_SIZE);
        assert_true(ota_range_deadline(&w.r) == OTA_NEVER);
    }
}

static void pieces_of_any_size_make_the_same_blocks(void **state)
{
    (void)state;
    for (uint32_t piece = 1; piece <= FILE_SIZE; piece++) {
        static struct world w;
        begin(&w, UINT32_MAX);
        ota_range_fetch(&w.r, 0, FILE_SIZE);
        respond(&w, ask(&w), piece);
        assert_true(ota_range_idle(&w.r));
        assert_memory_equal(w.flash, w.file, FILE_SIZE);
    }
}

static void a_range_is_of_whole_blocks(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        uint32_t begin, end, first, last;
    } rows[] = {
        { "one byte in the middle", 300, 301, 256, 511 },
        { "a block's last byte and the next one's first", 511, 513, 256, 767 },
        { "one whole block", 256, 512, 256, 511 },
        { "the file's last byte", FILE_SIZE - 1, FILE_SIZE, 1536, FILE_SIZE - 1 },
        { "the file's first byte", 0, 1, 0, 255 },
        { "into the last block", 1535, 1537, 1280, FILE_SIZE - 1 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        static struct world w;
        begin(&w, UINT32_MAX);
        ota_range_fetch(&w.r, rows[i].begin, rows[i].end);
        const struct ota_range_request request = ask(&w);
        CHECK_ROW(rows[i].why, request.first == rows[i].first && request.last == rows[i].last);
    }
}

static void idle_asks_for_nothing(void **state)
{
    (void)state;
    static struct world w;
    begin(&w, BLOCK);
    assert_true(ota_range_idle(&w.r));
    assert_silent(&w);
    assert_true(ota_range_deadline(&w.r) == OTA_NEVER);
    assert_int_equal(head(&w, 206, "bytes 0-255/1736"), OTA_E_UNEXPECTED);
    ota_range_ended(&w.r, w.now);
    assert_silent(&w);
    ota_range_renewed(&w.r);
    assert_silent(&w);
}

/* At any time, and whatever comes then. */
static void what_is_stopped_is_asked_for_no_more(void **state)
{
    (void)state;
    static struct world w;
    for (unsigned stage = 0; stage < 3; stage++) {
        begin(&w, BLOCK);
        ota_range_fetch(&w.r, 0, FILE_SIZE);
        if (stage > 0) {
            const struct ota_range_request request = ask(&w);
            assert_int_equal(stage > 1 ? partial(&w, request) : OTA_OK, OTA_OK);
        }
        ota_range_stop(&w.r);
        for (unsigned what = 0; what < 3; what++) {
            assert_true(ota_range_idle(&w.r));
            assert_true(ota_range_deadline(&w.r) == OTA_NEVER);
            assert_silent(&w);
            switch (what) {
            case 0: ota_range_stored(&w.r, 0); break;
            case 1: ota_range_ended(&w.r, w.now); break;
            default: ota_range_renewed(&w.r); break;
            }
        }
        assert_true(ota_range_idle(&w.r));
        assert_silent(&w);
        ota_range_fetch(&w.r, BLOCK, FILE_SIZE);
        assert_int_equal(ask(&w).first, BLOCK);
    }
}

static void one_request_is_open_at_a_time(void **state)
{
    (void)state;
    static struct world w;
    begin(&w, BLOCK);
    ota_range_fetch(&w.r, 0, FILE_SIZE);
    assert_true(ota_range_deadline(&w.r) == 0);
    (void)ask(&w);
    assert_silent(&w);
    const ota_ms_t deadline = ota_range_deadline(&w.r);
    assert_true(deadline >= MIN_MS / 2 && deadline <= MIN_MS);
    w.now = deadline - 1;
    assert_silent(&w);
}

/* --- answers ----------------------------------------------------------------------- */

static void takes_only_what_it_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        uint32_t status;
        const char *content_range;
        ota_err_t want;
    } rows[] = {
        { "what was asked", 206, "bytes 256-511/1736", OTA_OK },
        { "size unsaid", 206, "bytes 256-511/*", OTA_OK },
        { "no field", 206, "", OTA_E_RANGE },
        { "another unit", 206, "blocks 256-511/1736", OTA_E_RANGE },
        { "unit in capitals", 206, "Bytes 256-511/1736", OTA_E_RANGE },
        { "starts before", 206, "bytes 255-511/1736", OTA_E_RANGE },
        { "starts after", 206, "bytes 257-511/1736", OTA_E_RANGE },
        { "ends before", 206, "bytes 256-510/1736", OTA_E_RANGE },
        { "ends after", 206, "bytes 256-512/1736", OTA_E_RANGE },
        { "another file", 206, "bytes 256-511/1735", OTA_E_RANGE },
        { "a larger file", 206, "bytes 256-511/17360", OTA_E_RANGE },
        { "cut", 206, "bytes 256-511/", OTA_E_RANGE },
        { "text behind", 206, "bytes 256-511/1736 ", OTA_E_RANGE },
        { "text behind the asterisk", 206, "bytes 256-511/**", OTA_E_RANGE },
        { "leading zero", 206, "bytes 0256-511/1736", OTA_E_RANGE },
        { "unsatisfied form", 206, "bytes */1736", OTA_E_RANGE },
        { "the whole file, from its first byte", 200, "", OTA_E_RANGE },
        { "a redirect that was not followed", 302, "", OTA_E_RANGE },
        { "range not satisfiable", 416, "bytes */1736", OTA_E_RANGE },
        { "bad request", 400, "", OTA_E_RANGE },
        { "expired: not authorised", 401, "", OTA_E_NOT_FOUND },
        { "expired: forbidden", 403, "", OTA_E_NOT_FOUND },
        { "not found", 404, "", OTA_E_NOT_FOUND },
        { "gone", 410, "", OTA_E_NOT_FOUND },
        { "throttled", 429, "", OTA_E_BUSY },
        { "server error", 500, "", OTA_E_BUSY },
        { "unavailable", 503, "", OTA_E_BUSY },
        { "no status at all", 0, "", OTA_E_RANGE },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        static struct world w;
        begin(&w, BLOCK);
        ota_range_fetch(&w.r, BLOCK, FILE_SIZE);
        (void)ask(&w);
        const size_t len = strlen(rows[i].content_range);
        uint8_t *const text = t_exact(rows[i].content_range, len);
        const ota_err_t err =
            ota_range_on_head(&w.r, rows[i].status, (struct ota_span){ text, len }, w.now);
        free(text);
        CHECK_ROW(rows[i].why, err == rows[i].want);
        CHECK_ROW(rows[i].why, w.r.stats.refused == (err != OTA_OK ? 1u : 0u));
        if (err != OTA_OK) {
            assert_silent(&w); /* not at once, but again */
            w.now = ota_range_deadline(&w.r);
            CHECK_ROW(rows[i].why, w.now >= MIN_MS / 2 && w.now <= MIN_MS);
            assert_int_equal(ask(&w).first, BLOCK);
        }
    }
}

static void the_whole_file_is_taken_from_its_first_byte(void **state)
{
    (void)state;
    static struct world w;
    begin(&w, BLOCK);
    ota_range_fetch(&w.r, 0, FILE_SIZE);
    assert_int_equal(ask(&w).last, BLOCK - 1);
    assert_int_equal(head(&w, 200, ""), OTA_OK);
    body(&w, 0, FILE_SIZE, 1000);
    assert_true(ota_range_idle(&w.r));
    assert_memory_equal(w.flash, w.file, FILE_SIZE);
    assert_int_equal(w.r.stats.requests, 1);
}

static void of_a_whole_file_only_the_range_is_taken(void **state)
{
    (void)state;
    static struct world w;
    begin(&w, BLOCK);
    ota_range_fetch(&w.r, 0, BLOCK);
    (void)ask(&w);
    assert_int_equal(head(&w, 200, ""), OTA_OK);
    body(&w, 0, BLOCK, BLOCK);
    assert_true(ota_range_idle(&w.r));
    struct ota_span more = { w.file + BLOCK, BLOCK };
    struct ota_block block;
    assert_int_equal(ota_range_on_body(&w.r, &more, OTA_BUF_OF(w.room), &block, w.now),
                     OTA_E_UNEXPECTED);
    assert_int_equal(block.data.len, 0);
    assert_int_equal(more.len, BLOCK);
}

static void a_body_that_ends_early_costs_its_last_block(void **state)
{
    (void)state;
    for (uint32_t end = 0; end < FILE_SIZE; end++) {
        static struct world w;
        begin(&w, UINT32_MAX);
        ota_range_fetch(&w.r, 0, FILE_SIZE);
        assert_int_equal(partial(&w, ask(&w)), OTA_OK);
        body(&w, 0, end, 333);
        ota_range_ended(&w.r, w.now);
        assert_silent(&w);
        w.now = ota_range_deadline(&w.r);
        const struct ota_range_request again = ask(&w);
        assert_int_equal(again.first, end / BLOCK * BLOCK);
        respond(&w, again, 333);
        assert_true(ota_range_idle(&w.r));
        assert_memory_equal(w.flash, w.file, FILE_SIZE);
    }
}

static void a_body_that_is_too_long_is_refused(void **state)
{
    (void)state;
    static struct world w;
    begin(&w, BLOCK);
    ota_range_fetch(&w.r, 0, FILE_SIZE);
    assert_int_equal(partial(&w, ask(&w)), OTA_OK);
    uint8_t *const bytes = t_exact(w.file, BLOCK + 1);
    struct ota_span body = { bytes, BLOCK + 1 };
    struct ota_block block;
    assert_int_equal(ota_range_on_body(&w.r, &body, OTA_BUF_OF(w.room), &block, w.now),
                     OTA_E_TOO_LARGE);
    assert_int_equal(block.data.len, 0);
    assert_int_equal(w.r.stats.refused, 1);
    free(bytes);
    w.now = ota_range_deadline(&w.r);
    assert_int_equal(ask(&w).first, 0);
}

static void a_block_that_nobody_stored_is_asked_for_again(void **state)
{
    (void)state;
    static struct world w;
    begin(&w, 2 * BLOCK);
    ota_range_fetch(&w.r, 0, FILE_SIZE);
    assert_int_equal(partial(&w, ask(&w)), OTA_OK);
    struct ota_span body = { w.file, 2 * BLOCK };
    struct ota_block block;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(ota_range_on_body(&w.r, &body, OTA_BUF_OF(w.room), &block, w.now), OTA_OK);
        assert_int_equal(block.offset, i * BLOCK);
        assert_int_equal(block.data.len, BLOCK);
    }
    ota_range_stored(&w.r, BLOCK); /* the second before the first: it does not count */
    ota_range_ended(&w.r, w.now);
    w.now = ota_range_deadline(&w.r);
    assert_int_equal(ask(&w).first, 0);
}

static void a_piece_of_nothing_changes_nothing(void **state)
{
    (void)state;
    static struct world w;
    begin(&w, BLOCK);
    ota_range_fetch(&w.r, 0, FILE_SIZE);
    const struct ota_range_request request = ask(&w);
    assert_int_equal(partial(&w, request), OTA_OK);
    uint8_t *const nothing = t_exact("", 0);
    struct ota_span left = { nothing, 0 };
    struct ota_block block;
    assert_int_equal(ota_range_on_body(&w.r, &left, OTA_BUF_OF(w.room), &block, w.now), OTA_OK);
    assert_int_equal(block.data.len, 0);
    free(nothing);
    body(&w, request.first, request.last + 1, BLOCK);
    assert_int_equal(ask(&w).first, BLOCK);
}

static void what_is_stored_and_ended_when_nothing_is_open_does_not_count(void **state)
{
    (void)state;
    static struct world w;
    begin(&w, UINT32_MAX);
    ota_range_fetch(&w.r, 0, BLOCK);
    respond(&w, ask(&w), BLOCK);
    assert_true(ota_range_idle(&w.r));
    const struct ota_range_stats before = w.r.stats;
    ota_range_stored(&w.r, BLOCK); /* right behind the range */
    ota_range_ended(&w.r, w.now);
    assert_memory_equal(&w.r.stats, &before, sizeof before);
    assert_true(ota_range_idle(&w.r));
    assert_silent(&w);
}

static void a_response_that_ends_before_it_began_is_asked_for_again(void **state)
{
    (void)state;
    static struct world w;
    begin(&w, BLOCK);
    ota_range_fetch(&w.r, 0, FILE_SIZE);
    assert_int_equal(ask(&w).first, 0);
    ota_range_ended(&w.r, w.now);
    assert_silent(&w);
    ota_range_ended(&w.r, w.now); /* and no sooner for ending twice */
    w.now = ota_range_deadline(&w.r);
    assert_int_equal(ask(&w).first, 0);
}

/* --- time ---------------------------------------------------------------------------- */

static void silence_is_answered_by_asking_again_ever_more_slowly(void **state)
{
    (void)state;
    static struct world w;
    begin(&w, BLOCK);
    ota_range_fetch(&w.r, 0, FILE_SIZE);
    ota_ms_t longest = 0;
    for (unsigned i = 0; i < 40; i++) {
        assert_int_equal(ask(&w).first, 0);
        const ota_ms_t wait = ota_range_deadline(&w.r) - w.now;
        assert_true(wait <= MAX_MS);
        assert_true(i < 8 || wait >= MAX_MS / 2);
        longest = wait > longest ? wait : longest;
        w.now += wait;
    }
    assert_true(longest > MAX_MS / 2);
    assert_int_equal(w.r.stats.silences, 39);
}

static void bytes_end_the_silence(void **state)
{
    (void)state;
    static struct world w;
    begin(&w, UINT32_MAX);
    ota_range_fetch(&w.r, 0, FILE_SIZE);
    for (unsigned i = 0; i < 10; i++) {
        (void)ask(&w);
        w.now = ota_range_deadline(&w.r);
    }
    assert_int_equal(partial(&w, ask(&w)), OTA_OK);
    for (uint32_t at = 0; at < FILE_SIZE; at++) { /* a byte every half second: slow, not silent */
        body(&w, at, at + 1, 1);
        assert_true(ota_range_idle(&w.r) || ota_range_deadline(&w.r) - w.now <= MIN_MS);
        w.now += MIN_MS / 2 - 1;
        if (!ota_range_idle(&w.r)) {
            assert_silent(&w);
        }
    }
    assert_true(ota_range_idle(&w.r));
    assert_memory_equal(w.flash, w.file, FILE_SIZE);
}

/* Once is bad luck. */
static void an_answer_that_falls_silent_again_and_again_is_asked_for_ever_more_slowly(void **state)
{
    (void)state;
    static struct world w;
    begin(&w, UINT32_MAX);
    ota_range_fetch(&w.r, 0, FILE_SIZE);
    assert_int_equal(partial(&w, ask(&w)), OTA_OK);
    w.now = ota_range_deadline(&w.r);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(partial(&w, ask(&w)), OTA_OK);
        w.now = ota_range_deadline(&w.r);
        assert_silent(&w);
        const ota_ms_t wait = ota_range_deadline(&w.r) - w.now;
        assert_true(wait > 0 && wait <= MAX_MS);
        assert_true(i < 8 || wait >= MAX_MS / 2);
        w.now += wait - 1;
        assert_silent(&w);
        w.now++;
    }
    assert_int_equal(w.r.stats.silences, 21);
    respond(&w, ask(&w), 64);
    assert_true(ota_range_idle(&w.r));
    assert_memory_equal(w.flash, w.file, FILE_SIZE);
}

static void a_new_url_is_used_at_once(void **state)
{
    (void)state;
    static struct world w;
    begin(&w, UINT32_MAX);
    ota_range_fetch(&w.r, 0, FILE_SIZE);
    assert_int_equal(partial(&w, ask(&w)), OTA_OK);
    body(&w, 0, 700, 700);
    ota_range_ended(&w.r, w.now);
    w.now = ota_range_deadline(&w.r);
    (void)ask(&w);
    assert_int_equal(head(&w, 403, ""), OTA_E_NOT_FOUND);
    assert_silent(&w);
    ota_range_renewed(&w.r);
    assert_true(ota_range_deadline(&w.r) == 0);
    const struct ota_range_request again = ask(&w);
    assert_int_equal(again.first, 512);
    respond(&w, again, 64);
    assert_memory_equal(w.flash, w.file, FILE_SIZE);
}

/* Whatever a server does, the file that ends up here is the file, and each request brings it on or waits. */
static void any_server_ends_with_the_file(void **state)
{
    (void)state;
    uint32_t x = 20260131;
    print_message("seed %u\n", (unsigned)x);
    for (unsigned round = 0; round < 2000; round++) {
        static struct world w;
        begin(&w, t_random(&x) % 2 == 0 ? UINT32_MAX : BLOCK * (1 + t_random(&x) % 4));
        ota_range_fetch(&w.r, 0, FILE_SIZE);
        for (unsigned i = 0; i < 1000 && !ota_range_idle(&w.r); i++) {
            w.now = ota_range_deadline(&w.r) > w.now ? ota_range_deadline(&w.r) : w.now;
            const struct ota_range_request request = ask(&w);
            switch (t_random(&x) % 6) {
            case 0: break;
            case 1: assert_int_equal(head(&w, 503, ""), OTA_E_BUSY); break;
            case 2: respond(&w, request, 1 + t_random(&x) % 600); break;
            default:
                assert_int_equal(partial(&w, request), OTA_OK);
                const uint32_t len = t_random(&x) % (request.last - request.first + 2u);
                body(&w, request.first, request.first + len, 1 + t_random(&x) % 300);
                ota_range_ended(&w.r, w.now);
                break;
            }
        }
        assert_true(ota_range_idle(&w.r));
        assert_memory_equal(w.flash, w.file, FILE_SIZE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_for_the_file_in_requests_of_its_size),
        cmocka_unit_test(pieces_of_any_size_make_the_same_blocks),
        cmocka_unit_test(a_range_is_of_whole_blocks),
        cmocka_unit_test(idle_asks_for_nothing),
        cmocka_unit_test(what_is_stopped_is_asked_for_no_more),
        cmocka_unit_test(one_request_is_open_at_a_time),
        cmocka_unit_test(takes_only_what_it_asked_for),
        cmocka_unit_test(the_whole_file_is_taken_from_its_first_byte),
        cmocka_unit_test(of_a_whole_file_only_the_range_is_taken),
        cmocka_unit_test(a_body_that_ends_early_costs_its_last_block),
        cmocka_unit_test(a_body_that_is_too_long_is_refused),
        cmocka_unit_test(a_block_that_nobody_stored_is_asked_for_again),
        cmocka_unit_test(a_piece_of_nothing_changes_nothing),
        cmocka_unit_test(what_is_stored_and_ended_when_nothing_is_open_does_not_count),
        cmocka_unit_test(a_response_that_ends_before_it_began_is_asked_for_again),
        cmocka_unit_test(silence_is_answered_by_asking_again_ever_more_slowly),
        cmocka_unit_test(bytes_end_the_silence),
        cmocka_unit_test(an_answer_that_falls_silent_again_and_again_is_asked_for_ever_more_slowly),
        cmocka_unit_test(a_new_url_is_used_at_once),
        cmocka_unit_test(any_server_ends_with_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
