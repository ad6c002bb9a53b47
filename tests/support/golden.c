#include "golden.h"

#include "ota/boot.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_LINE "waft flash 1\n"
/* Bytes in a line of data. */
#define ROW 32u

/* --- names of numbers -------------------------------------------------------- */

struct number {
    const char *name;
    size_t at;
};

#define FACT(name)                                                                                 \
    {                                                                                              \
#name, offsetof(struct golden_facts, name)                                                 \
    }
static const struct number fact_numbers[] = {
    FACT(class_a),   FACT(class_b),     FACT(sequence_a),    FACT(sequence_b), FACT(trials_a),
    FACT(trials_b),  FACT(counter),     FACT(journal),       FACT(target),     FACT(mark),
    FACT(file_size), FACT(refusals),    FACT(reason),        FACT(execution),  FACT(boot_rule),
    FACT(boot_slot), FACT(hw_revision), FACT(identity_size),
};
#define PART(name)                                                                                 \
    {                                                                                              \
#name, offsetof(struct ota_layout, name)                                                   \
    }
static const struct number parts[] = {
    PART(slot[0]), PART(slot[1]), PART(journal), PART(counter), PART(trust), PART(identity),
};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static uint32_t fact(const struct golden_facts *facts, size_t i)
{
    uint32_t value;
    memcpy(&value, (const uint8_t *)facts + fact_numbers[i].at, sizeof value);
    return value;
}

const char *golden_difference(const struct golden_facts *a, const struct golden_facts *b)
{
    for (size_t i = 0; i < COUNT(fact_numbers); i++) {
        if (fact(a, i) != fact(b, i)) {
            return fact_numbers[i].name;
        }
    }
    return NULL;
}

/* --- writing ------------------------------------------------------------------- */

static bool blank(const uint8_t *bytes, uint32_t len, uint8_t erased)
{
    for (uint32_t i = 0; i < len; i++) {
        if (bytes[i] != erased) {
            return false;
        }
    }
    return true;
}

static void write_bytes(FILE *to, const uint8_t *bytes, uint32_t size, uint8_t erased)
{
    for (uint32_t at = 0; at < size; at += ROW) {
        if (blank(bytes + at, ROW, erased)) {
            continue;
        }
        fprintf(to, "at %06" PRIx32 " ", at);
        for (uint32_t i = 0; i < ROW; i++) {
            fprintf(to, "%02x", bytes[at + i]);
        }
        fputc('\n', to);
    }
}

void golden_write(FILE *to, const struct golden *g, const uint8_t *bytes, uint32_t size)
{
    fputs(FIRST_LINE, to);
    fprintf(to, "unit %" PRIu32 "\n", g->geometry.write_size);
    fprintf(to, "erased %02x\n", g->geometry.erased_zero ? 0x00u : 0xffu);
    for (unsigned i = 0; i < g->geometry.run_count; i++) {
        fprintf(to, "run %" PRIu32 " %" PRIu32 "\n", g->runs[i].sector_size, g->runs[i].count);
    }
    for (size_t i = 0; i < COUNT(parts); i++) {
        struct ota_region r;
        memcpy(&r, (const uint8_t *)&g->layout + parts[i].at, sizeof r);
        fprintf(to, "part %s %" PRIx32 " %" PRIx32 "\n", parts[i].name, r.offset, r.size);
    }
    fprintf(to, "job %s\n", g->job[0] == '\0' ? "-" : g->job);
    for (size_t i = 0; i < COUNT(fact_numbers); i++) {
        fprintf(to, "fact %s %" PRIu32 "\n", fact_numbers[i].name, fact(&g->facts, i));
    }
    write_bytes(to, bytes, size, g->geometry.erased_zero ? 0x00 : 0xff);
    fputs("end\n", to);
}

/* --- reading --------------------------------------------------------------------- */

static bool find(const struct number *numbers, size_t count, const char *name, size_t *at)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(numbers[i].name, name) == 0) {
            *at = numbers[i].at;
            return true;
        }
    }
    return false;
}

static bool read_row(const char *line, struct flash_model *m)
{
    uint32_t at;
    char hex[2 * ROW + 1];
    if (sscanf(line, "at %" SCNx32 " %64s", &at, hex) != 2 || strlen(hex) != 2 * ROW ||
        at % ROW != 0 || at >= m->base.size) {
        return false;
    }
    for (uint32_t i = 0; i < ROW; i++) {
        unsigned byte;
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1) {
            return false;
        }
        m->bytes[at + i] = (uint8_t)byte;
    }
    return true;
}

