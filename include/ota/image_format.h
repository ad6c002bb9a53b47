/*
 * Image format: the numbers of MCUboot's TLV areas, for those who read or write them byte by byte.
 * Source: MCUboot's image.h; docs/spec/image.md says what each is for.
 */
#ifndef OTA_IMAGE_FORMAT_H
#define OTA_IMAGE_FORMAT_H

#define OTA_TLV_MAGIC           0x6907u
#define OTA_TLV_MAGIC_PROTECTED 0x6908u

/* u16 magic, u16 size of the area with these four bytes; an entry's u16 type, u16 length. */
#define OTA_TLV_INFO_SIZE  4u
#define OTA_TLV_ENTRY_SIZE 4u

enum ota_tlv_type {
    OTA_TLV_KEY_ID = 0x01,
    OTA_TLV_DIGEST = 0x10,
    OTA_TLV_ECDSA = 0x22,
    OTA_TLV_ED25519 = 0x24,
    OTA_TLV_DEPENDENCY = 0x40,
    OTA_TLV_COUNTER = 0x50,
    OTA_TLV_VENDOR = 0x74,
    OTA_TLV_CLASS = 0x75,
    OTA_TLV_HARDWARE = 0xa0, /* ours, in the vendors' range: u16 lowest, u16 highest revision */
};

#define OTA_TLV_COUNTER_SIZE    4u
#define OTA_TLV_HARDWARE_SIZE   4u
#define OTA_TLV_DEPENDENCY_SIZE 12u /* u8 image, three zeros, version */

#endif
