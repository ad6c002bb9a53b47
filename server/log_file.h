/*
 * Log file: standard output and standard error as a file of bounded size, and
 * the one before it, PATH.1. For a waftd that runs without anybody who would
 * rotate its log.
 */
#ifndef SRV_LOG_FILE_H
#define SRV_LOG_FILE_H

#include "base/file.h"

/* One file; there are two. Over it by what is said between two looks. */
#define SRV_LOG_FILE_MAX (2u * 1024u * 1024u)

struct srv_log_file {
    char path[SRV_PATH_MAX]; /* "": standard error stays what it is */
};

/** From now on all is said there, behind what is there. */
SRV_MUST_CHECK bool srv_log_file_open(struct srv_log_file *log, const char *path,
                                      struct srv_err *err);

/**
 * Begin anew if the file has become too large, or was moved away. If that fails all is said where
 * it was said before, until the next look.
 */
void srv_log_file_look(const struct srv_log_file *log);

#endif
