/*
 * A world whose provider of jobs is the test's own: it decides every word of it. Streams are the
 * real provider's.
 */
#ifndef WORKFLOW_PROVIDER_H
#define WORKFLOW_PROVIDER_H

#include "workflow_world.h"

#include "ota/json.h"

#define HOUR_MS 3600000u
#define DAY_MS  (24u * HOUR_MS)

static struct sim_image *v1, *v2, *v3;
static char document_of_v2[1000], document_of_v3[1000]; /* `@` stands for the stream */

/* --- a provider of the test's own ------------------------------------------------------------ */

struct update {
    char job[32], status[16], text[512];
    unsigned execution, expected;
};

static struct {
    const char *job; /* NULL: nothing is pending */
    unsigned execution, version;
    const char *status;
    char document[1024];
    const char *code;       /* the answer to updates that are waited for; NULL: accepted */
    const char *code_state; /* status in its executionState; NULL: none */
    bool away;              /* hears nothing */
    bool mute;              /* hears updates and does not answer them */
    bool lies;              /* each answer comes behind a contrary one that bears another token */
    bool doubles;           /* and again a moment later */
    ota_ms_t slow_ms;       /* answers to updates come so much later */
    bool loses;             /* every other answer */
    bool too_large;         /* the device has no room for a document */
    bool no_streams;        /* asks for blocks are lost */
    bool unrecorded;        /* a custom job that is only begun is in no journal */
    unsigned lost, asked, told;
    struct update taken, result; /* the newest that names a version; that is terminal */
    bool holds;                  /* answers to get go nowhere but here: */
    char held[2048];
    unsigned results;
} p;

static struct ota_span text_of(const char *text)
{
    return ota_span_of_str(text);
}

static inline void reply(const char *topic, const char *payload)
{
    const unsigned lost = p.lost++;
    if (p.loses && lost % 2u == 0) {
        return;
    }
    const ota_ms_t late = has(text_of(topic), "/update/") ? p.slow_ms : 0;
    sim_say(&world, 20 + late, text_of(topic), text_of(payload));
    if (p.doubles) {
        sim_say(&world, 31, text_of(topic), text_of(payload));
    }
}

static inline void notify(void)
{
    sim_say(&world, 25, OTA_SPAN_LIT("$aws/things/" SIM_THING "/jobs/notify-next"),
            OTA_SPAN_LIT("{\"timestamp\":1,\"execution\":{}}"));
}

static inline void answer_get(const char *token, bool brief)
{
    static const char topic[] = "$aws/things/" SIM_THING "/jobs/$next/get/accepted";
    char text[2048];
    if (p.too_large && !brief) {
        ota_orchestrator_too_large(&world.device.o, text_of(topic));
        return;
    }
    if (p.lies) {
        reply(topic, "{\"timestamp\":1,\"clientToken\":\"0000000000000000\"}");
    }
    if (p.job == NULL) {
        (void)snprintf(text, sizeof text, "{\"timestamp\":1,\"clientToken\":\"%s\"}", token);
    } else {
        (void)snprintf(text, sizeof text,
                       "{\"timestamp\":1,\"clientToken\":\"%s\",\"execution\":{\"jobId\":\"%s\","
                       "\"status\":\"%s\",\"versionNumber\":%u,\"executionNumber\":%u%s%s}}",
                       token, p.job, p.status, p.version, p.execution,
                       brief ? "" : ",\"jobDocument\":", brief ? "" : p.document);
    }
    if (p.holds) {
        strcpy(p.held, text);
        return;
    }
    reply(topic, text);
}

static inline const char *verdict_on(const struct update *u)
{
    if (p.job == NULL || strcmp(u->job, p.job) != 0 || u->execution != p.execution) {
        return p.code != NULL ? p.code : "ResourceNotFound";
    }
    if (u->expected != 0 && u->expected != p.version) {
        return "VersionMismatch";
    }
    return p.code;
}

static inline void take_update(const struct update *u)
{
    p.version++;
    p.status = "IN_PROGRESS";
    if (strcmp(u->status, "IN_PROGRESS") != 0) {
        p.job = NULL;
    }
}

