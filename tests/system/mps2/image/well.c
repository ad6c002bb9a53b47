#include "behaviour.h"

const char behaviour_name[] = "well";

void behave(void)
{
}
