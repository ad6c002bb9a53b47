/*
 * Updates over HTTP ranges: the device's real code and the provider's real domain, with a server that
 * answers as it should, or as servers do that should not.
 */
#include "ota/fetched.h"
#include "workflow_world.h"

#define MINUTE_MS (60u * 1000u)
#define BOTH      "MQTT\",\"HTTP"

static struct sim_image *v1, *v2;

static int begin(void **ctx)
{
    (void)ctx;
    v1 = image_of(0, 1, SIM_GOOD);
    v2 = image_of(1, 1, SIM_GOOD);
    return 0;
}

static int end(void **ctx)
{
    (void)ctx;
    close_world();
    sim_image_free(v1);
    sim_image_free(v2);
    return 0;
}

static void open_http(enum sim_http http, uint32_t request_bytes)
{
    struct sim_cfg cfg = sim_cfg_default();
    cfg.http = http;
    cfg.request_bytes = request_bytes;
    open_world(&cfg, v1);
}

static void deploy_over(const char *protocols)
{
    sim_deploy_over(&world, "j", v2, protocols);
}

static void expect_success(void)
{
    settle();
    assert_int_equal(sim_status(&world, "j", NULL), OTA_JOB_SUCCEEDED);
    assert_ptr_equal(sim_running(&world), v2);
}

/* --- when all is well -------------------------------------------------------------------- */

static void ranges_of_any_size_bring_an_image(void **ctx)
{
    /* clang-format off */
    static const struct { const char *why; uint32_t bytes, fetches_max; } rows[] = {
        { "head, tail, and all the rest in one", 0,     3 },
        { "block by block",                    512,    20 },
        { "less than a block is a block",        1,    20 },
        { "rounded down to whole blocks",     1535,    12 },
        { "more than there is",             100000,     3 },
    };
    /* clang-format on */
    (void)ctx;
    for (size_t i = 0; i < COUNT(rows); i++) {
        open_http(SIM_HTTP_ONLY, rows[i].bytes);
        deploy_over("HTTP");
        expect_success();
        assert_true(world.fetches <= rows[i].fetches_max);
        /* head and tail are fetched twice, nothing else is */
        assert_true(world.fetch_bytes <= v2->size + 3u * 512u);
        assert_int_equal(world.fetch_stops, 0);
        assert_int_equal(world.stream_messages, 0);
        if (i + 1 < COUNT(rows)) {
            close_world();
        }
    }
}

static void what_the_device_prefers_is_taken_if_the_job_offers_it(void **ctx)
{
    /* clang-format off */
    static const struct { const char *why; enum sim_http device; const char *job; bool http; } rows[] = {
        { "both and both: as the device likes",  SIM_HTTP_FIRST, BOTH,               true },
        { "the order in the job says nothing",   SIM_HTTP_FIRST, "HTTP\",\"MQTT",    true },
        { "both and both: as the device likes",  SIM_HTTP_LAST,  BOTH,               false },
        { "the job has no stream",               SIM_HTTP_LAST,  "HTTP",             true },
        { "the job has no URL that counts",      SIM_HTTP_FIRST, "MQTT",             false },
        { "a device without HTTP",               SIM_NO_HTTP,    BOTH,               false },
        { "a device without streams",            SIM_HTTP_ONLY,  BOTH,               true },
    };
    /* clang-format on */
    (void)ctx;
    for (size_t i = 0; i < COUNT(rows); i++) {
        open_http(rows[i].device, 0);
        deploy_over(rows[i].job);
        expect_success();
        assert_int_equal(world.fetches > 0, rows[i].http);
        assert_int_equal(world.stream_messages == 0, rows[i].http);
        if (i + 1 < COUNT(rows)) {
            close_world();
        }
    }
}

static void a_job_whose_protocols_are_not_ours_is_refused_by_name(void **ctx)
{
    /* clang-format off */
    static const struct { enum sim_http device; const char *job; } rows[] = {
        { SIM_NO_HTTP,   "HTTP" },
        { SIM_HTTP_ONLY, "MQTT" },
        { SIM_HTTP_LAST, "COAP" },
    };
    /* clang-format on */
    (void)ctx;
    for (size_t i = 0; i < COUNT(rows); i++) {
        open_http(rows[i].device, 0);
        deploy_over(rows[i].job);
        settle();
        assert_int_equal(sim_status(&world, "j", NULL), OTA_JOB_REJECTED);
        expect_reason("j", "no protocol that this device speaks");
        if (i + 1 < COUNT(rows)) {
            close_world();
        }
    }
}

