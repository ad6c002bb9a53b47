/*
 * One update over a wire on which things go wrong, in virtual time against the real provider: up to two messages,
 * subscriptions and notifications included, are lost, doubled, late by milliseconds or minutes, overtaken by the
 * next one, or take the link with them.
 */
#ifndef WIRE_FAULTS_H
#define WIRE_FAULTS_H

#include "sim.h"

enum wire_update { WIRE_CBOR, WIRE_JSON, WIRE_HTTP, WIRE_FILES, WIRE_UPDATES };
extern const char *const wire_update_words[WIRE_UPDATES];

enum wire_fault {
    WIRE_LOST,
    WIRE_TWICE,
    WIRE_TWICE_MUCH_LATER,
    WIRE_LATE,
    WIRE_LATER,
    WIRE_MUCH_LATER,
    WIRE_OVERTAKEN,
    WIRE_BROKEN,
    WIRE_FAULTS
};
extern const char *const wire_fault_words[WIRE_FAULTS];

/* More messages than an update has; as an index, none of them. */
#define WIRE_MESSAGES_MAX 250u

/* What goes wrong, and with which message, as they are sent: 0, 1, 2 ... */
struct wire_plan {
    enum wire_update update;
    struct {
        unsigned index;
        enum wire_fault fault;
        char name[160]; /* out: of that message; empty: there were not so many */
    } at[2];
};

/* What became of it. */
struct wire_seen {
    unsigned messages; /* that were sent; those that were held, too */
    uint32_t bytes;    /* of blocks and bodies */
    ota_ms_t reported_at;
    unsigned reports, tests, claims, refusals;
    ota_err_t refused; /* the last error that is not OTA_E_UNEXPECTED */
};

void wire_begin(void);
void wire_end(void);

/** A plan of no fault at all. */
struct wire_plan wire_no_fault(enum wire_update update);

/**
 * From power-on to rest; `without`: the same update without a fault, NULL if this is that one.
 *
 * @return NULL if the update ended well by itself, was installed once, reported once, in time, without fetching much
 *     again, and nothing was refused but for being late; else what is wrong.
 */
const char *wire_play(struct wire_plan *plan, const struct wire_seen *without,
                      struct wire_seen *seen);

#endif
