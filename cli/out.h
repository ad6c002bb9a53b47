/*
 * Out: what a person or a script reads. Texts may come from devices, so no
 * control character gets through to a terminal.
 */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include "cli.h"
#include <stdint.h>
#include <stdio.h>

/** Print text; control characters, direction marks and broken UTF-8 as \xNN. */
void cli_print_text(FILE *to, const char *text);

struct cli_column {
    const char *key;   /* in JSON and CSV */
    const char *title; /* in a table */
    enum { CLI_TEXT, CLI_NUMBER } kind;
};

struct cli_table {
    const struct cli_column *columns;
    size_t column_count, row_count, row_cap;
    char **cells;
};

void cli_table_begin(struct cli_table *t, const struct cli_column *columns, size_t count);
/** A row of `column_count` texts; NULL is an empty one. Copied. */
void cli_table_add(struct cli_table *t, const char *const *cells);
/** All rows; `nothing` is what a table without rows says. */
void cli_table_print(const struct cli_table *t, enum cli_format format, const char *nothing);
/** The first row: each field on a line of its own, or one JSON object. */
void cli_table_print_one(const struct cli_table *t, enum cli_format format);
void cli_table_end(struct cli_table *t);

/** Lower-case hexadecimal digits of `len` bytes into out[2 * len + 1]. */
void cli_hex(char *out, const uint8_t *bytes, size_t len);
/** The reverse; false unless it is exactly that. */
bool cli_unhex(const char *text, uint8_t *bytes, size_t len);

/** "2026-11-21 21:53:48", local time; "-" for 0. */
void cli_time(char out[32], int64_t epoch_s);

#endif
