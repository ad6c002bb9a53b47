#include "bench.h"
#include "handover.h"
#include "mpu.h"
#include "nor.h"
#include "uart.h"

void bench_init(void)
{
    (void)handover_cause(); /* as the bootloader does: it makes RAM that passes resets sound */
    uart_init();
    mpu_init();
}

struct ota_flash *bench_flash(void)
{
    static struct ota_flash flash;
    nor_init(&flash);
    return &flash;
}

void bench_say(const char *text)
{
    uart_text(text);
}
