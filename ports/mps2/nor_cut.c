#include "nor_cut.h"
#include "cortex_m.h"
#include "uart.h"
#include "watchdog.h"

struct plan {
    uint32_t magic, offset, size, nth, kind, count;
};

bool nor_cut_planned(void)
{
    return ((volatile struct plan *)NOR_CUT_PLAN)->magic == NOR_CUT_MAGIC;
}

enum nor_cut nor_cut_next(uint32_t offset)
{
    volatile struct plan *plan = (volatile struct plan *)NOR_CUT_PLAN;
    if (!nor_cut_planned() || offset - plan->offset >= plan->size) {
        return NOR_CUT_NONE;
    }
    plan->count++;
    return plan->count == plan->nth ? (enum nor_cut)plan->kind : NOR_CUT_NONE;
}

_Noreturn void nor_cut_power(void)
{
    uart_text("board: power is cut\n");
    watchdog_stop();
    (void)cortex_m_mask();
    for (;;) {
        cortex_m_wait();
    }
}
