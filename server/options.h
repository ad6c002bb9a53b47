/* Options of waftd. */
#ifndef SRV_OPTIONS_H
#define SRV_OPTIONS_H

#include "ota/wire.h"

#define SRV_HOST_MAX        255u /* RFC 1035 */
#define SRV_OPTION_LIST_MAX 16u

struct srv_host_port {
    char host[SRV_HOST_MAX + 1u]; /* "": not given */
    uint16_t port;                /* 0: any */
};

struct srv_options {
    const char *data;
    struct srv_host_port listen, mqtt, broker;
    const char *broker_ca; /* NULL: none */
    char topic_root[OTA_TOPIC_ROOT_MAX + 1u];
    const char *app_topics[SRV_OPTION_LIST_MAX];
    size_t app_topic_count;
    const char *names[SRV_OPTION_LIST_MAX];
    size_t name_count;
    const char *log;          /* NULL: standard error */
    const char *download_url; /* NULL: of `listen` */
    uint32_t url_expires_s;
};

enum srv_options_verdict {
    SRV_OPTIONS_GO,
    SRV_OPTIONS_SHOWN, /* help or version was asked for, and printed */
    SRV_OPTIONS_WRONG, /* said why on standard error */
};

/** Whether it means all addresses of this machine: one to listen at, but not to connect to. */
bool srv_host_is_any(const char *host);

/** Read the command line; texts are borrowed from `argv`. */
enum srv_options_verdict srv_options_read(int argc, char **argv, struct srv_options *out);

#endif
