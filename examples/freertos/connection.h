/* Connection: the application's one MQTT connection, which the agent shares. */
#ifndef CONNECTION_H
#define CONNECTION_H

#include "ota_facade.h"

/** What the agent asks of the connection. Called on the agent's task. */
struct OTA_Mqtt connection_for_agent(void);

/** Connect, then serve the connection for ever, and connect again whenever it is lost. */
void connection_run(void);

/** The application's own traffic goes over the same connection. */
void connection_send(const char *topic, const char *text);

#endif
