/*
 * Shadow: what the device says of itself: which image runs, on what, and what
 * came of the last update. Told at each connect, and after a confirm or a
 * failure, to the named shadow `waft` (AWS IoT's device shadow service, or
 * waftd, which keeps it as the thing's attributes). Nothing is asked or
 * answered: what is lost is told again at the next connect.
 *
 *     ROOT/things/THING/shadow/name/waft/update
 *     {"state":{"reported":{"version":"1.4.0","digest":"<image digest, hex>","slot":"A",
 *       "confirmed":true,"class":"<uuid>","hw":3,"job":"<id>","result":"accepted"}}}
 *
 * `job` and `result` are there while the result is not reported yet: absent
 * members leave what the shadow holds as it is.
 *
 * Optional: a device that does not name ota_shadow_announce() does not link it.
 */
#ifndef OTA_SHADOW_H
#define OTA_SHADOW_H

#include "ota/orchestrator.h"

/* What follows ROOT/things/THING. */
#define OTA_SHADOW_TOPIC "/shadow/name/waft/"

/** For `announce` of struct ota_orchestrator_cfg: the update of the shadow, QoS 1, in the lent scratch. */
void ota_shadow_announce(const struct ota_orchestrator *o, struct ota_effect *effect);

#endif
