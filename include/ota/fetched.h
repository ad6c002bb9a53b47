/*
 * Fetched: what an HTTP client hears of a transfer that OTA_EFFECT_FETCH began.
 *
 * A head, pieces of a body in their order, and an end in any case: a connection that cannot be made has an
 * end, and no head. Each with the transfer's number: what comes late of another counts for nothing. A device
 * without HTTP links none of it.
 */
#ifndef OTA_FETCHED_H
#define OTA_FETCHED_H

#include "ota/orchestrator.h"

/** @param content_range  value of the field Content-Range; empty if there is none. */
void ota_orchestrator_fetched_head(struct ota_orchestrator *o, uint32_t transfer, uint32_t status,
                                   struct ota_span content_range, ota_ms_t now);
/** A piece of any length; blocks that it completes are written before the return. */
void ota_orchestrator_fetched_body(struct ota_orchestrator *o, uint32_t transfer,
                                   struct ota_span bytes, ota_ms_t now);
/** It is over, well or not. Not for one that was broken off. */
void ota_orchestrator_fetched_ended(struct ota_orchestrator *o, uint32_t transfer, ota_ms_t now);

#endif
