/*
 * The provider: its real domain over a database in memory; files from RAM.
 */
#include "sim_priv.h"

#include "core/stream.h"
#include "db/sqlite.h"
#include "ota/json.h"

#include <stdlib.h>
#include <string.h>

/* 2023-11-14 22:13:20 UTC; any whole number would do. */
#define START_S INT64_C(1700000000)

static int64_t now_s(const struct sim *s)
{
    return START_S + (int64_t)(s->now / 1000u);
}

/* What the provider sends reaches the device if it is connected; notifications that do not are gone. */
static void publish(struct sim *s, const struct srv_outcome *outcome)
{
    for (size_t i = 0; i < outcome->message_count; i++) {
        sim_wire_send(s, true, outcome->messages[i].topic, outcome->messages[i].payload);
    }
}

static bool apply(struct sim *s, const struct srv_command *command)
{
    struct srv_outcome outcome;
    srv_outcome_begin(&outcome);
    const bool done = srv_apply_alone(&s->core, command, now_s(s), &outcome);
    publish(s, &outcome);
    if (!done && command->kind != SRV_CMD_DEVICE_REQUEST) {
        fprintf(stderr, "sim: provider: %s\n", outcome.err.text);
    }
    srv_outcome_end(&outcome);
    return done;
}

void sim_provider_open(struct sim *s)
{
    struct srv_err err;
    sim_must(srv_sqlite_open(":memory:", &s->core.db, &err), "no database");
    strcpy(s->core.topic_root, "$aws");
    sim_must(apply(s, &(struct srv_command){ .kind = SRV_CMD_THING_CREATE,
                                             .thing_create = { .name = sim_thing(s) } }),
             "thing create");
}

void sim_provider_close(struct sim *s)
{
    srv_db_close(s->core.db);
}

void sim_provider_tick(struct sim *s)
{
    (void)apply(s, &(struct srv_command){ .kind = SRV_CMD_TICK });
}

/* --- jobs -------------------------------------------------------------------------------- */

void sim_remember(struct sim *s, const struct sim_image *image)
{
    for (size_t i = 0; i < s->artifact_count; i++) {
        if (s->artifacts[i] == image) {
            return;
        }
    }
    sim_must(s->artifact_count < SIM_IMAGES_MAX, "too many images");
    s->artifacts[s->artifact_count++] = image;
}

static void add_artifact(struct sim *s, const struct sim_image *image)
{
    struct srv_command add = { .kind = SRV_CMD_ARTIFACT_ADD,
                               .artifact_add = { .size = image->size } };
    memcpy(add.artifact_add.digest, image->file_digest, sizeof image->file_digest);
    sim_must(apply(s, &add), "artifact add");
}

static void make_stream(struct sim *s, struct ota_span id, const struct sim_entry *entries,
                        size_t count)
{
    struct srv_file_spec files[SIM_IMAGES_MAX];
    sim_must(count <= SIM_IMAGES_MAX, "too many files");
    memset(files, 0, sizeof files);
    for (size_t i = 0; i < count; i++) {
        sim_remember(s, entries[i].bytes);
        add_artifact(s, entries[i].bytes);
        files[i].id = (uint8_t)i;
        memcpy(files[i].digest, entries[i].bytes->file_digest, sizeof files[i].digest);
    }
    sim_must(apply(s,
                   &(struct srv_command){
                       .kind = SRV_CMD_STREAM_CREATE,
                       .stream_create = { .id = id, .files = files, .file_count = count },
                   }),
             "stream create");
}

static void make_job(struct sim *s, struct ota_span id, const char *document, bool has_stream)
{
    const struct ota_span target = sim_thing(s);
    sim_must(apply(s,
                   &(struct srv_command){
                       .kind = SRV_CMD_JOB_CREATE,
                       .job_create = { .id = id,
                                       .document = ota_span_of_str(document),
                                       .stream_id = has_stream ? id : OTA_SPAN_NONE,
                                       .targets = &target,
                                       .target_count = 1 },
                   }),
             "job create");
}

void sim_deploy_document(struct sim *s, const char *id, const struct sim_image *image,
                         const char *document)
{
    const struct ota_span name = ota_span_of_str(id);
    if (image != NULL) {
        const struct sim_entry entry = { 0, image };
        make_stream(s, name, &entry, 1);
    }
    make_job(s, name, document, image != NULL);
}

