#include "mpu.h"
#include "board.h"
#include "cortex_m.h"
#include <assert.h>

/* RBAR: region number and "take it from here"; RASR: see Arm's manual, B3.5.9. */
#define RBAR_VALID       0x10u
#define RASR_NO_EXECUTE  (1u << 28)
#define RASR_READ_ONLY   (6u << 24)
#define RASR_READ_WRITE  (3u << 24)
#define RASR_NORMAL      (1u << 19 | 1u << 17) /* TEX 1, C 1: memory, write-through */
#define RASR_ON          1u
#define RASR_SIZE(log_2) (((log_2)-1u) << 1)
/* HFNMIENA stays 0: with faults masked there is no MPU, which is how the flash is opened. */
#define CTRL_ON_PRIVILEGED_DEFAULT 5u

enum { REGION_ROM, REGION_RAM, REGION_FLASH };

#define LOG2_4M  22u
#define LOG2_16M 24u
static_assert(BOARD_ROM_SIZE == 1u << LOG2_4M && BOARD_RAM_SIZE == 1u << LOG2_4M, "as the board");
static_assert(BOARD_FLASH_SIZE == 1u << LOG2_16M, "as the board");

static void region(uint32_t number, uint32_t base, uint32_t attributes)
{
    MPU_RBAR = base | RBAR_VALID | number;
    MPU_RASR = attributes | RASR_NORMAL | RASR_ON;
    cortex_m_barrier();
}

void mpu_init(void)
{
    region(REGION_ROM, BOARD_ROM, RASR_READ_ONLY | RASR_SIZE(LOG2_4M));
    region(REGION_RAM, BOARD_RAM, RASR_READ_WRITE | RASR_NO_EXECUTE | RASR_SIZE(LOG2_4M));
    region(REGION_FLASH, BOARD_FLASH, RASR_READ_ONLY | RASR_SIZE(LOG2_16M));
    MPU_CTRL = CTRL_ON_PRIVILEGED_DEFAULT;
    cortex_m_barrier();
}

void mpu_flash_open(void)
{
    cortex_m_mask_faults();
}

void mpu_flash_close(void)
{
    cortex_m_unmask_faults();
}
