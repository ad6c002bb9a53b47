#include "ota/assert.h"
#include "ota/wire.h"

static const char *const statuses[] = {
#define X(word) #word,
    OTA_JOB_STATUSES(X)
#undef X
};

static const char *const codes[] = {
#define X(word) #word,
    OTA_WIRE_CODES(X)
#undef X
};

/* The index of `word`; `count` if it is none. */
static unsigned find(const char *const *words, unsigned count, struct ota_span word)
{
    unsigned index = 0;
    while (index < count && !ota_span_eq(word, ota_span_of_str(words[index]))) {
        index++;
    }
    return index;
}

const char *ota_job_status_name(enum ota_job_status status)
{
    OTA_ASSERT(status < OTA_JOB_STATUS_COUNT);
    return statuses[status];
}

enum ota_job_status ota_job_status_parse(struct ota_span word)
{
    return (enum ota_job_status)find(statuses, OTA_JOB_STATUS_COUNT, word);
}

bool ota_job_status_terminal(enum ota_job_status status)
{
    OTA_ASSERT(status < OTA_JOB_STATUS_COUNT);
    return status != OTA_JOB_QUEUED && status != OTA_JOB_IN_PROGRESS;
}

const char *ota_wire_code_name(enum ota_wire_code code)
{
    OTA_ASSERT(code < OTA_WIRE_CODE_COUNT);
    return codes[code];
}

enum ota_wire_code ota_wire_code_parse(struct ota_span word)
{
    return (enum ota_wire_code)find(codes, OTA_WIRE_CODE_COUNT, word);
}
