/*
 * Facts: what trailers are read together with. Private to lib/store.
 */
#ifndef OTA_STORE_FACTS_H
#define OTA_STORE_FACTS_H

#include "ota/store.h"

/** The rollback counter, wherever the device has it: fill in `counter` and `counter_max`. */
OTA_MUST_CHECK ota_err_t ota_counter_facts(struct ota_store *s, struct ota_store_facts *facts);

#endif
