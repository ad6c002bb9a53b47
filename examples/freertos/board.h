/* Board: what waft must be given of the hardware. board.c has it for no board at all; write yours in its place. */
#ifndef BOARD_H
#define BOARD_H

#include "ota/crypto.h"
#include "ota/handover.h"
#include "ota/store.h"

extern struct ota_flash board_flash;
extern const struct ota_layout board_layout;

/** ports/crypto/psa.c over your Mbed TLS: psa_port_init(&port, &psa_lock_freertos). NULL: it does not start. */
struct ota_crypto *board_crypto(void);

/** Which slot runs, and how the bootloader came to it: it says so in RAM, in registers, or by the address. */
enum ota_slot board_slot(void);
struct ota_handover board_handover(void);

/** The device's name: the common name of its certificate. */
const char *board_thing_name(void);

/** Does this device do its work? The self-test of a new image. */
bool board_works(void);

/** Must not return. */
void board_reset(void *unused);

#endif