/* --- URLs ---------------------------------------------------------------------------------------- */

/* The document of v2 with this URL (NULL: none), over these protocols. */
static void deploy_url(const char *protocols, const char *url, size_t len)
{
    static char text[4096], plain[1024];
    sim_document("j", v2, plain, sizeof plain);
    const char *const files = strstr(plain, "\"files\":[{");
    assert_non_null(files);
    const int n =
        snprintf(text, sizeof text,
                 "{\"afr_ota\":{\"protocols\":[\"%s\"],\"streamname\":\"j\",\"files\":[{%s%.*s%s%s",
                 protocols, url != NULL ? "\"update_data_url\":\"" : "", (int)len,
                 url != NULL ? url : "", url != NULL ? "\"," : "", files + strlen("\"files\":[{"));
    assert_true(n > 0 && (size_t)n < sizeof text);
    sim_deploy_document(&world, "j", v2, text);
}

static void an_url_is_taken_up_to_its_limit(void **ctx)
{
    static char url[OTA_URL_MAX + 1u];
    (void)ctx;
    memset(url, 'u', sizeof url);
    memcpy(url, "https://sim/", strlen("https://sim/"));
    /* clang-format off */
    const struct { const char *why, *url; size_t len; bool http; } rows[] = {
        { "none",                  NULL,                       0,                false },
        { "empty",                 "",                         0,                false },
        { "one byte below",        url,                        OTA_URL_MAX - 1u, true },
        { "as long as may be",     url,                        OTA_URL_MAX,      true },
        { "one byte too long",     url,                        OTA_URL_MAX + 1u, false },
        { "with an escape",        "https:\\/\\/sim\\u002fj",  23,               true },
        { "with a space",          "https://sim/a b",          15,               false },
        { "with a line's end",     "https://sim/a\\r\\nX: y",  22,               false },
        { "with a letter of UTF-8", "https://sim/\xc3\xa4",    14,               false },
        { "with a DEL",            "https://sim/\x7f",         13,               false },
    };
    /* clang-format on */
    for (size_t i = 0; i < COUNT(rows); i++) {
        open_http(SIM_HTTP_FIRST, 0);
        deploy_url(BOTH, rows[i].url, rows[i].len);
        expect_success();
        if ((world.fetches > 0) != rows[i].http) {
            fail_msg("%s", rows[i].why);
        }
        if (i + 1 < COUNT(rows)) {
            close_world();
        }
    }
}

/* --- servers that do not do as they should -------------------------------------------------------- */

static struct {
    uint32_t from, count;  /* of the requests: which are answered wrongly; counted from 0 */
    struct sim_response r; /* as the right one is, but: */
    enum body { AS_IT_IS, SHORT, LONG, LESS, SHIFTED, OTHER_SIZE, WHOLE, EARLY_END } bytes;
} wrong;

static bool answer_wrongly(struct sim *s, const struct ota_effect *fetch)
{
    static uint8_t longer[20000];
    const uint32_t n = s->fetches - 1u;
    struct sim_response r = sim_right_answer(fetch, v2);
    if (n < wrong.from || n - wrong.from >= wrong.count) {
        return false;
    }
    r.status = wrong.r.status != 0 ? wrong.r.status : r.status;
    r.content_range = wrong.r.content_range;
    r.hangs = wrong.r.hangs;
    r.piece = wrong.r.piece != 0 ? wrong.r.piece : r.piece;
    switch (wrong.bytes) {
    case AS_IT_IS: break;
    case SHORT: r.body.len--; break;
    case EARLY_END: r.body.len = r.body.len / 2u; break;
    case LESS: r.last--, r.body.len--; break;
    case SHIFTED: r.first++; break;
    case OTHER_SIZE: r.size++; break;
    case LONG:
        memcpy(longer, r.body.ptr, r.body.len);
        r.body = (struct ota_span){ longer, r.body.len + 1u };
        break;
    case WHOLE: r.body = (struct ota_span){ v2->bytes, v2->size }; break;
    }
    if (wrong.r.status == 403 || wrong.r.status == 416 || wrong.r.status >= 500) {
        r.body = OTA_SPAN_LIT("<Error/>");
    }
    sim_respond(s, fetch, &r);
    return true;
}

