/*
 * The control plane over real HTTPS: who is let in, what AWS's clients get, and
 * what bad input gets. Requests are libcurl's.
 */
#define _GNU_SOURCE
#include "run.h"
#include "t.h"
#include "tmp.h"
#include <arpa/inet.h>
#include <curl/curl.h>
#include <jansson.h>
#include <openssl/sha.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct t_tmp tmp;
static char data[100], url[100], token[100], ca[120];

struct answer {
    long status;
    char type[80]; /* x-amzn-errortype */
    char text[65536];
    size_t len;
    json_t *json;
};

static size_t on_body(char *bytes, size_t size, size_t count, void *user)
{
    struct answer *a = user;
    size_t len = size * count;
    assert_true(len < sizeof a->text - a->len);
    memcpy(a->text + a->len, bytes, len);
    a->len += len;
    a->text[a->len] = '\0';
    return len;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *user)
{
    struct answer *a = user;
    static const char name[] = "x-amzn-errortype:";
    if (size * count > sizeof name && strncasecmp(bytes, name, sizeof name - 1) == 0) {
        snprintf(a->type, sizeof a->type, "%.*s", (int)(size * count - sizeof name - 2),
                 bytes + sizeof name);
    }
    return size * count;
}

struct request {
    const char *method, *path, *body;
    size_t body_len;   /* 0: of a text */
    const char *token; /* NULL: the right one; "": none */
    bool may_be_cut;   /* the server may hang up while it is being sent */
};

static void perform(const struct request *q, struct answer *a)
{
    memset(a, 0, sizeof *a);
    CURL *curl = curl_easy_init();
    char whole[600], header[200];
    snprintf(whole, sizeof whole, "%s%s", url, q->path);
    snprintf(header, sizeof header, "Authorization: Bearer %s",
             q->token != NULL ? q->token : token);
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    if (q->token == NULL || q->token[0] != '\0') {
        headers = curl_slist_append(headers, header);
    }
    curl_easy_setopt(curl, CURLOPT_URL, whole);
    curl_easy_setopt(curl, CURLOPT_CAINFO, ca);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, q->method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, a);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, a);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
    if (q->body != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE,
                         (long)(q->body_len > 0 ? q->body_len : strlen(q->body)));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, q->body);
    }
    CURLcode why = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &a->status);
    if (why != CURLE_OK && a->status == 0 && !q->may_be_cut) {
        fail_msg("%s %s: %s", q->method, q->path, curl_easy_strerror(why));
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    a->json = json_loads(a->text, 0, NULL);
}

static long ask(const char *method, const char *path, const char *body, struct answer *a)
{
    struct request q = { .method = method, .path = path, .body = body };
    perform(&q, a);
    return a->status;
}

static const char *text_of(const struct answer *a, const char *name)
{
    const char *text = json_string_value(json_object_get(a->json, name));
    return text != NULL ? text : "";
}

static void drop(struct answer *a)
{
    json_decref(a->json);
    a->json = NULL;
}

/* Every answer: a status, AWS's exception, and a message. */
static void assert_refused(const char *why, struct answer *a, long status, const char *type)
{
    if (a->status != status || strcmp(a->type, type) != 0 || text_of(a, "message")[0] == '\0') {
        fail_msg("[%s] %ld %s %s", why, a->status, a->type, a->text);
    }
    drop(a);
}

static void only_the_right_token_is_let_in(void **state)
{
    (void)state;
    char almost[100], longer[110];
    strcpy(almost, token);
    almost[strlen(almost) - 1] = almost[strlen(almost) - 1] == '0' ? '1' : '0';
    snprintf(longer, sizeof longer, "%s0", token);
    const struct {
        const char *why, *token;
    } rows[] = {
        { "none", "" },
        { "another", "0000000000000000000000000000000000000000000000000000000000000000" },
        { "one digit off", almost },
        { "one digit more", longer },
        { "one character", "0" },
    };
    static const char *const paths[] = { "/things", "/waft/v1/status", "/nowhere", "/jobs/x" };
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (size_t p = 0; p < COUNT(paths); p++) {
            struct request q = { .method = "GET", .path = paths[p], .token = rows[i].token };
            struct answer a;
            perform(&q, &a);
            assert_refused(rows[i].why, &a, 401, "UnauthorizedException");
        }
    }
    /* A stranger's upload is not even read. */
    char *large = calloc(1, 8u << 20);
    struct request q = { .method = "PUT",
                         .path = "/waft/v1/artifacts/00",
                         .body = large,
                         .body_len = 8u << 20,
                         .token = "x",
                         .may_be_cut = true };
    struct answer a;
    perform(&q, &a);
    assert_true(a.status == 401 || a.status == 0);
    drop(&a);
    free(large);
}

