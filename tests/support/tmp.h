/* A directory of its own for each test program, removed with all that is in it. */
#ifndef T_TMP_H
#define T_TMP_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct t_tmp {
    char path[64];
};

static inline int t_tmp_remove_one(const char *path, const struct stat *st, int flag,
                                   struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static inline struct t_tmp t_tmp_make(void)
{
    struct t_tmp tmp = { "/tmp/waft-test-XXXXXX" };
    if (mkdtemp(tmp.path) == NULL) {
        perror("mkdtemp");
        abort();
    }
    return tmp;
}

static inline void t_tmp_remove(const struct t_tmp *tmp)
{
    nftw(tmp->path, t_tmp_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
