/* A file: header and TLVs, as head and tail of a download, and as a slot. */
#include "ota/image.h"
#include "fuzz.h"
#include "ram_flash.h"

#include <string.h>

/* What is read as head and tail is read alike from a slot, where erased bytes follow. */
static void check_slot(const uint8_t *bytes, size_t size, const struct ota_image *want)
{
    static struct ram_flash flash;
    static struct ota_image image;
    if (size >= RAM_FLASH_SIZE) {
        return;
    }
    ram_flash_init(&flash, 512, 1, 0xff);
    memcpy(flash.bytes, bytes, size);
    const struct ota_region where = { 0, RAM_FLASH_SIZE };
    const ota_err_t err = ota_image_from_flash(&flash.base, where, &image);
    FUZZ_CHECK(err == OTA_OK || want == NULL);
    FUZZ_CHECK(err != OTA_OK || image.size <= RAM_FLASH_SIZE);
    FUZZ_CHECK(want == NULL || image.size == want->size);
    FUZZ_CHECK(want == NULL || image.counter == want->counter);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct ota_image image, before;
    struct ota_image_header header;
    if (ota_image_header_read((struct ota_span){ bytes, size }, &header) != OTA_OK) {
        return 0;
    }
    const uint32_t tlvs = ota_image_tlvs_offset(&header);
    if (tlvs > size) {
        check_slot(bytes, size, NULL);
        return 0;
    }
    memset(&image, 0xa5, sizeof image);
    before = image;
    const ota_err_t err =
        ota_image_read(&header, (struct ota_span){ bytes + tlvs, size - tlvs }, &image);
    if (err != OTA_OK) {
        FUZZ_CHECK(memcmp(&image, &before, sizeof image) == 0);
        check_slot(bytes, size, NULL);
        return 0;
    }
    FUZZ_CHECK(image.size == size);
    FUZZ_CHECK(image.size - tlvs <= OTA_IMAGE_TLVS_MAX);
    FUZZ_CHECK(image.hw_min <= image.hw_max);
    FUZZ_CHECK(image.signature_count <= OTA_IMAGE_SIGNATURES_MAX);
    check_slot(bytes, size, &image);
    return 0;
}
