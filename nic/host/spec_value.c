#include "nic/host/spec_value.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "nic/impair/quantity.h"

/* What kinds of port are called, and what stands behind a colon. */
static const struct {
	const char *name, *where; /* where NULL: nothing does */
} port_rows[PORT_KINDS] = {
	[PORT_UDP] = {"udp", NULL},
	[PORT_VXLAN] = {"vxlan", NULL},
	[PORT_PACKET] = {"packet", "an interface"},
	[PORT_XDP] = {"xdp", "an interface"},
	[PORT_HUB] = {"hub", "a name"},
	[PORT_PCAP] = {"pcap", "a file"},
};

const char *port_kind_name(enum port_kind kind)
{
	return port_rows[kind].name;
}

static void print(char *text, const char *value)
{
	snprintf(text, SPEC_VALUE_MAX, "%s", value);
}

/* ---- words ---- */

static const char *take_name(struct nic_spec *spec, const struct spec_field *f,
			     const char *text)
{
	if (!isalpha((unsigned char)text[0]))
		return "not a name";
	for (const char *p = text; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("_-.", *p))
			return "not a name";
	if (strlen(text) > f->max)
		return "too long";
	snprintf(spec->name, sizeof(spec->name), "%s", text);
	return NULL;
}

static bool put_name(const struct nic_spec *spec, const struct spec_field *f,
		     unsigned i, char *text)
{
	print(text, spec->name);
	return i == 0 && spec->name[0];
}

/* "IFACE" or "IFACE:QUEUE"; leaves @iface the former. */
static const char *take_queue(struct nic_spec *spec, char *iface)
{
	char *colon = strchr(iface, ':'), *end;
	unsigned long n = 0;

	if (colon) {
		*colon++ = '\0';
		n = isdigit((unsigned char)*colon) ? strtoul(colon, &end, 10)
						   : ULONG_MAX;
		if (!*iface || n > UINT16_MAX || *end)
			return "not an interface and a queue's number";
	}
	spec->queue = (uint16_t)n;
	return NULL;
}

/* Queue 0 goes without saying. */
static void put_queue(const struct nic_spec *spec, char *text)
{
	size_t len = strlen(text);

	if (spec->queue)
		snprintf(text + len, SPEC_VALUE_MAX - len, ":%u", spec->queue);
}

static const char *take_where(struct nic_spec *spec, enum port_kind kind,
			      const char *colon)
{
	if (!port_rows[kind].where)
		return *colon ? "nothing stands behind this kind of port"
			      : NULL;
	if (!*colon || !colon[1])
		return "it needs a colon and where: an interface, a name or a "
		       "file";
	if (strlen(colon + 1) >= sizeof(spec->where))
		return "too long";
	snprintf(spec->where, sizeof(spec->where), "%s", colon + 1);
	return kind == PORT_XDP ? take_queue(spec, spec->where) : NULL;
}

static const char *take_port(struct nic_spec *spec, const struct spec_field *f,
			     const char *text)
{
	size_t len = strcspn(text, ":");
	const char *wrong;

	for (unsigned i = 0; i < PORT_KINDS; i++) {
		if (strlen(port_rows[i].name) != len ||
		    memcmp(text, port_rows[i].name, len))
			continue;
		wrong = take_where(spec, (enum port_kind)i, text + len);
		if (!wrong)
			spec->port = (enum port_kind)i;
		return wrong;
	}
	return "no such kind of port";
}

static bool put_port(const struct nic_spec *spec, const struct spec_field *f,
		     unsigned i, char *text)
{
	snprintf(text, SPEC_VALUE_MAX, "%s%s%s", port_rows[spec->port].name,
		 spec->where[0] ? ":" : "", spec->where);
	if (spec->port == PORT_XDP)
		put_queue(spec, text);
	return i == 0;
}

