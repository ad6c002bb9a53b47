#define _GNU_SOURCE
#include "process.h"
#include "board.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void fill(sigset_t *set, bool with_child)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    if (with_child) {
        sigaddset(set, SIGCHLD);
    }
}

void board_signals_block(void)
{
    sigset_t set;
    fill(&set, true);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

bool board_pause(int ms)
{
    sigset_t set;
    fill(&set, false);
    struct timespec wait = { ms / 1000, ms % 1000 * 1000000L };
    return sigtimedwait(&set, NULL, &wait) < 0;
}

/* In the child: dies with the board, and hears signals again. */
_Noreturn static void become(char *const argv[], pid_t board)
{
    sigset_t none;
    sigemptyset(&none);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != board) { /* the board died before the line above */
        raise(SIGKILL);
    }
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv(argv[0], argv);
    fprintf(stderr, "board: %s: %s\n", argv[0], strerror(errno));
    _exit(BOARD_EXIT_BROKEN);
}

static pid_t spawn(char *const argv[])
{
    pid_t board = getpid();
    fflush(stdout);
    pid_t child = fork();
    if (child < 0) {
        perror("board: fork");
        exit(EXIT_FAILURE);
    }
    if (child == 0) {
        become(argv, board);
    }
    return child;
}

int board_process_run(char *const argv[], bool *stopped)
{
    sigset_t set;
    fill(&set, true);
    pid_t child = spawn(argv);
    const struct timespec patience = { BOARD_PATIENCE_S, 0 };
    const struct timespec *wait = NULL; /* for ever, until told to end */
    for (;;) {
        int status = 0;
        if (waitpid(child, &status, WNOHANG) == child) {
            return status;
        }
        int got = wait == NULL ? sigwaitinfo(&set, NULL) : sigtimedwait(&set, NULL, wait);
        if (got == SIGTERM || got == SIGINT || got == SIGHUP) {
            *stopped = true;
            wait = &patience;
            kill(child, SIGTERM);
        } else if (got < 0 && errno == EAGAIN) {
            kill(child, SIGKILL);
            wait = NULL;
        }
    }
}
