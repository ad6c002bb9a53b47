/*
 * Flash as each version left it: this one reads the same from it, boots the same image, and goes on
 * from there. The files of earlier versions stay in tests/vectors/flash for ever.
 */
#include "golden.h"
#include "ota/handover.h"
#include "psa_port.h"
#include "t.h"
#include "t_mark.h"

#include <dirent.h>

static struct ota_crypto *crypto(void)
{
    static struct psa_port port;
    if (port.base.ops == NULL) {
        assert_int_equal(psa_port_init(&port, NULL), OTA_OK);
    }
    return &port.base;
}

static const char *const states[] = { "factory", "mid-download", "pending",
                                      "trial",   "confirmed",    "reverted" };
static const char *const places[] = { "even", "uneven" };

static FILE *open_file(char path[1024], const char *version, size_t place, size_t state)
{
    (void)snprintf(path, 1024, "%s/flash/%s/%s-%s.txt", VECTORS, version, places[place],
                   states[state]);
    FILE *const file = fopen(path, "r");
    if (file == NULL) {
        fail_msg("%s is gone: golden flash is kept for ever", path);
    }
    return file;
}

/* As text again, it is the file that it came from. */
static void check_text(FILE *file, const struct golden *g, const struct flash_model *m)
{
    char *text = NULL;
    size_t len = 0;
    FILE *const to = open_memstream(&text, &len);
    assert_non_null(to);
    golden_write(to, g, m->bytes, m->base.size);
    assert_int_equal(fclose(to), 0);
    rewind(file);
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(fgetc(file), text[i]);
    }
    assert_int_equal(fgetc(file), EOF);
    free(text);
}

/* The next update can begin, whatever was left. */
static void check_going_on(const char *path, struct flash_model *m, const struct golden *g)
{
    struct ota_store s;
    struct ota_journal j = { .state = OTA_JOURNAL_CLAIMED, .slot = OTA_SLOT_B, .file_size = 2000 };
    CHECK_ROW(path, ota_store_open(&s, &m->base, &g->layout) == OTA_OK);
    CHECK_ROW(path, ota_store_withdraw(&s, OTA_SLOT_B) == OTA_OK);
    CHECK_ROW(path, ota_journal_write(&s, &j) == OTA_OK);
    CHECK_ROW(path, t_mark(&s, 512) == OTA_OK);
    CHECK_ROW(path, ota_store_counter_raise(&s, g->facts.counter + 1u) == OTA_OK);
    struct golden now;
    golden_look(m, &g->layout, crypto(), &now);
    CHECK_ROW(path, now.facts.counter == g->facts.counter + 1u);
    CHECK_ROW(path, now.facts.journal == OTA_JOURNAL_CLAIMED && now.facts.mark == 512);
    CHECK_ROW(path, now.facts.sequence_a == g->facts.sequence_a);
    CHECK_ROW(path, flash_model_faults(m) == 0);
}

static void check_file(const char *version, size_t place, size_t state)
{
    char path[1024];
    struct golden want, found;
    struct flash_model m;
    FILE *const file = open_file(path, version, place, state);
    CHECK_ROW(path, golden_read(file, &want, &m));
    golden_look(&m, &want.layout, crypto(), &found);
    const char *const other = golden_difference(&want.facts, &found.facts);
    if (other != NULL) {
        fail_msg("%s: %s is read as something else now", path, other);
    }
    if (strcmp(want.job, "-") != 0) {
        assert_string_equal(want.job, found.job);
    }
    check_text(file, &want, &m);
    check_going_on(path, &m, &want);
    flash_model_free(&m);
    fclose(file);
}

static void flash_of_every_version_is_read_as_it_was_written(void **state)
{
    (void)state;
    unsigned versions = 0;
    DIR *const folder = opendir(VECTORS "/flash");
    assert_non_null(folder);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] < '0' || entry->d_name[0] > '9') {
            continue;
        }
        versions++;
        for (size_t place = 0; place < COUNT(places); place++) {
            for (size_t i = 0; i < COUNT(states); i++) {
                check_file(entry->d_name, place, i);
            }
        }
    }
    closedir(folder);
    assert_true(versions >= 1);
}

/* The states are what their names say: the boot decision and the journal of each. */
static void each_state_is_what_its_name_says(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        enum ota_boot_rule rule;
        enum ota_slot boots;
        uint32_t journal;
        enum ota_slot_class b;
        uint32_t counter;
    } rows[] = {
        { "factory", OTA_BOOT_CONFIRMED, OTA_SLOT_A, UINT32_MAX, OTA_SLOT_UNMARKED, 0 },
        { "mid-download", OTA_BOOT_CONFIRMED, OTA_SLOT_A, OTA_JOURNAL_RECEIVING,
          OTA_SLOT_INCOMPLETE, 1 },
        { "pending", OTA_BOOT_TRIAL, OTA_SLOT_B, OTA_JOURNAL_ACTIVATING, OTA_SLOT_UNTRIED, 1 },
        { "trial", OTA_BOOT_CONFIRMED, OTA_SLOT_A, OTA_JOURNAL_TESTING, OTA_SLOT_TRIED, 1 },
        { "confirmed", OTA_BOOT_CONFIRMED, OTA_SLOT_B, OTA_JOURNAL_NONE, OTA_SLOT_CONFIRMED, 2 },
        { "reverted", OTA_BOOT_CONFIRMED, OTA_SLOT_A, OTA_JOURNAL_NONE, OTA_SLOT_UNMARKED, 1 },
    };
    for (size_t i = 0; i < COUNT(rows) * COUNT(places); i++) {
        char path[1024];
        struct golden g;
        struct flash_model m;
        FILE *const file = open_file(path, "0.1.0", i % COUNT(places), i / COUNT(places));
        CHECK_ROW(path, golden_read(file, &g, &m));
        const size_t row = i / COUNT(places);
        CHECK_ROW(rows[row].why, strcmp(rows[row].why, states[row]) == 0);
        CHECK_ROW(rows[row].why, g.facts.boot_rule == rows[row].rule);
        CHECK_ROW(rows[row].why, g.facts.boot_slot == rows[row].boots);
        CHECK_ROW(rows[row].why, g.facts.journal == rows[row].journal);
        CHECK_ROW(rows[row].why, g.facts.class_a == OTA_SLOT_CONFIRMED);
        CHECK_ROW(rows[row].why, g.facts.class_b == rows[row].b);
        CHECK_ROW(rows[row].why, g.facts.counter == rows[row].counter);
        flash_model_free(&m);
        fclose(file);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(flash_of_every_version_is_read_as_it_was_written),
        cmocka_unit_test(each_state_is_what_its_name_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