/* What a server may do wrong; `stops`: the device breaks the transfer off. */
/* clang-format off */
static const struct row {
    const char *why;
    uint32_t status;
    const char *content_range;
    enum body bytes;
    bool hangs, stops;
} faults[] = {
    { "200 with the whole file",          200, "",                  WHOLE,      false, true },
    { "416",                              416, "bytes */1",         AS_IT_IS,   false, true },
    { "206 without a Content-Range",      206, "",                  AS_IT_IS,   false, true },
    { "206 with another unit",            206, "lines 0-511/9000",  AS_IT_IS,   false, true },
    { "206 for fewer bytes",              206, NULL,                LESS,       false, true },
    { "206 for bytes that begin later",   206, NULL,                SHIFTED,    false, true },
    { "206 of a file of another size",    206, NULL,                OTHER_SIZE, false, true },
    { "redirected by the server",         302, "",                  AS_IT_IS,   false, true },
    { "404",                              404, "",                  AS_IT_IS,   false, true },
    { "429",                              429, "",                  AS_IT_IS,   false, true },
    { "503",                              503, "",                  AS_IT_IS,   false, true },
    { "one byte less than promised",      206, NULL,                SHORT,      false, false },
    { "half of what was promised",        206, NULL,                EARLY_END,  false, false },
    { "half, and then nothing",           206, NULL,                EARLY_END,  true,  false },
    { "one byte more than promised",      206, NULL,                LONG,       false, true },
};
/* clang-format on */

static void serve_wrongly(const struct row *f, uint32_t from, uint32_t count)
{
    memset(&wrong, 0, sizeof wrong);
    wrong.from = from;
    wrong.count = count;
    wrong.r.status = f->status;
    wrong.r.content_range = f->content_range;
    wrong.r.hangs = f->hangs;
    wrong.bytes = f->bytes;
    world.on_fetch = answer_wrongly;
}

/* Each fault once, at the head, the tail, and in the middle. */
static void one_wrong_answer_costs_a_request_never_the_job(void **ctx)
{
    (void)ctx;
    bool first = true;
    for (size_t i = 0; i < COUNT(faults); i++) {
        for (uint32_t at = 0; at < 4; at++) {
            if (!first) {
                close_world();
            }
            first = false;
            open_http(SIM_HTTP_ONLY, 4096);
            serve_wrongly(&faults[i], at, 1);
            deploy_over("HTTP");
            expect_success();
            assert_true(world.now < 5u * MINUTE_MS);
        }
    }
}

/* Each for ever: the other protocol does it. */
static void a_server_that_is_asked_in_vain_is_left_for_the_stream(void **ctx)
{
    (void)ctx;
    for (size_t i = 0; i < COUNT(faults); i++) {
        for (uint32_t at = 0; at < 4; at += 3) {
            open_http(SIM_HTTP_FIRST, 4096);
            serve_wrongly(&faults[i], at, UINT32_MAX);
            deploy_over(BOTH);
            expect_success();
            if (world.stream_messages == 0 || world.fetches > 16 ||
                (faults[i].stops && world.fetch_stops == 0)) {
                fail_msg("%s: %u fetches, %u broken off, %u blocks over MQTT", faults[i].why,
                         (unsigned)world.fetches, (unsigned)world.fetch_stops,
                         (unsigned)world.stream_messages);
            }
            if (i + 1 < COUNT(faults) || at == 0) {
                close_world();
            }
        }
    }
}

/* No other protocol: it is asked on for ever, ever more seldom, and once it serves, all is well. */
static void without_another_protocol_it_never_stops_asking(void **ctx)
{
    (void)ctx;
    for (size_t i = 0; i < COUNT(faults); i++) {
        open_http(SIM_HTTP_ONLY, 4096);
        serve_wrongly(&faults[i], 1, UINT32_MAX);
        deploy_over("HTTP");
        assert_true(sim_run(&world, world.now + 24u * 60u * MINUTE_MS));
        const uint32_t asked = world.fetches;
        /* the longest wait is a minute here */
        if (asked < 24u * 60u || asked > 3u * 24u * 60u) {
            fail_msg("%s: %u fetches in a day", faults[i].why, (unsigned)asked);
        }
        world.on_fetch = NULL;
        expect_success();
        if (i + 1 < COUNT(faults)) {
            close_world();
        }
    }
}

