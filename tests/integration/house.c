#define _GNU_SOURCE
#include "house.h"
#include "t.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <mosquitto.h>
#include <netinet/in.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#define WAIT_MS 10000

/* provider_child.c */
int provider_child(const char *dir, int port, int orders, int answers);

int64_t house_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

uint8_t house_byte(uint64_t i)
{
    return (uint8_t)(i * 7u + (i >> 8) * 13u);
}

static int listener(int port)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    const int got = ntohs(a.sin_port);
    close(fd);
    return got;
}

static bool answers(int port)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in a = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const bool up = connect(fd, (const struct sockaddr *)&a, sizeof a) == 0;
    close(fd);
    return up;
}

static void pause_ms(int ms)
{
    nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000L }, NULL);
}

static void broker_exec(const struct house *h)
{
    char conf[128], log[128];
    snprintf(conf, sizeof conf, "%s/mosquitto.conf", h->tmp.path);
    snprintf(log, sizeof log, "%s/mosquitto.log", h->tmp.path);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    execlp("mosquitto", "mosquitto", "-c", conf, (char *)NULL);
    execl("/usr/sbin/mosquitto", "mosquitto", "-c", conf, (char *)NULL);
    _exit(127);
}

void house_broker_start(struct house *h)
{
    char conf[128];
    snprintf(conf, sizeof conf, "%s/mosquitto.conf", h->tmp.path);
    FILE *f = fopen(conf, "w");
    assert_non_null(f);
    fprintf(f,
            "listener %d 127.0.0.1\nallow_anonymous true\npersistence false\nuser root\n"
            "max_queued_messages 100000\nmax_inflight_messages 0\nset_tcp_nodelay true\n",
            h->port);
    fclose(f);
    h->broker = fork();
    assert_true(h->broker >= 0);
    if (h->broker == 0) {
        broker_exec(h);
    }
    for (int waited = 0; !answers(h->port); waited += 20) {
        assert_true(waited < WAIT_MS);
        pause_ms(20);
    }
}

static void end(pid_t *pid)
{
    if (*pid > 0) {
        kill(*pid, SIGKILL);
        waitpid(*pid, NULL, 0);
        *pid = 0;
    }
}

void house_broker_kill(struct house *h)
{
    end(&h->broker);
}

void house_provider_start(struct house *h)
{
    int to[2], from[2];
    assert_int_equal(pipe2(to, O_CLOEXEC), 0);
    assert_int_equal(pipe2(from, O_CLOEXEC), 0);
    h->provider = fork();
    assert_true(h->provider >= 0);
    if (h->provider == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(to[1]);
        close(from[0]);
        _exit(provider_child(h->tmp.path, h->port, to[0], from[1]));
    }
    close(to[0]);
    close(from[1]);
    h->orders = to[1];
    h->answers = from[0];
}

void house_provider_kill(struct house *h)
{
    if (h->provider > 0) {
        end(&h->provider);
        close(h->orders);
        close(h->answers);
    }
}

bool house_order(struct house *h, const char *format, ...)
{
    char line[8192];
    va_list args;
    va_start(args, format);
    const int len = vsnprintf(line, sizeof line - 1u, format, args);
    va_end(args);
    assert_true(len > 0 && (size_t)len < sizeof line - 2u);
    line[len] = '\n';
    assert_int_equal(write(h->orders, line, (size_t)len + 1u), len + 1);
    char answer = 0;
    assert_int_equal(read(h->answers, &answer, 1), 1);
    return answer == '+';
}

