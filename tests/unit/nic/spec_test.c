#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "nic/host/spec.h"

static char why[SPEC_WHY_MAX];
static char text[SPEC_TEXT_MAX];

static struct nic_spec parsed(const char *spec)
{
	struct nic_spec s;

	cr_assert_eq(spec_parse(spec, &s, why), 0, "%s: %s", spec, why);
	return s;
}

static void expect_refused(const char *spec, const char *reason)
{
	struct nic_spec s;

	cr_expect_eq(spec_parse(spec, &s, why), -EINVAL, "%s is taken", spec);
	cr_expect_str_eq(why, reason);
}

static void expect_ip(const struct ip_addr *a, const char *want)
{
	char ip[IP_TEXT_MAX];

	cr_expect_str_eq(ip_format(a, ip), want);
}

Test(spec, of_nothing_is_the_default_nic)
{
	struct nic_spec s = parsed("");

	cr_expect_eq(s.port, PORT_UDP);
	cr_expect_eq(s.vni, 100);
	cr_expect_eq(s.ageing_sec, 300);
	cr_expect(s.learn && s.migreq && s.credits);
	cr_expect(!s.has_ip && !s.has_mac && !s.has_local && !s.foreign);
	cr_expect_eq(s.mtu, 0);
	cr_expect_str_eq(spec_format(&s, text), "");
}

Test(spec, reads_every_kind_of_value)
{
	struct nic_spec s = parsed(
		"name=nic-a,port=vxlan,ip=10.1.2.3/16,gateway=10.1.0.1,"
		"mac=02:00:00:00:00:0A,mtu=1450,vlan=7,vni=0xABCDEF,"
		"local=127.0.0.1,remote=127.0.0.2,remote=127.0.0.3,learn=no,"
		"ageing=20,seed=18446744073709551615,rcvbuf=65536,gso=on,foreign=yes,"
		"migreq=no,credits=no");

	cr_expect_str_eq(s.name, "nic-a");
	cr_expect_eq(s.port, PORT_VXLAN);
	cr_expect(s.has_ip && s.prefix_len == 16);
	expect_ip(&s.ip, "10.1.2.3");
	expect_ip(&s.gateway, "10.1.0.1");
	cr_expect(s.has_mac && s.mac.b[5] == 0x0a);
	cr_expect(s.mtu == 1450 && s.vlan == 7 && s.vni == 0xabcdef);
	expect_ip(&s.local, "127.0.0.1");
	cr_assert_eq(s.nremote, 2);
	expect_ip(&s.remote[1], "127.0.0.3");
	cr_expect(!s.learn && s.ageing_sec == 20 && s.seed == UINT64_MAX);
	cr_expect(s.rcvbuf == 65536 && s.gso == GSO_ON && s.foreign && !s.migreq && !s.credits);
}

Test(spec, fills_in_the_prefix_length)
{
	cr_expect_eq(parsed("ip=10.0.0.1").prefix_len, 24);
	cr_expect_eq(parsed("ip=fd00::1").prefix_len, 64);
	cr_expect_eq(parsed("ip=fd00::1/120").prefix_len, 120);
}

Test(spec, written_and_read_again_is_the_same)
{
	static const char *const specs[] = {
		"",
		"name=x,ip=127.0.0.9/8",
		"port=vxlan,ip=fd00::1/64,gateway=fd00::2,vlan=4094,vni=0",
		"port=vxlan,mac=02:00:00:00:00:0a,local=::1,remote=::1",
		"port=vxlan,vni=5,remote=10.0.0.1,remote=10.0.0.2,learn=no",
		"mtu=576,seed=1,rcvbuf=4096,gso=off,foreign=yes,migreq=no,credits=no",
	};

	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		struct nic_spec s = parsed(specs[i]);

		cr_expect_str_eq(spec_format(&s, text), specs[i]);
	}
}

Test(spec, hub_and_pcap)
{
	const char *hub = "port=hub:lab,share=group";
	const char *pcap =
		"port=pcap:/tmp/out.pcapng,in=in.pcap,after=5ms,pace=fast";
	struct nic_spec s = parsed(hub);

	cr_expect(s.port == PORT_HUB && s.share == SHARE_GROUP);
	cr_expect_str_eq(s.where, "lab");
	cr_expect_str_eq(spec_format(&s, text), hub);
	s = parsed(pcap);
	cr_expect(s.port == PORT_PCAP && s.pace == PACE_FAST);
	cr_expect_str_eq(s.in, "in.pcap");
	cr_expect_str_eq(spec_format(&s, text), pcap);
	s = parsed("port=hub:lab");
	cr_expect_str_eq(spec_format(&s, text), "port=hub:lab");
	expect_refused("port=hub:lab,share=some",
		       "share=some: not one of these; allowed: user, "
		       "group or all");
	expect_refused("port=pcap:x,pace=slow",
		       "pace=slow: not one of these; allowed: recorded or "
		       "fast");
}

