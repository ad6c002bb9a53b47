#include "self.h"
#include "posix_board.h"
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static void begin_process(struct self *self)
{
    alarm(BOARD_WATCHDOG_S);
    setvbuf(stdout, NULL, _IOLBF, 0);
    sigemptyset(&self->end);
    sigaddset(&self->end, SIGTERM);
    sigprocmask(SIG_BLOCK, &self->end, NULL); /* threads that are made later have it from here */
}

/* A keyset that is not for us, or not now, is no reason not to run: whoever brought it hears why. */
static void take_keyset(struct self *self, struct ota_store *store, struct show *show)
{
    if (self->args.keyset == NULL) {
        return;
    }
    const ota_err_t err =
        posix_keyset_install(self->args.keyset, store, &self->crypto.base, self->args.slot);
    if (err == OTA_OK) {
        show_line(show, "keyset installed: its keys count from now on");
    } else if (err == OTA_E_STATE) {
        show_line(show, "keyset not installed: this image is on trial; again after the next reset");
    } else {
        show_line(show, "keyset not installed: %s", ota_err_text(err));
    }
}

static ota_err_t read_identity(struct self *self, struct ota_store *store)
{
    struct posix_identity *const id = &self->identity;
    struct ota_span record;
    ota_err_t err = ota_store_identity(store, OTA_BUF_OF(self->identity_room), &record);
    if (err == OTA_OK) {
        err = posix_identity_read(record, id);
    }
    if (err != OTA_OK) {
        return err;
    }
    snprintf(self->thing, sizeof self->thing, "%.*s", (int)id->thing.len,
             (const char *)id->thing.ptr);
    snprintf(self->root, sizeof self->root, "%.*s", (int)id->topic_root.len,
             (const char *)id->topic_root.ptr);
    err = posix_keyset_ca(store, OTA_BUF_OF(self->ca_room), &id->ca_pem);
    return err == OTA_E_NOT_FOUND ? OTA_OK : err; /* the identity's own count */
}

bool self_open(struct self *self, int argc, char **argv, struct show *show)
{
    struct ota_store store;
    begin_process(self);
    if (!board_args_read(argc, argv, &self->args) || !board_flash_open(&self->flash, &self->args)) {
        return false;
    }
    ota_err_t err = psa_port_init(&self->crypto, &psa_lock_pthread);
    if (err == OTA_OK) {
        err = ota_store_open(&store, &self->flash.base, &posix_board_layout);
    }
    if (err == OTA_OK) {
        take_keyset(self, &store, show);
        err = read_identity(self, &store);
    }
    if (err != OTA_OK) {
        show_line(show, "cannot start: %s", ota_err_text(err));
    }
    return err == OTA_OK;
}

void self_close(struct self *self)
{
    posix_flash_close(&self->flash.part);
}

static const char *how_it_started(enum ota_boot_rule rule)
{
    switch (rule) {
    case OTA_BOOT_TRIAL:
    case OTA_BOOT_TRIAL_AGAIN: return "trial";
    case OTA_BOOT_CONFIRMED: return "confirmed";
    case OTA_BOOT_UNMARKED: return "unmarked";
    case OTA_BOOT_LAST_RESORT: return "last resort";
    case OTA_BOOT_RECOVERY: break;
    }
    return "unknown";
}

void self_tell(const struct self *self, struct show *show)
{
    show_line(show, "running from slot %c, %s", self->args.slot == OTA_SLOT_A ? 'A' : 'B',
              how_it_started(self->args.rule));
}

bool self_tick(const struct self *self, unsigned ms)
{
    const struct timespec tick = { ms / 1000u, (long)(ms % 1000u) * 1000000L };
    const bool ended = sigtimedwait(&self->end, NULL, &tick) >= 0;
    alarm(BOARD_WATCHDOG_S);
    return !ended;
}

ota_ms_t self_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (ota_ms_t)t.tv_sec * 1000u + (ota_ms_t)t.tv_nsec / 1000000u;
}
