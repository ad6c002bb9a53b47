/*
 * Data files in a directory: one set or the other, from wherever a power cut may have left the renames.
 */
#define _GNU_SOURCE /* nftw() */
#include "posix_files.h"
#include "small_disk.h"
#include "t.h"
#include "tmp.h"

#include <errno.h>
#include <fcntl.h>

static struct t_tmp tmp;
static struct posix_files f;
static char root[96];

static void reopen(void)
{
    posix_files_close(&f);
    assert_true(posix_files_open(&f, 9, root));
}

static int begin(void **state)
{
    (void)state;
    tmp = t_tmp_make();
    (void)snprintf(root, sizeof root, "%s/files", tmp.path);
    assert_true(posix_files_open(&f, 9, root));
    return 0;
}

static int end(void **state)
{
    (void)state;
    posix_files_close(&f);
    t_tmp_remove(&tmp);
    return 0;
}

static struct ota_file file_of(uint8_t nth, uint32_t size)
{
    return (struct ota_file){ .index = nth, .nth = nth, .type = 9, .size = size };
}

/* Whole blocks of 4 bytes, the last one first. */
static void stage(uint8_t nth, const char *text)
{
    const uint32_t size = (uint32_t)strlen(text);
    const struct ota_file file = file_of(nth, size);
    const struct ota_file_handler_ops *const ops = f.base.ops;
    uint8_t back[64];
    assert_int_equal(ops->check(&f.base, &file), OTA_OK);
    assert_int_equal(ops->begin(&f.base, &file, 0), OTA_OK);
    for (uint32_t at = size; at > 0; at -= 4) {
        const struct ota_span block = { (const uint8_t *)text + at - 4, 4 };
        assert_int_equal(ops->write(&f.base, &file, at - 4, block), OTA_OK);
    }
    assert_int_equal(ops->read(&f.base, &file, 0, (struct ota_buf){ back, size }), OTA_OK);
    assert_memory_equal(back, text, size);
    assert_int_equal(ops->verified(&f.base, &file), OTA_OK);
    assert_int_equal(ops->verified(&f.base, &file), OTA_OK);
}

static ota_err_t apply(void)
{
    return f.base.ops->apply(&f.base);
}

static ota_err_t keep(void)
{
    return f.base.ops->keep(&f.base);
}

static ota_err_t discard(void)
{
    return f.base.ops->discard(&f.base);
}

/* What `active` holds: each file's text, behind each other. */
static bool active_is(const char *want)
{
    char found[256] = "";
    for (unsigned i = 0; i < 4; i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/active/%u", root, i);
        const int fd = open(path, O_RDONLY);
        if (fd >= 0) {
            const size_t at = strlen(found);
            const ssize_t n = read(fd, found + at, sizeof found - 1 - at);
            found[at + (size_t)(n > 0 ? n : 0)] = '\0';
            close(fd);
        }
    }
    return strcmp(found, want) == 0;
}

static bool there(const char *name)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", root, name);
    return access(path, F_OK) == 0;
}

static void move(const char *from, const char *to)
{
    char a[128], b[128];
    (void)snprintf(a, sizeof a, "%s/%s", root, from);
    (void)snprintf(b, sizeof b, "%s/%s", root, to);
    assert_int_equal(rename(a, b), 0);
}

/* The old set is in use, a new one is staged. */
static void old_and_new(void)
{
    stage(0, "old0");
    stage(1, "old1");
    assert_int_equal(apply(), OTA_OK);
    assert_int_equal(keep(), OTA_OK);
    stage(0, "new0new0");
    assert_true(active_is("old0old1"));
}

static void a_set_replaces_the_one_before(void **state)
{
    (void)state;
    old_and_new();
    assert_int_equal(apply(), OTA_OK);
    reopen();
    assert_true(active_is("new0new0"));
    assert_int_equal(apply(), OTA_OK);
    assert_int_equal(keep(), OTA_OK);
    assert_int_equal(keep(), OTA_OK);
    assert_int_equal(discard(), OTA_OK);
    assert_true(active_is("new0new0"));
    assert_false(there("previous") || there("staged") || there("gone"));
}

static void what_is_discarded_is_gone(void **state)
{
    (void)state;
    old_and_new();
    assert_int_equal(discard(), OTA_OK);
    assert_int_equal(apply(), OTA_OK);
    assert_true(active_is("old0old1"));
    stage(0, "new0new0");
    assert_int_equal(apply(), OTA_OK);
    assert_int_equal(discard(), OTA_OK);
    assert_int_equal(discard(), OTA_OK);
    reopen();
    assert_true(active_is("old0old1"));
    assert_false(there("previous") || there("staged") || there("gone"));
}

static void the_first_set_can_be_undone_too(void **state)
{
    (void)state;
    stage(0, "new0");
    assert_int_equal(apply(), OTA_OK);
    assert_true(active_is("new0"));
    assert_int_equal(discard(), OTA_OK);
    assert_true(active_is("") && there("active"));
}

