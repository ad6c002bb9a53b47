/*
 * ota_job_processor.h of AWS IoT Jobs for embedded C (1.4 to 2.0), over waft's own parts; README.md says what differs.
 */
#ifndef OTA_JOB_PROCESSOR_H
#define OTA_JOB_PROCESSOR_H

#include "job_parser.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Read one file of an OTA document; see populateJobDocFields(). All files that the service allows (50) can be reached.
 *
 * @return the index of the next file; 0 after the last; -1: no OTA document, or not a good one.
 */
int8_t otaParser_parseJobDocFile(const char *jobDoc, const size_t jobDocLength,
                                 const uint8_t fileIndex, const char *protocol,
                                 size_t protocolLength, AfrOtaJobDocumentFields_t *fields);
int8_t otaParser_parseJobDocFile_v1(const char *jobDoc, const size_t jobDocLength,
                                    const uint8_t fileIndex, AfrOtaJobDocumentFields_t *fields);

#define otaParser_parseJobDocFile(...)                                                             \
    OTA_COMPAT_PICK(__VA_ARGS__, otaParser_parseJobDocFile, otaParser_parseJobDocFile,             \
                    otaParser_parseJobDocFile_v1, otaParser_parseJobDocFile_v1,                    \
                    otaParser_parseJobDocFile_v1, otaParser_parseJobDocFile_v1, )                  \
    (__VA_ARGS__)

#ifdef __cplusplus
}
#endif

#endif
