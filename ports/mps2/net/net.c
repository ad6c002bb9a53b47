#include "net.h"
#include "clock.h"
#include "lan9118.h"
#include <assert.h>
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
    uint8_t mac[LAN9118_MAC_SIZE]; /* for set_up(), which netif_add() calls */
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

static_assert(PBUF_POOL_BUFSIZE >= LAN9118_ROOM, "a frame in one piece");

/* From the chip into lwIP's memory. While there is none, the frame stays in the chip. */
static bool take_frame(void)
{
    struct pbuf *p = pbuf_alloc(PBUF_RAW, LAN9118_ROOM, PBUF_POOL);
    if (p == NULL) {
        return false;
    }
    const struct ota_span frame = lan9118_receive((struct ota_buf){ p->payload, LAN9118_ROOM });
    pbuf_realloc(p, (u16_t)frame.len);
    if (frame.len == 0 || netif.input(p, &netif) != ERR_OK) {
        pbuf_free(p);
    }
    return true;
}

void net_turn(void)
{
    for (unsigned i = 0; i < FRAMES_PER_TURN && lan9118_has_frame() && take_frame(); i++) {
    }
    sys_check_timeouts();
}
