/*
 * The HTTP client of a POSIX device against a real server on loopback that says, byte for byte, what
 * the test wants, and can fall silent. TLS is tested where there is a server with certificates: http_download.
 */
#define _GNU_SOURCE
#include "posix_http.h"
#include "t.h"
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 10000

/* --- the server: one thread, one connection at a time ------------------------------------- */

static struct server {
    int fd, port;
    pthread_t thread;
    pthread_mutex_t lock;
    bool stop;
    unsigned connections, requests;
    char request[4096]; /* the newest */
} server, other;

static uint8_t body[50000]; /* how all bodies begin; made before there are threads */

/* %d is the other server's port. */
static const struct reply {
    const char *path, *head;
    unsigned bytes;
    enum { KEEP, CLOSE, HANG, TRICKLE } then;
} replies[] = {
    { "/good",
      "206 Partial Content\r\nContent-Length: 5000\r\nContent-Range: bytes 0-4999/9000\r\n", 5000,
      KEEP },
    { "/large", "206 P\r\ncontent-range:\t bytes 0-49999/50000 \r\nContent-Length: 50000\r\n",
      50000, KEEP },
    { "/empty", "503 Busy\r\nContent-Length: 0\r\n", 0, KEEP },
    { "/denied", "403 Forbidden\r\nContent-Length: 8\r\n", 8, KEEP },
    { "/short", "206 P\r\nContent-Length: 5000\r\nContent-Range: bytes 0-4999/9000\r\n", 3000,
      CLOSE },
    { "/hang", "206 P\r\nContent-Length: 5000\r\nContent-Range: bytes 0-4999/9000\r\n", 3000,
      HANG },
    { "/mute", NULL, 0, HANG },
    { "/trickle", "206 P\r\nContent-Length: 5000\r\nContent-Range: bytes 0-4999/9000\r\n", 0,
      TRICKLE },
    { "/long-range",
      "206 P\r\nContent-Length: 8\r\nContent-Range: bytes "
      "00000000000000000000000000000000000000000000000000000000000000000000000000000-7/8\r\n",
      8, KEEP },
    { "/here",
      "302 Found\r\nLocation: /good\r\nContent-Range: bytes 1-2/3\r\nContent-Length: 8\r\n", 8,
      KEEP },
    { "/round", "307 T\r\nLocation: /round\r\nContent-Length: 0\r\n", 0, KEEP },
    { "/there", "302 Found\r\nLocation: http://127.0.0.1:%d/good\r\nContent-Length: 0\r\n", 0,
      KEEP },
    { "/name", "302 Found\r\nLocation: http://localhost:%d/good\r\nContent-Length: 0\r\n", 0,
      KEEP },
    { "/file", "302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n", 0, KEEP },
    { "/nowhere", "302 Found\r\nContent-Length: 0\r\n", 0, KEEP },
};

static bool stopped(struct server *s)
{
    pthread_mutex_lock(&s->lock);
    const bool stop = s->stop;
    pthread_mutex_unlock(&s->lock);
    return stop;
}

static bool readable(struct server *s, int fd)
{
    struct pollfd p = { fd, POLLIN, 0 };
    while (!stopped(s)) {
        if (poll(&p, 1, 20) > 0) {
            return true;
        }
    }
    return false;
}

/* The same, but only for a moment: or it is time to stop. */
static bool readable_now(struct server *s, int fd)
{
    struct pollfd p = { fd, POLLIN, 0 };
    return stopped(s) || poll(&p, 1, 20) > 0;
}

static bool read_request(struct server *s, int fd, char *text, size_t room)
{
    size_t len = 0;
    text[0] = '\0';
    while (strstr(text, "\r\n\r\n") == NULL) {
        ssize_t n = len + 1 < room && readable(s, fd) ? read(fd, text + len, room - 1 - len) : 0;
        if (n <= 0) {
            return false;
        }
        len += (size_t)n;
        text[len] = '\0';
    }
    return true;
}

static bool write_all(int fd, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        if (n <= 0) {
            return false;
        }
        at += n;
        len -= (size_t)n;
    }
    return true;
}

/* A byte now and then, till the client has had enough: fifty a second. */
static void trickle(struct server *s, int fd)
{
    for (size_t i = 0; i < 5000 && !readable_now(s, fd) && write_all(fd, body + i, 1); i++) {
    }
}

