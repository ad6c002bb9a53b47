/* Bench: what a board lends to the flash checks, beside its flash. */
#ifndef BENCH_H
#define BENCH_H

#include "ota/flash.h"

void bench_init(void);
/** The flash, newly opened. */
struct ota_flash *bench_flash(void);
/** On the UART. */
void bench_say(const char *text);

#endif
