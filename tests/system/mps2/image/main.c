/*
 * An image that shows the bootloader at work, built once for each way of behaving and
 * each slot. It has no network: what it does is on the UART and in the flash.
 */
#include "behaviour.h"
#include "board.h"
#include "clock.h"
#include "cortex_m.h"
#include "handover.h"
#include "nor.h"
#include "start.h"
#include "uart.h"
#include "watchdog.h"

static void tell(const struct ota_handover *h, enum ota_slot slot)
{
    uart_text("image: ");
    uart_text(behaviour_name);
    uart_text(" in slot ");
    uart_text(slot == OTA_SLOT_A ? "A" : "B");
    uart_text(", rule ");
    uart_decimal((uint32_t)h->rule);
    uart_text(", cause ");
    uart_decimal((uint32_t)h->cause);
    uart_text("\n");
}

/* As an application does that found itself well. */
static void confirm(enum ota_slot slot)
{
    struct ota_flash flash;
    struct ota_store store;
    nor_init(&flash);
    ota_err_t err = ota_store_open(&store, &flash, &posix_board_layout);
    if (err == OTA_OK) {
        err = ota_store_confirm(&store, slot);
    }
    uart_text("image: confirm: ");
    uart_text(ota_err_text(err));
    uart_text("\n");
}

/* Three times the watchdog's patience, kicking it. */
static void live(void)
{
    clock_init();
    while (clock_now() < 3u * BOARD_WATCHDOG_MS) {
        watchdog_kick();
        cortex_m_wait();
    }
    uart_text("image: alive\n");
    for (;;) {
        watchdog_kick();
        cortex_m_wait();
    }
}

int main(void)
{
    struct ota_handover h;
    enum ota_slot slot;
    uart_init();
    if (!handover_read(&h, &slot)) {
        uart_text("image: nobody has handed over\n");
        return 1;
    }
    tell(&h, slot);
    if (h.rule == OTA_BOOT_TRIAL) {
        behave();
        confirm(slot);
    }
    live();
    return 0;
}
