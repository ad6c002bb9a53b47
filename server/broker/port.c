/* The broker's port: asked for, or chosen once and kept, since devices have to know it. */
#include "base/log.h"
#include "broker/config.h"
#include "broker/priv.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint16_t remembered_port(const struct srv_broker *b)
{
    char *text = NULL;
    unsigned port = 0;
    if (srv_file_read(b->port_path, 16, &text, NULL, NULL) &&
        (sscanf(text, "%u", &port) != 1 || port > 65535u)) {
        port = 0;
    }
    free(text);
    return (uint16_t)port;
}

bool broker_port_remember(const struct srv_broker *b, struct srv_err *err)
{
    char text[16];
    int len = snprintf(text, sizeof text, "%u\n", b->port);
    return srv_file_write(b->port_path, text, (size_t)len, 0644, err);
}

/* `want`, or any if it is 0; 0 if that one is taken. */
static uint16_t free_port(const char *bind_to, uint16_t want)
{
    struct probe_peer at;
    if (!probe_peer_init(&at, bind_to, want, NULL)) {
        return 0;
    }
    int fd = socket(at.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    socklen_t len = at.address_len;
    uint16_t port = 0;
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, (const struct sockaddr *)&at.address, at.address_len) == 0 &&
        getsockname(fd, (struct sockaddr *)&at.address, &len) == 0) {
        /* sin_port and sin6_port stand at the same place. */
        struct sockaddr_in bound;
        memcpy(&bound, &at.address, sizeof bound);
        port = ntohs(bound.sin_port);
    }
    if (fd >= 0) {
        close(fd);
    }
    return port;
}

bool broker_port_choose(struct srv_broker *b, const struct srv_broker_cfg *cfg, int attempt,
                        struct srv_err *err)
{
    const char *bind_to = cfg->bind != NULL ? cfg->bind : "127.0.0.1";
    if (cfg->port != 0) {
        b->port = cfg->port;
        if (free_port(bind_to, cfg->port) == 0) {
            return srv_fail(err, SRV_E_UNAVAILABLE,
                            "port %u at %s is taken, or not for us: choose another", cfg->port,
                            bind_to);
        }
    } else {
        uint16_t last = attempt == 0 ? remembered_port(b) : 0;
        b->port = last != 0 ? free_port(bind_to, last) : 0;
        if (last != 0 && b->port == 0) {
            srv_log(SRV_LOG_WARN, "broker.port_taken",
                    "port=%u: another is used, and devices must be told", last);
        }
        b->port = b->port != 0 ? b->port : free_port(bind_to, 0);
    }
    free(b->config);
    b->config = broker_config_text(cfg, b->port);
    return (b->port != 0 && b->config != NULL &&
            probe_peer_init(&b->peer, bind_to, b->port, srv_identity_ca_path(b->identity))) ||
           srv_fail(err, SRV_E_UNAVAILABLE, "there is no free port at %s", bind_to);
}
