/*
 * MPU: what code and data may do where.
 *
 *     ROM    execute, read       a store through NULL faults
 *     RAM    read, write         data is never executed
 *     flash  execute, read       a wild store cannot harm what survives a power cut
 *
 * Only the flash driver opens the flash for a moment (mpu_flash_open()).
 */
#ifndef MPU_H
#define MPU_H

#include <stdint.h>

void mpu_init(void);

/**
 * Let the flash be written, and keep all but the NMI out until it is closed; not to be nested. The core has no MPU while its
 * faults are masked (ARMv7-M Architecture Reference Manual, B3.5.3, MPU_CTRL.HFNMIENA), so that nothing is
 * programmed anew for each block, and code in between has to be short and right: a fault there locks the core up, until the
 * watchdog resets it.
 */
void mpu_flash_open(void);
void mpu_flash_close(void);

#endif
