/* Private to ports/agent: posting to the one agent, from any thread. */
#ifndef OTA_FACADE_POST_H
#define OTA_FACADE_POST_H

#include "ota_facade.h"

/** Until the end the agent stays, even if it is shut down meanwhile. @return NULL: there is none, and no end. */
struct ota_agent *ota_facade_begin_post(void);
void ota_facade_end_post(void);

#endif
