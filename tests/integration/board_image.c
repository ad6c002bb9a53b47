/*
 * The smallest image: says what it was told and where it runs, then does what the last byte of its
 * own payload says: a test appends that to this executable.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char behaviour(void)
{
    char last = 0;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    off_t size = lseek(fd, 0, SEEK_END);
    if (fd < 0 || size <= 0 || pread(fd, &last, 1, size - 1) != 1) {
        return 0;
    }
    close(fd);
    return last;
}

/* Nobody can write to it, make it longer or shorter, or take that back. */
static int is_sealed(void)
{
    const int want = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int seals = fcntl(fd, F_GET_SEALS);
    close(fd);
    return seals >= 0 && (seals & want) == want;
}

int main(int argc, char **argv)
{
    char exe[256] = { 0 };
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (readlink("/proc/self/exe", exe, sizeof exe - 1) < 0) {
        return EXIT_FAILURE;
    }
    printf("image %s:", exe);
    for (int i = 1; i < argc; i++) {
        printf(" %s", argv[i]);
    }
    putchar('\n');
    switch (behaviour()) {
    case 'r': return 75; /* asks for a reset */
    case 'e': return 1;
    case 'a': abort();
    case 'w': puts(is_sealed() ? "image: sealed" : "image: NOT SEALED"); break;
    case 'k': raise(SIGKILL); break;
    case 'l': /* lives: kicks the watchdog off */
        alarm(0);
        puts("image: lives");
        break;
    default: break; /* hangs */
    }
    for (;;) {
        pause();
    }
}
