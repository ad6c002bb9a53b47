/*
 * A data file in two banks of flash.
 */
#include "../store/program.h"
#include "ota/file_banks.h"

#include <string.h>

enum field { SIZE, KEPT, SEQUENCE };
#define SEQUENCES 4u
#define FIELDS    (SEQUENCE + SEQUENCES)

/* Neither of the two. */
#define NO_BANK 2u

struct bank_facts {
    bool blank;               /* no mark at all */
    bool sized, kept, in_use; /* verified; kept; applied */
    uint32_t size, sequence;
    unsigned next; /* the field for a sequence; FIELDS: there is none left */
};

static struct ota_file_banks *banks_of(struct ota_file_handler *h)
{
    return (struct ota_file_banks *)h; /* its first member */
}

static uint32_t field_size(const struct ota_file_banks *b)
{
    return b->flash->write_size < 8u ? 8u : b->flash->write_size;
}

/* The marks' sector. */
static struct ota_region marks_of(const struct ota_file_banks *b, unsigned bank)
{
    const struct ota_region *r = &b->bank[bank];
    return ota_flash_sector(b->flash, r->offset + r->size - 1u);
}

static uint32_t room_of(const struct ota_file_banks *b, unsigned bank)
{
    return marks_of(b, bank).offset - b->bank[bank].offset;
}

/* --- facts ------------------------------------------------------------------------- */

static ota_err_t look_at(struct ota_file_banks *b, unsigned bank, struct bank_facts *facts)
{
    const struct ota_region marks = marks_of(b, bank);
    *facts = (struct bank_facts){ .blank = true, .next = SEQUENCE };
    for (unsigned field = 0; field < FIELDS; field++) {
        uint8_t bytes[OTA_FLASH_WRITE_SIZE_MAX];
        const struct ota_buf piece = { bytes, field_size(b) };
        const ota_err_t err = ota_flash_read(b->flash, marks.offset + field * field_size(b), piece);
        if (err != OTA_OK) {
            return err;
        }
        if (ota_erased(bytes, piece.cap, b->flash->erased)) {
            continue;
        }
        facts->blank = false;
        const uint32_t value = ota_get_u32le(bytes);
        const bool whole = value == ~ota_get_u32le(bytes + 4);
        if (field == SIZE) {
            facts->sized = whole && value <= room_of(b, bank);
            facts->size = value;
        } else if (field == KEPT) {
            facts->kept = true; /* torn too: it had been decided */
        } else {
            facts->next = field + 1u;
            if (whole && facts->sized) {
                facts->in_use = true;
                facts->sequence = value;
            }
        }
    }
    return OTA_OK;
}

struct look {
    struct bank_facts bank[2];
    unsigned active; /* NO_BANK: none is */
    unsigned other;  /* for the next file */
};

/* Also if flash does not read, what `l` has is two banks' of something. */
static ota_err_t look(struct ota_file_banks *b, struct look *l)
{
    memset(l, 0, sizeof *l);
    ota_err_t err = look_at(b, 0, &l->bank[0]);
    if (err == OTA_OK) {
        err = look_at(b, 1, &l->bank[1]);
    }
    const bool first = l->bank[0].in_use, second = l->bank[1].in_use;
    l->active = first ? 0 : second ? 1u : NO_BANK;
    if (first && second && l->bank[1].sequence - l->bank[0].sequence < UINT32_MAX / 2u) {
        l->active = 1;
    }
    l->other = l->active == 0 ? 1u : 0;
    return err;
}

static bool is_applied(const struct look *l)
{
    return l->active != NO_BANK && !l->bank[l->active].kept;
}

static bool is_staged(const struct look *l)
{
    return l->bank[l->other].sized && !l->bank[l->other].in_use;
}

/* --- marks ------------------------------------------------------------------------- */

static ota_err_t put_number(struct ota_file_banks *b, unsigned bank, unsigned field, uint32_t value)
{
    uint8_t bytes[OTA_FLASH_WRITE_SIZE_MAX];
    memset(bytes, b->flash->erased, sizeof bytes);
    ota_put_u32le(bytes, value);
    ota_put_u32le(bytes + 4, ~value);
    return ota_program(b->flash, marks_of(b, bank).offset + field * field_size(b),
                       (struct ota_span){ bytes, field_size(b) });
}

