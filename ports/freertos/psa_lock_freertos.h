/* The lock that psa_port.h wants around PSA's keys, for FreeRTOS: one mutex for the whole image. */
#ifndef PSA_LOCK_FREERTOS_H
#define PSA_LOCK_FREERTOS_H

#include "psa_port.h"

/** For psa_port_init(), and for whoever else there uses PSA keys: a TLS stack over PSA, for instance. */
extern const struct psa_lock psa_lock_freertos;

#endif