static void plain_http_and_silence_get_nothing_and_harm_nobody(void **state)
{
    (void)state;
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    at.sin_port = htons((uint16_t)atoi(strrchr(url, ':') + 1));
    static const char *const words[] = { "GET /things HTTP/1.1\r\nHost: x\r\n\r\n",
                                         "\x16\x03\x01\xff\xff garbage", "" };
    for (size_t i = 0; i < COUNT(words); i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
        assert_int_equal(send(fd, words[i], strlen(words[i]), MSG_NOSIGNAL), strlen(words[i]));
        if (words[i][0] != '\0') {
            char reply[256];
            struct pollfd p = { .fd = fd, .events = POLLIN };
            assert_int_equal(poll(&p, 1, 10000), 1);
            ssize_t len = recv(fd, reply, sizeof reply, 0);
            assert_true(len <= 0 || memmem(reply, (size_t)len, "HTTP/1.1 200", 12) == NULL);
        }
        struct answer a;
        assert_int_equal(ask("GET", "/waft/v1/status", NULL, &a), 200);
        drop(&a);
        close(fd);
    }
}

static void things_are_made_listed_and_described_as_aws_does(void **state)
{
    (void)state;
    struct answer a;
    assert_int_equal(ask("POST", "/things/aws-1", "{}", &a), 200);
    assert_string_equal(text_of(&a, "thingName"), "aws-1");
    assert_non_null(strstr(text_of(&a, "thingArn"), ":thing/aws-1"));
    drop(&a);
    assert_int_equal(ask("POST", "/things/aws-1", NULL, &a), 409);
    assert_refused("twice", &a, 409, "ResourceAlreadyExistsException");
    assert_int_equal(ask("POST", "/things/aws%3A2", NULL, &a), 200);
    assert_string_equal(text_of(&a, "thingName"), "aws:2");
    drop(&a);
    assert_int_equal(ask("GET", "/things/aws%3A2", NULL, &a), 200);
    assert_string_equal(text_of(&a, "defaultClientId"), "aws:2");
    drop(&a);
    ask("GET", "/things/nobody", NULL, &a);
    assert_refused("absent", &a, 404, "ResourceNotFoundException");

    /* Pages. */
    size_t seen = 0;
    char path[300] = "/things?maxResults=1";
    for (int page = 0; page < 10; page++) {
        assert_int_equal(ask("GET", path, NULL, &a), 200);
        seen += json_array_size(json_object_get(a.json, "things"));
        char next[200];
        snprintf(next, sizeof next, "%s", text_of(&a, "nextToken"));
        drop(&a);
        if (next[0] == '\0') {
            break;
        }
        snprintf(path, sizeof path, "/things?maxResults=1&nextToken=%s", next);
    }
    assert_int_equal(seen, 2);
}

