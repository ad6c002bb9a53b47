/* A failed assert ends the process; on the board that is a fault, and the bootloader comes next. */
#include "ota/assert.h"
#include <stdio.h>
#include <stdlib.h>

_Noreturn void ota_assert_failed(const char *file, int line)
{
    fprintf(stderr, "%s:%d: assertion failed\n", file, line);
    abort();
}
