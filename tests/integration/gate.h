/*
 * A gate: a port of its own in front of another one. Shut, every connection through it breaks, and
 * those that come wait; the party behind it, and its other ports, notice nothing.
 */
#ifndef T_GATE_H
#define T_GATE_H

#include <stdint.h>
#include <sys/types.h>

struct t_gate {
    uint16_t port; /* where to knock */
    int listener;
    pid_t keeper; /* 0: shut */
};

/** A gate that is shut, on a free port. */
void t_gate_make(struct t_gate *gate);
/** Let through to `port` of this machine. */
void t_gate_open(struct t_gate *gate, uint16_t port);
void t_gate_shut(struct t_gate *gate);

#endif
