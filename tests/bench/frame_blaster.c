/* What AF_PACKET sockets carry when nobody computes, acknowledges or repeats
 * anything: frame_blaster send IFACE SIZE
 *	     frame_blaster receive IFACE SECONDS
 *
 * The one sends trains of UDP datagrams of SIZE bytes (VIRTIO_NET_HDR_GSO_UDP_L4)
 * to nobody, until it is killed; the other takes in what arrives by its
 * interface, drops it, and prints how many MiB/s of payload it was.
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tests/bench/sink.h"

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

#define IP_MAX	 65535u
#define SEGMENTS 64u
#define BUFFER	 (8 << 20)
#define PORT	 4791

struct frame {
	struct virtio_net_hdr vnet;
	struct ether_header eth;
	struct iphdr ip;
	struct udphdr udp;
	uint8_t data[IP_MAX];
} __attribute__((packed));

static struct frame frame;

static int open_on(const char *iface, uint16_t protocol)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(protocol),
				  .sll_ifindex = (int)if_nametoindex(iface) };
	int fd = socket(AF_PACKET, SOCK_RAW, 0), on = 1, size = BUFFER;

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)))
		die("frame_blaster: socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	return fd;
}

/* Returns the frame's length. */
static size_t make_train(unsigned size)
{
	const uint8_t nobody[6] = { 2, 0, 0, 0, 0, 0xbb };
	unsigned n = (IP_MAX - 28) / size;
	size_t data;

	if (n > SEGMENTS)
		n = SEGMENTS;
	data = (size_t)n * size;
	memcpy(frame.eth.ether_dhost, nobody, 6);
	memcpy(frame.eth.ether_shost, nobody, 6);
	frame.eth.ether_type = htons(ETHERTYPE_IP);
	frame.ip = (struct iphdr){ .version = 4,
				   .ihl = 5,
				   .ttl = 64,
				   .protocol = IPPROTO_UDP,
				   .tot_len = htons((uint16_t)(28 + data)),
				   .saddr = htonl(0x0a630001),
				   .daddr = htonl(0x0a630002) };
	frame.udp.source = frame.udp.dest = htons(PORT);
	frame.udp.len = htons((uint16_t)(8 + data));
	frame.vnet = (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_UDP_L4,
		.hdr_len = 42,
		.gso_size = (uint16_t)size,
		.csum_start = 34,
		.csum_offset = 6,
	};
	return offsetof(struct frame, data) + data;
}

static void blast(const char *iface, unsigned size)
{
	int fd = open_on(iface, 0);
	size_t len = make_train(size);

	while (send(fd, &frame, len, 0) >= 0)
		;
	die("frame_blaster: send");
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "frame_blaster send IFACE SIZE\n"
				"frame_blaster receive IFACE SECONDS\n");
		return 2;
	}
	if (!strcmp(argv[1], "send"))
		blast(argv[2], (unsigned)atoi(argv[3]));
	printf("%.1f\n", sink(open_on(argv[2], ETH_P_ALL), &frame,
			     sizeof(frame), offsetof(struct frame, data),
			     atof(argv[3])));
	return 0;
}
