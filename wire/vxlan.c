#include "wire/vxlan.h"

/* The I bit alone: "the VNI is valid". */
#define VXLAN_FLAGS 0x08000000u

enum drop vxlan_decode(uint32_t *vni, struct span *in)
{
	const uint8_t *p = span_take(in, VXLAN_LEN);

	if (!p)
		return DROP_SHORT;
	if (get_be32(p) != VXLAN_FLAGS || p[7] != 0)
		return DROP_VXLAN_FLAGS;

	*vni = get_be24(p + 4);
	return DROP_NONE;
}

void vxlan_encode(uint32_t vni, uint8_t *out)
{
	put_be32(out, VXLAN_FLAGS);
	put_be24(out + 4, vni);
	out[7] = 0;
}
