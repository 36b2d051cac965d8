/* A NIC spec: "name=glass0,port=vxlan,vni=100,local=127.0.0.1,remote=127.0.0.2".
 * One table of options (spec.c) gives the parser, the error messages, `glassnic
 * options' and the man page.
 */
#ifndef NIC_HOST_SPEC_H
#define NIC_HOST_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "nic/base/gso.h"
#include "nic/port/xdp_way.h"
#include "wire/eth.h"
#include "wire/ip.h"

#define SPEC_NICS      8u
#define SPEC_TEXT_MAX  4096u /* of every option at its longest */
#define SPEC_REMOTES   32u
#define SPEC_MORE_IPS  6u /* with ip and a link-local one: LINK_ADDRS */
#define SPEC_WHY_MAX   256u

enum port_kind {
	PORT_UDP,   /* kernel UDP sockets: no privilege */
	PORT_VXLAN, /* Ethernet in VXLAN, over UDP sockets */
	PORT_PACKET, /* AF_PACKET socket on an interface */
	PORT_XDP,    /* AF_XDP socket on an interface */
	PORT_HUB,    /* Ethernet segment in shared memory */
	PORT_PCAP,   /* frames from and to capture files */
	PORT_KINDS
};

/* Which way what random faults are for. */
enum fault_dirs { FAULTS_BOTH, FAULTS_IN, FAULTS_OUT };

/* Who may join a hub that the NIC has to make. */
enum hub_share { SHARE_USER, SHARE_GROUP, SHARE_ALL };

/* When frames out of a capture arrive. */
enum pcap_pace { PACE_RECORDED, PACE_FAST };

struct nic_spec {
	char name[64];
	enum port_kind port;
	char where[200];	 /* behind the colon of port=KIND:WHERE */
	bool has_ip;		 /* else: the first free of 127.0.0.0/8 (udp), or
				  * made from vni and local (vxlan) */
	struct ip_addr ip;
	unsigned prefix_len;
	struct ip_addr more_ip[SPEC_MORE_IPS]; /* further ones */
	unsigned more_len[SPEC_MORE_IPS];
	unsigned nmore;
	bool host_ip;		 /* ip=host: those of the interface instead */
	struct ip_addr gateway;	 /* any: none */
	bool has_mac;		 /* else made from ip */
	struct mac mac;
	unsigned mtu;		 /* of the NIC's IP packets; 0: found out */
	uint16_t vlan;		 /* VLAN ID to tag with; 0: none */
	/* vxlan */
	uint32_t vni;
	bool has_local;
	struct ip_addr local;
	char via[64];		 /* interface under the tunnel; "": sockets */
	enum port_kind via_kind; /* packet or xdp: how it is used */
	struct ip_addr remote[SPEC_REMOTES];
	unsigned nremote;
	bool learn;
	unsigned ageing_sec;
	/* hub */
	enum hub_share share;
	/* pcap */
	char in[200];		 /* the capture to receive, "" for none */
	char after[16];		 /* how long to wait before its first frame */
	enum pcap_pace pace;
	/* port=xdp and via=xdp */
	uint16_t queue;
	enum xdp_way xdpmode;
	/* engine and link */
	uint64_t seed;		 /* 0: random */
	unsigned rcvbuf;	 /* bytes; 0: as large as allowed */
	enum gso_mode gso;	 /* several packets to the kernel as one */
	bool foreign;		 /* accept any IPv4 ID under an ICRC */
	bool migreq, credits, lids;
	/* faults: values as they were written, "" for none (faults.c) */
	char loss[16], dup[16], reorder[16], corrupt[16], truncate[16];
	char mark[16], delay[16], jitter[16], rate[16];
	enum fault_dirs faults;
	bool fixicrc;
	char impair[200];	 /* a file of rules */
	/* what programs are told, and held to */
	uint32_t max_qp, max_cq, max_mr, max_srq;
	uint32_t max_qp_wr, max_srq_wr, max_cqe, max_sge, max_inline;
	uint32_t max_rd_atomic, max_msg_size;
};

/* Parses one spec (no ';').  -EINVAL, and @why (SPEC_WHY_MAX bytes) is one line
 * that names the key, the value and what is allowed.
 */
int spec_parse(const char *text, struct nic_spec *spec, char *why);
/* Writes @spec as text that spec_parse takes; keys at their default are left
 * out.  Returns @text (SPEC_TEXT_MAX bytes).
 */
const char *spec_format(const struct nic_spec *spec, char *text);
/* The specs of @text, separated by ';' (NULL or "": one default NIC).  NICs
 * without a name are glass0, glass1, ...; returns how many, or -EINVAL.
 */
int specs_parse(const char *text, struct nic_spec *specs, unsigned max,
		char *why);
/* Every option: key, what values are allowed, default (in parentheses when it is
 * no value), what it is for.  NULL past the end.
 */
struct spec_option {
	const char *key, *allowed, *preset, *help;
};
const struct spec_option *spec_option(size_t i);

/* An address of this machine that nobody else uses. */
#define CLAIM_NONE (-1)

/* Fills in what the spec leaves open so that two programs given the result are
 * one host: ip (udp), local and ip (vxlan), mac.  *@fd holds the claim on the
 * address: it is an open descriptor that children may inherit; the address is
 * free again when all copies are closed.  CLAIM_NONE if nothing was claimed.
 * -EADDRINUSE when all of 127.0.0.0/8 is taken.  (address.c)
 */
int spec_claim(struct nic_spec *spec, int *fd, char *why);

#endif
