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
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

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

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

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

static double receive(const char *iface, double seconds)
{
	int fd = open_on(iface, ETH_P_ALL);
	struct timeval patience = { 2, 0 };
	double start = 0, end = 0;
	uint64_t bytes = 0;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	while (!start || end < start + seconds) {
		ssize_t n = recv(fd, &frame, sizeof(frame), 0);

		if (n < 0)
			die("frame_blaster: nothing arrives");
		end = now();
		if (!start)
			start = end;
		else if ((size_t)n > offsetof(struct frame, data))
			bytes += (uint64_t)n - offsetof(struct frame, data);
	}
	return (double)bytes / (end - start) / (1 << 20);
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
	printf("%.1f\n", receive(argv[2], atof(argv[3])));
	return 0;
}
