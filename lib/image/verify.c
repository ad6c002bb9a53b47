#include "image_priv.h"
#include "ota/assert.h"
#include <string.h>

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* --- header and TLVs ----------------------------------------------------------- */

ota_err_t ota_image_header_from_flash(struct ota_flash *flash, const struct ota_region *where,
                                      struct ota_image_header *h)
{
    uint8_t head[OTA_IMAGE_HEADER_SIZE];
    if (where->size < sizeof head) {
        return OTA_E_IMAGE_SIZE;
    }
    const ota_err_t err = ota_flash_load(flash, where->offset, head, sizeof head);
    return err != OTA_OK ? err : ota_image_header_read(OTA_SPAN_OF(head), h);
}

/* ota_image_from_flash(), with room of the caller's for both TLV areas. */
static ota_err_t read_image(struct ota_flash *flash, const struct ota_region *where,
                            uint8_t tlvs[OTA_IMAGE_TLVS_MAX], struct ota_image *image)
{
    struct ota_image_header *const h = &image->header;
    ota_err_t err = ota_image_header_from_flash(flash, where, h);
    if (err != OTA_OK) {
        return err;
    }
    const uint32_t at = ota_image_tlvs_offset(h);
    if (at > where->size) {
        return OTA_E_IMAGE_SIZE;
    }
    const uint32_t len = least(OTA_IMAGE_TLVS_MAX, where->size - at);
    err = ota_flash_read(flash, where->offset + at, (struct ota_buf){ tlvs, len });
    if (err != OTA_OK) {
        return err;
    }
    err = image_read_areas(h, (struct ota_span){ tlvs, len }, image);
    /* More than TLVS_MAX would be a bad format, so what is cut off is cut off by the slot's end. */
    return err == OTA_E_TRUNCATED ? OTA_E_IMAGE_SIZE : err;
}

ota_err_t ota_image_from_flash(struct ota_flash *flash, struct ota_region where,
                               struct ota_image *image)
{
    uint8_t tlvs[OTA_IMAGE_TLVS_MAX];
    return read_image(flash, &where, tlvs, image);
}

/* Asked before the bytes are read and again behind them: see ota/verdict.h. */
static ota_err_t check_image(struct ota_verify *v, unsigned round)
{
    const struct ota_image *const image = &v->result.image;
    ota_proof_t *const proof = &v->result.proof;
    ota_err_t err = image_check_device(image, v->cfg.trust);
    if (err != OTA_OK) {
        return err;
    }
    ota_prove(proof, OTA_PROOF_DEVICE, round);
    if (image->counter < v->cfg.counter_min) {
        return OTA_E_IMAGE_COUNTER;
    }
    ota_prove(proof, OTA_PROOF_COUNTER, round);
    err = image_check_signatures(image, v->cfg.trust, v->cfg.crypto);
    if (err != OTA_OK) {
        return err;
    }
    ota_prove(proof, OTA_PROOF_SIGNATURE, round);
    if ((image->header.flags & OTA_IMAGE_FLAG_ROM_FIXED) != 0 &&
        image->header.load_address != v->cfg.where.offset) {
        return OTA_E_IMAGE_SLOT;
    }
    ota_prove(proof, OTA_PROOF_PLACE, round);
    return OTA_OK;
}

static ota_err_t begin(struct ota_verify *v)
{
    ota_err_t err = read_image(v->cfg.flash, &v->cfg.where, v->u.tlvs, &v->result.image);
    if (err == OTA_OK) {
        err = check_image(v, 0);
    }
    return err != OTA_OK ? err : v->cfg.crypto->ops->sha256_begin(v->cfg.crypto, &v->u.digest.hash);
}

/* --- digests --------------------------------------------------------------------- */

