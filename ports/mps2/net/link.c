#include "link.h"
#include "mbedtls_port.h"
#include <lwip/tcp.h>
#include <string.h>

static void lose(struct link *l, int fault)
{
    if (l->state != LINK_DOWN && l->state != LINK_LOST) {
        l->state = LINK_LOST;
        l->fault = fault;
    }
}

/* --- what lwIP calls: it only remembers ------------------------------------------ */

static err_t on_connected(void *context, struct tcp_pcb *pcb, err_t err)
{
    struct link *l = context;
    (void)pcb, (void)err; /* always OK */
    l->state = LINK_GREETING;
    return ERR_OK;
}

/* TCP's window bounds what can wait: it is opened as bytes are decrypted. */
static err_t on_received(void *context, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
    struct link *l = context;
    (void)pcb, (void)err; /* always OK */
    if (p == NULL) {
        lose(l, 0);
    } else if (l->in == NULL) {
        l->in = p;
    } else {
        pbuf_cat(l->in, p);
    }
    return ERR_OK;
}

/* The connection is gone already, and its memory too. */
static void on_error(void *context, err_t err)
{
    struct link *l = context;
    l->pcb = NULL;
    lose(l, err);
}

/* --- what Mbed TLS calls ------------------------------------------------------------ */

static int bio_send(void *context, const unsigned char *bytes, size_t len)
{
    struct link *l = context;
    if (l->pcb == NULL) {
        return MBEDTLS_ERR_SSL_CONN_EOF;
    }
    const size_t room = tcp_sndbuf(l->pcb);
    const u16_t part = (u16_t)(len < room ? len : room);
    if (part == 0) {
        return MBEDTLS_ERR_SSL_WANT_WRITE;
    }
    const err_t err = tcp_write(l->pcb, bytes, part, TCP_WRITE_FLAG_COPY);
    if (err == ERR_MEM) {
        return MBEDTLS_ERR_SSL_WANT_WRITE;
    }
    return err == ERR_OK ? (int)part : MBEDTLS_ERR_SSL_CONN_EOF;
}

/* Drop the first `used` bytes of what waits. */
static void consume(struct link *l, u16_t used)
{
    l->in_used = (uint16_t)(l->in_used + used);
    if (l->in_used == l->in->len) {
        struct pbuf *rest = l->in->next;
        if (rest != NULL) {
            pbuf_ref(rest);
        }
        pbuf_free(l->in);
        l->in = rest;
        l->in_used = 0;
    }
    if (l->pcb != NULL) {
        tcp_recved(l->pcb, used);
    }
}