static const char *take_yesno(struct nic_spec *spec, const struct spec_field *f,
			      const char *text)
{
	bool yes = !strcmp(text, "yes");

	if (!yes && strcmp(text, "no"))
		return "neither yes nor no";
	memcpy((char *)spec + f->at, &yes, sizeof(yes));
	return NULL;
}

static bool put_yesno(const struct nic_spec *spec, const struct spec_field *f,
		      unsigned i, char *text)
{
	bool yes;

	memcpy(&yes, (const char *)spec + f->at, sizeof(yes));
	print(text, yes ? "yes" : "no");
	return i == 0;
}

/* ---- numbers of any width ---- */

static void set_number(struct nic_spec *spec, const struct spec_field *f,
		       uint64_t value)
{
	char *at = (char *)spec + f->at;
	uint16_t v16 = (uint16_t)value;
	uint32_t v32 = (uint32_t)value;

	if (f->width == sizeof(v16))
		memcpy(at, &v16, sizeof(v16));
	else if (f->width == sizeof(v32))
		memcpy(at, &v32, sizeof(v32));
	else
		memcpy(at, &value, sizeof(value));
}

static uint64_t get_number(const struct nic_spec *spec,
			   const struct spec_field *f)
{
	const char *at = (const char *)spec + f->at;
	uint16_t v16;
	uint32_t v32;
	uint64_t v64;

	if (f->width == sizeof(v16))
		return memcpy(&v16, at, sizeof(v16)), v16;
	if (f->width == sizeof(v32))
		return memcpy(&v32, at, sizeof(v32)), v32;
	return memcpy(&v64, at, sizeof(v64)), v64;
}

static const char *take_number(struct nic_spec *spec,
			       const struct spec_field *f, const char *text)
{
	char *end;
	uint64_t value;

	if (f->unset && !strcmp(text, f->unset)) {
		set_number(spec, f, 0);
		return NULL;
	}
	if (!isdigit((unsigned char)text[0])) /* strtoull takes "-1" and " 1" */
		return "not a number";
	errno = 0;
	value = strtoull(text, &end, 0);
	if (*end)
		return "not a number";
	if (errno || value < f->min || value > f->max)
		return "out of range";
	set_number(spec, f, value);
	return NULL;
}

static bool put_number(const struct nic_spec *spec, const struct spec_field *f,
		       unsigned i, char *text)
{
	uint64_t value = get_number(spec, f);

	if (!value && f->unset)
		print(text, f->unset);
	else
		snprintf(text, SPEC_VALUE_MAX, "%" PRIu64, value);
	return i == 0;
}

/* ---- addresses ---- */

static const char *parse_host(struct ip_addr *ip, const char *text)
{
	struct ip_addr a;

	if (!ip_parse(&a, text))
		return "not an IP address";
	if (ip_is_any(&a) || ip_is_multicast(&a))
		return "not the address of one host";
	*ip = a;
	return NULL;
}

static const char *parse_len(unsigned *len, const char *text, unsigned max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (!isdigit((unsigned char)text[0]) || *end)
		return "the prefix length is not a number";
	if (value < 1 || value > max)
		return max == 32 ? "the prefix length is not in 1 to 32"
				 : "the prefix length is not in 1 to 128";
	*len = (unsigned)value;
	return NULL;
}

static const char *take_host_ip(struct nic_spec *spec)
{
	if (spec->has_ip || spec->host_ip)
		return "given beside another ip=";
	spec->host_ip = true;
	return NULL;
}

static void set_ip(struct nic_spec *spec, const struct ip_addr *ip,
		   unsigned len)
{
	if (spec->has_ip) {
		spec->more_ip[spec->nmore] = *ip;
		spec->more_len[spec->nmore++] = len;
		return;
	}
	spec->has_ip = true;
	spec->ip = *ip;
	spec->prefix_len = len;
}