static bool drop_stream(struct sim *s, enum sim_direction to, struct ota_span topic,
                        struct ota_span payload)
{
    (void)s;
    (void)payload;
    char text[OTA_TOPIC_MAX + 1];
    memcpy(text, topic.ptr, topic.len);
    text[topic.len] = '\0';
    return to != SIM_TO_DEVICE || strstr(text, "/streams/") == NULL;
}

/* A source of the application's own, which is offered everything and can begin nothing. */
static bool take_all(struct ota_source *s, const struct ota_jobdoc *doc,
                     const struct ota_jobdoc_file *file)
{
    (void)doc;
    (void)file;
    s->offered = true;
    return true;
}

static ota_err_t begin_nothing(struct ota_source *s, union ota_source_room *room,
                               const struct ota_fetch *fetch)
{
    (void)s;
    (void)room;
    (void)fetch;
    return OTA_E_RANGE;
}

static bool poll_nothing(struct ota_source *s, ota_ms_t now, const struct ota_scratch *scratch,
                         struct ota_effect *effect)
{
    (void)s;
    (void)now;
    (void)scratch;
    (void)effect;
    return false;
}

static ota_ms_t never(const struct ota_source *s)
{
    (void)s;
    return OTA_NEVER;
}

static const struct ota_source_ops source_of_nothing = {
    .protocol = OTA_PROTOCOL_HTTP,
    .take = take_all,
    .begin = begin_nothing,
    .poll = poll_nothing,
    .deadline = never,
};

static void a_source_that_cannot_begin_is_left_for_another(void **ctx)
{
    struct ota_source first = { .ops = &source_of_nothing }, last = { .ops = &source_of_nothing };
    (void)ctx;
    open_http(SIM_HTTP_ONLY, 0);
    first.next = world.device.o.cfg.source;
    first.next->next = &last;
    world.device.o.cfg.source = &first;
    serve_wrongly(&faults[0], 1, 10); /* until it is left for what cannot begin */
    deploy_over(BOTH);
    expect_success();
}

static void a_job_that_no_source_can_begin_fails_and_erases_nothing(void **ctx)
{
    struct ota_source only = { .ops = &source_of_nothing };
    (void)ctx;
    open_http(SIM_NO_HTTP, 0);
    world.device.o.cfg.source = &only;
    deploy_over(BOTH);
    settle();
    assert_int_equal(sim_status(&world, "j", NULL), OTA_JOB_REJECTED);
    expect_reason("j", "OTA_E_JOB_DOCUMENT");
    assert_int_equal(most_erases(&world.layout.slot[OTA_SLOT_B]), 0);
    assert_int_equal(state(), OTA_JOURNAL_NONE);
}

static void a_stream_that_is_silent_is_left_for_http(void **ctx)
{
    (void)ctx;
    open_http(SIM_HTTP_LAST, 0);
    world.on_wire = drop_stream;
    deploy_over(BOTH);
    expect_success();
    assert_true(world.fetches > 0);
    assert_true(world.now < 10u * MINUTE_MS);
}

static void a_stream_that_is_gone_is_left_for_http(void **ctx)
{
    (void)ctx;
    open_http(SIM_HTTP_LAST, 0);
    deploy_over(BOTH);
    run_to(OTA_JOURNAL_RECEIVING);
    world.on_wire = drop_stream;
    for (unsigned i = 0; world.fetches <= 2 && i < 200; i++) {
        sim_say(&world, 0, OTA_SPAN_LIT("$aws/things/" SIM_THING "/streams/j/rejected/cbor"),
                OTA_SPAN_LIT("\xa2\x61o\x70ResourceNotFound\x61mgone"));
        (void)sim_run(&world, world.now + 1000u);
    }
    expect_success();
    assert_true(world.fetches > 0);
}

/* Both bad for a day: they take turns, flash is not worn, and when one recovers it is used. */
static void two_bad_protocols_take_turns_and_wear_nothing_out(void **ctx)
{
    (void)ctx;
    open_http(SIM_HTTP_FIRST, 512);
    deploy_over(BOTH);
    run_to_received(4);
    uint32_t before = 0, after = 0;
    for (uint32_t i = 0; i < world.flash.base.size / world.cfg.sector_size; i++) {
        before += world.flash.erases[i];
    }
    world.on_wire = drop_stream;
    serve_wrongly(&faults[0], 0, UINT32_MAX);
    assert_true(sim_run(&world, world.now + 24u * 60u * MINUTE_MS));
    for (uint32_t i = 0; i < world.flash.base.size / world.cfg.sector_size; i++) {
        after += world.flash.erases[i];
    }
    assert_true(after - before < 200);
    world.on_wire = NULL;
    expect_success();
    assert_true(world.stream_messages > 0);
}

