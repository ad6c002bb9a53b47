/*
 * Golden flash: what a device's flash held at some moment, written down once as text and read for
 * ever by the versions that come after. tests/vectors/flash/README.md has the format.
 */
#ifndef GOLDEN_H
#define GOLDEN_H

#include "flash_model.h"
#include "ota/crypto.h"
#include "ota/store.h"

#include <stdio.h>

/** What a reader must find. Numbers are those of the public enums. */
struct golden_facts {
    uint32_t class_a, class_b;       /* enum ota_slot_class, both taken as verifying */
    uint32_t sequence_a, sequence_b; /* UINT32_MAX: none */
    uint32_t trials_a, trials_b;
    uint32_t counter;
    uint32_t journal; /* enum ota_journal_state; UINT32_MAX: none */
    uint32_t target, mark, file_size, refusals, reason;
    uint32_t execution;
    uint32_t boot_rule, boot_slot; /* of the next boot, with one trial */
    uint32_t hw_revision, identity_size;
};

struct golden {
    struct ota_flash_run runs[OTA_FLASH_RUNS_MAX];
    struct flash_geometry geometry; /* lends `runs` */
    struct ota_layout layout;
    struct golden_facts facts;
    char job[OTA_JOB_ID_MAX + 1];
};

void golden_write(FILE *to, const struct golden *g, const uint8_t *bytes, uint32_t size);

/** Fills `g`, and makes `m` with its bytes; free it. False: not of this format. */
bool golden_read(FILE *from, struct golden *g, struct flash_model *m);

/** What this version finds in the flash; `crypto` is for the boot decision, which leaves no mark. */
void golden_look(struct flash_model *m, const struct ota_layout *layout, struct ota_crypto *crypto,
                 struct golden *found);

/** The name of the first fact in which two differ; NULL: none. */
const char *golden_difference(const struct golden_facts *a, const struct golden_facts *b);

#endif
