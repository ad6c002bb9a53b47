/*
 * Request: one HTTP request on its way through a route. Everything that it
 * needs in memory is its arena's, dropped whole.
 */
#ifndef SRV_HTTP_REQUEST_H
#define SRV_HTTP_REQUEST_H

#include "core/db.h"
#include "http/http.h"
#include <jansson.h>
#include <microhttpd.h>
#include <pthread.h>

/* A job for 4,096 things with 128-character ARNs and a document of 32 KiB, escaped. */
#define HTTP_BODY_MAX (2u * 1024u * 1024u)
/* Artifacts: devices count a file's bytes with 32 bits. */
#define HTTP_ARTIFACT_MAX ((uint64_t)UINT32_MAX)
#define HTTP_SEGMENTS_MAX 6u
#define HTTP_READERS_MAX  8u
#define HTTP_TOKEN_MAX    128u
/* A thread each, while it lasts. */
#define HTTP_CONNECTIONS_MAX 512u

/* PEM, with a zero behind it. */
struct http_certificate {
    char *key, *chain;
};

struct srv_http {
    struct srv_http_cfg cfg;
    char dir[1024], db_path[1024];
    char token[HTTP_TOKEN_MAX];
    struct http_certificate certificate;
    struct MHD_Daemon *daemon;
    uint16_t port;
    int64_t started_at_s;
    _Atomic(struct srv_reactor *) reactor; /* NULL: not open yet */

    pthread_mutex_t hold_lock; /* one change of the revocation list at a time, see hold.c */
    pthread_mutex_t lock;      /* guards what follows */
    pthread_cond_t stop_comes;
    bool stopping;
    struct srv_db *readers[HTTP_READERS_MAX]; /* idle connections */
    size_t reader_count;
};

struct http_request;

/** A body that is not JSON is taken as it comes. */
struct http_sink {
    bool (*take)(struct http_request *r, struct ota_span bytes);
    void (*drop)(struct http_request *r); /* the request ends, however */
};

struct http_route {
    const char *method, *path; /* segments; "*" matches one and is an argument */
    void (*run)(struct http_request *r);
    const struct http_sink *sink; /* NULL: the body is a JSON object, or nothing */
};

struct http_request {
    struct srv_http *http;
    struct MHD_Connection *connection;
    const struct http_route *route;
    bool presigned; /* no token is needed: the route looks at the URL */
    struct srv_arena arena;
    char *url;
    struct ota_span args[HTTP_SEGMENTS_MAX]; /* what the stars matched, in `url` */
    char *body;
    size_t body_len;
    json_t *json;    /* the body, always an object; the request's */
    void *sink_data; /* the sink's */
    uint64_t sink_size;
    struct srv_db *db;  /* see http_db() */
    struct srv_err err; /* set: this is the answer */
    int status;         /* of an answer that is none of srv_err's */
    bool close;         /* and let go of the connection */
    json_t *reply;
    struct MHD_Response *raw; /* instead of `reply`, with `status` */
};

/* What a route does: fill `reply`, or fail. */

/** Answer with 200 and this object. Takes the reference. */
void http_reply(struct http_request *r, json_t *reply);
/** Answer with the error in r->err. */
void http_fail(struct http_request *r);

/** A reading connection for this request; NULL after http_fail(). */
struct srv_db *http_db(struct http_request *r);
/** After reading: whether all of it went well; else the answer is made. */
bool http_db_ok(struct http_request *r);

struct srv_command;
/** Have it done; else the answer is made. */
bool http_submit(struct http_request *r, const struct srv_command *command);

/* What came with it. */

/** NULL if it is absent. */
const char *http_query(struct http_request *r, const char *name);
/** A whole number: 0 if it is absent; false after http_fail() if it is something else. */
bool http_number(struct http_request *r, const char *name, uint64_t *number);
/** maxResults: 1 ..= 250, which is the default too; 0 after http_fail(). */
size_t http_max_results(struct http_request *r);
/** nextToken, or nothing. */
struct ota_span http_next_token(struct http_request *r);
/** A member of the body that is a string; empty if it is absent; false after http_fail() if it is something else. */
bool http_text(struct http_request *r, const char *name, struct ota_span *text);
/** Refuse members that AWS has and we do not do yet: silence would be a promise. `names` ends with NULL. */
bool http_refuse_members(struct http_request *r, const char *const *names);

/* What goes into answers. */

json_t *http_json_span(struct ota_span text);
void http_set_text(json_t *object, const char *name, struct ota_span text); /* nothing if empty */
void http_set_time(json_t *object, const char *name, int64_t epoch_s);      /* nothing if 0 */
void http_set_arn(json_t *object, const char *name, const char *kind, const char *id);
/** "HOST:PORT" that devices are told to connect to. */
json_t *http_broker_address(const struct srv_http_cfg *cfg);
/** "thing" of "arn:aws:iot:...:thing/NAME" or "NAME": the name. */
struct ota_span http_name_of_arn(const char *kind, struct ota_span text);
void http_hex(char *out, const uint8_t *bytes, size_t len);
bool http_unhex(struct ota_span text, uint8_t *bytes, size_t len);

/** Wait up to `ms`; false at once if the server is being stopped. */
bool http_pause(struct srv_http *h, int ms);

/** All routes, ended by one without a method. */
extern const struct http_route http_routes_things[], http_routes_jobs[], http_routes_streams[],
    http_routes_artifacts[], http_routes_status[], http_routes_download[];

/** Bring the database's disabled things to the list and the broker. */
bool http_hold(struct http_request *r);

#endif
