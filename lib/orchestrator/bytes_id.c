/*
 * The bytes identity: what makes two jobs the same download. Not the stream, not the job. A file of
 * its own, so that its digest does not lie on the stack while a document is read.
 */
#include "files_engine.h"

static ota_err_t add_image(struct ota_crypto *c, struct ota_sha256 *h, const struct ota_jobdoc *doc,
                           const struct ota_jobdoc_file *file)
{
    uint8_t front[6];
    struct ota_writer w = ota_writer(OTA_BUF_OF(front));
    ota_write_u32le(&w, file->size);
    ota_write_u8(&w, file->file_type);
    ota_write_u8(&w, doc->has_digest ? 1 : 0);
    /* The digest names the bytes whoever sends them; a signature is made anew for each deployment, but
     * an execution that is tried again brings the same text. */
    const struct ota_span name = doc->has_digest ? OTA_SPAN_OF(doc->digest) : file->signature.text;
    const ota_err_t err = c->ops->sha256_update(c, h, ota_writer_done(&w));
    return err != OTA_OK ? err : c->ops->sha256_update(c, h, name);
}

ota_err_t ota_bytes_id(const struct ota_orchestrator *o, struct ota_reading *r)
{
    struct ota_crypto *const c = o->cfg.crypto;
    struct ota_sha256 h;
    ota_err_t err = c->ops->sha256_begin(c, &h);
    if (err == OTA_OK && !r->no_image) {
        err = add_image(c, &h, &r->doc, &r->file);
    }
    r->files = 0;
    if (err == OTA_OK && o->cfg.files != NULL) {
        err = o->cfg.files->engine->survey(o, r, &h);
    }
    return err == OTA_OK ? c->ops->sha256_peek(c, &h, r->bytes_id) : err;
}
