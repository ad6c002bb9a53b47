#include "behaviour.h"
#include "cortex_m.h"

const char behaviour_name[] = "sleep";

/* For good: no interrupt is let in. */
void behave(void)
{
    (void)cortex_m_mask();
    for (;;) {
        cortex_m_wait();
    }
}