Test(spec, queues_of_an_interface)
{
	static const char *const specs[] = {
		"port=xdp:eth0,ip=host,xdpmode=generic",
		"port=vxlan,local=10.0.0.1,via=xdp:eth0",
		"port=xdp:eth0:3,ip=10.9.0.1/24",
		"port=vxlan,local=10.0.0.1,via=xdp:eth0:65535,xdpmode=native",
	};
	static const unsigned queue[] = {0, 0, 3, 65535};
	static const char *const wrong[] = {
		":3", "eth0:", "eth0:x", "eth0:-1", "eth0:1:2", "eth0:65536"};

	for (size_t i = 0; i < 4; i++) {
		struct nic_spec s = parsed(specs[i]);

		cr_expect_str_eq(i % 2 ? s.via : s.where, "eth0");
		cr_expect_eq(s.queue, queue[i]);
		cr_expect_str_eq(spec_format(&s, text), specs[i]);
	}
	for (size_t i = 0; i < 6; i++) {
		char spec[64], want[SPEC_WHY_MAX];

		snprintf(spec, sizeof(spec), "port=xdp:%s", wrong[i]);
		snprintf(want, sizeof(want),
			 "port=xdp:%s: not an interface and a queue's number; "
			 "allowed: udp, vxlan, packet:IFACE, "
			 "xdp:IFACE[:QUEUE], hub:NAME, pcap:FILE",
			 wrong[i]);
		expect_refused(spec, want);
	}
	expect_refused("via=udp:eth0",
		       "via=udp:eth0: not packet: or xdp: and an interface; "
		       "allowed: packet:IFACE, xdp:IFACE[:QUEUE]");
	expect_refused("port=packet:eth0,xdpmode=native",
		       "xdpmode=native: not for port=packet; it needs port=vxlan "
		       "or xdp");
}

Test(spec, leaves_out_what_is_the_default)
{
	struct nic_spec s = parsed("port=udp,mtu=auto,seed=random,migreq=yes");

	cr_expect_str_eq(spec_format(&s, text), "");
}

Test(spec, leaves_out_what_the_port_has_no_use_for)
{
	struct nic_spec s = parsed("ip=127.0.0.9/8");

	s.has_mac = true;
	cr_expect_str_eq(spec_format(&s, text), "ip=127.0.0.9/8");
}

Test(spec, names_key_value_and_what_is_allowed)
{
	expect_refused("mtu=abc",
		       "mtu=abc: not a number; allowed: 576 to 65535 bytes");
	expect_refused("mtu=575",
		       "mtu=575: out of range; allowed: 576 to 65535 bytes");
	expect_refused("mtu=0",
		       "mtu=0: out of range; allowed: 576 to 65535 bytes");
	expect_refused("mtu=-1",
		       "mtu=-1: not a number; allowed: 576 to 65535 bytes");
	expect_refused("mtu=1500x",
		       "mtu=1500x: not a number; allowed: 576 to 65535 bytes");
	expect_refused("port=vxlan,vni=99999999999999999999",
		       "vni=99999999999999999999: out of range; allowed: "
		       "0 to 16777215");
	expect_refused("port=tap",
		       "port=tap: no such kind of port; allowed: "
		       "udp, vxlan, packet:IFACE, xdp:IFACE[:QUEUE], "
		       "hub:NAME, pcap:FILE");
	expect_refused("port=hub",
		       "port=hub: it needs a colon and where: an interface, a "
		       "name or a file; allowed: udp, vxlan, packet:IFACE, "
		       "xdp:IFACE[:QUEUE], hub:NAME, pcap:FILE");
	expect_refused("port=udp:eth0",
		       "port=udp:eth0: nothing stands behind this kind of "
		       "port; allowed: udp, vxlan, packet:IFACE, "
		       "xdp:IFACE[:QUEUE], hub:NAME, pcap:FILE");
	expect_refused("credits=maybe", "credits=maybe: neither yes nor no; "
					"allowed: yes or no");
	expect_refused("ip=10.0.0.256",
		       "ip=10.0.0.256: not an IP address; "
		       "allowed: ADDRESS or ADDRESS/LENGTH; packet, xdp: or host");
	expect_refused("ip=10.0.0.1/33",
		       "ip=10.0.0.1/33: the prefix length is not in 1 to 32; "
		       "allowed: ADDRESS or ADDRESS/LENGTH; packet, xdp: or host");
	expect_refused("ip=224.0.0.1",
		       "ip=224.0.0.1: not the address of one host; "
		       "allowed: ADDRESS or ADDRESS/LENGTH; packet, xdp: or host");
	expect_refused("port=vxlan,mac=01:00:00:00:00:01",
		       "mac=01:00:00:00:00:01: not the address of one host; "
		       "allowed: XX:XX:XX:XX:XX:XX of one host");
	expect_refused("name=9lives",
		       "name=9lives: not a name; allowed: a letter, then "
		       "letters, digits, '-', '_', '.'; at most 63");
}

