/*
 * Downloads over real HTTPS, with the provider's own URLs: what a device, a
 * proxy and a stranger get. The server runs in this process, so that the
 * sanitizer sees it; without a broker. Requests are libcurl's.
 */
#define _GNU_SOURCE
#include "db/artifacts.h"
#include "db/sqlite.h"
#include "http/hold.h"
#include "http/http.h"
#include "http/presign.h"
#include "identity/identity.h"
#include "mqtt/reactor.h"
#include "posix_http.h"
#include "run.h"
#include "t.h"
#include "tmp.h"
#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* More than one TLS record and one piece of the server's, and odd. */
#define FILE_SIZE 300001u

static struct t_tmp tmp;
static struct {
    char dir[100], db_path[120], artifacts_path[120], base[60], digest[65], etag[68];
    uint8_t bytes[FILE_SIZE];
    struct srv_identity *id;
    struct srv_db *db;
    struct srv_artifacts *artifacts;
    struct srv_reactor *reactor;
    struct srv_presign *presign;
    struct srv_http *http;
} h;

struct answer {
    long status;
    size_t len; /* bytes of the body, which is checked as it comes */
    uint64_t first;
    bool same; /* the body is the file's, from `first` on */
    char etag[80], range[80], length[40];
    char words[200]; /* as the body begins, if it is text */
};

static size_t on_body(char *bytes, size_t size, size_t count, void *user)
{
    struct answer *a = user;
    const uint64_t at = a->first + a->len;
    const size_t len = size * count;
    if (a->len == 0) {
        (void)snprintf(a->words, sizeof a->words, "%.*s", (int)len, bytes);
    }
    a->same = a->same && at + len <= FILE_SIZE && memcmp(bytes, h.bytes + at, len) == 0;
    a->len += len;
    return len;
}

static void keep(const char *line, size_t len, const char *name, char *out, size_t room)
{
    const size_t name_len = strlen(name);
    if (len > name_len && strncasecmp(line, name, name_len) == 0) {
        const size_t rest = len - name_len;
        snprintf(out, room, "%.*s",
                 (int)strcspn(line + name_len, "\r\n") < (int)rest
                     ? (int)strcspn(line + name_len, "\r\n")
                     : (int)rest,
                 line + name_len);
    }
}

static size_t on_header(char *bytes, size_t size, size_t count, void *user)
{
    struct answer *a = user;
    keep(bytes, size * count, "ETag: ", a->etag, sizeof a->etag);
    keep(bytes, size * count, "Content-Range: ", a->range, sizeof a->range);
    keep(bytes, size * count, "Content-Length: ", a->length, sizeof a->length);
    return size * count;
}

struct request {
    const char *method, *url;
    const char *headers[3];
    const char *body;
    uint64_t first; /* where in the file the body begins */
};

static CURLcode perform_over(CURL *curl, const struct request *q, struct answer *a)
{
    *a = (struct answer){ .first = q->first, .same = true };
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    for (size_t i = 0; i < COUNT(q->headers) && q->headers[i] != NULL; i++) {
        headers = curl_slist_append(headers, q->headers[i]);
    }
    curl_easy_setopt(curl, CURLOPT_URL, q->url);
    curl_easy_setopt(curl, CURLOPT_CAINFO, srv_identity_ca_path(h.id));
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, q->method);
    curl_easy_setopt(curl, CURLOPT_NOBODY, strcmp(q->method, "HEAD") == 0 ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, a);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, a);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
    if (q->body != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, q->body);
    }
    const CURLcode why = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &a->status);
    curl_slist_free_all(headers);
    return why;
}

static struct answer perform(const struct request *q)
{
    struct answer a;
    CURL *curl = curl_easy_init();
    const CURLcode why = perform_over(curl, q, &a);
    if (why != CURLE_OK) {
        fail_msg("%s %s: %s", q->method, q->url, curl_easy_strerror(why));
    }
    curl_easy_cleanup(curl);
    return a;
}

