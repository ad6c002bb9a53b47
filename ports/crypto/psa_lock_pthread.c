#include "psa_port.h"
#include <pthread.h>
#include <stdlib.h>

/* PSA's state is one per process, so its lock is too. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void take(void *context)
{
    (void)context;
    if (pthread_mutex_lock(&mutex) != 0) {
        abort();
    }
}

static void give(void *context)
{
    (void)context;
    if (pthread_mutex_unlock(&mutex) != 0) {
        abort();
    }
}

const struct psa_lock psa_lock_pthread = { .take = take, .give = give, .context = NULL };
