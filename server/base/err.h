/*
 * Errors of the provider: a code that adapters translate (HTTP status, wire
 * code) and a sentence for the operator. Functions return true when all is
 * well, and fill the struct when not.
 */
#ifndef SRV_ERR_H
#define SRV_ERR_H

#include <stdbool.h>

enum srv_code {
    SRV_OK,
    SRV_E_INVALID, /* the request makes no sense, and never will */
    SRV_E_NOT_FOUND,
    SRV_E_EXISTS,   /* the name is taken by something else */
    SRV_E_STATE,    /* not possible in the state that it is in */
    SRV_E_VERSION,  /* the expected version is not the current one */
    SRV_E_TERMINAL, /* it is over; nothing changes it any more */
    SRV_E_LIMIT,    /* a quota or a size is exceeded */
    SRV_E_DISK_FULL,
    SRV_E_UNAVAILABLE, /* not now; the same request may work later */
    SRV_E_INTERNAL,
};

struct srv_err {
    enum srv_code code;
    char text[160];
};

#define SRV_MUST_CHECK __attribute__((warn_unused_result))

/** Fill `err` (may be NULL: nobody wants to know). Always false, so that `return srv_fail(...)`
 * reads well. */
__attribute__((format(printf, 3, 4))) bool srv_fail(struct srv_err *err, enum srv_code code,
                                                    const char *format, ...);

/** The same for a failed system call: ": " and errno's text are appended; ENOSPC and EDQUOT make it
 * SRV_E_DISK_FULL. */
__attribute__((format(printf, 2, 3))) bool srv_fail_errno(struct srv_err *err, const char *format,
                                                          ...);

#endif