static const char *take_ip(struct nic_spec *spec, const struct spec_field *f,
			   const char *text)
{
	const char *slash = strchr(text, '/');
	char host[IP_TEXT_MAX];
	const char *wrong;
	struct ip_addr ip;
	unsigned len;
	bool v4;

	snprintf(host, sizeof(host), "%.*s",
		 (int)(slash ? slash - text : (ptrdiff_t)strlen(text)), text);
	if (!strcmp(text, "host"))
		return take_host_ip(spec);
	if (spec->host_ip)
		return "given beside ip=host";
	if (spec->nmore == SPEC_MORE_IPS)
		return "one address too many";
	wrong = parse_host(&ip, host);
	if (wrong)
		return wrong;
	v4 = ip_is_v4(&ip);
	len = v4 ? 24 : 64;
	if (slash)
		wrong = parse_len(&len, slash + 1, v4 ? 32 : 128);
	if (wrong)
		return wrong;
	set_ip(spec, &ip, len);
	return NULL;
}

static bool put_ip(const struct nic_spec *spec, const struct spec_field *f,
		   unsigned i, char *text)
{
	char ip[IP_TEXT_MAX];

	if (spec->host_ip && !i)
		print(text, "host");
	else if (spec->has_ip && !i)
		snprintf(text, SPEC_VALUE_MAX, "%s/%u",
			 ip_format(&spec->ip, ip), spec->prefix_len);
	else if (spec->has_ip && i <= spec->nmore)
		snprintf(text, SPEC_VALUE_MAX, "%s/%u",
			 ip_format(&spec->more_ip[i - 1], ip),
			 spec->more_len[i - 1]);
	else
		return false;
	return true;
}

static const char *take_gateway(struct nic_spec *spec,
				const struct spec_field *f, const char *text)
{
	return parse_host(&spec->gateway, text);
}

static bool put_gateway(const struct nic_spec *spec, const struct spec_field *f,
			unsigned i, char *text)
{
	if (i > 0 || ip_is_any(&spec->gateway))
		return false;
	ip_format(&spec->gateway, text);
	return true;
}

static const char *take_local(struct nic_spec *spec, const struct spec_field *f,
			      const char *text)
{
	const char *wrong = parse_host(&spec->local, text);

	if (!wrong)
		spec->has_local = true;
	return wrong;
}

static bool put_local(const struct nic_spec *spec, const struct spec_field *f,
		      unsigned i, char *text)
{
	if (i > 0 || !spec->has_local)
		return false;
	ip_format(&spec->local, text);
	return true;
}

static const char *take_via(struct nic_spec *spec, const struct spec_field *f,
			    const char *text)
{
	enum port_kind kind = strncmp(text, "xdp:", 4) ? PORT_PACKET : PORT_XDP;
	const char *name = port_rows[kind].name;
	size_t len = strlen(name);

	if (strncmp(text, name, len) || text[len] != ':' || !text[len + 1])
		return "not packet: or xdp: and an interface";
	text += len + 1;
	if (strlen(text) >= sizeof(spec->via))
		return "too long";
	strcpy(spec->via, text);
	spec->via_kind = kind;
	return kind == PORT_XDP ? take_queue(spec, spec->via) : NULL;
}

static bool put_via(const struct nic_spec *spec, const struct spec_field *f,
		    unsigned i, char *text)
{
	snprintf(text, SPEC_VALUE_MAX, "%s:%s", port_rows[spec->via_kind].name,
		 spec->via);
	if (spec->via_kind == PORT_XDP)
		put_queue(spec, text);
	return i == 0 && spec->via[0];
}

static const char *take_remote(struct nic_spec *spec,
			       const struct spec_field *f, const char *text)
{
	const char *wrong;

	if (spec->nremote == SPEC_REMOTES)
		return "one remote too many";
	wrong = parse_host(&spec->remote[spec->nremote], text);
	if (!wrong)
		spec->nremote++;
	return wrong;
}

static bool put_remote(const struct nic_spec *spec, const struct spec_field *f,
		       unsigned i, char *text)
{
	if (i >= spec->nremote)
		return false;
	ip_format(&spec->remote[i], text);
	return true;
}

