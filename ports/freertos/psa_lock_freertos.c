#include "psa_lock_freertos.h"
#include "freertos_mutex.h"

static struct freertos_mutex mutex;

static void take(void *context)
{
    freertos_mutex_take(context);
}

static void give(void *context)
{
    freertos_mutex_give(context);
}

const struct psa_lock psa_lock_freertos = { .take = take, .give = give, .context = &mutex };
