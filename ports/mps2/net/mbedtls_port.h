/*
 * What Mbed TLS needs of the board: memory, randomness, the time of day.
 *
 * Memory is one static pool, so that nothing else can use it up. Randomness is PSA's generator, seeded
 * by the host (semihosting.h): this board has no source of its own. The time is the host's too; with a
 * wrong one a broker's certificate is refused as expired or not yet valid, never taken unchecked.
 */
#ifndef MPS2_MBEDTLS_PORT_H
#define MPS2_MBEDTLS_PORT_H

#include <stddef.h>
#include <stdint.h>

/** Before any other call of Mbed TLS. psa_port_init() comes after it. */
void mbedtls_port_start(void);

/** For mbedtls_ssl_conf_rng(); after psa_port_init(). */
int mps2_rng(void *unused, unsigned char *out, size_t len);

uint32_t mps2_random(void);

/** Up to where the pool was ever in use, in bytes. */
size_t mbedtls_port_peak(void);

#endif
