/* Private to sim. */
#ifndef SIM_PRIV_H
#define SIM_PRIV_H

#include "sim.h"
#include "sim_image_priv.h"

#include <stdio.h>

uint32_t sim_random(struct sim *s);

/* wire.c: a queue in the order of arrival */
void sim_wire_send(struct sim *s, bool to_device, struct ota_span topic, struct ota_span payload);
void sim_wire_suback(struct sim *s, struct ota_span filter);
/** Part of a response over HTTP. */
void sim_wire_fetched(struct sim *s, ota_ms_t after, const struct sim_fetched *part,
                      struct ota_span bytes);
void sim_wire_deliver(struct sim *s);
/** All that is on the way is lost, but for what the broker keeps. */
void sim_wire_cut(struct sim *s);
/** That too. */
void sim_wire_close(struct sim *s);

/** Whose signatures this device believes. */
const struct sim_keys *sim_keys_of(const struct sim *s);
struct ota_span sim_thing(const struct sim *s);
uint32_t sim_erases(const struct sim *s);
/** What was erased since `before` was erased in one go. */
void sim_note_erases(struct sim *s, uint32_t before);

/* http.c */
struct ota_source *sim_sources(struct sim *s);
void sim_http_fetch(struct sim *s, const struct ota_effect *fetch);

/* provider.c */
/** An image that may run or be served from now on. */
void sim_remember(struct sim *s, const struct sim_image *image);
void sim_provider_open(struct sim *s);
void sim_provider_close(struct sim *s);
void sim_provider_receive(struct sim *s, struct ota_span topic, struct ota_span payload);
void sim_provider_tick(struct sim *s);

#endif