static void url_at(char url[SRV_PRESIGNED_URL_MAX], const char *thing, const char *digest,
                   int64_t now_s)
{
    const struct srv_presigner *port = srv_presign_port(h.presign);
    struct ota_writer w =
        ota_writer((struct ota_buf){ (uint8_t *)url, SRV_PRESIGNED_URL_MAX - 1u });
    port->write(port, &w, ota_span_of_str(thing), ota_span_of_str(digest), now_s);
    url[ota_writer_done(&w).len] = '\0';
}

static void submit(const struct srv_command *c)
{
    struct srv_err err = { 0 };
    if (!srv_reactor_submit(h.reactor, c, &err)) {
        fail_msg("%s", err.text);
    }
}

static void a_range_gets_its_bytes_and_nothing_gets_all(void **state)
{
    (void)state;
    char url[SRV_PRESIGNED_URL_MAX], other[80];
    url_at(url, "t", h.digest, time(NULL));
    snprintf(other, sizeof other, "If-Range: \"%064d\"", 0);
    char same[100], known[100];
    snprintf(same, sizeof same, "If-Range: %s", h.etag);
    snprintf(known, sizeof known, "If-None-Match: %s", h.etag);
    const struct {
        const char *why, *method, *header[2];
        long status;
        uint64_t first, len;
        const char *range;
    } rows[] = {
        { "all", "GET", { NULL }, 200, 0, FILE_SIZE, "" },
        { "the first", "GET", { "Range: bytes=0-4095" }, 206, 0, 4096, "bytes 0-4095/300001" },
        { "inside",
          "GET",
          { "Range: bytes=4096-262143" },
          206,
          4096,
          258048,
          "bytes 4096-262143/300001" },
        { "the last byte",
          "GET",
          { "Range: bytes=-1" },
          206,
          300000,
          1,
          "bytes 300000-300000/300001" },
        { "over the end",
          "GET",
          { "Range: bytes=300000-400000" },
          206,
          300000,
          1,
          "bytes 300000-300000/300001" },
        { "all as a range",
          "GET",
          { "Range: bytes=0-" },
          206,
          0,
          FILE_SIZE,
          "bytes 0-300000/300001" },
        { "behind the end", "GET", { "Range: bytes=300001-" }, 416, 0, 0, "bytes */300001" },
        { "if it is this one", "GET", { "Range: bytes=1-2", same }, 206, 1, 2, "bytes 1-2/300001" },
        { "if it is another", "GET", { "Range: bytes=1-2", other }, 200, 0, FILE_SIZE, "" },
        { "known already", "GET", { known }, 304, 0, 0, "" },
        { "only its head", "HEAD", { NULL }, 200, 0, 0, "" },
        { "its head has no ranges", "HEAD", { "Range: bytes=1-2" }, 200, 0, 0, "" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct request q = { .method = rows[i].method,
                                   .url = url,
                                   .headers = { rows[i].header[0], rows[i].header[1] },
                                   .first = rows[i].first };
        const struct answer a = perform(&q);
        CHECK_ROW(rows[i].why, a.status == rows[i].status);
        CHECK_ROW(rows[i].why, a.len == rows[i].len && a.same);
        CHECK_ROW(rows[i].why, strcmp(a.range, rows[i].range) == 0);
        CHECK_ROW(rows[i].why, strcmp(a.etag, h.etag) == 0);
        CHECK_ROW(rows[i].why, rows[i].method[0] != 'H' || (unsigned)atoi(a.length) == FILE_SIZE);
    }
}

/* A sparse one, at the place of an artifact; its digest is nobody's business here. */
static void the_end_of_a_file_of_4_gib_is_reached(void **state)
{
    (void)state;
    static const char name[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    char path[220], url[SRV_PRESIGNED_URL_MAX];
    snprintf(path, sizeof path, "%s/%s", h.artifacts_path, name);
    FILE *f = fopen(path, "w");
    assert_int_equal(ftruncate(fileno(f), UINT32_MAX), 0);
    assert_int_equal(fseeko(f, (off_t)UINT32_MAX - 100, SEEK_SET), 0);
    assert_int_equal(fwrite(h.bytes, 1, 100, f), 100);
    fclose(f);
    url_at(url, "t", name, time(NULL));
    const struct request q = { .method = "GET",
                               .url = url,
                               .headers = { "Range: bytes=4294967195-4294967295" } };
    const struct answer a = perform(&q); /* what comes is compared with the beginning of h.bytes */
    assert_int_equal(a.status, 206);
    assert_int_equal(a.len, 100);
    assert_true(a.same);
    assert_string_equal(a.range, "bytes 4294967195-4294967294/4294967295");
    unlink(path);
}

static void only_who_was_sent_there_gets_anything(void **state)
{
    (void)state;
    const int64_t now = time(NULL);
    char good[SRV_PRESIGNED_URL_MAX], url[SRV_PRESIGNED_URL_MAX + 10];
    url_at(good, "t", h.digest, now);
    struct request q = { .method = "GET", .url = url };

    url_at(url, "t", h.digest, now - 3600); /* good until now */
    assert_int_equal(perform(&q).status, 403);
    url_at(url, "nobody", h.digest, now);
    assert_int_equal(perform(&q).status, 403);
    strcpy(url, good);
    url[strlen(url) - 1] ^= 1;
    assert_int_equal(perform(&q).status, 403);
    strcpy(url, good);
    *strstr(url, "?t=t") = '\0'; /* without anything behind it */
    assert_int_equal(perform(&q).status, 403);
    strcpy(url, good);
    strstr(url, "?t=")[3] = 'u'; /* in another thing's name */
    assert_int_equal(perform(&q).status, 403);
    strcpy(url, good);
    strstr(url, "/d/")[3] ^= 1; /* another file */
    assert_int_equal(perform(&q).status, 403);
    /* One that is signed and gone. */
    url_at(url, "t",
           "00000000000000000000000000000000"
           "00000000000000000000000000000000",
           now);
    assert_int_equal(perform(&q).status, 404);
    /* The permission is to fetch, no more: no other verb, no body, no other path. */
    q.url = good;
    q.method = "PUT";
    assert_int_equal(perform(&q).status, 401);
    q.method = "GET";
    q.body = "{}";
    assert_int_equal(perform(&q).status, 400);
    q.body = NULL;
    q.headers[0] = "Content-Length: 1000000000"; /* of which nothing is waited for */
    assert_int_equal(perform(&q).status, 400);
    q.headers[0] = NULL;
    snprintf(url, sizeof url, "%s/waft/v1/status%s", h.base, strchr(good, '?'));
    q.url = url;
    assert_int_equal(perform(&q).status, 401);
    q.url = good;
    assert_int_equal(perform(&q).status, 200);
}

static void a_disabled_thing_gets_nothing(void **state)
{
    (void)state;
    char url[SRV_PRESIGNED_URL_MAX];
    url_at(url, "u", h.digest, time(NULL));
    const struct request q = { .method = "GET", .url = url };
    assert_int_equal(perform(&q).status, 200);
    submit(&(struct srv_command){ .kind = SRV_CMD_THING_DISABLE,
                                  .thing_disable = { OTA_SPAN_LIT("u") } });
    assert_int_equal(perform(&q).status, 403);
}

static void *fetch_all(void *url)
{
    const struct answer a = perform(&(struct request){ .method = "GET", .url = url });
    return a.status == 200 && a.len == FILE_SIZE && a.same ? url : NULL;
}

static void several_devices_download_at_once(void **state)
{
    (void)state;
    char url[SRV_PRESIGNED_URL_MAX];
    pthread_t threads[8];
    url_at(url, "t", h.digest, time(NULL));
    for (size_t i = 0; i < COUNT(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, fetch_all, url), 0);
    }
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *good = NULL;
        pthread_join(threads[i], &good);
        assert_non_null(good);
    }
}

