/*
 * Crypto port over the PSA Crypto API: Mbed TLS, TF-M, a secure element.
 *
 * Compiles for a host and for bare metal alike: the lock comes from outside.
 */
#ifndef PSA_PORT_H
#define PSA_PORT_H

#include "ota/crypto.h"

/**
 * Mutual exclusion around PSA's key slots and random generator. Mbed TLS 2.28 guards neither
 * by itself, and both are one per process: all ports of a process, and everyone else there who
 * uses PSA keys, must share one lock.
 */
struct psa_lock {
    void (*take)(void *context);
    void (*give)(void *context);
    void *context;
};

/** One mutex for the process; for POSIX (psa_lock_pthread.c). */
extern const struct psa_lock psa_lock_pthread;

struct psa_port {
    struct ota_crypto base;
    const struct psa_lock *lock; /* NULL: one thread only */
};

/**
 * Start PSA (starting it again is harmless) and make `port` ready.
 *
 * @param lock  lent for the life of `port`, or NULL if one thread alone uses PSA.
 * @return OTA_OK; OTA_E_CRYPTO if PSA does not start, for instance for want of entropy; `port`
 *         then must not be used.
 */
OTA_MUST_CHECK ota_err_t psa_port_init(struct psa_port *port, const struct psa_lock *lock);

#endif
