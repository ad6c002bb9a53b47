/*
 * Programs as a user runs them: words in, exit code and texts out. Each test
 * program has its own HOME and configuration, so that nothing of the user's is
 * touched and two can run at once.
 */
#ifndef T_RUN_H
#define T_RUN_H

#include <stdbool.h>
#include <stddef.h>

#define T_RUN_TEXT_MAX (256u * 1024u)

struct t_run {
    int code;        /* exit code; 128 + signal; -1: did not start */
    char *out, *err; /* the caller's */
};

/** Where XDG_CONFIG_HOME, XDG_DATA_HOME and HOME of all programs point from now on. */
void t_run_home(const char *dir);

struct t_started {
    int pid, out, err;
};

/** Start a program, and later wait for its end. */
struct t_started t_start(const char *const *argv);
struct t_run t_finish(struct t_started started);

/** Run to the end. `argv[0]` without a slash is a program of this build. */
struct t_run t_run(const char *const *argv);
void t_run_end(struct t_run *run);

/** Where the programs of this build are. */
const char *t_run_bin_dir(void);

/** `waft` with words; the macro counts them. */
#define t_waft(...) t_run((const char *const[]){ "waft", __VA_ARGS__, NULL })

/** Run and forget the texts. */
int t_code(struct t_run run);

/** A whole file, as text that ends with zero; the caller's. NULL: none. */
char *t_slurp(const char *path, size_t *len);

/** Whether `needle` stands in any file below `dir`. */
bool t_found_below(const char *dir, const void *needle, size_t len);

#endif
