/*
 * What the tests of agent and facade share: a device's flash as the factory or a bootloader left
 * it, the vectors of tests/vectors/image in its slots, and the provider's messages by hand.
 */
#ifndef AGENT_FIXTURE_H
#define AGENT_FIXTURE_H

#include "image_fixture.h"
#include "ota/effect.h"
#include "ota/wire.h"
#include "store_fixture.h"

#define IMAGE_OLD "good"
#define IMAGE_NEW "good-hardware"

static inline void put_image(struct fix *x, enum ota_slot slot, const char *name)
{
    const struct file image = vector_image(name);
    assert_int_equal(ota_store_write(&x->s, slot, 0, span_of(&image)), OTA_OK);
}

/* From the factory: slot A confirmed, slot B empty, the vectors' keys trusted. */
static inline void device_init(struct fix *x)
{
    const struct ota_trust t = trust();
    fix_init(x, 8, 0xff);
    assert_int_equal(ota_store_trust_write(&x->s, &t), OTA_OK);
    put_image(x, OTA_SLOT_A, IMAGE_OLD);
    assert_int_equal(ota_store_mark_factory(&x->s, OTA_SLOT_A), OTA_OK);
}

/* Another image in slot B, in its first boot, unconfirmed; no job of ours brought it. */
static inline void device_on_trial(struct fix *x)
{
    const struct ota_verified_image verified = fix_verified(x, OTA_SLOT_B);
    assert_int_equal(ota_store_mark_download(&x->s, OTA_SLOT_B), OTA_OK);
    put_image(x, OTA_SLOT_B, IMAGE_NEW);
    assert_int_equal(ota_store_activate(&x->s, &verified), OTA_OK);
    assert_int_equal(ota_store_trial(&x->s, OTA_SLOT_B), OTA_OK);
}

/* --- the provider's side, by hand ------------------------------------------------------ */

static inline bool contains(struct ota_span text, const char *part)
{
    const size_t len = strlen(part);
    for (size_t i = 0; i + len <= text.len; i++) {
        if (memcmp(text.ptr + i, part, len) == 0) {
            return true;
        }
    }
    return false;
}

/* The client token of a request: what its answer must bring back. */
static inline void token_of(struct ota_span request, char token[OTA_TOKEN_MAX + 1])
{
    static const char key[] = "\"clientToken\":\"";
    char text[OTA_SCRATCH_PAYLOAD_MIN + 1];
    assert_true(request.len < sizeof text);
    memcpy(text, request.ptr, request.len);
    text[request.len] = '\0';
    const char *const at = strstr(text, key);
    assert_non_null(at);
    assert_int_equal(sscanf(at + sizeof key - 1, "%64[^\"]", token), 1);
}

/* Some signature in DER, in base64: of good form, of nobody. */
#define SOME_SIGNATURE "MAYCAQECAQE="

/* A document for a file of `size` bytes. */
#define DOCUMENT(size)                                                                             \
    "{\"afr_ota\":{\"protocols\":[\"MQTT\"],\"streamname\":\"s-1\",\"files\":[{\"filesize\":" size \
    ",\"fileid\":0,\"sig-sha256-ecdsa\":\"" SOME_SIGNATURE "\"}]}}"

/* The answer to $next/get: job `id`, QUEUED; without an id nothing is pending. */
static inline size_t answer_next(char *room, size_t cap, struct ota_span request, const char *id,
                                 const char *document)
{
    char token[OTA_TOKEN_MAX + 1], execution[1024] = "";
    token_of(request, token);
    if (id != NULL) {
        (void)snprintf(execution, sizeof execution,
                       ",\"execution\":{\"jobId\":\"%s\",\"status\":\"QUEUED\",\"queuedAt\":1,"
                       "\"lastUpdatedAt\":1,\"versionNumber\":1,\"executionNumber\":1,"
                       "\"jobDocument\":%s}",
                       id, document);
    }
    const int len =
        snprintf(room, cap, "{\"clientToken\":\"%s\",\"timestamp\":1%s}", token, execution);
    assert_true(len > 0 && (size_t)len < cap);
    return (size_t)len;
}

#endif
