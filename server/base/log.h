/*
 * Log: one line a fact, on standard error: time, level, event, key=value ...
 *
 *     2026-11-21T22:19:01.123Z info broker.up connection=control
 *
 * Log where something is handled, once. Never a secret, never a payload.
 */
#ifndef SRV_LOG_H
#define SRV_LOG_H

enum srv_level { SRV_LOG_INFO, SRV_LOG_WARN, SRV_LOG_ERROR };

/** `event` is a fixed word; the format makes "key=value" pairs. Control characters become '?'. */
__attribute__((format(printf, 3, 4))) void srv_log(enum srv_level level, const char *event,
                                                   const char *format, ...);

#endif
