/* Jobs and executions in AWS's form. */
#ifndef SRV_HTTP_JOB_JSON_H
#define SRV_HTTP_JOB_JSON_H

#include "core/rows.h"
#include <jansson.h>

json_t *job_json_summary(const struct srv_job *job);
json_t *job_json(const struct srv_job *job);

/** JobExecutionSummary. */
json_t *execution_json_summary(const struct srv_execution *execution);
/** JobExecution, with statusDetails.detailsMap. */
json_t *execution_json(const struct srv_execution *execution);
/** The map of statusDetails; empty if there is none. */
json_t *details_json(struct ota_span details);

#endif
