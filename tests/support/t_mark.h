/*
 * A mark for tests that keep no journal of their own.
 */
#ifndef T_MARK_H
#define T_MARK_H

#include "ota/store.h"

/* Raise the mark of the state that is in flash. */
static inline ota_err_t t_mark(struct ota_store *s, uint32_t mark)
{
    struct ota_journal j;
    const ota_err_t err = ota_journal_read(s, &j);
    j.mark = mark;
    return err == OTA_OK ? ota_journal_mark(s, &j) : err;
}

#endif
