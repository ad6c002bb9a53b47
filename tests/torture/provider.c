/*
 * The provider's lines: a script, not a server. It reads only what our own device writes, and
 * writes what AWS IoT Jobs and its MQTT file streams would.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const ids[BENCH_JOBS] = { "update", "fresh" };

static const struct sim_image *image_of(const struct bench *b, uint32_t job)
{
    return b->image[BENCH_UPDATE + job];
}

void bench_write_documents(struct bench *b)
{
    for (uint32_t job = 0; job < BENCH_JOBS; job++) {
        sim_image_document(b->cfg.keys, ids[job], image_of(b, job), b->document[job],
                           sizeof b->document[job]);
    }
}

static struct bench_message *send(struct bench *b)
{
    bench_must(b->queued - b->taken < BENCH_QUEUE, "too much on the wire");
    struct bench_message *const m = &b->queue[b->queued++ % BENCH_QUEUE];
    memset(m, 0, sizeof *m);
    return m;
}

/* The oldest job that is not over; BENCH_JOBS: none. */
static uint32_t next_job(const struct bench *b)
{
    uint32_t job = 0;
    while (job < BENCH_JOBS &&
           (!b->job[job].deployed || ota_job_status_terminal(b->job[job].status))) {
        job++;
    }
    return job;
}

static void attach_state(const struct bench *b, struct bench_message *m, uint32_t job)
{
    m->job = job;
    if (job < BENCH_JOBS) {
        m->status = b->job[job].status;
        m->version = b->job[job].version;
    }
}

void bench_notify(struct bench *b)
{
    struct bench_message *const m = send(b);
    m->kind = BENCH_OFFER;
    attach_state(b, m, next_job(b));
}

/* --- what the device asks -------------------------------------------------------------- */

/* The text behind `"key":`, of a document that has no such key inside a string. */
static const char *member(const char *json, const char *key)
{
    char name[40];
    (void)snprintf(name, sizeof name, "\"%s\":", key);
    const char *const at = strstr(json, name);
    return at == NULL ? NULL : at + strlen(name);
}

static void copy_token(const char *json, char token[BENCH_TOKEN_MAX])
{
    const char *const at = member(json, "clientToken");
    bench_must(at != NULL && sscanf(at, "\"%23[^\"]", token) == 1, "a request without a token");
}

static void on_ask(struct bench *b, const char *json)
{
    struct bench_message *const m = send(b);
    m->kind = BENCH_OFFER;
    copy_token(json, m->token);
    attach_state(b, m, next_job(b));
}

static enum ota_job_status status_in(const char *json)
{
    char word[24] = "";
    const char *const at = member(json, "status");
    bench_must(at != NULL && sscanf(at, "\"%23[A-Z_]", word) == 1, "an update without a status");
    return ota_job_status_parse(ota_span_of_str(word));
}

static void on_update(struct bench *b, uint32_t number, const char *json)
{
    struct bench_job *const job = &b->job[number];
    struct bench_message *const m = send(b);
    const char *const expected = member(json, "expectedVersion");
    copy_token(json, m->token);
    m->kind = BENCH_REJECTED;
    if (ota_job_status_terminal(job->status)) {
        m->code = OTA_WIRE_InvalidStateTransition;
    } else if (expected != NULL && strtoul(expected, NULL, 10) != job->version) {
        m->code = OTA_WIRE_VersionMismatch;
    } else {
        m->kind = BENCH_ACCEPTED;
        job->status = status_in(json);
        job->version++;
    }
    attach_state(b, m, number);
}

/* CBOR as far as a request for blocks needs it: one head, its argument below 2^32. */
static uint32_t cbor_head(const uint8_t **at)
{
    const uint8_t info = *(*at)++ & 0x1fu;
    uint32_t value = info;
    if (info >= 24) {
        value = 0;
        for (uint32_t n = 1u << (info - 24u); n > 0; n--) {
            value = value << 8 | *(*at)++;
        }
    }
    return value;
}

static void send_block(struct bench *b, uint32_t job, uint32_t block, uint32_t size)
{
    if (block * size < image_of(b, job)->size) {
        struct bench_message *const m = send(b);
        m->kind = BENCH_BLOCK;
        m->job = job;
        m->block = block;
        m->block_size = size;
    }
}

/* A map of c, f, l, o, perhaps b, n: a run of blocks, or those whose bits are set. */
static void on_stream(struct bench *b, uint32_t job, struct ota_span payload)
{
    const uint8_t *at = payload.ptr;
    uint32_t number[128] = { 0 };
    struct ota_span bits = OTA_SPAN_NONE;
    for (uint32_t pairs = cbor_head(&at); pairs > 0; pairs--) {
        (void)cbor_head(&at); /* a key is one letter */
        const uint8_t key = *at++ & 0x7fu;
        const bool string = *at >> 5 == 2 || *at >> 5 == 3;
        number[key] = cbor_head(&at);
        if (string) {
            bits = key == 'b' ? (struct ota_span){ at, number[key] } : bits;
            at += number[key];
        }
    }
    bench_must(at == payload.ptr + payload.len && number['l'] > 0, "no request for blocks");
    uint32_t left = number['n'];
    for (uint32_t i = 0; left > 0 && i < (bits.len > 0 ? bits.len * 8u : number['n']); i++) {
        if (bits.len == 0 || ((unsigned)bits.ptr[i / 8u] >> i % 8u & 1u) != 0) {
            send_block(b, job, number['o'] + i, number['l']);
            left--;
        }
    }
}

