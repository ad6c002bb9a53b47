/*
 * The cases of one phase on one device.
 */
#include "torture.h"

#include "ota/image_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More than any phase, recovery or fresh job has operations. */
#define OPS_MAX 4096u

/* One device under torture, and the points in time that its cases begin at. */
struct rack {
    const struct torture_cfg *cfg;
    const struct torture_phase *phase;
    struct torture_tally *tally; /* NULL: a case is only replayed */
    struct torture_case now;     /* the case that is played */
    struct bench b;
    struct bench_point start; /* where the phase begins */
    struct bench_point again; /* after a first cut, before the power is back */
    uint16_t units[OPS_MAX];  /* of each operation of the stretch in question */
};

static uint32_t random_next(uint32_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 17;
    *x ^= *x << 5;
    return *x;
}

/* --- where a phase begins ---------------------------------------------------------------- */

static bool second_half_is_blank(const struct bench *b)
{
    const struct ota_region r = b->layout.journal;
    bool blank = true;
    for (uint32_t i = r.size / 2u; i < r.size; i++) {
        blank = blank && b->flash.bytes[r.offset + i] == b->flash.base.erased;
    }
    return blank;
}

/* States that say nothing, until the half in use takes only `room` more. */
static void fill_journal(struct bench *b, uint32_t room)
{
    const struct ota_journal nothing = { .state = OTA_JOURNAL_NONE };
    struct ota_store store;
    uint32_t fits = 0;
    bench_must(ota_store_open(&store, &b->flash.base, &b->layout) == OTA_OK, "no store");
    do {
        bench_must(ota_journal_write(&store, &nothing) == OTA_OK, "no journal");
        fits++;
    } while (second_half_is_blank(b));

    memset(b->flash.bytes + b->layout.journal.offset, b->flash.base.erased, b->layout.journal.size);
    bench_must(ota_store_open(&store, &b->flash.base, &b->layout) == OTA_OK, "no store");
    for (uint32_t i = 1; i + room < fits; i++) {
        bench_must(ota_journal_write(&store, &nothing) == OTA_OK, "no journal");
    }
}

static void prepare(struct rack *r)
{
    const struct bench_cfg cfg = {
        .geometry = &torture_geometries[r->now.geometry],
        .write_size = r->now.write_size,
        .erased_zero = r->now.erased_zero,
        .keys = r->cfg->keys,
    };
    r->phase = &torture_phases[r->now.phase];
    r->cfg->keys->seed(r->cfg->seed);
    bench_make(&r->b, &cfg, r->phase->behaviour);
    if (r->phase->room > 0) {
        fill_journal(&r->b, r->phase->room);
    }
    if (!r->phase->keyset) {
        bench_deploy(&r->b, 0);
    }
    flash_model_power_on(&r->b.flash);
    if (r->phase->keyset || r->phase->from != BENCH_AT_REST) {
        bench_boot(&r->b);
        const enum bench_stop at = bench_run(&r->b, r->phase->from);
        bench_must(at == r->phase->from && r->b.violation == NULL, "the phase is not reached");
    }
    bench_save(&r->b, &r->start);
}

/* --- one case ------------------------------------------------------------------------------- */

/* Another release key beside the first: all that there is verifies under both keysets. */
static struct ota_trust other_trust(const struct bench *b)
{
    struct ota_trust trust = sim_trust(b->cfg.keys);
    uint8_t key[OTA_KEY_SIZE];
    b->cfg.keys->point(SIM_KEYS_FOREIGN, key);
    bench_must(ota_anchor_make(b->cfg.keys->crypto, key, &trust.release[1]) == OTA_OK, "no key");
    trust.release_count = 2;
    trust.version = 1;
    return trust;
}

/* The keyset that says so, signed by the key that the factory's names. */
static struct ota_span write_keyset(const struct bench *b, struct ota_buf room)
{
    const struct sim_keys *const keys = b->cfg.keys;
    const struct ota_span no_ca[OTA_KEYSET_CAS_MAX] = { OTA_SPAN_NONE };
    struct ota_trust trust = other_trust(b);
    struct ota_writer w = ota_writer(room);
    uint8_t digest[OTA_DIGEST_SIZE], der[SIM_DER_MAX], rs[OTA_P256_RS_SIZE];
    struct ota_sha256 h;
    trust.hw_revision = 0;
    ota_keyset_write(&w, &trust, OTA_SPAN_NONE, no_ca);
    ota_write_u8(&w, OTA_KEY_P256);
    ota_write_bytes(&w, OTA_SPAN_OF(trust.release[0].key_id));
    struct ota_crypto *const c = keys->crypto;
    bench_must(c->ops->sha256_begin(c, &h) == OTA_OK &&
                   c->ops->sha256_update(c, &h, ota_writer_done(&w)) == OTA_OK &&
                   c->ops->sha256_peek(c, &h, digest) == OTA_OK,
               "no digest");
    const struct ota_span signature = { der, keys->sign(SIM_KEYS_RELEASE, digest, der) };
    bench_must(ota_signature_from_der(signature, rs) == OTA_OK, "no signature");
    ota_write_bytes(&w, OTA_SPAN_OF(rs));
    return ota_writer_done(&w);
}

