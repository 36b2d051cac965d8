#include "nic/host/spec.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "nic/base/nearest.h"
#include "nic/host/spec_value.h"
#include "nic/impair/quantity.h"

#define UDP   (1u << PORT_UDP)
#define VXLAN (1u << PORT_VXLAN)
#define PACKET (1u << PORT_PACKET)
#define XDP   (1u << PORT_XDP)
#define HUB   (1u << PORT_HUB)
#define PCAP  (1u << PORT_PCAP)
#define ANY   ((1u << PORT_KINDS) - 1)
#define ETH   (ANY & ~UDP) /* ports that carry Ethernet */

#define PORTS_TEXT 64u

/* One option. */
struct row {
	struct spec_option doc; /* a preset in parentheses is no value */
	unsigned ports;		/* the kinds of port that it is for */
	const struct spec_kind *kind;
	struct spec_field field;
};

#define AT(member)                               \
	.at = offsetof(struct nic_spec, member), \
	.width = sizeof(((struct nic_spec *)0)->member)
#define NUMBER(member, lo, hi, word)                                  \
	&spec_kind_number,                                            \
	{                                                             \
		AT(member), .min = (lo), .max = (hi), .unset = (word) \
	}
#define YESNO(member)      \
	&spec_kind_yesno,  \
	{                  \
		AT(member) \
	}

/* Kept as text, of which @kind is the judge. */
#define TEXT(kind, member) \
	&spec_kind_##kind, \
	{                  \
		AT(member) \
	}

#define WORD(list, member)                  \
	&spec_kind_word,                    \
	{                                   \
		AT(member), .words = (list) \
	}

static const char *const fault_dirs[] = {
	[FAULTS_BOTH] = "both", [FAULTS_IN] = "in", [FAULTS_OUT] = "out", NULL};
static const char *const shares[] = {[SHARE_USER] = "user",
				     [SHARE_GROUP] = "group",
				     [SHARE_ALL] = "all",
				     NULL};
static const char *const xdp_ways[] = {[XDP_WAY_AUTO] = "auto",
				       [XDP_WAY_ZEROCOPY] = "zerocopy",
				       [XDP_WAY_NATIVE] = "native",
				       [XDP_WAY_GENERIC] = "generic",
				       NULL};
static const char *const gso_modes[] = {
	[GSO_AUTO] = "auto", [GSO_ON] = "on", [GSO_OFF] = "off", NULL};
static const char *const paces[] = {
	[PACE_RECORDED] = "recorded", [PACE_FAST] = "fast", NULL};

