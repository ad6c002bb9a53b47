#include "posix_keyset.h"
#include "ota/base64.h"
#include <stdio.h>

ota_err_t posix_keyset_install(const char *path, struct ota_store *s, struct ota_crypto *c,
                               enum ota_slot running)
{
    struct ota_keyset_room room;
    uint8_t bytes[OTA_KEYSET_SIZE_MAX + 1u];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return OTA_E_NOT_FOUND;
    }
    const size_t len = fread(bytes, 1, sizeof bytes, file);
    const bool failed = ferror(file) != 0;
    (void)fclose(file); /* it was only read */
    if (failed) {
        return OTA_E_NOT_FOUND;
    }
    if (len == sizeof bytes) {
        return OTA_E_TOO_LARGE;
    }
    return ota_store_keyset_install(s, c, running, (struct ota_buf){ bytes, len }, &room);
}

/* In lines of 64 characters, which are 48 bytes. */
static void write_pem(struct ota_writer *w, struct ota_span der)
{
    ota_write_str(w, "-----BEGIN CERTIFICATE-----\n");
    for (size_t at = 0; at < der.len; at += 48) {
        const size_t left = der.len - at;
        ota_base64_write(w, (struct ota_span){ der.ptr + at, left < 48 ? left : 48 });
        ota_write_str(w, "\n");
    }
    ota_write_str(w, "-----END CERTIFICATE-----\n");
}

ota_err_t posix_keyset_ca(struct ota_store *s, struct ota_buf room, struct ota_span *pem)
{
    struct ota_trust trust;
    struct ota_writer w = ota_writer(room);
    ota_err_t err = ota_store_trust(s, &trust);
    if (err != OTA_OK) {
        return err;
    }
    for (uint32_t i = 0; i < OTA_KEYSET_CAS_MAX && trust.ca_size[i] > 0; i++) {
        uint8_t bytes[OTA_KEYSET_CA_SIZE_MAX];
        struct ota_span der;
        err = ota_store_ca(s, &trust, i, OTA_BUF_OF(bytes), &der);
        if (err != OTA_OK) {
            return err;
        }
        write_pem(&w, der);
    }
    const struct ota_span made = ota_writer_done(&w);
    if (made.len == 0) {
        return w.bad ? OTA_E_TOO_LARGE : OTA_E_NOT_FOUND;
    }
    *pem = made;
    return OTA_OK;
}
