/* Log: what a child says, on disk in two files of bounded size, and its last words in memory. */
#ifndef SRV_BROKER_LOG_H
#define SRV_BROKER_LOG_H

#include "base/file.h"
#include <stdint.h>

struct broker_log {
    char path[SRV_PATH_MAX];
    int fd; /* -1: the disk refused; only the last words are kept */
    uint32_t size;
    char last[160]; /* the last whole line */
    char line[160]; /* the line that is coming, cut */
    uint32_t line_len;
};

void broker_log_open(struct broker_log *log, const char *path);
void broker_log_close(struct broker_log *log);

/** Take what is there, at most some kilobytes. `from` does not block. */
void broker_log_take(struct broker_log *log, int from);

#endif
