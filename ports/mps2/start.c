#include "start.h"
#include "board.h"
#include "cortex_m.h"
#include "handover.h"
#include "ota/assert.h"
#include "uart.h"

/* By the linker scripts. */
extern uint32_t ld_data_begin[], ld_data_end[], ld_bss_begin[], ld_bss_end[];
extern const uint32_t ld_data_load[];
extern const uint32_t ld_stack_top[];

typedef void (*handler)(void);
struct vectors {
    const uint32_t *stack_top;
    handler handlers[47];
};
extern const struct vectors vectors;

_Noreturn void start(void);
void fault_entry(void);
/* Called by assembly only, which the compiler does not read. */
__attribute__((used)) _Noreturn void fault(const uint32_t *frame, uint32_t number);

/* --- faults ----------------------------------------------------------------- */

#define FRAME_SIZE 32u

/* What interrupted code was at: the seventh word that the core has pushed, if the stack is to be believed. */
static uint32_t where(const uint32_t *frame)
{
    const uint32_t begin = BOARD_RAM + BOARD_RAM_KEPT_SIZE, end = BOARD_RAM + BOARD_RAM_SIZE;
    const uint32_t at = (uint32_t)frame;
    return at % 4u == 0 && at >= begin && at <= end - FRAME_SIZE ? frame[6] : 0;
}

/* The watchdog's first stage comes as an NMI, which is number 2. */
_Noreturn void fault(const uint32_t *frame, uint32_t number)
{
    if (number == 2u) {
        uart_text("board: the watchdog was not kicked, at ");
        uart_hex(where(frame));
        uart_text("\n");
        handover_reset(OTA_RESET_WATCHDOG);
    }
    uart_text("board: fault ");
    uart_decimal(number);
    uart_text(" at ");
    uart_hex(where(frame));
    uart_text(", CFSR ");
    uart_hex(SCB_CFSR);
    uart_text("\n");
    handover_reset(OTA_RESET_FAULT);
}

/* All exceptions that nobody handles come here. Their stack may be what is broken: a small one of our own. */
__attribute__((naked)) void fault_entry(void)
{
    __asm volatile("tst lr, #4\n\t"
                   "ite eq\n\t"
                   "mrseq r0, msp\n\t"
                   "mrsne r0, psp\n\t"
                   "mrs r1, ipsr\n\t"
                   "ldr r2, =ld_fault_stack_top\n\t"
                   "msr msp, r2\n\t"
                   "b fault\n\t"
                   ".ltorg");
}

_Noreturn void ota_assert_failed(const char *file, int line)
{
    uart_text("board: assertion failed: ");
    uart_text(file);
    uart_text(":");
    uart_decimal((uint32_t)line);
    uart_text("\n");
    handover_reset(OTA_RESET_FAULT);
}

/* --- start ------------------------------------------------------------------- */

_Noreturn void start(void)
{
    SCB_VTOR = (uint32_t)&vectors;
    cortex_m_barrier();
    const uint32_t *from = ld_data_load;
    for (uint32_t *to = ld_data_begin; to < ld_data_end; to++) {
        *to = *from++;
    }
    for (uint32_t *to = ld_bss_begin; to < ld_bss_end; to++) {
        *to = 0;
    }
    (void)main();
    handover_reset(OTA_RESET_FAULT);
}

void board_systick(void) __attribute__((weak, alias("fault_entry")));
void board_ethernet(void) __attribute__((weak, alias("fault_entry")));

#define NONE fault_entry
__attribute__((section(".vectors"), used)) const struct vectors vectors = {
    .stack_top = ld_stack_top,
    /* clang-format off */
    .handlers = {
        start, NONE, NONE, NONE, NONE, NONE, NONE, /* reset, NMI, faults */
        NONE, NONE, NONE, NONE, NONE, NONE, NONE, board_systick,
        NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, /* interrupts from 0 */
        NONE, NONE, NONE, NONE, NONE, board_ethernet, NONE, NONE,
        NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
        NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
    },
    /* clang-format on */
};
