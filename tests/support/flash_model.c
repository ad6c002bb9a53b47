#include "flash_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "flash model: %s\n", what);
        abort();
    }
}

static uint32_t noise(struct flash_model *m)
{
    m->seed ^= m->seed << 13;
    m->seed ^= m->seed >> 17;
    m->seed ^= m->seed << 5;
    return m->seed;
}

/* --- tearing ---------------------------------------------------------------- */

/* `done` says of each bit whether it is new already. */
static uint8_t mix(uint8_t old, uint8_t new, uint8_t done)
{
    return (uint8_t)((old & (uint8_t)~done) | (new &done));
}

/* How many units of an operation are whole when the power goes. */
static uint32_t units_done(struct flash_model *m, uint32_t units)
{
    if (m->cut_unit < units) {
        return m->cut_unit;
    }
    switch (m->cut) {
    case FLASH_CUT_BEFORE: return 0;
    case FLASH_CUT_HALF: return units / 2u;
    case FLASH_CUT_NOISE: return noise(m) % units;
    }
    must(false, "no such cut");
    return 0;
}

/* Which bits of a byte of the unit at work are done. */
static uint8_t bits_done(struct flash_model *m, uint32_t byte, uint32_t unit_size)
{
    switch (m->cut) {
    case FLASH_CUT_BEFORE: return 0;
    case FLASH_CUT_HALF:
        if (unit_size == 1) {
            return 0x0f;
        }
        return byte < unit_size / 2u ? 0xff : 0;
    case FLASH_CUT_NOISE: return (uint8_t)noise(m);
    }
    must(false, "no such cut");
    return 0;
}

/* A run of bytes on its way to something else: either `to`, or all `fill`. */
struct change {
    uint32_t at, len;
    const uint8_t *to;
    uint8_t fill;
};

/* The power goes in it: whole units, one at work, the rest as it was. */
static void tear(struct flash_model *m, const struct change *c)
{
    const uint32_t unit = m->base.write_size;
    const bool everywhere = c->to == NULL && m->cut == FLASH_CUT_NOISE && noise(m) % 2u == 0;
    const uint32_t whole = everywhere ? 0 : units_done(m, (c->len + unit - 1u) / unit) * unit;
    for (uint32_t i = 0; i < c->len; i++) {
        const uint8_t new = c->to != NULL ? c->to[i] : c->fill;
        uint8_t *const byte = &m->bytes[c->at + i];
        if (i < whole) {
            *byte = new;
        } else if (everywhere || i < whole + unit) {
            *byte = mix(*byte, new, bits_done(m, i - whole, unit));
        }
    }
}

static void carry_out(struct flash_model *m, const struct change *c)
{
    if (c->to != NULL) {
        memcpy(m->bytes + c->at, c->to, c->len);
    } else {
        memset(m->bytes + c->at, c->fill, c->len);
    }
}

/* --- the three verbs ----------------------------------------------------------- */

static bool touches(struct ota_region r, uint32_t offset, size_t len)
{
    return offset < r.offset + r.size && r.offset < offset + len;
}

