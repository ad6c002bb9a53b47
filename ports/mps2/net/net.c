#include "net.h"
#include "clock.h"
#include "lan9118.h"
#include <lwip/etharp.h>
#include <lwip/init.h>
#include <lwip/sys.h>
#include <lwip/timeouts.h>
#include <string.h>

/* Frames of one turn: a window of TCP. */
#define FRAMES_PER_TURN 8u

static struct netif netif;

/* lwIP's clock wraps after 49 days, and lwIP knows. */
u32_t sys_now(void)
{
    return (u32_t)clock_now();
}

/* lwIP's callback: one frame out. What the chip does not take is lost, as on a wire. */
static err_t send_frame(struct netif *n, struct pbuf *p)
{
    const struct ota_span frame = { p->payload, p->len };
    (void)n;
    LWIP_ASSERT("a frame in one piece", p->len == p->tot_len); /* LWIP_NETIF_TX_SINGLE_PBUF */
    return lan9118_send(frame) ? ERR_OK : ERR_MEM;
}

static err_t set_up(struct netif *n)
{
    const uint8_t *mac = n->state;
    memcpy(n->hwaddr, mac, LAN9118_MAC_SIZE);
    n->hwaddr_len = LAN9118_MAC_SIZE;
    n->name[0] = 'e';
    n->name[1] = 'n';
    n->mtu = 1500;
    n->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET;
    n->output = etharp_output;
    n->linkoutput = send_frame;
    return ERR_OK;
}

bool net_start(void)
{
    static uint8_t mac[LAN9118_MAC_SIZE];
    ip4_addr_t address, mask, gateway;

    if (!lan9118_start(mac)) {
        return false;
    }
    IP4_ADDR(&address, 10, 0, 2, 15);
    IP4_ADDR(&mask, 255, 255, 255, 0);
    IP4_ADDR(&gateway, 10, 0, 2, 2);
    lwip_init();
    if (netif_add(&netif, &address, &mask, &gateway, mac, set_up, netif_input) == NULL) {
        return false;
    }
    netif_set_default(&netif);
    netif_set_link_up(&netif);
    netif_set_up(&netif);
    return true;
}

bool net_has_work(void)
{
    return lan9118_has_frame();
}

static void take_frame(struct ota_span frame)
{
    struct pbuf *p = pbuf_alloc(PBUF_RAW, (u16_t)frame.len, PBUF_POOL);
    if (p == NULL) {
        return; /* as if the network had lost it */
    }
    if (pbuf_take(p, frame.ptr, (u16_t)frame.len) != ERR_OK || netif.input(p, &netif) != ERR_OK) {
        pbuf_free(p);
    }
}

void net_turn(void)
{
    static uint8_t room[LAN9118_FRAME_MAX];
    for (unsigned i = 0; i < FRAMES_PER_TURN; i++) {
        const struct ota_span frame = lan9118_receive(OTA_BUF_OF(room));
        if (frame.len == 0) {
            break;
        }
        take_frame(frame);
    }
    sys_check_timeouts();
}