static void bad_input_is_named_and_changes_nothing(void **state)
{
    (void)state;
    char long_name[160] = "/things/", long_job[100] = "/jobs/", deep[4001];
    memset(long_name + 8, 'x', 129);
    memset(long_job + 6, 'j', 65);
    memset(deep, '[', 4000);
    deep[4000] = '\0';
    const char *targets = "{\"targets\":[\"aws-1\"],\"document\":\"{}\"}";
    const struct {
        const char *why, *method, *path, *body;
        long status;
        const char *type;
    } rows[] = {
        { "no such path", "GET", "/nowhere", NULL, 404, "InvalidRequestException" },
        { "no such method", "DELETE", "/things/aws-1", NULL, 405, "InvalidRequestException" },
        { "a path that goes up", "GET", "/things/../token", NULL, 404, "InvalidRequestException" },
        { "a doubled slash", "GET", "//things", NULL, 404, "InvalidRequestException" },
        { "a slash behind", "GET", "/things/", NULL, 404, "InvalidRequestException" },
        { "a name of 129", "POST", long_name, NULL, 400, "InvalidRequestException" },
        { "a name with a dot", "POST", "/things/waft.provider", NULL, 400,
          "InvalidRequestException" },
        { "a wildcard", "POST", "/things/%2B", NULL, 400, "InvalidRequestException" },
        { "a control character", "POST", "/things/a%0Ab", NULL, 400, "InvalidRequestException" },
        { "no JSON", "POST", "/things/z", "{", 400, "InvalidRequestException" },
        { "an array", "POST", "/things/z", "[]", 400, "InvalidRequestException" },
        { "a member twice", "POST", "/things/z", "{\"a\":1,\"a\":2}", 400,
          "InvalidRequestException" },
        { "nested without end", "POST", "/things/z", deep, 400, "InvalidRequestException" },
        { "what we do not do yet", "POST", "/things/z", "{\"thingTypeName\":\"t\"}", 400,
          "InvalidRequestException" },
        { "results: none", "GET", "/things?maxResults=0", NULL, 400, "InvalidRequestException" },
        { "results: too many", "GET", "/things?maxResults=251", NULL, 400,
          "InvalidRequestException" },
        { "results: words", "GET", "/things?maxResults=1x", NULL, 400, "InvalidRequestException" },
        { "a token that is no number", "GET", "/things/aws-1/jobs?nextToken=1x", NULL, 400,
          "InvalidRequestException" },
        { "a token below 0", "GET", "/things/aws-1/jobs?nextToken=-1", NULL, 400,
          "InvalidRequestException" },
        { "a token of 19 digits", "GET", "/things/aws-1/jobs?nextToken=1000000000000000000", NULL,
          400, "InvalidRequestException" },
        { "an execution that is no number", "GET", "/things/aws-1/jobs/none?executionNumber=", NULL,
          400, "InvalidRequestException" },
        { "an event that is no number", "GET", "/waft/v1/jobs/none/events?after=first", NULL, 400,
          "InvalidRequestException" },
        { "no request to sign", "POST", "/waft/v1/things/z", "{}", 400, "InvalidRequestException" },
        { "a request that is none", "POST", "/waft/v1/things/z", "{\"csr\":\"x\"}", 400,
          "InvalidRequestException" },
        { "a request that is a number", "POST", "/waft/v1/things/z", "{\"csr\":1}", 400,
          "InvalidRequestException" },
        { "a job id of 65", "PUT", long_job, targets, 400, "InvalidRequestException" },
        { "a job named like a verb", "PUT", "/jobs/start-next", targets, 400,
          "InvalidRequestException" },
        { "a job for nobody", "PUT", "/jobs/z", "{\"targets\":[],\"document\":\"{}\"}", 400,
          "InvalidRequestException" },
        { "a job for a stranger", "PUT", "/jobs/z",
          "{\"targets\":[\"stranger\"],\"document\":\"{}\"}", 404, "ResourceNotFoundException" },
        { "targets that are no texts", "PUT", "/jobs/z", "{\"targets\":[1],\"document\":\"{}\"}",
          400, "InvalidRequestException" },
        { "no document", "PUT", "/jobs/z", "{\"targets\":[\"aws-1\"]}", 400,
          "InvalidRequestException" },
        { "a document that is no object", "PUT", "/jobs/z",
          "{\"targets\":[\"aws-1\"],\"document\":\"[]\"}", 400, "InvalidRequestException" },
        { "a rollout rate: a promise we would not keep", "PUT", "/jobs/z",
          "{\"targets\":[\"aws-1\"],\"document\":\"{}\",\"jobExecutionsRolloutConfig\":{}}", 400,
          "InvalidRequestException" },
        { "a timeout of 10081 minutes", "PUT", "/jobs/z",
          "{\"targets\":[\"aws-1\"],\"document\":\"{}\",\"timeoutConfig\":"
          "{\"inProgressTimeoutInMinutes\":10081}}",
          400, "InvalidRequestException" },
        { "a stream without files", "POST", "/streams/z", "{\"files\":[]}", 400,
          "InvalidRequestException" },
        { "a stream of a file that is not here", "POST", "/streams/z",
          "{\"files\":[{\"fileId\":0,\"s3Location\":{\"key\":"
          "\"0000000000000000000000000000000000000000000000000000000000000000\"}}]}",
          404, "ResourceNotFoundException" },
        { "a file id of 256", "POST", "/streams/z",
          "{\"files\":[{\"fileId\":256,\"s3Location\":{\"key\":"
          "\"0000000000000000000000000000000000000000000000000000000000000000\"}}]}",
          400, "InvalidRequestException" },
        { "a digest in capitals", "GET",
          "/waft/v1/artifacts/ABCDEF0000000000000000000000000000000000000000000000000000000000",
          NULL, 400, "InvalidRequestException" },
        { "a digest that goes up", "PUT", "/waft/v1/artifacts/..%2F..%2Ftoken", "x", 404,
          "InvalidRequestException" },
        { "an absent artifact", "GET",
          "/waft/v1/artifacts/0000000000000000000000000000000000000000000000000000000000000000",
          NULL, 404, "ResourceNotFoundException" },
        { "an absent job", "GET", "/jobs/none", NULL, 404, "ResourceNotFoundException" },
        { "an absent job's events", "GET", "/waft/v1/jobs/none/events?wait=20", NULL, 404,
          "ResourceNotFoundException" },
        { "a cancel of nothing", "PUT", "/jobs/none/cancel", NULL, 404,
          "ResourceNotFoundException" },
        { "a disable of nobody", "POST", "/waft/v1/things/nobody/disable", NULL, 404,
          "ResourceNotFoundException" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct answer a;
        ask(rows[i].method, rows[i].path, rows[i].body, &a);
        assert_refused(rows[i].why, &a, rows[i].status, rows[i].type);
    }
    struct answer a;
    assert_int_equal(ask("GET", "/things", NULL, &a), 200);
    assert_int_equal(json_array_size(json_object_get(a.json, "things")), 2);
    drop(&a);
    assert_int_equal(ask("GET", "/jobs", NULL, &a), 200);
    assert_int_equal(json_array_size(json_object_get(a.json, "jobs")), 0);
    drop(&a);
}

static void a_body_that_is_too_large_is_refused(void **state)
{
    (void)state;
    size_t len = 3u << 20;
    char *body = malloc(len);
    memset(body, ' ', len);
    struct request q = { .method = "POST", .path = "/things/large", .body = body, .body_len = len };
    struct answer a;
    perform(&q, &a);
    assert_int_equal(a.status, 413);
    drop(&a);
    free(body);
    ask("GET", "/things/large", NULL, &a);
    assert_refused("not made", &a, 404, "ResourceNotFoundException");
}

static void hex_digest(const void *bytes, size_t len, char out[65])
{
    unsigned char digest[32];
    SHA256(bytes, len, digest);
    for (size_t i = 0; i < 32; i++) {
        sprintf(out + 2 * i, "%02x", digest[i]);
    }
}

/* As AWS has it: the version rises with each change of the files. */
static void make_and_change_a_stream(const char *hex)
{
    char body[200];
    struct answer a;
    snprintf(body, sizeof body,
             "{\"files\":[{\"fileId\":1,\"s3Location\":{\"bucket\":\"b\",\"key\":\"%s\"}}]}", hex);
    assert_int_equal(ask("PUT", "/streams/changing", body, &a), 404);
    drop(&a);
    static const char *const methods[] = { "POST", "PUT", "PUT" };
    for (json_int_t version = 1; version <= 3; version++) {
        assert_int_equal(ask(methods[version - 1], "/streams/changing", body, &a), 200);
        assert_int_equal(json_integer_value(json_object_get(a.json, "streamVersion")), version);
        drop(&a);
    }
    assert_int_equal(ask("GET", "/streams/changing", NULL, &a), 200);
    const json_t *info = json_object_get(a.json, "streamInfo");
    assert_int_equal(json_integer_value(json_object_get(info, "streamVersion")), 3);
    drop(&a);
}

static void an_artifact_is_kept_only_if_its_digest_is_the_one_it_was_sent_under(void **state)
{
    (void)state;
    char hex[65], path[120], file[300];
    size_t len = 300000;
    char *bytes = malloc(len);
    memset(bytes, 'a', len);
    hex_digest(bytes, len, hex);
    snprintf(path, sizeof path, "/waft/v1/artifacts/%s", hex);
    snprintf(file, sizeof file, "%s/artifacts/%s", data, hex);
    struct request q = { .method = "PUT", .path = path, .body = bytes, .body_len = len - 1 };
    struct answer a;
    perform(&q, &a);
    assert_refused("one byte short", &a, 400, "InvalidRequestException");
    assert_int_equal(access(file, F_OK), -1);
    ask("GET", path, NULL, &a);
    assert_refused("not known", &a, 404, "ResourceNotFoundException");
    q.body_len = len;
    perform(&q, &a);
    assert_int_equal(a.status, 200);
    assert_int_equal(json_integer_value(json_object_get(a.json, "size")), len);
    drop(&a);
    assert_int_equal(access(file, F_OK), 0);
    perform(&q, &a); /* again: the same */
    assert_int_equal(a.status, 200);
    drop(&a);
    for (int i = 0; i < 2;
         i++) { /* half of it, or none, as of a backup that lacks it: whoever asks sends it again */
        assert_int_equal(i == 0 ? truncate(file, 1000) : unlink(file), 0);
        ask("GET", path, NULL, &a);
        assert_refused("not here any more", &a, 404, "ResourceNotFoundException");
        perform(&q, &a);
        assert_int_equal(a.status, 200);
        drop(&a);
        assert_int_equal(ask("GET", path, NULL, &a), 200);
        drop(&a);
    }
    free(bytes);
    make_and_change_a_stream(hex);
}

static void a_job_has_awss_shape(void **state)
{
    (void)state;
    struct answer a;
    const char *body = "{\"targets\":[\"arn:aws:iot:eu-west-1:123456789012:thing/aws-1\","
                       "\"aws:2\"],\"document\":\"{\\\"do\\\":1}\",\"description\":\"a test\","
                       "\"timeoutConfig\":{\"inProgressTimeoutInMinutes\":5}}";
    assert_int_equal(ask("PUT", "/jobs/shape", body, &a), 200);
    assert_string_equal(text_of(&a, "jobId"), "shape");
    drop(&a);
    ask("PUT", "/jobs/shape", "{\"targets\":[\"aws-1\"],\"document\":\"{}\"}", &a);
    assert_refused("another job of that id", &a, 409, "ResourceAlreadyExistsException");

    assert_int_equal(ask("GET", "/jobs/shape", NULL, &a), 200);
    json_t *job = json_object_get(a.json, "job");
    assert_string_equal(json_string_value(json_object_get(job, "status")), "IN_PROGRESS");
    assert_true(json_is_integer(json_object_get(job, "createdAt"))); /* SDKs want numbers */
    assert_int_equal(json_array_size(json_object_get(job, "targets")), 2);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(job, "jobProcessDetails"),
                                                        "numberOfQueuedThings")),
                     2);
    drop(&a);
    assert_int_equal(ask("GET", "/jobs/shape/job-document", NULL, &a), 200);
    assert_string_equal(text_of(&a, "document"), "{\"do\":1}");
    drop(&a);
    assert_int_equal(ask("GET", "/jobs/shape/things?status=QUEUED", NULL, &a), 200);
    json_t *summaries = json_object_get(a.json, "executionSummaries");
    assert_int_equal(json_array_size(summaries), 2);
    json_t *first = json_object_get(json_array_get(summaries, 0), "jobExecutionSummary");
    assert_int_equal(json_integer_value(json_object_get(first, "executionNumber")), 1);
    drop(&a);
    assert_int_equal(ask("GET", "/things/aws-1/jobs", NULL, &a), 200);
    assert_int_equal(json_array_size(json_object_get(a.json, "executionSummaries")), 1);
    drop(&a);
    assert_int_equal(ask("GET", "/things/aws-1/jobs/shape", NULL, &a), 200);
    json_t *execution = json_object_get(a.json, "execution");
    assert_int_equal(json_integer_value(json_object_get(execution, "versionNumber")), 1);
    drop(&a);
    assert_int_equal(ask("PUT", "/jobs/shape/cancel?force=true",
                         "{\"reasonCode\":\"WRONG\",\"comment\":\"a mistake\"}", &a),
                     200);
    drop(&a);
    assert_int_equal(ask("GET", "/jobs/shape", NULL, &a), 200);
    job = json_object_get(a.json, "job");
    assert_string_equal(json_string_value(json_object_get(job, "status")), "CANCELED");
    assert_string_equal(json_string_value(json_object_get(job, "reasonCode")), "WRONG");
    assert_string_equal(json_string_value(json_object_get(job, "comment")), "a mistake");
    drop(&a);
}

