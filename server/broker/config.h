/* What the broker is told: mosquitto's configuration and its access list, as texts. */
#ifndef SRV_BROKER_CONFIG_H
#define SRV_BROKER_CONFIG_H

#include "broker/broker.h"

/**
 * Check addresses, root and application topics.
 *
 * @return false with SRV_E_INVALID: nothing of it may reach a file, since one
 *         line break would be an option of its own.
 */
SRV_MUST_CHECK bool broker_config_check(const struct srv_broker_cfg *cfg, struct srv_err *err);

/** The text of mosquitto.conf; free() it. NULL: no memory. */
char *broker_config_text(const struct srv_broker_cfg *cfg, uint16_t port);

/** The text of the access list; free() it. */
char *broker_acl_text(const struct srv_broker_cfg *cfg);

#endif
