#include "lan9118.h"
#include <string.h>

#define BASE 0x40200000u

enum reg {
    RX_DATA = 0x00,
    TX_DATA = 0x20,
    RX_STATUS = 0x40,
    TX_STATUS = 0x48,
    ID_REV = 0x50,
    TX_CFG = 0x70,
    HW_CFG = 0x74,
    RX_FIFO_INF = 0x7c,
    TX_FIFO_INF = 0x80,
    AFC_CFG = 0xac,
    MAC_CMD = 0xa4,
    MAC_DATA = 0xa8,
};

enum mac_reg { MAC_CR = 1, MAC_ADDRH = 2, MAC_ADDRL = 3 };

#define ID_LAN9118         0x0118u
#define HW_CFG_SOFT_RESET  (1u << 0)
#define HW_CFG_MUST_BE_ONE (1u << 20)
#define HW_CFG_TX_KIB(n)   ((uint32_t)(n) << 16)
#define TX_CFG_ON          (1u << 1)
#define MAC_CMD_BUSY       (1u << 31)
#define MAC_CMD_READ       (1u << 30)
#define MAC_CR_RX_ON       (1u << 2)
#define MAC_CR_TX_ON       (1u << 3)
#define RX_STATUS_BAD      (1u << 15) /* any of the errors */
#define TX_FIRST_AND_LAST  (3u << 12)

/* Each frame ends with its checksum, which nobody here reads. */
#define CHECKSUM_SIZE 4u
#define WORD          4u
/* Of waiting for the chip: it answers at once, or it is broken. */
#define PATIENCE 100000u

static volatile uint32_t *reg(enum reg offset)
{
    return (volatile uint32_t *)(BASE + (uint32_t)offset); /* what the board's map says is there */
}

/* --- the MAC behind the chip's bus -------------------------------------------- */

static void mac_wait(void)
{
    for (uint32_t i = 0; i < PATIENCE && (*reg(MAC_CMD) & MAC_CMD_BUSY) != 0; i++) {
    }
}

static uint32_t mac_read(enum mac_reg which)
{
    *reg(MAC_CMD) = MAC_CMD_BUSY | MAC_CMD_READ | (uint32_t)which;
    mac_wait();
    return *reg(MAC_DATA);
}

static void mac_write(enum mac_reg which, uint32_t value)
{
    *reg(MAC_DATA) = value;
    *reg(MAC_CMD) = MAC_CMD_BUSY | (uint32_t)which;
    mac_wait();
}

/* --- life ----------------------------------------------------------------------- */

static bool reset(void)
{
    *reg(HW_CFG) = HW_CFG_SOFT_RESET;
    for (uint32_t i = 0; i < PATIENCE; i++) {
        if ((*reg(HW_CFG) & HW_CFG_SOFT_RESET) == 0) {
            return true;
        }
    }
    return false;
}

bool lan9118_start(uint8_t mac[LAN9118_MAC_SIZE])
{
    if (*reg(ID_REV) >> 16 != ID_LAN9118 || !reset()) {
        return false;
    }
    *reg(HW_CFG) = HW_CFG_MUST_BE_ONE | HW_CFG_TX_KIB(5);
    *reg(AFC_CFG) = 0x006e3740; /* flow control's water marks, as the data sheet has them */
    const uint32_t low = mac_read(MAC_ADDRL), high = mac_read(MAC_ADDRH);
    for (unsigned i = 0; i < LAN9118_MAC_SIZE; i++) {
        mac[i] = (uint8_t)(i < 4 ? low >> 8u * i : high >> 8u * (i - 4u));
    }
    mac_write(MAC_CR, MAC_CR_RX_ON | MAC_CR_TX_ON);
    *reg(TX_CFG) = TX_CFG_ON;
    return true;
}

/* --- receiving -------------------------------------------------------------------- */

bool lan9118_has_frame(void)
{
    return (*reg(RX_FIFO_INF) >> 16 & 0xffu) != 0;
}

struct ota_span lan9118_receive(struct ota_buf into)
{
    while (lan9118_has_frame()) {
        const uint32_t status = *reg(RX_STATUS);
        const uint32_t size = status >> 16 & 0x3fffu;
        for (uint32_t at = 0; at < size; at += WORD) {
            const uint32_t word = *reg(RX_DATA);
            if (at <= into.cap - WORD) {
                memcpy(into.ptr + at, &word, WORD);
            }
        }
        if ((status & RX_STATUS_BAD) == 0 && size > CHECKSUM_SIZE &&
            size - CHECKSUM_SIZE <= LAN9118_FRAME_MAX) {
            return (struct ota_span){ into.ptr, size - CHECKSUM_SIZE };
        }
    }
    return OTA_SPAN_NONE;
}

/* --- sending ------------------------------------------------------------------------ */

bool lan9118_send(struct ota_span frame)
{
    const uint32_t room = *reg(TX_FIFO_INF) & 0xffffu;
    if (frame.len == 0 || frame.len > LAN9118_FRAME_MAX || room < frame.len + 12u) {
        return false;
    }
    *reg(TX_DATA) = TX_FIRST_AND_LAST | (uint32_t)frame.len;
    *reg(TX_DATA) = (uint32_t)frame.len;
    for (size_t at = 0; at < frame.len; at += WORD) {
        uint32_t word = 0;
        const size_t left = frame.len - at;
        memcpy(&word, frame.ptr + at, left < WORD ? left : WORD);
        *reg(TX_DATA) = word;
    }
    while ((*reg(TX_FIFO_INF) >> 16 & 0xffu) != 0) {
        (void)*reg(TX_STATUS); /* what became of older frames is TCP's to find out */
    }
    return true;
}