static ota_err_t digest_piece(struct ota_verify *v, uint32_t len)
{
    uint8_t *const piece = v->u.digest.piece;
    const ota_err_t err =
        ota_flash_read(v->cfg.flash, v->cfg.where.offset + v->at, (struct ota_buf){ piece, len });
    if (err != OTA_OK) {
        return err;
    }
    v->at += len;
    return v->cfg.crypto->ops->sha256_update(v->cfg.crypto, &v->u.digest.hash,
                                             (struct ota_span){ piece, len });
}

/* Here ends what the image digest covers: it must be the one that was signed. */
static ota_err_t compare_digest(struct ota_verify *v)
{
    for (unsigned round = 0; round < OTA_PROOF_ROUNDS; round++) {
        uint8_t digest[OTA_DIGEST_SIZE];
        const ota_err_t err =
            v->cfg.crypto->ops->sha256_peek(v->cfg.crypto, &v->u.digest.hash, digest);
        if (err != OTA_OK) {
            return err;
        }
        if (memcmp(digest, v->result.image.digest, sizeof digest) != 0) {
            return OTA_E_IMAGE_DIGEST;
        }
        ota_prove(&v->result.proof, OTA_PROOF_DIGEST, round);
    }
    return OTA_OK;
}

/* One running digest gives both: the image digest on the way, the file digest at the end. */
static ota_err_t digest_some(struct ota_verify *v, uint32_t budget)
{
    const uint32_t size = v->result.image.size;
    const uint32_t signed_size = ota_image_signed_size(&v->result.image.header);

    while (budget > 0 && v->at < size) {
        const uint32_t end = v->at < signed_size ? signed_size : size;
        const uint32_t len = least(least(budget, OTA_VERIFY_PIECE), end - v->at);
        ota_err_t err = digest_piece(v, len);
        if (err == OTA_OK && v->at == signed_size) {
            err = compare_digest(v);
        }
        if (err != OTA_OK) {
            return err;
        }
        budget -= len;
    }
    return OTA_OK;
}

static ota_err_t finish(struct ota_verify *v)
{
    const ota_err_t err = check_image(v, 1);
    if (err != OTA_OK) {
        return err;
    }
    v->state = OTA_VERIFY_DONE;
    return v->cfg.crypto->ops->sha256_peek(v->cfg.crypto, &v->u.digest.hash, v->result.file_digest);
}

/* --- verbs ------------------------------------------------------------------------- */

/* As if just begun: nothing of what was read before is left to be taken for verified. */
OTA_APART static void restart(struct ota_verify *v)
{
    memset(&v->result, 0, sizeof v->result);
    v->result.where = v->cfg.where;
    v->at = 0;
    v->result.proof = ota_proof_begin(v->cfg.where.offset);
    v->state = OTA_VERIFY_HEADER;
}

void ota_verify_begin(struct ota_verify *v, const struct ota_verify_cfg *cfg)
{
    const uint32_t flash_size = cfg->flash->size;
    OTA_ASSERT(cfg->where.offset <= flash_size &&
               cfg->where.size <= flash_size - cfg->where.offset);
    if (cfg != &v->cfg) {
        v->cfg = *cfg;
    }
    restart(v);
}

static ota_err_t advance(struct ota_verify *v, uint32_t budget)
{
    ota_err_t err = OTA_OK;
    if (v->state == OTA_VERIFY_DONE) {
        return OTA_OK;
    }
    if (v->state == OTA_VERIFY_HEADER) {
        err = begin(v);
        v->state = OTA_VERIFY_HASHING;
    }
    if (err == OTA_OK) {
        err = digest_some(v, budget);
    }
    return err == OTA_OK && v->at == v->result.image.size ? finish(v) : err;
}

ota_err_t ota_verify_step(struct ota_verify *v, uint32_t budget,
                          const struct ota_verified_image **done)
{
    OTA_ASSERT(budget > 0);
    const ota_err_t err = advance(v, budget);
    if (err != OTA_OK) {
        restart(v);
        return err;
    }
    *done = v->state == OTA_VERIFY_DONE ? &v->result : NULL;
    return OTA_OK;
}
