/* Api: calls to the provider, over HTTPS that trusts the provider's own CA and nothing else. */
#ifndef CLI_API_H
#define CLI_API_H

#include "cli.h"
#include "profile.h"
#include <curl/curl.h>
#include <jansson.h>
#include <stdint.h>

struct cli_api {
    struct cli_profile profile;
    CURL *curl;
    enum cli_exit code; /* why the last call failed */
    long status;        /* HTTP status of the last call; 0: none came */
    bool patient;       /* a provider that cannot be reached is no news: the caller asks again */
};

/** false after a message. End it in both cases. */
bool cli_api_begin(struct cli_api *api);
/** The same for a profile at hand, which is taken. */
bool cli_api_begin_with(struct cli_api *api, struct cli_profile profile);
void cli_api_end(struct cli_api *api);

/**
 * One call. `path` is a printf format whose arguments are all texts: each is
 * escaped for a URL.
 *
 * @param body  taken; NULL for none.
 * @return the answer, an object, the caller's; NULL after a message, with api->code.
 */
__attribute__((format(printf, 4, 5))) json_t *cli_call(struct cli_api *api, const char *method,
                                                       json_t *body, const char *path, ...);

/** GET that may find nothing: NULL without a message if status is 404. */
__attribute__((format(printf, 2, 3))) json_t *cli_find(struct cli_api *api, const char *path, ...);

/** Send bytes as they are; `show` says how far it is on the terminal. */
bool cli_upload(struct cli_api *api, const char *path, const char *bytes, size_t len, bool show);

/** All pages of a list at `path` (as it is, escaped already): the elements of `member`, in an array of
 * the caller's; NULL after a message. */
json_t *cli_list(struct cli_api *api, const char *path, const char *member);

/** Texts and numbers of an answer, never NULL: "" or 0 if absent. */
const char *cli_text(const json_t *object, const char *name);
int64_t cli_integer(const json_t *object, const char *name);

#endif