/* A line before the data. */
static bool read_head(const char *line, struct golden *g)
{
    char name[32];
    uint32_t a, b;
    size_t at;
    struct ota_flash_run *const run = &g->runs[g->geometry.run_count % OTA_FLASH_RUNS_MAX];
    if (sscanf(line, "unit %" SCNu32, &g->geometry.write_size) == 1) {
        return true;
    }
    if (sscanf(line, "erased %" SCNx32, &a) == 1) {
        g->geometry.erased_zero = a == 0;
        return true;
    }
    if (sscanf(line, "run %" SCNu32 " %" SCNu32, &run->sector_size, &run->count) == 2) {
        g->geometry.run_count++;
        return true;
    }
    if (sscanf(line, "part %31s %" SCNx32 " %" SCNx32, name, &a, &b) == 3 &&
        find(parts, COUNT(parts), name, &at)) {
        memcpy((uint8_t *)&g->layout + at, &(struct ota_region){ a, b }, sizeof(struct ota_region));
        return true;
    }
    if (sscanf(line, "fact %31s %" SCNu32, name, &a) == 2 &&
        find(fact_numbers, COUNT(fact_numbers), name, &at)) {
        memcpy((uint8_t *)&g->facts + at, &a, sizeof a);
        return true;
    }
    return sscanf(line, "job %64s", g->job) == 1;
}

bool golden_read(FILE *from, struct golden *g, struct flash_model *m)
{
    char line[160];
    bool made = false,
         good = fgets(line, sizeof line, from) != NULL && strcmp(line, FIRST_LINE) == 0;
    memset(g, 0, sizeof *g);
    while (good && fgets(line, sizeof line, from) != NULL && strcmp(line, "end\n") != 0) {
        if (!made && strncmp(line, "at ", 3) == 0) {
            g->geometry.runs = g->runs;
            flash_model_init(m, &g->geometry);
            made = true;
        }
        good = made ? read_row(line, m) : read_head(line, g);
    }
    good = good && made && strcmp(line, "end\n") == 0;
    if (made && !good) {
        flash_model_free(m);
    }
    return good;
}

/* --- looking ----------------------------------------------------------------------- */

static uint32_t sequence_of(const struct ota_slot_facts *facts)
{
    return facts->sequence_mark == OTA_MARK_SET ? facts->sequence : UINT32_MAX;
}

static void look_at_slots(struct ota_store *s, struct golden_facts *found)
{
    struct ota_store_facts facts;
    if (ota_store_facts(s, &facts) != OTA_OK) {
        return;
    }
    const struct ota_slot_facts *a = &facts.slot[OTA_SLOT_A], *b = &facts.slot[OTA_SLOT_B];
    found->class_a = ota_slot_classify(a, true);
    found->class_b = ota_slot_classify(b, true);
    found->sequence_a = sequence_of(a);
    found->sequence_b = sequence_of(b);
    found->trials_a = a->trials;
    found->trials_b = b->trials;
    found->counter = facts.counter;
}

static void look_at_journal(struct ota_store *s, struct golden *found)
{
    struct ota_journal j;
    found->facts.journal = UINT32_MAX;
    if (ota_journal_read(s, &j) != OTA_OK) {
        return;
    }
    found->facts.journal = j.state;
    found->facts.target = j.slot;
    found->facts.mark = j.mark;
    found->facts.file_size = j.file_size;
    found->facts.refusals = j.refusals;
    found->facts.reason = j.reason;
    found->facts.execution = (uint32_t)j.execution;
    memcpy(found->job, j.job_id, j.job_id_len);
}

static void look_at_boot(struct flash_model *m, const struct ota_layout *layout,
                         struct ota_crypto *crypto, struct golden_facts *found)
{
    static struct ota_verify scratch;
    struct ota_boot_result result = { .verdict = { .rule = OTA_BOOT_RECOVERY } };
    struct ota_store s;
    uint8_t *const before = flash_model_save(m);
    if (ota_store_open(&s, &m->base, layout) == OTA_OK) {
        const struct ota_boot_cfg cfg = {
            .store = &s, .crypto = crypto, .scratch = &scratch, .trials_max = 1
        };
        ota_boot(&cfg, &result);
    }
    found->boot_rule = result.verdict.rule;
    found->boot_slot = result.verdict.slot;
    flash_model_load(m, before); /* without the trial mark */
    free(before);
}

void golden_look(struct flash_model *m, const struct ota_layout *layout, struct ota_crypto *crypto,
                 struct golden *found)
{
    struct ota_store s;
    struct ota_trust trust;
    struct ota_span identity;
    uint8_t room[512];
    memset(found, 0, sizeof *found);
    look_at_boot(m, layout, crypto, &found->facts);
    if (ota_store_open(&s, &m->base, layout) != OTA_OK) {
        return;
    }
    look_at_slots(&s, &found->facts);
    look_at_journal(&s, found);
    if (ota_store_trust(&s, &trust) == OTA_OK) {
        found->facts.hw_revision = trust.hw_revision;
    }
    if (ota_store_identity(&s, (struct ota_buf){ room, sizeof room }, &identity) == OTA_OK) {
        found->facts.identity_size = (uint32_t)identity.len;
    }
}
