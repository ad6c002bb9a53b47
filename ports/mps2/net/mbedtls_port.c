#include "mbedtls_port.h"
#include "ota/assert.h"
#include "semihosting.h"
#include <mbedtls/entropy.h>
#include <mbedtls/entropy_poll.h>
#include <mbedtls/memory_buffer_alloc.h>
#include <mbedtls/platform.h>
#include <mbedtls/platform_util.h>
#include <psa/crypto.h>

/* A handshake with two certificate chains needs about 30 KiB, most of it for P-256. */
#define POOL_SIZE (64u * 1024u)

static uint32_t tls_pool[POOL_SIZE / sizeof(uint32_t)];

static mbedtls_time_t time_of_day(mbedtls_time_t *also)
{
    const mbedtls_time_t now = semihosting_time();
    if (also != NULL) {
        *also = now;
    }
    return now;
}

void mbedtls_port_start(void)
{
    mbedtls_memory_buffer_alloc_init((unsigned char *)tls_pool, sizeof tls_pool);
    (void)mbedtls_platform_set_time(time_of_day); /* cannot fail */
}

void mbedtls_port_broken(int status)
{
    (void)status;
    OTA_UNREACHABLE();
}

/* Asked for by Mbed TLS's entropy pool, by this name. */
int mbedtls_hardware_poll(void *unused, unsigned char *out, size_t len, size_t *got)
{
    (void)unused;
    if (!semihosting_random((struct ota_buf){ out, len })) {
        return MBEDTLS_ERR_ENTROPY_SOURCE_FAILED;
    }
    *got = len;
    return 0;
}

/* Asked for by Mbed TLS's X.509, by this name: newlib's own keeps a hidden buffer. */
struct tm *mbedtls_platform_gmtime_r(const mbedtls_time_t *when, struct tm *into)
{
    return gmtime_r(when, into);
}

int mps2_rng(void *unused, unsigned char *out, size_t len)
{
    (void)unused;
    return psa_generate_random(out, len) == PSA_SUCCESS ? 0 : MBEDTLS_ERR_ENTROPY_SOURCE_FAILED;
}

uint32_t mps2_random(void)
{
    uint32_t value = 0;
    const psa_status_t status = psa_generate_random((uint8_t *)&value, sizeof value);
    OTA_ASSERT(status == PSA_SUCCESS); /* a port that can be guessed is worse than a reset */
    return value;
}

/* It is taken from the front, so what was never used is still zero at its end. */
size_t mbedtls_port_peak(void)
{
    size_t words = sizeof tls_pool / sizeof tls_pool[0];
    while (words > 0 && tls_pool[words - 1u] == 0) {
        words--;
    }
    return words * sizeof tls_pool[0];
}