Test(spec, refuses_what_is_no_key_and_value)
{
	expect_refused("mut=1500", "mut: no such option; did you mean mtu?");
	expect_refused("remotes=1",
		       "remotes: no such option; did you mean remote?");
	expect_refused("colour=red", "colour: no such option; `glassnic "
				     "options' lists them");
	expect_refused("mtu", "mtu: no value; allowed: 576 to 65535 bytes");
	expect_refused("mtu=", "mtu: no value; allowed: 576 to 65535 bytes");
	expect_refused("gso=yes", "gso=yes: not one of these; allowed: auto, on "
				  "or off");
	expect_refused("=5", "an option without a name; write "
			     "KEY=VALUE,KEY=VALUE");
	expect_refused("mtu=1500,,seed=1", "an option without a name; write "
					   "KEY=VALUE,KEY=VALUE");
	expect_refused("mtu=1500,mtu=1500", "mtu=1500: given twice; allowed: "
					    "576 to 65535 bytes");
}

Test(spec, refuses_what_does_not_go_together)
{
	expect_refused("vni=5", "vni=5: not for port=udp; it needs port=vxlan");
	expect_refused("remote=10.0.0.1,port=udp",
		       "remote=10.0.0.1: not for port=udp; "
		       "it needs port=vxlan");
	expect_refused("port=hub:lab,in=x.pcap",
		       "in=x.pcap: not for port=hub; it needs port=pcap");
	expect_refused("share=all",
		       "share=all: not for port=udp; it needs port=hub");
	expect_refused("port=vxlan,local=127.0.0.1,remote=::1",
		       "remote=::1: not of the other tunnel ends' family; "
		       "allowed: all IPv4 or all IPv6");
	expect_refused("port=vxlan,ip=10.0.0.1,gateway=fd00::1",
		       "gateway=fd00::1: not of ip's family; "
		       "allowed: an IPv4 address");
}

Test(spec, takes_as_many_remotes_as_fit)
{
	char many[SPEC_TEXT_MAX] = "port=vxlan";
	const char *v6 = ",remote=2001:db8:1111:2222:3333:4444:5555:6666";
	struct nic_spec s;

	for (unsigned i = 0; i < SPEC_REMOTES; i++)
		strcat(many, v6);
	s = parsed(many);
	cr_expect_eq(s.nremote, SPEC_REMOTES);
	cr_expect_str_eq(spec_format(&s, text), many);
	strcat(many, v6);
	cr_expect_eq(spec_parse(many, &s, why), -EINVAL);
	cr_expect(strstr(why, "one remote too many"), "%s", why);
}

Test(spec, faults_are_kept_as_they_were_written)
{
	const char *faults =
		"loss=0.05,dup=2%,reorder=0.5,corrupt=1,truncate=0,"
		"fixicrc=yes,mark=0.25,delay=10us,jitter=1.5ms,rate=2.5Gbit,"
		"faults=out,impair=/tmp/some/rules";
	struct nic_spec s = parsed(faults);

	cr_expect_str_eq(s.loss, "0.05");
	cr_expect_str_eq(s.jitter, "1.5ms");
	cr_expect_eq(s.faults, FAULTS_OUT);
	cr_expect(s.fixicrc);
	cr_expect_str_eq(s.impair, "/tmp/some/rules");
	cr_expect_str_eq(spec_format(&s, text), faults);
	s = parsed("loss=off,delay=off,rate=off,faults=both");
	cr_expect_str_eq(spec_format(&s, text), "");
}

Test(spec, refuses_faults_that_are_none)
{
	char path[300] = "impair=";

	expect_refused("loss=2", "loss=2: not a chance; "
				 "allowed: 0 to 1, or 0% to 100%");
	expect_refused("dup=-1", "dup=-1: not a chance; "
				 "allowed: 0 to 1, or 0% to 100%");
	expect_refused("delay=5", "delay=5: not a duration; allowed: a number "
				  "with ns, us, ms or s, up to an hour");
	expect_refused("jitter=2h", "jitter=2h: not a duration; allowed: a "
				    "number with ns, us, ms or s, up to an "
				    "hour");
	expect_refused("rate=fast", "rate=fast: not a rate; allowed: a number "
				    "with bit, kbit, Mbit or Gbit (per "
				    "second)");
	expect_refused("faults=up", "faults=up: not one of these; "
				    "allowed: both, in or out");
	expect_refused("loss=0.000000000000000001",
		       "loss=0.000000000000000001: too long; "
		       "allowed: 0 to 1, or 0% to 100%");
	memset(path + 7, 'a', 250);
	expect_refused("impair=", "impair: no value; "
				  "allowed: the path of a file");
	cr_expect_eq(spec_parse(path, &(struct nic_spec){ 0 }, why), -EINVAL);
	cr_expect(strstr(why, "too long"), "%s", why);
}