/* --- URLs that expire ------------------------------------------------------------------------------ */

#define NUMBERED "https://sim/j?000"

static struct {
    unsigned documents;  /* sent so far: each has a URL of its own */
    unsigned good_from;  /* the first of them whose URL the server takes */
    uint32_t expires_at; /* from this request on; the first is 0 */
} urls;

/* A provider makes the URL when it sends the document. */
static bool number_urls(struct sim *s, enum sim_direction to, struct ota_span topic,
                        struct ota_span payload)
{
    static char text[4096];
    if (to != SIM_TO_DEVICE || payload.len >= sizeof text) {
        return true;
    }
    memcpy(text, payload.ptr, payload.len);
    text[payload.len] = '\0';
    char *const at = strstr(text, NUMBERED);
    if (at == NULL) {
        return true;
    }
    urls.documents++;
    char digits[4];
    (void)snprintf(digits, sizeof digits, "%03u", urls.documents % 1000u);
    memcpy(at + strlen(NUMBERED) - 3u, digits, 3);
    sim_say(s, s->cfg.latency_ms, topic, ota_span_of_str(text));
    return false;
}

static bool deny_old_urls(struct sim *s, const struct ota_effect *fetch)
{
    const struct ota_span url = fetch->as.fetch.url;
    assert_int_equal(url.len, strlen(NUMBERED));
    const unsigned number = (unsigned)strtoul((const char *)url.ptr + url.len - 3u, NULL, 10);
    if (s->fetches <= urls.expires_at || number >= urls.good_from) {
        return false;
    }
    struct sim_response r = sim_right_answer(fetch, v2);
    r.status = 403;
    r.content_range = "";
    r.body = OTA_SPAN_LIT("<Error><Code>AccessDenied</Code></Error>");
    sim_respond(s, fetch, &r);
    return true;
}

static void open_expiring(enum sim_http http, const char *protocols, unsigned good_from,
                          uint32_t expires_at)
{
    memset(&urls, 0, sizeof urls);
    urls.good_from = good_from;
    urls.expires_at = expires_at;
    open_http(http, 1024);
    world.on_wire = number_urls;
    world.on_fetch = deny_old_urls;
    deploy_url(protocols, NUMBERED, strlen(NUMBERED));
}

/* At the head, at the tail, and in the middle: one request more and one question, nothing is erased or fetched twice. */
static void an_expired_url_is_had_anew_through_the_job(void **ctx)
{
    (void)ctx;
    for (uint32_t at = 0; at < 6; at++) {
        open_expiring(SIM_HTTP_ONLY, "HTTP", 2, at);
        expect_success();
        assert_int_equal(urls.documents, 2);
        assert_true(world.fetch_bytes <= v2->size + 3u * 512u);
        assert_true(world.now < MINUTE_MS);
        if (at < 5) {
            close_world();
        }
    }
}

#define SHORT_LIVED_MS 900u
static ota_ms_t newest_at; /* when the newest URL was made */

static bool number_and_time(struct sim *s, enum sim_direction to, struct ota_span topic,
                            struct ota_span payload)
{
    const unsigned before = urls.documents;
    const bool passes = number_urls(s, to, topic, payload);
    newest_at = urls.documents > before ? s->now : newest_at;
    return passes;
}

/* The server is away for two requests in the middle; and no URL lives for long. */
static bool away_and_hasty(struct sim *s, const struct ota_effect *fetch)
{
    struct sim_response r = sim_right_answer(fetch, v2);
    if (s->fetches == 4 || s->fetches == 5) {
        r.status = 0;
    } else if (s->now > newest_at + SHORT_LIVED_MS) {
        r.status = 403;
        r.content_range = "";
        r.body = OTA_SPAN_NONE;
    }
    sim_respond(s, fetch, &r);
    return true;
}

