/* What an HTTP client hears. */
#include "ota/fetched.h"
#include "workflow.h"

static void arrive(struct ota_orchestrator *o, struct ota_arrival arrival, ota_ms_t now)
{
    o->now = now;
    if (!o->halted && !o->suspended) {
        ota_heard(o, ota_fetch_on_arrival(o, &arrival));
    }
}

void ota_orchestrator_fetched_head(struct ota_orchestrator *o, uint32_t transfer, uint32_t status,
                                   struct ota_span content_range, ota_ms_t now)
{
    const struct ota_arrival head = { OTA_ARRIVAL_HEAD, .bytes = content_range,
                                      .transfer = transfer, .status = status };
    arrive(o, head, now);
}

void ota_orchestrator_fetched_body(struct ota_orchestrator *o, uint32_t transfer,
                                   struct ota_span bytes, ota_ms_t now)
{
    const struct ota_arrival body = { OTA_ARRIVAL_BODY, .bytes = bytes, .transfer = transfer };
    arrive(o, body, now);
}

void ota_orchestrator_fetched_ended(struct ota_orchestrator *o, uint32_t transfer, ota_ms_t now)
{
    const struct ota_arrival end = { OTA_ARRIVAL_ENDED, .transfer = transfer };
    arrive(o, end, now);
}