static ota_err_t forget(struct ota_file_banks *b, unsigned bank)
{
    return ota_flash_erase(b->flash, marks_of(b, bank).offset);
}

/* --- a file ------------------------------------------------------------------------- */

static ota_err_t banks_check(struct ota_file_handler *h, const struct ota_file *file)
{
    const struct ota_file_banks *const b = banks_of(h);
    const bool fits = file->size <= room_of(b, 0) && file->size <= room_of(b, 1);
    return fits && file->nth == 0 ? OTA_OK : OTA_E_JOB_FILE_SIZE;
}

/* Where the sector begins that `mark` cuts. The banks may be of other sectors: then from the begin. */
static uint32_t banks_resume(struct ota_file_handler *h, const struct ota_file *file, uint32_t mark)
{
    (void)file;
    struct ota_file_banks *const b = banks_of(h);
    struct look l;
    if (look(b, &l) != OTA_OK) {
        return 0;
    }
    const uint32_t begin = b->bank[l.other].offset;
    return ota_flash_sector(b->flash, begin + mark).offset - begin;
}

/* One more sector that is not blank yet. */
static ota_err_t clear_step(struct ota_file_banks *b, unsigned bank)
{
    const struct ota_region sector = ota_flash_sector(b->flash, b->bank[bank].offset + b->at);
    uint32_t end;
    ota_err_t err = ota_used_end(b->flash, sector, &end);
    if (err == OTA_OK && end > sector.offset) {
        err = ota_flash_erase(b->flash, sector.offset);
    }
    b->at += err == OTA_OK ? sector.size : 0;
    return err == OTA_OK ? OTA_E_BUSY : err;
}

static ota_err_t banks_begin(struct ota_file_handler *h, const struct ota_file *file, uint32_t from)
{
    struct ota_file_banks *const b = banks_of(h);
    struct look l;
    ota_err_t err = look(b, &l);
    if (err != OTA_OK || is_applied(&l)) {
        return err != OTA_OK ? err : OTA_E_STATE; /* the other bank is the way back */
    }
    if (!l.bank[l.other].blank) {
        b->at = 0;
        err = forget(b, l.other);
        return err == OTA_OK ? OTA_E_BUSY : err;
    }
    if (b->at == 0 || b->from != from) {
        b->from = b->at = from;
    }
    if (b->at < file->size) {
        return clear_step(b, l.other);
    }
    b->at = 0;
    return OTA_OK;
}

static ota_err_t banks_write(struct ota_file_handler *h, const struct ota_file *file,
                             uint32_t offset, struct ota_span bytes)
{
    struct ota_file_banks *const b = banks_of(h);
    struct look l;
    ota_err_t err = look(b, &l);
    const size_t tail_len = bytes.len % b->flash->write_size;
    const struct ota_span whole = { bytes.ptr, bytes.len - tail_len };
    if (offset > file->size || bytes.len > file->size - offset) {
        return OTA_E_JOB_FILE_SIZE;
    }
    const uint32_t at = b->bank[l.other].offset + offset;
    if (err == OTA_OK && whole.len > 0) {
        err = ota_flash_write(b->flash, at, whole);
    }
    if (err == OTA_OK && tail_len > 0) {
        uint8_t tail[OTA_FLASH_WRITE_SIZE_MAX];
        memset(tail, b->flash->erased, sizeof tail);
        memcpy(tail, bytes.ptr + whole.len, tail_len);
        err = ota_flash_write(b->flash, at + (uint32_t)whole.len,
                              (struct ota_span){ tail, b->flash->write_size });
    }
    return err;
}

static ota_err_t banks_read(struct ota_file_handler *h, const struct ota_file *file,
                            uint32_t offset, struct ota_buf into)
{
    struct ota_file_banks *const b = banks_of(h);
    struct look l;
    if (offset > file->size || into.cap > file->size - offset) {
        return OTA_E_RANGE;
    }
    const ota_err_t err = look(b, &l);
    return err != OTA_OK ? err : ota_flash_read(b->flash, b->bank[l.other].offset + offset, into);
}

