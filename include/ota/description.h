/*
 * Description: what a stream says of itself: its version, how many files it has, how long one of them
 * is. A job document says the same of its own files, so the agent does not ask; it is for an orchestrator
 * of one's own, and for looking around. A library of its own, ota_description.
 *
 * Source: AWS IoT developer guide, "MQTT-based file delivery", DescribeStream.
 */
#ifndef OTA_DESCRIPTION_H
#define OTA_DESCRIPTION_H

#include "ota/effect.h"
#include "ota/wire.h"

/* AWS: files of a stream. */
#define OTA_STREAM_FILES_MAX 50u

struct ota_description {
    uint32_t version; /* rises with each change of the list of files */
    uint32_t file_count;
    bool has_file;      /* the file that was asked about is one of them */
    uint64_t file_size; /* its bytes */
};

/**
 * Ask what `stream` holds (a legal name; root and thing too). The answer comes on the topic of kind
 * STREAM_DESCRIPTION in the same format, or a rejection as for blocks: see ota_stream_on_message().
 */
void ota_describe(struct ota_span root, const struct ota_topic *stream,
                  const struct ota_scratch *scratch, struct ota_effect *effect);

/**
 * Read the answer.
 *
 * @param file_id  the file to look for.
 * @return OTA_OK; OTA_E_MALFORMED, OTA_E_TRUNCATED, OTA_E_DEPTH, OTA_E_RANGE: not what the protocol says (no version, no list,
 *         a file without id or size, an id twice, more than OTA_STREAM_FILES_MAX). On error `d` is all zero.
 */
OTA_MUST_CHECK ota_err_t ota_description_read(enum ota_format format, struct ota_span payload,
                                              uint8_t file_id, struct ota_description *d);

#endif
