/* What a decision is called where it is taken: it depends on what waits for it. */
#include "config.h"

#define READY  (1u << OTA_JOURNAL_READY)
#define OFFER  OTA_SITUATION(OTA_OFFERED_IMAGE)
#define CUSTOM OTA_SITUATION(OTA_OFFERED_CUSTOM)
#define WORK   (OTA_SITUATION(OTA_CUSTOM_TAKING) | OTA_SITUATION(OTA_CUSTOM_TAKEN))

static const struct {
    uint8_t decision, command;
    uint32_t situations;
} decisions[] = {
    { OTA_Decision_Accept, OTA_COMMAND_ACCEPT, OFFER | CUSTOM },
    { OTA_Decision_Accept, OTA_COMMAND_ACTIVATE, READY },
    { OTA_Decision_Later, OTA_COMMAND_LATER, OFFER | CUSTOM | READY },
    { OTA_Decision_Refuse, OTA_COMMAND_REFUSE, OFFER | CUSTOM },
    { OTA_Decision_Refuse, OTA_COMMAND_REJECT, READY },
    { OTA_Decision_Succeeded, OTA_COMMAND_SUCCEEDED, CUSTOM | WORK },
    { OTA_Decision_Failed, OTA_COMMAND_FAILED, CUSTOM | WORK },
};

bool ota_decision_command(OTA_Decision_t decision, uint32_t situation, enum ota_command *command)
{
    for (size_t i = 0; i < sizeof decisions / sizeof decisions[0]; i++) {
        if (decisions[i].decision == (uint8_t)decision &&
            (decisions[i].situations & situation) != 0) {
            *command = (enum ota_command)decisions[i].command;
            return true;
        }
    }
    return false;
}
