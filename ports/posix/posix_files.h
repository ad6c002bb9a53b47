/*
 * posix_files: a handler of data files (ota/files.h) in a directory: files of one type, as many as a job has.
 *
 *     DIR/active/0, 1, ...    what the application uses: numbered in the order of the document
 *     DIR/staged/             of the job that is going on; a file that is not verified yet ends with .part
 *     DIR/previous/           what `active` was before the job's files were applied, until they are kept
 *     DIR/gone/               being deleted
 *
 * Sets change places by renames, each synced: after a cut there is the old set or the new one, and the agent does
 * what is left to do. An application opens files of `active` when its self-test begins, or when it hears that the
 * job is done. Names come from the order, never from the provider.
 */
#ifndef POSIX_FILES_H
#define POSIX_FILES_H

#include "ota/files.h"

struct posix_files {
    struct ota_file_handler base; /* hand this out */
    int dir;
};

/**
 * @param dir  made if it is not there; nobody else's.
 * @return false with errno set.
 */
bool posix_files_open(struct posix_files *f, uint8_t type, const char *dir);
void posix_files_close(struct posix_files *f);

#endif