static int64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void waiting_for_events_ends_when_the_time_is_over_or_the_job_is(void **state)
{
    (void)state;
    struct answer a;
    assert_int_equal(ask("PUT", "/jobs/quiet", "{\"targets\":[\"aws-1\"],\"document\":\"{}\"}", &a),
                     200);
    drop(&a);
    assert_int_equal(ask("GET", "/waft/v1/jobs/quiet/events", NULL, &a), 200);
    char path[120];
    snprintf(path, sizeof path, "/waft/v1/jobs/quiet/events?wait=1&after=%lld",
             json_integer_value(json_object_get(a.json, "next")));
    drop(&a);
    int64_t before = clock_ms();
    assert_int_equal(ask("GET", path, NULL, &a), 200);
    assert_int_equal(json_array_size(json_object_get(a.json, "events")), 0);
    assert_true(clock_ms() - before >= 900);
    drop(&a);
    assert_int_equal(ask("PUT", "/jobs/quiet/cancel", NULL, &a), 200);
    drop(&a);
    before = clock_ms();
    assert_int_equal(ask("GET", "/waft/v1/jobs/quiet/events?wait=25&after=999999", NULL, &a), 200);
    assert_true(clock_ms() - before < 10000);
    drop(&a);
}

static void the_endpoint_is_the_brokers(void **state)
{
    (void)state;
    struct answer a, status;
    assert_int_equal(ask("GET", "/endpoint?endpointType=iot:Data-ATS", NULL, &a), 200);
    assert_int_equal(ask("GET", "/waft/v1/status", NULL, &status), 200);
    assert_string_equal(text_of(&a, "endpointAddress"), text_of(&status, "broker"));
    drop(&a);
    drop(&status);
}

