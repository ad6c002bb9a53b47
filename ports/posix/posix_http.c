#include "posix_http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define URL_MAX           2048u
#define CONTENT_RANGE_MAX 64u
#define REDIRECTS_MAX     5u
#define SILENCE_MS        30000u
/* Slower than any link that is of use: a server that trickles is no better than a silent one. Pauses of ours do not count. */
#define RATE_MIN 100L /* bytes a second */
#define SLOW_S   60u
/* The agent had no room: it is asked again so soon. */
#define RETRY_MS 3
#define IDLE_MS  10000

/* What is asked for; the newest wins. */
struct request {
    uint32_t transfer;
    uint32_t first, last;
    char url[URL_MAX + 1];
};

/*
 *   IDLE -> RUNNING -> ENDING -> IDLE
 *
 * RUNNING: curl has it. ENDING: what it said has to be told yet.
 */
enum state { IDLE, RUNNING, ENDING };

struct posix_http {
    struct posix_http_sink sink;
    pthread_t thread;
    CURLM *multi;
    CURL *easy;
    /* what others say, under the lock */
    pthread_mutex_t lock;
    struct request wanted;
    bool is_new, stop;
    /* the thread's own */
    enum state state;
    struct request now;
    unsigned redirects;
    bool head_told, paused;
    size_t skip;      /* bytes of the chunk that curl gives next which were taken the last time */
    int64_t heard_ms; /* the newest sign of life */
    uint32_t silence_ms;
    size_t range_len;
    char content_range[CONTENT_RANGE_MAX];
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- what comes (client's thread) ----------------------------------------------- */

static long status_of(const struct posix_http *h)
{
    long status = 0;
    curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static size_t on_header(char *line, size_t size, size_t count, void *context)
{
    static const char name[] = "Content-Range:";
    struct posix_http *h = context;
    const size_t len = size * count;
    h->heard_ms = now_ms();
    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        h->range_len = 0; /* another head: of a redirect, or behind a 100 */
    }
    if (len < sizeof name || strncasecmp(line, name, sizeof name - 1) != 0) {
        return len;
    }
    const char *at = line + sizeof name - 1, *end = line + len;
    while (at < end && (*at == ' ' || *at == '\t')) {
        at++;
    }
    while (end > at && strchr(" \t\r\n", end[-1]) != NULL) {
        end--;
    }
    /* One that is too long is cut, and then is not what was asked for. */
    const size_t n = (size_t)(end - at);
    h->range_len = n < sizeof h->content_range ? n : sizeof h->content_range;
    memcpy(h->content_range, at, h->range_len);
    return len;
}

static bool tell_head(struct posix_http *h)
{
    const struct ota_span range = { (const uint8_t *)h->content_range, h->range_len };
    if (!h->head_told) {
        h->head_told = h->sink.head(h->now.transfer, (uint32_t)status_of(h), range);
    }
    return h->head_told;
}

/* Curl gives a chunk again from its begin until all of it is taken. */
static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct posix_http *h = context;
    const size_t len = size * count;
    h->heard_ms = now_ms();
    while (tell_head(h) && h->skip < len) {
        const struct ota_span rest = { (const uint8_t *)bytes + h->skip, len - h->skip };
        const size_t taken = h->sink.body(h->now.transfer, rest);
        h->skip += taken;
        if (taken == 0) {
            break;
        }
    }
    if (!h->head_told || h->skip < len) {
        h->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    h->skip = 0;
    return len;
}

/* --- redirects --------------------------------------------------------------------- */

/* A part of an URL as text, to be freed by curl_free(); NULL: it has none. */
static char *part_of(const char *url, CURLUPart part)
{
    char *text = NULL;
    CURLU *u = curl_url();
    if (u == NULL || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(u, part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) {
        text = NULL;
    }
    curl_url_cleanup(u);
    return text;
}

static bool same_origin(const char *a, const char *b)
{
    static const CURLUPart parts[] = { CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT };
    bool same = true;
    for (size_t i = 0; same && i < sizeof parts / sizeof parts[0]; i++) {
        char *of_a = part_of(a, parts[i]), *of_b = part_of(b, parts[i]);
        same = of_a != NULL && of_b != NULL && strcasecmp(of_a, of_b) == 0;
        curl_free(of_a);
        curl_free(of_b);
    }
    return same;
}

/* Go where the answer points, if that is on the same server. */
static bool follow(struct posix_http *h)
{
    char *to = NULL;
    curl_easy_getinfo(h->easy, CURLINFO_REDIRECT_URL, &to);
    if (to == NULL || strlen(to) > URL_MAX || h->redirects == REDIRECTS_MAX ||
        !same_origin(h->now.url, to)) {
        return false;
    }
    h->redirects++;
    strcpy(h->now.url, to);
    return true;
}

static bool is_redirect(const struct posix_http *h)
{
    const long status = status_of(h);
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Of an answer that points elsewhere the body is nothing. */
static size_t on_body_unless_redirected(char *bytes, size_t size, size_t count, void *context)
{
    return is_redirect(context) ? size * count : on_body(bytes, size, count, context);
}

/* --- the thread ----------------------------------------------------------------------- */

static void begin(struct posix_http *h)
{
    char range[32];
    (void)snprintf(range, sizeof range, "%lu-%lu", (unsigned long)h->now.first,
                   (unsigned long)h->now.last);
    curl_easy_setopt(h->easy, CURLOPT_URL, h->now.url);
    curl_easy_setopt(h->easy, CURLOPT_RANGE, range);
    h->range_len = h->skip = 0;
    h->heard_ms = now_ms();
    h->head_told = h->paused = false;
    h->state = curl_multi_add_handle(h->multi, h->easy) == CURLM_OK ? RUNNING : ENDING;
}

static void break_off(struct posix_http *h)
{
    if (h->state == RUNNING) {
        curl_multi_remove_handle(h->multi, h->easy);
    }
    h->state = IDLE;
}

/* What others have said since the last turn. @return false: it is time to end. */
static bool obey(struct posix_http *h)
{
    pthread_mutex_lock(&h->lock);
    const bool stop = h->stop, is_new = h->is_new;
    h->is_new = false;
    if (is_new || stop) {
        break_off(h);
        h->now = h->wanted;
    }
    pthread_mutex_unlock(&h->lock);
    if (is_new && !stop && h->now.url[0] != '\0') {
        h->redirects = 0;
        begin(h);
    }
    return !stop;
}

static void look_for_end(struct posix_http *h)
{
    int left;
    const CURLMsg *msg = curl_multi_info_read(h->multi, &left);
    if (msg == NULL || msg->msg != CURLMSG_DONE) {
        return;
    }
    curl_multi_remove_handle(h->multi, h->easy);
    h->state = ENDING;
    if (is_redirect(h) && follow(h)) {
        begin(h);
    }
}

/* A response without a body has told nothing yet; a connection that failed has nothing to tell. */
static void tell_end(struct posix_http *h)
{
    if ((status_of(h) == 0 || tell_head(h)) && h->sink.ended(h->now.transfer)) {
        h->state = IDLE;
    }
}

/* How long to wait for the next sign of life; 0: too long already. */
static int patience(const struct posix_http *h)
{
    const int64_t left = h->heard_ms + h->silence_ms - now_ms();
    if (h->state == IDLE) {
        return IDLE_MS;
    }
    if (h->paused || h->state == ENDING) {
        return RETRY_MS;
    }
    return left < 0 ? 0 : left < IDLE_MS ? (int)left : IDLE_MS;
}

static void turn(struct posix_http *h)
{
    int running;
    if (h->paused) {
        h->paused = false;
        h->heard_ms = now_ms(); /* it was we who made it wait */
        curl_easy_pause(h->easy, CURLPAUSE_CONT);
    }
    curl_multi_perform(h->multi, &running);
    if (h->state == RUNNING) {
        look_for_end(h);
    }
    if (patience(h) == 0) {
        break_off(h);
        h->state = ENDING;
    }
    if (h->state == ENDING) {
        tell_end(h);
    }
    curl_multi_poll(h->multi, NULL, 0, patience(h), NULL);
}

static void *live(void *context)
{
    struct posix_http *h = context;
    while (obey(h)) {
        turn(h);
    }
    return NULL;
}

/* --- life ------------------------------------------------------------------------------- */

static void set_up(struct posix_http *h, const struct posix_http_cfg *cfg)
{
    const struct curl_blob ca = { (void *)(uintptr_t)cfg->ca_pem.ptr, cfg->ca_pem.len,
                                  CURL_BLOB_COPY };
    CURL *e = h->easy;
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR,
                     cfg->schemes == POSIX_HTTP_PLAIN_TOO ? "http,https" : "https");
    if (cfg->ca_pem.len > 0) {
        curl_easy_setopt(e, CURLOPT_CAINFO_BLOB, &ca);
        curl_easy_setopt(e, CURLOPT_CAPATH, NULL); /* or those of the system count besides */
    }
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L); /* by our own rule */
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, RATE_MIN);
    curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, (long)(cfg->slow_s != 0 ? cfg->slow_s : SLOW_S));
    curl_easy_setopt(e, CURLOPT_USERAGENT, "waft");
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, h);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body_unless_redirected);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, h);
}

