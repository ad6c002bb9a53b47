/*
 * Assert the programmer, check the world. Asserts stay on in release: what an
 * assert guards is a bug of ours or of the caller, and going on would be worse
 * than stopping. What stopping means is the port's decision.
 */
#ifndef OTA_ASSERT_H
#define OTA_ASSERT_H

/**
 * Provided by the port: abort() on POSIX, reset in a bootloader. Must not return. Not called
 * where OTA_ASSERT_TRAPS is defined.
 */
_Noreturn void ota_assert_failed(const char *file, int line);

/*
 * OTA_ASSERT_TRAPS, for small parts: a failed assert is an instruction that is none. The fault
 * that follows names the place by its address, and two bytes replace a call, a text and a line.
 */
#ifdef OTA_ASSERT_TRAPS
#define OTA_UNREACHABLE() __builtin_trap()
#else
#define OTA_UNREACHABLE() ota_assert_failed(__FILE__, __LINE__)
#endif

#define OTA_ASSERT(cond) ((cond) ? (void)0 : OTA_UNREACHABLE())

#endif