void house_sql(const struct house *h, const char *text)
{
    char path[sizeof h->tmp.path + 16u];
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/waft.db", h->tmp.path);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_busy_timeout(db, WAIT_MS), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

void house_wait_connected(struct house *h)
{
    const int64_t until = house_clock_ms() + WAIT_MS;
    while (!house_order(h, "connected")) {
        assert_true(house_clock_ms() < until);
        pause_ms(10);
    }
}

void house_open(struct house *h)
{
    *h = (struct house){ .tmp = t_tmp_make() };
    signal(SIGPIPE, SIG_IGN);
    h->port = listener(0);
    house_broker_start(h);
    house_provider_start(h);
    house_wait_connected(h);
}

void house_close(struct house *h)
{
    house_provider_kill(h);
    house_broker_kill(h);
    t_tmp_remove(&h->tmp);
}

static void on_connect(struct mosquitto *client, void *ctx, int code)
{
    (void)client;
    ((struct peer *)ctx)->up = code == 0;
}

static void on_subscribe(struct mosquitto *client, void *ctx, int mid, int count,
                         const int *granted)
{
    (void)client, (void)mid, (void)count, (void)granted;
    ((struct peer *)ctx)->subacks++;
}

static void on_message(struct mosquitto *client, void *ctx, const struct mosquitto_message *m)
{
    (void)client;
    struct peer *p = ctx;
    if (p->count == p->room) {
        p->room = p->room * 2u + 64u;
        p->messages = realloc(p->messages, p->room * sizeof *p->messages);
        assert_non_null(p->messages);
    }
    const size_t len = (size_t)m->payloadlen;
    struct message *kept = &p->messages[p->count++];
    *kept = (struct message){ .topic = strdup(m->topic), .payload = malloc(len + 1u), .len = len };
    if (len > 0) {
        memcpy(kept->payload, m->payload, len);
    }
    kept->payload[len] = '\0';
}

void peer_turn(struct peer *p, int ms)
{
    mosquitto_loop(p->client, ms, 1);
}

void peer_open(struct peer *p, const struct house *h)
{
    *p = (struct peer){ .up = false };
    mosquitto_lib_init();
    p->client = mosquitto_new(NULL, true, p);
    mosquitto_connect_callback_set(p->client, on_connect);
    mosquitto_subscribe_callback_set(p->client, on_subscribe);
    mosquitto_message_callback_set(p->client, on_message);
    mosquitto_max_inflight_messages_set(p->client, 0);
    mosquitto_int_option(p->client, MOSQ_OPT_TCP_NODELAY, 1);
    assert_int_equal(mosquitto_connect(p->client, "127.0.0.1", h->port, 60), MOSQ_ERR_SUCCESS);
    const int64_t until = house_clock_ms() + WAIT_MS;
    while (!p->up) {
        assert_true(house_clock_ms() < until);
        peer_turn(p, 20);
    }
}

void peer_close(struct peer *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free(p->messages[i].topic);
        free(p->messages[i].payload);
    }
    free(p->messages);
    mosquitto_destroy(p->client);
    mosquitto_lib_cleanup();
}

void peer_subscribe(struct peer *p, const char *filter)
{
    const unsigned before = p->subacks;
    const int64_t until = house_clock_ms() + WAIT_MS;
    assert_int_equal(mosquitto_subscribe(p->client, NULL, filter, 1), MOSQ_ERR_SUCCESS);
    while (p->subacks == before) {
        assert_true(house_clock_ms() < until);
        peer_turn(p, 20);
    }
}

void peer_publish(struct peer *p, const char *topic, const void *payload, size_t len)
{
    assert_int_equal(mosquitto_publish(p->client, NULL, topic, (int)len, payload, 1, false),
                     MOSQ_ERR_SUCCESS);
}

void peer_say(struct peer *p, const char *topic, const char *payload)
{
    peer_publish(p, topic, payload, strlen(payload));
}

static const struct message *next(struct peer *p, const char *wanted)
{
    const int64_t until = house_clock_ms() + WAIT_MS;
    while (p->read == p->count) {
        if (house_clock_ms() >= until) {
            fail_msg("nothing came on %s", wanted);
        }
        peer_turn(p, 20);
    }
    return &p->messages[p->read++];
}

const struct message *peer_next(struct peer *p)
{
    return next(p, "any topic");
}

const struct message *peer_expect(struct peer *p, const char *topic)
{
    const struct message *m = next(p, topic);
    assert_string_equal(m->topic, topic);
    return m;
}

const struct message *peer_wait(struct peer *p, const char *topic)
{
    const struct message *m;
    do {
        m = next(p, topic);
    } while (strcmp(m->topic, topic) != 0);
    return m;
}