void bench_provide(struct bench *b, struct ota_span topic, struct ota_span payload)
{
    char json[OTA_SCRATCH_PAYLOAD_MIN + 1u];
    struct ota_topic t;
    bench_must(ota_topic_parse(OTA_SPAN_LIT("$aws"), topic, &t) == OTA_OK, "a foreign topic");
    uint32_t job = 0;
    while (job < BENCH_JOBS && !ota_span_eq(t.id, ota_span_of_str(ids[job]))) {
        job++;
    }
    if (t.kind == OTA_TOPIC_STREAM_GET) {
        bench_must(job < BENCH_JOBS, "an unknown stream");
        on_stream(b, job, payload);
        return;
    }
    bench_must(payload.len < sizeof json, "a request that is too long");
    memcpy(json, payload.ptr, payload.len);
    json[payload.len] = '\0';
    if (t.kind == OTA_TOPIC_JOB_GET) {
        on_ask(b, json);
    } else {
        bench_must(t.kind == OTA_TOPIC_JOB_UPDATE && job < BENCH_JOBS, "an unknown request");
        on_update(b, job, json);
    }
}

/* --- what it says ------------------------------------------------------------------------- */

static void say(struct bench *b, const char *topic, const void *payload, size_t len)
{
    ota_orchestrator_message(&b->device.o, ota_span_of_str(topic),
                             (struct ota_span){ payload, len }, b->now);
}

static void say_offer(struct bench *b, const struct bench_message *m)
{
    char execution[1000] = "", text[1200];
    if (m->job < BENCH_JOBS) {
        (void)snprintf(execution, sizeof execution,
                       ",\"execution\":{\"jobId\":\"%s\",\"status\":\"%s\",\"versionNumber\":%u,"
                       "\"executionNumber\":1,\"jobDocument\":%s}",
                       ids[m->job], ota_job_status_name(m->status), (unsigned)m->version,
                       b->document[m->job]);
    }
    const bool answer = m->token[0] != '\0';
    const int len =
        snprintf(text, sizeof text, "{\"timestamp\":1700000000%s%s%s%s}",
                 answer ? ",\"clientToken\":\"" : "", m->token, answer ? "\"" : "", execution);
    say(b, answer ? "$aws/things/t/jobs/$next/get/accepted" : "$aws/things/t/jobs/notify-next",
        text, (size_t)len);
}

static void say_verdict(struct bench *b, const struct bench_message *m)
{
    const bool accepted = m->kind == BENCH_ACCEPTED;
    char topic[96], code[64] = "", text[400];
    (void)snprintf(topic, sizeof topic, "$aws/things/t/jobs/%s/update/%s", ids[m->job],
                   accepted ? "accepted" : "rejected");
    if (!accepted) {
        (void)snprintf(code, sizeof code, "\"code\":\"%s\",", ota_wire_code_name(m->code));
    }
    const int len = snprintf(text, sizeof text,
                             "{%s\"clientToken\":\"%s\",\"timestamp\":1700000000,"
                             "\"executionState\":{\"status\":\"%s\",\"versionNumber\":%u}}",
                             code, m->token, ota_job_status_name(m->status), (unsigned)m->version);
    say(b, topic, text, (size_t)len);
}

static uint8_t *put_head(uint8_t *at, uint8_t major, uint32_t value)
{
    *at++ = (uint8_t)((unsigned)major << 5 | 26u);
    for (int shift = 24; shift >= 0; shift -= 8) {
        *at++ = (uint8_t)(value >> shift);
    }
    return at;
}

static uint8_t *put_number(uint8_t *at, char key, uint32_t value)
{
    *at++ = 0x61;
    *at++ = (uint8_t)key;
    return put_head(at, 0, value);
}

static void say_block(struct bench *b, const struct bench_message *m)
{
    static uint8_t payload[8192];
    const struct sim_image *const image = image_of(b, m->job);
    const uint32_t offset = m->block * m->block_size, rest = image->size - offset;
    const uint32_t len = rest < m->block_size ? rest : m->block_size;
    char topic[96];
    (void)snprintf(topic, sizeof topic, "$aws/things/t/streams/%s/data/cbor", ids[m->job]);
    bench_must(len + 64u < sizeof payload, "a block that is too long");
    uint8_t *at = payload;
    *at++ = 0xa4;
    at = put_number(at, 'f', 0);
    at = put_number(at, 'i', m->block);
    at = put_number(at, 'l', len);
    *at++ = 0x61;
    *at++ = 'p';
    at = put_head(at, 2, len);
    memcpy(at, image->bytes + offset, len);
    say(b, topic, payload, (size_t)(at + len - payload));
}

bool bench_deliver(struct bench *b)
{
    if (b->taken == b->queued) {
        return false;
    }
    const struct bench_message *const m = &b->queue[b->taken++ % BENCH_QUEUE];
    switch (m->kind) {
    case BENCH_SUBACK: ota_orchestrator_subscribed(&b->device.o, ota_span_of_str(m->filter)); break;
    case BENCH_OFFER: say_offer(b, m); break;
    case BENCH_ACCEPTED:
    case BENCH_REJECTED: say_verdict(b, m); break;
    case BENCH_BLOCK: say_block(b, m); break;
    }
    return true;
}
