/* Mbed TLS 2.28 for verify_port.c: SHA-256, ECDSA P-256 verification, and what these two stand on. */
#ifndef VERIFY_CONFIG_H
#define VERIFY_CONFIG_H

#define MBEDTLS_SHA256_C
#define MBEDTLS_SHA256_SMALLER

#define MBEDTLS_BIGNUM_C
#define MBEDTLS_ECP_C
#define MBEDTLS_ECP_DP_SECP256R1_ENABLED
#define MBEDTLS_ECP_NIST_OPTIM
#define MBEDTLS_ECP_MAX_BITS 256
/* A window of 4 verifies in about 60 % of the time, for 700 bytes more. */
#define MBEDTLS_ECP_WINDOW_SIZE       2
#define MBEDTLS_ECP_FIXED_POINT_OPTIM 0
/* Blinding keeps secrets from an observer; a verification has none. */
#define MBEDTLS_ECP_NO_INTERNAL_RNG

/* A loop where Mbed TLS unrolls sixteen times, and no division of 64 bits from libgcc: 1.3 KB less. */
#define MULADDC_INIT {
#define MULADDC_CORE                                                                               \
    {                                                                                              \
        const uint64_t sum = (uint64_t)*s++ * b + c + *d;                                          \
        c = (uint32_t)(sum >> 32);                                                                 \
        *d++ = (uint32_t)sum;                                                                      \
    }
#define MULADDC_HUIT                                                                               \
    for (int limb = 0; limb < 8; limb++)                                                           \
    MULADDC_CORE
#define MULADDC_STOP }
#define MBEDTLS_NO_UDBL_DIVISION

/* ECDSA_C comes with DER, which a linker leaves out again. */
#define MBEDTLS_ECDSA_C
#define MBEDTLS_ASN1_PARSE_C
#define MBEDTLS_ASN1_WRITE_C

/* The numbers' memory: see verify_pool.h. */
#define MBEDTLS_PLATFORM_C
#define MBEDTLS_PLATFORM_MEMORY
#define MBEDTLS_PLATFORM_CALLOC_MACRO verify_pool_calloc
#define MBEDTLS_PLATFORM_FREE_MACRO   verify_pool_free
#include "verify_pool.h"

#include <mbedtls/check_config.h>

#endif
