#include "artifacts.h"
#include "base/file.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMPORARY_PREFIX "upload-"
#define HEX_SIZE         (2u * SRV_DIGEST_SIZE + 1u)

struct srv_artifacts {
    int dir; /* everything is done relative to it */
};

struct srv_upload {
    struct srv_artifacts *artifacts;
    EVP_MD_CTX *digest;
    uint64_t size;
    int fd;
    char name[sizeof TEMPORARY_PREFIX + 16u];
};

static void hex(const uint8_t digest[SRV_DIGEST_SIZE], char out[HEX_SIZE])
{
    for (size_t i = 0; i < SRV_DIGEST_SIZE; i++) {
        snprintf(out + 2u * i, 3, "%02x", digest[i]);
    }
}

/* What a crash left half written. */
static void temporaries_remove(int dir)
{
    DIR *list = fdopendir(dup(dir));
    if (list == NULL) {
        return; /* they only cost room */
    }
    rewinddir(list);
    const struct dirent *entry;
    while ((entry = readdir(list)) != NULL) {
        if (strncmp(entry->d_name, TEMPORARY_PREFIX, sizeof TEMPORARY_PREFIX - 1u) == 0) {
            unlinkat(dir, entry->d_name, 0);
        }
    }
    closedir(list);
}

bool srv_artifacts_open(const char *dir, struct srv_artifacts **artifacts, struct srv_err *err)
{
    if (!srv_dir_make(dir, 0700, err)) {
        return false;
    }
    const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct srv_artifacts *self = calloc(1, sizeof *self);
    if (fd < 0 || self == NULL) {
        srv_fail_errno(err, "cannot open the directory %.60s", dir);
        free(self);
        return false;
    }
    self->dir = fd;
    temporaries_remove(fd);
    *artifacts = self;
    return true;
}

void srv_artifacts_close(struct srv_artifacts *artifacts)
{
    if (artifacts != NULL) {
        close(artifacts->dir);
        free(artifacts);
    }
}

static bool temporary_create(struct srv_upload *upload)
{
    for (unsigned attempt = 0; attempt < 100; attempt++) {
        uint32_t random = 0;
        if (getentropy(&random, sizeof random) != 0) {
            return false;
        }
        snprintf(upload->name, sizeof upload->name, TEMPORARY_PREFIX "%08x", random);
        upload->fd = openat(upload->artifacts->dir, upload->name,
                            O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (upload->fd >= 0 || errno != EEXIST) {
            return upload->fd >= 0;
        }
    }
    return false;
}

bool srv_upload_begin(struct srv_artifacts *artifacts, struct srv_upload **upload,
                      struct srv_err *err)
{
    struct srv_upload *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return srv_fail(err, SRV_E_INTERNAL, "out of memory");
    }
    self->artifacts = artifacts;
    self->digest = EVP_MD_CTX_new();
    if (self->digest == NULL || EVP_DigestInit_ex(self->digest, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(self->digest);
        free(self);
        return srv_fail(err, SRV_E_INTERNAL, "SHA-256 is not to be had");
    }
    if (!temporary_create(self)) {
        srv_fail_errno(err, "cannot make a file for the artifact");
        EVP_MD_CTX_free(self->digest);
        free(self);
        return false;
    }
    *upload = self;
    return true;
}

bool srv_upload_write(struct srv_upload *upload, struct ota_span bytes, struct srv_err *err)
{
    size_t done = 0;
    while (done < bytes.len) {
        const ssize_t n = write(upload->fd, bytes.ptr + done, bytes.len - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return srv_fail_errno(err, "cannot write the artifact");
        }
        done += (size_t)n;
    }
    if (EVP_DigestUpdate(upload->digest, bytes.ptr, bytes.len) != 1) {
        return srv_fail(err, SRV_E_INTERNAL, "SHA-256 failed");
    }
    upload->size += bytes.len;
    return true;
}

static void upload_free(struct srv_upload *upload)
{
    close(upload->fd);
    EVP_MD_CTX_free(upload->digest);
    free(upload);
}

void srv_upload_abandon(struct srv_upload *upload)
{
    if (upload != NULL) {
        unlinkat(upload->artifacts->dir, upload->name, 0);
        upload_free(upload);
    }
}

/* Bytes first, then the name, then the directory that holds the name. */
static bool make_durable(struct srv_upload *upload, const char *name, struct srv_err *err)
{
    const int dir = upload->artifacts->dir;
    if (fsync(upload->fd) != 0 || renameat(dir, upload->name, dir, name) != 0 || fsync(dir) != 0) {
        return srv_fail_errno(err, "cannot store the artifact");
    }
    return true;
}

bool srv_upload_finish(struct srv_upload *upload, struct srv_artifact *artifact,
                       struct srv_err *err)
{
    struct srv_artifact made = { .size = upload->size };
    char name[HEX_SIZE];
    bool ok = EVP_DigestFinal_ex(upload->digest, made.digest, NULL) == 1 ||
              srv_fail(err, SRV_E_INTERNAL, "SHA-256 failed");
    hex(made.digest, name);
    ok = ok && make_durable(upload, name, err);
    if (!ok) {
        srv_upload_abandon(upload);
        return false;
    }
    upload_free(upload);
    *artifact = made;
    return true;
}

bool srv_artifact_open(struct srv_artifacts *artifacts, const uint8_t digest[SRV_DIGEST_SIZE],
                       int *fd, uint64_t *size, struct srv_err *err)
{
    char name[HEX_SIZE];
    hex(digest, name);
    const int opened = openat(artifacts->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (opened < 0 && errno == ENOENT) {
        return srv_fail(err, SRV_E_NOT_FOUND, "there is no artifact %s", name);
    }
    struct stat st;
    if (opened < 0 || fstat(opened, &st) != 0) {
        srv_fail_errno(err, "cannot open the artifact %.16s", name);
        if (opened >= 0) {
            close(opened);
        }
        return false;
    }
    *fd = opened;
    *size = (uint64_t)st.st_size;
    return true;
}
