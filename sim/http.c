/*
 * HTTP: a server that answers ranges of the images that were deployed, at https://sim/JOB, or as the
 * test has it. TCP loses nothing and keeps the order; a cut of the link loses all.
 */
#include "sim_priv.h"

#include <string.h>

#define URL "https://sim/"

struct ota_source *sim_sources(struct sim *s)
{
    struct ota_source *const mqtt = ota_stream_source(&s->device.stream, NULL);
    const struct ota_buf url = OTA_BUF_OF(s->device.url);
    switch (s->cfg.http) {
    case SIM_NO_HTTP: break;
    case SIM_HTTP_FIRST: return ota_range_source(&s->device.range, url, s->cfg.request_bytes, mqtt);
    case SIM_HTTP_LAST:
        mqtt->next = ota_range_source(&s->device.range, url, s->cfg.request_bytes, NULL);
        break;
    case SIM_HTTP_ONLY: return ota_range_source(&s->device.range, url, s->cfg.request_bytes, NULL);
    }
    return mqtt;
}

/* --- the document -------------------------------------------------------------------- */

/* `text` with `to` in the place of the first `from`. */
static void replace(char *text, size_t room, const char *from, const char *to)
{
    char *at = strstr(text, from);
    sim_must(at != NULL && strlen(text) - strlen(from) + strlen(to) < room, "document");
    memmove(at + strlen(to), at + strlen(from), strlen(at + strlen(from)) + 1u);
    memcpy(at, to, strlen(to));
}

void sim_deploy_over(struct sim *s, const char *id, const struct sim_image *image,
                     const char *protocols)
{
    char text[1024], part[160];
    sim_image_document(sim_keys_of(s), id, image, text, sizeof text);
    (void)snprintf(part, sizeof part, "\"protocols\":[\"%s\"]", protocols);
    replace(text, sizeof text, "\"protocols\":[\"MQTT\"]", part);
    (void)snprintf(part, sizeof part, "\"update_data_url\":\"" URL "%s\",\"filesize\"", id);
    replace(text, sizeof text, "\"filesize\"", part);
    sim_deploy_document(s, id, image, text);
}

/* --- the server ------------------------------------------------------------------------- */

struct sim_response sim_right_answer(const struct ota_effect *fetch, const struct sim_image *image)
{
    const uint32_t first = fetch->as.fetch.first, last = fetch->as.fetch.last;
    sim_must(first <= last && last < image->size, "a range outside the file is asked for");
    return (struct sim_response){
        .status = 206,
        .first = first,
        .last = last,
        .size = image->size,
        .body = { image->bytes + first, last - first + 1u },
        .piece = 700, /* no divisor of any block */
    };
}

/* "bytes FIRST-LAST/SIZE", or what the test wants. */
static struct ota_span content_range(const struct sim_response *r, char text[48])
{
    if (r->content_range != NULL) {
        return ota_span_of_str(r->content_range);
    }
    (void)snprintf(text, 48, "bytes %u-%u/%u", (unsigned)r->first, (unsigned)r->last,
                   (unsigned)r->size);
    return ota_span_of_str(text);
}

void sim_respond(struct sim *s, const struct ota_effect *fetch, const struct sim_response *r)
{
    char text[48];
    struct sim_fetched part = { SIM_HEAD, fetch->as.fetch.transfer, r->status };
    ota_ms_t after = 2u * s->cfg.latency_ms;
    if (r->status != 0) {
        sim_wire_fetched(s, after, &part, content_range(r, text));
    }
    part.kind = SIM_BODY;
    for (size_t at = 0; at < r->body.len;) {
        const size_t left = r->body.len - at;
        const size_t len = r->piece > 0 && r->piece < left ? r->piece : left;
        sim_wire_fetched(s, after++, &part, (struct ota_span){ r->body.ptr + at, len });
        at += len;
    }
    part.kind = SIM_ENDED;
    if (!r->hangs) {
        sim_wire_fetched(s, after, &part, OTA_SPAN_NONE);
    }
}

/* The image that lies at https://sim/JOB: the newest one that was deployed. */
static void serve(struct sim *s, const struct ota_effect *fetch)
{
    const struct sim_image *image = s->artifacts[s->artifact_count - 1u];
    const struct sim_response r = sim_right_answer(fetch, image);
    sim_must(fetch->as.fetch.url.len > strlen(URL) &&
                 memcmp(fetch->as.fetch.url.ptr, URL, strlen(URL)) == 0,
             "an URL that no document had");
    s->fetch_bytes += (uint32_t)r.body.len;
    sim_respond(s, fetch, &r);
}

void sim_http_fetch(struct sim *s, const struct ota_effect *fetch)
{
    s->fetches++;
    if (!s->link) {
        sim_respond(s, fetch, &(struct sim_response){ .status = 0 });
    } else if (s->on_fetch == NULL || !s->on_fetch(s, fetch)) {
        serve(s, fetch);
    }
}
