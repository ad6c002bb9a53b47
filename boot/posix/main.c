/*
 * waft-boot: the bootloader of a device that is a process. Verifies both slots, decides, says
 * what it found, and becomes the image. Knows nothing of the network.
 */
#include "board.h"
#include "flash.h"
#include "posix_board.h"
#include "psa_port.h"
#include "start.h"
#include "words.h"
#include <stdio.h>

/* The version in a slot's header, as text; only for a slot that verifies. */
static void version_text(struct ota_store *store, enum ota_slot slot,
                         char text[OTA_VERSION_TEXT_MAX + 1])
{
    uint8_t head[OTA_IMAGE_HEADER_SIZE];
    struct ota_image_header h;
    struct ota_writer w = ota_writer((struct ota_buf){ (uint8_t *)text, OTA_VERSION_TEXT_MAX });
    if (ota_store_read(store, slot, 0, OTA_BUF_OF(head)) == OTA_OK &&
        ota_image_header_read(OTA_SPAN_OF(head), &h) == OTA_OK) {
        ota_version_write(&w, h.version);
    }
    text[ota_writer_done(&w).len] = '\0';
}

static void tell_slot(struct ota_store *store, enum ota_slot slot,
                      const struct ota_slot_facts *facts, const struct ota_boot_result *result)
{
    const char name = slot == OTA_SLOT_A ? 'A' : 'B';
    const ota_err_t why_not = result->why_not[slot];
    const bool chosen = result->verdict.rule != OTA_BOOT_RECOVERY && result->verdict.slot == slot;
    if (why_not != OTA_OK) {
        printf("boot: slot %c: nothing to run: %s\n", name, ota_err_text(why_not));
        return;
    }
    char version[OTA_VERSION_TEXT_MAX + 1];
    version_text(store, slot, version);
    printf("boot: slot %c: %s, %s, %s\n", name, version, chosen ? "verified" : "not looked at",
           boot_class_text(ota_slot_classify(facts, true)));
}

/* Facts from before the decision, since that may leave a trial mark. */
static void tell(struct ota_store *store, const struct ota_store_facts *before,
                 const struct ota_boot_result *result)
{
    for (enum ota_slot slot = OTA_SLOT_A; slot <= OTA_SLOT_B; slot++) {
        tell_slot(store, slot, &before->slot[slot], result);
    }
    if (result->verdict.rule != OTA_BOOT_RECOVERY) {
        printf("boot: starting slot %c: %s\n", result->verdict.slot == OTA_SLOT_A ? 'A' : 'B',
               boot_rule_text(result->verdict.rule));
    }
}

/* @return the exit code, if no image could be started. */
static int boot(struct board_flash *flash, struct ota_crypto *crypto, uint8_t trials_max, int argc,
                char **argv)
{
    struct ota_store store;
    struct ota_store_facts before = { .counter = 0 };
    static struct ota_verify scratch;
    ota_err_t err = ota_store_open(&store, &flash->base, &posix_board_layout);
    if (err == OTA_OK) {
        err = ota_store_facts(&store, &before);
    }
    if (err != OTA_OK) {
        fprintf(stderr, "boot: %s\n", ota_err_text(err));
        return BOARD_EXIT_RECOVERY;
    }
    const struct ota_boot_cfg cfg = { &store, crypto, &scratch, trials_max };
    struct ota_boot_result result;
    ota_boot(&cfg, &result);
    tell(&store, &before, &result);
    if (result.verdict.rule == OTA_BOOT_RECOVERY) {
        puts("boot: RECOVERY: no image may run; this device needs its factory");
        return BOARD_EXIT_RECOVERY;
    }
    err = start(&store, &result, argc, argv);
    fprintf(stderr, "boot: the image could not be started: %s\n", ota_err_text(err));
    return BOARD_EXIT_RECOVERY;
}

int main(int argc, char **argv)
{
    struct board_args args;
    struct board_flash flash;
    struct psa_port crypto;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!board_args_read(argc, argv, &args) || !board_flash_open(&flash, &args)) {
        return BOARD_EXIT_BROKEN;
    }
    if (psa_port_init(&crypto, NULL) != OTA_OK) {
        fprintf(stderr, "boot: %s\n", ota_err_text(OTA_E_CRYPTO));
        return BOARD_EXIT_RECOVERY;
    }
    const uint8_t trials_max = args.trials_max != 0 ? args.trials_max : BOOT_TRIALS_MAX;
    return boot(&flash, &crypto.base, trials_max, argc, argv);
}
