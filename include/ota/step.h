/*
 * Step time-outs: when the provider may give an execution up. Linked where a cfg names it.
 */
#ifndef OTA_STEP_H
#define OTA_STEP_H

#include "ota/orchestrator.h"

/**
 * For cfg.step_minutes: four times what the rest of the download takes at the rate so far, an hour at
 * least, a week at most. Once the bytes are here the timer is ended, and that is told until it is
 * heard: the application may wait for its night as long as it likes. A device that is gone for longer than it
 * said is timed out by the provider; where links are away for hours, leave it out.
 *
 * @return as step_timeout_min of struct ota_jobs_update.
 */
uint32_t ota_step_minutes(struct ota_orchestrator *o);

#endif
