#include "behaviour.h"

const char behaviour_name[] = "hang";

void behave(void)
{
    for (;;) {
    }
}
