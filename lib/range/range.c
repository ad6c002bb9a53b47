#include "ota/range.h"
#include "ota/assert.h"
#include "ota/cursor.h"

#include <string.h>

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

void ota_range_init(struct ota_range *r, const struct ota_range_cfg *cfg)
{
    OTA_ASSERT(cfg->file_size > 0);
    OTA_ASSERT(cfg->block_size > 0 && (cfg->block_size & (cfg->block_size - 1u)) == 0);
    OTA_ASSERT(cfg->request_size == UINT32_MAX ||
               (cfg->request_size > 0 && cfg->request_size % cfg->block_size == 0));
    *r = (struct ota_range){
        .state = OTA_RANGE_IDLE,
        .cfg = *cfg,
        .backoff = { cfg->retry_ms_min, cfg->retry_ms_max, cfg->seed },
    };
}

/* --- asking -------------------------------------------------------------------- */

/* Whatever is open is over: ask for what is missing. */
static void ask(struct ota_range *r)
{
    r->state = r->stored == r->end ? OTA_RANGE_IDLE : OTA_RANGE_DUE;
    r->deadline = 0;
}

/* Time for the next sign of life, or until the next try. */
static void wait(struct ota_range *r, ota_ms_t now)
{
    r->deadline = ota_backoff_deadline(&r->backoff, r->silences, now);
}

void ota_range_fetch(struct ota_range *r, uint32_t begin, uint32_t end)
{
    const uint32_t block = r->cfg.block_size;
    OTA_ASSERT(begin < end && end <= r->cfg.file_size);
    r->stored = begin - begin % block;
    const uint32_t last = end - 1u;
    const uint32_t rest = block - 1u - last % block; /* of the last block, behind `end` */
    r->end = rest < r->cfg.file_size - end ? end + rest : r->cfg.file_size;
    r->silences = 0;
    ask(r);
}

bool ota_range_idle(const struct ota_range *r)
{
    return r->state == OTA_RANGE_IDLE;
}

void ota_range_stop(struct ota_range *r)
{
    r->end = r->stored;
    r->state = OTA_RANGE_IDLE;
}

void ota_range_renewed(struct ota_range *r)
{
    r->silences = 0;
    ask(r);
}

/* Nothing good came of the open request: wait longer each time. */
static void ask_later(struct ota_range *r, ota_ms_t now)
{
    ask(r);
    wait(r, now);
    r->silences++;
}

bool ota_range_poll(struct ota_range *r, ota_ms_t now, struct ota_range_request *request)
{
    if (r->state == OTA_RANGE_IDLE || now < r->deadline) {
        return false;
    }
    if (r->state != OTA_RANGE_DUE) {
        r->stats.silences++;
        if (r->state == OTA_RANGE_BODY && r->silences > 0) {
            ask_later(r, now); /* it begins to answer, and falls silent, again and again */
            return false;
        }
        r->silences++;
    }
    r->got = r->stored;
    r->asked = r->stored + least(r->cfg.request_size, r->end - r->stored);
    r->state = OTA_RANGE_ASKED;
    wait(r, now);
    r->stats.requests++;
    *request = (struct ota_range_request){ r->got, r->asked - 1u };
    return true;
}

ota_ms_t ota_range_deadline(const struct ota_range *r)
{
    return r->state == OTA_RANGE_IDLE ? OTA_NEVER : r->deadline;
}

/* --- the head -------------------------------------------------------------------- */

/* "bytes FIRST-LAST/SIZE" and three numbers of at most ten digits. */
#define CONTENT_RANGE_MAX 40u

/* For just what was asked? The server may leave the file's size unsaid, by an asterisk. */
static bool is_what_was_asked(const struct ota_range *r, struct ota_span content_range)
{
    uint8_t room[CONTENT_RANGE_MAX];
    struct ota_writer w = ota_writer(OTA_BUF_OF(room));
    ota_write_str(&w, "bytes ");
    ota_write_decimal(&w, r->got);
    ota_write_u8(&w, '-');
    ota_write_decimal(&w, r->asked - 1u);
    ota_write_u8(&w, '/');
    if (content_range.len > 0 && content_range.ptr[content_range.len - 1u] == '*') {
        ota_write_u8(&w, '*');
    } else {
        ota_write_decimal(&w, r->cfg.file_size);
    }
    return ota_span_eq(content_range, ota_writer_done(&w));
}

static ota_err_t judge(struct ota_range *r, uint32_t status, struct ota_span content_range)
{
    switch (status) {
    case 206: return is_what_was_asked(r, content_range) ? OTA_OK : OTA_E_RANGE;
    case 200:
        /* A server without ranges: of use only if its first byte is the one that is wanted. */
        if (r->got != 0) {
            return OTA_E_RANGE;
        }
        r->asked = r->cfg.file_size;
        return OTA_OK;
    case 401:
    case 403:
    case 404:
    case 410: return OTA_E_NOT_FOUND;
    default: return status == 429 || status >= 500 ? OTA_E_BUSY : OTA_E_RANGE;
    }
}

ota_err_t ota_range_on_head(struct ota_range *r, uint32_t status, struct ota_span content_range,
                            ota_ms_t now)
{
    if (r->state != OTA_RANGE_ASKED) {
        return OTA_E_UNEXPECTED;
    }
    const ota_err_t err = judge(r, status, content_range);
    if (err != OTA_OK) {
        r->stats.refused++;
        ask_later(r, now);
        return err;
    }
    r->state = OTA_RANGE_BODY;
    wait(r, now);
    return OTA_OK;
}

/* --- the body --------------------------------------------------------------------- */

ota_err_t ota_range_on_body(struct ota_range *r, struct ota_span *body, struct ota_buf room,
                            struct ota_block *block, ota_ms_t now)
{
    block->data = OTA_SPAN_NONE;
    if (r->state != OTA_RANGE_BODY) {
        return OTA_E_UNEXPECTED;
    }
    if (body->len > r->asked - r->got) {
        r->stats.refused++;
        ask_later(r, now);
        return OTA_E_TOO_LARGE;
    }
    const uint32_t have = r->got % r->cfg.block_size; /* of the block that is coming: in `room` */
    const uint32_t begin = r->got - have;
    const uint32_t size = least(r->cfg.block_size, r->cfg.file_size - begin);
    const uint32_t len = least(size - have, (uint32_t)body->len);
    OTA_ASSERT(room.cap >= size);
    block->offset = begin;
    if (len == size) {
        block->data = (struct ota_span){ body->ptr, len };
    } else if (len > 0) {
        memcpy(room.ptr + have, body->ptr, len);
        block->data = (struct ota_span){ room.ptr, have + len == size ? size : 0 };
    }
    body->ptr += len;
    body->len -= len;
    r->got += len;
    r->deadline = ota_backoff_deadline(&r->backoff, 0, now); /* it is not silent */
    return OTA_OK;
}

void ota_range_stored(struct ota_range *r, uint32_t offset)
{
    if (offset != r->stored || r->stored == r->end) {
        return;
    }
    r->stored += least(r->cfg.block_size, r->cfg.file_size - offset);
    r->stats.blocks++;
    r->silences = 0;
    if (r->stored >= r->end) {
        r->stored = r->end;
        r->state = OTA_RANGE_IDLE;
    } else if (r->stored == r->asked) {
        ask(r);
    }
}

void ota_range_ended(struct ota_range *r, ota_ms_t now)
{
    if (r->state != OTA_RANGE_ASKED && r->state != OTA_RANGE_BODY) {
        return;
    }
    ask_later(r, now);
}
