/* What the three files of lib/jobs share: tokens, requests out, replies in. */
#ifndef JOBS_PRIV_H
#define JOBS_PRIV_H

#include "ota/jobs.h"

/* Seed and serial, eight hexadecimal digits each: no two boots and no two questions share one. */
#define TOKEN_SIZE 16u
_Static_assert(TOKEN_SIZE <= OTA_TOKEN_MAX, "a token of ours is a legal one");

struct ota_span jobs_token(const struct ota_jobs *j, uint32_t serial, uint8_t room[TOKEN_SIZE]);

enum jobs_answer { ANSWER_WANTED, ANSWER_NOT_AWAITED };

/* Write topic and payload of a question with this serial; the effect borrows from `scratch`. */
void jobs_write_ask(const struct ota_jobs *j, const struct ota_scratch *scratch,
                    struct ota_effect *effect);
void jobs_write_update(const struct ota_jobs *j, const struct ota_jobs_update *update,
                       enum jobs_answer answer, const struct ota_scratch *scratch,
                       struct ota_effect *effect);

/* A reply, of which only the envelope has been read. */
struct jobs_reply {
    bool to_get, rejected;
    struct ota_span job_id;  /* of the topic: what was asked for */
    struct ota_json body;    /* an object */
    struct ota_json token;   /* empty text if absent */
    enum ota_wire_code code; /* if rejected */
};

/* Each reads one part of a reply. OTA_OK, or of class PEER and then `news` is of no use. */
ota_err_t jobs_read_envelope(struct ota_span payload, struct jobs_reply *reply);
ota_err_t jobs_read_execution(const struct jobs_reply *reply, bool brief,
                              struct ota_jobs_news *news);
ota_err_t jobs_read_state(const struct jobs_reply *reply, struct ota_jobs_news *news);

#endif
