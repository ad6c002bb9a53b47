/*
 * The fuzz targets without AddressSanitizer: an input ends where a page begins that cannot be read, so one byte too
 * far is still the end of the program. The linker puts this before LLVMFuzzerTestOneInput().
 */
#include "fuzz.h"

#include <string.h>
#include <sys/mman.h>

enum { ROOM = 1 << 16, GUARD = 1 << 16 }; /* whole pages anywhere */

int __real_LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int __wrap_LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int __wrap_LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static uint8_t *guard;
    if (guard == NULL) {
        uint8_t *const room =
            mmap(NULL, ROOM + GUARD, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        FUZZ_CHECK(room != MAP_FAILED && mprotect(room + ROOM, GUARD, PROT_NONE) == 0);
        guard = room + ROOM;
    }
    FUZZ_CHECK(size <= ROOM);
    if (size > 0) {
        memcpy(guard - size, bytes, size);
    }
    return __real_LLVMFuzzerTestOneInput(guard - size, size);
}
