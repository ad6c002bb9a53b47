/*
 * flash-facts FILE: what a device's flash file says, as one JSON object. It reads as the bootloader
 * and the agent would, through ota/store.h, and writes nothing.
 */
#include "ota/store.h"
#include "posix_board.h"
#include "posix_flash.h"
#include "psa_port.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERIFY_STEP 65536u

static const char *mark_name(enum ota_mark mark)
{
    switch (mark) {
    case OTA_MARK_UNSET: return "unset";
    case OTA_MARK_SET: return "set";
    case OTA_MARK_TORN: return "torn";
    }
    return "?";
}

static const char *class_name(enum ota_slot_class class)
{
    switch (class) {
    case OTA_SLOT_INVALID: return "invalid";
    case OTA_SLOT_CONFIRMED: return "confirmed";
    case OTA_SLOT_UNTRIED: return "untried";
    case OTA_SLOT_TRIED: return "tried";
    case OTA_SLOT_UNMARKED: return "unmarked";
    case OTA_SLOT_INCOMPLETE: return "incomplete";
    }
    return "?";
}

static const char *state_name(enum ota_journal_state state)
{
    static const char *const names[] = {
        [OTA_JOURNAL_NONE] = "none",
        [OTA_JOURNAL_CLAIMED] = "claimed",
        [OTA_JOURNAL_RECEIVING] = "receiving",
        [OTA_JOURNAL_VERIFYING] = "verifying",
        [OTA_JOURNAL_READY] = "ready",
        [OTA_JOURNAL_ACTIVATING] = "activating",
        [OTA_JOURNAL_TESTING] = "testing",
        [OTA_JOURNAL_OUTCOME_OK] = "outcome-ok",
        [OTA_JOURNAL_OUTCOME_FAIL] = "outcome-fail",
        [OTA_JOURNAL_DROP] = "drop",
        [OTA_JOURNAL_REPORT_OK] = "report-ok",
        [OTA_JOURNAL_REPORT_FAIL] = "report-fail",
        [OTA_JOURNAL_FILES] = "files",
        [OTA_JOURNAL_APPLYING] = "applying",
    };
    return (size_t)state < sizeof names / sizeof names[0] ? names[state] : "?";
}

struct device {
    struct posix_flash flash;
    struct ota_store store;
    struct psa_port crypto;
    struct ota_trust trust;
    struct ota_store_facts facts;
};

static ota_err_t verify(struct device *d, enum ota_slot slot,
                        const struct ota_verified_image **image)
{
    static struct ota_verify scratch;
    const struct ota_verify_cfg cfg = { &d->flash.base, &d->crypto.base, &d->trust,
                                        ota_store_image_region(&d->store, slot), d->facts.counter };
    ota_err_t err = OTA_OK;
    ota_verify_begin(&scratch, &cfg);
    *image = NULL;
    while (err == OTA_OK && *image == NULL) {
        err = ota_verify_step(&scratch, VERIFY_STEP, image);
    }
    return err;
}

static void print_image(const struct ota_verified_image *verified)
{
    char text[OTA_VERSION_TEXT_MAX + 1];
    struct ota_writer w = ota_writer((struct ota_buf){ (uint8_t *)text, OTA_VERSION_TEXT_MAX });
    ota_version_write(&w, verified->image.header.version);
    text[ota_writer_done(&w).len] = '\0';
    printf("\"version\":\"%s\",\"digest\":\"", text);
    for (size_t i = 0; i < OTA_DIGEST_SIZE; i++) {
        printf("%02x", verified->image.digest[i]);
    }
    printf("\",");
}

static void print_slot(struct device *d, enum ota_slot slot)
{
    const struct ota_slot_facts *f = &d->facts.slot[slot];
    const struct ota_verified_image *image = NULL;
    ota_err_t err = verify(d, slot, &image);
    printf("{\"slot\":\"%c\",\"class\":\"%s\",\"verify\":\"%s\",", slot == OTA_SLOT_A ? 'A' : 'B',
           class_name(ota_slot_classify(f, err == OTA_OK)), ota_err_name(err));
    if (err == OTA_OK) {
        print_image(image);
    }
    printf("\"magic\":\"%s\",\"image_ok\":\"%s\",\"copy_done\":\"%s\",\"download\":\"%s\",",
           mark_name(f->magic), mark_name(f->image_ok), mark_name(f->copy_done),
           mark_name(f->download));
    if (f->sequence_mark == OTA_MARK_SET) {
        printf("\"sequence\":%u,", (unsigned)f->sequence);
    }
    printf("\"trials\":%u}", f->trials);
}

static void print_journal(struct device *d)
{
    struct ota_journal j;
    ota_err_t err = ota_journal_read(&d->store, &j);
    if (err != OTA_OK) {
        printf("{\"state\":\"%s\"}", err == OTA_E_NOT_FOUND ? "none" : "unreadable");
        return;
    }
    printf("{\"state\":\"%s\",\"job\":\"%.*s\",\"file_size\":%u,\"mark\":%u,\"reason\":%d,"
           "\"error\":\"%s\"}",
           state_name(j.state), j.job_id_len, (const char *)j.job_id, (unsigned)j.file_size,
           (unsigned)j.mark, (int)j.reason, ota_err_name(j.error));
}

static ota_err_t open_device(struct device *d, const char *path)
{
    enum posix_flash_result result = posix_flash_open(&d->flash, path, &posix_board_flash);
    if (result != POSIX_FLASH_OK) {
        fprintf(stderr, "flash-facts: %s: %s\n", path, posix_flash_result_text(result));
        return OTA_E_FLASH;
    }
    ota_err_t err = ota_store_open(&d->store, &d->flash.base, &posix_board_layout);
    if (err == OTA_OK) {
        err = ota_store_facts(&d->store, &d->facts);
    }
    if (err == OTA_OK) {
        err = ota_store_trust(&d->store, &d->trust);
    }
    return err == OTA_OK ? psa_port_init(&d->crypto, NULL) : err;
}

int main(int argc, char **argv)
{
    static struct device d;
    if (argc != 2) {
        fputs("usage: flash-facts FILE   (the device must not be running)\n", stderr);
        return 2;
    }
    ota_err_t err = open_device(&d, argv[1]);
    if (err != OTA_OK) {
        fprintf(stderr, "flash-facts: %s: %s\n", argv[1], ota_err_text(err));
        return EXIT_FAILURE;
    }
    printf("{\"counter\":%u,\"slots\":[", (unsigned)d.facts.counter);
    print_slot(&d, OTA_SLOT_A);
    putchar(',');
    print_slot(&d, OTA_SLOT_B);
    printf("],\"journal\":");
    print_journal(&d);
    puts("}");
    posix_flash_close(&d.flash);
    return EXIT_SUCCESS;
}