/* Which sector begins at `offset`, and how long it is; m->sectors: none does. */
static uint32_t sector_at(const struct flash_model *m, uint32_t offset, uint32_t *size)
{
    const struct ota_flash_run even = { m->base.sector_size, m->sectors };
    const struct ota_flash_run *const runs = m->base.run_count > 0 ? m->base.runs : &even;
    const uint32_t count = m->base.run_count > 0 ? m->base.run_count : 1u;
    uint32_t index = 0, at = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t length = runs[i].sector_size * runs[i].count;
        *size = runs[i].sector_size;
        if (offset < at + length) {
            return (offset - at) % *size == 0 ? index + (offset - at) / *size : m->sectors;
        }
        index += runs[i].count;
        at += length;
    }
    return m->sectors;
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
static bool begin(struct flash_model *m, uint32_t units, bool *torn)
{
    if (m->off) {
        return false;
    }
    if (m->ops < m->trace_cap) {
        m->trace[m->ops] = (uint16_t)units;
    }
    m->ops++;
    *torn = m->ops == m->cut_at;
    m->off = *torn;
    return !*torn || m->cut != FLASH_CUT_BEFORE || m->cut_unit != UINT32_MAX;
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

/* All of a write, or what the cut leaves of it. */
static void program(struct flash_model *m, uint32_t offset, struct ota_span from, bool torn)
{
    uint8_t *const to = malloc(from.len);
    must(to != NULL, "out of memory");
    for (uint32_t at = 0; at < from.len; at += m->base.write_size) {
        program_unit(m, offset + at, from.ptr + at, to + at);
    }
    const struct change c = { .at = offset, .len = (uint32_t)from.len, .to = to };
    if (torn) {
        tear(m, &c);
    } else {
        carry_out(m, &c);
    }
    free(to);
}

static ota_err_t model_write(struct ota_flash *f, uint32_t offset, struct ota_span from)
{
    struct flash_model *m = (struct flash_model *)f;
    bool torn = false;
    if (outside(m, offset, from.len)) {
        m->faults.out_of_range++;
        return OTA_E_FLASH;
    }
    if (offset % f->write_size != 0 || from.len % f->write_size != 0) {
        m->faults.misaligned++;
        return OTA_E_FLASH;
    }
    if (from.len == 0) {
        return OTA_OK;
    }
    if (!begin(m, (uint32_t)from.len / f->write_size, &torn) ||
        touches(m->broken_write, offset, from.len)) {
        return OTA_E_FLASH;
    }
    if (touches(m->deaf, offset, from.len)) {
        return OTA_OK;
    }
    program(m, offset, from, torn);
    return torn ? OTA_E_FLASH : OTA_OK;
}

static ota_err_t model_erase(struct ota_flash *f, uint32_t offset)
{
    struct flash_model *m = (struct flash_model *)f;
    bool torn = false;
    uint32_t size = 0;
    if (outside(m, offset, 1)) {
        m->faults.out_of_range++;
        return OTA_E_FLASH;
    }
    const uint32_t sector = sector_at(m, offset, &size);
    if (sector == m->sectors) {
        m->faults.misaligned++;
        return OTA_E_FLASH;
    }
    const struct change c = { .at = offset, .len = size, .fill = f->erased };
    if (!begin(m, 1, &torn) || touches(m->broken_write, c.at, c.len)) {
        return OTA_E_FLASH;
    }
    m->erases[sector]++;
    if (torn) {
        m->cut_unit = UINT32_MAX;
        tear(m, &c);
    } else {
        carry_out(m, &c);
    }
    return torn ? OTA_E_FLASH : OTA_OK;
}

/* --- handling it -------------------------------------------------------------- */

static const struct ota_flash_ops ops = { model_read, model_write, model_erase };

/* What runs come to: how many sectors, how many bytes, the largest. */
static void lay_out(struct flash_model *m, const struct flash_geometry *g)
{
    m->sectors = g->run_count > 0 ? 0 : g->sectors;
    m->base.sector_size = g->run_count > 0 ? 0 : g->sector_size;
    m->base.size = g->run_count > 0 ? 0 : g->sectors * g->sector_size;
    for (uint32_t i = 0; i < g->run_count; i++) {
        const struct ota_flash_run *const run = &g->runs[i];
        m->sectors += run->count;
        m->base.size += run->count * run->sector_size;
        if (run->sector_size > m->base.sector_size) {
            m->base.sector_size = run->sector_size;
        }
    }
}

void flash_model_init(struct flash_model *m, const struct flash_geometry *g)
{
    *m = (struct flash_model){
        .base = {
            .ops = &ops,
            .runs = g->runs,
            .run_count = g->run_count,
            .write_size = g->write_size,
            .erased = g->erased_zero ? 0x00 : 0xff,
        },
        .cut_unit = UINT32_MAX,
        .seed = 0x5eed0001u,
    };
    lay_out(m, g);
    m->bytes = malloc(m->base.size);
    m->erases = calloc(m->sectors, sizeof *m->erases);
    must(m->bytes != NULL && m->erases != NULL, "out of memory");
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
    flash_model_cut_unit(m, n, UINT32_MAX, how);
}

void flash_model_cut_unit(struct flash_model *m, uint32_t n, uint32_t unit, enum flash_cut how)
{
    m->cut_at = m->ops + n;
    m->cut_unit = unit;
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
    must(offset < m->base.size && bit < 8, "no such bit");
    m->bytes[offset] ^= (uint8_t)(1u << bit);
}

uint8_t *flash_model_save(const struct flash_model *m)
{
    uint8_t *const saved = malloc(m->base.size);
    must(saved != NULL, "out of memory");
    memcpy(saved, m->bytes, m->base.size);
    return saved;
}

void flash_model_load(struct flash_model *m, const uint8_t *saved)
{
    memcpy(m->bytes, saved, m->base.size);
    flash_model_power_on(m);
}
