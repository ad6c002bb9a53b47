/*
 * Small files that must be there whole or not at all: keys, certificates, lists.
 */
#ifndef SRV_FILE_H
#define SRV_FILE_H

#include "base/err.h"
#include <stddef.h>
#include <sys/types.h>

/* The longest path that we build; a data directory that does not fit is refused. */
#define SRV_PATH_MAX 1024u

/** `dir`/`name` into `out`. */
SRV_MUST_CHECK bool srv_path(char out[SRV_PATH_MAX], const char *dir, const char *name,
                             struct srv_err *err);

/** Make `path` and its missing parents; what is there already stays as it is. */
SRV_MUST_CHECK bool srv_dir_make(const char *path, mode_t mode, struct srv_err *err);

/**
 * Replace the file at `path` in one step: a reader, or a start after a crash,
 * sees the old contents or the new ones. Durable when it returns true.
 */
SRV_MUST_CHECK bool srv_file_write(const char *path, const void *bytes, size_t len, mode_t mode,
                                   struct srv_err *err);

/**
 * Read a whole file of at most `max` bytes.
 *
 * @param text  out: the bytes and a zero behind them; free() it.
 * @param len   out: bytes without that zero; may be NULL.
 * @return false with SRV_E_NOT_FOUND if there is none, SRV_E_LIMIT if it is larger.
 */
SRV_MUST_CHECK bool srv_file_read(const char *path, size_t max, char **text, size_t *len,
                                  struct srv_err *err);

/** Let this process, and what it starts, open as many files as it may: each connection is one. Async-signal-safe. */
void srv_file_allow_many(void);

#endif
