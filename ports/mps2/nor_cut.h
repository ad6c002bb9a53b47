/*
 * Cuts: for tests, power that is lost inside a flash operation, at a word of their choice.
 *
 * The plan is six words, little-endian, in the last sector of the PSRAM, far behind the part, where
 * a test puts them into the file before it starts QEMU:
 *
 *     0x21fff000  NOR_CUT_MAGIC | offset | size | nth | kind | count
 *
 * Each word that is programmed or erased in `size` bytes from `offset` is counted, in `count`, over
 * all resets. At the nth (from 1; 0: at none) the device says so on the UART and does nothing any
 * more. RAM is lost when the test then ends QEMU.
 */
#ifndef NOR_CUT_H
#define NOR_CUT_H

#include <stdbool.h>
#include <stdint.h>

#define NOR_CUT_PLAN  0x21fff000u
#define NOR_CUT_MAGIC 0x21747563u /* "cut!" */

enum nor_cut {
    NOR_CUT_NONE,
    NOR_CUT_BEFORE, /* the word stays as it is */
    NOR_CUT_HALF,   /* its low half is done */
};

/** Whether there is a plan: what has none need not ask for each word. */
bool nor_cut_planned(void);

/** What becomes of the word at `offset`, which is next. The flash is open for writing. */
enum nor_cut nor_cut_next(uint32_t offset);

/** Power is lost. */
_Noreturn void nor_cut_power(void);

#endif
