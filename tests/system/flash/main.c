/* The checks of flash_checks.h as the only program of a board; what comes out is on the UART. */
#include "bench.h"
#include "flash_checks.h"

int main(void);

static ota_err_t erase(struct ota_flash *f, uint32_t from, uint32_t to)
{
    ota_err_t err = OTA_OK;
    for (uint32_t at = from; err == OTA_OK && at < to; at += f->sector_size) {
        err = ota_flash_erase(f, at);
    }
    return err;
}

/* All of the flash before the first check; then what a check writes to. */
static const char *run(uint32_t number)
{
    const struct flash_bench bench = { .flash = bench_flash(), .again = bench_flash };
    struct ota_flash *f = bench.flash;
    const uint32_t low = number == 0 ? f->size : FLASH_CHECKS_SECTORS * f->sector_size;
    if (erase(f, 0, low) != OTA_OK || erase(f, f->size - f->sector_size, f->size) != OTA_OK) {
        return "an erase is refused";
    }
    return flash_checks[number].run(&bench);
}

int main(void)
{
    uint32_t failed = 0;
    bench_init();
    for (uint32_t i = 0; i < FLASH_CHECKS; i++) {
        const char *wrong = run(i);
        failed += wrong != NULL;
        bench_say(wrong == NULL ? "flash: passed: " : "flash: FAILED: ");
        bench_say(flash_checks[i].fact);
        if (wrong != NULL) {
            bench_say(": ");
            bench_say(wrong);
        }
        bench_say("\n");
    }
    bench_say(failed == 0 ? "flash: all checks passed\n" : "flash: some checks failed\n");
    for (;;) {
    }
}
