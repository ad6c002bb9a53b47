/*
 * Placeholders in job documents. AWS's form, and any host and bucket in it:
 *
 *     ${aws:iot:s3-presigned-url:https://s3.amazonaws.com/artifacts/DIGEST}
 *
 * is replaced by a URL that is good for the one thing that reads the document,
 * and for some time. The document is stored with them.
 */
#include "tx.h"
#include <string.h>

#define HEX_SIZE (2u * SRV_DIGEST_SIZE)

static const char opening[] = "${aws:iot:s3-presigned-url:";

struct placeholder {
    struct ota_span before; /* what of the document is in front of it */
    struct ota_span digest; /* hex */
    struct ota_span behind;
};

enum found { FOUND_NONE, FOUND_GOOD, FOUND_BAD };

static int nibble(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The last level of the URL, which is the only one that is looked at. */
static bool digest_of(struct ota_span url, struct ota_span *digest)
{
    if (url.len <= HEX_SIZE || url.ptr[url.len - HEX_SIZE - 1u] != '/') {
        return false;
    }
    *digest = (struct ota_span){ url.ptr + url.len - HEX_SIZE, HEX_SIZE };
    for (size_t i = 0; i < HEX_SIZE; i++) {
        if (nibble(digest->ptr[i]) < 0) {
            return false;
        }
    }
    return true;
}

static enum found find(struct ota_span text, struct placeholder *p)
{
    const size_t opening_len = sizeof opening - 1u;
    for (size_t at = 0; at + opening_len <= text.len; at++) {
        if (text.ptr[at] != '$' || memcmp(text.ptr + at, opening, opening_len) != 0) {
            continue;
        }
        const uint8_t *url = text.ptr + at + opening_len;
        const size_t left = text.len - at - opening_len;
        const uint8_t *end = memchr(url, '}', left);
        const uint8_t *quote = memchr(url, '"', left); /* the string that it stands in ends here */
        if (end == NULL || quote == NULL || quote < end ||
            !digest_of((struct ota_span){ url, (size_t)(end - url) }, &p->digest)) {
            return FOUND_BAD;
        }
        p->before = (struct ota_span){ text.ptr, at };
        p->behind = (struct ota_span){ end + 1, left - (size_t)(end - url) - 1u };
        return FOUND_GOOD;
    }
    return FOUND_NONE;
}

static bool artifact_is_here(struct srv_tx *tx, struct ota_span hex)
{
    uint8_t digest[SRV_DIGEST_SIZE];
    struct srv_artifact row;
    for (size_t i = 0; i < sizeof digest; i++) {
        digest[i] = (uint8_t)(nibble(hex.ptr[2u * i]) << 4 | nibble(hex.ptr[2u * i + 1u]));
    }
    return srv_db_artifact_get(tx->db, digest, &row) ||
           srv_fail(tx->err, SRV_E_NOT_FOUND, "the artifact of a presigned URL is not here");
}

bool srv_document_check(struct srv_tx *tx, struct ota_span document)
{
    struct placeholder p;
    enum found found;
    for (size_t count = 0; (found = find(document, &p)) != FOUND_NONE; count++) {
        if (found == FOUND_BAD) {
            return srv_fail(tx->err, SRV_E_INVALID,
                            "a presigned URL ends with /SHA-256 of an artifact, in hex, and }");
        }
        if (count == SRV_STREAM_FILES_MAX) {
            return srv_fail(tx->err, SRV_E_LIMIT, "a document has at most %u presigned URLs",
                            SRV_STREAM_FILES_MAX);
        }
        if (!artifact_is_here(tx, p.digest)) {
            return false;
        }
        document = p.behind;
    }
    return true;
}

struct ota_span srv_document_for(struct srv_tx *tx, const struct srv_job *job, const char *thing)
{
    const struct srv_presigner *presigner = tx->core->presigner;
    struct placeholder p;
    struct ota_span left = job->document;
    if (presigner == NULL || find(left, &p) != FOUND_GOOD) {
        return job->document;
    }
    struct ota_writer w =
        srv_tx_writer(tx, job->document.len + SRV_STREAM_FILES_MAX * SRV_PRESIGNED_URL_MAX);
    for (size_t i = 0; i < SRV_STREAM_FILES_MAX && find(left, &p) == FOUND_GOOD; i++) {
        ota_write_bytes(&w, p.before);
        presigner->write(presigner, &w, ota_span_of_str(thing), p.digest, tx->now_s);
        left = p.behind;
    }
    ota_write_bytes(&w, left);
    const struct ota_span document = ota_writer_done(&w);
    /* It could not sign: a device cannot fetch what is there instead, and asks again. */
    return document.len > 0 ? document : job->document;
}
