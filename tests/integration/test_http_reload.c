/*
 * A provider that runs for longer than its certificates: HTTPS takes the new
 * one at the same port, and ends who waits. In this process, so that the
 * sanitizer sees start, reload and stop; without a broker.
 */
#define _GNU_SOURCE
#include "db/artifacts.h"
#include "db/sqlite.h"
#include "http/hold.h"
#include "http/http.h"
#include "identity/identity.h"
#include "mqtt/reactor.h"
#include "run.h"
#include "t.h"
#include "tmp.h"
#include <curl/curl.h>
#include <signal.h>
#include <time.h>

#define DAYS ((int64_t)24 * 60 * 60)

struct house {
    char dir[100], db_path[120], artifacts_path[120], token[100];
    struct srv_identity *id;
    struct srv_db *db;
    struct srv_artifacts *artifacts;
    struct srv_reactor *reactor;
    struct srv_http *http;
};

static struct t_tmp tmp;

/* As it was 320 days ago: its certificates have 45 days left. */
static void open_house(struct house *h)
{
    static unsigned number; /* each is a provider of its own */
    struct srv_err err = { 0 };
    snprintf(h->dir, sizeof h->dir, "%s/data-%u", tmp.path, number++);
    snprintf(h->db_path, sizeof h->db_path, "%s/waft.db", h->dir);
    snprintf(h->artifacts_path, sizeof h->artifacts_path, "%s/artifacts", h->dir);
    struct srv_identity_cfg identity = { .dir = h->dir, .now = time(NULL) - 320 * DAYS };
    h->id = srv_identity_open(&identity, &err);
    assert_non_null(h->id);
    assert_true(srv_sqlite_open(h->db_path, &h->db, &err));
    assert_true(srv_artifacts_open(h->artifacts_path, &h->artifacts, &err));
    assert_true(srv_hold_at_start(h->db, h->id, &err));
    struct srv_reactor_config reactor = { .core = { .db = h->db, .topic_root = "$aws" },
                                          .artifacts = h->artifacts,
                                          .broker = { .host = "127.0.0.1", .port = 1 } };
    assert_true(srv_reactor_start(&reactor, &h->reactor, &err));
    struct srv_http_cfg cfg = { .dir = h->dir,
                                .db_path = h->db_path,
                                .mqtt_host = "127.0.0.1",
                                .mqtt_port = 1,
                                .topic_root = "$aws",
                                .artifacts = h->artifacts,
                                .identity = h->id };
    h->http = srv_http_start(&cfg, &err);
    if (h->http == NULL) {
        fail_msg("%s", err.text);
    }
    srv_http_open(h->http, h->reactor);
    char path[120];
    snprintf(path, sizeof path, "%s/token", h->dir);
    char *text = t_slurp(path, NULL);
    snprintf(h->token, sizeof h->token, "%.*s", (int)strcspn(text, "\n"), text);
    free(text);
}

static void close_house(struct house *h)
{
    srv_http_stop(h->http);
    srv_reactor_stop(h->reactor);
    srv_artifacts_close(h->artifacts);
    srv_db_close(h->db);
    srv_identity_close(h->id);
}

static size_t drop(char *bytes, size_t size, size_t count, void *user)
{
    (void)bytes, (void)user;
    return size * count;
}

/* HTTP status, and the day on which the server's certificate ends. */
static long ask(const struct house *h, char expires[64])
{
    char url[100], header[150], ca[160];
    snprintf(url, sizeof url, "https://localhost:%u/waft/v1/status", srv_http_port(h->http));
    snprintf(header, sizeof header, "Authorization: Bearer %s", h->token);
    snprintf(ca, sizeof ca, "%s", srv_identity_ca_path(h->id));
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, header);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CAINFO, ca);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_CERTINFO, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
    long status = 0;
    CURLcode why = curl_easy_perform(curl);
    if (why != CURLE_OK) {
        fail_msg("%s", curl_easy_strerror(why));
    }
    struct curl_certinfo *info = NULL;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_CERTINFO, &info);
    for (struct curl_slist *s = info->certinfo[0]; s != NULL; s = s->next) {
        if (strncmp(s->data, "Expire date:", 12) == 0) {
            snprintf(expires, 64, "%s", s->data);
        }
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return status;
}

static void a_renewed_certificate_is_served_at_the_same_port(void **state)
{
    (void)state;
    struct house h;
    struct srv_err err = { 0 };
    char before[64] = "", same[64] = "", after[64] = "";
    open_house(&h);
    uint16_t port = srv_http_port(h.http);
    assert_int_equal(ask(&h, before), 200);
    assert_true(srv_identity_renew(h.id, time(NULL), &err));
    assert_int_equal(ask(&h, same), 200);
    assert_string_equal(same, before);
    for (int i = 0; i < 3; i++) {
        assert_true(srv_http_reload(h.http, &err));
        assert_int_equal(srv_http_port(h.http), port);
        assert_int_equal(ask(&h, after), 200);
        assert_string_not_equal(after, before);
    }
    close_house(&h);
}

/* A disk that hiccups at the wrong moment must not cost the operator the only way in. */
static void a_certificate_that_cannot_be_read_leaves_the_one_before(void **state)
{
    (void)state;
    struct house h;
    struct srv_err err = { 0 };
    char before[64] = "", same[64] = "", after[64] = "", aside[200];
    open_house(&h);
    const char *path = srv_identity_cert_path(h.id, SRV_OWN_HTTPS);
    snprintf(aside, sizeof aside, "%s.aside", path);
    assert_int_equal(ask(&h, before), 200);
    assert_true(srv_identity_renew(h.id, time(NULL), &err));
    assert_int_equal(rename(path, aside), 0);
    assert_false(srv_http_reload(h.http, &err));
    assert_int_equal(err.code, SRV_E_NOT_FOUND);
    assert_int_equal(ask(&h, same), 200);
    assert_string_equal(same, before);
    assert_int_equal(rename(aside, path), 0);
    assert_true(srv_http_reload(h.http, &err));
    assert_int_equal(ask(&h, after), 200);
    assert_string_not_equal(after, before);
    close_house(&h);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    tmp = t_tmp_make();
    curl_global_init(CURL_GLOBAL_DEFAULT);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_renewed_certificate_is_served_at_the_same_port),
        cmocka_unit_test(a_certificate_that_cannot_be_read_leaves_the_one_before),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    t_tmp_remove(&tmp);
    return failed;
}
