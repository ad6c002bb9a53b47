/*
 * Sim: one device and the provider, in one process and in virtual time.
 *
 * Real on the device's side: orchestrator, store, image, boot decision, crypto.
 * Real on the provider's: its domain over SQLite in memory. Simulated: flash (a
 * model that loses power when told to), the network (a queue with latency, loss,
 * doubling and reordering by seed), time, and what an image does once it runs.
 *
 * A reset forgets everything but flash: the device's context is wiped, and the
 * bootloader's code decides anew.
 */
#ifndef SIM_H
#define SIM_H

#include "core/srv.h"
#include "flash_model.h"
#include "ota/boot.h"
#include "ota/file_banks.h"
#include "ota/orchestrator.h"
#include "sim_image.h"

#define SIM_THING "sim-1"
/* Of blocks in JSON or over HTTP, which the device decodes or gathers in memory of its own. */
#define SIM_BLOCK_MAX 4096u

/* How the device is to be served over HTTP. */
enum sim_http {
    SIM_NO_HTTP,    /* the device speaks MQTT only */
    SIM_HTTP_FIRST, /* it prefers HTTP */
    SIM_HTTP_LAST,  /* it falls back on HTTP */
    SIM_HTTP_ONLY,
};

struct sim_cfg {
    uint32_t sector_size, write_size;
    uint32_t slot_sectors;
    bool erased_zero;
    uint32_t block_size, window;
    uint32_t latency_ms, jitter_ms;
    uint32_t loss_permille, double_permille; /* of every message, both ways */
    uint32_t seed;                           /* not 0 */
    uint8_t trials_max;
    bool unmarked; /* the factory used a debugger: no mark at all in slot A */
    enum ota_policy policy;
    uint32_t (*step_minutes)(struct ota_orchestrator *o);
    struct ota_parser_chain parsers;
    const struct ota_custom_ops *custom;
    enum sim_http http;
    uint32_t request_bytes; /* of a range; 0: all at once */
    void (*announce)(const struct ota_orchestrator *o, struct ota_effect *effect);
    /* Another flash than small even sectors, lent; both or none. */
    const struct flash_geometry *geometry;
    const struct ota_layout *layout;
    uint32_t bank_sectors; /* of each bank for data files of types 1 and 2; 0: images only */
    uint32_t fuses; /* the rollback counter is a port's, with so many steps; 0: it is in flash */
    enum ota_format format;      /* of streams */
    const struct sim_keys *keys; /* NULL: the real ones */
    const char *thing;           /* NULL: SIM_THING */
};

/** A rollback counter whose steps burn for ever. */
struct sim_fuses {
    struct ota_counter base;
    uint32_t value, max;
    bool unreadable; /* read() fails */
    bool stuck;      /* raise() says that it did, and did not */
};

/** Small and quick: 512-byte sectors, 8-byte writes, slots of 12 KiB, a perfect network of 20 ms. */
struct sim_cfg sim_cfg_default(void);

enum sim_direction { SIM_TO_PROVIDER, SIM_TO_DEVICE, SIM_SUBACK, SIM_FETCHED };

struct sim_message {
    ota_ms_t at;
    enum sim_direction to;
    uint8_t *topic, *payload; /* heap */
    size_t topic_len, payload_len;
    bool kept; /* outlives the connection */
    struct sim_fetched {
        enum { SIM_HEAD, SIM_BODY, SIM_ENDED } kind;
        uint32_t transfer, status;
    } fetched; /* SIM_FETCHED: part of a response, whose bytes are the payload */
    struct sim_message *next;
};

/** What the network does to one message. */
enum sim_fate_kind {
    SIM_PASSES,
    SIM_LOST,
    SIM_TWICE,     /* a second copy comes `late` */
    SIM_LATE,      /* by `late`; kept by the broker, so that a new connection gets it too */
    SIM_OVERTAKEN, /* sets out behind the next one in its direction that does not wait too */
};

struct sim_fate {
    enum sim_fate_kind kind;
    ota_ms_t late;
};

#define SIM_IMAGES_MAX 64u

/* Types of data files that a device with banks handles: 1 ..= this. */
#define SIM_FILE_TYPES 2u

