/* Private to ports/agent: what OTA_AgentInit() is given, completed and checked. */
#ifndef OTA_FACADE_CONFIG_H
#define OTA_FACADE_CONFIG_H

#include "ota_facade.h"

/** What is zero or NULL and has a default gets it. */
struct OTA_Config ota_config_with_defaults(const struct OTA_Config *given);

/** Is everything there and within its limits? Of a config with its defaults. */
bool ota_config_ok(const struct OTA_Config *c);

#endif
