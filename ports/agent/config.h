/* Private to ports/agent: what OTA_AgentInit() is given, completed and checked. */
#ifndef OTA_FACADE_CONFIG_H
#define OTA_FACADE_CONFIG_H

#include "ota_facade.h"

/** What is zero or NULL and has a default gets it. @return whether everything is there now, and within its limits. */
bool ota_config_complete(struct OTA_Config *config);

/** What the agent's configuration takes from it; the names stay lent. */
void ota_config_agent(const struct OTA_Config *config, struct ota_agent_cfg *agent);

/* Where the agent is: a bit by ota_journal_state, TESTING also without a job; and one by ota_offered. */
#define OTA_SITUATION(offered) (1u << (24u + (unsigned)(offered)))

/** @return whether this decision means something there, and then what it is called. */
bool ota_decision_command(OTA_Decision_t decision, uint32_t situation, enum ota_command *command);

#endif
