/* Progress: a bar that is drawn over on a terminal; elsewhere a plain line a quarter. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct cli_progress {
    const char *what;
    bool terminal, quiet, drawn;
    int last_quarter; /* that a line was printed for */
    char last[160];
};

/** `show` false: nothing is ever printed. Goes to stderr, so that stdout stays for results. */
struct cli_progress cli_progress_begin(const char *what, bool show);

/** `done` of `total`; `note` stands behind it. */
void cli_progress_show(struct cli_progress *p, uint64_t done, uint64_t total, const char *note);

/** Remove the bar, so that other text can be printed. */
void cli_progress_clear(struct cli_progress *p);
void cli_progress_end(struct cli_progress *p);

#endif