/* However long the back-off has become: a new URL is used before it expires too. */
static void a_new_url_is_used_at_once_also_after_faults(void **ctx)
{
    (void)ctx;
    open_expiring(SIM_HTTP_ONLY, "HTTP", 0, 0);
    world.on_wire = number_and_time;
    world.on_fetch = away_and_hasty;
    newest_at = world.now;
    assert_true(sim_run(&world, world.now + MINUTE_MS));
    assert_in_range(urls.documents, 2, 3); /* the download itself may outlive a second one */
    expect_success();
}

static void urls_that_never_serve_are_left_for_the_stream(void **ctx)
{
    (void)ctx;
    open_expiring(SIM_HTTP_FIRST, BOTH, UINT32_MAX, 3);
    expect_success();
    assert_true(world.stream_messages > 0);
    assert_true(world.fetches <= 8);
}

/* No stream: the job is asked for ever more seldom, and nothing is worn out. */
static void urls_that_never_serve_are_no_reason_to_hurry(void **ctx)
{
    (void)ctx;
    open_expiring(SIM_HTTP_ONLY, "HTTP", UINT32_MAX, 3);
    assert_true(sim_run(&world, world.now + 6u * 60u * MINUTE_MS));
    assert_in_range(urls.documents, 6u * 60u, 2u * 6u * 60u + 16u);
    const uint32_t slot = world.layout.slot[OTA_SLOT_B].offset / world.cfg.sector_size;
    assert_true(world.flash.erases[slot + 10u] <= 3);
    urls.good_from = 0;
    expect_success();
}

/* --- power and link ------------------------------------------------------------------------------------ */

static void after_a_reset_it_goes_on_at_the_mark(void **ctx)
{
    (void)ctx;
    open_http(SIM_HTTP_ONLY, 1024);
    deploy_over("HTTP");
    run_to_received(8);
    const uint32_t before = world.fetch_bytes;
    sim_boot(&world);
    expect_success();
    /* at most a mark's interval and one request twice */
    assert_true(world.fetch_bytes - before < v2->size - 8u * 512u + 2u * 1024u + 512u);
}

static void a_link_that_goes_and_comes_costs_what_was_under_way(void **ctx)
{
    (void)ctx;
    open_http(SIM_HTTP_ONLY, 0);
    deploy_over("HTTP");
    run_to_received(5);
    sim_link(&world, false);
    (void)sim_run(&world, world.now + MINUTE_MS);
    sim_link(&world, true);
    expect_success();
    assert_true(world.now < 10u * MINUTE_MS);
}

/* MQTT is away: what has begun over HTTP goes on. */
static bool drop_mqtt(struct sim *s, enum sim_direction to, struct ota_span topic,
                      struct ota_span payload)
{
    (void)s, (void)to, (void)topic, (void)payload;
    return false;
}

static void a_download_goes_on_while_the_broker_is_away(void **ctx)
{
    (void)ctx;
    open_http(SIM_HTTP_ONLY, 512);
    deploy_over("HTTP");
    run_to(OTA_JOURNAL_RECEIVING);
    world.on_wire = drop_mqtt;
    ota_orchestrator_link_down(&world.device.o);
    (void)sim_run(&world, world.now + 10u * MINUTE_MS);
    assert_ptr_equal(sim_running(&world), v2);
    world.on_wire = NULL;
    ota_orchestrator_link_up(&world.device.o);
    expect_success();
}

static void a_cancel_breaks_the_transfer_off(void **ctx)
{
    (void)ctx;
    open_http(SIM_HTTP_ONLY, 0);
    serve_wrongly(&(const struct row){ .bytes = EARLY_END, .hangs = true }, 2, 1);
    deploy_over("HTTP");
    run_to_received(3);
    sim_cancel(&world, "j");
    settle();
    assert_int_equal(state(), OTA_JOURNAL_NONE);
    assert_int_equal(world.fetch_stops, 1);
    assert_int_equal(world.fetches, 3);
    assert_ptr_equal(sim_running(&world), v1);
}

/* The transfer is broken off, nothing is asked for, and what is here stays. */
static void suspended_it_fetches_nothing_and_then_goes_on(void **ctx)
{
    (void)ctx;
    open_http(SIM_HTTP_ONLY, 0);
    deploy_over("HTTP");
    run_to_received(6);
    say(OTA_COMMAND_SUSPEND);
    sim_link(&world, false);
    sim_link(&world, true);
    assert_true(sim_run(&world, world.now + 60u * MINUTE_MS));
    assert_int_equal(world.fetches, 3);
    assert_int_equal(world.fetch_stops, 1);
    assert_int_equal(state(), OTA_JOURNAL_RECEIVING);
    const uint32_t received = world.device.o.received;
    say(OTA_COMMAND_RESUME);
    settle();
    assert_int_equal(world.fetches, 4);
    assert_true(world.fetch_bytes <= 2u * v2->size - received * 512u + 3u * 512u);
    expect_success();
}

