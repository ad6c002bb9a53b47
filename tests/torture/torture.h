/*
 * Torture: which cuts there are, and what is done with each.
 *
 * A phase is a stretch of an update's life between two stops. Its cases are played from the point
 * in time where it begins: one cut, or two, or three, each followed by power-on and a run to rest;
 * then the invariants; then a fresh job; then the invariants again.
 */
#ifndef TORTURE_H
#define TORTURE_H

#include "bench.h"

struct torture_phase {
    const char *name;
    enum sim_behaviour behaviour; /* of the update */
    enum bench_stop from, to;     /* BENCH_AT_REST as `from`: power-on */
    uint32_t room;                /* states that the journal's half still takes; 0: it is new */
    bool keyset;                  /* no update: the keyset is replaced */
    bool pairs;                   /* each pair of cuts, too */
};

extern const struct torture_phase torture_phases[];
extern const uint32_t torture_phase_count;
extern const struct bench_geometry torture_geometries[];
extern const uint32_t torture_geometry_count;

struct torture_cut {
    uint32_t op, unit; /* from 1, since the last power-on; UINT32_MAX: whichever the kind says */
    enum flash_cut how;
};

#define TORTURE_CUTS_MAX 3u

/* Where a case lies, as --replay takes it. */
struct torture_case {
    uint32_t geometry, write_size, phase;
    bool erased_zero;
    uint32_t cut_count;
    struct torture_cut cut[TORTURE_CUTS_MAX];
    uint32_t noise;
};

struct torture_tally {
    uint64_t cases, cuts, violations;
};

/* How much of it all. */
struct torture_cfg {
    const struct sim_keys *keys;
    uint32_t seed;
    bool each_unit; /* each write unit of a record is once the torn one */
    bool singles;
    bool pairs;
    uint64_t triples; /* of random cuts */
    bool first;       /* the first violation ends it */
};

/** All cases of one geometry, write unit, erased value and phase. */
void torture_run(const struct torture_cfg *cfg, const struct torture_case *where,
                 struct torture_tally *tally);

/** One case again. @return what it violates; NULL: nothing. */
const char *torture_replay(const struct torture_cfg *cfg, const struct torture_case *c);

/** A case as text for --replay. */
void torture_write_case(const struct torture_case *c, char *text, size_t room);
bool torture_read_case(const char *text, struct torture_case *c);

#endif
