/*
 * replay CORPUS: each line of the file, bytes in hexadecimal, through the target that it is linked
 * with, in an allocation of its exact length. For compilers without libFuzzer, and for the debugger.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX = 1 << 20 };

static int digit(char c)
{
    const char *const digits = "0123456789abcdef";
    const char *const found = c != '\0' ? strchr(digits, c) : NULL;
    return found != NULL ? (int)(found - digits) : -1;
}

/* The bytes of a line, in an allocation of their length; NULL if it is not hexadecimal. */
static uint8_t *decode(const char *line, size_t len)
{
    uint8_t *bytes = malloc(len / 2 > 0 ? len / 2 : 1);
    for (size_t i = 0; bytes != NULL && i < len / 2; i++) {
        const int high = digit(line[2 * i]), low = digit(line[2 * i + 1]);
        if (high < 0 || low < 0) {
            free(bytes);
            return NULL;
        }
        bytes[i] = (uint8_t)(high * 16 + low);
    }
    return bytes;
}

int main(int argc, char **argv)
{
    static char line[LINE_MAX];
    FILE *const file = argc == 2 ? fopen(argv[1], "r") : NULL;
    if (file == NULL) {
        fprintf(stderr, "usage: replay CORPUS, a file of lines in hexadecimal\n");
        return 2;
    }
    unsigned long count = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        const size_t len = strcspn(line, "\n");
        uint8_t *const bytes = len % 2 == 0 ? decode(line, len) : NULL;
        if (bytes == NULL) {
            fprintf(stderr, "%s: line %lu is not hexadecimal\n", argv[1], count + 1);
            return 2;
        }
        (void)LLVMFuzzerTestOneInput(bytes, len / 2);
        free(bytes);
        count++;
    }
    fclose(file);
    printf("%s: %lu inputs\n", argv[1], count);
    return count > 0 ? 0 : 1;
}
