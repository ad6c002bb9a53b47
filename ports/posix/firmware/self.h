/*
 * Self: what an image on this board finds before its agent starts: the flash, the crypto port, and who
 * it is; and how its process lives, which is alike in all of them. From OTA_AgentInit() on, flash is the
 * agent's.
 */
#ifndef SELF_H
#define SELF_H

#include "flash.h"
#include "posix_identity.h"
#include "posix_keyset.h"
#include "psa_port.h"
#include "show.h"
#include <signal.h>

struct self {
    struct board_args args;
    struct board_flash flash;
    struct psa_port crypto;
    struct posix_identity identity;     /* borrows from the rooms */
    char thing[OTA_THING_NAME_MAX + 1]; /* as C strings */
    char root[OTA_TOPIC_ROOT_MAX + 1];  /* empty: the default */
    uint8_t identity_room[POSIX_IDENTITY_MAX], ca_room[POSIX_KEYSET_PEM_MAX];
    sigset_t end; /* SIGTERM */
};

/**
 * The first call of an image, before it has other threads: kick the watchdog, let each line of output go when
 * it ends, keep SIGTERM for self_tick(). Then read the command line, open flash and crypto, install the keyset
 * that the command line names, read the identity. Not to be moved or copied after it.
 *
 * @return false after a message.
 */
bool self_open(struct self *self, int argc, char **argv, struct show *show);
void self_close(struct self *self);

/** Print the slot that runs, and how the bootloader came to start it. */
void self_tell(const struct self *self, struct show *show);

/** Sleep for `ms`, then kick the watchdog. @return false once SIGTERM has come. */
bool self_tick(const struct self *self, unsigned ms);

/** The clock that an agent wants: it never goes back. */
ota_ms_t self_now_ms(void);

#endif
