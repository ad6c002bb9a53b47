/*
 * Self: what an image on this board finds before its agent starts: the flash, the crypto port, and who
 * it is. From OTA_AgentInit() on, flash is the agent's.
 */
#ifndef SELF_H
#define SELF_H

#include "flash.h"
#include "posix_identity.h"
#include "posix_keyset.h"
#include "psa_port.h"
#include "show.h"

/* Room for a name as a C string. */
struct self {
    struct board_args args;
    struct board_flash flash;
    struct psa_port crypto;
    struct posix_identity identity; /* borrows from the rooms */
    char thing[OTA_THING_NAME_MAX + 1];
    char root[OTA_TOPIC_ROOT_MAX + 1]; /* empty: the default */
    uint8_t identity_room[POSIX_IDENTITY_MAX], ca_room[POSIX_KEYSET_PEM_MAX];
};

/**
 * Read the command line, open flash and crypto, install the keyset that the command line names, read the
 * identity. Not to be moved or copied after it.
 *
 * @return false after a message.
 */
bool self_open(struct self *self, int argc, char **argv, struct show *show);
void self_close(struct self *self);

/** As the bootloader decided: "trial", "confirmed", "unmarked", "last resort". */
const char *self_how_it_started(const struct self *self);

#endif
