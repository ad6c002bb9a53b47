/*
 * Counter: the port to a rollback counter that can only rise: fuses, a secure
 * element, a TF-M service. A device without one keeps its counter in flash and
 * needs no port.
 *
 * Such a counter often has a limited number of steps, burnt for ever. So an
 * image that asks for more than there is room for is refused before anything is
 * erased, and the counter is raised only after the image has been confirmed.
 */
#ifndef OTA_COUNTER_H
#define OTA_COUNTER_H

#include "ota/err.h"

#include <stdint.h>

struct ota_counter;

struct ota_counter_ops {
    ota_err_t (*read)(struct ota_counter *c, uint32_t *value);
    /* The highest value that it can ever hold. */
    ota_err_t (*room)(struct ota_counter *c, uint32_t *max);
    /* To `value`, which is higher than what it holds, and not above its room. A cut may leave it in between, never lower. */
    ota_err_t (*raise)(struct ota_counter *c, uint32_t value);
};

struct ota_counter {
    const struct ota_counter_ops *ops; /* in ROM */
};

#endif
