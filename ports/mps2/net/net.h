/*
 * Net: lwIP on the LAN9118, in a super-loop.
 *
 * The address is the one that QEMU's user network gives its guest (10.0.2.15); the host is
 * 10.0.2.2 there. A board in a real network would ask DHCP.
 */
#ifndef MPS2_NET_H
#define MPS2_NET_H

#include <stdbool.h>

/** @return false if there is no network controller. */
bool net_start(void);

/** Take in what came, and run lwIP's timers: bounded work. */
void net_turn(void);

/** Whether something has come that net_turn() would take in. */
bool net_has_work(void);

#endif
