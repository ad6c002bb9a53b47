/*
 * torture: power is lost wherever it can be.
 *
 *     torture            every cut, pairs of cuts, a million random triples: some ten minutes
 *     torture --short    some of each: seconds
 *     torture --random   nothing but the random triples
 *     torture --replay CASE      one case again, as a violation prints it
 */
#include "torture.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOBS_MAX  64u
#define NO_CHOICE UINT32_MAX

struct options {
    struct torture_cfg cfg;
    bool brief;
    uint32_t geometry, phase, write_size; /* only this one; NO_CHOICE: all */
    uint32_t jobs;
    uint64_t triples;
    const char *replay;
};

/* Pairs are played on these, each with its own write unit and erased value. */
static const struct {
    uint32_t geometry, write_size;
    bool erased_zero;
} pair_cells[] = { { 0, 8, false }, { 1, 1, false }, { 2, 32, true }, { 3, 16, false } };

static bool pairs_here(const struct torture_case *c)
{
    for (unsigned i = 0; i < sizeof pair_cells / sizeof pair_cells[0]; i++) {
        if (pair_cells[i].geometry == c->geometry && pair_cells[i].write_size == c->write_size &&
            pair_cells[i].erased_zero == c->erased_zero) {
            return true;
        }
    }
    return false;
}

/*
 * A record is torn in each of its units on two geometries whatever the write unit, from 4 bytes on, and with one of
 * them on every other; elsewhere in the one unit that the kind of cut chooses.
 */
static bool each_unit_here(const struct torture_case *c)
{
    const bool thorough = c->geometry == 0 || c->geometry == 3;
    const bool once =
        c->write_size == 1u << c->geometry % 6u && c->erased_zero == (c->geometry / 6u % 2u != 0);
    return (thorough && c->write_size >= 4) || once;
}

/* A few cells are enough to see that nothing has come loose. */
static bool in_short(const struct torture_case *c)
{
    return c->geometry < 4 && pairs_here(c);
}

/* The `index`-th cell; false behind the last one. */
static bool cell(const struct options *o, uint32_t index, struct torture_case *c)
{
    memset(c, 0, sizeof *c);
    c->phase = index % torture_phase_count;
    index /= torture_phase_count;
    c->erased_zero = index % 2u != 0;
    index /= 2u;
    c->write_size = 1u << index % 6u;
    c->geometry = index / 6u;
    c->noise = o->cfg.seed ^ (1u + c->phase + 64u * (c->write_size + 64u * c->geometry) +
                              (c->erased_zero ? 1u << 30 : 0));
    c->noise += c->noise == 0;
    return c->geometry < torture_geometry_count;
}

static bool chosen(const struct options *o, const struct torture_case *c)
{
    return (o->geometry == NO_CHOICE || o->geometry == c->geometry) &&
           (o->phase == NO_CHOICE || o->phase == c->phase) &&
           (o->write_size == NO_CHOICE || o->write_size == c->write_size) &&
           (!o->brief || in_short(c));
}

static uint32_t chosen_count(const struct options *o)
{
    struct torture_case c;
    uint32_t count = 0;
    for (uint32_t i = 0; cell(o, i, &c); i++) {
        count += chosen(o, &c);
    }
    return count;
}

static void work(const struct options *o, uint32_t worker, struct torture_tally *tallies)
{
    struct torture_case c;
    const uint32_t count = chosen_count(o);
    uint32_t taken = 0;
    for (uint32_t i = 0; cell(o, i, &c); i++) {
        if (!chosen(o, &c) || taken++ % o->jobs != worker) {
            continue;
        }
        struct torture_cfg cfg = o->cfg;
        cfg.pairs = cfg.pairs && pairs_here(&c);
        cfg.each_unit = each_unit_here(&c);
        cfg.triples = (o->triples + count - 1u) / count;
        struct torture_tally *const tally =
            &tallies[(size_t)worker * torture_phase_count + c.phase];
        torture_run(&cfg, &c, tally);
        if (c.phase + 1u == torture_phase_count && !o->brief) {
            printf("geometry \"%s\", write unit %u, erased %02x: done\n",
                   torture_geometries[c.geometry].name, (unsigned)c.write_size,
                   c.erased_zero ? 0x00u : 0xffu);
        }
        (void)fflush(stdout);
    }
}

static uint32_t geometries_of(const struct options *o)
{
    struct torture_case c;
    uint64_t seen = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; cell(o, i, &c); i++) {
        if (chosen(o, &c)) {
            seen |= UINT64_C(1) << c.geometry;
        }
    }
    for (; seen != 0; seen &= seen - 1u) {
        count++;
    }
    return count;
}

static int summary(const struct options *o, const struct torture_tally *tallies, bool crashed)
{
    struct torture_tally all = { 0 };
    for (uint32_t p = 0; p < torture_phase_count; p++) {
        struct torture_tally sum = { 0 };
        for (uint32_t w = 0; w < o->jobs; w++) {
            const struct torture_tally *const t = &tallies[(size_t)w * torture_phase_count + p];
            sum.cases += t->cases;
            sum.cuts += t->cuts;
            sum.violations += t->violations;
        }
        if (sum.cases > 0) {
            printf("%-12s %9llu cases %9llu cuts %5llu violations\n", torture_phases[p].name,
                   (unsigned long long)sum.cases, (unsigned long long)sum.cuts,
                   (unsigned long long)sum.violations);
        }
        all.cuts += sum.cuts;
        all.violations += sum.violations;
    }
    if (crashed) {
        printf("a worker died\n");
    }
    printf("%llu cuts, %u geometries, %llu violations\n", (unsigned long long)all.cuts,
           (unsigned)geometries_of(o), (unsigned long long)all.violations);
    return all.violations == 0 && !crashed && all.cuts > 0 ? 0 : 1;
}