/* clang-format off */
static const struct row rows[] = {
	{ { "name", "a letter, then letters, digits, '-', '_', '.'; at most 63",
	    "(glass0, glass1, ...)", "the device's name in verbs programs" },
	  ANY, &spec_kind_name, { .max = 63 } },
	{ { "port",
	    "udp, vxlan, packet:IFACE, xdp:IFACE[:QUEUE], hub:NAME, pcap:FILE",
	    "udp",
	    "what the NIC is plugged into: the kernel's UDP sockets, an Ethernet "
	    "segment inside VXLAN, an interface by AF_PACKET or AF_XDP, a segment "
	    "in shared memory, or capture files" },
	  ANY, &spec_kind_port, { 0 } },
	{ { "ip", "ADDRESS or ADDRESS/LENGTH; packet, xdp: or host",
	    "(udp: the first free of 127.0.0.0/8; vxlan: made from vni and "
	    "local; hub: the first free of the hub's own net; pcap: "
	    "10.0.0.1)",
	    "the NIC's IP address; without a length /24 (IPv6: /64); programs "
	    "of yours may share one; not with udp: again for more, at most 7; "
	    "host: MAC and addresses of the interface" },
	  ANY, &spec_kind_ip, { 0 } },
	{ { "gateway", "an IP address", "(none)",
	    "the router to hosts outside of the NIC's prefix" },
	  ETH, &spec_kind_gateway, { 0 } },
	{ { "mac", "XX:XX:XX:XX:XX:XX of one host", "(made from ip)",
	    "the NIC's MAC address" },
	  ETH, &spec_kind_mac, { 0 } },
	{ { "mtu", "576 to 65535 bytes", "auto",
	    "the largest IP packet that the NIC sends; auto: what the port "
	    "carries" },
	  ANY, NUMBER(mtu, 576, 65535, "auto") },
	{ { "vlan", "1 to 4094", "none", "802.1Q VLAN to tag frames with" },
	  ETH, NUMBER(vlan, 1, 4094, "none") },
	{ { "vni", "0 to 16777215", "100", "VXLAN network identifier" },
	  VXLAN, NUMBER(vni, 0, 0xffffff, NULL) },
	{ { "local", "an IP address of this machine",
	    "(the first free of 127.0.0.0/8)",
	    "the tunnel's end on this side" },
	  VXLAN, &spec_kind_local, { 0 } },
	{ { "via", "packet:IFACE, xdp:IFACE[:QUEUE]",
	    "(the kernel's UDP sockets)",
	    "what carries the tunnel: an interface by AF_PACKET or AF_XDP, "
	    "where local is an address of its own or the interface's" },
	  VXLAN, &spec_kind_via, { 0 } },
	{ { "remote", "an IP address; give it again for more, at most 32",
	    "(none)", "a tunnel end to send unknown destinations to" },
	  VXLAN, &spec_kind_remote, { 0 } },
	{ { "learn", "yes or no", "yes",
	    "learn which MAC address is behind which tunnel end" },
	  VXLAN, YESNO(learn) },
	{ { "ageing", "1 to 1000000 seconds", "300",
	    "how long a learned MAC address is kept" },
	  VXLAN, NUMBER(ageing_sec, 1, 1000000, NULL) },
	{ { "share", "user, group or all", "user",
	    "who may join a hub that this NIC has to make: the rights of its "
	    "file" },
	  HUB, WORD(shares, share) },
	{ { "in", "the path of a file", "(none)",
	    "a capture (pcap or pcapng) whose frames the NIC receives, but "
	    "those marked as outbound" },
	  PCAP, TEXT(path, in) },
	{ { "after", DURATION_ALLOWED, "off",
	    "how long after the NIC begins to run the first of them arrives" },
	  PCAP, TEXT(duration, after) },
	{ { "pace", "recorded or fast", "recorded",
	    "whether the others arrive as they did, or as fast as possible" },
	  PCAP, WORD(paces, pace) },
	{ { "seed", "1 to 18446744073709551615", "random",
	    "where random numbers start: the same seed gives the same PSNs and "
	    "keys, on an address that nobody else uses the same QPNs, and with "
	    "the same ip the same faults" },
	  ANY, NUMBER(seed, 1, UINT64_MAX, "random") },
	{ { "rcvbuf", "4096 to 1073741824 bytes", "auto",
	    "the socket's receive buffer; auto: as large as allowed" },
	  ANY, NUMBER(rcvbuf, 4096, 1u << 30, "auto") },
	{ { "gso", "auto, on or off", "auto",
	    "send packets to the kernel in trains (UDP GSO); auto: while nobody "
	    "listens to the interface or to lo (tcpdump, Wireshark), who would "
	    "see a train as one huge packet" },
	  UDP | VXLAN | PACKET, WORD(gso_modes, gso) },
	{ { "xdpmode", "auto, zerocopy, native or generic", "auto",
	    "how frames come to the AF_XDP socket; auto: the first of these "
	    "that driver and kernel allow" },
	  XDP | VXLAN, WORD(xdp_ways, xdpmode) },
	{ { "foreign", "yes or no", "no",
	    "take packets of any IPv4 identification from the start (for peers "
	    "that are no glassnic)" },
	  ANY, YESNO(foreign) },
	{ { "migreq", "yes or no", "yes", "the BTH's MigReq bit" },
	  ANY, YESNO(migreq) },
	{ { "credits", "yes or no", "yes",
	    "tell peers how many receives are posted (end-to-end flow "
	    "control)" },
	  ANY, YESNO(credits) },
	{ { "lids", "yes or no", "no",
	    "pretend to have LIDs, for programs that address peers by nothing "
	    "else (qperf): a LID is the low 16 bits of ip" },
	  ANY, YESNO(lids) },
	{ { "loss", CHANCE_ALLOWED, "off",
	    "the chance that a packet is lost: this and the next are faults "
	    "on purpose (docs/impair.md)" },
	  ANY, TEXT(chance, loss) },
	{ { "dup", CHANCE_ALLOWED, "off",
	    "the chance that a packet comes twice" },
	  ANY, TEXT(chance, dup) },
	{ { "reorder", CHANCE_ALLOWED, "off",
	    "the chance that a packet is overtaken by the next" },
	  ANY, TEXT(chance, reorder) },
	{ { "corrupt", CHANCE_ALLOWED, "off",
	    "the chance that a bit of a packet is flipped" },
	  ANY, TEXT(chance, corrupt) },
	{ { "truncate", CHANCE_ALLOWED, "off",
	    "the chance that a packet is cut short" },
	  ANY, TEXT(chance, truncate) },
	{ { "fixicrc", "yes or no", "no",
	    "make the ICRC of what corrupt and truncate damage right again" },
	  ANY, YESNO(fixicrc) },
	{ { "mark", CHANCE_ALLOWED, "off",
	    "the chance that a packet is marked as having met congestion "
	    "(ECN CE)" },
	  ANY, TEXT(chance, mark) },
	{ { "delay", DURATION_ALLOWED, "off", "how late every packet is" },
	  ANY, TEXT(duration, delay) },
	{ { "jitter", DURATION_ALLOWED, "off",
	    "how much later still, at random; order is kept" },
	  ANY, TEXT(duration, jitter) },
	{ { "rate", RATE_ALLOWED, "off",
	    "how fast packets pass, behind a queue of 256 KiB" },
	  ANY, TEXT(rate, rate) },
	{ { "faults", "both, in or out", "both",
	    "which way loss to rate work, for each way by itself" },
	  ANY, WORD(fault_dirs, faults) },
	{ { "impair", "the path of a file", "(none)",
	    "rules for faults: docs/impair.md is about them" },
	  ANY, TEXT(path, impair) },
	{ { "max_qp", "1 to 1048576", "65536", "queue pairs" },
	  ANY, NUMBER(max_qp, 1, 1u << 20, NULL) },
	{ { "max_cq", "1 to 1048576", "65536", "completion queues" },
	  ANY, NUMBER(max_cq, 1, 1u << 20, NULL) },
	{ { "max_mr", "1 to 8388608", "1048576",
	    "memory regions and windows" },
	  ANY, NUMBER(max_mr, 1, 1u << 23, NULL) },
	{ { "max_srq", "1 to 1048576", "65536", "shared receive queues" },
	  ANY, NUMBER(max_srq, 1, 1u << 20, NULL) },
	{ { "max_qp_wr", "1 to 1048576", "32768",
	    "work requests of a queue" },
	  ANY, NUMBER(max_qp_wr, 1, 1u << 20, NULL) },
	{ { "max_srq_wr", "1 to 1048576", "32768",
	    "work requests of a shared receive queue" },
	  ANY, NUMBER(max_srq_wr, 1, 1u << 20, NULL) },
	{ { "max_cqe", "1 to 16777216", "4194304",
	    "entries of a completion queue" },
	  ANY, NUMBER(max_cqe, 1, 1u << 24, NULL) },
	{ { "max_sge", "1 to 256", "32", "buffers of a work request" },
	  ANY, NUMBER(max_sge, 1, 256, NULL) },
	{ { "max_inline", "0 to 4096 bytes", "1024",
	    "inline data of a work request" },
	  ANY, NUMBER(max_inline, 0, 4096, NULL) },
	{ { "max_rd_atomic", "1 to 255", "128",
	    "READs and atomics that a queue pair may have outstanding" },
	  ANY, NUMBER(max_rd_atomic, 1, 255, NULL) },
	{ { "max_msg_size", "4096 to 2147483648 bytes", "2147483648",
	    "the longest message" },
	  ANY, NUMBER(max_msg_size, 4096, 1u << 31, NULL) },
};
/* clang-format on */

