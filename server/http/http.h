/*
 * HTTP: the provider's control plane, over TLS with a bearer token; and `/d/`, downloads
 * of things, with URLs that are their own permission (presign.h).
 *
 * Paths and bodies are AWS IoT's where AWS has them (things, streams, jobs,
 * executions, endpoint); the rest is under /waft/v1. Routes only build a
 * srv_command, or read rows: no rule lives here. A thread a connection, so a
 * handler may wait.
 *
 *     DIR/token   0600, made at the first start: whoever can read it may do everything
 */
#ifndef SRV_HTTP_H
#define SRV_HTTP_H

#include "base/err.h"
#include <stdint.h>

struct srv_artifacts;
struct srv_broker;
struct srv_http;
struct srv_identity;
struct srv_presign;
struct srv_reactor;

struct srv_http_cfg {
    const char *dir;       /* the data directory */
    const char *db_path;   /* readers of it are opened as they are needed */
    const char *bind;      /* numeric address; NULL: 127.0.0.1 */
    uint16_t port;         /* 0: the one of the last start, or any that is free */
    const char *mqtt_host; /* what devices are told to connect to */
    uint16_t mqtt_port;
    const char *topic_root;
    /* All lent until stop. */
    struct srv_artifacts *artifacts;
    struct srv_identity *identity;
    const struct srv_presign *presign;
    const char
        *download_url; /* where things are sent to, as the operator has said; NULL: not said */
    struct srv_broker
        *broker; /* NULL: a broker that is not ours; disabled things are then only ignored */
};

/**
 * Listen; whoever comes is told to come later until srv_http_open(). So the port
 * is known before anything runs that has to tell it.
 *
 * @return NULL with `err` if the port is taken or the token cannot be read.
 */
struct srv_http *srv_http_start(const struct srv_http_cfg *cfg, struct srv_err *err);

/** From now on requests are served. `reactor` is lent until stop. */
void srv_http_open(struct srv_http *h, struct srv_reactor *reactor);

/**
 * Take the certificate that is there now (after srv_identity_renew()), at the same
 * port. Connections end; clients that wait for something ask again.
 *
 * @return false: if the certificate cannot be read, the one before is served on; if nobody can listen at the port, nothing
 *         is. To call it again mends both.
 */
SRV_MUST_CHECK bool srv_http_reload(struct srv_http *h, struct srv_err *err);

/** End waiting requests, then all connections, then the thread. NULL is nothing. */
void srv_http_stop(struct srv_http *h);

uint16_t srv_http_port(const struct srv_http *h);

#endif
