#include "config.h"

#define BLOCK_SIZE_DEFAULT   4096u
#define WINDOW_DEFAULT       32u
#define SELF_TEST_MS_DEFAULT 16000u
#define RETRY_MS_MIN_DEFAULT 2000u
#define RETRY_MS_MAX_DEFAULT 300000u

static void or_default(uint32_t *value, uint32_t default_value)
{
    if (*value == 0) {
        *value = default_value;
    }
}

static bool names_ok(const struct OTA_Config *c)
{
    return c->thing_name != NULL && ota_thing_name_ok(ota_span_of_str(c->thing_name)) &&
           ota_topic_root_ok(ota_span_of_str(c->topic_root));
}

static bool http_ok(const struct OTA_Http *h)
{
    return h->source == NULL || (h->get != NULL && h->give_up != NULL);
}

static bool ports_ok(const struct OTA_Config *c)
{
    return c->flash != NULL && c->flash->write_size > 0 && c->layout != NULL && c->crypto != NULL &&
           c->reset != NULL && c->mqtt.publish != NULL && c->mqtt.subscribe != NULL &&
           c->mqtt.unsubscribe != NULL && http_ok(&c->http);
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
    return c->window <= OTA_STREAM_WINDOW_MAX && (unsigned)c->stream_format <= OTA_FORMAT_JSON &&
           (unsigned)c->prefer <= OTA_Prefer_Mqtt && c->retry_ms_min <= c->retry_ms_max &&
           (c->running_slot == OTA_SLOT_A || c->running_slot == OTA_SLOT_B);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Of the memory, in front of the messages: see OTA_MEMORY_SIZE. */
static size_t front_size(const struct OTA_Config *c)
{
    return c->http.source != NULL ? c->block_size + OTA_REQUEST_SIZE
                                  : larger(c->block_size, OTA_REQUEST_SIZE);
}

bool ota_config_complete(struct OTA_Config *c)
{
    c->topic_root = c->topic_root != NULL ? c->topic_root : "$aws";
    or_default(&c->block_size, BLOCK_SIZE_DEFAULT);
    or_default(&c->window, WINDOW_DEFAULT);
    or_default(&c->self_test_ms, SELF_TEST_MS_DEFAULT);
    or_default(&c->retry_ms_min, RETRY_MS_MIN_DEFAULT);
    or_default(&c->retry_ms_max, RETRY_MS_MAX_DEFAULT);
    return names_ok(c) && ports_ok(c) && block_ok(c) && numbers_ok(c) && c->memory.ptr != NULL &&
           c->memory.cap >= front_size(c) + OTA_MESSAGE_SIZE(c->block_size);
}

void ota_config_agent(const struct OTA_Config *c, struct ota_agent_cfg *agent)
{
    struct ota_orchestrator_cfg *const o = &agent->orchestrator;
    const uint32_t block_size = c->block_size, message_size = OTA_MESSAGE_SIZE(block_size);
    const size_t front = front_size(c);
    uint8_t *const requests = c->memory.ptr + front - OTA_REQUEST_SIZE;
    agent->message_size = message_size;
    agent->inbox = (struct ota_buf){ c->memory.ptr + front, c->memory.cap - front };
    if (c->message_count != 0 && agent->inbox.cap / message_size > c->message_count) {
        agent->inbox.cap = (size_t)c->message_count * message_size;
    }
    o->crypto = c->crypto;
    o->root = ota_span_of_str(c->topic_root);
    o->thing = ota_span_of_str(c->thing_name);
    o->room = (struct ota_buf){ c->memory.ptr, block_size };
    o->scratch.topic = (struct ota_buf){ requests, OTA_TOPIC_MAX };
    o->scratch.payload = (struct ota_buf){ requests + OTA_TOPIC_MAX, OTA_SCRATCH_PAYLOAD_MIN };
    o->running = c->running_slot;
    o->handover = c->handover;
    o->block_size = block_size;
    o->window = c->window;
    o->retry_ms_min = c->retry_ms_min;
    o->retry_ms_max = c->retry_ms_max;
    o->self_test_ms = c->self_test_ms;
    o->policy = c->policy;
    o->step_minutes = c->step_minutes;
    o->parsers = c->parsers;
    o->custom = c->custom_jobs;
    o->announce = c->announce;
    o->files = c->files;
}
