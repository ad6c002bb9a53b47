#include "watchdog.h"
#include "board.h"
#include "cortex_m.h"

/* CMSDK APB watchdog (Arm DDI 0479, 4.5): counts down twice, first to an NMI, then to a reset. */
#define WDOG_LOAD    CORTEX_M_WORD(0x40008000u)
#define WDOG_CONTROL CORTEX_M_WORD(0x40008008u)
#define WDOG_INTCLR  CORTEX_M_WORD(0x4000800Cu)
#define WDOG_LOCK    CORTEX_M_WORD(0x40008C00u)
#define CONTROL_ON   3u
#define KEY          0x1ACCE551u

static void control(uint32_t what)
{
    WDOG_LOCK = KEY;
    WDOG_CONTROL = what;
    WDOG_LOCK = 0;
}

void watchdog_start(uint32_t ms)
{
    WDOG_LOCK = KEY;
    WDOG_LOAD = BOARD_HZ / 1000u * ms;
    control(CONTROL_ON);
}

void watchdog_kick(void)
{
    WDOG_LOCK = KEY;
    WDOG_INTCLR = 1; /* loads the counter anew */
    WDOG_LOCK = 0;
}

void watchdog_stop(void)
{
    control(0);
}
