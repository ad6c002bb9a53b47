/*
 * What the orchestrator has lib/files do. Private to the two: so that only a device whose config names the engine
 * links it.
 */
#ifndef OTA_FILES_ENGINE_H
#define OTA_FILES_ENGINE_H

#include "workflow.h"

struct ota_files_engine {
    /**
     * The data files that the document asks for: may each be taken? Their part of the bytes' identity goes
     * into `h`, their number into `r->files`.
     *
     * @return OTA_OK; OTA_E_JOB_FILE_TYPE, OTA_E_JOB_UNSIGNED, OTA_E_JOB_SIGNATURE; what a handler says.
     */
    ota_err_t (*survey)(const struct ota_orchestrator *o, struct ota_reading *r,
                        struct ota_sha256 *h);
    /** `r->file` and `o->file` are about the data file at `index` (< r->files). */
    void (*find)(struct ota_orchestrator *o, struct ota_reading *r, uint8_t index);
    /** The deed of FILES. */
    enum verdict (*receive)(struct ota_orchestrator *o, struct ota_effect *effect);
    /** A block of the file came. */
    ota_err_t (*store)(struct ota_orchestrator *o, const struct ota_block *block);
    /** Of all handlers. */
    enum verdict (*ask)(struct ota_orchestrator *o, enum ota_files_verb verb);
};

#endif
