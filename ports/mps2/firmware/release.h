/*
 * Release: what makes one version of the demo's image different from another. Each is a build of
 * its own of the same sources, with these given by CMake:
 *
 *   RELEASE_VERSION     "1.1.0"
 *   RELEASE_GREETING    a sentence, so that one sees which one runs
 *   RELEASE_CELSIUS     what its thermometer reads; the self-test believes -40 to 85
 *   RELEASE_FLAW        how it goes wrong before it does anything: enum release_flaw
 *   RELEASE_BALLAST_KB  KiB that stand for the rest of a real image
 */
#ifndef RELEASE_H
#define RELEASE_H

enum release_flaw {
    FLAW_NONE,
    FLAW_HANGS,      /* until the watchdog bites */
    FLAW_WILD_STORE, /* into the flash that it runs from */
};

#if !defined RELEASE_VERSION || !defined RELEASE_GREETING || !defined RELEASE_CELSIUS ||           \
    !defined RELEASE_FLAW || !defined RELEASE_BALLAST_KB
#error "a release is described by five definitions"
#endif

#endif
