/*
 * A device's request on the Jobs topics: one file per kind (request_*.c),
 * one handler each. A handler queues its accepted reply and the notifications
 * behind it, or returns false with the error set and nothing written.
 */
#ifndef SRV_REQUEST_H
#define SRV_REQUEST_H

#include "json.h"
#include "reply.h"

struct srv_request {
    struct ota_topic topic;
    const json_t *body;
    struct ota_span token;
    /* A refusal over the execution's state tells that state: set by the handler. */
    bool tells_state;
    struct srv_execution current;
};

/** Whether the thing is there and enabled; else the error is set. */
bool srv_request_thing_ok(struct srv_tx *tx, struct ota_span name);

bool srv_request_get(struct srv_tx *tx, struct srv_request *rq);
bool srv_request_start_next(struct srv_tx *tx, struct srv_request *rq);
bool srv_request_describe(struct srv_tx *tx, struct srv_request *rq);
bool srv_request_update(struct srv_tx *tx, struct srv_request *rq);

/** Queue the reply on the request's accepted topic. */
void srv_request_accept(struct srv_tx *tx, const struct srv_request *rq, struct srv_reply *r);

/** stepTimeoutInMinutes: 1 to 10080, or -1. */
bool srv_request_step_timeout(const struct srv_request *rq, struct srv_number *minutes,
                              struct srv_err *err);

/** Begin an execution if it has not begun: startedAt, the in-progress timer. */
void srv_request_start(struct srv_tx *tx, struct srv_execution *e);
/** Set or clear the step timer as asked for. */
void srv_request_arm(struct srv_tx *tx, struct srv_execution *e, struct srv_number minutes);

#endif
