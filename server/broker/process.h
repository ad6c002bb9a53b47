/* Process: a child that lives no longer than we do, and what is left of one after a crash. */
#ifndef SRV_BROKER_PROCESS_H
#define SRV_BROKER_PROCESS_H

#include "base/err.h"
#include <sys/types.h>

/* Who the broker runs as: {-1, -1} if it is who we are. */
struct process_user {
    uid_t uid;
    gid_t gid;
};
#define PROCESS_SAME_USER ((uid_t)-1)

struct process {
    pid_t pid;
    int pidfd;  /* readable once it has ended */
    int output; /* its stdout and stderr */
};

/** As root: the user that mosquitto's package makes, or nobody. Else: us. */
struct process_user process_user_find(void);

/**
 * Start a program in `dir`, with as many open files as the system allows. It gets SIGTERM when the calling
 * *thread* ends, in whichever way; so that thread must live as long as the child should.
 */
SRV_MUST_CHECK bool process_spawn(const char *const argv[], const char *dir,
                                  struct process_user user, struct process *out,
                                  struct srv_err *err);

/** Ask it to end, then make it; returns when it has ended, with its wait status. */
int process_end(struct process *p, int patience_ms);

/** Give back what belongs to a process that has ended; the wait status. */
int process_reap(struct process *p);

/** Remember in `path` who it is. */
SRV_MUST_CHECK bool process_note(const char *path, pid_t pid, struct srv_err *err);

/**
 * End the process that `path` remembers, if it is still the same one (pid, start
 * time) and works in `dir`. Anything else is not ours and is left alone.
 */
SRV_MUST_CHECK bool process_clear_left_over(const char *path, const char *dir, struct srv_err *err);

#endif
