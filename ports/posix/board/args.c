#define _GNU_SOURCE /* getopt_long() */
#include "board.h"
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum option_id {
    FLASH,
    BROKER,
    CAUSE,
    SLOT,
    RULE,
    REFUSED,
    TRIALS,
    FAULTS,
    KEYSET,
    PREFER,
    FILES,
    OPTION_COUNT
};

static const struct option options[] = {
    { "flash", required_argument, NULL, FLASH },
    { "broker", required_argument, NULL, BROKER },
    { "reset-cause", required_argument, NULL, CAUSE },
    { "slot", required_argument, NULL, SLOT },
    { "rule", required_argument, NULL, RULE },
    { "refused", required_argument, NULL, REFUSED },
    { "trials", required_argument, NULL, TRIALS },
    { "faults", required_argument, NULL, FAULTS },
    { "keyset", required_argument, NULL, KEYSET },
    { "prefer", required_argument, NULL, PREFER },
    { "files", required_argument, NULL, FILES },
    { NULL, 0, NULL, 0 },
};

/* A whole decimal number in min ..= max. */
static bool read_number(const char *text, long min, long max, int *value)
{
    char *end = NULL;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || number < min || number > max) {
        return false;
    }
    *value = (int)number;
    return true;
}

/* The last colon counts, so that an IPv6 address may come in brackets or without. */
static bool read_broker(const char *text, struct board_args *args)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon == text || !read_number(colon + 1, 1, 65535, &args->port)) {
        return false;
    }
    size_t len = (size_t)(colon - text);
    if (*text == '[' && colon[-1] == ']') {
        text++;
        len -= 2;
    }
    if (len == 0 || len >= sizeof args->host) {
        return false;
    }
    memcpy(args->host, text, len);
    args->host[len] = '\0';
    return true;
}

static bool read_slot(const char *text, struct board_args *args)
{
    if (strcmp(text, "A") != 0 && strcmp(text, "B") != 0) {
        return false;
    }
    args->slot = *text == 'A' ? OTA_SLOT_A : OTA_SLOT_B;
    return true;
}

static bool read_rule(const char *text, struct board_args *args)
{
    int rule = 0;
    if (!read_number(text, OTA_BOOT_TRIAL, OTA_BOOT_RECOVERY, &rule)) {
        return false;
    }
    args->rule = (enum ota_boot_rule)rule;
    return true;
}

/* An ota_err_t; one that is not in the list is a later bootloader's. */
static bool read_refused(const char *text, struct board_args *args)
{
    int error = 0;
    if (!read_number(text, -1000, OTA_OK, &error)) {
        return false;
    }
    args->refused = (ota_err_t)error;
    return true;
}

static bool read_trials(const char *text, struct board_args *args)
{
    int trials = 0;
    if (!read_number(text, 1, OTA_TRIALS_MAX, &trials)) {
        return false;
    }
    args->trials_max = (uint8_t)trials;
    return true;
}

bool board_prefer_parse(const char *word, enum board_prefer *prefer)
{
    const bool http = strcmp(word, "http") == 0;
    if (http || strcmp(word, "mqtt") == 0) {
        *prefer = http ? BOARD_PREFER_HTTP : BOARD_PREFER_MQTT;
        return true;
    }
    return false;
}

bool board_files_parse(const char *text, struct board_files *files)
{
    char *rest = NULL;
    errno = 0;
    const long type = strtol(text, &rest, 10);
    if (*text < '0' || *text > '9' || errno != 0 || type < 1 || type > UINT8_MAX ||
        rest[0] != ':' || rest[1] == '\0') {
        return false;
    }
    *files = (struct board_files){ (uint8_t)type, rest + 1 };
    return true;
}

static bool read_files(const char *text, struct board_args *args)
{
    struct board_files one;
    if (args->file_count == BOARD_FILES_MAX || !board_files_parse(text, &one)) {
        return false;
    }
    for (unsigned i = 0; i < args->file_count; i++) {
        if (args->files[i].type == one.type) {
            return false;
        }
    }
    args->files[args->file_count++] = one;
    return true;
}

static bool read_option(int id, const char *text, struct board_args *args)
{
    switch ((enum option_id)id) {
    case FLASH: args->flash = text; return *text != '\0';
    case BROKER: args->broker = text; return read_broker(text, args);
    case CAUSE: return board_cause_parse(text, &args->cause);
    case SLOT: return read_slot(text, args);
    case RULE: return read_rule(text, args);
    case REFUSED: return read_refused(text, args);
    case KEYSET: args->keyset = text; return *text != '\0';
    case TRIALS: return read_trials(text, args);
    case PREFER: return board_prefer_parse(text, &args->prefer);
    case FILES: return read_files(text, args);
    case FAULTS: return read_number(text, 0, 1 << 20, &args->faults_fd);
    case OPTION_COUNT: break;
    }
    return false;
}

bool board_args_read(int argc, char **argv, struct board_args *args)
{
    struct board_args found = { .cause = OTA_RESET_UNKNOWN, .faults_fd = -1 };
    unsigned seen = 0; /* a bit an option */
    optind = 1;
    for (int id; (id = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (id == '?') {
            return false; /* getopt has said it */
        }
        if ((seen >> id & 1u) != 0 || !read_option(id, optarg, &found)) {
            fprintf(stderr, "%s: --%s %s: %s\n", argv[0], options[id].name, optarg,
                    (seen >> id & 1u) != 0 ? "given twice" : "not a possible value");
            return false;
        }
        seen |= id != FILES ? 1u << id : 0u;
    }
    if (optind < argc || found.flash == NULL || found.broker == NULL) {
        fprintf(stderr,
                "%s: --flash FILE and --broker HOST:PORT are needed, and nothing but options\n",
                argv[0]);
        return false;
    }
    *args = found;
    return true;
}
