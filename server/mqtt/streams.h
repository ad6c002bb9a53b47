/*
 * Streams: blocks of artifacts to devices, over an MQTT connection and a
 * thread of their own.
 *
 * It never touches the database and never waits for a commit. Who may read
 * what is asked of the reactor once, for a thing and a stream, and remembered
 * until the reactor says that the thing's jobs have changed. Things take turns,
 * a slice each, and nothing is sent into a socket that is full: so memory is
 * bounded and one thing cannot starve another.
 */
#ifndef SRV_STREAMS_H
#define SRV_STREAMS_H

#include "reactor.h"

struct srv_streams;

struct srv_streams_config {
    const struct srv_broker_address *broker;
    const char *topic_root;
    struct srv_artifacts *artifacts;
    /* Ask whether `thing` may read `stream_id`; the answer comes by srv_streams_answer().
     * Called from the stream thread; must not block. */
    void (*ask)(void *ctx, const char *thing, const char *stream_id);
    void *ctx;
};

SRV_MUST_CHECK bool srv_streams_start(const struct srv_streams_config *config,
                                      struct srv_streams **streams, struct srv_err *err);
void srv_streams_stop(struct srv_streams *streams);
bool srv_streams_connected(struct srv_streams *streams);

/** The answer: `stream` is copied; NULL: refused, for `err`. From any thread. */
void srv_streams_answer(struct srv_streams *streams, const char *thing, const char *stream_id,
                        const struct srv_stream *stream, const struct srv_err *err);

/** What was answered for this thing ("": for any) is no longer true. From any thread. */
void srv_streams_forget(struct srv_streams *streams, const char *thing);

#endif
