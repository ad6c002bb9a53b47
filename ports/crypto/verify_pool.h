/*
 * Pool: the memory that Mbed TLS's big numbers come and go in while one signature is verified, in a
 * bootloader without a heap. First fit over a fixed array; all of it is free again after each
 * verification.
 */
#ifndef VERIFY_POOL_H
#define VERIFY_POOL_H

#include <stddef.h>

/** Zeroed, for any type; NULL if there is no room, which makes Mbed TLS fail the verification. */
void *verify_pool_calloc(size_t count, size_t size);
/** NULL is fine. */
void verify_pool_free(void *memory);

#endif
