/* Streams over a real broker: the bytes, who gets them, in whose turn. */
#define _GNU_SOURCE
#include "house.h"
#include "ota/cbor.h"
#include "t.h"
#include <signal.h>
#include <sys/wait.h>

#define S "$aws/things/t/streams/s/"

/* 64 blocks of 4096 and a rest. */
enum { FILE_SIZE = 64 * 4096 + 100 };

static int open_house(void **state)
{
    struct house *h = calloc(1, sizeof *h);
    house_open(h);
    assert_true(house_order(h, "thing t"));
    assert_true(house_order(h, "thing u"));
    assert_true(house_order(h, "artifact %d s", FILE_SIZE));
    assert_true(house_order(h, "job j s t"));
    *state = h;
    return 0;
}

static int close_house(void **state)
{
    house_close(*state);
    free(*state);
    return 0;
}

struct block {
    uint64_t file, number, len;
    struct ota_span payload, token;
};

static struct block from_cbor(const struct message *m)
{
    struct block b = { .token = OTA_SPAN_NONE };
    struct ota_cbor c = ota_cbor((struct ota_span){ m->payload, m->len });
    struct ota_cbor_map map = ota_cbor_map(&c);
    struct ota_span key;
    while (ota_cbor_next_key(&c, &map, &key)) {
        switch (key.ptr[0]) {
        case 'f': b.file = ota_cbor_u64(&c); break;
        case 'i': b.number = ota_cbor_u64(&c); break;
        case 'l': b.len = ota_cbor_u64(&c); break;
        case 'p': b.payload = ota_cbor_bytes(&c); break;
        case 'c': b.token = ota_cbor_text(&c); break;
        default: fail();
        }
    }
    assert_int_equal(ota_cbor_end(&c), OTA_OK);
    return b;
}

static void check_bytes(const struct block *b, uint64_t block_size)
{
    assert_int_equal(b->payload.len, b->len);
    for (size_t i = 0; i < b->len; i++) {
        assert_int_equal(b->payload.ptr[i], house_byte(b->number * block_size + i));
    }
}

static void say_cbor(struct peer *p, const char *topic, uint64_t first, uint64_t count)
{
    uint8_t room[128];
    struct ota_writer w = ota_writer(OTA_BUF_OF(room));
    ota_cbor_put_map(&w, 5);
    ota_cbor_put_text(&w, OTA_SPAN_LIT("c"));
    ota_cbor_put_text(&w, OTA_SPAN_LIT("rdy"));
    ota_cbor_put_text(&w, OTA_SPAN_LIT("f"));
    ota_cbor_put_u64(&w, 0);
    ota_cbor_put_text(&w, OTA_SPAN_LIT("l"));
    ota_cbor_put_u64(&w, 4096);
    ota_cbor_put_text(&w, OTA_SPAN_LIT("o"));
    ota_cbor_put_u64(&w, first);
    ota_cbor_put_text(&w, OTA_SPAN_LIT("n"));
    ota_cbor_put_u64(&w, count);
    const struct ota_span request = ota_writer_done(&w);
    peer_publish(p, topic, request.ptr, request.len);
}

static void a_file_comes_whole_in_cbor(void **state)
{
    struct peer p;
    peer_open(&p, *state);
    peer_subscribe(&p, S "data/cbor");
    for (uint64_t first = 0; first < 65; first += 13) {
        say_cbor(&p, S "get/cbor", first, 13);
        for (uint64_t i = first; i < first + 13; i++) {
            const struct block b = from_cbor(peer_expect(&p, S "data/cbor"));
            assert_int_equal(b.file, 0);
            assert_int_equal(b.number, i);
            assert_int_equal(b.len, i == 64 ? 100 : 4096);
            assert_true(ota_span_eq(b.token, OTA_SPAN_LIT("rdy")));
            check_bytes(&b, 4096);
        }
    }
    peer_close(&p);
}

