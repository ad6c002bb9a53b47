#include "ota/shadow.h"
#include "ota/assert.h"

static void put_hex(struct ota_writer *w, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        ota_write_hex(w, bytes[i], 2);
    }
}

/* 8-4-4-4-12 */
static void put_uuid(struct ota_writer *w, const uint8_t uuid[OTA_UUID_SIZE])
{
    for (size_t i = 0; i < OTA_UUID_SIZE; i++) {
        if (i >= 4u && i <= 10u && i % 2u == 0) {
            ota_write_u8(w, '-');
        }
        ota_write_hex(w, uuid[i], 2);
    }
}

/* A result that is certain: a confirm may still fail. */
static bool has_result(const struct ota_orchestrator *o)
{
    const enum ota_journal_state state = o->journal.state;
    return state == OTA_JOURNAL_REPORT_OK || state == OTA_JOURNAL_REPORT_FAIL ||
           (state == OTA_JOURNAL_OUTCOME_OK && o->confirmed == OTA_CONFIRMED_YES);
}

/* Nothing of it needs escaping: job ids and our own words. */
static void put_result(struct ota_writer *w, const struct ota_journal *j)
{
    ota_write_str(w, ",\"job\":\"");
    ota_write_bytes(w, (struct ota_span){ j->job_id, j->job_id_len });
    ota_write_str(w, "\",\"result\":\"");
    ota_write_str(w, j->reason == OTA_REASON_NONE    ? "accepted"
                     : j->reason == OTA_REASON_ERROR ? ota_err_text(j->error)
                                                     : ota_reason_text(j->reason));
    ota_write_u8(w, '"');
}

static void put_reported(struct ota_writer *w, const struct ota_orchestrator *o)
{
    ota_write_str(w, "\"version\":\"");
    ota_version_write(w, o->own.version);
    ota_write_str(w, "\",\"digest\":\"");
    put_hex(w, o->own.digest, sizeof o->own.digest);
    ota_write_str(w, "\",\"slot\":\"");
    ota_write_u8(w, (uint8_t)('A' + o->cfg.running));
    ota_write_str(w, "\",\"confirmed\":");
    ota_write_str(w, o->confirmed == OTA_CONFIRMED_NO ? "false" : "true");
    ota_write_str(w, ",\"class\":\"");
    put_uuid(w, o->cfg.trust->class_id);
    ota_write_str(w, "\",\"hw\":");
    ota_write_decimal(w, o->cfg.trust->hw_revision);
    if (has_result(o)) {
        put_result(w, &o->journal);
    }
}

void ota_shadow_announce(const struct ota_orchestrator *o, struct ota_effect *effect)
{
    struct ota_writer topic = ota_writer(o->cfg.scratch.topic);
    struct ota_writer w = ota_writer(o->cfg.scratch.payload);
    ota_write_bytes(&topic, o->cfg.root);
    ota_write_str(&topic, "/things/");
    ota_write_bytes(&topic, o->cfg.thing);
    ota_write_str(&topic, OTA_SHADOW_TOPIC "update");
    ota_write_str(&w, "{\"state\":{\"reported\":{");
    put_reported(&w, o);
    ota_write_str(&w, "}}}");
    OTA_ASSERT(!topic.bad &&
               !w.bad); /* the longest has 430 bytes of the 512 that effect.h asks for */
    effect->kind = OTA_EFFECT_PUBLISH;
    effect->as.publish.topic = ota_writer_done(&topic);
    effect->as.publish.payload = ota_writer_done(&w);
    effect->as.publish.qos = OTA_QOS_1;
}
