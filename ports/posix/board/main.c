/*
 * waft-device: a device as a process. Its only inputs are the flash file and the
 * broker's address; it runs the bootloader, and again after each reset.
 */
#define _GNU_SOURCE /* getopt_long() */
#include "board.h"
#include "flash.h"
#include "process.h"
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: waft-device --flash FILE --broker HOST:PORT [options]\n"
    "Runs the device whose flash is FILE, until SIGTERM.\n"
    "  --power-cut-at N[:inside]  cut the power before (half-way in) the N-th flash operation\n"
    "  --us-per-kb US             programming 1 KiB of flash takes US microseconds longer\n"
    "  --keyset FILE              a keyset (`waft keyset make`) that the device takes before it "
    "connects\n"
    "  --trials N                 boots that a new image gets to confirm itself, 1 to 8; 1 as "
    "built\n"
    "  --prefer mqtt|http         how to download if a job offers both; mqtt if not given\n"
    "  --files TYPE:DIR           data files of this type (1 to 255) go to DIR/active; up to four "
    "times\n"
    "  --boot PATH                the bootloader, if it is not waft-boot beside this program\n"
    "Exit code: 0 ended by SIGTERM, 76 nothing to boot, 77 power was cut, 78 cannot run.\n";

/* An image that dies at once is not restarted as fast as the machine can. */
#define CRASH_PAUSE_MS 1000
#define CRASH_LIFE_S   1

enum option_id { FLASH = 1, BROKER, CUT, SLOW, KEYSET, TRIALS, PREFER, FILES, BOOT, HELP };

static const struct option options[] = {
    { "flash", required_argument, NULL, FLASH },
    { "broker", required_argument, NULL, BROKER },
    { "power-cut-at", required_argument, NULL, CUT },
    { "us-per-kb", required_argument, NULL, SLOW },
    { "keyset", required_argument, NULL, KEYSET },
    { "trials", required_argument, NULL, TRIALS },
    { "prefer", required_argument, NULL, PREFER },
    { "files", required_argument, NULL, FILES },
    { "boot", required_argument, NULL, BOOT },
    { "help", no_argument, NULL, HELP },
    { NULL, 0, NULL, 0 },
};

struct board {
    char *flash, *broker;
    char *keyset; /* NULL: none */
    char *trials; /* NULL: as the bootloader was built */
    char *prefer; /* NULL: MQTT */
    char *files[BOARD_FILES_MAX];
    size_t file_count;
    char boot[PATH_MAX];
    struct board_faults faults;
};

static bool read_u32(const char *text, const char *rest, uint32_t *value)
{
    char *end = NULL;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || errno != 0 || number > UINT32_MAX || strcmp(end, rest) != 0) {
        return false;
    }
    *value = (uint32_t)number;
    return true;
}

static bool read_cut(const char *text, struct board_faults *faults)
{
    if (read_u32(text, ":inside", &faults->cut_at)) {
        faults->inside = 1;
        return true;
    }
    return read_u32(text, "", &faults->cut_at);
}

static bool read_trials(char *text, struct board *b)
{
    b->trials = text;
    return text[0] >= '1' && text[0] <= '0' + (char)OTA_TRIALS_MAX && text[1] == '\0';
}

static bool read_prefer(char *text, struct board *b)
{
    enum board_prefer ignored;
    b->prefer = text;
    return board_prefer_parse(text, &ignored);
}

static bool read_files(char *text, struct board *b)
{
    struct board_files ignored;
    if (b->file_count == BOARD_FILES_MAX || !board_files_parse(text, &ignored)) {
        return false;
    }
    b->files[b->file_count++] = text;
    return true;
}

static bool read_boot(const char *text, struct board *b)
{
    return (size_t)snprintf(b->boot, sizeof b->boot, "%s", text) < sizeof b->boot;
}

static bool read_option(int id, char *text, struct board *b)
{
    switch ((enum option_id)id) {
    case FLASH: b->flash = text; return true;
    case BROKER: b->broker = text; return true;
    case CUT: return read_cut(text, &b->faults);
    case SLOW: return read_u32(text, "", &b->faults.us_per_kb);
    case KEYSET: b->keyset = text; return *text != '\0';
    case TRIALS: return read_trials(text, b);
    case PREFER: return read_prefer(text, b);
    case FILES: return read_files(text, b);
    case BOOT: return read_boot(text, b);
    case HELP: fputs(usage, stdout); exit(EXIT_SUCCESS);
    }
    return false;
}

