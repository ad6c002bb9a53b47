#include "flash_model.h"
#include "t.h"

/* --- tearing ---------------------------------------------------------------- */

/* `bits` of the way from old to new are done: a one in `done` takes the new bit. */
static uint8_t mix(uint8_t old, uint8_t new, uint8_t done)
{
    return (uint8_t)((old & (uint8_t)~done) | (new &done));
}

/* How many units of an operation are whole when the power goes, and which bits of the next are done. */
static uint32_t units_done(struct flash_model *m, uint32_t units)
{
    switch (m->cut) {
    case FLASH_CUT_BEFORE: return 0;
    case FLASH_CUT_HALF: return units / 2u;
    case FLASH_CUT_NOISE: return t_random(&m->seed) % units;
    }
    fail();
    return 0;
}

static uint8_t bits_done(struct flash_model *m, uint32_t byte, uint32_t unit_size)
{
    switch (m->cut) {
    case FLASH_CUT_BEFORE: return 0;
    case FLASH_CUT_HALF:
        if (unit_size == 1) {
            return 0x0f;
        }
        return byte < unit_size / 2u ? 0xff : 0;
    case FLASH_CUT_NOISE: return (uint8_t)t_random(&m->seed);
    }
    fail();
    return 0;
}

/* Turn `len` bytes at `at` from what they are to what `to` says (or to `fill`); torn if the power goes now. */
static void change(struct flash_model *m, uint32_t at, const uint8_t *to, uint32_t len, bool torn)
{
    const uint32_t unit = m->base.write_size;
    const uint32_t whole = torn ? units_done(m, (len + unit - 1u) / unit) * unit : len;
    for (uint32_t i = 0; i < len; i++) {
        const uint8_t new = to != NULL ? to[i] : m->base.erased;
        uint8_t *byte = &m->bytes[at + i];
        if (i < whole) {
            *byte = new;
        } else if (i < whole + unit) {
            *byte = mix(*byte, new, bits_done(m, i - whole, unit));
        }
    }
}

/* --- the three verbs ----------------------------------------------------------- */

static bool touches(struct ota_region r, uint32_t offset, size_t len)
{
    return offset < r.offset + r.size && r.offset < offset + len;
}

static bool outside(const struct flash_model *m, uint32_t offset, size_t len)
{
    return offset > m->base.size || len > m->base.size - offset;
}

static ota_err_t model_read(struct ota_flash *f, uint32_t offset, struct ota_buf into)
{
    struct flash_model *m = (struct flash_model *)f;
    if (outside(m, offset, into.cap)) {
        m->faults.out_of_range++;
        return OTA_E_FLASH;
    }
    if (m->off || touches(m->broken_read, offset, into.cap)) {
        return OTA_E_FLASH;
    }
    if (into.cap > 0) {
        memcpy(into.ptr, m->bytes + offset, into.cap);
    }
    return OTA_OK;
}

/* Counts the operation; false: nothing must be done. Otherwise `torn` says whether the power goes in it. */
static bool begin(struct flash_model *m, bool *torn)
{
    if (m->off) {
        return false;
    }
    m->ops++;
    *torn = m->ops == m->cut_at;
    m->off = *torn;
    return !*torn || m->cut != FLASH_CUT_BEFORE;
}

/* Programming can only take bits away from what an erase leaves; and each unit only once. */
static void program_unit(struct flash_model *m, uint32_t offset, const uint8_t *from, uint8_t *to)
{
    bool blank = true;
    for (uint32_t i = 0; i < m->base.write_size; i++) {
        const uint8_t old = m->bytes[offset + i];
        blank = blank && old == m->base.erased;
        to[i] = m->base.erased == 0 ? (uint8_t)(old | from[i]) : (uint8_t)(old & from[i]);
    }
    if (!blank) {
        m->faults.double_programs++;
    }
}

static ota_err_t model_write(struct ota_flash *f, uint32_t offset, struct ota_span from)
{
    struct flash_model *m = (struct flash_model *)f;
    const uint32_t unit = f->write_size;
    bool torn = false;
    if (outside(m, offset, from.len)) {
        m->faults.out_of_range++;
        return OTA_E_FLASH;
    }
    if (offset % unit != 0 || from.len % unit != 0) {
        m->faults.misaligned++;
        return OTA_E_FLASH;
    }
    if (from.len == 0) {
        return OTA_OK;
    }
    if (!begin(m, &torn) || touches(m->broken_write, offset, from.len)) {
        return OTA_E_FLASH;
    }
    if (touches(m->deaf, offset, from.len)) {
        return OTA_OK;
    }
    uint8_t *to = t_exact(from.ptr, from.len);
    for (uint32_t at = 0; at < from.len; at += unit) {
        program_unit(m, offset + at, from.ptr + at, to + at);
    }
    change(m, offset, to, (uint32_t)from.len, torn);
    free(to);
    return torn ? OTA_E_FLASH : OTA_OK;
}

static ota_err_t model_erase(struct ota_flash *f, uint32_t offset)
{
    struct flash_model *m = (struct flash_model *)f;
    bool torn = false;
    if (outside(m, offset, f->sector_size)) {
        m->faults.out_of_range++;
        return OTA_E_FLASH;
    }
    if (offset % f->sector_size != 0) {
        m->faults.misaligned++;
        return OTA_E_FLASH;
    }
    if (!begin(m, &torn) || touches(m->broken_write, offset, f->sector_size)) {
        return OTA_E_FLASH;
    }
    m->erases[offset / f->sector_size]++;
    change(m, offset, NULL, f->sector_size, torn);
    return torn ? OTA_E_FLASH : OTA_OK;
}

/* --- handling it -------------------------------------------------------------- */

static const struct ota_flash_ops ops = { model_read, model_write, model_erase };

void flash_model_init(struct flash_model *m, const struct flash_geometry *g)
{
    *m = (struct flash_model){
        .base = {
            .ops = &ops,
            .size = g->sectors * g->sector_size,
            .sector_size = g->sector_size,
            .write_size = g->write_size,
            .erased = g->erased_zero ? 0x00 : 0xff,
        },
        .seed = 0x5eed0001u,
    };
    m->bytes = malloc(m->base.size);
    m->erases = calloc(g->sectors, sizeof *m->erases);
    assert_non_null(m->bytes);
    assert_non_null(m->erases);
    memset(m->bytes, m->base.erased, m->base.size);
}

void flash_model_free(struct flash_model *m)
{
    free(m->bytes);
    free(m->erases);
    m->bytes = NULL;
    m->erases = NULL;
}

void flash_model_cut(struct flash_model *m, uint32_t n, enum flash_cut how)
{
    m->cut_at = m->ops + n;
    m->cut = how;
}

void flash_model_power_on(struct flash_model *m)
{
    m->off = false;
    m->cut_at = 0;
    m->ops = 0;
}

uint32_t flash_model_faults(const struct flash_model *m)
{
    return m->faults.double_programs + m->faults.misaligned + m->faults.out_of_range;
}

void flash_model_rot(struct flash_model *m, uint32_t offset, unsigned bit)
{
    assert_true(offset < m->base.size && bit < 8);
    m->bytes[offset] ^= (uint8_t)(1u << bit);
}

uint8_t *flash_model_save(const struct flash_model *m)
{
    return t_exact(m->bytes, m->base.size);
}

void flash_model_load(struct flash_model *m, const uint8_t *saved)
{
    memcpy(m->bytes, saved, m->base.size);
    flash_model_power_on(m);
}