static inline void answer_update(const struct update *u, const char *token)
{
    char topic[256], text[512], state_text[128] = "";
    const char *code = verdict_on(u);
    if (p.lies) {
        (void)snprintf(topic, sizeof topic, "$aws/things/" SIM_THING "/jobs/%s/update/rejected",
                       u->job);
        reply(topic, "{\"code\":\"TerminalStateReached\",\"clientToken\":\"0000000000000000\"}");
    }
    (void)snprintf(topic, sizeof topic, "$aws/things/" SIM_THING "/jobs/%s/update/%s", u->job,
                   code != NULL ? "rejected" : "accepted");
    const char *status = p.code_state != NULL ? p.code_state : p.status;
    if (code != NULL && (p.job != NULL || p.code_state != NULL)) {
        (void)snprintf(state_text, sizeof state_text,
                       ",\"executionState\":{\"status\":\"%s\",\"versionNumber\":%u}", status,
                       p.version);
    }
    (void)snprintf(text, sizeof text, "{\"clientToken\":\"%s\"%s%s%s%s}", token,
                   code != NULL ? ",\"code\":\"" : "", code != NULL ? code : "",
                   code != NULL ? "\"" : "", state_text);
    if (code == NULL) {
        take_update(u);
    }
    reply(topic, text);
}

static inline unsigned number_in(struct ota_json body, const char *name)
{
    struct ota_json value;
    uint64_t number;
    if (ota_json_find(&body, name, &value) != OTA_OK) {
        return 0;
    }
    assert_int_equal(ota_json_u64(&value, &number), OTA_OK);
    return (unsigned)number;
}

static inline void string_in(struct ota_json body, const char *name, char *room, size_t size)
{
    struct ota_json value;
    struct ota_span text;
    assert_int_equal(ota_json_find(&body, name, &value), OTA_OK);
    assert_int_equal(ota_json_string(&value, (struct ota_buf){ (uint8_t *)room, size - 1u }, &text),
                     OTA_OK);
    memmove(room, text.ptr, text.len);
    room[text.len] = '\0';
}

/* Record, then deed: nobody is told of an execution that the journal does not hold. */
static inline void expect_recorded(const struct update *u)
{
    struct ota_store store;
    struct ota_journal j;
    assert_int_equal(ota_store_open(&store, &world.flash.base, &world.layout), OTA_OK);
    assert_int_equal(ota_journal_read(&store, &j), OTA_OK);
    assert_int_equal(j.execution, u->execution);
    assert_true(ota_span_eq((struct ota_span){ j.job_id, j.job_id_len }, ota_span_of_str(u->job)));
}

static inline void hear_update(const struct ota_topic *topic, struct ota_json body,
                               const char *token)
{
    struct update u = { .execution = number_in(body, "executionNumber"),
                        .expected = number_in(body, "expectedVersion") };
    (void)snprintf(u.job, sizeof u.job, "%.*s", (int)topic->id.len, (const char *)topic->id.ptr);
    (void)snprintf(u.text, sizeof u.text, "%.*s", (int)body.text.len, (const char *)body.text.ptr);
    string_in(body, "status", u.status, sizeof u.status);
    if (!p.unrecorded || strcmp(u.status, "IN_PROGRESS") != 0) {
        expect_recorded(&u);
    }
    if (u.expected != 0) {
        p.taken = u;
    }
    p.told++;
    if (strcmp(u.status, "IN_PROGRESS") != 0) {
        p.result = u;
        p.results++;
    }
    if (!p.mute) {
        answer_update(&u, token);
    }
}

