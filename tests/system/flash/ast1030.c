/*
 * QEMU's ast1030-evb: a Cortex-M4 whose SPI NOR is a model that nobody here wrote. The checks run on
 * it to show that what we take for the manners of NOR flash is not our own invention.
 *
 * Registers: the Aspeed static memory controller as QEMU has it (hw/ssi/aspeed_smc.c); commands: any
 * SPI NOR part of the JEDEC kind.
 */
#include "bench.h"
#include "ota/assert.h"

#define WORD(address) (*(volatile uint32_t *)(address))
#define BYTE(address) (*(volatile uint8_t *)(address))

/* UART5, a 16550 with registers a word apart. */
#define UART_DATA         WORD(0x7e784000u)
#define UART_STATUS       WORD(0x7e784014u)
#define UART_STATUS_EMPTY 0x20u

#define FMC_CONFIG          WORD(0x7e620000u)
#define FMC_CONFIG_WRITABLE (1u << 16)
#define FMC_CONTROL         WORD(0x7e620010u)
#define CONTROL_READ        0u /* the window shows the part's bytes */
#define CONTROL_USER        3u /* the window is a byte pipe to the part, which is selected */
#define CONTROL_DESELECT    4u
#define WINDOW              0x80000000u

#define SPI_WRITE_ENABLE 0x06u
#define SPI_PROGRAM      0x02u
#define SPI_ERASE_4K     0x20u
#define SPI_STATUS       0x05u
#define SPI_STATUS_BUSY  0x01u
#define SPI_PAGE         256u /* programming wraps at its end */

int main(void);
_Noreturn void start(void);

/* --- SPI -------------------------------------------------------------------------- */

static void put(uint32_t byte)
{
    BYTE(WINDOW) = (uint8_t)byte;
}

static void end(void)
{
    FMC_CONTROL = CONTROL_USER | CONTROL_DESELECT;
}

static void begin(uint32_t command)
{
    FMC_CONTROL = CONTROL_USER;
    put(command);
}

static void begin_at(uint32_t command, uint32_t offset)
{
    begin(SPI_WRITE_ENABLE);
    end();
    begin(command);
    put(offset >> 16);
    put(offset >> 8);
    put(offset);
}

/* The command takes effect at its end; wait until the part is ready, and show its bytes again. */
static void finish(void)
{
    end();
    begin(SPI_STATUS);
    while ((BYTE(WINDOW) & SPI_STATUS_BUSY) != 0) {
    }
    end();
    FMC_CONTROL = CONTROL_READ;
}

/* --- flash ------------------------------------------------------------------------- */

static ota_err_t spi_read(struct ota_flash *f, uint32_t offset, struct ota_buf into)
{
    (void)f;
    for (size_t i = 0; i < into.cap; i++) {
        into.ptr[i] = BYTE(WINDOW + offset + i);
    }
    return OTA_OK;
}

static ota_err_t spi_write(struct ota_flash *f, uint32_t offset, struct ota_span from)
{
    (void)f;
    for (uint32_t at = 0; at < from.len;) {
        const uint32_t page_left = SPI_PAGE - (offset + at) % SPI_PAGE;
        const uint32_t left = (uint32_t)from.len - at;
        const uint32_t len = left < page_left ? left : page_left;
        begin_at(SPI_PROGRAM, offset + at);
        for (uint32_t i = 0; i < len; i++) {
            put(from.ptr[at + i]);
        }
        finish();
        at += len;
    }
    return OTA_OK;
}

static ota_err_t spi_erase(struct ota_flash *f, uint32_t offset)
{
    (void)f;
    begin_at(SPI_ERASE_4K, offset);
    finish();
    return OTA_OK;
}

/* --- bench --------------------------------------------------------------------------- */

void bench_init(void)
{
    FMC_CONFIG |= FMC_CONFIG_WRITABLE;
    FMC_CONTROL = CONTROL_READ;
}

/* A quarter of the part, to be quick. */
struct ota_flash *bench_flash(void)
{
    static const struct ota_flash_ops ops = { spi_read, spi_write, spi_erase };
    static struct ota_flash flash;
    flash = (struct ota_flash){
        .ops = &ops, .size = 0x100000, .sector_size = 0x1000, .write_size = 1, .erased = 0xff
    };
    return &flash;
}

void bench_say(const char *text)
{
    for (; *text != '\0'; text++) {
        while ((UART_STATUS & UART_STATUS_EMPTY) == 0) {
        }
        UART_DATA = (uint8_t)*text;
    }
}

/* --- start ------------------------------------------------------------------------------ */

extern const uint32_t ld_stack_top[];

static _Noreturn void stop(void)
{
    bench_say("flash: the board stops\n");
    for (;;) {
    }
}

_Noreturn void ota_assert_failed(const char *file, int line)
{
    (void)line;
    bench_say(file);
    stop();
}

_Noreturn void start(void)
{
    (void)main();
    stop();
}

/* QEMU loads all of it, and clears what is to be zero. */
extern const struct vectors {
    const uint32_t *stack_top;
    void (*handlers[15])(void);
} vectors;
__attribute__((section(".vectors"), used)) const struct vectors vectors = {
    .stack_top = ld_stack_top,
    .handlers = { start, stop, stop, stop, stop, stop, stop, stop, stop, stop, stop, stop, stop,
                  stop, stop },
};