static int bio_receive(void *context, unsigned char *into, size_t cap)
{
    struct link *l = context;
    if (l->in == NULL) {
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    const size_t there = (size_t)(l->in->len - l->in_used);
    const u16_t part = (u16_t)(cap < there ? cap : there);
    memcpy(into, (const uint8_t *)l->in->payload + l->in_used, part);
    consume(l, part);
    return (int)part;
}

/* --- identity -------------------------------------------------------------------------- */

typedef int pem_parser(void *into, const unsigned char *pem, size_t size);

static int parse_certificate(void *into, const unsigned char *pem, size_t size)
{
    const int rc = mbedtls_x509_crt_parse(into, pem, size);
    return rc > 0 ? MBEDTLS_ERR_X509_INVALID_FORMAT : rc; /* > 0: that many were bad */
}

static int parse_key(void *into, const unsigned char *pem, size_t size)
{
    return mbedtls_pk_parse_key(into, pem, size, NULL, 0);
}

/* Mbed TLS wants PEM with its terminating zero. */
static int parse(pem_parser *parser, void *into, struct ota_span pem, struct ota_buf scratch)
{
    if (pem.len >= scratch.cap) {
        return MBEDTLS_ERR_X509_BUFFER_TOO_SMALL;
    }
    memcpy(scratch.ptr, pem.ptr, pem.len);
    scratch.ptr[pem.len] = 0;
    const int rc = parser(into, scratch.ptr, pem.len + 1u);
    memset(scratch.ptr, 0, pem.len); /* it may have been the key */
    return rc;
}

static int configure(struct link *l)
{
    struct link_tls *const t = l->tls;
    mbedtls_ssl_config *const c = &t->config;
    int rc = mbedtls_ssl_config_defaults(c, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                         MBEDTLS_SSL_PRESET_DEFAULT);
    if (rc == 0) {
        rc = mbedtls_ssl_conf_own_cert(c, &t->cert, &t->key);
    }
    if (rc == 0) {
        rc = mbedtls_ssl_conf_max_frag_len(c, MBEDTLS_SSL_MAX_FRAG_LEN_4096);
    }
    mbedtls_ssl_conf_min_version(c, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_ca_chain(c, &t->ca, NULL);
    mbedtls_ssl_conf_authmode(c, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_rng(c, mps2_rng, NULL);
    return rc;
}

int link_init(struct link *l, struct link_tls *tls, const struct link_identity *identity,
              struct ota_buf scratch)
{
    *l = (struct link){ .tls = tls };
    mbedtls_ssl_init(&tls->ssl);
    mbedtls_ssl_config_init(&tls->config);
    mbedtls_x509_crt_init(&tls->ca);
    mbedtls_x509_crt_init(&tls->cert);
    mbedtls_pk_init(&tls->key);
    int rc = parse(parse_certificate, &tls->ca, identity->ca, scratch);
    if (rc == 0) {
        rc = parse(parse_certificate, &tls->cert, identity->cert, scratch);
    }
    if (rc == 0) {
        rc = parse(parse_key, &tls->key, identity->key, scratch);
    }
    if (rc == 0) {
        rc = configure(l);
    }
    return rc == 0 ? mbedtls_ssl_setup(&tls->ssl, &tls->config) : rc;
}

/* --- life ----------------------------------------------------------------------------------- */

void link_open(struct link *l, ip_addr_t address, uint16_t port, const char *name)
{
    l->state = LINK_CONNECTING;
    l->fault = 0;
    int rc = mbedtls_ssl_session_reset(&l->tls->ssl);
    if (rc == 0) {
        rc = mbedtls_ssl_set_hostname(&l->tls->ssl, name);
    }
    l->pcb = tcp_new();
    if (rc != 0 || l->pcb == NULL) {
        lose(l, rc != 0 ? rc : ERR_MEM);
        return;
    }
    mbedtls_ssl_set_bio(&l->tls->ssl, l, bio_send, bio_receive, NULL);
    tcp_arg(l->pcb, l);
    tcp_recv(l->pcb, on_received);
    tcp_err(l->pcb, on_error);
    tcp_nagle_disable(l->pcb); /* a request waits for nothing */
    const err_t err = tcp_connect(l->pcb, &address, port, on_connected);
    if (err != ERR_OK) {
        lose(l, err);
    }
}

static bool is_patience(int rc)
{
    return rc == MBEDTLS_ERR_SSL_WANT_READ || rc == MBEDTLS_ERR_SSL_WANT_WRITE;
}

enum link_state link_turn(struct link *l)
{
    if (l->state == LINK_GREETING) {
        const int rc = mbedtls_ssl_handshake(&l->tls->ssl);
        if (rc == 0) {
            l->state = LINK_UP;
        } else if (!is_patience(rc)) {
            lose(l, rc);
        }
    }
    if (l->pcb != NULL) {
        (void)tcp_output(l->pcb); /* what cannot be sent now goes with lwIP's timers */
    }
    return l->state;
}

size_t link_read(struct link *l, struct ota_buf into)
{
    if (l->state != LINK_UP) {
        return 0;
    }
    const int rc = mbedtls_ssl_read(&l->tls->ssl, into.ptr, into.cap);
    if (rc > 0) {
        return (size_t)rc;
    }
    if (!is_patience(rc)) {
        lose(l, rc == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY ? 0 : rc);
    }
    return 0;
}

/* Of what goes out in one call: two, and a third where the rest is larger than one. */
#define RECORDS      3u
#define RECORD_BYTES 29u /* header, nonce and tag, of AES-GCM */

/* So that nothing that is begun has to wait: TCP has room for it, encrypted, in segments that no record begins with. */
static bool tcp_takes(const struct link *l, size_t len)
{
    return l->state == LINK_UP && len + RECORDS * RECORD_BYTES <= tcp_sndbuf(l->pcb) &&
           tcp_sndqueuelen(l->pcb) + 2u * RECORDS + len / TCP_MSS <= TCP_SND_QUEUELEN;
}

static void encrypt(struct link *l, struct ota_span bytes)
{
    while (l->state == LINK_UP && bytes.len > 0) {
        const int rc = mbedtls_ssl_write(&l->tls->ssl, bytes.ptr, bytes.len);
        if (rc <= 0) {
            lose(l, rc); /* half a packet is worse than none */
            return;
        }
        bytes = (struct ota_span){ bytes.ptr + rc, bytes.len - (size_t)rc };
    }
}

bool link_send(struct link *l, struct ota_span head, struct ota_span rest)
{
    if (!tcp_takes(l, head.len + rest.len)) {
        return false;
    }
    encrypt(l, head);
    encrypt(l, rest);
    (void)tcp_output(l->pcb);
    return l->state == LINK_UP;
}

void link_close(struct link *l)
{
    if (l->pcb != NULL) {
        tcp_arg(l->pcb, NULL);
        tcp_recv(l->pcb, NULL);
        tcp_err(l->pcb, NULL);
        tcp_abort(l->pcb); /* a polite end is the MQTT layer's DISCONNECT */
        l->pcb = NULL;
    }
    if (l->in != NULL) {
        pbuf_free(l->in);
        l->in = NULL;
    }
    l->in_used = 0;
    l->state = LINK_DOWN;
}
