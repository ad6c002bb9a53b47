/*
 * wire-pairs: two things go wrong on the wire in one update, in every pair.
 *
 *     wire-pairs                   each kind of update, each fault at each message, then each at each one after it
 *     wire-pairs --sample N        N of them at random, of each kind
 *     wire-pairs --replay CASE     one again, as a violation prints it: UPDATE,MESSAGE,FAULT,MESSAGE,FAULT
 */
#include "wire_faults.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOBS_MAX  64u
#define ALL_KINDS WIRE_UPDATES

struct options {
    enum wire_update update; /* only this one, or ALL_KINDS */
    uint32_t seed, sample;   /* 0: all */
    unsigned jobs;
    const char *replay;
};

/* Shared with the workers. */
struct tally {
    uint64_t pairs, violations;
    struct wire_plan now; /* what is played: if the worker dies, what it died of */
};

static struct wire_seen without[WIRE_UPDATES];

static void print_plan(const struct wire_plan *p, const char *wrong)
{
    printf("%u,%u,%u,%u,%u: %s: %s\n", (unsigned)p->update, p->at[0].index,
           (unsigned)p->at[0].fault, p->at[1].index, (unsigned)p->at[1].fault,
           wire_update_words[p->update], wrong);
    for (unsigned i = 0; i < 2; i++) {
        printf("    %s: %s\n", wire_fault_words[p->at[i].fault], p->at[i].name);
    }
    (void)fflush(stdout);
}

/* @return whether the second fault met a message. */
static bool play(struct tally *t, const struct wire_plan *plan)
{
    struct wire_seen seen;
    t->now = *plan;
    const char *const wrong = wire_play(&t->now, &without[plan->update], &seen);
    t->pairs++;
    if (wrong != NULL) {
        t->violations++;
        print_plan(&t->now, wrong);
    }
    return t->now.at[1].name[0] != '\0';
}

/* The first fault, and then each other one, at each message that is sent after it: the first changes how many. */
static void play_behind(struct tally *t, struct wire_plan plan)
{
    for (enum wire_fault fault = 0; fault < WIRE_FAULTS; fault++) {
        bool met = true;
        for (unsigned i = plan.at[0].index + 1u; met && i < WIRE_MESSAGES_MAX; i++) {
            plan.at[1].index = i;
            plan.at[1].fault = fault;
            met = play(t, &plan);
        }
    }
}

static void play_all(const struct options *o, unsigned worker, enum wire_update update,
                     struct tally *t)
{
    for (unsigned i = worker; i < without[update].messages; i += o->jobs) {
        for (enum wire_fault fault = 0; fault < WIRE_FAULTS; fault++) {
            struct wire_plan plan = wire_no_fault(update);
            plan.at[0].index = i;
            plan.at[0].fault = fault;
            play_behind(t, plan);
        }
    }
}

static uint32_t random_below(uint32_t *x, uint32_t limit)
{
    *x ^= *x << 13;
    *x ^= *x >> 17;
    *x ^= *x << 5;
    return *x % limit;
}

static void play_sample(const struct options *o, unsigned worker, enum wire_update update,
                        struct tally *t)
{
    uint32_t x = o->seed + 0x9e3779b9u * (1u + worker + JOBS_MAX * (uint32_t)update);
    x += x == 0;
    for (uint32_t n = worker; n < o->sample; n += o->jobs) {
        struct wire_plan plan = wire_no_fault(update);
        for (unsigned k = 0; k < 2; k++) {
            plan.at[k].index = random_below(&x, without[update].messages + 10u * k);
            plan.at[k].fault = random_below(&x, WIRE_FAULTS);
        }
        (void)play(t, &plan);
    }
}

static bool chosen(const struct options *o, enum wire_update update)
{
    return o->update == ALL_KINDS || o->update == update;
}

static bool measure(enum wire_update update)
{
    struct wire_plan plan = wire_no_fault(update);
    const char *const wrong = wire_play(&plan, NULL, &without[update]);
    if (wrong != NULL) {
        print_plan(&plan, wrong);
    }
    return wrong == NULL;
}

static void work(const struct options *o, unsigned worker, struct tally *tallies)
{
    for (enum wire_update u = 0; u < WIRE_UPDATES; u++) {
        struct tally *const t = &tallies[worker * WIRE_UPDATES + (unsigned)u];
        if (!chosen(o, u)) {
            continue;
        }
        if (o->sample > 0) {
            play_sample(o, worker, u, t);
        } else {
            play_all(o, worker, u, t);
        }
        t->now = wire_no_fault(WIRE_UPDATES);
    }
}

