#include "config.h"

#define BLOCK_SIZE_DEFAULT   4096u
#define WINDOW_DEFAULT       32u
#define SELF_TEST_MS_DEFAULT 16000u
#define RETRY_MS_MIN_DEFAULT 2000u
#define RETRY_MS_MAX_DEFAULT 300000u

static uint32_t or_default(uint32_t value, uint32_t default_value)
{
    return value != 0 ? value : default_value;
}

struct OTA_Config ota_config_with_defaults(const struct OTA_Config *given)
{
    struct OTA_Config c = *given;
    c.topic_root = c.topic_root != NULL ? c.topic_root : "$aws";
    c.block_size = or_default(c.block_size, BLOCK_SIZE_DEFAULT);
    c.window = or_default(c.window, WINDOW_DEFAULT);
    c.self_test_ms = or_default(c.self_test_ms, SELF_TEST_MS_DEFAULT);
    c.retry_ms_min = or_default(c.retry_ms_min, RETRY_MS_MIN_DEFAULT);
    c.retry_ms_max = or_default(c.retry_ms_max, RETRY_MS_MAX_DEFAULT);
    return c;
}

static bool names_ok(const struct OTA_Config *c)
{
    return c->thing_name != NULL && ota_thing_name_ok(ota_span_of_str(c->thing_name)) &&
           ota_topic_root_ok(ota_span_of_str(c->topic_root));
}

static bool ports_ok(const struct OTA_Config *c)
{
    return c->flash != NULL && c->flash->write_size > 0 && c->layout != NULL && c->crypto != NULL &&
           c->reset != NULL && c->mqtt.publish != NULL && c->mqtt.subscribe != NULL &&
           c->mqtt.unsubscribe != NULL;
}

static bool block_ok(const struct OTA_Config *c)
{
    const uint32_t block = c->block_size;
    return block >= OTA_STREAM_BLOCK_MIN && block <= OTA_STREAM_BLOCK_MAX &&
           (block & (block - 1u)) == 0 && block % c->flash->write_size == 0;
}

/* Above all what the libraries take for granted, and would assert. */
static bool numbers_ok(const struct OTA_Config *c)
{
    return c->window <= OTA_STREAM_WINDOW_MAX && c->retry_ms_min <= c->retry_ms_max &&
           (c->running_slot == OTA_SLOT_A || c->running_slot == OTA_SLOT_B);
}

bool ota_config_ok(const struct OTA_Config *c)
{
    return names_ok(c) && ports_ok(c) && block_ok(c) && numbers_ok(c) && c->memory.ptr != NULL &&
           c->memory.cap >= OTA_MEMORY_SIZE(c->block_size, 1u);
}
