#include "board.h"
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static struct board_verdict restart(enum ota_reset_cause cause)
{
    return (struct board_verdict){ BOARD_RESTART, cause };
}

static struct board_verdict end(enum board_next next)
{
    return (struct board_verdict){ next, OTA_RESET_UNKNOWN };
}

static struct board_verdict after_signal(int signal)
{
    switch (signal) {
    case SIGKILL: return end(BOARD_POWER_LOST);
    case SIGALRM: return restart(OTA_RESET_WATCHDOG);
    case SIGTERM: /* told to end before it could listen */
    case SIGINT:
    case SIGHUP: return end(BOARD_END);
    default: return restart(OTA_RESET_FAULT);
    }
}

struct board_verdict board_after(int status)
{
    if (WIFSIGNALED(status)) {
        return after_signal(WTERMSIG(status));
    }
    switch (WEXITSTATUS(status)) {
    case 0: return end(BOARD_END);
    case BOARD_EXIT_RESET: return restart(OTA_RESET_SOFTWARE);
    case BOARD_EXIT_RECOVERY: return end(BOARD_RECOVERY);
    case BOARD_EXIT_BROKEN: return end(BOARD_BROKEN);
    default: return restart(OTA_RESET_FAULT); /* a device has nowhere to exit to */
    }
}

static const char *const cause_names[] = {
    [OTA_RESET_UNKNOWN] = "unknown",   [OTA_RESET_POWER_ON] = "power-on",
    [OTA_RESET_SOFTWARE] = "software", [OTA_RESET_WATCHDOG] = "watchdog",
    [OTA_RESET_FAULT] = "fault",
};
#define CAUSE_COUNT (sizeof cause_names / sizeof cause_names[0])

const char *board_cause_name(enum ota_reset_cause cause)
{
    return cause_names[(unsigned)cause < CAUSE_COUNT ? cause : OTA_RESET_UNKNOWN];
}

bool board_cause_parse(const char *word, enum ota_reset_cause *cause)
{
    for (unsigned i = OTA_RESET_POWER_ON; i < CAUSE_COUNT; i++) {
        if (strcmp(word, cause_names[i]) == 0) {
            *cause = (enum ota_reset_cause)i;
            return true;
        }
    }
    return false;
}
