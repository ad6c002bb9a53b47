#include "out.h"
#include "base/utf8.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- text ---- */

/* Would a terminal do something with it, or show the rest in another order? */
static bool harmless(uint32_t point)
{
    bool control = point < 0x20 || (point >= 0x7f && point < 0xa0);
    bool direction = point == 0x061c || point == 0x200e || point == 0x200f ||
                     (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069) ||
                     point == 0xfeff;
    return !control && !direction;
}

static char *escaped(const char *text)
{
    char *out = malloc(strlen(text) * 4 + 1);
    if (out == NULL) {
        abort();
    }
    size_t at = 0;
    for (const char *s = text; *s != '\0';) {
        uint32_t point = 0;
        size_t n = srv_utf8_decode(s, &point);
        bool whole = n > 0 && harmless(point);
        for (size_t left = n > 0 ? n : 1; left > 0; left--, s++) {
            at += whole ? (out[at] = *s, 1u)
                        : (size_t)sprintf(out + at, "\\x%02x", (unsigned char)*s);
        }
    }
    out[at] = '\0';
    return out;
}

/* Columns on a terminal, near enough: characters. */
static int width(const char *text)
{
    int count = 0;
    for (; *text != '\0'; text++) {
        count += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return count;
}

void cli_print_text(FILE *to, const char *text)
{
    char *safe = escaped(text);
    fputs(safe, to);
    free(safe);
}

/* ---- tables ---- */

void cli_table_begin(struct cli_table *t, const struct cli_column *columns, size_t count)
{
    *t = (struct cli_table){ .columns = columns, .column_count = count };
}

void cli_table_add(struct cli_table *t, const char *const *cells)
{
    if (t->row_count == t->row_cap) {
        t->row_cap = t->row_cap > 0 ? t->row_cap * 2 : 16;
        t->cells = realloc(t->cells, t->row_cap * t->column_count * sizeof *t->cells);
        if (t->cells == NULL) {
            abort();
        }
    }
    char **row = t->cells + t->row_count++ * t->column_count;
    for (size_t i = 0; i < t->column_count; i++) {
        row[i] = strdup(cells[i] != NULL ? cells[i] : "");
    }
}

void cli_table_end(struct cli_table *t)
{
    for (size_t i = 0; i < t->row_count * t->column_count; i++) {
        free(t->cells[i]);
    }
    free(t->cells);
}

static void print_padded(const char *text, int want, bool last)
{
    char *safe = escaped(text);
    printf("%s%*s", safe, last ? 0 : want - width(safe) + 2, "");
    free(safe);
}

static void print_table(const struct cli_table *t)
{
    int *widths = calloc(t->column_count, sizeof *widths);
    if (widths == NULL) {
        abort();
    }
    for (size_t c = 0; c < t->column_count; c++) {
        widths[c] = width(t->columns[c].title);
        for (size_t r = 0; r < t->row_count; r++) {
            char *safe = escaped(t->cells[r * t->column_count + c]);
            widths[c] = width(safe) > widths[c] ? width(safe) : widths[c];
            free(safe);
        }
    }
    for (size_t c = 0; c < t->column_count; c++) {
        print_padded(t->columns[c].title, widths[c], c + 1 == t->column_count);
    }
    putchar('\n');
    for (size_t r = 0; r < t->row_count; r++) {
        for (size_t c = 0; c < t->column_count; c++) {
            print_padded(t->cells[r * t->column_count + c], widths[c], c + 1 == t->column_count);
        }
        putchar('\n');
    }
    free(widths);
}

static json_t *row_object(const struct cli_table *t, size_t row)
{
    json_t *object = json_object();
    for (size_t c = 0; c < t->column_count; c++) {
        const char *text = t->cells[row * t->column_count + c];
        json_t *value = NULL;
        if (t->columns[c].kind == CLI_NUMBER) {
            value = text[0] != '\0' ? json_integer(strtoll(text, NULL, 10)) : json_null();
        } else {
            value = json_string(text);
        }
        if (value == NULL) { /* no UTF-8 */
            char *safe = escaped(text);
            value = json_string(safe);
            free(safe);
        }
        json_object_set_new(object, t->columns[c].key, value);
    }
    return object;
}

static void print_json(json_t *value)
{
    json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    putchar('\n');
    json_decref(value);
}

static void print_csv_cell(const char *text)
{
    char *safe = escaped(text);
    bool quote = strpbrk(safe, ",\"") != NULL;
    if (quote) {
        putchar('"');
    }
    for (const char *s = safe; *s != '\0'; s++) {
        fputs(*s == '"' ? "\"\"" : (char[]){ *s, '\0' }, stdout);
    }
    if (quote) {
        putchar('"');
    }
    free(safe);
}

static void print_csv(const struct cli_table *t)
{
    for (size_t c = 0; c < t->column_count; c++) {
        printf("%s%s", c > 0 ? "," : "", t->columns[c].key);
    }
    putchar('\n');
    for (size_t r = 0; r < t->row_count; r++) {
        for (size_t c = 0; c < t->column_count; c++) {
            fputs(c > 0 ? "," : "", stdout);
            print_csv_cell(t->cells[r * t->column_count + c]);
        }
        putchar('\n');
    }
}

void cli_table_print(const struct cli_table *t, enum cli_format format, const char *nothing)
{
    switch (format) {
    case CLI_TABLE:
        if (t->row_count == 0) {
            printf("%s\n", nothing);
        } else {
            print_table(t);
        }
        return;
    case CLI_CSV: print_csv(t); return;
    case CLI_JSON: break;
    }
    json_t *list = json_array();
    for (size_t r = 0; r < t->row_count; r++) {
        json_array_append_new(list, row_object(t, r));
    }
    print_json(list);
}

void cli_table_print_one(const struct cli_table *t, enum cli_format format)
{
    switch (format) {
    case CLI_JSON: print_json(row_object(t, 0)); return;
    case CLI_CSV: print_csv(t); return;
    case CLI_TABLE: break;
    }
    int widest = 0;
    for (size_t c = 0; c < t->column_count; c++) {
        int w = width(t->columns[c].title);
        widest = w > widest ? w : widest;
    }
    for (size_t c = 0; c < t->column_count; c++) {
        print_padded(t->columns[c].title, widest, false);
        cli_print_text(stdout,
                       t->cells[c][0] != '\0' ? t->cells[c] : "-"); /* nothing, not forgotten */
        putchar('\n');
    }
}

/* ---- small forms ---- */

void cli_hex(char *out, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        sprintf(out + 2 * i, "%02x", bytes[i]);
    }
}

bool cli_unhex(const char *text, uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    if (strlen(text) != 2 * len) {
        return false;
    }
    for (size_t i = 0; i < 2 * len; i++) {
        char c = text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] + 32) : text[i];
        const char *at = strchr(digits, c);
        if (at == NULL) {
            return false;
        }
        uint8_t nibble = (uint8_t)(at - digits);
        uint8_t high = i % 2 == 0 ? 0 : bytes[i / 2];
        bytes[i / 2] = (uint8_t)(high << 4 | nibble);
    }
    return true;
}

void cli_time(char out[32], int64_t epoch_s)
{
    time_t t = epoch_s;
    struct tm parts;
    if (epoch_s == 0 || localtime_r(&t, &parts) == NULL) {
        strcpy(out, "-");
        return;
    }
    strftime(out, 32, "%Y-%m-%d %H:%M:%S", &parts);
}
