/*
 * Trailer: the fields at a slot's end. Private to lib/store.
 *
 * From the end: the magic in max(16, A) bytes, then fields of A bytes each, A = max(8, write_size).
 * Names and places are MCUboot's for magic, image_ok and copy_done; its swap_info and swap_size, which
 * it does not read when it boots from either slot, are our download mark and install sequence.
 */
#ifndef OTA_STORE_TRAILER_H
#define OTA_STORE_TRAILER_H

#include "ota/store.h"

enum ota_trailer_field {
    OTA_TRAILER_MAGIC,
    OTA_TRAILER_IMAGE_OK,
    OTA_TRAILER_COPY_DONE,
    OTA_TRAILER_DOWNLOAD,
    OTA_TRAILER_SEQUENCE,
    OTA_TRAILER_TRIAL, /* the first of OTA_TRIALS_MAX */
};
#define OTA_TRAILER_FIELDS (OTA_TRAILER_TRIAL + OTA_TRIALS_MAX)

/** The sectors at a slot's end that hold the trailer and nothing else; all of a slot that is too small for it. */
struct ota_region ota_trailer_region(const struct ota_flash *f, const struct ota_region *slot);

/** Where a field is: an offset in flash. */
uint32_t ota_trailer_at(const struct ota_flash *f, const struct ota_region *slot, uint32_t field);

/* The first byte of a flag that is set; the rest of its field is blank. */
#define OTA_TRAILER_SET 0x01u

/** The bytes of the magic's field when it is set; how many they are. */
uint32_t ota_trailer_magic(const struct ota_store *s, uint8_t bytes[OTA_FLASH_WRITE_SIZE_MAX]);

/** One slot's facts; undefined on error. */
OTA_MUST_CHECK ota_err_t ota_trailer_facts(struct ota_store *s, enum ota_slot slot,
                                           struct ota_slot_facts *facts);

/**
 * Write a flag that counts even torn, and that must be erased.
 *
 * @return OTA_OK: it is not blank any more; OTA_E_FLASH_READ_BACK: it is; OTA_E_FLASH.
 */
OTA_MUST_CHECK ota_err_t ota_trailer_stain(struct ota_store *s, enum ota_slot slot, uint32_t field);

#endif
