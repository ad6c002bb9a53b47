/*
 * Errors of the provider: a code that adapters translate (HTTP status, wire
 * code) and a sentence for the operator. Functions return true when all is
 * well, and fill the struct when not.
 */
#ifndef SRV_ERR_H
#define SRV_ERR_H

#include <stdbool.h>

/* clang-format off */
/*    name               HTTP  AWS IoT's exception                     what it means                  */
#define SRV_CODES(X)                                                                                    \
    X(SRV_OK,             200, "")                                                                      \
    X(SRV_E_INVALID,      400, "InvalidRequestException")           /* makes no sense, and never will */ \
    X(SRV_E_UNAUTHORIZED, 403, "UnauthorizedException")             /* not for whoever asks           */ \
    X(SRV_E_NOT_FOUND,    404, "ResourceNotFoundException")                                             \
    X(SRV_E_EXISTS,       409, "ResourceAlreadyExistsException")    /* the name is taken              */ \
    X(SRV_E_STATE,        409, "InvalidStateTransitionException")   /* not in the state that it is in */ \
    X(SRV_E_VERSION,      409, "VersionConflictException")          /* expected version not current   */ \
    X(SRV_E_TERMINAL,     410, "TerminalStateException")            /* over; nothing changes it       */ \
    X(SRV_E_LIMIT,        410, "LimitExceededException")            /* a quota or size is exceeded    */ \
    X(SRV_E_BUSY,         429, "ThrottlingException")               /* too many at once               */ \
    X(SRV_E_DISK_FULL,    507, "ServiceUnavailableException")                                           \
    X(SRV_E_UNAVAILABLE,  503, "ServiceUnavailableException")       /* the same may work later        */ \
    X(SRV_E_INTERNAL,     500, "InternalFailureException")                                              \
    /* Only on the device's wire. */                                                                    \
    X(SRV_E_TOPIC,        400, "InvalidRequestException")                                               \
    X(SRV_E_JSON,         400, "InvalidRequestException")                                               \
    X(SRV_E_CBOR,         400, "InvalidRequestException")                                               \
    X(SRV_E_BLOCK_SIZE,   400, "InvalidRequestException")                                               \
    X(SRV_E_OFFSET,       400, "InvalidRequestException")                                               \
    X(SRV_E_BLOCK_COUNT,  400, "InvalidRequestException")                                               \
    X(SRV_E_BITMAP,       400, "InvalidRequestException")
/* clang-format on */

enum srv_code {
#define X(name, http, exception) name,
    SRV_CODES(X)
#undef X
};

int srv_code_http(enum srv_code code);
const char *srv_code_exception(enum srv_code code); /* "" for SRV_OK */

struct srv_err {
    enum srv_code code;
    char text[160]; /* UTF-8, whatever is quoted in it */
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
