#include "uart.h"
#include "cortex_m.h"

/* CMSDK APB UART (Arm DDI 0479, 4.3). */
#define UART_DATA    CORTEX_M_WORD(0x40004000u)
#define UART_STATE   CORTEX_M_WORD(0x40004004u)
#define UART_CTRL    CORTEX_M_WORD(0x40004008u)
#define UART_BAUDDIV CORTEX_M_WORD(0x40004010u)
#define STATE_FULL   1u
#define CTRL_SEND    1u
#define DIVIDER      217u /* 115200 baud at 25 MHz */

void uart_init(void)
{
    UART_BAUDDIV = DIVIDER;
    UART_CTRL = CTRL_SEND;
}

void uart_write(struct ota_span bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        while ((UART_STATE & STATE_FULL) != 0) {
        }
        UART_DATA = bytes.ptr[i];
    }
}

void uart_text(const char *text)
{
    uart_write(ota_span_of_str(text));
}

void uart_hex(uint32_t value)
{
    uint8_t text[10] = "0x";
    for (uint32_t i = 0; i < 8; i++) {
        text[2 + i] = (uint8_t) "0123456789abcdef"[value >> (28u - 4u * i) & 15u];
    }
    uart_write(OTA_SPAN_OF(text));
}

void uart_decimal(uint32_t value)
{
    uint8_t text[10];
    size_t at = sizeof text;
    do {
        text[--at] = (uint8_t)('0' + value % 10u);
        value /= 10u;
    } while (value != 0);
    uart_write((struct ota_span){ text + at, sizeof text - at });
}
