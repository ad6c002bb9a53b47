/*
 * Profile: which provider this user talks to, and with what right.
 *
 *     $XDG_CONFIG_HOME/waft/provider.json   0600: {"url", "token", "caPem"}
 *
 * `waft up` writes it. WAFT_URL, WAFT_TOKEN and WAFT_CA (a file) win over it.
 */
#ifndef CLI_PROFILE_H
#define CLI_PROFILE_H

#include "base/file.h"

struct cli_profile {
    char *url, *token, *ca_pem;
};

/** false with err, and what to do next in its text, if there is none. Free with cli_profile_end(). */
SRV_MUST_CHECK bool cli_profile_load(struct cli_profile *profile, struct srv_err *err);
/** The same, whatever the environment says. */
SRV_MUST_CHECK bool cli_profile_load_stored(struct cli_profile *profile, struct srv_err *err);
SRV_MUST_CHECK bool cli_profile_save(const struct cli_profile *profile, struct srv_err *err);
void cli_profile_end(struct cli_profile *profile);

/** $VARIABLE/waft, or $HOME/FALLBACK/waft. */
SRV_MUST_CHECK bool cli_xdg_dir(char out[SRV_PATH_MAX], const char *variable, const char *fallback,
                                struct srv_err *err);
#define CLI_CONFIG_DIR "XDG_CONFIG_HOME", ".config"
#define CLI_DATA_DIR   "XDG_DATA_HOME", ".local/share"

#endif
