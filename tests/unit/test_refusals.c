/*
 * What a device does not take, each by its name: documents, heads and tails. The provider is told why, and of the slot
 * that is free not a sector has been erased.
 */
#include "workflow_world.h"

enum { FIRST_COUNTER = 3 };

static struct sim_image *v1;

static int begin(void **state)
{
    (void)state;
    const struct sim_cfg cfg = sim_cfg_default();
    v1 = image_of(0, FIRST_COUNTER, SIM_GOOD);
    open_world(&cfg, v1);
    return 0;
}

static int end(void **state)
{
    (void)state;
    close_world();
    sim_image_free(v1);
    return 0;
}

static void expect_refused(const char *why, const char *id, const char *words)
{
    char details[SIM_DETAILS_MAX];
    settle();
    CHECK_ROW(why, sim_status(&world, id, details) == OTA_JOB_REJECTED);
    if (strstr(details, words) == NULL) {
        fail_msg("%s: \"%s\" is not in %s", why, words, details);
    }
    CHECK_ROW(why, most_erases(&world.layout.slot[OTA_SLOT_B]) == 0);
    CHECK_ROW(why, sim_running(&world) == v1 && state() == OTA_JOURNAL_NONE);
}

/* --- documents ---------------------------------------------------------------------------------------- */

/* Replace `old`, which is there once, in the usual document of `image`. */
static void document_with(const char *id, const struct sim_image *image, const char *old,
                          const char *new, char text[2048])
{
    char usual[1024];
    sim_document(id, image, usual, sizeof usual);
    const char *const at = strstr(usual, old);
    assert_non_null(at);
    (void)snprintf(text, 2048, "%.*s%s%s", (int)(at - usual), usual, new, at + strlen(old));
}

/* Ours are classes that begin with 0x30, hardware 1, counters from 3 on. */
static void a_document_that_is_not_for_us_is_refused_by_name(void **ctx)
{
    (void)ctx;
    static const struct {
        const char *why, *old, *new, *words;
    } rows[] = {
        { "another way to fetch", "\"MQTT\"", "\"CARRIER\"", "JOB_PROTOCOL" },
        { "unsigned", "\"sig-sha256-ecdsa\"", "\"sig-other\"", "JOB_UNSIGNED" },
        { "a signature that is no base64", "\"sig-sha256-ecdsa\":\"", "\"sig-sha256-ecdsa\":\"*",
          "JOB_DOCUMENT" },
        { "a signature that is no DER", "\"sig-sha256-ecdsa\":\"", "\"sig-sha256-ecdsa\":\"AAAA",
          "JOB_SIGNATURE" },
        { "for another class", "]}}",
          "]},\"waft\":{\"v\":1,\"class\":\"50515253-5455-5657-5859-5a5b5c5d5e5f\"}}",
          "IMAGE_CLASS" },
        { "for later hardware", "]}}", "]},\"waft\":{\"v\":1,\"hw\":[2,9]}}", "IMAGE_HARDWARE" },
        { "for earlier hardware", "]}}", "]},\"waft\":{\"v\":1,\"hw\":[0,0]}}", "IMAGE_HARDWARE" },
        { "for the other slot alone", "]}}",
          "]},\"waft\":{\"v\":1,\"sources\":[{\"slot\":\"A\",\"fileid\":0}]}}", "JOB_NO_FILE" },
        { "older than what we had", "]}}", "]},\"waft\":{\"v\":1,\"counter\":2}}",
          "IMAGE_COUNTER" },
        { "an image that is another one", "]}}",
          "]},\"waft\":{\"v\":1,\"digest\":"
          "\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\"}}",
          "IMAGE_OTHER" },
    };
    struct sim_image *image = image_of(1, FIRST_COUNTER, SIM_GOOD);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char id[16], text[2048];
        (void)snprintf(id, sizeof id, "row-%u", (unsigned)i);
        document_with(id, image, rows[i].old, rows[i].new, text);
        sim_deploy_document(&world, id, image, text);
        expect_refused(rows[i].why, id, rows[i].words);
    }
    assert_int_equal(deploy("good", image), OTA_JOB_SUCCEEDED);
    sim_image_free(image);
}

