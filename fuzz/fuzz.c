#include "fuzz.h"
#include "ota/assert.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void fuzz_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    abort();
}

_Noreturn void ota_assert_failed(const char *file, int line)
{
    fuzz_failed("an assertion", file, line);
}
