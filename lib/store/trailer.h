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

/** The sectors at a slot's end that hold the trailer and nothing else. */
struct ota_region ota_trailer_region(const struct ota_flash *f, const struct ota_region *slot);

/** One slot's facts; `facts` is untouched on error. */
OTA_MUST_CHECK ota_err_t ota_trailer_facts(struct ota_store *s, enum ota_slot slot,
                                           struct ota_slot_facts *facts);

/**
 * Write a flag that counts even torn, and that must be erased.
 *
 * @return OTA_OK: it is not blank any more; OTA_E_FLASH_READ_BACK: it is; OTA_E_FLASH.
 */
OTA_MUST_CHECK ota_err_t ota_trailer_stain(struct ota_store *s, enum ota_slot slot, uint32_t field);

/* Where a field is, and the bytes that it has when it is set. */
struct ota_trailer_slice {
    uint32_t offset, size;
    uint8_t bytes[OTA_FLASH_WRITE_SIZE_MAX];
};
void ota_trailer_slice(const struct ota_store *s, enum ota_slot slot, uint32_t field,
                       struct ota_trailer_slice *slice);

#endif
