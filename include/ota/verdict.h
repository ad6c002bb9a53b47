/*
 * Verdicts that one fault does not forge: an instruction that is skipped, a register that is
 * disturbed, while a thief holds the device.
 *
 * Yes and no are words that differ in every bit. What must be true of an image before it runs is
 * asked in two rounds, and where it is found true it adds a number of its own to a proof; only with
 * all of them the sum comes out. It begins with the place of the image in flash, so that the proof
 * of one slot is none for the other. Whoever acts on a proof looks at it twice, and looks at the
 * sum, not at the way that led there: a check that was jumped over is missing from it.
 * tools/skip-sweep tries it, each instruction of the bootloader's way skipped once.
 */
#ifndef OTA_VERDICT_H
#define OTA_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

/** OTA_YES, or anything else: no. */
typedef uint32_t ota_verdict_t;
#define OTA_YES 0x3ca5965au
#define OTA_NO  0xc35a69a5u

/** A sum; meaningful to ota_proved() alone. */
typedef uint32_t ota_proof_t;

/*
 * What adds to it. Any that are missing leave a sum that is wrong in at least eight bits (test_verdict.c);
 * each is an immediate operand of Thumb-2.
 */
#define OTA_PROOF_DEVICE    0x00d400d4u /* vendor, class and hardware are ours */
#define OTA_PROOF_COUNTER   0x00d900d9u /* not below the rollback counter */
#define OTA_PROOF_SIGNATURE 0xa600a600u /* by an anchor of ours, over the digest that it claims */
#define OTA_PROOF_PLACE     0x77007700u /* linked for where it lies, or for anywhere */
#define OTA_PROOF_DIGEST    0x005d005du /* its bytes, read back from flash, have that digest */

#define OTA_PROOF_NONE   0x8bdf5599u
#define OTA_PROOF_ROUNDS 2u /* each number counts once in the first and twice in the second */
#define OTA_PROOF_ALL                                                                              \
    (OTA_PROOF_NONE + 3u * (OTA_PROOF_DEVICE + OTA_PROOF_COUNTER + OTA_PROOF_SIGNATURE +           \
                            OTA_PROOF_PLACE + OTA_PROOF_DIGEST))

/** Nothing is proved yet of the image at `place`, an offset in flash. */
static inline ota_proof_t ota_proof_begin(uint32_t place)
{
    return OTA_PROOF_NONE + place;
}

/** `what` was found true in `round`, 0 or 1. The sum lives in memory, so that no register stands for it. */
static inline void ota_prove(volatile ota_proof_t *proof, uint32_t what, unsigned round)
{
    *proof += what << round;
}

/** All is proved of the image at `place`. Read twice; who acts on it asks again right before the deed. */
static inline bool ota_proved(const volatile ota_proof_t *proof, uint32_t place)
{
    return *proof - place == OTA_PROOF_ALL && *proof - place == OTA_PROOF_ALL;
}

#endif
