/* Private to ports/agent: what the agent wants done, carried out with what is the application's. */
#ifndef OTA_FACADE_EFFECTS_H
#define OTA_FACADE_EFFECTS_H

#include "ota_facade.h"

/* The application's clients and its reset: what is needed of the config as long as the agent runs. */
struct ota_outside {
    struct OTA_Mqtt mqtt;
    struct OTA_Http http;
    void (*reset)(void *context);
    void *reset_context;
    uint32_t transfer; /* the newest; 0: none */
};

void ota_outside_take(struct ota_outside *o, const struct OTA_Config *config);

/** Any effect but an event. What a client does not take is as if the network had lost it: it is asked again. */
void ota_outside_perform(struct ota_outside *o, const struct ota_effect *effect);

/** Nothing is subscribed to any more, nothing fetched. */
void ota_outside_leave(struct ota_outside *o, const struct ota_orchestrator *orchestrator);

/** Call `callback`; without one say yes to all but what is the application's own. */
void ota_facade_tell(const struct ota_effect *event, OTA_CompleteCallback_t callback,
                     void *context);

#endif
