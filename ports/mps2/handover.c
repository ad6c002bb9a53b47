#include "handover.h"
#include "board.h"
#include "cortex_m.h"
#include <assert.h>

/* Random numbers of ours: after power-on, RAM holds neither. */
#define MAGIC 0x6f1d39a4u
#define NOTE  0xb3527c00u /* the low byte says how the last run ended */

#define NOTE_RUNNING 0xffu /* an image runs; otherwise enum ota_reset_cause */

#define AIRCR_KEY_RESET 0x05FA0004u

struct kept {
    uint32_t magic;
    uint32_t rule, slot, cause, refused;
    uint32_t check; /* complement of the sum of the five above */
    uint32_t note;
    uint32_t note_check; /* complement of note */
};
static_assert(sizeof(struct kept) <= BOARD_RAM_KEPT_SIZE / 2u,
              "the other half is the fault handler's stack");

/* By the linker scripts, at the beginning of RAM; no start-up code touches it. */
extern volatile struct kept ld_kept;

static uint32_t check(void)
{
    return ~(ld_kept.magic + ld_kept.rule + ld_kept.slot + ld_kept.cause + ld_kept.refused);
}

static void note(uint32_t what)
{
    ld_kept.note = NOTE | what;
    ld_kept.note_check = ~(NOTE | what);
}

void handover_write(const struct ota_handover *h, enum ota_slot slot)
{
    ld_kept.magic = MAGIC;
    ld_kept.rule = (uint32_t)h->rule;
    ld_kept.slot = (uint32_t)slot;
    ld_kept.cause = (uint32_t)h->cause;
    ld_kept.refused = (uint32_t)h->refused;
    ld_kept.check = check();
    note(NOTE_RUNNING);
}

bool handover_read(struct ota_handover *h, enum ota_slot *slot)
{
    if (ld_kept.magic != MAGIC || ld_kept.check != check() || ld_kept.slot >= OTA_SLOT_COUNT) {
        return false;
    }
    h->rule = (enum ota_boot_rule)ld_kept.rule;
    h->cause = (enum ota_reset_cause)ld_kept.cause;
    h->refused = (ota_err_t)(int32_t)ld_kept.refused;
    *slot = (enum ota_slot)ld_kept.slot;
    return true;
}

enum ota_reset_cause handover_cause(void)
{
    const uint32_t left = ld_kept.note;
    const bool written = (left & ~0xffu) == NOTE && ld_kept.note_check == ~left;
    ld_kept.magic = 0;
    note(OTA_RESET_UNKNOWN);
    if (!written) {
        return OTA_RESET_POWER_ON;
    }
    return (left & 0xffu) == NOTE_RUNNING ? OTA_RESET_WATCHDOG
                                          : (enum ota_reset_cause)(left & 0xffu);
}

_Noreturn void handover_reset(enum ota_reset_cause cause)
{
    note(cause);
    cortex_m_barrier();
    SCB_AIRCR = AIRCR_KEY_RESET;
    cortex_m_barrier();
    for (;;) {
    }
}
