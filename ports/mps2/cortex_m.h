/*
 * Cortex-M3: the few registers of the core that we use, by the names of Arm's manual (ARMv7-M
 * Architecture Reference Manual, B3).
 */
#ifndef CORTEX_M_H
#define CORTEX_M_H

#include <stdint.h>

/* A register that is one word at a fixed address. */
#define CORTEX_M_WORD(address) (*(volatile uint32_t *)(address))

#define SYST_CSR  CORTEX_M_WORD(0xE000E010u)
#define SYST_RVR  CORTEX_M_WORD(0xE000E014u)
#define SYST_CVR  CORTEX_M_WORD(0xE000E018u)
#define SCB_VTOR  CORTEX_M_WORD(0xE000ED08u)
#define SCB_AIRCR CORTEX_M_WORD(0xE000ED0Cu)
#define SCB_CFSR  CORTEX_M_WORD(0xE000ED28u)
#define MPU_CTRL  CORTEX_M_WORD(0xE000ED94u)
#define MPU_RBAR  CORTEX_M_WORD(0xE000ED9Cu)
#define MPU_RASR  CORTEX_M_WORD(0xE000EDA0u)

/* What was written takes effect before the next instruction, and no access passes it. */
static inline void cortex_m_barrier(void)
{
    __asm volatile("dsb\n\tisb" ::: "memory");
}

/** Sleep until an interrupt is pending, even one that is masked. */
static inline void cortex_m_wait(void)
{
    __asm volatile("wfi" ::: "memory");
}

/** Keep all interrupts out. @return what cortex_m_unmask() needs to undo just this. */
static inline uint32_t cortex_m_mask(void)
{
    uint32_t before;
    __asm volatile("mrs %0, primask\n\tcpsid i" : "=r"(before)::"memory");
    return before;
}

static inline void cortex_m_unmask(uint32_t before)
{
    __asm volatile("msr primask, %0" ::"r"(before) : "memory");
}

/** Keep faults out, too: only an NMI comes through. Whoever faults now locks the core up. */
static inline void cortex_m_mask_faults(void)
{
    __asm volatile("cpsid f\n\tisb" ::: "memory");
}

static inline void cortex_m_unmask_faults(void)
{
    __asm volatile("dsb\n\tcpsie f\n\tisb" ::: "memory");
}

#endif
