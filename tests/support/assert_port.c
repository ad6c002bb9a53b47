/* What a failed assert means in a test program: say where, and die. */
#include "ota/assert.h"
#include <stdio.h>
#include <stdlib.h>

_Noreturn void ota_assert_failed(const char *file, int line)
{
    fprintf(stderr, "%s:%d: assertion failed\n", file, line);
    abort();
}
