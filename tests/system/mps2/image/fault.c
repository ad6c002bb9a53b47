#include "behaviour.h"

const char behaviour_name[] = "fault";

void behave(void)
{
    __asm volatile("udf #0");
}