/* --- the client of a POSIX device ------------------------------------------------------------ */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t over;
    unsigned heads;
    uint32_t status;
    size_t len;
    bool same, ended;
} device = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, .same = true };

#define DEVICE_FIRST 4096u

static bool device_head(uint32_t transfer, uint32_t status, struct ota_span range)
{
    (void)transfer;
    (void)range;
    device.heads++;
    device.status = status;
    return true;
}

static size_t device_body(uint32_t transfer, struct ota_span bytes)
{
    (void)transfer;
    const size_t at = DEVICE_FIRST + device.len;
    device.same = device.same && at + bytes.len <= FILE_SIZE &&
                  memcmp(h.bytes + at, bytes.ptr, bytes.len) == 0;
    device.len += bytes.len;
    return bytes.len;
}

static bool device_ended(uint32_t transfer)
{
    (void)transfer;
    pthread_mutex_lock(&device.lock);
    device.ended = true;
    pthread_cond_signal(&device.over);
    pthread_mutex_unlock(&device.lock);
    return true;
}

/* In front of OpenSSL's: the system's directory of CAs, which libcurl would look into besides a CA that it is given. */
static unsigned system_dirs;
int X509_STORE_load_path(X509_STORE *store, const char *dir)
{
    (void)store;
    (void)dir;
    system_dirs++;
    return 1;
}