/* @return whether the connection stays. */
static bool answer(struct server *s, int fd, const char *request)
{
    const struct reply *r = NULL;
    for (size_t i = 0; i < COUNT(replies); i++) {
        const size_t len = strlen(replies[i].path);
        if (strncmp(request + 4, replies[i].path, len) == 0 && request[4 + len] == ' ') {
            r = &replies[i];
        }
    }
    char head[512], line[400];
    if (r == NULL) {
        return false;
    }
    if (r->head != NULL) {
        const char *const port = strstr(r->head, "%d");
        const int before = port != NULL ? (int)(port - r->head) : (int)strlen(r->head);
        char number[12] = "";
        if (port != NULL) {
            (void)snprintf(number, sizeof number, "%d", other.port);
        }
        (void)snprintf(line, sizeof line, "%.*s%s%s", before, r->head, number,
                       port != NULL ? port + 2 : "");
        (void)snprintf(head, sizeof head, "HTTP/1.1 %s\r\n", line);
        if (!write_all(fd, head, strlen(head)) || !write_all(fd, body, r->bytes)) {
            return false;
        }
    }
    if (r->then == TRICKLE) {
        trickle(s, fd);
    }
    char ignored;
    if (r->then == HANG && readable(s, fd)) {
        (void)read(fd, &ignored, 1); /* the client's end of it */
    }
    return r->then == KEEP;
}

static void *serve(void *context)
{
    struct server *s = context;
    while (readable(s, s->fd)) {
        const int fd = accept(s->fd, NULL, NULL);
        char request[4096];
        pthread_mutex_lock(&s->lock);
        s->connections++;
        pthread_mutex_unlock(&s->lock);
        bool more = fd >= 0;
        while (more && read_request(s, fd, request, sizeof request)) {
            pthread_mutex_lock(&s->lock);
            s->requests++;
            memcpy(s->request, request, sizeof request);
            pthread_mutex_unlock(&s->lock);
            more = answer(s, fd, request);
        }
        close(fd);
    }
    return NULL;
}

static void server_start(struct server *s)
{
    memset(s, 0, sizeof *s);
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof at;
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(s->fd >= 0 && bind(s->fd, (struct sockaddr *)&at, sizeof at) == 0 &&
                listen(s->fd, 8) == 0 && getsockname(s->fd, (struct sockaddr *)&at, &len) == 0);
    s->port = ntohs(at.sin_port);
    pthread_mutex_init(&s->lock, NULL);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_stop(struct server *s)
{
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    close(s->fd);
    pthread_mutex_destroy(&s->lock);
}

/* --- who hears: an agent whose inbox may be small ------------------------------------------ */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    size_t bite;       /* bytes that are taken at once; 0: all */
    unsigned refusals; /* of each thing, before it is taken */
    unsigned refused;
    unsigned heads, ends;
    uint32_t transfer, status, ended; /* the newest */
    char range[100];
    size_t len;
    bool same;        /* the bytes are those that were sent */
    sigset_t blocked; /* on the client's thread */
} heard = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, .same = true };

static bool refuse(void)
{
    if (heard.refused < heard.refusals) {
        heard.refused++;
        return true;
    }
    heard.refused = 0;
    return false;
}

static bool on_head(uint32_t transfer, uint32_t status, struct ota_span range)
{
    pthread_mutex_lock(&heard.lock);
    const bool taken = !refuse();
    if (taken) {
        heard.heads++;
        (void)pthread_sigmask(SIG_BLOCK, NULL, &heard.blocked);
        heard.transfer = transfer;
        heard.status = status;
        heard.len = 0;
        (void)snprintf(heard.range, sizeof heard.range, "%.*s", (int)range.len,
                       (const char *)range.ptr);
        pthread_cond_broadcast(&heard.moved);
    }
    pthread_mutex_unlock(&heard.lock);
    return taken;
}

static size_t on_body(uint32_t transfer, struct ota_span bytes)
{
    pthread_mutex_lock(&heard.lock);
    size_t taken = 0;
    if (!refuse()) {
        taken = heard.bite != 0 && heard.bite < bytes.len ? heard.bite : bytes.len;
        heard.same = heard.same && transfer == heard.transfer &&
                     memcmp(body + heard.len, bytes.ptr, taken) == 0;
        heard.len += taken;
        pthread_cond_broadcast(&heard.moved);
    }
    pthread_mutex_unlock(&heard.lock);
    return taken;
}

static bool on_ended(uint32_t transfer)
{
    pthread_mutex_lock(&heard.lock);
    const bool taken = !refuse();
    if (taken) {
        heard.ends++;
        heard.ended = transfer;
        pthread_cond_broadcast(&heard.moved);
    }
    pthread_mutex_unlock(&heard.lock);
    return taken;
}

