/* The provider of a house: reactor, SQLite and artifacts, without HTTP; orders come over a pipe. */
#define _GNU_SOURCE
#include "db/artifacts.h"
#include "db/sqlite.h"
#include "house.h"
#include "mqtt/reactor.h"
#include <signal.h>
#include <string.h>

int provider_child(const char *dir, int port, int orders, int answers);

struct child {
    struct srv_reactor *reactor;
    struct srv_artifacts *artifacts;
    struct srv_err err;
};

static bool submit(struct child *c, const struct srv_command *command)
{
    return srv_reactor_submit(c->reactor, command, &c->err);
}

static bool order_thing(struct child *c, char **words)
{
    return submit(c,
                  &(struct srv_command){ .kind = SRV_CMD_THING_CREATE,
                                         .thing_create = { .name = ota_span_of_str(words[1]) } });
}

static bool order_disable(struct child *c, char **words)
{
    return submit(c,
                  &(struct srv_command){ .kind = SRV_CMD_THING_DISABLE,
                                         .thing_disable = { .name = ota_span_of_str(words[1]) } });
}

static bool order_job(struct child *c, char **words)
{
    struct ota_span targets[SRV_JOB_TARGETS_MAX];
    size_t count = 0;
    while (words[3u + count] != NULL && count < SRV_JOB_TARGETS_MAX) {
        targets[count] = ota_span_of_str(words[3u + count]);
        count++;
    }
    const struct ota_span stream =
        strcmp(words[2], "-") == 0 ? OTA_SPAN_NONE : ota_span_of_str(words[2]);
    return submit(c, &(struct srv_command){
                         .kind = SRV_CMD_JOB_CREATE,
                         .job_create = { .id = ota_span_of_str(words[1]),
                                         .document = OTA_SPAN_LIT("{\"operation\":\"test\"}"),
                                         .stream_id = stream,
                                         .targets = targets,
                                         .target_count = count } });
}

/* things PREFIX COUNT */
static bool order_things(struct child *c, char **words)
{
    const int count = atoi(words[2]);
    for (int i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s%d", words[1], i);
        if (!submit(c,
                    &(struct srv_command){ .kind = SRV_CMD_THING_CREATE,
                                           .thing_create = { .name = ota_span_of_str(name) } })) {
            return false;
        }
    }
    return true;
}

/* rollout ID PREFIX COUNT: one job for all of them */
static bool order_rollout(struct child *c, char **words)
{
    static char names[SRV_JOB_TARGETS_MAX][64];
    static struct ota_span targets[SRV_JOB_TARGETS_MAX];
    const int count = atoi(words[3]);
    for (int i = 0; i < count && i < (int)SRV_JOB_TARGETS_MAX; i++) {
        snprintf(names[i], sizeof names[i], "%s%d", words[2], i);
        targets[i] = ota_span_of_str(names[i]);
    }
    return submit(c, &(struct srv_command){
                         .kind = SRV_CMD_JOB_CREATE,
                         .job_create = { .id = ota_span_of_str(words[1]),
                                         .document = OTA_SPAN_LIT("{\"operation\":\"test\"}"),
                                         .targets = targets,
                                         .target_count = (size_t)count } });
}

static bool order_cancel(struct child *c, char **words)
{
    return submit(
        c, &(struct srv_command){ .kind = SRV_CMD_JOB_CANCEL,
                                  .job_cancel = { .id = ota_span_of_str(words[1]),
                                                  .force = strcmp(words[0], "force") == 0 } });
}

static bool upload(struct child *c, uint64_t size, struct srv_artifact *artifact)
{
    struct srv_upload *u;
    if (!srv_upload_begin(c->artifacts, &u, &c->err)) {
        return false;
    }
    for (uint64_t i = 0; i < size; i++) {
        const uint8_t byte = house_byte(i);
        if (!srv_upload_write(u, (struct ota_span){ &byte, 1 }, &c->err)) {
            srv_upload_abandon(u);
            return false;
        }
    }
    return srv_upload_finish(u, artifact, &c->err);
}

static bool order_artifact(struct child *c, char **words)
{
    struct srv_artifact artifact;
    if (!upload(c, strtoull(words[1], NULL, 10), &artifact)) {
        return false;
    }
    struct srv_command add = { .kind = SRV_CMD_ARTIFACT_ADD,
                               .artifact_add = { .size = artifact.size } };
    struct srv_file_spec file = { .id = 0 };
    memcpy(add.artifact_add.digest, artifact.digest, sizeof artifact.digest);
    memcpy(file.digest, artifact.digest, sizeof artifact.digest);
    const bool anew = strcmp(words[0], "artifact") == 0;
    return submit(c, &add) &&
           submit(c, &(struct srv_command){
                         .kind = anew ? SRV_CMD_STREAM_CREATE : SRV_CMD_STREAM_UPDATE,
                         .stream_create = {
                             .id = ota_span_of_str(words[2]), .files = &file, .file_count = 1 } });
}

static bool order_connected(struct child *c, char **words)
{
    (void)words;
    return srv_reactor_connected(c->reactor);
}

static bool obey(struct child *c, char *line)
{
    static const struct {
        const char *word;
        bool (*order)(struct child *c, char **words);
    } orders[] = {
        { "thing", order_thing },      { "disable", order_disable },
        { "job", order_job },          { "cancel", order_cancel },
        { "force", order_cancel },     { "artifact", order_artifact },
        { "replace", order_artifact }, { "connected", order_connected },
        { "things", order_things },    { "rollout", order_rollout },
    };
    char *words[1024] = { NULL }, *rest = NULL;
    size_t count = 0;
    for (char *word = strtok_r(line, " \n", &rest); word != NULL && count < 1000;
         word = strtok_r(NULL, " \n", &rest)) {
        words[count++] = word;
    }
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        if (count > 0 && strcmp(words[0], orders[i].word) == 0) {
            return orders[i].order(c, words);
        }
    }
    return false;
}

static bool start(struct child *c, const char *dir, int port, struct srv_db **db)
{
    static char path[128], artifacts[128];
    snprintf(path, sizeof path, "%s/waft.db", dir);
    snprintf(artifacts, sizeof artifacts, "%s/artifacts", dir);
    if (!srv_sqlite_open(path, db, &c->err) ||
        !srv_artifacts_open(artifacts, &c->artifacts, &c->err)) {
        return false;
    }
    const struct srv_reactor_config config = { .core = { .db = *db, .topic_root = "$aws" },
                                               .artifacts = c->artifacts,
                                               .broker = { .host = "127.0.0.1", .port = port } };
    return srv_reactor_start(&config, &c->reactor, &c->err);
}

int provider_child(const char *dir, int port, int orders, int answers)
{
    struct child c = { .reactor = NULL };
    struct srv_db *db;
    signal(SIGPIPE, SIG_IGN);
    FILE *in = fdopen(orders, "r");
    if (in == NULL || !start(&c, dir, port, &db)) {
        fprintf(stderr, "provider: %s\n", c.err.text);
        return 1;
    }
    char line[8192];
    while (fgets(line, sizeof line, in) != NULL) {
        const char answer = obey(&c, line) ? '+' : '-';
        if (write(answers, &answer, 1) != 1) {
            break;
        }
    }
    srv_reactor_stop(c.reactor);
    srv_artifacts_close(c.artifacts);
    srv_db_close(db);
    return 0;
}