static const char *take_mac(struct nic_spec *spec, const struct spec_field *f,
			    const char *text)
{
	struct mac mac;

	if (!mac_parse(&mac, text))
		return "not a MAC address";
	if (mac_is_group(&mac) || !memcmp(mac.b, (uint8_t[6]){0}, 6))
		return "not the address of one host";
	spec->has_mac = true;
	spec->mac = mac;
	return NULL;
}

static bool put_mac(const struct nic_spec *spec, const struct spec_field *f,
		    unsigned i, char *text)
{
	if (i > 0 || !spec->has_mac)
		return false;
	mac_format(&spec->mac, text);
	return true;
}

/* ---- faults: text that is kept, and read again by faults.c ---- */

static const char *keep(struct nic_spec *spec, const struct spec_field *f,
			const char *text)
{
	if (strlen(text) >= f->width)
		return "too long";
	memset((char *)spec + f->at, 0, f->width);
	memcpy((char *)spec + f->at, text, strlen(text));
	return NULL;
}

static bool put_text(const struct nic_spec *spec, const struct spec_field *f,
		     unsigned i, char *text)
{
	const char *value = (const char *)spec + f->at;

	print(text, value[0] ? value : "off");
	return i == 0;
}

static const char *take_chance(struct nic_spec *spec,
			       const struct spec_field *f, const char *text)
{
	double chance;

	if (!strcmp(text, "off"))
		return keep(spec, f, "");
	return quantity_chance(text, &chance) ? keep(spec, f, text)
					      : "not a chance";
}

static const char *take_duration(struct nic_spec *spec,
				 const struct spec_field *f, const char *text)
{
	nsec_t nsec;

	if (!strcmp(text, "off"))
		return keep(spec, f, "");
	return quantity_duration(text, &nsec) ? keep(spec, f, text)
					      : "not a duration";
}

static const char *take_rate(struct nic_spec *spec, const struct spec_field *f,
			     const char *text)
{
	uint64_t bits;

	if (!strcmp(text, "off"))
		return keep(spec, f, "");
	return quantity_rate(text, &bits) ? keep(spec, f, text) : "not a rate";
}

static bool put_path(const struct nic_spec *spec, const struct spec_field *f,
		     unsigned i, char *text)
{
	return put_text(spec, f, i, text) && ((const char *)spec + f->at)[0];
}

/* ---- words out of a list ---- */

static const char *take_word(struct nic_spec *spec, const struct spec_field *f,
			     const char *text)
{
	for (unsigned i = 0; f->words[i]; i++) {
		if (!strcmp(text, f->words[i])) {
			set_number(spec, f, i);
			return NULL;
		}
	}
	return "not one of these";
}

static bool put_word(const struct nic_spec *spec, const struct spec_field *f,
		     unsigned i, char *text)
{
	print(text, f->words[get_number(spec, f)]);
	return i == 0;
}

const struct spec_kind spec_kind_name = {take_name, put_name, false};
const struct spec_kind spec_kind_port = {take_port, put_port, false};
const struct spec_kind spec_kind_number = {take_number, put_number, false};
const struct spec_kind spec_kind_yesno = {take_yesno, put_yesno, false};
const struct spec_kind spec_kind_ip = {take_ip, put_ip, true};
const struct spec_kind spec_kind_gateway = {take_gateway, put_gateway, false};
const struct spec_kind spec_kind_mac = {take_mac, put_mac, false};
const struct spec_kind spec_kind_local = {take_local, put_local, false};
const struct spec_kind spec_kind_via = {take_via, put_via, false};
const struct spec_kind spec_kind_remote = {take_remote, put_remote, true};
const struct spec_kind spec_kind_chance = {take_chance, put_text, false};
const struct spec_kind spec_kind_duration = {take_duration, put_text, false};
const struct spec_kind spec_kind_rate = {take_rate, put_text, false};
const struct spec_kind spec_kind_word = {take_word, put_word, false};
const struct spec_kind spec_kind_path = {keep, put_path, false};
