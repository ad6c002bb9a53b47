#include "progress.h"
#include "out.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BAR 30

struct cli_progress cli_progress_begin(const char *what, bool show)
{
    return (struct cli_progress){
        .what = what,
        .terminal = isatty(STDERR_FILENO) == 1,
        .quiet = !show,
    };
}

static void draw(struct cli_progress *p, int percent, const char *note)
{
    char bar[BAR + 1];
    int full = percent * BAR / 100;
    memset(bar, '.', BAR);
    memset(bar, '#', (size_t)full);
    bar[BAR] = '\0';
    char line[160];
    snprintf(line, sizeof line, "%-10s [%s] %3d%%  %s", p->what, bar, percent, note);
    if (p->drawn && strcmp(line, p->last) == 0) {
        return;
    }
    fputs("\r\033[K", stderr);
    cli_print_text(stderr, line);
    fflush(stderr);
    memcpy(p->last, line, sizeof line);
    p->drawn = true;
}

void cli_progress_show(struct cli_progress *p, uint64_t done, uint64_t total, const char *note)
{
    int percent = total > 0 && done <= total ? (int)(done * 100 / total) : 0;
    if (p->quiet) {
        return;
    }
    if (p->terminal) {
        draw(p, percent, note);
    } else if (percent / 25 > p->last_quarter) {
        fprintf(stderr, "%s %d%%%s", p->what, percent, note[0] != '\0' ? " " : "");
        cli_print_text(stderr, note);
        fputc('\n', stderr);
        p->last_quarter = percent / 25;
    }
}

void cli_progress_clear(struct cli_progress *p)
{
    if (p->drawn) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
    p->drawn = false;
}

void cli_progress_end(struct cli_progress *p)
{
    if (p->drawn) {
        fputc('\n', stderr);
    }
    p->drawn = false;
}
