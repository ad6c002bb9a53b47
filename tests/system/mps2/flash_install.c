/*
 * flash-install FLASH FILE: puts a file into slot B of a device's flash and asks the bootloader to
 * try it, as an agent would that verifies nothing. What it is then, the bootloader alone decides.
 */
#include "ota/store.h"
#include "posix_board.h"
#include "posix_flash.h"
#include <stdio.h>
#include <stdlib.h>

#define PIECE 4096u

static ota_err_t fill(struct ota_store *store, FILE *file)
{
    uint8_t piece[PIECE];
    uint32_t at = 0;
    ota_err_t err = OTA_OK;
    while (err == OTA_OK && at < store->layout->slot[OTA_SLOT_B].size) {
        err = ota_store_erase_step(store, OTA_SLOT_B, &at);
    }
    err = err == OTA_OK ? ota_store_mark_download(store, OTA_SLOT_B) : err;
    size_t len = 0;
    for (at = 0; err == OTA_OK && (len = fread(piece, 1, sizeof piece, file)) > 0;
         at += (uint32_t)len) {
        err = ota_store_write(store, OTA_SLOT_B, at, (struct ota_span){ piece, len });
    }
    return err;
}

static ota_err_t install(struct posix_flash *flash, FILE *file)
{
    struct ota_store store;
    ota_err_t err = ota_store_open(&store, &flash->base, &posix_board_layout);
    err = err == OTA_OK ? fill(&store, file) : err;
    if (err != OTA_OK) {
        return err;
    }
    const struct ota_region where = ota_store_image_region(&store, OTA_SLOT_B);
    const struct ota_verified_image claimed = {
        .where = where, .proof = OTA_PROOF_ALL + where.offset, /* a lie, as this program's is */
    };
    return ota_store_activate(&store, &claimed);
}

int main(int argc, char **argv)
{
    struct posix_flash flash;
    if (argc != 3) {
        fputs("usage: flash-install FLASH FILE\n", stderr);
        return 2;
    }
    FILE *file = fopen(argv[2], "rb");
    if (file == NULL) {
        perror(argv[2]);
        return EXIT_FAILURE;
    }
    const enum posix_flash_result opened = posix_flash_open(&flash, argv[1], &posix_board_flash);
    if (opened != POSIX_FLASH_OK) {
        fprintf(stderr, "%s: %s\n", argv[1], posix_flash_result_text(opened));
        fclose(file);
        return EXIT_FAILURE;
    }
    const ota_err_t err = install(&flash, file);
    posix_flash_close(&flash);
    fclose(file);
    if (err != OTA_OK) {
        fprintf(stderr, "%s: %s\n", argv[1], ota_err_text(err));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
