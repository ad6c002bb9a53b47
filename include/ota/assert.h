/*
 * Assert the programmer, check the world. Asserts stay on in release: what an
 * assert guards is a bug of ours or of the caller, and going on would be worse
 * than stopping. What stopping means is the port's decision.
 */
#ifndef OTA_ASSERT_H
#define OTA_ASSERT_H

/** Provided by the port: abort() on POSIX, reset in a bootloader. Must not return. */
_Noreturn void ota_assert_failed(const char *file, int line);

#define OTA_ASSERT(cond)  ((cond) ? (void)0 : ota_assert_failed(__FILE__, __LINE__))
#define OTA_UNREACHABLE() ota_assert_failed(__FILE__, __LINE__)

#endif