static void change_keys(struct bench *b)
{
    static struct ota_keyset_room room;
    uint8_t bytes[1024];
    const struct ota_span keyset = write_keyset(b, OTA_BUF_OF(bytes));
    const ota_err_t err =
        ota_store_keyset_install(&b->device.store, b->cfg.keys->crypto, b->device.boot.verdict.slot,
                                 (struct ota_buf){ bytes, keyset.len }, &room);
    if (err != OTA_OK && !b->flash.off) {
        bench_violation(b, "the keyset cannot be installed");
    }
}

/* From the phase's beginning to its end, or until the power goes. */
static void play_phase(struct rack *r)
{
    struct bench *const b = &r->b;
    if (r->phase->keyset) {
        change_keys(b);
        return;
    }
    if (r->phase->from == BENCH_AT_REST) {
        bench_boot(b);
    }
    (void)bench_run(b, r->phase->to);
}

static void come_to_rest(struct rack *r)
{
    flash_model_power_on(&r->b.flash);
    bench_boot(&r->b);
    (void)bench_run(&r->b, BENCH_AT_REST);
}

/* The keys that were there or those that were to come, all of them. */
static void check_trust(struct bench *b)
{
    const struct ota_trust old = sim_trust(b->cfg.keys), new = other_trust(b);
    struct ota_trust found;
    if (ota_store_trust(&b->device.store, &found) != OTA_OK) {
        bench_violation(b, "the keys are lost");
        return;
    }
    const struct ota_trust *const want = found.version == 0 ? &old : &new;
    if (found.version != want->version || found.hw_revision != old.hw_revision ||
        found.release_count != want->release_count ||
        memcmp(found.release, want->release, want->release_count * sizeof want->release[0]) != 0 ||
        memcmp(found.deployment, want->deployment, sizeof want->deployment[0]) != 0) {
        bench_violation(b, "the keys are neither the old nor the new ones");
    }
    b->seen.outside = bench_outside(b);
}

static void check_life(struct rack *r)
{
    struct bench *const b = &r->b;
    if (r->phase->keyset && b->violation == NULL) {
        check_trust(b);
    }
    if (b->violation == NULL) {
        bench_check_rest(b);
    }
    if (b->violation == NULL) {
        bench_deploy(b, 1);
        (void)bench_run(b, BENCH_AT_REST);
        bench_check_fresh(b);
    }
}

static void plan(struct rack *r, const struct torture_cut *cut)
{
    flash_model_cut_unit(&r->b.flash, cut->op - r->b.flash.ops, cut->unit, cut->how);
}

/* The cuts of r->now from number `first` on, which begins where the device is now. */
static void play(struct rack *r, uint32_t first)
{
    for (uint32_t i = first; i < r->now.cut_count; i++) {
        if (i > 0) {
            flash_model_power_on(&r->b.flash);
        }
        plan(r, &r->now.cut[i]);
        if (i == 0) {
            play_phase(r);
        } else {
            bench_boot(&r->b);
            (void)bench_run(&r->b, BENCH_AT_REST);
        }
        if (!r->b.flash.off || r->b.violation != NULL) {
            break; /* it was at rest before: no such operation */
        }
        if (r->tally != NULL) {
            r->tally->cuts++;
        }
    }
}

static void play_to_the_end(struct rack *r, uint32_t first)
{
    play(r, first);
    if (r->b.violation == NULL) {
        come_to_rest(r);
    }
    check_life(r);
}

/* What device code asserts is a violation too. */
static const char *guarded(struct rack *r, void (*what)(struct rack *, uint32_t), uint32_t first)
{
    static char text[128];
    if (setjmp(bench_assert_failed) == 0) {
        what(r, first);
    } else {
        (void)snprintf(text, sizeof text, "assertion failed at %s:%d", bench_assert_file,
                       bench_assert_line);
        bench_violation(&r->b, text);
    }
    return r->b.violation;
}

static void run_case(struct rack *r, const struct bench_point *from, uint32_t first)
{
    bench_return(&r->b, from);
    if (first == 0) {
        r->b.flash.seed = r->now.noise;
    }
    r->tally->cases++;
    const char *const violation = guarded(r, play_to_the_end, first);
    if (violation != NULL) {
        char text[128];
        torture_write_case(&r->now, text, sizeof text);
        if (r->tally->violations++ < 10) {
            printf("VIOLATION in %s: %s: --replay %s\n", r->phase->name, violation, text);
        }
        if (r->cfg->first) {
            exit(1);
        }
    }
}

/* --- all cases of a stretch --------------------------------------------------------------- */

/* How many operations it has, with the units of each in r->units. */
static uint32_t trace(struct rack *r, void (*stretch)(struct rack *))
{
    memset(r->units, 0, sizeof r->units);
    r->b.flash.trace = r->units;
    r->b.flash.trace_cap = OPS_MAX;
    stretch(r);
    r->b.flash.trace = NULL;
    r->b.flash.trace_cap = 0;
    bench_must(r->b.flash.ops <= OPS_MAX, "a stretch that is too long");
    bench_must(r->b.violation == NULL, r->b.violation);
    return r->b.flash.ops;
}

