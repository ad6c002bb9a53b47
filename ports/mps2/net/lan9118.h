/*
 * LAN9118: the board's Ethernet controller, polled. One frame at a time, through its FIFOs.
 *
 * The chip has its own buffers (QEMU's model receives about 10 KiB), so a loop that comes by
 * now and then loses nothing while the peer's TCP window is smaller than that.
 */
#ifndef MPS2_LAN9118_H
#define MPS2_LAN9118_H

#include "ota/span.h"

#define LAN9118_MAC_SIZE  6u
#define LAN9118_FRAME_MAX 1514u /* without the checksum */
/* Frames come in words, with their checksum. */
#define LAN9118_ROOM ((LAN9118_FRAME_MAX + 4u + 3u) / 4u * 4u)

/**
 * Reset the chip and let it receive.
 *
 * @param mac  gets the address that the chip was given.
 * @return false if no LAN9118 answers at its place.
 */
bool lan9118_start(uint8_t mac[LAN9118_MAC_SIZE]);

/**
 * Take a frame out of the chip; broken and too long ones are dropped on the way.
 *
 * @param into  room for LAN9118_ROOM bytes.
 * @return the frame in `into`; empty if none is waiting.
 */
struct ota_span lan9118_receive(struct ota_buf into);

/** Whether a frame is waiting. */
bool lan9118_has_frame(void);

/** @return false if the chip has no room for it now: as if the network had lost it. */
bool lan9118_send(struct ota_span frame);

#endif
