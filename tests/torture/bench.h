/*
 * Bench: one device on a flash that loses power, and a provider that knows its lines.
 *
 * Real on the device: orchestrator, store, image, boot decision. The provider is a script in
 * memory: it answers what a device may ask of AWS IoT Jobs and streams, at once and in order.
 * Nothing in struct bench points outside of it but to what never changes, so a copy of it and of
 * the flash's bytes is a point in time to which one can return as often as one likes.
 *
 *     bench_make(&b, &cfg);  bench_deploy(&b, 0);
 *     bench_boot(&b);        bench_run(&b, BENCH_AT_TEST);
 *     bench_save(&b, &here); ...cut, look, ...  bench_return(&b, &here);
 */
#ifndef BENCH_H
#define BENCH_H

#include "flash_model.h"
#include "ota/boot.h"
#include "ota/orchestrator.h"
#include "ota/store_trust.h"
#include "sim_image.h"

#include <setjmp.h>

/* What the factory installed, the update under torture, the update that must succeed afterwards. */
enum bench_image { BENCH_FACTORY, BENCH_UPDATE, BENCH_FRESH, BENCH_IMAGES };

struct bench_geometry {
    const char *name;
    struct ota_flash_run runs[3];
    uint32_t run_count;
    uint32_t slot_size; /* at least; as many whole sectors as that takes */
    uint32_t payload_size;
    uint32_t block_size, window;
    uint8_t trials_max;
    bool unmarked; /* the factory used a debugger: no marks at all */
};

struct bench_cfg {
    const struct bench_geometry *geometry;
    uint32_t write_size;
    bool erased_zero;
    const struct sim_keys *keys;
};

/* A job of the scripted provider: number 0 brings BENCH_UPDATE, number 1 BENCH_FRESH. */
#define BENCH_JOBS 2u
struct bench_job {
    bool deployed;
    enum ota_job_status status;
    uint32_t version;
};

#define BENCH_TOKEN_MAX 24u

/* A message on its way to the device; its text is made when it arrives. */
struct bench_message {
    enum {
        BENCH_SUBACK, /* filter */
        BENCH_OFFER, /* job (BENCH_JOBS: none), as an answer if there is a token, else as a notification */
        BENCH_ACCEPTED, /* job, its state */
        BENCH_REJECTED, /* job, its state, code */
        BENCH_BLOCK,    /* job, block */
    } kind;
    uint32_t job, version, block, block_size;
    enum ota_job_status status;
    enum ota_wire_code code;
    char token[BENCH_TOKEN_MAX];
    char filter[96];
};
#define BENCH_QUEUE 96u

/* Where bench_run() stops. */
enum bench_stop {
    BENCH_AT_REST, /* nothing moves any more, or nothing can */
    BENCH_AT_OFF,  /* the power is gone */
    BENCH_AT_ACTIVATE,
    BENCH_AT_REBOOT,
    BENCH_AT_TEST,
};

struct bench {
    struct bench_cfg cfg;
    struct flash_model flash;
    struct ota_layout layout;
    const struct sim_image *image[BENCH_IMAGES];
    struct bench_job job[BENCH_JOBS];
    char document[BENCH_JOBS][700];
    struct bench_message queue[BENCH_QUEUE];
    uint32_t queued, taken; /* ever */
    ota_ms_t now;
    /* wiped at each reset */
    struct {
        struct ota_store store;
        struct ota_trust trust;
        struct ota_verify scratch;
        struct ota_orchestrator o;
        struct ota_stream_source stream;
        struct ota_boot_result boot;
        uint8_t topic[OTA_TOPIC_MAX], payload[OTA_SCRATCH_PAYLOAD_MIN];
        bool runs;
        bool event_waits; /* `event` has been seen, the application has not answered it yet */
        bool reboot_waits;
        enum ota_event_kind event;
    } device;
    /* for the invariants: what has been seen since the factory */
    struct {
        uint32_t trials[OTA_SLOT_COUNT];         /* boots of what is in the slot, unconfirmed */
        uint32_t trailer_erases[OTA_SLOT_COUNT]; /* when that was last looked at */
        uint32_t confirmed_counter;              /* the highest of any image that was confirmed */
        uint64_t outside;                        /* checksum of what no update may change */
        uint32_t boots;
    } seen;
    const char *violation; /* the first; NULL: none */
};

/** A point in time. */
struct bench_point {
    struct bench b;
    uint8_t *bytes;
    uint32_t *erases;
};

/** What is broken, for good or on purpose, when the bench itself cannot go on. */
void bench_must(bool ok, const char *what);

/** A device as the factory makes it. Off. Images are made anew: `behaviour` is the update's. */
void bench_make(struct bench *b, const struct bench_cfg *cfg, enum sim_behaviour behaviour);
void bench_free(struct bench *b);

void bench_save(const struct bench *b, struct bench_point *to);
void bench_return(struct bench *b, const struct bench_point *to);
void bench_point_free(struct bench_point *p);

/** From now on the provider has this job. A running device is told. */
void bench_deploy(struct bench *b, uint32_t job);

/** With the power on: the bootloader decides from flash alone, and what it chose starts. */
void bench_boot(struct bench *b);

/** Go on until `stop`, rest or power loss, whichever comes first; says which it was. */
enum bench_stop bench_run(struct bench *b, enum bench_stop stop);

/** The image whose bytes are in a slot, whole; NULL: none is. */
const struct sim_image *bench_image_in(const struct bench *b, enum ota_slot slot);

/** The first violation stays. */
void bench_violation(struct bench *b, const char *what);

/* --- provider.c -------------------------------------------------------------------- */

/** The jobs' documents, signed. */
void bench_write_documents(struct bench *b);
/** What the device has published. */
void bench_provide(struct bench *b, struct ota_span topic, struct ota_span payload);
/** The oldest message on its way arrives; false: there is none. */
bool bench_deliver(struct bench *b);
/** Tell a running device which job is next. */
void bench_notify(struct bench *b);

/* --- invariants.c ------------------------------------------------------------------ */

/** A checksum of trust record and identity, which no update may change. */
uint64_t bench_outside(const struct bench *b);
/** Before the jump into what the bootloader chose. */
void bench_check_boot(struct bench *b);
/** At rest, after the update, whatever became of it. */
void bench_check_rest(struct bench *b);
/** At rest, after the fresh job. */
void bench_check_fresh(struct bench *b);

/* An assertion of device code: back to whoever runs the case. */
extern jmp_buf bench_assert_failed;
extern const char *bench_assert_file;
extern int bench_assert_line;

#endif
