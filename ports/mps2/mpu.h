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

/** Let the flash be written, and keep interrupts out until it is closed. @return for mpu_flash_close(). */
uint32_t mpu_flash_open(void);
void mpu_flash_close(uint32_t opened);

#endif
