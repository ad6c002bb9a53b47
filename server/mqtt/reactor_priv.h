/* Inside of the reactor: its state, shared by reactor.c (thread and queue) and batch.c. */
#ifndef SRV_REACTOR_PRIV_H
#define SRV_REACTOR_PRIV_H

#include "link.h"
#include "outbox.h"
#include "reactor.h"
#include "streams.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

/* Messages in one transaction, about (one read can give several): enough to spread an fsync
 * thin, few enough to answer soon. */
#define REACTOR_BATCH_MAX 256u
/* Requests of Jobs, and of the named shadow. */
#define REACTOR_FILTERS 5u
/* Commands of other threads that may wait. */
#define REACTOR_WAITING_MAX 1024u

/* A command of another thread, on its stack until it is done. */
struct waiting {
    STAILQ_ENTRY(waiting) link;
    const struct srv_command *command;
    struct srv_err *err;
    bool done;
    pthread_cond_t ready;
};

/* The stream thread's question. */
struct question {
    STAILQ_ENTRY(question) link;
    char thing[OTA_THING_NAME_MAX + 1u];
    char stream_id[OTA_STREAM_ID_MAX + 1u];
};

/* One command of a batch, whoever it comes from. */
struct item {
    struct srv_command command;
    struct srv_outcome outcome;
    struct waiting *waiting; /* NULL: nobody waits for it */
};

struct srv_reactor {
    struct srv_reactor_config config;
    struct srv_core core;
    char filters[REACTOR_FILTERS][OTA_TOPIC_MAX];
    const char *filter_list[REACTOR_FILTERS];
    struct srv_link *link;
    struct srv_streams *streams;
    pthread_t thread;
    int wake;
    atomic_bool stopping, connected;

    pthread_mutex_t lock; /* guards the two queues */
    STAILQ_HEAD(waiting_queue, waiting) waiting;
    size_t waiting_count;
    STAILQ_HEAD(question_queue, question) questions;

    /* The rest is the reactor thread's alone. */
    struct srv_arena inbox; /* holds what the batch's messages borrow */
    struct item *batch;
    size_t batch_count, batch_room;
    struct outbox outbox;
    ota_ms_t next_tick_ms;
    int64_t wall_ahead_s; /* wall clock minus the monotonic one */
    bool more_ticks;
};

ota_ms_t reactor_clock_ms(void);
int64_t reactor_wall_s(void);

/** Add a command; what it borrows lives until the batch has run. */
void reactor_batch_add(struct srv_reactor *r, const struct srv_command *command,
                       struct waiting *waiting);

/** Apply the batch in one transaction, commit, publish, tell who waits; the batch is empty then. */
void reactor_batch_run(struct srv_reactor *r);

/** Publish what is still in the outbox, as far as it may. */
void reactor_outbox_run(struct srv_reactor *r);

#endif