static inline bool on_wire(struct sim *s, enum sim_direction to, struct ota_span text,
                           struct ota_span payload)
{
    struct ota_topic topic;
    struct ota_json body;
    char token[64];
    (void)s;
    if (!has(text, "/jobs/")) {
        return to == SIM_TO_DEVICE || !p.no_streams;
    }
    if (to == SIM_TO_DEVICE || p.away) {
        return false;
    }
    assert_int_equal(ota_topic_parse(OTA_SPAN_LIT("$aws"), text, &topic), OTA_OK);
    assert_int_equal(ota_json_parse(payload, &body), OTA_OK);
    string_in(body, "clientToken", token, sizeof token);
    if (topic.kind == OTA_TOPIC_JOB_GET) {
        p.asked++;
        answer_get(token, has(payload, "\"includeJobDocument\":false"));
    } else {
        hear_update(&topic, body, token);
    }
    return false;
}

/* The same signature for the same image: it is what names the bytes. */
static inline void write_document(const char *stream, const struct sim_image *image)
{
    const char *document = image == v2 ? document_of_v2 : document_of_v3;
    const char *name = strchr(document, '@');
    assert_non_null(name);
    (void)snprintf(p.document, sizeof p.document, "%.*s%s%s", (int)(name - document), document,
                   stream, name + 1);
}

static inline void offer(const char *job, unsigned execution, const char *stream,
                         const struct sim_image *image)
{
    p.job = job;
    p.execution = execution;
    p.version = 1;
    p.status = "QUEUED";
    write_document(stream, image);
}

/* --- the world --------------------------------------------------------------------------------------- */

static inline void open_with(const struct sim_cfg *cfg)
{
    open_world(cfg, v1);
    sim_link(&world, false);
    sim_deploy(&world, "s2", v2); /* streams that the real provider grants */
    sim_deploy(&world, "s2b", v2);
    sim_deploy(&world, "s3", v3);
    memset(&p, 0, sizeof p);
    world.on_wire = on_wire;
    sim_link(&world, true);
}

static inline void open_again(void)
{
    const struct sim_cfg cfg = sim_cfg_default();
    close_world();
    open_with(&cfg);
}

static inline int begin(void **ctx)
{
    (void)ctx;
    v1 = image_of(1, 1, SIM_GOOD);
    v2 = image_of(2, 1, SIM_GOOD);
    v3 = image_of(3, 1, SIM_GOOD);
    sim_document("@", v2, document_of_v2, sizeof document_of_v2);
    sim_document("@", v3, document_of_v3, sizeof document_of_v3);
    const struct sim_cfg cfg = sim_cfg_default();
    open_with(&cfg);
    return 0;
}

static inline int end(void **ctx)
{
    (void)ctx;
    close_world();
    sim_image_free(v1);
    sim_image_free(v2);
    sim_image_free(v3);
    return 0;
}

/* Time passes also for a device that waits for nothing. */
static inline void run_ms(ota_ms_t ms)
{
    const ota_ms_t until = world.now + ms;
    assert_true(sim_run(&world, until));
    world.now = until;
    assert_true(sim_run(&world, until));
}

/* Run until the answer to a new question is on its way to the device. */
static inline void let_it_come(void)
{
    const unsigned asked = p.asked;
    notify();
    while (p.asked == asked) {
        run_ms(1);
    }
}

/* The answer arrives, and the device has not done anything yet. */
static inline void hand_over_the_answer(void)
{
    const struct sim_message *m = world.queue;
    assert_non_null(m);
    world.now = m->at;
    ota_orchestrator_message(&world.device.o, (struct ota_span){ m->topic, m->topic_len },
                             (struct ota_span){ m->payload, m->payload_len }, world.now);
}

/* The application takes up its work again. */
static inline void go_on(void)
{
    world.hands_off = false;
    if (state() == OTA_JOURNAL_READY) {
        say(OTA_COMMAND_ACTIVATE);
    }
    if (state() == OTA_JOURNAL_TESTING) {
        say(OTA_COMMAND_CONFIRM);
    }
    settle();
}

static inline void expect_result(const char *why, const char *job, unsigned execution,
                                 const char *status)
{
    CHECK_ROW(why, strcmp(p.result.job, job) == 0);
    CHECK_ROW(why, p.result.execution == execution);
    CHECK_ROW(why, strcmp(p.result.status, status) == 0);
    CHECK_ROW(why, state() == OTA_JOURNAL_NONE);
}

#endif
