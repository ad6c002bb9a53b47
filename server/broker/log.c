#include "broker/log.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A stranger at the port can make the broker say a line a connection: it must not fill the disk. */
#define LOG_FILE_MAX (1024u * 1024u)

void broker_log_open(struct broker_log *log, const char *path)
{
    *log = (struct broker_log){ .fd = -1 };
    snprintf(log->path, sizeof log->path, "%s", path);
    log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    struct stat st;
    if (log->fd >= 0 && fstat(log->fd, &st) == 0) {
        log->size = st.st_size < LOG_FILE_MAX ? (uint32_t)st.st_size : LOG_FILE_MAX;
    }
}

void broker_log_close(struct broker_log *log)
{
    if (log->fd >= 0) {
        close(log->fd);
    }
    log->fd = -1;
}

static void rotate(struct broker_log *log)
{
    char older[SRV_PATH_MAX + 2u];
    snprintf(older, sizeof older, "%s.1", log->path);
    broker_log_close(log);
    if (rename(log->path, older) == 0) {
        log->fd = open(log->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    }
    log->size = 0;
}

static void keep_line(struct broker_log *log, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n') {
            memcpy(log->last, log->line, log->line_len);
            log->last[log->line_len] = '\0';
            log->line_len = 0;
        } else if (log->line_len < sizeof log->line - 1u) {
            log->line[log->line_len++] = text[i];
        }
    }
}

void broker_log_take(struct broker_log *log, int from)
{
    char text[4096];
    ssize_t len = read(from, text, sizeof text);
    if (len <= 0) {
        return;
    }
    keep_line(log, text, (size_t)len);
    if (log->size + (size_t)len > LOG_FILE_MAX) {
        rotate(log);
    }
    if (log->fd >= 0 && write(log->fd, text, (size_t)len) > 0) {
        log->size += (uint32_t)len;
    }
}
