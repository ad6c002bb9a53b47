/*
 * Board: what the parts of a device process agree on. The board (waft-device) runs the
 * bootloader (waft-boot), which becomes the image by executing it; each ends by an exit
 * code or a signal, and the board does what hardware would do then.
 *
 *     waft-device --fork--> waft-boot --exec--> image
 *          ^                                      |
 *          +--- exit code or signal: board_after() --+
 */
#ifndef BOARD_H
#define BOARD_H

#include "ota/handover.h"
#include "ota/store.h"

/* Exit codes. 75-78: outside what shells, sanitizers and libraries use. */
#define BOARD_EXIT_RESET      75 /* of an image: reset me */
#define BOARD_EXIT_RECOVERY   76 /* of the bootloader, then of the board: nothing may run */
#define BOARD_EXIT_POWER_LOST 77 /* of the board: power was cut */
#define BOARD_EXIT_BROKEN                                                                          \
    78 /* of all: no flash, no bootloader, wrong arguments: nothing that a reset mends */

/* The bootloader arms it right before the jump; an image that has not kicked it by then is killed by SIGALRM. */
#define BOARD_WATCHDOG_S 5u

enum board_next {
    BOARD_RESTART,    /* the bootloader again, with `cause` */
    BOARD_END,        /* the image ended as it was told */
    BOARD_RECOVERY,   /* the bootloader found nothing to run */
    BOARD_POWER_LOST, /* SIGKILL: the board goes dark too */
    BOARD_BROKEN,     /* as a device without flash */
};

struct board_verdict {
    enum board_next next;
    enum ota_reset_cause cause; /* of BOARD_RESTART */
};

/** What the board does after its process ended with `status`, as wait() gives it. Total. */
struct board_verdict board_after(int status);

/** "power-on", "software", "watchdog", "fault"; "unknown" for anything else. */
const char *board_cause_name(enum ota_reset_cause cause);
/** The reverse. @return false if it is none of the four; then `cause` is untouched. */
bool board_cause_parse(const char *word, enum ota_reset_cause *cause);

/** Of the protocols that a job offers for its download. */
enum board_prefer { BOARD_PREFER_MQTT, BOARD_PREFER_HTTP };

/** "mqtt" or "http". @return false if it is neither; then `prefer` is untouched. */
bool board_prefer_parse(const char *word, enum board_prefer *prefer);

/** Where data files of one type go. */
struct board_files {
    uint8_t type; /* 1 ..= 255 */
    const char *dir;
};
#define BOARD_FILES_MAX 4u

/** "TYPE:DIR". @return false if it is not; then `files` is untouched. Borrows from `text`. */
bool board_files_parse(const char *text, struct board_files *files);

/* What the board's processes are told on their command line. */
struct board_args {
    const char *flash;  /* path of the flash file */
    const char *broker; /* HOST:PORT, passed on as it is */
    char host[256];     /* taken from it */
    int port;
    enum ota_reset_cause cause; /* --reset-cause */
    enum ota_slot slot;         /* --slot A|B: of the image that runs */
    enum ota_boot_rule rule;    /* --rule NUMBER */
    ota_err_t refused; /* --refused NUMBER: why the bootloader did not take the other slot */
    uint8_t
        trials_max; /* --trials NUMBER: of an unconfirmed image; 0: as the bootloader was built */
    const char *keyset;                        /* --keyset FILE: to be installed; NULL: none */
    enum board_prefer prefer;                  /* --prefer mqtt|http */
    struct board_files files[BOARD_FILES_MAX]; /* --files TYPE:DIR, several times */
    uint8_t file_count;
    int faults_fd; /* --faults FD: shared memory of the fault injection; -1: none */
};

/**
 * Read a command line: `--flash` and `--broker` are required, each option but `--files` may be given once.
 * `argv[0]` names the program in messages to stderr.
 *
 * @return false after a message. `args` borrows from `argv`.
 */
bool board_args_read(int argc, char **argv, struct board_args *args);

#endif
