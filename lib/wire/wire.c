#include "ota/wire.h"
#include "ota/assert.h"
#include <string.h>

/* --- words ---------------------------------------------------------------------- */

/* A list of words is one text: each ends with its NUL, and the list with an empty word. */

#define X(word) #word "\0"
static const char statuses[] = OTA_JOB_STATUSES(X);
static const char codes[] = OTA_WIRE_CODES(X);
#undef X

static const char *word_at(const char *list, unsigned index)
{
    while (index-- > 0) {
        list += strlen(list) + 1;
    }
    return list;
}

/* The index of `word`; behind the last one if it is none of them. */
static unsigned find(const char *list, struct ota_span word)
{
    unsigned index = 0;
    for (size_t len = strlen(list); len > 0; len = strlen(list)) {
        if (len == word.len && memcmp(list, word.ptr, len) == 0) {
            break;
        }
        list += len + 1;
        index++;
    }
    return index;
}

const char *ota_job_status_name(enum ota_job_status status)
{
    OTA_ASSERT(status < OTA_JOB_STATUS_COUNT);
    return word_at(statuses, status);
}

enum ota_job_status ota_job_status_parse(struct ota_span word)
{
    return (enum ota_job_status)find(statuses, word);
}

bool ota_job_status_terminal(enum ota_job_status status)
{
    OTA_ASSERT(status < OTA_JOB_STATUS_COUNT);
    return status != OTA_JOB_QUEUED && status != OTA_JOB_IN_PROGRESS;
}

const char *ota_wire_code_name(enum ota_wire_code code)
{
    OTA_ASSERT(code < OTA_WIRE_CODE_COUNT);
    return word_at(codes, code);
}

enum ota_wire_code ota_wire_code_parse(struct ota_span word)
{
    return (enum ota_wire_code)find(codes, word);
}

/* --- names ------------------------------------------------------------------------ */

/* Letters, digits, '-' and '_', as in every name of AWS IoT; a colon only in thing names. */
static bool is_name_char(uint8_t c)
{
    const uint32_t letter = (c | 0x20u) - 'a', digit = c - (uint32_t)'0';
    return letter < 26 || digit < 10 || c == '-' || c == '_';
}

static bool name_ok(struct ota_span name, size_t len_max, uint8_t also)
{
    if (name.len == 0 || name.len > len_max) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        if (!is_name_char(name.ptr[i]) && name.ptr[i] != also) {
            return false;
        }
    }
    return true;
}

bool ota_thing_name_ok(struct ota_span name)
{
    return name_ok(name, OTA_THING_NAME_MAX, ':');
}

bool ota_stream_id_ok(struct ota_span id)
{
    return name_ok(id, OTA_STREAM_ID_MAX, '-');
}

bool ota_job_id_ok(struct ota_span id)
{
    static const char taken[] = "get\0start-next\0notify\0notify-next\0";

    return name_ok(id, OTA_JOB_ID_MAX, '-') && *word_at(taken, find(taken, id)) == '\0';
}

bool ota_topic_root_ok(struct ota_span root)
{
    if (root.len == 0 || root.len > OTA_TOPIC_ROOT_MAX) {
        return false;
    }
    uint8_t before = '/'; /* what stands before the first level is as if it were a slash */
    for (size_t i = 0; i < root.len; i++) {
        const uint8_t c = root.ptr[i];
        if (c <= ' ' || c > '~' || c == '+' || c == '#' || (c == '/' && before == '/')) {
            return false;
        }
        before = c;
    }
    return before != '/';
}

/* --- topics ----------------------------------------------------------------------- */

/* What stands in a shape for a part of its topic: the id, or a word (by its place in `parts`). */
#define ID       "\1"
#define FORMAT   "\2"
#define JOBS     "\4"
#define STREAMS  "\5"
#define ACCEPTED "\6"
#define REJECTED "\7"
enum { ID_PART = 1, FORMAT_PART = 2 };
static const char parts[] = "\0\0cbor\0json\0jobs\0streams\0accepted\0rejected";

