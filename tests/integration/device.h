/*
 * A device as a test sees it: a flash file made at an own factory, with images signed by an own
 * key, and the board as a child process whose lines are read as they come.
 */
#ifndef T_DEVICE_H
#define T_DEVICE_H

#include "ota/store.h"
#include "tmp.h"
#include <sys/types.h>

#define T_DEVICE_WAIT_MS 60000

struct t_device {
    struct t_tmp tmp;
    char flash[128];
    char broker[64]; /* HOST:PORT; empty: there is none */
    pid_t board;     /* 0: not running */
    int out;         /* its stdout and stderr */
    size_t len;      /* of `log`: all that it said since it was started */
    size_t mark;     /* of `log`: what lies before it is not waited for any more */
    char log[65536];
};

/** A temporary directory with an erased flash in it that trusts an own release key. */
void t_device_make(struct t_device *d);
/** The board ends with it. */
void t_device_remove(struct t_device *d);

enum t_mark_as { T_CONFIRMED, T_PENDING };

/** Sign `payload` as an image and put it into a slot. */
void t_device_install(struct t_device *d, enum ota_slot slot, struct ota_version version,
                      struct ota_span payload, enum t_mark_as mark);

/** Flip a bit of the flash file, as rot does. */
void t_device_rot(struct t_device *d, uint32_t offset);

/** Start the board; `option` and `value` may be NULL. */
void t_device_start(struct t_device *d, const char *option, const char *value);

/** Read its lines until one contains `text`, in what was said since start or mark. Fails the test after T_DEVICE_WAIT_MS. */
void t_device_until(struct t_device *d, const char *text);

/** From now on only what is still to be read counts. */
void t_device_mark(struct t_device *d);

/** Send it a signal (0: none) and wait for its end. @return as wait() gives it. */
int t_device_end(struct t_device *d, int signal);

struct ota_store_facts t_device_facts(struct t_device *d);

#endif
