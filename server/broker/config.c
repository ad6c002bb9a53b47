#include "broker/config.h"
#include "ota/wire.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define APP_TOPICS_MAX    32u
#define APP_TOPIC_LEN_MAX 200u

/* ---- checks ---- */

static bool is_address(const char *text)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

static size_t first_level(const char *topic)
{
    return strcspn(topic, "/");
}

/*
 * Ours stay ours: an application topic begins with a word of its own. A
 * wildcard there would match the root, and mosquitto adds grants up.
 */
static const char *app_topic_fault(const char *topic, const char *root)
{
    size_t len = strlen(topic);
    if (len == 0 || len > APP_TOPIC_LEN_MAX) {
        return "is empty or too long";
    }
    for (size_t i = 0; i < len; i++) {
        if (!isgraph((unsigned char)topic[i])) {
            return "has a blank or an unprintable character";
        }
    }
    size_t level = first_level(topic);
    if (level == 0 || topic[0] == '$' || strcspn(topic, "+#%") < level) {
        return "must begin with a word of its own, like app/%u/#";
    }
    if (level == first_level(root) && strncmp(topic, root, level) == 0) {
        return "lies under the topic root";
    }
    return NULL;
}

bool broker_config_check(const struct srv_broker_cfg *cfg, struct srv_err *err)
{
    if (cfg->bind != NULL && !is_address(cfg->bind)) {
        return srv_fail(err, SRV_E_INVALID, "%.60s is no numeric address", cfg->bind);
    }
    if (!ota_topic_root_ok(ota_span_of_str(cfg->topic_root))) {
        return srv_fail(err, SRV_E_INVALID, "%.60s cannot be a topic root", cfg->topic_root);
    }
    if (cfg->app_topic_count > APP_TOPICS_MAX) {
        return srv_fail(err, SRV_E_LIMIT, "at most %u application topics", APP_TOPICS_MAX);
    }
    for (size_t i = 0; i < cfg->app_topic_count; i++) {
        const char *fault = app_topic_fault(cfg->app_topics[i], cfg->topic_root);
        if (fault != NULL) {
            return srv_fail(err, SRV_E_INVALID, "application topic %.60s %s", cfg->app_topics[i],
                            fault);
        }
    }
    return true;
}

/* ---- texts ---- */

/*
 * What is set besides the defaults, and why:
 *   listener with an address  without one, mosquitto 2.0.11 can open a public port for anyone
 *   use_username_as_clientid  else a device ends another's session by its client id
 *   retain_available          a retained message a topic: memory that a device could fill
 *   max_packet_size           the largest is ours: 128 KiB of blocks as base64 in JSON
 *   max_queued_...            per client, so also the provider's: a fleet that reconnects is a burst
 *   persistence               job truth is in the database; devices ask again when they connect
 */
static const char fixed[] = "cafile ca.crt\n"
                            "certfile broker.crt\n"
                            "keyfile broker.key\n"
                            "crlfile crl.pem\n"
                            "require_certificate true\n"
                            "use_identity_as_username true\n"
                            "use_username_as_clientid true\n"
                            "allow_anonymous false\n"
                            "acl_file acl\n"
                            "retain_available false\n"
                            "persistence false\n"
                            "persistent_client_expiration 1d\n"
                            "max_packet_size 262144\n"
                            "max_keepalive 3600\n"
                            "max_inflight_messages 100\n"
                            "max_queued_messages 100000\n"
                            "max_queued_bytes 67108864\n"
                            "set_tcp_nodelay true\n"
                            "log_dest stderr\n"
                            "log_type error\n"
                            "log_type warning\n"
                            "log_type notice\n"
                            "connection_messages false\n"
                            "log_timestamp_format %Y-%m-%dT%H:%M:%S\n";

char *broker_config_text(const struct srv_broker_cfg *cfg, uint16_t port)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL) {
        return NULL;
    }
    fprintf(out, "# Written by waftd at each start: changes are lost.\nlistener %u %s\n%s", port,
            cfg->bind != NULL ? cfg->bind : "127.0.0.1", fixed);
    fclose(out);
    return text;
}

/* By direction, exactly what the protocol needs. Source: AWS's own policy for Jobs and streams. */
static const struct {
    const char *verb, *topic; /* below ROOT/things/%u/ */
} grants[] = {
    { "write", "jobs/get" },
    { "write", "jobs/start-next" },
    { "write", "jobs/+/get" },
    { "write", "jobs/+/update" },
    { "read", "jobs/notify" },
    { "read", "jobs/notify-next" },
    { "read", "jobs/get/+" },
    { "read", "jobs/start-next/+" },
    { "read", "jobs/+/get/+" },
    { "read", "jobs/+/update/+" },
    { "write", "streams/+/describe/+" },
    { "write", "streams/+/get/+" },
    { "read", "streams/+/description/+" },
    { "read", "streams/+/data/+" },
    { "read", "streams/+/rejected/+" },
    /* The named shadow `waft`: what the device says of itself. */
    { "write", "shadow/name/waft/get" },
    { "write", "shadow/name/waft/update" },
    { "write", "shadow/name/waft/delete" },
    { "read", "shadow/name/waft/get/+" },
    { "read", "shadow/name/waft/update/+" },
    { "read", "shadow/name/waft/delete/+" },
};

char *broker_acl_text(const struct srv_broker_cfg *cfg)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL) {
        return NULL;
    }
    static const char *const ours[] = { SRV_NAME_CONTROL, SRV_NAME_STREAM };
    fputs("# Written by waftd at each start: changes are lost.\n", out);
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        fprintf(out, "user %s\ntopic readwrite %s/things/#\n", ours[i], cfg->topic_root);
    }
    /* For one who records what goes over the wire, with a certificate of this authority. */
    fprintf(out, "user waft.provider.watch\ntopic read %s/things/#\n", cfg->topic_root);
    for (size_t i = 0; i < sizeof grants / sizeof grants[0]; i++) {
        fprintf(out, "pattern %s %s/things/%%u/%s\n", grants[i].verb, cfg->topic_root,
                grants[i].topic);
    }
    for (size_t i = 0; i < cfg->app_topic_count; i++) {
        fprintf(out, "pattern readwrite %s\n", cfg->app_topics[i]);
    }
    fclose(out);
    return text;
}
