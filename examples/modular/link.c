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
