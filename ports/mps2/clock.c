#include "clock.h"
#include "board.h"
#include "cortex_m.h"
#include "start.h"

#define CSR_ON_INTERRUPT_CORE 7u

static volatile ota_ms_t now;

void board_systick(void)
{
    now++;
}

void clock_init(void)
{
    now = 0;
    SYST_RVR = BOARD_HZ / 1000u - 1u;
    SYST_CVR = 0;
    SYST_CSR = CSR_ON_INTERRUPT_CORE;
}

/* Two words, with no tick between them. */
ota_ms_t clock_now(void)
{
    const uint32_t mask = cortex_m_mask();
    const ota_ms_t at = now;
    cortex_m_unmask(mask);
    return at;
}
