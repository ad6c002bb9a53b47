/*
 * waftd: the provider. Puts the parts together, waits for a signal, takes them
 * apart. Everything it needs it makes itself, in one directory.
 */
#include "base/file.h"
#include "base/log.h"
#include "broker/broker.h"
#include "db/artifacts.h"
#include "db/sqlite.h"
#include "http/hold.h"
#include "http/http.h"
#include "http/presign.h"
#include "log_file.h"
#include "mqtt/reactor.h"
#include "options.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The log is looked at each minute, certificates of ours once a day. */
#define LOOK_S      60
#define LOOKS_A_DAY (24 * 60 * 60 / LOOK_S)

struct house {
    struct srv_options options;
    char own_name[SRV_HOST_MAX + 1u]; /* of this machine; "": it has none */
    int lock;
    struct srv_log_file log;
    char db_path[SRV_PATH_MAX], artifacts_path[SRV_PATH_MAX];
    struct srv_identity *identity;
    struct srv_db *db;
    struct srv_artifacts *artifacts;
    struct srv_broker *broker;
    struct srv_reactor *reactor;
    struct srv_presign *presign;
    struct srv_http *http;
    bool to_reload; /* certificates were renewed, and not all have taken them yet */
};

/* Two processes over one directory would both believe to be the writer. */
static bool lock_take(struct house *h, struct srv_err *err)
{
    char path[SRV_PATH_MAX];
    if (!srv_path(path, h->options.data, "lock", err)) {
        return false;
    }
    h->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (h->lock < 0) {
        return srv_fail_errno(err, "cannot open %.60s", path);
    }
    if (flock(h->lock, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK
                   ? srv_fail(err, SRV_E_STATE, "another waftd uses %.100s", h->options.data)
                   : srv_fail_errno(err, "cannot lock %.60s", path);
    }
    return true;
}

/* Behind the lock: the log is that of the process that runs. */
static bool log_open(struct house *h, struct srv_err *err)
{
    return h->options.log == NULL || srv_log_file_open(&h->log, h->options.log, err);
}

static bool storage_open(struct house *h, struct srv_err *err)
{
    return srv_dir_make(h->options.data, 0700, err) && lock_take(h, err) && log_open(h, err) &&
           srv_path(h->db_path, h->options.data, "waft.db", err) &&
           srv_path(h->artifacts_path, h->options.data, "artifacts", err) &&
           srv_sqlite_open(h->db_path, &h->db, err) &&
           srv_artifacts_open(h->artifacts_path, &h->artifacts, err);
}

static void add_address(const char **names, size_t *count, const char *host)
{
    if (host[0] != '\0' && !srv_host_is_any(host)) {
        names[(*count)++] = host;
    }
}

/* Our certificates cover what we are called, and the addresses that we are found at. */
static bool identity_open(struct house *h, struct srv_err *err)
{
    const struct srv_options *o = &h->options;
    const char *names[SRV_OPTION_LIST_MAX + 2u];
    size_t count = o->name_count;
    memcpy(names, o->names, count * sizeof names[0]);
    add_address(names, &count, o->listen.host);
    add_address(names, &count, o->mqtt.host);
    const struct srv_identity_cfg cfg = {
        .dir = o->data, .names = names, .name_count = count, .now = time(NULL)
    };
    h->identity = srv_identity_open(&cfg, err);
    /* What was disabled before a crash must be on the list before anybody connects. */
    return h->identity != NULL && srv_hold_at_start(h->db, h->identity, err);
}

static bool broker_start(struct house *h, struct srv_err *err)
{
    const struct srv_options *o = &h->options;
    if (o->broker.host[0] != '\0') {
        return true; /* somebody else's */
    }
    const struct srv_broker_cfg cfg = { .dir = o->data,
                                        .bind = o->mqtt.host[0] != '\0' ? o->mqtt.host : NULL,
                                        .port = o->mqtt.port,
                                        .topic_root = o->topic_root,
                                        .app_topics = o->app_topics,
                                        .app_topic_count = o->app_topic_count,
                                        .identity = h->identity };
    h->broker = srv_broker_start(&cfg, err);
    return h->broker != NULL;
}

static const char *mqtt_host(const struct house *h)
{
    const struct srv_options *o = &h->options;
    const char *host = o->broker.host[0] != '\0' ? o->broker.host : o->mqtt.host;
    return host[0] != '\0' ? host : "127.0.0.1";
}

static uint16_t mqtt_port(const struct house *h)
{
    return h->broker != NULL ? srv_broker_port(h->broker) : h->options.broker.port;
}

/* What devices are told to connect to, when we listen at `host`: not at all addresses. */
static const char *told_as(const struct house *h, const char *host)
{
    if (!srv_host_is_any(host)) {
        return host;
    }
    if (h->options.name_count > 0) {
        return h->options.names[0];
    }
    return h->own_name[0] != '\0' ? h->own_name : "127.0.0.1";
}

static const char *told_host(const struct house *h)
{
    return h->broker != NULL ? told_as(h, mqtt_host(h)) : mqtt_host(h);
}

static bool presign_open(struct house *h, struct srv_err *err)
{
    h->presign = srv_presign_open(h->options.data, h->options.url_expires_s, err);
    return h->presign != NULL;
}

/* Our own listener, unless the operator knows better. */
static void presign_base_set(struct house *h)
{
    const struct srv_options *o = &h->options;
    char own[SRV_HOST_MAX + 32u];
    const char *host = told_as(h, o->listen.host[0] != '\0' ? o->listen.host : "127.0.0.1");
    const bool v6 = strchr(host, ':') != NULL;
    snprintf(own, sizeof own, "https://%s%s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "",
             srv_http_port(h->http));
    srv_presign_base_set(h->presign, o->download_url != NULL ? o->download_url : own);
}

/* Where the provider itself connects to. Its own broker's wildcard address is not one to dial. */
static struct srv_broker_address broker_address(const struct house *h)
{
    struct srv_broker_address a = { .host = mqtt_host(h), .port = mqtt_port(h) };
    if (h->broker != NULL) {
        if (srv_host_is_any(a.host)) {
            a.host = strchr(a.host, ':') != NULL ? "::1" : "127.0.0.1";
        }
        a.ca_file = srv_identity_ca_path(h->identity);
    } else {
        a.ca_file = h->options.broker_ca;
    }
    if (a.ca_file != NULL) {
        a.control = (struct srv_login){ srv_identity_cert_path(h->identity, SRV_OWN_CONTROL),
                                        srv_identity_key_path(h->identity, SRV_OWN_CONTROL) };
        a.stream = (struct srv_login){ srv_identity_cert_path(h->identity, SRV_OWN_STREAM),
                                       srv_identity_key_path(h->identity, SRV_OWN_STREAM) };
    }
    return a;
}

static bool reactor_start(struct house *h, struct srv_err *err)
{
    struct srv_reactor_config cfg = { .core = { .db = h->db,
                                                .presigner = srv_presign_port(h->presign) },
                                      .artifacts = h->artifacts,
                                      .broker = broker_address(h) };
    memcpy(cfg.core.topic_root, h->options.topic_root, sizeof cfg.core.topic_root);
    return srv_reactor_start(&cfg, &h->reactor, err);
}

static bool http_start(struct house *h, struct srv_err *err)
{
    const struct srv_options *o = &h->options;
    const struct srv_http_cfg cfg = { .dir = o->data,
                                      .db_path = h->db_path,
                                      .bind = o->listen.host[0] != '\0' ? o->listen.host : NULL,
                                      .port = o->listen.port,
                                      .mqtt_host = told_host(h),
                                      .mqtt_port = mqtt_port(h),
                                      .topic_root = o->topic_root,
                                      .artifacts = h->artifacts,
                                      .identity = h->identity,
                                      .broker = h->broker,
                                      .presign = h->presign,
                                      .download_url = o->download_url };
    h->http = srv_http_start(&cfg, err);
    return h->http != NULL;
}

static bool open_all(struct house *h, struct srv_err *err)
{
    if (!storage_open(h, err) || !identity_open(h, err) || !presign_open(h, err) ||
        !broker_start(h, err) || !http_start(h, err)) {
        return false;
    }
    presign_base_set(h); /* the port is known, and nobody has asked for a document yet */
    if (!reactor_start(h, err)) {
        return false;
    }
    srv_http_open(h->http, h->reactor);
    return true;
}

/* Who can still ask goes first, what is asked last. */
static void close_all(struct house *h)
{
    srv_http_stop(h->http);
    srv_reactor_stop(h->reactor);
    srv_broker_stop(h->broker);
    srv_presign_close(h->presign);
    srv_artifacts_close(h->artifacts);
    srv_db_close(h->db);
    if (h->identity != NULL) {
        srv_identity_close(h->identity);
    }
    if (h->lock >= 0) {
        close(h->lock);
    }
}

/* What is renewed is on disk whether it can be served or not: that is tried until it can. */
static bool renew(struct house *h, struct srv_err *err)
{
    if (srv_identity_renew(h->identity, time(NULL), err)) {
        h->to_reload = true;
    }
    if (!h->to_reload) {
        return err->code == SRV_OK;
    }
    h->to_reload =
        (h->broker != NULL && !srv_broker_reload(h->broker, err)) || !srv_http_reload(h->http, err);
    return !h->to_reload;
}

/* Blocked before the first thread starts, so that all inherit it and only sigtimedwait() gets them. */
static sigset_t signals_block(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return set;
}

static void wait_for_end(struct house *h, const sigset_t *signals)
{
    const struct timespec until_look = { .tv_sec = LOOK_S };
    unsigned looks = 0;
    int got;
    while ((got = sigtimedwait(signals, NULL, &until_look)) < 0) {
        struct srv_err err = { .code = SRV_OK };
        looks += errno == EAGAIN;
        srv_log_file_look(&h->log);
        if ((looks == LOOKS_A_DAY || h->to_reload) && !renew(h, &err)) {
            srv_log(SRV_LOG_WARN, "identity.renew", "reason=\"%s\"", err.text);
        }
        looks %= LOOKS_A_DAY;
    }
    srv_log(SRV_LOG_INFO, "waftd.stop", "signal=%s", got == SIGTERM ? "TERM" : "INT");
}

int main(int argc, char **argv)
{
    static struct house h = { .lock = -1 };
    struct srv_err err = { .code = SRV_OK };
    switch (srv_options_read(argc, argv, &h.options)) {
    case SRV_OPTIONS_GO: break;
    case SRV_OPTIONS_SHOWN: return 0;
    case SRV_OPTIONS_WRONG: return 2;
    }
    if (gethostname(h.own_name, sizeof h.own_name - 1u) != 0) {
        h.own_name[0] = '\0';
    }
    umask(077); /* keys, the token and the database are nobody else's */
    srv_file_allow_many();
    const sigset_t signals = signals_block();
    if (!open_all(&h, &err)) {
        srv_log(SRV_LOG_ERROR, "waftd.start", "reason=\"%s\"", err.text);
        close_all(&h);
        return 1;
    }
    srv_log(SRV_LOG_INFO, "waftd.ready", "data=%s https=%s:%u mqtt=%s:%u", h.options.data,
            h.options.listen.host[0] != '\0' ? h.options.listen.host : "127.0.0.1",
            srv_http_port(h.http), mqtt_host(&h), mqtt_port(&h));
    wait_for_end(&h, &signals);
    close_all(&h);
    return 0;
}
