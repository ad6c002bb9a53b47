/* Artifacts on disk: there whole under their digest, or not at all. */
#define _GNU_SOURCE
#include "db/artifacts.h"
#include "small_disk.h"
#include "t.h"
#include "tmp.h"
#include <dirent.h>
#include <sys/stat.h>

static size_t files_in(const char *dir)
{
    DIR *list = opendir(dir);
    size_t count = 0;
    while (readdir(list) != NULL) {
        count++;
    }
    closedir(list);
    return count - 2u; /* . and .. */
}

/* FIPS 180-2, B.1: SHA-256 of "abc". */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void an_artifact_is_named_by_its_digest(void **state)
{
    (void)state;
    const struct t_tmp tmp = t_tmp_make();
    struct srv_artifacts *artifacts;
    struct srv_upload *upload;
    struct srv_artifact made;
    struct srv_err err;
    assert_true(srv_artifacts_open(tmp.path, &artifacts, &err));
    for (int twice = 0; twice < 2; twice++) {
        assert_true(srv_upload_begin(artifacts, &upload, &err));
        assert_true(srv_upload_write(upload, OTA_SPAN_LIT("a"), &err));
        assert_true(srv_upload_write(upload, OTA_SPAN_NONE, &err));
        assert_true(srv_upload_write(upload, OTA_SPAN_LIT("bc"), &err));
        assert_true(srv_upload_finish(upload, &made, &err));
        assert_int_equal(made.size, 3);
        assert_int_equal(made.digest[0], 0xba);
        assert_int_equal(files_in(tmp.path), 1);
    }
    char path[160];
    struct stat st;
    snprintf(path, sizeof path, "%s/" ABC, tmp.path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);

    int fd;
    uint64_t size;
    char bytes[4];
    assert_true(srv_artifact_open(artifacts, made.digest, &fd, &size, &err));
    assert_int_equal(size, 3);
    assert_int_equal(pread(fd, bytes, sizeof bytes, 1), 2);
    close(fd);
    made.digest[0] ^= 1;
    assert_false(srv_artifact_open(artifacts, made.digest, &fd, &size, &err));
    assert_int_equal(err.code, SRV_E_NOT_FOUND);
    srv_artifacts_close(artifacts);
    t_tmp_remove(&tmp);
}

static void what_is_abandoned_or_left_by_a_crash_is_gone(void **state)
{
    (void)state;
    const struct t_tmp tmp = t_tmp_make();
    struct srv_artifacts *artifacts;
    struct srv_upload *upload;
    struct srv_err err;
    assert_true(srv_artifacts_open(tmp.path, &artifacts, &err));
    assert_true(srv_upload_begin(artifacts, &upload, &err));
    assert_true(srv_upload_write(upload, OTA_SPAN_LIT("abc"), &err));
    assert_int_equal(files_in(tmp.path), 1);
    srv_upload_abandon(upload);
    assert_int_equal(files_in(tmp.path), 0);
    srv_artifacts_close(artifacts);

    char path[160];
    snprintf(path, sizeof path, "%s/upload-0badcafe", tmp.path);
    fclose(fopen(path, "w"));
    snprintf(path, sizeof path, "%s/" ABC, tmp.path);
    fclose(fopen(path, "w"));
    assert_true(srv_artifacts_open(tmp.path, &artifacts, &err));
    assert_int_equal(files_in(tmp.path), 1);
    srv_artifacts_close(artifacts);
    t_tmp_remove(&tmp);
}

static void a_full_disk_leaves_nothing_behind(void **state)
{
    (void)state;
    const struct t_tmp tmp = t_tmp_make();
    static uint8_t bytes[65536];
    struct srv_artifacts *artifacts;
    struct srv_upload *upload;
    struct srv_err err = { .code = SRV_OK };
    if (!t_small_disk(tmp.path, "96k")) {
        t_tmp_remove(&tmp);
        skip(); /* not root */
    }
    assert_true(srv_artifacts_open(tmp.path, &artifacts, &err));
    assert_true(srv_upload_begin(artifacts, &upload, &err));
    assert_true(srv_upload_write(upload, OTA_SPAN_OF(bytes), &err));
    assert_false(srv_upload_write(upload, OTA_SPAN_OF(bytes), &err));
    assert_int_equal(err.code, SRV_E_DISK_FULL);
    assert_non_null(strstr(err.text, "artifact"));
    srv_upload_abandon(upload);
    assert_int_equal(files_in(tmp.path), 0);

    struct srv_artifact made;
    assert_true(srv_upload_begin(artifacts, &upload, &err)); /* there is room again */
    assert_true(srv_upload_write(upload, OTA_SPAN_OF(bytes), &err));
    assert_true(srv_upload_finish(upload, &made, &err));
    srv_artifacts_close(artifacts);
    umount(tmp.path);
    t_tmp_remove(&tmp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_artifact_is_named_by_its_digest),
        cmocka_unit_test(what_is_abandoned_or_left_by_a_crash_is_gone),
        cmocka_unit_test(a_full_disk_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
