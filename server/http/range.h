/* Range: which bytes of a file a GET asks for (RFC 9110, sections 13 and 14). */
#ifndef SRV_HTTP_RANGE_H
#define SRV_HTTP_RANGE_H

#include <stdint.h>

enum http_range_verdict {
    HTTP_RANGE_ALL, /* 200: no range, one that makes no sense, several, or an If-Range that is not met */
    HTTP_RANGE_PART, /* 206 */
    HTTP_RANGE_NONE, /* 416: nothing of the file is in it */
};

struct http_range {
    uint64_t first, size; /* of what is to be sent */
};

/**
 * @param range     header Range; NULL: none.
 * @param if_range  header If-Range; NULL: none. Only `etag` itself meets it.
 * @param size      of the file, > 0.
 * @param out       the whole file unless it is HTTP_RANGE_PART.
 */
enum http_range_verdict http_range_read(const char *range, const char *if_range, const char *etag,
                                        uint64_t size, struct http_range *out);

#endif