#define ROWS (sizeof(rows) / sizeof(rows[0]))

_Static_assert(ROWS <= 64, "the options given are bits of a uint64_t");

const struct spec_option *spec_option(size_t i)
{
	return i < ROWS ? &rows[i].doc : NULL;
}

/* ---- text to spec ---- */

static int refuse(char *why, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int refuse(char *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, SPEC_WHY_MAX, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static bool is_for(const struct row *row, const struct nic_spec *spec)
{
	return row->ports >> spec->port & 1;
}

static bool has_value(const struct row *row)
{
	return row->doc.preset[0] != '(';
}

static void set_presets(struct nic_spec *spec)
{
	memset(spec, 0, sizeof(*spec));
	for (size_t i = 0; i < ROWS; i++)
		if (has_value(&rows[i]))
			rows[i].kind->take(spec, &rows[i].field,
					   rows[i].doc.preset);
}

static const struct row *find_row(const char *key)
{
	for (size_t i = 0; i < ROWS; i++)
		if (!strcmp(rows[i].doc.key, key))
			return &rows[i];
	return NULL;
}

static int refuse_key(const char *key, char *why)
{
	struct nearest near;

	nearest_init(&near, key);
	for (size_t i = 0; i < ROWS; i++)
		nearest_offer(&near, rows[i].doc.key);
	if (near.best)
		return refuse(why, "%.40s: no such option; did you mean %s?",
			      key, near.best);
	return refuse(why,
		      "%.40s: no such option; `glassnic options' lists "
		      "them",
		      key);
}

/* One KEY=VALUE; adds its bit to @given. */
static int parse_item(char *item, struct nic_spec *spec, uint64_t *given,
		      char *why)
{
	char *value = strchr(item, '=');
	const struct row *row;
	const char *wrong;
	uint64_t bit;

	if (value)
		*value++ = '\0';
	if (!*item)
		return refuse(why, "an option without a name; write "
				   "KEY=VALUE,KEY=VALUE");
	row = find_row(item);
	if (!row)
		return refuse_key(item, why);
	if (!value || !*value)
		return refuse(why, "%s: no value; allowed: %s", item,
			      row->doc.allowed);
	bit = (uint64_t)1 << (row - rows);
	wrong = *given & bit && !row->kind->repeatable
			? "given twice"
			: row->kind->take(spec, &row->field, value);
	if (wrong)
		return refuse(why, "%s=%.64s: %s; allowed: %s", item, value,
			      wrong, row->doc.allowed);
	*given |= bit;
	return 0;
}

/* What ports an option is for: "udp, vxlan or packet". */
static void ports_text(unsigned ports, char text[PORTS_TEXT])
{
	size_t n = 0;

	for (int kind = 0; kind < PORT_KINDS; kind++) {
		if (!(ports >> kind & 1))
			continue;
		ports &= ~(1u << kind);
		n += (size_t)snprintf(text + n, PORTS_TEXT - n, "%s%s",
				      !n      ? ""
				      : ports ? ", "
					      : " or ",
				      port_kind_name((enum port_kind)kind));
	}
}

/* What a port of this kind has no use for is a mistake. */
static int check_ports(const struct nic_spec *spec, uint64_t given, char *why)
{
	char value[SPEC_VALUE_MAX], ports[PORTS_TEXT];

	for (size_t i = 0; i < ROWS; i++) {
		const struct row *row = &rows[i];

		if (!(given >> i & 1) || is_for(row, spec))
			continue;
		row->kind->put(spec, &row->field, 0, value);
		ports_text(row->ports, ports);
		return refuse(why, "%s=%s: not for port=%s; it needs port=%s",
			      row->doc.key, value, port_kind_name(spec->port),
			      ports);
	}
	return 0;
}

static int check_ip(const struct nic_spec *spec, char *why)
{
	static const struct ip_addr none;

	if (spec->nmore && spec->port == PORT_UDP)
		return refuse(why, "ip=: given twice; port=udp has one "
				   "address");
	if (!spec->host_ip)
		return 0;
	if (spec->port != PORT_PACKET && spec->port != PORT_XDP)
		return refuse(why,
			      "ip=host: not for port=%s; it needs port=packet "
			      "or xdp",
			      port_kind_name(spec->port));
	if (spec->has_mac || spec->vlan ||
	    !ip_equal(&spec->gateway, &none))
		return refuse(why,
			      "%s=: not beside ip=host; allowed: nothing, it "
			      "is the interface's",
			      spec->has_mac ? "mac"
			      : spec->vlan  ? "vlan"
					    : "gateway");
	return 0;
}

static int check_tunnel(const struct nic_spec *spec, char *why)
{
	const struct ip_addr *first =
		spec->has_local ? &spec->local : &spec->remote[0];
	char ip[IP_TEXT_MAX];

	for (unsigned i = 0; i < spec->nremote; i++)
		if (ip_is_v4(&spec->remote[i]) != ip_is_v4(first))
			return refuse(why,
				      "remote=%s: not of the other tunnel "
				      "ends' family; allowed: all IPv4 or "
				      "all IPv6",
				      ip_format(&spec->remote[i], ip));
	return 0;
}

static int check_gateway(const struct nic_spec *spec, char *why)
{
	char ip[IP_TEXT_MAX];

	if (ip_is_any(&spec->gateway) || !spec->has_ip ||
	    ip_is_v4(&spec->gateway) == ip_is_v4(&spec->ip))
		return 0;
	return refuse(why, "gateway=%s: not of ip's family; allowed: %s",
		      ip_format(&spec->gateway, ip),
		      ip_is_v4(&spec->ip) ? "an IPv4 address"
					  : "an IPv6 address");
}

int spec_parse(const char *text, struct nic_spec *spec, char *why)
{
	char copy[SPEC_TEXT_MAX], *rest = copy, *item;
	uint64_t given = 0;
	int err = 0;

	if (strlen(text) >= sizeof(copy))
		return refuse(why, "%.20s...: longer than %u bytes", text,
			      SPEC_TEXT_MAX - 1);
	strcpy(copy, text);
	set_presets(spec);
	while (!err && *text && (item = strsep(&rest, ",")))
		err = parse_item(item, spec, &given, why);
	if (!err)
		err = check_ports(spec, given, why);
	if (!err)
		err = check_tunnel(spec, why);
	if (!err)
		err = check_gateway(spec, why);
	if (!err)
		err = check_ip(spec, why);
	return err;
}

/* ---- spec to text ---- */

const char *spec_format(const struct nic_spec *spec, char *text)
{
	char value[SPEC_VALUE_MAX];
	size_t n = 0;

	text[0] = '\0';
	for (size_t r = 0; r < ROWS; r++) {
		const struct row *row = &rows[r];

		for (unsigned i = 0;
		     is_for(row, spec) &&
		     row->kind->put(spec, &row->field, i, value);
		     i++) {
			if (!strcmp(value, row->doc.preset))
				continue;
			n += (size_t)snprintf(text + n, SPEC_TEXT_MAX - n,
					      "%s%s=%s", n ? "," : "",
					      row->doc.key, value);
			if (n >= SPEC_TEXT_MAX)
				return text;
		}
	}
	return text;
}

/* ---- several ---- */

static int name_them(struct nic_spec *specs, unsigned n, char *why)
{
	for (unsigned i = 0; i < n; i++) {
		if (!specs[i].name[0])
			snprintf(specs[i].name, sizeof(specs[i].name),
				 "glass%u", i);
		for (unsigned j = 0; j < i; j++)
			if (!strcmp(specs[i].name, specs[j].name))
				return refuse(why,
					      "name=%s: two NICs have this "
					      "name; allowed: one each",
					      specs[i].name);
	}
	return (int)n;
}

int specs_parse(const char *text, struct nic_spec *specs, unsigned max,
		char *why)
{
	char one[SPEC_TEXT_MAX];
	unsigned n = 0;
	size_t len;

	for (text = text ? text : ""; *text; text += len + (text[len] == ';')) {
		len = strcspn(text, ";");
		if (!len)
			continue;
		if (n == max)
			return refuse(why, "more than %u NICs", max);
		if (len >= sizeof(one))
			return refuse(why, "%.20s...: longer than %u bytes",
				      text, SPEC_TEXT_MAX - 1);
		memcpy(one, text, len);
		one[len] = '\0';
		if (spec_parse(one, &specs[n], why))
			return -EINVAL;
		n++;
	}
	if (!n)
		set_presets(&specs[n++]);
	return name_them(specs, n, why);
}