/* A cut between two renames: the states as they would be found. */
static void cuts_between_renames_are_mended(void **state)
{
    (void)state;
    static const struct {
        const char *why, *from[2], *to[2]; /* renames that had been done */
        ota_err_t (*verb)(void);
        const char *want;
    } rows[] = {
        { "apply, cut in its middle, goes on", { "active" }, { "previous" }, apply, "new0new0" },
        { "and is undone", { "active" }, { "previous" }, discard, "old0old1" },
        { "and is kept", { "active" }, { "previous" }, keep, "new0new0" },
        { "discard, cut before it",
          { "active", "staged" },
          { "previous", "active" },
          discard,
          "old0old1" },
        { "discard, cut in its middle",
          { "active", "staged" },
          { "previous", "gone" },
          discard,
          "old0old1" },
        { "keep, cut in its middle",
          { "active", "staged" },
          { "gone", "active" },
          keep,
          "new0new0" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        old_and_new();
        for (unsigned k = 0; k < 2 && rows[i].from[k] != NULL; k++) {
            move(rows[i].from[k], rows[i].to[k]);
        }
        reopen();
        CHECK_ROW(rows[i].why, rows[i].verb() == OTA_OK);
        CHECK_ROW(rows[i].why, active_is(rows[i].want));
        if (rows[i].verb != apply) {
            CHECK_ROW(rows[i].why, !there("previous") && !there("staged") && !there("gone"));
        }
        (void)end(state);
        (void)begin(state);
    }
}

static void a_file_goes_on_where_it_was(void **state)
{
    (void)state;
    const struct ota_file file = file_of(0, 12);
    const struct ota_file_handler_ops *const ops = f.base.ops;
    assert_int_equal(ops->resume(&f.base, &file, 8), 0); /* nothing is there */
    assert_int_equal(ops->begin(&f.base, &file, 0), OTA_OK);
    assert_int_equal(ops->write(&f.base, &file, 0, OTA_SPAN_LIT("abcdefgh")), OTA_OK);
    reopen();
    assert_int_equal(ops->resume(&f.base, &file, 8), 8);
    assert_int_equal(ops->resume(&f.base, &file, 9), 0); /* less than was promised */
    assert_int_equal(ops->begin(&f.base, &file, 4), OTA_OK);
    assert_int_equal(ops->write(&f.base, &file, 4, OTA_SPAN_LIT("EFGHIJKL")), OTA_OK);
    assert_int_equal(ops->verified(&f.base, &file), OTA_OK);
    assert_int_equal(apply(), OTA_OK);
    assert_true(active_is("abcdEFGHIJKL"));
    assert_int_equal(ops->begin(&f.base, &file, 0), OTA_E_STATE); /* not before it is decided */
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    const struct ota_file file = file_of(0, 12), huge = file_of(0, UINT32_MAX);
    const struct ota_file_handler_ops *const ops = f.base.ops;
    uint8_t back[12];
    assert_int_equal(ops->write(&f.base, &file, 0, OTA_SPAN_LIT("abcd")), OTA_E_FLASH);
    assert_int_equal(ops->read(&f.base, &file, 0, OTA_BUF_OF(back)), OTA_E_FLASH);
    assert_int_equal(ops->verified(&f.base, &file), OTA_E_FLASH);
    assert_int_equal(ops->begin(&f.base, &file, 0), OTA_OK);
    assert_int_equal(ops->read(&f.base, &file, 0, OTA_BUF_OF(back)), OTA_E_FLASH); /* too short */
    const ota_err_t err = ops->check(&f.base, &huge); /* as the machine has it */
    assert_true(err == OTA_OK || err == OTA_E_JOB_FILE_SIZE);
    struct posix_files other;
    assert_false(posix_files_open(&other, 9, "/proc/nowhere/files"));
}

/* The provider sends the document again in the middle: what is here already needs no room. */
static void a_file_that_is_coming_is_not_refused_for_its_own_bytes(void **state)
{
    static uint8_t bytes[48 * 1024];
    const struct ota_file first = file_of(0, sizeof bytes), second = file_of(1, 16 * 1024);
    const struct ota_file_handler_ops *const ops = f.base.ops;
    posix_files_close(&f);
    if (!t_small_disk(tmp.path, "96k")) {
        (void)begin(state);
        skip(); /* not root */
    }
    assert_true(posix_files_open(&f, 9, root));
    assert_int_equal(ops->check(&f.base, &first), OTA_OK);
    assert_int_equal(ops->begin(&f.base, &first, 0), OTA_OK);
    assert_int_equal(ops->write(&f.base, &first, 0, OTA_SPAN_OF(bytes)), OTA_OK);
    assert_int_equal(ops->check(&f.base, &first), OTA_OK);
    assert_int_equal(ops->verified(&f.base, &first), OTA_OK);
    assert_int_equal(ops->check(&f.base, &first), OTA_OK);
    assert_int_equal(ops->check(&f.base, &second), OTA_OK);
    const struct ota_file over = file_of(0, 96 * 1024 + 1), new = file_of(1, sizeof bytes + 1);
    assert_int_equal(ops->check(&f.base, &over), OTA_E_JOB_FILE_SIZE);
    assert_int_equal(ops->check(&f.base, &new), OTA_E_JOB_FILE_SIZE);
    posix_files_close(&f);
    umount(tmp.path);
    assert_true(posix_files_open(&f, 9, root));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
        T(a_set_replaces_the_one_before),
        T(what_is_discarded_is_gone),
        T(the_first_set_can_be_undone_too),
        T(cuts_between_renames_are_mended),
        T(a_file_goes_on_where_it_was),
        T(what_cannot_be_is_refused),
        T(a_file_that_is_coming_is_not_refused_for_its_own_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