static void let_go(struct posix_http *h)
{
    curl_easy_cleanup(h->easy);
    curl_multi_cleanup(h->multi);
    pthread_mutex_destroy(&h->lock);
    free(h);
    curl_global_cleanup();
}

/*
 * Signals are the application's: this thread takes none. SIGPIPE above all, of a write to a connection that the
 * server has reset: with CURLOPT_NOSIGNAL curl leaves it to us, and it would end the process.
 */
static bool start(struct posix_http *h)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const bool started = pthread_create(&h->thread, NULL, live, h) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

struct posix_http *posix_http_open(const struct posix_http_cfg *cfg)
{
    struct posix_http *h = calloc(1, sizeof *h);
    if (h == NULL) {
        return NULL;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    pthread_mutex_init(&h->lock, NULL);
    h->sink = cfg->sink;
    h->silence_ms = cfg->silence_ms != 0 ? cfg->silence_ms : SILENCE_MS;
    h->multi = curl_multi_init();
    h->easy = curl_easy_init();
    if (h->multi == NULL || h->easy == NULL) {
        let_go(h);
        return NULL;
    }
    set_up(h, cfg);
    if (!start(h)) {
        let_go(h);
        return NULL;
    }
    return h;
}

void posix_http_close(struct posix_http *h)
{
    pthread_mutex_lock(&h->lock);
    h->stop = true;
    pthread_mutex_unlock(&h->lock);
    curl_multi_wakeup(h->multi);
    pthread_join(h->thread, NULL);
    let_go(h);
}

/* --- what is wanted (agent's thread) ------------------------------------------------------ */

bool posix_http_get(void *context, struct ota_span url, uint32_t first, uint32_t last,
                    uint32_t transfer)
{
    struct posix_http *h = context;
    if (url.len == 0 || url.len > URL_MAX) {
        return false;
    }
    pthread_mutex_lock(&h->lock);
    h->wanted.transfer = transfer;
    h->wanted.first = first;
    h->wanted.last = last;
    memcpy(h->wanted.url, url.ptr, url.len);
    h->wanted.url[url.len] = '\0';
    h->is_new = true;
    pthread_mutex_unlock(&h->lock);
    curl_multi_wakeup(h->multi);
    return true;
}

void posix_http_give_up(void *context, uint32_t transfer)
{
    struct posix_http *h = context;
    pthread_mutex_lock(&h->lock);
    if (h->wanted.transfer == transfer) {
        h->wanted.url[0] = '\0';
        h->is_new = true;
    }
    pthread_mutex_unlock(&h->lock);
    curl_multi_wakeup(h->multi);
}