/* From DEVICE_FIRST to the end, as a device that trusts `ca` alone. */
static void device_fetches(struct ota_span ca, const char *url)
{
    const struct posix_http_cfg cfg = { .ca_pem = ca,
                                        .sink = { device_head, device_body, device_ended } };
    device.heads = 0;
    device.len = 0;
    device.ended = false;
    system_dirs = 0;
    struct posix_http *http = posix_http_open(&cfg);
    assert_non_null(http);
    assert_true(posix_http_get(http, ota_span_of_str(url), DEVICE_FIRST, FILE_SIZE - 1u, 1));
    pthread_mutex_lock(&device.lock);
    while (!device.ended) {
        pthread_cond_wait(&device.over, &device.lock);
    }
    pthread_mutex_unlock(&device.lock);
    posix_http_close(http);
}

/* Its own provider's CA and no other: not another provider's, and not the system's. */
static void a_device_takes_bytes_from_whom_it_trusts_only(void **state)
{
    (void)state;
    char url[SRV_PRESIGNED_URL_MAX], dir[120];
    struct srv_err err = { 0 };
    url_at(url, "t", h.digest, time(NULL));
    char *own = t_slurp(srv_identity_ca_path(h.id), NULL);
    (void)snprintf(dir, sizeof dir, "%s/stranger", tmp.path);
    struct srv_identity_cfg cfg = { .dir = dir, .now = time(NULL) };
    struct srv_identity *stranger = srv_identity_open(&cfg, &err);
    assert_non_null(stranger);
    char *others = t_slurp(srv_identity_ca_path(stranger), NULL);

    device_fetches(ota_span_of_str(own), url);
    assert_int_equal(device.heads, 1);
    assert_int_equal(device.status, 206);
    assert_true(device.same && device.len == FILE_SIZE - DEVICE_FIRST);
    device_fetches(ota_span_of_str(others), url);
    assert_int_equal(device.heads, 0);
    assert_int_equal(system_dirs, 0);
    device_fetches(OTA_SPAN_NONE, url);
    assert_true(system_dirs > 0);
    assert_int_equal(device.heads, 0);
    assert_int_equal(device.len, 0);

    srv_identity_close(stranger);
    free(own);
    free(others);
}

/* --- more of them than there is room for ------------------------------------------------- */

/* As docs/operating.md has them; the last ones are left to operators. */
#define CONNECTIONS_MAX 512u
#define DOWNLOADS_MAX   (CONNECTIONS_MAX - 64u)

/* Connections that say nothing. */
static struct {
    int fds[CONNECTIONS_MAX];
    size_t count;
} crowd;

