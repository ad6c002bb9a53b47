#include "semihosting.h"

/* Arm's "Semihosting for AArch32 and AArch64": an operation, and a block of words for its arguments. */
enum operation {
    SYS_OPEN = 0x01,
    SYS_CLOSE = 0x02,
    SYS_READ = 0x06,
    SYS_TIME = 0x11,
    SYS_GET_CMDLINE = 0x15
};

#define MODE_RB 1u

static int32_t call(enum operation operation, const void *block)
{
    register uint32_t r0 __asm__("r0") = (uint32_t)operation;
    register const void *r1 __asm__("r1") = block;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return (int32_t)r0;
}

static uint32_t address(const void *p)
{
    return (uint32_t)(uintptr_t)p;
}

bool semihosting_random(struct ota_buf into)
{
    static const char path[] = "/dev/urandom";
    const uint32_t open[] = { address(path), MODE_RB, sizeof path - 1u };
    const int32_t file = call(SYS_OPEN, open);
    if (file < 0) {
        return false;
    }
    const uint32_t read[] = { (uint32_t)file, address(into.ptr), into.cap };
    const int32_t missing = call(SYS_READ, read);
    const uint32_t close[] = { (uint32_t)file };
    (void)call(SYS_CLOSE, close); /* it was only read */
    return missing == 0;
}

uint32_t semihosting_time(void)
{
    return (uint32_t)call(SYS_TIME, NULL);
}

bool semihosting_arguments(struct ota_buf into)
{
    uint32_t block[] = { address(into.ptr), into.cap };
    return call(SYS_GET_CMDLINE, block) == 0;
}
