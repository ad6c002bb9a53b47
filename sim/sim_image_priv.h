/* Private to sim_image: what its files share. */
#ifndef SIM_IMAGE_PRIV_H
#define SIM_IMAGE_PRIV_H

#include "sim_image.h"

/** The simulator's own assert: a broken invariant of the test, or of the world. */
void sim_must(bool ok, const char *what);

/** PSA with a memory, and where its random numbers begin. */
struct ota_crypto *sim_crypto(void);
void sim_crypto_seed(uint32_t seed);

/** Bytes that are not random at all, from a state that goes on: the same seed, the same run. */
void sim_fill(uint32_t *state, struct ota_buf into);

#endif
