/* What the files of the broker module share. */
#ifndef SRV_BROKER_PRIV_H
#define SRV_BROKER_PRIV_H

#include "broker/broker.h"
#include "broker/log.h"
#include "broker/probe.h"
#include "broker/process.h"
#include <pthread.h>

/* Between two looks whether something has happened; ends and stops interrupt the wait. */
#define LOOK_MS  20
#define PROBE_MS 2000

enum broker_state { BROKER_STARTING, BROKER_READY, BROKER_AWAY, BROKER_FAILED, BROKER_STOPPED };

struct srv_broker {
    char dir[SRV_PATH_MAX], pid_path[SRV_PATH_MAX], port_path[SRV_PATH_MAX];
    char *config, *acl;
    struct srv_identity *identity;
    struct process_user user;
    struct probe_peer peer;
    struct broker_log log; /* the supervisor's alone while it runs */
    uint16_t port;
    int lock_fd, stop_fd;
    pthread_t supervisor;
    bool supervised;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    enum broker_state state;
    struct process process; /* pid 0: none */
    bool reload_missed;     /* asked for while it could not hear */
    bool stopping;
};

/* files.c */

/** Make the directory ours: alone, and without what a crash has left. */
bool broker_files_take(struct srv_broker *b, const char *data_dir, struct srv_err *err);
/** Write all that the broker reads, for its user. */
bool broker_files_put(const struct srv_broker *b, struct srv_err *err);

/* port.c */

/** Choose b->port, and make the configuration for it; each attempt takes another one. */
bool broker_port_choose(struct srv_broker *b, const struct srv_broker_cfg *cfg, int attempt,
                        struct srv_err *err);
bool broker_port_remember(const struct srv_broker *b, struct srv_err *err);

/* supervise.c */

int64_t broker_clock_ms(void);
/** Returns when it takes connections, or does not. */
bool broker_supervision_start(struct srv_broker *b, struct srv_err *err);
void broker_supervision_end(struct srv_broker *b);
/** Wait up to `ms` while it is starting or away; how it is then. */
enum broker_state broker_await(struct srv_broker *b, int ms);

#endif