static void advice_that_agrees_refuses_nothing(void **ctx)
{
    (void)ctx;
    char text[2048], advice[256], digest[65];
    struct sim_image *image = image_of(1, FIRST_COUNTER, SIM_GOOD);
    for (unsigned i = 0; i < OTA_DIGEST_SIZE; i++) {
        (void)snprintf(digest + 2 * i, 3, "%02x", image->digest[i]);
    }
    (void)snprintf(advice, sizeof advice,
                   "]},\"waft\":{\"v\":1,\"class\":\"30313233-3435-3637-3839-3a3b3c3d3e3f\","
                   "\"hw\":[1,1],\"counter\":3,\"digest\":\"%s\"}}",
                   digest);
    document_with("j", image, "]}}", advice, text);
    sim_deploy_document(&world, "j", image, text);
    settle();
    assert_int_equal(sim_status(&world, "j", NULL), OTA_JOB_SUCCEEDED);

    /* And once it runs, whoever offers it again has it installed already. */
    document_with("again", image, "]}}", advice, text);
    sim_deploy_document(&world, "again", image, text);
    settle();
    assert_int_equal(sim_status(&world, "again", NULL), OTA_JOB_SUCCEEDED);
    assert_ptr_equal(sim_running(&world), image);
    sim_image_free(image);
}

/* --- images --------------------------------------------------------------------------------------------- */

/* docs/spec/image.md */
enum { HEADER_MAGIC = 0, HEADER_PAYLOAD_SIZE = 12, HEADER_FLAGS = 16, PROTECTED_TLVS = 32 + 8000 };

static void u32le(uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> 8 * i);
    }
}

static void a_file_whose_head_or_tail_is_no_image_is_refused_by_name(void **ctx)
{
    (void)ctx;
    static const struct {
        const char *why;
        uint32_t at, value;
        const char *words;
    } rows[] = {
        { "no magic", HEADER_MAGIC, 0, "IMAGE_FORMAT" },
        { "a flag that nobody honours", HEADER_FLAGS, 4, "IMAGE_FORMAT" },
        { "the payload goes on to the end", HEADER_PAYLOAD_SIZE, 8000 + 4000, "IMAGE_FORMAT" },
        { "more behind the payload than TLVs", HEADER_PAYLOAD_SIZE, 100, "IMAGE_TRAILING" },
        { "TLVs that go on behind the end", PROTECTED_TLVS, 0x6908 | 500u << 16, "IMAGE_FORMAT" },
        { "TLVs that begin elsewhere", HEADER_PAYLOAD_SIZE, 7999, "IMAGE_FORMAT" },
    };
    struct sim_image *made[COUNT(rows)];
    for (size_t i = 0; i < COUNT(rows); i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "row-%u", (unsigned)i);
        struct sim_image *const image = made[i] = image_of(1, FIRST_COUNTER, SIM_GOOD);
        image->file_digest[0] ^= (uint8_t)(i + 1u); /* the provider keeps files by it */
        u32le(image->bytes + rows[i].at, rows[i].value);
        sim_deploy(&world, id, image);
        expect_refused(rows[i].why, id, rows[i].words);
    }
    for (size_t i = 0; i < COUNT(rows); i++) {
        sim_image_free(made[i]);
    }
}

static void an_image_is_taken_for_the_address_that_it_is_linked_for_and_no_other(void **ctx)
{
    (void)ctx;
    struct sim_image_spec spec = { .version = { .major = 1, .minor = 1 },
                                   .payload_size = 8000,
                                   .counter = FIRST_COUNTER,
                                   .address = world.layout.slot[OTA_SLOT_B].offset + 1024u };
    struct sim_image *other = sim_image_make(&spec);
    sim_deploy(&world, "other", other);
    expect_refused("one sector on", "other", "IMAGE_SLOT");
    spec.address = world.layout.slot[OTA_SLOT_B].offset;
    spec.version.minor = 2;
    struct sim_image *right = sim_image_make(&spec);
    assert_int_equal(deploy("right", right), OTA_JOB_SUCCEEDED);
    sim_image_free(other);
    sim_image_free(right);
}

#define T(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(a_document_that_is_not_for_us_is_refused_by_name),
        T(advice_that_agrees_refuses_nothing),
        T(a_file_whose_head_or_tail_is_no_image_is_refused_by_name),
        T(an_image_is_taken_for_the_address_that_it_is_linked_for_and_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
