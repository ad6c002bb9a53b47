/* What lwIP asks of the compiler and of the board. */
#ifndef MPS2_LWIP_CC_H
#define MPS2_LWIP_CC_H

#include <stdint.h>

/* mbedtls_port.c has it: ports and initial sequence numbers are not to be guessed. */
uint32_t mps2_random(void);
#define LWIP_RAND()                   mps2_random()
#define LWIP_HOOK_TCP_ISN(a, b, c, d) mps2_random()

/* lwIP's own bugs, and ours towards it; never what a peer sent. Ends in a reset. */
_Noreturn void ota_assert_failed(const char *file, int line);
#define LWIP_PLATFORM_ASSERT(text) ota_assert_failed(__FILE__, __LINE__)
#define LWIP_PLATFORM_DIAG(x)      ((void)0)

#endif
