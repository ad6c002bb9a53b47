#include "behaviour.h"
#include "handover.h"

const char behaviour_name[] = "reset";

void behave(void)
{
    handover_reset(OTA_RESET_SOFTWARE);
}
