/*
 * Every error of the provider, in one list: what a device reads on the wire,
 * what an HTTP client reads, in AWS IoT's words.
 */
#ifndef SRV_ERR_H
#define SRV_ERR_H

#include "ota/err.h"
#include "ota/wire.h"

/*    name                  wire code               HTTP  exception                             */
#define SRV_CODES(X)                                                                               \
    X(SRV_OK, WIRE_CODE_COUNT, 200, "")                                                            \
    X(SRV_E_TOPIC, WIRE_InvalidTopic, 400, "InvalidRequestException")                              \
    X(SRV_E_JSON, WIRE_InvalidJson, 400, "InvalidRequestException")                                \
    X(SRV_E_CBOR, WIRE_InvalidCbor, 400, "InvalidRequestException")                                \
    X(SRV_E_REQUEST, WIRE_InvalidRequest, 400, "InvalidRequestException")                          \
    X(SRV_E_UNAUTHORIZED, WIRE_Unauthorized, 401, "UnauthorizedException")                         \
    X(SRV_E_NOT_FOUND, WIRE_ResourceNotFound, 404, "ResourceNotFoundException")                    \
    X(SRV_E_EXISTS, WIRE_InvalidRequest, 409, "ResourceAlreadyExistsException")                    \
    X(SRV_E_VERSION, WIRE_VersionMismatch, 409, "VersionConflictException")                        \
    X(SRV_E_STATE, WIRE_InvalidStateTransition, 409, "InvalidStateTransitionException")            \
    X(SRV_E_TERMINAL, WIRE_TerminalStateReached, 410, "TerminalStateException")                    \
    X(SRV_E_LIMIT, WIRE_InvalidRequest, 409, "LimitExceededException")                             \
    X(SRV_E_BUSY, WIRE_RequestThrottled, 429, "ThrottlingException")                               \
    X(SRV_E_BLOCK_SIZE, WIRE_BlockSizeOutOfBounds, 400, "InvalidRequestException")                 \
    X(SRV_E_OFFSET, WIRE_OffsetOutOfBounds, 400, "InvalidRequestException")                        \
    X(SRV_E_BLOCK_COUNT, WIRE_BlockCountLimitExceeded, 400, "InvalidRequestException")             \
    X(SRV_E_BITMAP, WIRE_BlockBitmapLimitExceeded, 400, "InvalidRequestException")                 \
    X(SRV_E_DISK_FULL, WIRE_InternalError, 507, "ServiceUnavailableException")                     \
    X(SRV_E_UNAVAILABLE, WIRE_InternalError, 503, "ServiceUnavailableException")                   \
    X(SRV_E_INTERNAL, WIRE_InternalError, 500, "InternalFailureException")

enum srv_code {
#define X(name, wire, http, exception) name,
    SRV_CODES(X)
#undef X
};

/** What went wrong: a code for programs, a sentence for people (without a full stop). */
struct srv_err {
    enum srv_code code;
    char text[160];
};

/** Set `err` and give back its code, so that a check reads `return srv_fail(err, SRV_E_…, "…", …)`.
 */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
enum srv_code
srv_fail(struct srv_err *err, enum srv_code code, const char *format, ...);

const char *srv_code_exception(enum srv_code code); /* "" for SRV_OK */
int srv_code_http(enum srv_code code);
enum ota_wire_code srv_code_wire(enum srv_code code);

#endif
