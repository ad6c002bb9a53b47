#include "ota/version.h"

/* -1, 0, 1 as a is lower, equal, higher. */
static int compare(unsigned a, unsigned b)
{
    return (a > b) - (a < b);
}

int ota_version_compare(struct ota_version a, struct ota_version b)
{
    if (a.major != b.major) {
        return compare(a.major, b.major);
    }
    if (a.minor != b.minor) {
        return compare(a.minor, b.minor);
    }
    return compare(a.revision, b.revision);
}