/* Wait until `count` ends came, or `bytes` of the newest body. */
static void await(unsigned ends, size_t bytes)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_MS / 1000;
    pthread_mutex_lock(&heard.lock);
    while (heard.ends < ends || heard.len < bytes) {
        if (pthread_cond_timedwait(&heard.moved, &heard.lock, &until) != 0) {
            fail_msg("after %u ends and %zu bytes nothing comes", heard.ends, heard.len);
        }
    }
    pthread_mutex_unlock(&heard.lock);
}

static struct posix_http *http;

static void open_with(const struct posix_http_cfg *cfg)
{
    heard.heads = heard.ends = heard.refusals = heard.refused = 0;
    heard.bite = heard.len = 0;
    heard.ended = heard.transfer = heard.status = 0;
    http = posix_http_open(cfg);
    assert_non_null(http);
}

static void open_client(enum posix_http_schemes schemes, uint32_t silence_ms)
{
    open_with(&(struct posix_http_cfg){
        .schemes = schemes, .silence_ms = silence_ms, .sink = { on_head, on_body, on_ended } });
}

static void open_slow_client(uint32_t silence_ms, uint32_t slow_s)
{
    open_with(&(struct posix_http_cfg){ .schemes = POSIX_HTTP_PLAIN_TOO,
                                        .silence_ms = silence_ms,
                                        .slow_s = slow_s,
                                        .sink = { on_head, on_body, on_ended } });
}

static int begin(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof body; i++) {
        body[i] = (uint8_t)(i * 7u + i / 251u);
    }
    server_start(&server);
    server_start(&other);
    open_client(POSIX_HTTP_PLAIN_TOO, 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    posix_http_close(http);
    server_stop(&server);
    server_stop(&other);
    return 0;
}

static void get(const char *path, uint32_t transfer)
{
    char url[200];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d%s", server.port, path);
    assert_true(posix_http_get(http, ota_span_of_str(url), 0, 4999, transfer));
}

/* --- the facts ------------------------------------------------------------------------------- */

static void a_range_is_asked_for_and_told(void **state)
{
    (void)state;
    get("/good", 7);
    await(1, 5000);
    assert_int_equal(heard.heads, 1);
    assert_int_equal(heard.status, 206);
    assert_int_equal(heard.transfer, 7);
    assert_int_equal(heard.ended, 7);
    assert_string_equal(heard.range, "bytes 0-4999/9000");
    assert_int_equal(heard.len, 5000);
    assert_true(heard.same);
    assert_non_null(strstr(server.request, "\r\nRange: bytes=0-4999\r\n"));
    assert_null(strstr(server.request, "Accept-Encoding"));
}

static void one_connection_serves_many_requests(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= 5; i++) {
        get("/good", i);
        await(i, 0);
    }
    assert_int_equal(server.requests, 5);
    assert_int_equal(server.connections, 1);
}

static void each_answer_is_told_as_it_is(void **state)
{
    /* clang-format off */
    static const struct { const char *path; unsigned heads; uint32_t status; size_t len; const char *range; } rows[] = {
        { "/empty",      1, 503, 0,    "" },
        { "/denied",     1, 403, 8,    "" },
        { "/short",      1, 206, 3000, "bytes 0-4999/9000" },
        { "/large",      1, 206, 50000, "bytes 0-49999/50000" },
        { "/here",       1, 206, 5000, "bytes 0-4999/9000" },
        { "/round",      1, 307, 0,    "" },
        { "/there",      1, 302, 0,    "" },
        { "/name",       1, 302, 0,    "" },
        { "/file",       1, 302, 0,    "" },
        { "/nowhere",    1, 302, 0,    "" },
        { "/unheard-of", 0, 0,   0,    "" },
    };
    /* clang-format on */
    (void)state;
    for (uint32_t i = 0; i < COUNT(rows); i++) {
        heard.heads = heard.status = 0;
        heard.len = 0;
        heard.range[0] = '\0';
        get(rows[i].path, i + 1u);
        await(i + 1u, 0);
        CHECK_ROW(rows[i].path, heard.heads == rows[i].heads && heard.status == rows[i].status);
        CHECK_ROW(rows[i].path, heard.len == rows[i].len && heard.same);
        CHECK_ROW(rows[i].path, strcmp(heard.range, rows[i].range) == 0);
    }
    assert_int_equal(other.connections, 0);
}

static void a_content_range_that_is_too_long_is_cut(void **state)
{
    (void)state;
    get("/long-range", 1);
    await(1, 8);
    assert_int_equal(strlen(heard.range), 64);
}