/* What follows ROOT/things/THING/, by kind. Writing and parsing go by this one list. */
static const char shapes[] = /* clang-format off */
    JOBS "/get\0"
    JOBS "/start-next\0"
    JOBS "/" ID "/get\0"
    JOBS "/" ID "/update\0"
    STREAMS "/" ID "/describe/" FORMAT "\0"
    STREAMS "/" ID "/get/" FORMAT "\0"
    JOBS "/get/" ACCEPTED "\0"
    JOBS "/get/" REJECTED "\0"
    JOBS "/start-next/" ACCEPTED "\0"
    JOBS "/start-next/" REJECTED "\0"
    JOBS "/" ID "/get/" ACCEPTED "\0"
    JOBS "/" ID "/get/" REJECTED "\0"
    JOBS "/" ID "/update/" ACCEPTED "\0"
    JOBS "/" ID "/update/" REJECTED "\0"
    JOBS "/notify\0"
    JOBS "/notify-next\0"
    STREAMS "/" ID "/description/" FORMAT "\0"
    STREAMS "/" ID "/data/" FORMAT "\0"
    STREAMS "/" ID "/" REJECTED "/" FORMAT "\0";
/* clang-format on */

/* The next piece of `topic` by its shape: a part, or one character. */
static struct ota_span next_piece(const char *shape, const struct ota_topic *topic)
{
    const unsigned part = (uint8_t)*shape;
    switch (part) {
    case ID_PART: return topic->id;
    case FORMAT_PART: return ota_span_of_str(word_at(parts, part + topic->format));
    default: break;
    }
    return part < ' ' ? ota_span_of_str(word_at(parts, part))
                      : (struct ota_span){ (const uint8_t *)shape, 1 };
}

static bool take(struct ota_reader *r, struct ota_span text)
{
    return ota_span_eq(ota_read_bytes(r, text.len), text);
}

/* The bytes up to the next slash, which is taken too, or to the end. */
static struct ota_span take_level(struct ota_reader *r)
{
    const uint8_t *const begin = r->at;
    while (r->at < r->end && *r->at != '/') {
        r->at++;
    }
    const struct ota_span level = { begin, (size_t)(r->at - begin) };
    (void)ota_read_u8(r);
    return level;
}

/* Whether all of `r` is what this topic would be written as. */
static bool matches(struct ota_reader r, const char *shape, const struct ota_topic *topic)
{
    for (; *shape != '\0'; shape++) {
        if (!take(&r, next_piece(shape, topic))) {
            return false;
        }
    }
    return ota_reader_left(&r) == 0;
}

/* Describing $next is legal, and its answers repeat the id that was asked for; updating it is not. */
#define MAY_BE_NEXT                                                                                \
    (1u << OTA_TOPIC_JOB_GET | 1u << OTA_TOPIC_JOB_GET_ACCEPTED | 1u << OTA_TOPIC_JOB_GET_REJECTED)

static bool id_ok(const char *shape, const struct ota_topic *topic)
{
    if (*shape == *STREAMS) {
        return ota_stream_id_ok(topic->id);
    }
    return ota_job_id_ok(topic->id) ||
           ((MAY_BE_NEXT >> topic->kind & 1u) != 0 && ota_span_eq(topic->id, OTA_JOB_NEXT));
}

ota_err_t ota_topic_parse(struct ota_span root, struct ota_span text, struct ota_topic *topic)
{
    struct ota_topic found = { .format = OTA_FORMAT_CBOR };
    struct ota_reader r = ota_reader(text);
    if (!take(&r, root) || !take(&r, OTA_SPAN_LIT("/things/"))) {
        return OTA_E_NOT_FOUND;
    }
    found.thing = take_level(&r);
    struct ota_reader ahead = r;
    (void)take_level(&ahead);
    found.id = take_level(&ahead);
    if (text.ptr[text.len - 1] == 'n') { /* if there is a format, it is not CBOR */
        found.format = OTA_FORMAT_JSON;
    }
    unsigned kind = 0;
    const char *shape = shapes;
    while (!matches(r, shape, &found)) {
        shape = word_at(shape, 1);
        if (++kind == OTA_TOPIC_KIND_COUNT) {
            return OTA_E_NOT_FOUND;
        }
    }
    found.kind = (enum ota_topic_kind)kind;
    if (shape[2] != ID_PART) {
        found.id = OTA_SPAN_NONE;
    } else if (!id_ok(shape, &found)) {
        return OTA_E_NAME;
    }
    if (!ota_thing_name_ok(found.thing)) {
        return OTA_E_NAME;
    }
    *topic = found;
    return OTA_OK;
}

void ota_topic_write(struct ota_writer *w, struct ota_span root, const struct ota_topic *topic)
{
    OTA_ASSERT(topic->kind < OTA_TOPIC_KIND_COUNT);
    const char *shape = word_at(shapes, topic->kind);
    ota_write_bytes(w, root);
    ota_write_str(w, "/things/");
    ota_write_bytes(w, topic->thing);
    ota_write_u8(w, '/');
    for (; *shape != '\0'; shape++) {
        ota_write_bytes(w, next_piece(shape, topic));
    }
}
