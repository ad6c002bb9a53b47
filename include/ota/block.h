/*
 * Block: a piece of a file on its way from a source to the store.
 */
#ifndef OTA_BLOCK_H
#define OTA_BLOCK_H

#include "ota/span.h"

struct ota_block {
    uint32_t offset;      /* bytes from the start of the file */
    struct ota_span data; /* in what was received, or in the room lent for decoding;
                             empty: nothing to store (here already, or not whole yet) */
};

#endif
