/*
 * Artifacts: files named by their SHA-256 in one directory.
 *
 * A file is there whole or not at all: it is written under a temporary name,
 * synced, renamed, and the directory synced. A full disk is SRV_E_DISK_FULL
 * and leaves nothing behind. Temporary files of a crash are removed at open.
 *
 * Any thread; an upload is used by one thread at a time.
 */
#ifndef SRV_ARTIFACTS_H
#define SRV_ARTIFACTS_H

#include "base/err.h"
#include "core/rows.h"

struct srv_artifacts;
struct srv_upload;

SRV_MUST_CHECK bool srv_artifacts_open(const char *dir, struct srv_artifacts **artifacts,
                                       struct srv_err *err);
void srv_artifacts_close(struct srv_artifacts *artifacts);

SRV_MUST_CHECK bool srv_upload_begin(struct srv_artifacts *artifacts, struct srv_upload **upload,
                                     struct srv_err *err);
/** Append. After an error only srv_upload_abandon() is left. */
SRV_MUST_CHECK bool srv_upload_write(struct srv_upload *upload, struct ota_span bytes,
                                     struct srv_err *err);
/** Make it durable under its digest; frees `upload` on every path. Then submit
 * SRV_CMD_ARTIFACT_ADD. */
SRV_MUST_CHECK bool srv_upload_finish(struct srv_upload *upload, struct srv_artifact *artifact,
                                      struct srv_err *err);
void srv_upload_abandon(struct srv_upload *upload);

/** Open for reading (the caller closes `fd`). */
SRV_MUST_CHECK bool srv_artifact_open(struct srv_artifacts *artifacts,
                                      const uint8_t digest[SRV_DIGEST_SIZE], int *fd,
                                      uint64_t *size, struct srv_err *err);

#endif
