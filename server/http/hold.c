#include "http/hold.h"
#include "broker/broker.h"
#include "core/db.h"
#include "http/request.h"
#include "identity/identity.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAGE 1000u

struct list {
    struct srv_serial *serials;
    size_t count, cap;
};

static bool add(struct list *list, const char *digits, struct srv_err *err)
{
    if (strlen(digits) != SRV_SERIAL_DIGITS) {
        return true; /* no certificate of ours */
    }
    if (list->count == list->cap) {
        list->cap = list->cap > 0 ? list->cap * 2 : 64;
        struct srv_serial *grown = realloc(list->serials, list->cap * sizeof *grown);
        if (grown == NULL) {
            return srv_fail(err, SRV_E_UNAVAILABLE, "no memory for the list of disabled things");
        }
        list->serials = grown;
    }
    memcpy(list->serials[list->count++].digits, digits, SRV_SERIAL_DIGITS + 1u);
    return true;
}

/* All disabled things' serials; the caller frees them. */
static bool gather(struct srv_db *db, struct list *list, struct srv_err *err)
{
    char after[OTA_THING_NAME_MAX + 1u] = "";
    for (bool more = true; more;) {
        struct srv_arena arena = { 0 };
        struct srv_thing *things = NULL;
        size_t count = srv_db_thing_list(db, &arena, ota_span_of_str(after), PAGE, &things);
        for (size_t i = 0; i < count; i++) {
            if (things[i].state == SRV_THING_DISABLED && !add(list, things[i].cert_serial, err)) {
                srv_arena_end(&arena);
                return false;
            }
        }
        more = count == PAGE;
        if (count > 0) {
            memcpy(after, things[count - 1u].name, sizeof after);
        }
        srv_arena_end(&arena);
    }
    if (db->err.code != SRV_OK) {
        *err = db->err;
        srv_db_rollback(db);
        return false;
    }
    return true;
}

bool srv_hold_at_start(struct srv_db *db, struct srv_identity *identity, struct srv_err *err)
{
    struct list list = { 0 };
    bool ok = gather(db, &list, err) &&
              srv_identity_write_crl(identity, (struct srv_serials){ list.serials, list.count },
                                     time(NULL), err);
    free(list.serials);
    return ok;
}

/* Read and published under one lock: a list that was read earlier must not replace a newer one. */
bool http_hold(struct http_request *r)
{
    struct srv_http *h = r->http;
    struct srv_db *db = http_db(r);
    if (db == NULL) {
        return false;
    }
    struct list list = { 0 };
    pthread_mutex_lock(&h->hold_lock);
    bool ok = gather(db, &list, &r->err);
    struct srv_serials held = { list.serials, list.count };
    if (ok && h->cfg.broker != NULL) {
        ok = srv_broker_hold(h->cfg.broker, held, &r->err);
    } else if (ok) {
        ok = srv_identity_write_crl(h->cfg.identity, held, time(NULL), &r->err);
    }
    pthread_mutex_unlock(&h->hold_lock);
    free(list.serials);
    return ok;
}