static int summary(const struct options *o, const struct tally *tallies, bool died)
{
    struct tally all = { 0 };
    unsigned kinds = 0;
    for (enum wire_update u = 0; u < WIRE_UPDATES; u++) {
        struct tally sum = { 0 };
        for (unsigned w = 0; w < o->jobs; w++) {
            const struct tally *const t = &tallies[w * WIRE_UPDATES + (unsigned)u];
            sum.pairs += t->pairs;
            sum.violations += t->violations;
            if (died && t->pairs > 0 && t->now.update != WIRE_UPDATES) {
                print_plan(&t->now, "was played when a worker died");
            }
        }
        if (chosen(o, u)) {
            printf("%-10s %4u messages %9llu pairs %5llu violations\n", wire_update_words[u],
                   without[u].messages, (unsigned long long)sum.pairs,
                   (unsigned long long)sum.violations);
            kinds++;
        }
        all.pairs += sum.pairs;
        all.violations += sum.violations;
    }
    printf("%llu pairs, %u kinds of update, %llu violations\n", (unsigned long long)all.pairs,
           kinds, (unsigned long long)all.violations);
    return all.violations == 0 && !died && all.pairs > 0 ? 0 : 1;
}

static int run(const struct options *o)
{
    const size_t size = (size_t)o->jobs * WIRE_UPDATES * sizeof(struct tally);
    struct tally *const tallies =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (tallies == MAP_FAILED) {
        return 1;
    }
    (void)fflush(stdout);
    bool died = false;
    for (unsigned w = 0; w < o->jobs; w++) {
        const pid_t child = fork();
        if (child == 0) {
            work(o, w, tallies);
            exit(0);
        }
        died = died || child < 0;
    }
    int status;
    while (wait(&status) > 0) {
        died = died || status != 0;
    }
    return summary(o, tallies, died);
}

static int replay(const struct options *o)
{
    unsigned n[5];
    if (sscanf(o->replay, "%u,%u,%u,%u,%u", &n[0], &n[1], &n[2], &n[3], &n[4]) != 5 ||
        n[0] >= WIRE_UPDATES || n[2] >= WIRE_FAULTS || n[4] >= WIRE_FAULTS || !measure(n[0])) {
        fprintf(stderr, "wire-pairs: this is no case: %s\n", o->replay);
        return 2;
    }
    struct wire_plan plan = {
        .update = n[0], .at = { { .index = n[1], .fault = n[2] }, { .index = n[3], .fault = n[4] } }
    };
    struct wire_seen seen;
    const char *const wrong = wire_play(&plan, &without[plan.update], &seen);
    print_plan(&plan, wrong != NULL ? wrong : "no violation");
    printf("    %u messages, %u bytes of the file, reported at %u ms; without a fault %u, %u, %u\n",
           seen.messages, (unsigned)seen.bytes, (unsigned)seen.reported_at,
           without[plan.update].messages, (unsigned)without[plan.update].bytes,
           (unsigned)without[plan.update].reported_at);
    return wrong != NULL;
}

static int usage(void)
{
    printf("usage: wire-pairs [--update N] [--sample N] [--seed N] [--jobs N] [--replay CASE]\n"
           "updates:\n");
    for (enum wire_update u = 0; u < WIRE_UPDATES; u++) {
        printf("  %u  %s\n", (unsigned)u, wire_update_words[u]);
    }
    printf("faults:\n");
    for (enum wire_fault f = 0; f < WIRE_FAULTS; f++) {
        printf("  %u  %s\n", (unsigned)f, wire_fault_words[f]);
    }
    return 2;
}

static bool take_option(struct options *o, int option)
{
    const unsigned number = optarg != NULL ? (unsigned)strtoul(optarg, NULL, 0) : 0;
    switch (option) {
    case 'u': o->update = number; return number < WIRE_UPDATES;
    case 'n': o->sample = number; return number > 0;
    case 's': o->seed = number; return true;
    case 'j': o->jobs = number; return number >= 1 && number <= JOBS_MAX;
    case 'r': o->replay = optarg; return true;
    default: return false;
    }
}

int main(int argc, char **argv)
{
    static const struct option names[] = {
        { "update", required_argument, NULL, 'u' },
        { "sample", required_argument, NULL, 'n' },
        { "seed", required_argument, NULL, 's' },
        { "jobs", required_argument, NULL, 'j' },
        { "replay", required_argument, NULL, 'r' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    struct options o = { .update = ALL_KINDS, .seed = 20240711u, .jobs = 1 };
    int option;
    while ((option = getopt_long(argc, argv, "", names, NULL)) >= 0) {
        if (!take_option(&o, option)) {
            return usage();
        }
    }
    if (optind < argc) {
        return usage();
    }
    wire_begin();
    if (o.replay != NULL) {
        return replay(&o);
    }
    if (o.sample > 0) {
        printf("seed %u\n", (unsigned)o.seed);
    }
    for (enum wire_update u = 0; u < WIRE_UPDATES; u++) {
        if (!measure(u)) {
            return 1;
        }
    }
    return run(&o);
}
