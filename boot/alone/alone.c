/*
 * What a bootloader takes of us, by itself: flash, crypto and the jump are somebody else's. It is
 * linked to be measured (tools/footprint), and never runs.
 */
#include "ota/boot.h"

/* What a reset vector would come to, with the board's ports and layout. */
bool boot_alone(struct ota_flash *flash, const struct ota_layout *layout, struct ota_crypto *crypto,
                struct ota_boot_result *result);

bool boot_alone(struct ota_flash *flash, const struct ota_layout *layout, struct ota_crypto *crypto,
                struct ota_boot_result *result)
{
    static struct ota_store store;
    static struct ota_verify scratch;
    const struct ota_boot_cfg cfg = { &store, crypto, &scratch, .trials_max = 1 };
    ota_store_begin(&store, flash, layout);
    ota_boot(&cfg, result);
    return result->verdict.rule != OTA_BOOT_RECOVERY && ota_boot_proved(&store, result);
}