static ota_err_t banks_verified(struct ota_file_handler *h, const struct ota_file *file)
{
    struct ota_file_banks *const b = banks_of(h);
    struct look l;
    ota_err_t err = look(b, &l);
    const struct bank_facts *const mine = &l.bank[l.other];
    if (err != OTA_OK || (mine->sized && mine->size == file->size)) {
        return err;
    }
    if (!mine->blank) {
        err = forget(b, l.other); /* torn: written anew */
        return err == OTA_OK ? OTA_E_BUSY : err;
    }
    return put_number(b, l.other, SIZE, file->size);
}

/* --- the job ------------------------------------------------------------------------- */

static ota_err_t banks_apply(struct ota_file_handler *h)
{
    struct ota_file_banks *const b = banks_of(h);
    struct look l;
    const ota_err_t err = look(b, &l);
    if (err != OTA_OK || !is_staged(&l)) {
        return err;
    }
    if (l.bank[l.other].next == FIELDS) {
        return OTA_E_FLASH_READ_BACK;
    }
    const uint32_t above = l.active == NO_BANK ? 1u : l.bank[l.active].sequence + 1u;
    return put_number(b, l.other, l.bank[l.other].next, above);
}

static ota_err_t banks_keep(struct ota_file_handler *h)
{
    struct ota_file_banks *const b = banks_of(h);
    struct look l;
    ota_err_t err = look(b, &l);
    if (err == OTA_OK && is_applied(&l)) {
        err = put_number(b, l.active, KEPT, 1);
    }
    return err == OTA_OK && is_staged(&l) ? forget(b, l.other) : err;
}

static ota_err_t banks_discard(struct ota_file_handler *h)
{
    struct ota_file_banks *const b = banks_of(h);
    struct look l;
    const ota_err_t err = look(b, &l);
    if (err != OTA_OK) {
        return err;
    }
    b->at = 0;
    if (is_applied(&l)) {
        const ota_err_t undone = forget(b, l.active);
        return undone == OTA_OK ? OTA_E_BUSY : undone;
    }
    return is_staged(&l) ? forget(b, l.other) : OTA_OK;
}

static const struct ota_file_handler_ops banks_ops = {
    .check = banks_check,
    .resume = banks_resume,
    .begin = banks_begin,
    .write = banks_write,
    .read = banks_read,
    .verified = banks_verified,
    .apply = banks_apply,
    .keep = banks_keep,
    .discard = banks_discard,
};

/* --- init ------------------------------------------------------------------------------- */

static bool bound(const struct ota_flash *f, uint32_t offset)
{
    return ota_flash_sector(f, offset).offset == offset;
}

static bool bank_ok(const struct ota_file_banks *b, unsigned bank)
{
    const struct ota_region *r = &b->bank[bank];
    if (r->size == 0 || r->offset > b->flash->size || r->size > b->flash->size - r->offset ||
        !bound(b->flash, r->offset) || !bound(b->flash, r->offset + r->size)) {
        return false;
    }
    return room_of(b, bank) > 0 && marks_of(b, bank).size >= FIELDS * field_size(b);
}

ota_err_t ota_file_banks_init(struct ota_file_banks *b, uint8_t type, struct ota_flash *flash,
                              const struct ota_region bank[2])
{
    *b = (struct ota_file_banks){
        .base = { &banks_ops, type },
        .flash = flash,
        .bank = { bank[0], bank[1] },
    };
    return bank_ok(b, 0) && bank_ok(b, 1) ? OTA_OK : OTA_E_RANGE;
}

ota_err_t ota_file_banks_active(struct ota_file_banks *b, struct ota_region *where)
{
    struct look l;
    const ota_err_t err = look(b, &l);
    if (err != OTA_OK || l.active == NO_BANK) {
        return err != OTA_OK ? err : OTA_E_NOT_FOUND;
    }
    where->offset = b->bank[l.active].offset;
    where->size = l.bank[l.active].size;
    return OTA_OK;
}
