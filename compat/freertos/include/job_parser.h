/*
 * job_parser.h of AWS IoT Jobs for embedded C (1.4 to 2.0), over waft's own parts; README.md says what differs.
 */
#ifndef JOB_PARSER_H
#define JOB_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Texts point into the document: still escaped as JSON has it, the signature still base64. */
typedef struct {
    const char *signature;
    size_t signatureLen;
    const char *filepath;
    size_t filepathLen;
    const char *certfile;
    size_t certfileLen;
    const char *authScheme; /* HTTP; else NULL */
    size_t authSchemeLen;
    const char *imageRef; /* MQTT: the stream's name; HTTP: the URL */
    size_t imageRefLen;
    uint32_t fileId;
    uint32_t fileSize;
    uint32_t fileType; /* 0 if the document does not say */
} AfrOtaJobDocumentFields_t;

/*
 * Read file `fileIndex` of an OTA document for a protocol that the document must offer: "MQTT" or "HTTP" (2.0). Without a
 * protocol (1.x, four arguments): the first that the document names.
 *
 * @return false, and `result` untouched, if it is none, or lacks what the service always sends.
 */
bool populateJobDocFields(const char *jobDoc, const size_t jobDocLength, int32_t fileIndex,
                          const char *protocol, size_t protocolLength,
                          AfrOtaJobDocumentFields_t *result);
bool populateJobDocFields_v1(const char *jobDoc, const size_t jobDocLength, int32_t fileIndex,
                             AfrOtaJobDocumentFields_t *result);

/* Both generations under one name, told apart by the number of arguments. */
#define OTA_COMPAT_PICK(a, b, c, d, e, f, name, ...) name
#define populateJobDocFields(...)                                                                  \
    OTA_COMPAT_PICK(__VA_ARGS__, populateJobDocFields, populateJobDocFields,                       \
                    populateJobDocFields_v1, populateJobDocFields_v1, populateJobDocFields_v1,     \
                    populateJobDocFields_v1, )                                                     \
    (__VA_ARGS__)

#ifdef __cplusplus
}
#endif

#endif