/* Units of an operation that are to be the torn one: all of a record's; of image bytes first, middle and last. */
static uint32_t torn_units(const struct rack *r, uint32_t op, uint32_t list[32])
{
    const uint32_t units = r->units[op - 1u];
    list[0] = UINT32_MAX;
    if (!r->cfg->each_unit || units <= 1) {
        return 1;
    }
    if (units * r->now.write_size <= 32u) {
        for (uint32_t i = 0; i < units; i++) {
            list[i] = i;
        }
        return units;
    }
    list[0] = 0;
    list[1] = units / 2u;
    list[2] = units - 1u;
    return 3;
}

static void each_kind(struct rack *r, uint32_t op, const struct bench_point *from, uint32_t number)
{
    uint32_t list[32];
    const uint32_t count = number == 0 ? torn_units(r, op, list) : 1u;
    for (uint32_t u = 0; u < count; u++) {
        for (unsigned how = 0; how < FLASH_CUT_KINDS; how++) {
            r->now.cut[number] = (struct torture_cut){
                .op = op,
                .unit = number == 0 ? list[u] : UINT32_MAX,
                .how = (enum flash_cut)how,
            };
            run_case(r, from, number);
        }
    }
}

static void singles(struct rack *r)
{
    r->now.cut_count = 1;
    bench_return(&r->b, &r->start);
    const uint32_t first = r->b.flash.ops + 1u, last = trace(r, play_phase);
    for (uint32_t op = first; op <= last; op++) {
        r->now.noise = random_next(&r->now.noise);
        each_kind(r, op, &r->start, 0);
    }
}

static void play_only(struct rack *r, uint32_t first)
{
    play(r, first);
}

/* One cut in the phase, then each cut in the way back to rest. */
static void pairs_after(struct rack *r)
{
    bench_return(&r->b, &r->start);
    r->b.flash.seed = r->now.noise;
    r->now.cut_count = 1;
    bench_must(guarded(r, play_only, 0) == NULL && r->b.flash.off, "a first cut that is none");
    bench_save(&r->b, &r->again);
    r->now.cut_count = 2;
    const uint32_t last = trace(r, come_to_rest);
    for (uint32_t op = 1; op <= last; op++) {
        each_kind(r, op, &r->again, 1);
    }
}

static void pairs(struct rack *r)
{
    bench_return(&r->b, &r->start);
    const uint32_t first = r->b.flash.ops + 1u, last = trace(r, play_phase);
    for (uint32_t op = first; op <= last; op++) {
        for (unsigned how = 0; how < FLASH_CUT_KINDS; how++) {
            r->now.noise = random_next(&r->now.noise);
            r->now.cut[0] =
                (struct torture_cut){ .op = op, .unit = UINT32_MAX, .how = (enum flash_cut)how };
            pairs_after(r);
        }
    }
}

/* Three cuts anywhere: one in the phase, two in the ways back. */
static void triples(struct rack *r)
{
    bench_return(&r->b, &r->start);
    const uint32_t before = r->b.flash.ops, last = trace(r, play_phase);
    r->now.cut_count = 3;
    for (uint64_t i = 0; i < r->cfg->triples && last > before; i++) {
        uint32_t x = r->now.noise = random_next(&r->now.noise);
        const uint32_t span[3] = { last - before, 1u + random_next(&x) % 40u,
                                   1u + random_next(&x) % 20u };
        for (unsigned k = 0; k < 3; k++) {
            r->now.cut[k] = (struct torture_cut){
                .op = 1u + random_next(&x) % span[k] + (k == 0 ? before : 0),
                .unit = UINT32_MAX,
                .how = (enum flash_cut)(random_next(&x) % FLASH_CUT_KINDS),
            };
        }
        run_case(r, &r->start, 0);
    }
}

/* --- the two doors --------------------------------------------------------------------------- */

static struct rack *rack_new(const struct torture_cfg *cfg, const struct torture_case *where)
{
    struct rack *const r = calloc(1, sizeof *r);
    bench_must(r != NULL, "out of memory");
    r->cfg = cfg;
    r->now = *where;
    prepare(r);
    return r;
}

static void rack_free(struct rack *r)
{
    bench_point_free(&r->start);
    bench_point_free(&r->again);
    bench_free(&r->b);
    free(r);
}

void torture_run(const struct torture_cfg *cfg, const struct torture_case *where,
                 struct torture_tally *tally)
{
    struct rack *const r = rack_new(cfg, where);
    r->tally = tally;
    if (cfg->singles) {
        singles(r);
    }
    if (cfg->pairs && r->phase->pairs) {
        pairs(r);
    }
    triples(r);
    rack_free(r);
}

const char *torture_replay(const struct torture_cfg *cfg, const struct torture_case *c)
{
    struct rack *const r = rack_new(cfg, c);
    bench_return(&r->b, &r->start);
    r->b.flash.seed = r->now.noise;
    const char *const violation = guarded(r, play_to_the_end, 0);
    rack_free(r);
    return violation;
}
