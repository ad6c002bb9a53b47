#include "behaviour.h"

const char behaviour_name[] = "wild stack";

/* A stack pointer where no memory is, and a call. */
void behave(void)
{
    __asm volatile("mov sp, %0\n\t"
                   "push {r0}" ::"r"(0x7ffffff8u)
                   : "memory");
}