static void crowd_to(size_t count)
{
    const struct sockaddr_in to = { .sin_family = AF_INET,
                                    .sin_port = htons(srv_http_port(h.http)),
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    assert_true(count <= COUNT(crowd.fds));
    while (crowd.count < count) {
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        crowd.fds[crowd.count++] = fd;
        assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    }
    while (crowd.count > count) {
        close(crowd.fds[--crowd.count]);
    }
}

/* The server has let go of none of the first `count`. */
static bool crowd_is_whole(size_t count)
{
    struct pollfd fds[CONNECTIONS_MAX];
    for (size_t i = 0; i < count; i++) {
        fds[i] = (struct pollfd){ .fd = crowd.fds[i], .events = POLLIN };
    }
    return poll(fds, count, 0) == 0;
}

/* HTTP status; 0: there was not even a connection. */
static long ask_over(CURL *curl, const char *url, const char *header)
{
    struct answer a;
    const struct request q = { .method = "GET", .url = url, .headers = { header } };
    const bool answered = perform_over(curl, &q, &a) == CURLE_OK;
    assert_true(a.status != 503 || strstr(a.words, "too many downloads at once") != NULL);
    return answered ? a.status : 0;
}

static long operator_asks_over(CURL *curl)
{
    char header[150], url[100], path[120];
    snprintf(path, sizeof path, "%s/token", h.dir);
    char *token = t_slurp(path, NULL);
    snprintf(header, sizeof header, "Authorization: Bearer %.*s", (int)strcspn(token, "\n"), token);
    free(token);
    snprintf(url, sizeof url, "%s/waft/v1/status", h.base);
    return ask_over(curl, url, header);
}

/* Over a connection that is new, and gone thereafter. */
static long operator_asks(void)
{
    CURL *curl = curl_easy_init();
    const long status = operator_asks_over(curl);
    curl_easy_cleanup(curl);
    return status;
}

static long download(void)
{
    char url[SRV_PRESIGNED_URL_MAX];
    CURL *curl = curl_easy_init();
    url_at(url, "t", h.digest, time(NULL));
    const long status = ask_over(curl, url, NULL);
    curl_easy_cleanup(curl);
    return status;
}

/* The server notices within moments that a connection has gone. */
static void wait_for(long (*ask)(void), long status)
{
    for (unsigned i = 0; ask() != status; i++) {
        assert_true(i < 1000);
        usleep(10000);
    }
}

static void a_crowd_is_turned_away_and_operators_are_not(void **state)
{
    (void)state;
    CURL *operator= curl_easy_init();
    crowd_to(DOWNLOADS_MAX - 1u);
    wait_for(download, 200);
    crowd_to(DOWNLOADS_MAX);
    assert_int_equal(download(), 503);
    assert_int_equal(operator_asks_over(operator), 200); /* and it stays connected */

    crowd_to(CONNECTIONS_MAX - 2u);
    wait_for(operator_asks, 200);
    for (unsigned i = 0; operator_asks() != 0;
         i++) { /* with the one before it noticed as gone, there is none left */
        assert_true(i < 1000);
        crowd_to(CONNECTIONS_MAX - 2u);
        usleep(10000);
        crowd_to(CONNECTIONS_MAX - 1u);
    }
    assert_true(crowd_is_whole(CONNECTIONS_MAX - 2u));
    assert_int_equal(operator_asks_over(operator), 200);

    crowd_to(CONNECTIONS_MAX - 2u);
    wait_for(operator_asks, 200);
    crowd_to(0);
    wait_for(download, 200);
    curl_easy_cleanup(operator);
}

static void store_file(void)
{
    struct srv_err err;
    struct srv_upload *upload;
    struct srv_artifact artifact;
    uint32_t x = 1;
    for (size_t i = 0; i < FILE_SIZE; i++) {
        x = x * 1664525u + 1013904223u;
        h.bytes[i] = (uint8_t)(x >> 24);
    }
    assert_true(srv_upload_begin(h.artifacts, &upload, &err));
    assert_true(srv_upload_write(upload, OTA_SPAN_OF(h.bytes), &err));
    assert_true(srv_upload_finish(upload, &artifact, &err));
    for (size_t i = 0; i < SRV_DIGEST_SIZE; i++) {
        sprintf(h.digest + 2 * i, "%02x", artifact.digest[i]);
    }
    snprintf(h.etag, sizeof h.etag, "\"%s\"", h.digest);
}

static void listen_and_serve(void)
{
    struct srv_err err = { 0 };
    h.presign = srv_presign_open(h.dir, 3600, &err);
    assert_non_null(h.presign);
    struct srv_http_cfg cfg = { .dir = h.dir,
                                .db_path = h.db_path,
                                .mqtt_host = "127.0.0.1",
                                .mqtt_port = 1,
                                .topic_root = "$aws",
                                .artifacts = h.artifacts,
                                .identity = h.id,
                                .presign = h.presign };
    h.http = srv_http_start(&cfg, &err);
    assert_non_null(h.http);
    snprintf(h.base, sizeof h.base, "https://127.0.0.1:%u", srv_http_port(h.http));
    srv_presign_base_set(h.presign, h.base);
    /* Who is too early hears so. */
    char url[SRV_PRESIGNED_URL_MAX];
    url_at(url, "t", h.digest, time(NULL));
    assert_int_equal(perform(&(struct request){ .method = "GET", .url = url }).status, 503);
    struct srv_reactor_config reactor = { .core = { .db = h.db, .topic_root = "$aws" },
                                          .artifacts = h.artifacts,
                                          .broker = { .host = "127.0.0.1", .port = 1 } };
    assert_true(srv_reactor_start(&reactor, &h.reactor, &err));
    srv_http_open(h.http, h.reactor);
}

static int before_all(void **state)
{
    (void)state;
    struct srv_err err = { 0 };
    snprintf(h.dir, sizeof h.dir, "%s/data", tmp.path);
    snprintf(h.db_path, sizeof h.db_path, "%s/waft.db", h.dir);
    snprintf(h.artifacts_path, sizeof h.artifacts_path, "%s/artifacts", h.dir);
    struct srv_identity_cfg identity = { .dir = h.dir, .now = time(NULL) };
    h.id = srv_identity_open(&identity, &err);
    assert_non_null(h.id);
    assert_true(srv_sqlite_open(h.db_path, &h.db, &err));
    assert_true(srv_artifacts_open(h.artifacts_path, &h.artifacts, &err));
    store_file();
    listen_and_serve();
    const char *const things[] = { "t", "u" };
    for (size_t i = 0; i < COUNT(things); i++) {
        submit(&(struct srv_command){ .kind = SRV_CMD_THING_CREATE,
                                      .thing_create = { .name = ota_span_of_str(things[i]) } });
    }
    return 0;
}

static int after_all(void **state)
{
    (void)state;
    srv_http_stop(h.http);
    srv_reactor_stop(h.reactor);
    srv_presign_close(h.presign);
    srv_artifacts_close(h.artifacts);
    srv_db_close(h.db);
    srv_identity_close(h.id);
    return 0;
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    tmp = t_tmp_make();
    curl_global_init(CURL_GLOBAL_DEFAULT);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_gets_its_bytes_and_nothing_gets_all),
        cmocka_unit_test(the_end_of_a_file_of_4_gib_is_reached),
        cmocka_unit_test(only_who_was_sent_there_gets_anything),
        cmocka_unit_test(a_disabled_thing_gets_nothing),
        cmocka_unit_test(several_devices_download_at_once),
        cmocka_unit_test(a_device_takes_bytes_from_whom_it_trusts_only),
        cmocka_unit_test(a_crowd_is_turned_away_and_operators_are_not),
    };
    int failed = cmocka_run_group_tests(tests, before_all, after_all);
    curl_global_cleanup();
    t_tmp_remove(&tmp);
    return failed;
}