static void stopping_does_not_wait_for_those_who_wait(void **state)
{
    (void)state;
    struct answer a;
    assert_int_equal(ask("PUT", "/jobs/wait", "{\"targets\":[\"aws-1\"],\"document\":\"{}\"}", &a),
                     200);
    drop(&a);
    pid_t waiter = fork();
    if (waiter == 0) {
        char waft[300];
        snprintf(waft, sizeof waft, "%s/waft", t_run_bin_dir());
        execl(waft, "waft", "job", "watch", "wait", (char *)NULL);
        _exit(126);
    }
    /* Its first request brings the event that the job was made, its second one waits. */
    assert_int_equal(ask("GET", "/waft/v1/jobs/wait/events?wait=1&after=999999", NULL, &a), 200);
    drop(&a);
    int64_t before = clock_ms();
    assert_int_equal(t_code(t_waft("down", "--data", data)), 0);
    assert_true(clock_ms() - before < 10000);
    assert_int_equal(t_code(t_waft("up", "--data", data, "--detach")), 0);
    assert_int_equal(ask("PUT", "/jobs/wait/cancel", NULL, &a), 200);
    drop(&a);
    /* And who waited has borne it: it sees the end. */
    int status = 0;
    assert_int_equal(waitpid(waiter, &status, 0), waiter);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 3);
}

