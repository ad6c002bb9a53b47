/*
 * Crypto port that verifies and does nothing else: SHA-256 and ECDSA P-256 from Mbed TLS 2.28's
 * own interface, without PSA, for a bootloader. It keeps no key and no state, and has no random
 * bytes to give.
 */
#ifndef VERIFY_PORT_H
#define VERIFY_PORT_H

#include "ota/crypto.h"

/** One thread at a time, as far as Mbed TLS's allocator is one. */
void verify_port_init(struct ota_crypto *port);

#endif
