/*
 * lwIP for one TCP connection in a super-loop. All memory is static; its sizes are for one
 * connection that receives as fast as the LAN9118's FIFO lets it.
 */
#ifndef MPS2_LWIPOPTS_H
#define MPS2_LWIPOPTS_H

#define NO_SYS               1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_SOCKET          0
#define LWIP_NETCONN         0
#define LWIP_NETIF_API       0

#define LWIP_IPV4     1
#define LWIP_IPV6     0
#define LWIP_ARP      1
#define LWIP_ICMP     1
#define LWIP_UDP      0 /* the address is static, and names are not looked up */
#define LWIP_RAW      0
#define LWIP_TCP      1
#define IP_REASSEMBLY 0
#define IP_FRAG       0

#define MEM_ALIGNMENT           4
#define MEM_SIZE                (16 * 1024) /* what is being sent */
#define MEMP_NUM_TCP_PCB        4           /* one that lives, and some that are ending */
#define MEMP_NUM_TCP_PCB_LISTEN 1
#define MEMP_NUM_TCP_SEG        24
#define PBUF_POOL_SIZE          16
#define PBUF_POOL_BUFSIZE       1536

#define TCP_MSS 1460
/* Less than the receive FIFO of the chip: a sender that keeps to it never overruns us. */
#define TCP_WND            (6 * TCP_MSS)
#define TCP_SND_BUF        (4 * TCP_MSS)
#define TCP_SND_QUEUELEN   24
#define TCP_QUEUE_OOSEQ    1
#define LWIP_TCP_KEEPALIVE 0

#define LWIP_NETIF_TX_SINGLE_PBUF 1
#define LWIP_STATS                0
#define LWIP_DEBUG                0

#endif