static void say_all_of_the_open_transfer(void)
{
    struct ota_orchestrator *const o = &world.device.o;
    const uint32_t open = world.device.range.transfer;
    ota_orchestrator_fetched_head(o, open, 403, OTA_SPAN_NONE, world.now);
    ota_orchestrator_fetched_body(o, open, OTA_SPAN_LIT("bytes"), world.now);
    ota_orchestrator_fetched_ended(o, open, world.now);
}

/* Before the client knows that it is broken off. */
static void suspended_or_without_flash_it_hears_nothing(void **ctx)
{
    (void)ctx;
    open_http(SIM_HTTP_ONLY, 0);
    deploy_over("HTTP");
    run_to_received(6);
    const uint32_t heard = world.device.o.stats.messages;
    say(OTA_COMMAND_SUSPEND);
    say_all_of_the_open_transfer();
    assert_int_equal(world.device.o.stats.messages, heard);
    say(OTA_COMMAND_RESUME);
    run_to_received(8);
    world.flash.broken_write = world.layout.journal;
    while (!world.device.o.halted) {
        assert_true(sim_run(&world, world.now + 1));
    }
    const uint32_t before = world.device.o.stats.messages;
    say_all_of_the_open_transfer();
    assert_int_equal(world.device.o.stats.messages, before);
    world.flash.broken_write.size = 0;
    sim_boot(&world);
    expect_success();
}

/* --- what nobody asked for ------------------------------------------------------------------------------ */

static void what_belongs_to_no_open_transfer_changes_nothing(void **ctx)
{
    (void)ctx;
    open_http(SIM_HTTP_ONLY, 1024);
    deploy_over("HTTP");
    run_to_received(4);
    const struct ota_orchestrator_stats stats = world.device.o.stats;
    const uint32_t open = world.device.range.transfer;
    for (uint32_t transfer = open - 1u; transfer != open + 3u; transfer++) {
        if (transfer == open) {
            continue;
        }
        ota_orchestrator_fetched_head(&world.device.o, transfer, 403, OTA_SPAN_NONE, world.now);
        ota_orchestrator_fetched_body(&world.device.o, transfer, OTA_SPAN_LIT("late"), world.now);
        ota_orchestrator_fetched_ended(&world.device.o, transfer, world.now);
    }
    assert_int_equal(world.device.o.stats.refused, stats.refused);
    assert_int_equal(world.device.o.stats.blocks, stats.blocks);
    expect_success();
    assert_int_equal(world.fetch_stops, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        T(ranges_of_any_size_bring_an_image),
        T(what_the_device_prefers_is_taken_if_the_job_offers_it),
        T(a_job_whose_protocols_are_not_ours_is_refused_by_name),
        T(an_url_is_taken_up_to_its_limit),
        T(one_wrong_answer_costs_a_request_never_the_job),
        T(a_server_that_is_asked_in_vain_is_left_for_the_stream),
        T(without_another_protocol_it_never_stops_asking),
        T(a_source_that_cannot_begin_is_left_for_another),
        T(a_job_that_no_source_can_begin_fails_and_erases_nothing),
        T(a_stream_that_is_silent_is_left_for_http),
        T(a_stream_that_is_gone_is_left_for_http),
        T(two_bad_protocols_take_turns_and_wear_nothing_out),
        T(an_expired_url_is_had_anew_through_the_job),
        T(a_new_url_is_used_at_once_also_after_faults),
        T(urls_that_never_serve_are_left_for_the_stream),
        T(urls_that_never_serve_are_no_reason_to_hurry),
        T(after_a_reset_it_goes_on_at_the_mark),
        T(a_link_that_goes_and_comes_costs_what_was_under_way),
        T(a_download_goes_on_while_the_broker_is_away),
        T(a_cancel_breaks_the_transfer_off),
        T(suspended_it_fetches_nothing_and_then_goes_on),
        T(suspended_or_without_flash_it_hears_nothing),
        T(what_belongs_to_no_open_transfer_changes_nothing),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
