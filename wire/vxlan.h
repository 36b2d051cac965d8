/* VXLAN (RFC 7348, 5). */
#ifndef WIRE_VXLAN_H
#define WIRE_VXLAN_H

#include <stdint.h>
#include "wire/bytes.h"
#include "wire/drop.h"

#define VXLAN_LEN      8u
#define VXLAN_UDP_PORT 4789u
#define VNI_MAX	       0xffffffu

/* DROP_SHORT; DROP_VXLAN_FLAGS unless the flags are exactly 0x08 and the
 * reserved bits zero (what the Linux kernel insists on).
 */
enum drop vxlan_decode(uint32_t *vni, struct span *in);
void vxlan_encode(uint32_t vni, uint8_t *out);

#endif
