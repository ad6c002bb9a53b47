/*
 * Answers of the Jobs service: the first byte chooses the topic, the rest is the payload. In it an '@'
 * stands for the token of the open question, a '#' for that of what is being told: no input could guess them.
 */
#include "ota/jobs.h"
#include "fuzz.h"
#include "ota/jobs_api.h"

#include <string.h>

static uint8_t topic_room[OTA_TOPIC_MAX], payload_room[OTA_SCRATCH_PAYLOAD_MIN];

static const struct ota_scratch scratch = {
    { topic_room, sizeof topic_room },
    { payload_room, sizeof payload_room },
};

struct token {
    uint8_t text[OTA_TOKEN_MAX];
    size_t len;
};

static struct token token_of(struct ota_span payload)
{
    static const char name[] = "\"clientToken\":\"";
    struct token token = { .len = 0 };
    size_t at = 0;
    while (at + sizeof name <= payload.len &&
           memcmp(payload.ptr + at, name, sizeof name - 1) != 0) {
        at++;
    }
    at += sizeof name - 1;
    while (at < payload.len && payload.ptr[at] != '"' && token.len < sizeof token.text) {
        token.text[token.len++] = payload.ptr[at++];
    }
    FUZZ_CHECK(token.len > 0);
    return token;
}

/* Both conversations open. */
static void begin(struct ota_jobs *j, struct token tokens[2])
{
    const struct ota_jobs_cfg cfg = {
        .root = OTA_SPAN_LIT("$aws"),
        .thing = OTA_SPAN_LIT("t"),
        .retry_ms_min = 1000,
        .retry_ms_max = 60000,
        .seed = 1,
    };
    const struct ota_jobs_update update = {
        .job_id = OTA_SPAN_LIT("j"),
        .execution = 1,
        .status = OTA_JOB_IN_PROGRESS,
    };
    struct ota_effect effect;
    ota_jobs_init(j, &cfg);
    ota_jobs_ask(j);
    FUZZ_CHECK(ota_jobs_poll(j, 0, &scratch, &effect));
    tokens[0] = token_of(effect.as.publish.payload);
    ota_jobs_tell(j, &update);
    FUZZ_CHECK(ota_jobs_poll(j, 0, &scratch, &effect));
    tokens[1] = token_of(effect.as.publish.payload);
}

static struct ota_span fill_in(const uint8_t *bytes, size_t size, const struct token tokens[2])
{
    static uint8_t room[8192];
    struct ota_writer w = ota_writer(OTA_BUF_OF(room));
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '@' || bytes[i] == '#') {
            const struct token *const token = &tokens[bytes[i] == '#'];
            ota_write_bytes(&w, (struct ota_span){ token->text, token->len });
        } else {
            ota_write_u8(&w, bytes[i]);
        }
    }
    return ota_writer_done(&w);
}

/* The same message to the reader that has no conversation: what it takes can be walked to its end. */
static void read_alone(enum ota_topic_kind kind, struct ota_span payload)
{
    static struct ota_jobs_reply reply;
    struct ota_jobs_summary summary;
    if (ota_jobs_api_read(kind, payload, &reply) != OTA_OK) {
        return;
    }
    struct ota_json_walk all = ota_json_walk(&reply.queued), good = all;
    struct ota_json element;
    while (ota_json_next(&all, NULL, &element)) {
        FUZZ_CHECK(ota_jobs_api_next(&good, &summary) && summary.job_id_len <= OTA_JOB_ID_MAX);
    }
    if (reply.has_state && reply.state.details.text.len > 0) {
        (void)ota_jobs_api_details_ok(reply.state.details.text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct ota_jobs_news news, before;
    struct ota_jobs j;
    struct token tokens[2];
    if (size == 0) {
        return 0;
    }
    begin(&j, tokens);
    const struct ota_topic topic = {
        .kind = (enum ota_topic_kind)(bytes[0] % OTA_TOPIC_KIND_COUNT),
        .thing = OTA_SPAN_LIT("t"),
        .id = bytes[0] >= 128 ? OTA_SPAN_LIT("j") : OTA_JOB_NEXT,
    };
    memset(&news, 0xa5, sizeof news);
    before = news;
    const struct ota_span payload = fill_in(bytes + 1, size - 1, tokens);
    read_alone(topic.kind, payload);
    const ota_err_t err = ota_jobs_on_message(&j, &topic, payload, &news);
    if (err != OTA_OK) {
        FUZZ_CHECK(memcmp(&news, &before, sizeof news) == 0);
        FUZZ_CHECK(j.ask.serial != 0 && j.tell.serial != 0); /* still open */
    } else if (news.kind == OTA_JOBS_NEWS_OFFER) {
        const struct ota_span id = { news.offer.job_id, news.offer.job_id_len };
        FUZZ_CHECK(ota_job_id_ok(id) && !ota_job_status_terminal(news.offer.status));
        FUZZ_CHECK(ota_jobs_deadline(&j) == j.tell.deadline && j.ask.serial == 0);
    }
    return 0;
}