Test(spec, text_without_end_is_refused)
{
	static char big[3 * SPEC_TEXT_MAX];
	struct nic_spec s;

	memset(big, 'a', sizeof(big) - 1);
	cr_expect_eq(spec_parse(big, &s, why), -EINVAL);
	cr_expect_str_eq(why, "aaaaaaaaaaaaaaaaaaaa...: "
			      "longer than 4095 bytes");
	cr_expect_eq(specs_parse(big, &s, 1, why), -EINVAL);
	big[SPEC_TEXT_MAX - 1] = '\0';
	cr_expect_eq(spec_parse(big, &s, why), -EINVAL);
	cr_expect_lt(strlen(why), SPEC_WHY_MAX);
}

Test(specs, are_named_in_order)
{
	struct nic_spec s[SPEC_NICS];

	cr_assert_eq(specs_parse(NULL, s, SPEC_NICS, why), 1);
	cr_expect_str_eq(s[0].name, "glass0");
	cr_assert_eq(
		specs_parse("mtu=1500;name=b;;mtu=1400;", s, SPEC_NICS, why),
		3);
	cr_expect_str_eq(s[0].name, "glass0");
	cr_expect_str_eq(s[1].name, "b");
	cr_expect_str_eq(s[2].name, "glass2");
	cr_expect(s[0].mtu == 1500 && s[1].mtu == 0 && s[2].mtu == 1400);
}

Test(specs, refuses_bad_ones)
{
	struct nic_spec s[2];

	cr_expect_eq(specs_parse("mtu=1500;mtu=x", s, 2, why), -EINVAL);
	cr_expect_str_eq(why, "mtu=x: not a number; "
			      "allowed: 576 to 65535 bytes");
	cr_expect_eq(specs_parse("mtu=1500;mtu=1500;mtu=1500", s, 2, why),
		     -EINVAL);
	cr_expect_str_eq(why, "more than 2 NICs");
	cr_expect_eq(specs_parse("name=a;name=a", s, 2, why), -EINVAL);
	cr_expect_str_eq(why, "name=a: two NICs have this name; "
			      "allowed: one each");
}

Test(spec, explains_every_option)
{
	const struct spec_option *o;
	size_t n = 0;

	while ((o = spec_option(n))) {
		cr_expect(o->key[0] && o->allowed[0] && o->preset[0] &&
			  o->help[0]);
		n++;
	}
	cr_expect_gt(n, 10);
}

Test(spec, a_nic_on_an_interface)
{
	struct nic_spec s = parsed("port=packet:eth0,ip=10.0.0.1/16,ip=fd00::1,"
				   "ip=10.1.0.1,gso=off");

	cr_expect_str_eq(s.where, "eth0");
	cr_expect(s.nmore == 2 && s.more_len[0] == 64 && s.more_len[1] == 24);
	expect_ip(&s.more_ip[0], "fd00::1");
	cr_expect_str_eq(spec_format(&s, text),
			 "port=packet:eth0,ip=10.0.0.1/16,ip=fd00::1/64,"
			 "ip=10.1.0.1/24,gso=off");
	s = parsed("port=packet:eth0,ip=host");
	cr_expect(s.host_ip && !s.has_ip && s.gso == GSO_AUTO);
	cr_expect_str_eq(spec_format(&s, text), "port=packet:eth0,ip=host");
}

Test(spec, what_does_not_go_with_the_hosts_address)
{
	expect_refused("ip=host",
		       "ip=host: not for port=udp; it needs port=packet "
		       "or xdp");
	expect_refused("port=packet:eth0,ip=host,vlan=5",
		       "vlan=: not beside ip=host; allowed: nothing, it is the "
		       "interface's");
	expect_refused("port=packet:eth0,ip=host,ip=10.0.0.1",
		       "ip=10.0.0.1: given beside ip=host; allowed: ADDRESS or "
		       "ADDRESS/LENGTH; packet, xdp: or host");
	expect_refused("ip=10.0.0.1,ip=10.0.0.2",
		       "ip=: given twice; port=udp has one address");
	expect_refused("port=hub:a,gso=off",
		       "gso=off: not for port=hub; it needs port=udp, vxlan "
		       "or packet");
}