static void json_is_answered_in_json(void **state)
{
    struct peer p;
    peer_open(&p, *state);
    peer_subscribe(&p, S "data/json");
    peer_subscribe(&p, S "description/json");
    peer_subscribe(&p, S "rejected/json");
    peer_say(&p, S "get/json", "{\"s\": 1,\"f\": 0,\"l\": 256,\"o\": 1024,\"n\": 1}");
    const struct message *m = peer_expect(&p, S "data/json");
    assert_non_null(strstr((const char *)m->payload, "{\"f\":0,\"i\":1024,\"l\":100,\"p\":\""));
    peer_say(&p, S "describe/json", "{\"c\":\"d\"}");
    char want[128];
    snprintf(want, sizeof want, "{\"c\":\"d\",\"s\":1,\"d\":\"\",\"r\":[{\"f\":0,\"z\":%d}]}",
             FILE_SIZE);
    assert_string_equal(peer_expect(&p, S "description/json")->payload, want);
    peer_say(&p, S "get/json", "{\"c\":\"x\",\"f\":0,\"l\":255}");
    m = peer_expect(&p, S "rejected/json");
    assert_non_null(strstr((const char *)m->payload, "\"o\":\"BlockSizeOutOfBounds\""));
    assert_non_null(strstr((const char *)m->payload, "\"code\":\"BlockSizeOutOfBounds\""));
    assert_non_null(strstr((const char *)m->payload, "\"c\":\"x\""));
    peer_say(&p, S "get/json", "no JSON");
    m = peer_expect(&p, S "rejected/json");
    assert_non_null(strstr((const char *)m->payload, "\"o\":\"InvalidJson\""));
    peer_close(&p);
}

static void a_stream_with_another_file_is_the_next_version_at_once(void **state)
{
    struct house *h = *state;
    struct peer p;
    peer_open(&p, h);
    peer_subscribe(&p, S "data/json");
    peer_subscribe(&p, S "description/json");
    peer_subscribe(&p, S "rejected/json");
    peer_say(&p, S "get/json", "{\"s\":1,\"f\":0,\"l\":256,\"n\":1}");
    (void)peer_expect(&p, S "data/json"); /* and now it is remembered who may read what */
    assert_true(house_order(h, "replace 300 s"));
    peer_say(&p, S "get/json", "{\"s\":1,\"f\":0,\"l\":256,\"n\":1}");
    const struct message *m = peer_expect(&p, S "rejected/json");
    assert_non_null(strstr((const char *)m->payload, "\"o\":\"VersionMismatch\""));
    peer_say(&p, S "get/json", "{\"s\":2,\"f\":0,\"l\":256,\"o\":1}");
    m = peer_expect(&p, S "data/json");
    assert_non_null(strstr((const char *)m->payload, "{\"f\":0,\"i\":1,\"l\":44,"));
    peer_say(&p, S "describe/json", "{}");
    assert_string_equal(peer_expect(&p, S "description/json")->payload,
                        "{\"s\":2,\"d\":\"\",\"r\":[{\"f\":0,\"z\":300}]}");
    assert_false(house_order(h, "replace 300 none"));
    peer_close(&p);
}

/* Whether the next word on the stream is a block (true) or this refusal. */
static bool gets_a_block(struct peer *p, const char *thing, const char *code)
{
    char topic[96];
    const size_t at = p->count;
    snprintf(topic, sizeof topic, "$aws/things/%s/streams/s/get/json", thing);
    peer_say(p, topic, "{\"f\":0,\"l\":256,\"n\":1}");
    p->read = at;
    while (p->count == at) {
        peer_turn(p, 20);
    }
    const bool block = strstr(p->messages[at].topic, "/data/json") != NULL;
    if (!block) {
        assert_non_null(strstr((const char *)p->messages[at].payload, code));
    }
    p->read = p->count;
    return block;
}

