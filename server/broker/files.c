/* The directory of the broker: everything in it belongs to the user that the broker runs as. */
#include "broker/priv.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static bool own_file(const struct srv_broker *b, const char *path, struct srv_err *err)
{
    return b->user.uid == PROCESS_SAME_USER || chown(path, b->user.uid, b->user.gid) == 0 ||
           srv_fail_errno(err, "cannot give %s to the broker's user", path);
}

static bool put_file(const struct srv_broker *b, const char *name, const char *text, size_t len,
                     struct srv_err *err)
{
    char path[SRV_PATH_MAX];
    return srv_path(path, b->dir, name, err) && srv_file_write(path, text, len, 0600, err) &&
           own_file(b, path, err);
}

static bool copy_file(const struct srv_broker *b, const char *name, const char *from,
                      struct srv_err *err)
{
    enum { COPY_MAX = 256 * 1024 * 1024 }; /* a revocation list of millions */
    char *text = NULL;
    size_t len = 0;
    bool ok = srv_file_read(from, COPY_MAX, &text, &len, err) && put_file(b, name, text, len, err);
    free(text);
    return ok;
}

bool broker_files_put(const struct srv_broker *b, struct srv_err *err)
{
    return put_file(b, "mosquitto.conf", b->config, strlen(b->config), err) &&
           put_file(b, "acl", b->acl, strlen(b->acl), err) &&
           copy_file(b, "ca.crt", srv_identity_ca_path(b->identity), err) &&
           copy_file(b, "crl.pem", srv_identity_crl_path(b->identity), err) &&
           copy_file(b, "broker.crt", srv_identity_cert_path(b->identity, SRV_OWN_BROKER), err) &&
           copy_file(b, "broker.key", srv_identity_key_path(b->identity, SRV_OWN_BROKER), err);
}

/* Two waftd on one directory would end each other's broker as a left-over. */
bool broker_files_take(struct srv_broker *b, const char *data_dir, struct srv_err *err)
{
    char path[SRV_PATH_MAX];
    if (!srv_path(b->dir, data_dir, "broker", err) || !srv_dir_make(b->dir, 0700, err) ||
        !own_file(b, b->dir, err) || !srv_path(path, b->dir, "lock", err) ||
        !srv_path(b->pid_path, b->dir, "pid", err) ||
        !srv_path(b->port_path, b->dir, "port", err)) {
        return false;
    }
    b->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (b->lock_fd < 0) {
        return srv_fail_errno(err, "cannot write %s", path);
    }
    if (flock(b->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        return srv_fail(err, SRV_E_UNAVAILABLE, "another waftd runs on %s", data_dir);
    }
    return process_clear_left_over(b->pid_path, b->dir, err);
}