static bool read_arguments(int argc, char **argv, struct board *b)
{
    for (int id; (id = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (id == '?') {
            return false;
        }
        if (!read_option(id, optarg, b)) {
            fprintf(stderr, "waft-device: %s: not a possible value\n", optarg);
            return false;
        }
    }
    return optind == argc && b->flash != NULL && b->broker != NULL;
}

/* waft-boot beside this program, unless it was named. */
static bool find_boot(struct board *b)
{
    static const char name[] = "waft-boot";
    if (b->boot[0] != '\0') {
        return true;
    }
    ssize_t len = readlink("/proc/self/exe", b->boot, sizeof b->boot - sizeof name);
    if (len <= 0) {
        return false;
    }
    b->boot[len] = '\0';
    char *slash = strrchr(b->boot, '/');
    memcpy(slash + 1, name, sizeof name);
    return true;
}

static time_t now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

static int exit_code(enum board_next next, bool stopped)
{
    switch (next) {
    case BOARD_RESTART: return EXIT_SUCCESS; /* told to end between two resets */
    case BOARD_END: return EXIT_SUCCESS;
    case BOARD_RECOVERY: return BOARD_EXIT_RECOVERY;
    case BOARD_POWER_LOST: return stopped ? EXIT_FAILURE : BOARD_EXIT_POWER_LOST;
    case BOARD_BROKEN: return BOARD_EXIT_BROKEN;
    }
    return EXIT_FAILURE;
}

/* From power-on to the end of this board. @return its exit code. */
static int live(struct board *b, int faults_fd)
{
    char fd[16], cause[16];
    char *argv[16 + 2 * BOARD_FILES_MAX] = { b->boot,    "--flash",       b->flash,
                                             "--broker", b->broker,       "--faults",
                                             fd,         "--reset-cause", cause };
    size_t count = 9;
    if (b->trials != NULL) {
        argv[count++] = "--trials";
        argv[count++] = b->trials;
    }
    if (b->prefer != NULL) {
        argv[count++] = "--prefer";
        argv[count++] = b->prefer;
    }
    for (size_t i = 0; i < b->file_count; i++) {
        argv[count++] = "--files";
        argv[count++] = b->files[i];
    }
    if (b->keyset != NULL) {
        argv[count++] = "--keyset";
        argv[count++] = b->keyset;
    }
    struct board_verdict verdict = { BOARD_RESTART, OTA_RESET_POWER_ON };
    bool stopped = false;
    snprintf(fd, sizeof fd, "%d", faults_fd);
    while (verdict.next == BOARD_RESTART && !stopped) {
        snprintf(cause, sizeof cause, "%s", board_cause_name(verdict.cause));
        printf("board: %s%s\n", verdict.cause == OTA_RESET_POWER_ON ? "" : "reset, cause: ", cause);
        time_t begin = now_s();
        verdict = board_after(board_process_run(argv, &stopped));
        if (verdict.cause == OTA_RESET_FAULT && now_s() - begin <= CRASH_LIFE_S && !stopped) {
            stopped = !board_pause(CRASH_PAUSE_MS);
        }
    }
    if (verdict.next == BOARD_POWER_LOST) {
        puts(stopped ? "board: the image did not end when told to; killed" : "board: power lost");
    }
    return exit_code(verdict.next, stopped);
}

int main(int argc, char **argv)
{
    struct board b = { .flash = NULL };
    if (!read_arguments(argc, argv, &b)) {
        fputs(usage, stderr);
        return BOARD_EXIT_BROKEN;
    }
    int faults_fd = -1;
    const struct board_faults *faults = board_faults_make(&b.faults, &faults_fd);
    if (faults == NULL || !find_boot(&b)) {
        perror("waft-device");
        return BOARD_EXIT_BROKEN;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    board_signals_block();
    int code = live(&b, faults_fd);
    printf("board: off after %u flash operations\n", (unsigned)faults->ops);
    return code;
}
