/*
 * A disk that is soon full: a tmpfs of `size` over `dir`, in a mount namespace of
 * this process alone, so that it is gone with it. Needs root; false: not to be had here.
 */
#ifndef T_SMALL_DISK_H
#define T_SMALL_DISK_H

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mount.h>

static inline bool t_small_disk(const char *dir, const char *size)
{
    char options[48];
    snprintf(options, sizeof options, "size=%s", size);
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", dir, "tmpfs", 0, options) == 0;
}

#endif
