/*
 * HTTP: ranges of a file over libcurl, as an HTTP port of the agent (struct OTA_Http). It has a thread of its
 * own and one connection, which is kept for the next request.
 *
 * TLS is verified against the device's CA, or the system's. A redirect is followed to the same origin only. What
 * the agent has no room for waits in the connection: TCP holds the server up.
 */
#ifndef POSIX_HTTP_H
#define POSIX_HTTP_H

#include "ota/span.h"
#include <stdbool.h>
#include <stdint.h>

/** Who hears what comes; called on the client's thread. The OTA_OnFetched...() functions fit. */
struct posix_http_sink {
    bool (*head)(uint32_t transfer, uint32_t status, struct ota_span content_range);
    size_t (*body)(uint32_t transfer, struct ota_span bytes);
    bool (*ended)(uint32_t transfer);
};

enum posix_http_schemes { POSIX_HTTP_TLS_ONLY, POSIX_HTTP_PLAIN_TOO };

struct posix_http_cfg {
    struct ota_span ca_pem; /* copied; empty: the system's */
    enum posix_http_schemes schemes;
    uint32_t silence_ms; /* a transfer without a byte for so long has ended; 0: 30 s */
    uint32_t
        slow_s; /* one that has been slower than 100 bytes/s for so long has ended too; 0: 60 s */
    struct posix_http_sink sink;
};

struct posix_http;

/** @return NULL: memory or threads are out. */
struct posix_http *posix_http_open(const struct posix_http_cfg *cfg);
/** Break off what is open and end the thread. The sink is not called after the return. */
void posix_http_close(struct posix_http *http);

/* As struct OTA_Http wants them; `context` is the struct posix_http. */
bool posix_http_get(void *context, struct ota_span url, uint32_t first, uint32_t last,
                    uint32_t transfer);
void posix_http_give_up(void *context, uint32_t transfer);

#endif
