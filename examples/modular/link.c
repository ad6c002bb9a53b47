#include "modular.h"
#include "ota/assert.h"

/* Exact topics, as a careful broker allows them; the id of a job or stream is anyone's. */
struct ota_span modular_filter(const struct modular *m, unsigned index)
{
    static const enum ota_topic_kind kinds[MODULAR_FILTERS] = {
        OTA_TOPIC_JOBS_NOTIFY,      OTA_TOPIC_JOBS_NOTIFY_NEXT,    OTA_TOPIC_JOB_GET_ACCEPTED,
        OTA_TOPIC_JOB_GET_REJECTED, OTA_TOPIC_JOB_UPDATE_ACCEPTED, OTA_TOPIC_JOB_UPDATE_REJECTED,
        OTA_TOPIC_STREAM_DATA,      OTA_TOPIC_STREAM_REJECTED,
    };
    OTA_ASSERT(index < MODULAR_FILTERS);
    struct ota_writer w = ota_writer(m->cfg.scratch.topic);
    const struct ota_topic topic = {
        .kind = kinds[index],
        .thing = m->cfg.jobs.thing,
        .id = OTA_SPAN_LIT("+"),
        .format = m->cfg.stream.format,
    };
    ota_topic_write(&w, m->cfg.jobs.root, &topic);
    return ota_writer_done(&w);
}

void modular_link(struct modular *m, bool up)
{
    m->link = up;
    ota_jobs_reconnected(&m->jobs);
    if (m->state == MODULAR_FETCHING) {
        ota_stream_reconnected(&m->stream);
    }
    if (!modular_is_settled(m)) {
        ota_jobs_ask(&m->jobs); /* notices that came meanwhile are lost */
    }
}

void modular_on_time(struct modular *m, ota_ms_t now)
{
    if (m->ask_at <= now) {
        m->ask_at = OTA_NEVER;
        ota_jobs_ask(&m->jobs);
    }
    if (m->state == MODULAR_TESTING && m->cfg.test_until <= now) {
        modular_tested(m, false);
    }
}

static ota_ms_t sooner(ota_ms_t a, ota_ms_t b)
{
    return a < b ? a : b;
}

ota_ms_t modular_deadline(const struct modular *m)
{
    ota_ms_t at = sooner(m->ask_at, ota_jobs_deadline(&m->jobs));
    switch (m->state) {
    case MODULAR_ERASING:
    case MODULAR_VERIFYING:
    case MODULAR_RESETTING: return 0;
    case MODULAR_FETCHING: at = sooner(at, ota_stream_deadline(&m->stream)); break;
    case MODULAR_TESTING: return m->link ? sooner(at, m->cfg.test_until) : m->cfg.test_until;
    case MODULAR_IDLE:
    case MODULAR_TAKING:
    case MODULAR_REPORTING: break;
    }
    return m->link ? at : OTA_NEVER;
}