static int run(const struct options *o)
{
    const size_t size = (size_t)o->jobs * torture_phase_count * sizeof(struct torture_tally);
    struct torture_tally *const tallies =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    bench_must(tallies != MAP_FAILED, "out of memory");
    (void)fflush(stdout);
    for (uint32_t w = 0; w < o->jobs; w++) {
        const pid_t child = fork();
        bench_must(child >= 0, "no process");
        if (child == 0) {
            work(o, w, tallies);
            exit(0);
        }
    }
    bool crashed = false;
    for (uint32_t w = 0; w < o->jobs; w++) {
        int status;
        crashed = wait(&status) < 0 || status != 0 || crashed;
    }
    return summary(o, tallies, crashed);
}

static int replay(const struct options *o)
{
    struct torture_case c;
    if (!torture_read_case(o->replay, &c)) {
        fprintf(stderr, "torture: this is no case: %s\n", o->replay);
        return 2;
    }
    const char *const violation = torture_replay(&o->cfg, &c);
    printf("%s, geometry \"%s\": %s\n", torture_phases[c.phase].name,
           torture_geometries[c.geometry].name, violation != NULL ? violation : "no violation");
    return violation != NULL;
}

static int usage(void)
{
    printf("usage: torture [--short] [--seed N] [--geometry N] [--phase N] [--write-size N]\n"
           "               [--jobs N] [--triples N] [--real-crypto] [--random] [--first]\n"
           "               [--replay CASE]\n"
           "geometries:\n");
    for (uint32_t i = 0; i < torture_geometry_count; i++) {
        printf("  %2u  %s\n", (unsigned)i, torture_geometries[i].name);
    }
    printf("phases:\n");
    for (uint32_t i = 0; i < torture_phase_count; i++) {
        printf("  %2u  %s\n", (unsigned)i, torture_phases[i].name);
    }
    return 2;
}

enum choice {
    SHORT = 256,
    SEED,
    GEOMETRY,
    PHASE,
    WRITE_SIZE,
    JOBS,
    TRIPLES,
    REAL,
    REPLAY,
    FIRST,
    RANDOM,
    HELP
};

static uint32_t number(const char *text)
{
    return (uint32_t)strtoul(text, NULL, 0);
}

static bool take_option(struct options *o, int option)
{
    switch (option) {
    case SHORT: o->brief = true; return true;
    case SEED: o->cfg.seed = number(optarg); return o->cfg.seed != 0;
    case GEOMETRY: o->geometry = number(optarg); return o->geometry < torture_geometry_count;
    case PHASE: o->phase = number(optarg); return o->phase < torture_phase_count;
    case WRITE_SIZE: o->write_size = number(optarg); return o->write_size > 0;
    case JOBS: o->jobs = number(optarg); return o->jobs >= 1 && o->jobs <= JOBS_MAX;
    case TRIPLES: o->triples = strtoull(optarg, NULL, 0); return true;
    case REAL: o->cfg.keys = sim_keys_real(); return true;
    case FIRST: o->cfg.first = true; return true;
    case RANDOM: o->cfg.singles = o->cfg.pairs = false; return true;
    case REPLAY: o->replay = optarg; return true;
    default: return false;
    }
}

int main(int argc, char **argv)
{
    static const struct option names[] = {
        { "short", no_argument, NULL, SHORT },
        { "seed", required_argument, NULL, SEED },
        { "geometry", required_argument, NULL, GEOMETRY },
        { "phase", required_argument, NULL, PHASE },
        { "write-size", required_argument, NULL, WRITE_SIZE },
        { "jobs", required_argument, NULL, JOBS },
        { "triples", required_argument, NULL, TRIPLES },
        { "real-crypto", no_argument, NULL, REAL },
        { "replay", required_argument, NULL, REPLAY },
        { "first", no_argument, NULL, FIRST },
        { "random", no_argument, NULL, RANDOM },
        { "help", no_argument, NULL, HELP },
        { NULL, 0, NULL, 0 },
    };
    struct options o = {
        .cfg = { .keys = sim_keys_fast(), .seed = 20240229u, .singles = true, .pairs = true },
        .geometry = NO_CHOICE,
        .phase = NO_CHOICE,
        .write_size = NO_CHOICE,
        .jobs = 1,
        .triples = UINT64_MAX,
    };
    int option;
    while ((option = getopt_long(argc, argv, "", names, NULL)) >= 0) {
        if (!take_option(&o, option)) {
            return usage();
        }
    }
    if (optind < argc) {
        return usage();
    }
    if (o.replay != NULL) {
        return replay(&o);
    }
    o.cfg.pairs = o.cfg.pairs && !o.brief;
    if (o.triples == UINT64_MAX) {
        o.triples = o.brief ? 1000 : 1000000;
    }
    printf("seed %u\n", (unsigned)o.cfg.seed);
    return run(&o);
}
