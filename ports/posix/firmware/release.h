/*
 * Release: what makes one version of the demo's image different from another. Each is a build of
 * its own of the same sources, with these given by CMake:
 *
 *   RELEASE_VERSION     "1.1.0"
 *   RELEASE_GREETING    a sentence, so that one sees which one runs
 *   RELEASE_CELSIUS     what its thermometer reads; the self-test believes -40 to 85
 *   RELEASE_HANGS       1: it hangs before it does anything
 *   RELEASE_BALLAST_KB  KiB that stand for the rest of a real image
 *
 * And, where a release is to be unable to connect:
 *
 *   RELEASE_PORT_OFF      what it adds to the broker's port, as a release with a wrong setting would
 *   RELEASE_SELF_TEST_MS  how long its self-test may take; 0: as the agent has it
 */
#ifndef RELEASE_H
#define RELEASE_H

#if !defined RELEASE_VERSION || !defined RELEASE_GREETING || !defined RELEASE_CELSIUS ||           \
    !defined RELEASE_HANGS || !defined RELEASE_BALLAST_KB
#error "a release is described by five definitions"
#endif
#ifndef RELEASE_PORT_OFF
#define RELEASE_PORT_OFF 0
#endif
#ifndef RELEASE_SELF_TEST_MS
#define RELEASE_SELF_TEST_MS 0
#endif

#endif
