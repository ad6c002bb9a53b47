/*
 * Presign: URLs that carry their own permission: this thing may fetch this
 * artifact until then.
 *
 *     BASE/d/DIGEST?t=THING&e=EXPIRES&s=MAC
 *
 * MAC is HMAC-SHA-256, in hex, over the four lines "waft-download-1", THING,
 * DIGEST, EXPIRES (seconds since the epoch, decimal), without a newline at the
 * end. BASE is not covered: something that caches or balances may stand in front.
 *
 *     DIR/download.key   0600, made at the first start: who has it can make such URLs
 */
#ifndef SRV_PRESIGN_H
#define SRV_PRESIGN_H

#include "core/srv.h"

/* The longest BASE. */
#define SRV_PRESIGN_BASE_MAX 255u
/* How long a URL is good: AWS has 60 s to an hour; a day is for slow links, a second for tests. */
#define SRV_PRESIGN_VALID_S_DEFAULT 3600u
#define SRV_PRESIGN_VALID_S_MAX     86400u

struct srv_presign;

/** NULL with `err` if the key cannot be read or made. */
struct srv_presign *srv_presign_open(const char *dir, uint32_t valid_s, struct srv_err *err);
void srv_presign_close(struct srv_presign *p);

/** Where clients reach `/d/`, without a slash at the end; before the port is used by another thread. */
void srv_presign_base_set(struct srv_presign *p, const char *base);
/** "https://HOST[:PORT][/PATH]": printable, no quote, no backslash, no query, no slash at the end. */
bool srv_presign_base_ok(const char *base);

/** What srv_core takes. */
const struct srv_presigner *srv_presign_port(const struct srv_presign *p);

/** What a URL says, as it came. */
struct srv_presigned {
    struct ota_span thing, digest, expires, mac;
};

/** false with SRV_E_UNAUTHORIZED: it is none of ours, or no longer. */
SRV_MUST_CHECK bool srv_presign_check(const struct srv_presign *p, const struct srv_presigned *url,
                                      int64_t now_s, struct srv_err *err);

#endif
