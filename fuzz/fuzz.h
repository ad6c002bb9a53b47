/*
 * What every fuzz target includes. A target reads hostile bytes with the device's
 * code and checks what must hold of the answer: that nothing crashes is the
 * sanitizers' part.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

/** One input; libFuzzer's name. Always 0. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/** The end, with the place: a property does not hold. */
_Noreturn void fuzz_failed(const char *what, const char *file, int line);

#define FUZZ_CHECK(cond) ((cond) ? (void)0 : fuzz_failed(#cond, __FILE__, __LINE__))

#endif
