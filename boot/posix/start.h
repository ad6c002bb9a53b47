/* Start: the jump of a device that is a process. */
#ifndef START_H
#define START_H

#include "ota/boot.h"

/**
 * Execute the chosen slot's payload in place of this process, out of memory that nobody can
 * change any more, with the watchdog armed. `argv` is handed on, with --slot and --rule added.
 *
 * @return only if it could not be started: class DEVICE.
 */
ota_err_t start(struct ota_store *store, const struct ota_boot_result *result, int argc,
                char **argv);

#endif
