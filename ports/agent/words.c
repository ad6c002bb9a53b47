/* What a person reads of states and errors. */
#include "ota_facade.h"

const char *OTA_StateName(OTA_State_t state)
{
    switch (state) {
    case OTA_AgentState_Unknown: return "Unknown";
    case OTA_AgentState_NotReady: return "NotReady";
    case OTA_AgentState_Ready: return "Ready";
    case OTA_AgentState_Active: return "Active";
    case OTA_AgentState_ShuttingDown: return "ShuttingDown";
    case OTA_AgentState_Suspended: return "Suspended";
    }
    return "?";
}

const char *OTA_ErrName(OTA_Err_t err)
{
    switch (err) {
    case OTA_Err_None: return "None";
    case OTA_Err_NotReady: return "NotReady";
    case OTA_Err_BadImageState: return "BadImageState";
    case OTA_Err_NoActiveJob: return "NoActiveJob";
    case OTA_Err_Config: return "Config";
    case OTA_Err_Flash: return "Flash";
    case OTA_Err_Reason: return "Reason";
    }
    return "?";
}
