#include "broker/probe.h"
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

bool probe_peer_init(struct probe_peer *peer, const char *text, uint16_t port, const char *ca_path)
{
    memset(peer, 0, sizeof *peer);
    peer->ca_path = ca_path;
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        if (v4.sin_addr.s_addr == htonl(INADDR_ANY)) {
            v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        }
        memcpy(&peer->address, &v4, sizeof v4);
        peer->address_len = sizeof v4;
        return true;
    }
    if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
        if (IN6_IS_ADDR_UNSPECIFIED(&v6.sin6_addr)) {
            v6.sin6_addr = in6addr_loopback;
        }
        memcpy(&peer->address, &v6, sizeof v6);
        peer->address_len = sizeof v6;
        return true;
    }
    return false;
}

static int64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct attempt {
    int fd;
    SSL *ssl;
    int64_t deadline;
};

static bool await(const struct attempt *a, short events)
{
    int64_t left = a->deadline - clock_ms();
    struct pollfd p = { .fd = a->fd, .events = events };
    return left > 0 && poll(&p, 1, (int)left) == 1;
}

static bool tcp_connect(struct attempt *a, const struct probe_peer *peer)
{
    a->fd = socket(peer->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (a->fd < 0) {
        return false;
    }
    if (connect(a->fd, (const struct sockaddr *)&peer->address, peer->address_len) == 0) {
        return true;
    }
    int error = 0;
    socklen_t len = sizeof error;
    return errno == EINPROGRESS && await(a, POLLOUT) &&
           getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0;
}

/* Whether OpenSSL wants to be called again, having waited for what it needs. */
static bool again(const struct attempt *a, int result)
{
    switch (SSL_get_error(a->ssl, result)) {
    case SSL_ERROR_WANT_READ: return await(a, POLLIN);
    case SSL_ERROR_WANT_WRITE: return await(a, POLLOUT);
    default: return false;
    }
}

static bool handshake(const struct attempt *a)
{
    int result;
    do {
        result = SSL_connect(a->ssl);
    } while (result != 1 && again(a, result));
    return result == 1;
}

static bool exchange(const struct attempt *a, const void *request, int request_len, void *reply,
                     int reply_len)
{
    int result;
    do {
        result = SSL_write(a->ssl, request, request_len);
    } while (result <= 0 && again(a, result));
    int have = 0;
    while (result > 0 && have < reply_len) {
        do {
            result = SSL_read(a->ssl, (char *)reply + have, reply_len - have);
        } while (result <= 0 && again(a, result));
        have += result > 0 ? result : 0;
    }
    return have == reply_len;
}

/* MQTT 3.1.1: a clean session without a client id (the broker takes the certificate's name), and its end. */
static bool open_session(const struct attempt *a)
{
    static const unsigned char connect_packet[] = { 0x10, 12,   0,    4, 'M', 'Q', 'T',
                                                    'T',  0x04, 0x02, 0, 10,  0,   0 };
    static const unsigned char accepted[] = { 0x20, 2, 0, 0 };
    static const unsigned char disconnect_packet[] = { 0xe0, 0 };
    unsigned char reply[sizeof accepted];
    if (!exchange(a, connect_packet, sizeof connect_packet, reply, sizeof reply) ||
        memcmp(reply, accepted, sizeof reply) != 0) {
        return false;
    }
    return SSL_write(a->ssl, disconnect_packet, sizeof disconnect_packet) > 0;
}

/*
 * TLS 1.2 on purpose: there the server judges our certificate before the
 * handshake ends, in 1.3 only after.
 */
static SSL_CTX *make_context(const struct probe_peer *peer, const struct srv_pass *pass)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (ctx != NULL && SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION) == 1 &&
        SSL_CTX_load_verify_file(ctx, peer->ca_path) == 1 &&
        SSL_CTX_use_certificate(ctx, pass->cert) == 1 &&
        SSL_CTX_use_PrivateKey(ctx, pass->key) == 1) {
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
        return ctx;
    }
    SSL_CTX_free(ctx);
    return NULL;
}

static enum probe_result run(struct attempt *a, const struct probe_peer *peer, SSL_CTX *ctx,
                             enum probe_depth depth)
{
    if (!tcp_connect(a, peer)) {
        return PROBE_ABSENT;
    }
    a->ssl = SSL_new(ctx);
    if (a->ssl == NULL || SSL_set_fd(a->ssl, a->fd) != 1) {
        return PROBE_REFUSED;
    }
    if (!handshake(a)) {
        return ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED
                   ? PROBE_REVOKED
                   : PROBE_REFUSED;
    }
    if (depth == PROBE_SESSION && !open_session(a)) {
        return PROBE_REFUSED;
    }
    SSL_shutdown(a->ssl);
    return PROBE_ACCEPTED;
}

enum probe_result probe(const struct probe_peer *peer, const struct srv_pass *pass,
                        enum probe_depth depth, int timeout_ms)
{
    SSL_CTX *ctx = make_context(peer, pass);
    if (ctx == NULL) {
        ERR_clear_error();
        return PROBE_REFUSED;
    }
    struct attempt a = { .fd = -1, .deadline = clock_ms() + timeout_ms };
    enum probe_result result = run(&a, peer, ctx, depth);
    ERR_clear_error();
    SSL_free(a.ssl);
    SSL_CTX_free(ctx);
    if (a.fd >= 0) {
        close(a.fd);
    }
    return result;
}