static int before_all(void **state)
{
    (void)state;
    if (t_code(t_waft("up", "--data", data, "--detach")) != 0) {
        return -1;
    }
    char path[200];
    snprintf(path, sizeof path, "%s/token", data);
    char *text = t_slurp(path, NULL);
    snprintf(token, sizeof token, "%.*s", (int)strcspn(text, "\n"), text);
    free(text);
    snprintf(path, sizeof path, "%s/https-port", data);
    text = t_slurp(path, NULL);
    snprintf(url, sizeof url, "https://127.0.0.1:%d", atoi(text));
    free(text);
    snprintf(ca, sizeof ca, "%s/ca/ca.crt", data);
    return 0;
}

static int after_all(void **state)
{
    (void)state;
    return t_code(t_waft("down", "--data", data));
}

int main(void)
{
    tmp = t_tmp_make();
    t_run_home(tmp.path);
    snprintf(data, sizeof data, "%s/provider", tmp.path);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_right_token_is_let_in),
        cmocka_unit_test(plain_http_and_silence_get_nothing_and_harm_nobody),
        cmocka_unit_test(things_are_made_listed_and_described_as_aws_does),
        cmocka_unit_test(bad_input_is_named_and_changes_nothing),
        cmocka_unit_test(a_body_that_is_too_large_is_refused),
        cmocka_unit_test(an_artifact_is_kept_only_if_its_digest_is_the_one_it_was_sent_under),
        cmocka_unit_test(a_job_has_awss_shape),
        cmocka_unit_test(waiting_for_events_ends_when_the_time_is_over_or_the_job_is),
        cmocka_unit_test(the_endpoint_is_the_brokers),
        cmocka_unit_test(stopping_does_not_wait_for_those_who_wait),
    };
    int failed = cmocka_run_group_tests(tests, before_all, after_all);
    curl_global_cleanup();
    t_tmp_remove(&tmp);
    return failed;
}