struct sim {
    struct sim_cfg cfg;
    struct flash_model flash;
    struct ota_layout layout;
    struct ota_region banks[SIM_FILE_TYPES][2];
    struct sim_fuses fuses;
    struct ota_crypto *crypto;
    /* the provider */
    struct srv_core core;
    const struct sim_image *artifacts[SIM_IMAGES_MAX];
    size_t artifact_count;
    /* the wire */
    ota_ms_t now;
    struct sim_message *queue;
    struct sim_message
        *overtaken[2]; /* lists, held back: towards the provider, towards the device */
    bool link;
    uint32_t random;
    /* the device; wiped at each reset */
    struct {
        struct ota_store store;
        struct ota_trust trust;
        struct ota_verify scratch;
        struct ota_orchestrator o;
        struct ota_stream_source stream;
        struct ota_range_source range;
        uint8_t url[OTA_URL_MAX];
        struct ota_file_banks banks[SIM_FILE_TYPES];
        struct ota_file_handler *handlers[SIM_FILE_TYPES];
        struct ota_files files;
        struct ota_boot_result boot;
        uint8_t topic[OTA_TOPIC_MAX], payload[OTA_SCRATCH_PAYLOAD_MIN], room[SIM_BLOCK_MAX];
        bool runs;    /* power is on and an image's agent runs */
        bool bricked; /* the bootloader found nothing to boot */
    } device;
    /* what was seen */
    uint32_t boots, stream_bytes, stream_messages;
    uint32_t most_erases; /* in one turn of the device, or for one message */
    uint32_t fetches, fetch_stops, fetch_bytes;
    /* the test's eyes and hands; may be NULL */
    void (*on_event)(struct sim *s, const struct ota_effect *effect);
    /* Sees each message as it is sent; false: it is lost. */
    bool (*on_wire)(struct sim *s, enum sim_direction to, struct ota_span topic,
                    struct ota_span payload);
    /* Decides about each message that is sent, SUBACKs too; not about what sim_say() says. */
    struct sim_fate (*fate)(struct sim *s, const struct sim_message *m);
    /* Sees each message just before it arrives. */
    void (*on_arrival)(struct sim *s, const struct sim_message *m);
    /* A request, before the server sees it; true: the test answers it, with sim_respond(). */
    bool (*on_fetch)(struct sim *s, const struct ota_effect *effect);
    const struct ota_files *files; /* handlers of the test's own, instead of banks; lent */
    bool hands_off;                /* the application does nothing by itself: the test commands */
};

/* Room for statusDetails. */
#define SIM_DETAILS_MAX 512u

/** A device as the factory makes it, with `first` confirmed in slot A; the provider knows it. Off. */
void sim_open(struct sim *s, const struct sim_cfg *cfg, const struct sim_image *first);
void sim_close(struct sim *s);

/** Tell the provider: this image to our device, as job `id`. It must stay until sim_close(). */
void sim_deploy(struct sim *s, const char *id, const struct sim_image *image);
/** The same with a document of the test's own; NULL `image`: no stream. */
void sim_deploy_document(struct sim *s, const char *id, const struct sim_image *image,
                         const char *document);
/** The same, over these protocols: "HTTP", or "MQTT\",\"HTTP" as JSON has it; with a URL that is served. */
void sim_deploy_over(struct sim *s, const char *id, const struct sim_image *image,
                     const char *protocols);
/** The document that sim_deploy() uses: a plain AWS one; signed by the real keys. */
void sim_document(const char *id, const struct sim_image *image, char *text, size_t room);

/** A job's data file; its bytes are those of a sim_data_make(). */
struct sim_file {
    uint8_t type;
    const struct sim_image *data;
};
/** Files, and an image unless it is NULL. All must stay until sim_close(). */
void sim_deploy_files(struct sim *s, const char *id, const struct sim_image *image,
                      const struct sim_file *files, size_t count);
/** The data file that the device uses; NULL: none, or none that was ever deployed. */
const struct sim_image *sim_file_in_use(struct sim *s, uint8_t type);
void sim_cancel(struct sim *s, const char *id);

/** A message from anyone to the device, past on_wire and loss; it arrives `after` ms from now. */
void sim_say(struct sim *s, ota_ms_t after, struct ota_span topic, struct ota_span payload);

/** The same for either side, here and now. */
void sim_hear(struct sim *s, enum sim_direction to, struct ota_span topic, struct ota_span payload);
/** What a server may say. */
struct sim_response {
    uint32_t status;           /* 0: no connection, only an end */
    const char *content_range; /* NULL: as it should be, for `first` and `last` of `size` */
    uint32_t first, last, size;
    struct ota_span body;
    uint32_t piece; /* bytes that arrive at once; 0: all */
    bool hangs;     /* after the body: no end comes */
};
/** The right answer to a request for `image`. */
struct sim_response sim_right_answer(const struct ota_effect *fetch, const struct sim_image *image);
/** Answer a request: head, body and end arrive one after the other, a round trip from now. */
void sim_respond(struct sim *s, const struct ota_effect *fetch, const struct sim_response *r);

/** Power on: boot from what is in flash. */
void sim_boot(struct sim *s);

/**
 * Run until nothing moves any more (true), power is lost by the flash model's cut (false), or
 * `until` is reached in virtual time (true).
 */
bool sim_run(struct sim *s, ota_ms_t until);

/** The link goes away, or comes back: what is on the wire is lost. */
void sim_link(struct sim *s, bool up);

/** Status of the latest execution of job `id`; its details as JSON text into `details` unless NULL. */
enum ota_job_status sim_status(struct sim *s, const char *id, char details[SIM_DETAILS_MAX]);

/** The signed image whose bytes are in `slot`; NULL: none, or a mixture. */
const struct sim_image *sim_image_in(struct sim *s, enum ota_slot slot);

/** The image that runs; NULL: none does. */
const struct sim_image *sim_running(struct sim *s);

#endif
