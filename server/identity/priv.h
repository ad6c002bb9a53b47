/* What the files of the identity module share. */
#ifndef SRV_IDENTITY_PRIV_H
#define SRV_IDENTITY_PRIV_H

#include "identity/identity.h"
#include "identity/x509.h"
#include <pthread.h>

#define DAY ((int64_t)24 * 60 * 60)

/* Clocks of other machines may be behind ours by this much. */
#define SKEW DAY
/* The authority and its devices: longer than a device is in the field. */
#define CA_LIFE     (30 * 365 * DAY)
#define DEVICE_LIFE (20 * 365 * DAY)

#define ALT_NAMES_MAX 1024u

struct srv_identity {
    struct x509_issuer ca;
    char ca_cert[SRV_PATH_MAX], ca_key[SRV_PATH_MAX], crl[SRV_PATH_MAX];
    char own_cert[SRV_OWN_COUNT][SRV_PATH_MAX], own_key[SRV_OWN_COUNT][SRV_PATH_MAX];
    char alt_names[ALT_NAMES_MAX]; /* OpenSSL's notation, for server certificates */
    pthread_mutex_t lock;          /* guards the files that are replaced */
};

#endif
