#include "ota/version.h"

void ota_version_write(struct ota_writer *w, struct ota_version version)
{
    ota_write_decimal(w, version.major);
    ota_write_str(w, ".");
    ota_write_decimal(w, version.minor);
    ota_write_str(w, ".");
    ota_write_decimal(w, version.revision);
    if (version.build != 0) {
        ota_write_str(w, "+");
        ota_write_decimal(w, version.build);
    }
}

static bool at_digit(const struct ota_reader *r)
{
    return ota_reader_left(r) > 0 && *r->at >= '0' && *r->at <= '9';
}

/* A number without leading zeros, 0 ..= max. */
static ota_err_t read_number(struct ota_reader *r, uint32_t max, uint32_t *number)
{
    const uint8_t *const first = r->at;
    uint32_t value = 0;
    bool fits = true;
    while (at_digit(r)) {
        const uint32_t digit = ota_read_u8(r) - (uint32_t)'0';
        fits = fits && value <= (max - digit) / 10u;
        value = fits ? value * 10u + digit : 0;
    }
    const size_t digits = (size_t)(r->at - first);
    if (digits == 0 || (digits > 1 && *first == '0')) {
        return OTA_E_MALFORMED;
    }
    *number = value;
    return fits ? OTA_OK : OTA_E_RANGE;
}

ota_err_t ota_version_parse(struct ota_span text, struct ota_version *version)
{
    static const struct {
        uint8_t before; /* the character before the number */
        uint32_t max;
    } parts[4] = { { 0, UINT8_MAX }, { '.', UINT8_MAX }, { '.', UINT16_MAX }, { '+', UINT32_MAX } };
    struct ota_reader r = ota_reader(text);
    uint32_t numbers[4] = { 0 };

    for (unsigned i = 0; i < 4; i++) {
        if (i == 3 && ota_reader_left(&r) == 0) {
            break; /* The build number may be missing. */
        }
        if (i > 0 && ota_read_u8(&r) != parts[i].before) {
            return OTA_E_MALFORMED;
        }
        const ota_err_t err = read_number(&r, parts[i].max, &numbers[i]);
        if (err != OTA_OK) {
            return err;
        }
    }
    if (ota_reader_left(&r) > 0) {
        return OTA_E_MALFORMED;
    }
    *version = (struct ota_version){
        .major = (uint8_t)numbers[0],
        .minor = (uint8_t)numbers[1],
        .revision = (uint16_t)numbers[2],
        .build = numbers[3],
    };
    return OTA_OK;
}
