#define _GNU_SOURCE /* memfd_create() */
#include "start.h"
#include "board.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/* Our own command line has a handful of options with their values. */
#define ARGUMENTS_MAX 32

static bool write_all(int fd, const uint8_t *from, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, from, len);
        if (n <= 0) {
            return false;
        }
        from += n;
        len -= (size_t)n;
    }
    return true;
}

static ota_err_t copy_payload(struct ota_store *store, const struct ota_boot_result *result, int fd)
{
    uint8_t piece[4096];
    const struct ota_image_header *h = &result->image->image.header;
    for (uint32_t at = 0; at < h->payload_size;) {
        uint32_t len = h->payload_size - at < sizeof piece ? h->payload_size - at : sizeof piece;
        ota_err_t err = ota_store_read(store, result->verdict.slot, h->header_size + at,
                                       (struct ota_buf){ piece, len });
        if (err != OTA_OK) {
            return err;
        }
        if (!write_all(fd, piece, len)) {
            return OTA_E_NO_ROOM;
        }
        at += len;
    }
    return OTA_OK;
}

/* As the hardware's would: it runs before the image does, survives exec, and kills by default. */
static void arm_watchdog(void)
{
    sigset_t alarm_only;
    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);
    signal(SIGALRM, SIG_DFL);
    sigprocmask(SIG_UNBLOCK, &alarm_only, NULL);
    alarm(BOARD_WATCHDOG_S);
}

static void jump(int fd, const struct ota_boot_result *result, int argc, char **argv)
{
    char rule[16], refused[16];
    char *slot = result->verdict.slot == OTA_SLOT_A ? "A" : "B";
    char *all[ARGUMENTS_MAX + 7];
    int count = 0;
    snprintf(rule, sizeof rule, "%d", (int)result->verdict.rule);
    snprintf(refused, sizeof refused, "%d", (int)ota_boot_refused(result));
    for (; count < argc; count++) {
        all[count] = argv[count];
    }
    char *const added[] = { "--slot", slot, "--rule", rule, "--refused", refused, NULL };
    for (size_t i = 0; i < sizeof added / sizeof added[0]; i++) {
        all[count++] = added[i];
    }
    all[0] = "image";
    arm_watchdog();
    fexecve(fd, all, environ);
    perror("boot: cannot execute the image");
}

ota_err_t start(struct ota_store *store, const struct ota_boot_result *result, int argc,
                char **argv)
{
    if (argc > ARGUMENTS_MAX) {
        return OTA_E_NO_ROOM;
    }
    if (!ota_boot_proved(store, result)) {
        return OTA_E_STATE;
    }
    int fd = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) {
        return OTA_E_NO_ROOM;
    }
    ota_err_t err = copy_payload(store, result, fd);
    if (err == OTA_OK &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0) {
        err = OTA_E_STATE;
    }
    if (err == OTA_OK) {
        fflush(stdout);
        jump(fd, result, argc, argv);
        err = OTA_E_STATE;
    }
    close(fd);
    return err;
}