static void only_a_thing_with_a_pending_job_of_it_reads_a_stream(void **state)
{
    struct house *h = *state;
    struct peer p;
    peer_open(&p, h);
    peer_subscribe(&p, "$aws/things/+/streams/s/data/json");
    peer_subscribe(&p, "$aws/things/+/streams/s/rejected/json");
    assert_true(gets_a_block(&p, "t", ""));
    assert_false(gets_a_block(&p, "u", "Unauthorized"));
    assert_false(gets_a_block(&p, "nobody", "Unauthorized"));
    assert_true(house_order(h, "job k s u"));
    assert_true(gets_a_block(&p, "u", ""));

    assert_true(house_order(h, "force j")); /* what was remembered is no longer true */
    assert_false(gets_a_block(&p, "t", "Unauthorized"));
    assert_true(house_order(h, "disable u"));
    assert_false(gets_a_block(&p, "u", "Unauthorized"));
    peer_close(&p);
}

/* As with any fault of the disk: whoever hears that it may not read the stream could give its job up. */
static void what_cannot_be_looked_up_is_the_providers_fault(void **state)
{
    struct house *h = *state;
    struct peer p;
    peer_open(&p, h);
    peer_subscribe(&p, S "data/json");
    peer_subscribe(&p, S "rejected/json");
    house_sql(h, "ALTER TABLE stream_file RENAME TO away");
    assert_false(gets_a_block(&p, "t", "InternalError"));
    house_sql(h, "ALTER TABLE away RENAME TO stream_file");
    assert_true(gets_a_block(&p, "t", ""));
    peer_close(&p);
}

static void things_take_turns(void **state)
{
    struct house *h = *state;
    struct peer p;
    peer_open(&p, h);
    assert_true(house_order(h, "job k s u"));
    peer_subscribe(&p, "$aws/things/+/streams/s/data/+");
    say_cbor(&p, S "get/cbor", 0, 1); /* so that both are known to be allowed */
    say_cbor(&p, "$aws/things/u/streams/s/get/cbor", 0, 1);
    peer_next(&p);
    peer_next(&p);
    /* t asks for eight times 128 KiB, u for one block behind all that; the provider sees them at once. */
    peer_subscribe(&p, "marker");
    int status = 0;
    assert_int_equal(kill(h->provider, SIGSTOP), 0);
    assert_int_equal(waitpid(h->provider, &status, WUNTRACED), h->provider); /* now it stands */
    assert_true(WIFSTOPPED(status));
    for (int i = 0; i < 8; i++) {
        say_cbor(&p, S "get/cbor", 0, 32);
    }
    say_cbor(&p, "$aws/things/u/streams/s/get/cbor", 7, 1);
    peer_say(&p, "marker", "");
    peer_expect(&p, "marker"); /* so the broker has passed on all that came before */
    assert_int_equal(kill(h->provider, SIGCONT), 0);
    size_t before_u = 0;
    while (strstr(peer_next(&p)->topic, "/u/") == NULL) {
        before_u++;
    }
    assert_true(before_u < 128); /* not behind all 256 */
    peer_close(&p);
}

static void a_broker_that_restarts_in_mid_stream_is_served_again(void **state)
{
    struct house *h = *state;
    struct peer p;
    peer_open(&p, h);
    peer_subscribe(&p, S "data/cbor");
    say_cbor(&p, S "get/cbor", 0, 32);
    peer_expect(&p, S "data/cbor");
    peer_close(&p);
    house_broker_kill(h);
    house_broker_start(h);
    house_wait_connected(h);
    peer_open(&p, h);
    peer_subscribe(&p, S "data/cbor");
    say_cbor(&p, S "get/cbor", 3, 1);
    struct block b;
    do {
        b = from_cbor(peer_expect(&p, S "data/cbor"));
    } while (b.number != 3);
    check_bytes(&b, 4096);
    peer_close(&p);
}

#define HOUSE_TEST(f) cmocka_unit_test_setup_teardown(f, open_house, close_house)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOUSE_TEST(a_file_comes_whole_in_cbor),
        HOUSE_TEST(json_is_answered_in_json),
        HOUSE_TEST(a_stream_with_another_file_is_the_next_version_at_once),
        HOUSE_TEST(only_a_thing_with_a_pending_job_of_it_reads_a_stream),
        HOUSE_TEST(what_cannot_be_looked_up_is_the_providers_fault),
        HOUSE_TEST(things_take_turns),
        HOUSE_TEST(a_broker_that_restarts_in_mid_stream_is_served_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