void sim_deploy_files(struct sim *s, const char *id, const struct sim_image *image,
                      const struct sim_file *files, size_t count)
{
    struct sim_entry entries[SIM_IMAGES_MAX];
    char text[16384];
    size_t n = 0;
    if (image != NULL) {
        entries[n++] = (struct sim_entry){ 0, image };
    }
    sim_must(count <= SIM_IMAGES_MAX - n, "too many files");
    for (size_t i = 0; i < count; i++) {
        entries[n++] = (struct sim_entry){ files[i].type, files[i].data };
    }
    sim_files_document(sim_keys_of(s), id, entries, n, text, sizeof text);
    make_stream(s, ota_span_of_str(id), entries, n);
    make_job(s, ota_span_of_str(id), text, true);
}

void sim_document(const char *id, const struct sim_image *image, char *text, size_t room)
{
    sim_image_document(sim_keys_real(), id, image, text, room);
}

void sim_deploy(struct sim *s, const char *id, const struct sim_image *image)
{
    char text[1024];
    sim_image_document(sim_keys_of(s), id, image, text, sizeof text);
    sim_deploy_document(s, id, image, text);
}

void sim_cancel(struct sim *s, const char *id)
{
    sim_must(apply(s, &(struct srv_command){ .kind = SRV_CMD_JOB_CANCEL,
                                             .job_cancel = { .id = ota_span_of_str(id),
                                                             .force = true } }),
             "job cancel");
}

enum ota_job_status sim_status(struct sim *s, const char *id, char details[SIM_DETAILS_MAX])
{
    struct srv_arena arena = { 0 };
    struct srv_execution row;
    sim_must(srv_db_execution_get(s->core.db, &arena, ota_span_of_str(id), sim_thing(s), 0, &row),
             "no such execution");
    if (details != NULL) {
        (void)snprintf(details, SIM_DETAILS_MAX, "%.*s", (int)row.details.len,
                       (const char *)row.details.ptr);
    }
    srv_arena_end(&arena);
    return row.status;
}

/* --- streams --------------------------------------------------------------------------------- */

static const struct sim_image *artifact_of(const struct sim *s,
                                           const uint8_t digest[SRV_DIGEST_SIZE])
{
    for (size_t i = 0; i < s->artifact_count; i++) {
        if (memcmp(s->artifacts[i]->file_digest, digest, SRV_DIGEST_SIZE) == 0) {
            return s->artifacts[i];
        }
    }
    return NULL;
}

static void reply(struct sim *s, const struct ota_topic *to, enum ota_topic_kind kind,
                  struct ota_span payload)
{
    uint8_t text[OTA_TOPIC_MAX];
    struct ota_writer w = ota_writer(OTA_BUF_OF(text));
    struct ota_topic topic = *to;
    topic.kind = kind;
    ota_topic_write(&w, OTA_SPAN_LIT("$aws"), &topic);
    sim_wire_send(s, true, ota_writer_done(&w), payload);
}

static void serve(struct sim *s, const struct ota_topic *topic, struct srv_stream_get *get)
{
    const struct sim_image *image = artifact_of(s, get->file->digest);
    struct srv_block block;
    sim_must(image != NULL, "a stream without its artifact");
    while (srv_stream_next(get, &block)) {
        const size_t room = SRV_STREAM_DATA_ROOM(block.len);
        uint8_t *out = malloc(room);
        sim_must(out != NULL, "out of memory");
        const struct ota_span bytes = { image->bytes + block.offset, block.len };
        reply(s, topic, OTA_TOPIC_STREAM_DATA,
              srv_stream_data(get, &block, bytes, (struct ota_buf){ out, room }));
        s->stream_bytes += block.len;
        s->stream_messages++;
        free(out);
    }
}

static void on_stream_get(struct sim *s, const struct ota_topic *topic, struct ota_span payload)
{
    struct srv_arena arena = { 0 };
    struct srv_stream stream;
    struct srv_stream_get get;
    struct srv_err err;
    uint8_t out[1024];

    memset(&get, 0, sizeof get);
    if (srv_stream_grant(&s->core, &arena, topic->thing, topic->id, &stream, &err) &&
        srv_stream_get_parse(&get, topic->format, payload, &stream, &arena, &err)) {
        serve(s, topic, &get);
    } else {
        reply(s, topic, OTA_TOPIC_STREAM_REJECTED,
              srv_stream_rejected(topic->format, get.token, &err, OTA_BUF_OF(out)));
    }
    srv_arena_end(&arena);
}

void sim_provider_receive(struct sim *s, struct ota_span text, struct ota_span payload)
{
    struct ota_topic topic;
    if (ota_topic_parse(OTA_SPAN_LIT("$aws"), text, &topic) == OTA_OK &&
        topic.kind == OTA_TOPIC_STREAM_GET) {
        on_stream_get(s, &topic, payload);
        return;
    }
    (void)apply(
        s, &(struct srv_command){ .kind = SRV_CMD_DEVICE_REQUEST, .device = { text, payload } });
}
