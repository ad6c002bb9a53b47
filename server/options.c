#include "options.h"
#include "http/presign.h"
#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION "0.1.0"

enum kind { TEXT, HOST_PORT, ROOT, LIST, URL, EXPIRES };

static const struct option {
    const char *name, *value, *help;
    enum kind kind;
    size_t field, count_field;
} options[] = {
    { "--data", "DIR", "where everything is kept; made if it is not there", TEXT,
      offsetof(struct srv_options, data), 0 },
    { "--listen", "ADDR:PORT", "of the HTTPS API (127.0.0.1, a free port that is kept)", HOST_PORT,
      offsetof(struct srv_options, listen), 0 },
    { "--mqtt-listen", "ADDR:PORT", "of our own broker (127.0.0.1, a free port that is kept)",
      HOST_PORT, offsetof(struct srv_options, mqtt), 0 },
    { "--broker", "HOST:PORT", "use this broker, start none", HOST_PORT,
      offsetof(struct srv_options, broker), 0 },
    { "--broker-ca", "FILE", "its authority (PEM): TLS with our certificates; else plain", TEXT,
      offsetof(struct srv_options, broker_ca), 0 },
    { "--topic-root", "ROOT", "first levels of every topic ($aws)", ROOT,
      offsetof(struct srv_options, topic_root), 0 },
    { "--app-topic", "FILTER", "things may use it besides, as app/%u/#; can be repeated", LIST,
      offsetof(struct srv_options, app_topics), offsetof(struct srv_options, app_topic_count) },
    { "--name", "HOST", "name or address that devices know this machine by; can be repeated", LIST,
      offsetof(struct srv_options, names), offsetof(struct srv_options, name_count) },
    { "--download-url", "URL", "where things reach /d/ of the HTTPS API (https://ADDR:PORT of it)",
      URL, offsetof(struct srv_options, download_url), 0 },
    { "--url-expires", "SECONDS", "how long a download URL is good, 1 to 86400 (3600)", EXPIRES,
      offsetof(struct srv_options, url_expires_s), 0 },
    { "--log", "FILE", "log there, and to FILE.1 what is older, 2 MiB each (standard error)", TEXT,
      offsetof(struct srv_options, log), 0 },
};
#define OPTION_COUNT (sizeof options / sizeof options[0])

static void help(void)
{
    puts("waftd: over-the-air updates, the provider.\n\nusage: waftd --data DIR [options]\n");
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        printf("  %-14s %-10s %s\n", options[i].name, options[i].value, options[i].help);
    }
    puts("  --version\n  --help\n\nADDR is a numeric address of this machine, 0.0.0.0 for all; of "
         "IPv6 "
         "[::1]:8443 and [::].");
}

bool srv_host_is_any(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    return (inet_pton(AF_INET, host, &v4) == 1 && v4.s_addr == htonl(INADDR_ANY)) ||
           (inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_UNSPECIFIED(&v6));
}

/* HOST:PORT, [V6]:PORT, HOST, [V6] or :PORT. */
static bool host_port_read(const char *text, struct srv_host_port *out)
{
    const char *bracket = text[0] == '[' ? strchr(text, ']') : NULL;
    const char *colon = strrchr(bracket != NULL ? bracket : text, ':');
    const char *end = colon != NULL ? colon : text + strlen(text);
    struct srv_host_port got = { .port = 0 };
    if (colon != NULL) {
        char *rest;
        const unsigned long port = strtoul(colon + 1, &rest, 10);
        if (colon[1] < '0' || colon[1] > '9' || *rest != '\0' || port > UINT16_MAX) {
            return false;
        }
        got.port = (uint16_t)port;
    }
    if (text[0] == '[' && end > text + 1 && end[-1] == ']') {
        text++;
        end--;
    }
    const size_t len = (size_t)(end - text);
    if (len > SRV_HOST_MAX) {
        return false;
    }
    memcpy(got.host, text, len);
    *out = got;
    return true;
}

static bool root_read(const char *text, char *out)
{
    const struct ota_span root = ota_span_of_str(text);
    if (!ota_topic_root_ok(root)) {
        return false;
    }
    memcpy(out, text, root.len + 1u);
    return true;
}

static bool list_add(const char *text, const char **list, size_t *count)
{
    if (*count == SRV_OPTION_LIST_MAX) {
        return false;
    }
    list[(*count)++] = text;
    return true;
}

static bool url_read(const char *text, const char **out)
{
    *out = text;
    return srv_presign_base_ok(text);
}

static bool expires_read(const char *text, uint32_t *out)
{
    char *end;
    const unsigned long value = strtoul(text, &end, 10);
    *out = (uint32_t)value;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && value >= 1 &&
           value <= SRV_PRESIGN_VALID_S_MAX;
}

static bool value_read(const struct option *option, const char *text, struct srv_options *out)
{
    void *field = (char *)out + option->field;
    switch (option->kind) {
    case TEXT: *(const char **)field = text; return text[0] != '\0';
    case HOST_PORT: return host_port_read(text, field);
    case ROOT: return root_read(text, field);
    case URL: return url_read(text, field);
    case EXPIRES: return expires_read(text, field);
    case LIST: return list_add(text, field, (size_t *)(void *)((char *)out + option->count_field));
    }
    return false;
}

static const struct option *option_find(const char *name)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (strcmp(options[i].name, name) == 0) {
            return &options[i];
        }
    }
    return NULL;
}

static enum srv_options_verdict wrong(const char *what, const char *which)
{
    fprintf(stderr, "waftd: %s %s; see waftd --help\n", what, which);
    return SRV_OPTIONS_WRONG;
}

static enum srv_options_verdict wrong_value(const struct option *option, const char *value)
{
    fprintf(stderr, "waftd: %s wants %s, not \"%s\"; see waftd --help\n", option->name,
            option->value, value != NULL ? value : "");
    return SRV_OPTIONS_WRONG;
}

enum srv_options_verdict srv_options_read(int argc, char **argv, struct srv_options *out)
{
    *out =
        (struct srv_options){ .topic_root = "$aws", .url_expires_s = SRV_PRESIGN_VALID_S_DEFAULT };
    int i = 1;
    while (i < argc) {
        if (strcmp(argv[i], "--help") == 0) {
            help();
            return SRV_OPTIONS_SHOWN;
        }
        if (strcmp(argv[i], "--version") == 0) {
            puts("waftd " VERSION);
            return SRV_OPTIONS_SHOWN;
        }
        const struct option *option = option_find(argv[i]);
        if (option == NULL) {
            return wrong("no such option:", argv[i]);
        }
        if (i + 1 == argc || !value_read(option, argv[i + 1], out)) {
            return wrong_value(option, argv[i + 1]);
        }
        i += 2;
    }
    if (out->data == NULL) {
        return wrong("missing:", "--data");
    }
    if ((out->broker.host[0] != '\0') != (out->broker.port != 0)) {
        return wrong("host and port are both needed in", "--broker");
    }
    return SRV_OPTIONS_GO;
}