static void without_room_the_server_waits_and_nothing_is_lost(void **state)
{
    (void)state;
    heard.bite = 1777;
    heard.refusals = 2;
    get("/large", 1);
    await(1, 50000);
    assert_int_equal(heard.heads, 1);
    assert_int_equal(heard.len, 50000);
    assert_true(heard.same);
    heard.refusals = 3;
    get("/empty", 2);
    await(2, 0);
    assert_int_equal(heard.status, 503);
}

static void a_server_that_falls_silent_is_left(void **state)
{
    (void)state;
    posix_http_close(http);
    open_client(POSIX_HTTP_PLAIN_TOO, 300);
    get("/hang", 1);
    await(1, 0);
    get("/mute", 2);
    await(2, 0);
    assert_true(heard.heads <= 1 && heard.len <= 3000);
    posix_http_close(http);
    open_client(POSIX_HTTP_PLAIN_TOO, 0);
    get("/good", 3);
    await(1, 5000);
}

/* It is never silent, so that only its rate speaks against it. */
static void a_server_that_trickles_is_left(void **state)
{
    (void)state;
    posix_http_close(http);
    open_slow_client(PATIENCE_MS, 1);
    get("/trickle", 1);
    await(1, 1);
    assert_in_range(heard.len, 1, 1000);
    assert_true(heard.same);
    get("/good", 2);
    await(2, 5000);
}

static void what_is_given_up_is_not_heard_of_again(void **state)
{
    (void)state;
    get("/hang", 1);
    await(0, 3000);
    posix_http_give_up(http, 9); /* another's */
    posix_http_give_up(http, 1);
    get("/good", 2);
    await(1, 5000);
    get("/hang", 3);
    await(1, 3000);
    get("/good", 4); /* gives up what is open */
    await(2, 5000);
    assert_int_equal(heard.ended, 4);
    assert_int_equal(heard.ends, 2);
    assert_true(heard.same);
}

static void who_is_not_there_is_an_end_without_a_head(void **state)
{
    (void)state;
    char url[60];
    server_stop(&other);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/good", other.port);
    assert_true(posix_http_get(http, ota_span_of_str(url), 0, 1, 1));
    await(1, 0);
    assert_int_equal(heard.heads, 0);
    server_start(&other);
}

static void other_schemes_are_never_used(void **state)
{
    (void)state;
    static const char *const urls[] = { "file:///etc/passwd", "ftp://127.0.0.1/x",
                                        "gopher://127.0.0.1/x", "no URL", "https://127.0.0.1:1/" };
    for (uint32_t i = 0; i < COUNT(urls); i++) {
        assert_true(posix_http_get(http, ota_span_of_str(urls[i]), 0, 1, i + 1u));
        await(i + 1u, 0);
    }
    assert_int_equal(heard.heads, 0);
    assert_false(posix_http_get(http, OTA_SPAN_NONE, 0, 1, 9));
    posix_http_close(http);
    open_client(POSIX_HTTP_TLS_ONLY, 0);
    get("/good", 1);
    await(1, 0);
    assert_int_equal(heard.heads, 0);
    assert_int_equal(server.connections, 0);
}

/* A connection that a server resets must not end the process: OpenSSL writes to it, and knows no MSG_NOSIGNAL. */
static void signals_are_the_applications(void **state)
{
    (void)state;
    sigset_t ours;
    get("/good", 1);
    await(1, 5000);
    assert_int_equal(sigismember(&heard.blocked, SIGPIPE), 1);
    assert_int_equal(sigismember(&heard.blocked, SIGTERM), 1);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &ours), 0);
    assert_int_equal(sigismember(&ours, SIGTERM), 0); /* who has opened it takes them as before */
}

static void it_can_be_closed_at_any_moment(void **state)
{
    (void)state;
    static const char *const paths[] = { "/hang", "/mute", "/large", "/round", "/good" };
    for (size_t i = 0; i < COUNT(paths); i++) {
        get(paths[i], 1);
        posix_http_close(http);
        open_client(POSIX_HTTP_PLAIN_TOO, 0);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        T(a_range_is_asked_for_and_told),
        T(one_connection_serves_many_requests),
        T(each_answer_is_told_as_it_is),
        T(a_content_range_that_is_too_long_is_cut),
        T(without_room_the_server_waits_and_nothing_is_lost),
        T(a_server_that_falls_silent_is_left),
        T(a_server_that_trickles_is_left),
        T(what_is_given_up_is_not_heard_of_again),
        T(who_is_not_there_is_an_end_without_a_head),
        T(other_schemes_are_never_used),
        T(signals_are_the_applications),
        T(it_can_be_closed_at_any_moment),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
