/* UART: the log, on the first CMSDK UART. Polled: it works before main() and inside a fault handler. */
#ifndef UART_H
#define UART_H

#include "ota/span.h"

void uart_init(void);
void uart_write(struct ota_span bytes);
void uart_text(const char *text);
/** "0x" and eight digits. */
void uart_hex(uint32_t value);
void uart_decimal(uint32_t value);

#endif
