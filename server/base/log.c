#include "base/log.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static size_t time_text(char *out, size_t cap)
{
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    const size_t len = strftime(out, cap, "%Y-%m-%dT%H:%M:%S", &utc);
    return len + (size_t)snprintf(out + len, cap - len, ".%03dZ", (int)(now.tv_nsec / 1000000));
}

void srv_log(enum srv_level level, const char *event, const char *format, ...)
{
    static const char *const levels[] = { "info", "warn", "error" };
    char line[1024];
    size_t len = time_text(line, sizeof line);
    len += (size_t)snprintf(line + len, sizeof line - len, " %s %s ", levels[level], event);

    va_list args;
    va_start(args, format);
    const int more = vsnprintf(line + len, sizeof line - len - 1u, format, args);
    va_end(args);
    len += more > 0 ? (size_t)more : 0;
    len = len < sizeof line - 2u ? len : sizeof line - 2u;
    for (size_t i = 0; i < len; i++) {
        const unsigned char c = (unsigned char)line[i];
        line[i] = c < 0x20 || c == 0x7f ? '?' : line[i];
    }
    line[len++] = '\n';
    if (write(STDERR_FILENO, line, len) < 0) { /* one call a line, so that threads do not mix */
        return;
    }
}
