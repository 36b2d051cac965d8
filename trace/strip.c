/* Every link header ends in an EtherType, or is none at all.  Tags (802.1Q,
 * 802.1ad and the older 0x9100) stand between EtherType and packet, as many as
 * there are.
 */
#include "trace/strip.h"
#include "wire/eth.h"

#define ETHERTYPE_QINQ_OLD 0x9100u

/* Where in a link header the EtherType stands. */
static const struct link {
	enum linktype type;
	uint8_t len;
	int8_t ethertype; /* -1: none, an IP packet follows at once */
} links[] = {
	{LINK_NULL, 4, -1},	  {LINK_ETHERNET, ETH_LEN, 12},
	{LINK_RAW, 0, -1},	  {LINK_LINUX_SLL, 16, 14},
	{LINK_IPV4, 0, -1},	  {LINK_IPV6, 0, -1},
	{LINK_LINUX_SLL2, 20, 0},
};

static const struct link *link_find(int linktype)
{
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		if ((int)links[i].type == linktype)
			return &links[i];
	return NULL;
}

bool linktype_known(int linktype)
{
	return link_find(linktype);
}

static bool is_tag(uint16_t type)
{
	return type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ ||
	       type == ETHERTYPE_QINQ_OLD;
}

bool strip_link(int linktype, struct span *in, uint16_t *type)
{
	const struct link *link = link_find(linktype);
	const uint8_t *p;

	*type = 0;
	if (!link)
		return false;
	p = span_take(in, link->len);
	if (!p)
		return false;
	if (link->ethertype < 0)
		return true;

	*type = get_be16(p + link->ethertype);
	while (is_tag(*type)) {
		p = span_take(in, VLAN_LEN);
		if (!p)
			return false;
		*type = get_be16(p + 2);
	}
	return *type == ETHERTYPE_IPV4 || *type == ETHERTYPE_IPV6;
}
