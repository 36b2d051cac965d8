#include "wire/cm.h"

#define CLASS_CM    0x07u
#define METHOD_SEND 0x03u
#define ATTRIBUTE   16u /* offset in a MAD */
#define BODY	    24u /* behind the common header */

#define IP_SERVICE	   1u /* the first five bytes of a service ID */
#define REQ_PRIVATE	   140u
#define SIDR_REQ_PRIVATE   16u
#define IP_PRIVATE_VERSION 1u /* offsets in private data */
#define IP_PRIVATE_SPORT   2u
#define IP_PRIVATE_SRC	   4u
#define IP_PRIVATE_DST	   20u

/* Bits of a message's body, counted from its first. */
static const struct {
	uint8_t kind, key, bits;
	uint16_t at;
} rows[] = {
#define AT(byte, bit) ((byte)*8 + (bit))
	{CM_REQ, CM_LOCAL_ID, 32, AT(0, 0)},
	{CM_REQ, CM_SERVICE_ID, 64, AT(8, 0)},
	{CM_REQ, CM_QKEY, 32, AT(28, 0)},
	{CM_REQ, CM_QPN, 24, AT(32, 0)},
	{CM_REQ, CM_RESOURCES, 8, AT(35, 0)},
	{CM_REQ, CM_DEPTH, 8, AT(39, 0)},
	{CM_REQ, CM_TRANSPORT, 2, AT(43, 5)},
	{CM_REQ, CM_PSN, 24, AT(44, 0)},
	{CM_REQ, CM_RETRY, 3, AT(47, 5)},
	{CM_REQ, CM_PATH_MTU, 4, AT(50, 0)},
	{CM_REQ, CM_RNR_RETRY, 3, AT(50, 5)},
	{CM_REQ, CM_ACK_TIMEOUT, 5, AT(95, 0)},
	{CM_MRA, CM_LOCAL_ID, 32, AT(0, 0)},
	{CM_MRA, CM_REMOTE_ID, 32, AT(4, 0)},
	{CM_MRA, CM_SUBJECT, 2, AT(8, 0)},
	{CM_MRA, CM_SERVICE_TIMEOUT, 5, AT(9, 0)},
	{CM_REJ, CM_LOCAL_ID, 32, AT(0, 0)},
	{CM_REJ, CM_REMOTE_ID, 32, AT(4, 0)},
	{CM_REJ, CM_SUBJECT, 2, AT(8, 0)},
	{CM_REJ, CM_REASON, 16, AT(10, 0)},
	{CM_REP, CM_LOCAL_ID, 32, AT(0, 0)},
	{CM_REP, CM_REMOTE_ID, 32, AT(4, 0)},
	{CM_REP, CM_QKEY, 32, AT(8, 0)},
	{CM_REP, CM_QPN, 24, AT(12, 0)},
	{CM_REP, CM_PSN, 24, AT(20, 0)},
	{CM_REP, CM_RESOURCES, 8, AT(24, 0)},
	{CM_REP, CM_DEPTH, 8, AT(25, 0)},
	{CM_REP, CM_RNR_RETRY, 3, AT(27, 0)},
	{CM_RTU, CM_LOCAL_ID, 32, AT(0, 0)},
	{CM_RTU, CM_REMOTE_ID, 32, AT(4, 0)},
	{CM_DREQ, CM_LOCAL_ID, 32, AT(0, 0)},
	{CM_DREQ, CM_REMOTE_ID, 32, AT(4, 0)},
	{CM_DREQ, CM_QPN, 24, AT(8, 0)},
	{CM_DREP, CM_LOCAL_ID, 32, AT(0, 0)},
	{CM_DREP, CM_REMOTE_ID, 32, AT(4, 0)},
	{CM_SIDR_REQ, CM_LOCAL_ID, 32, AT(0, 0)},
	{CM_SIDR_REQ, CM_SERVICE_ID, 64, AT(8, 0)},
	{CM_SIDR_REP, CM_LOCAL_ID, 32, AT(0, 0)},
	{CM_SIDR_REP, CM_SIDR_STATUS, 8, AT(4, 0)},
	{CM_SIDR_REP, CM_QPN, 24, AT(8, 0)},
	{CM_SIDR_REP, CM_SERVICE_ID, 64, AT(12, 0)},
	{CM_SIDR_REP, CM_QKEY, 32, AT(20, 0)},
	{CM_LAP, CM_LOCAL_ID, 32, AT(0, 0)},
	{CM_LAP, CM_REMOTE_ID, 32, AT(4, 0)},
	{CM_LAP, CM_QPN, 24, AT(12, 0)},
	{CM_APR, CM_LOCAL_ID, 32, AT(0, 0)},
	{CM_APR, CM_REMOTE_ID, 32, AT(4, 0)},
#undef AT
};

#define ROWS (sizeof(rows) / sizeof(*rows))

const char *cm_kind_word(enum cm_kind kind)
{
	switch (kind) {
#define X(number, sym, word) \
	case sym: return word;
		CM_KIND_LIST(X)
#undef X
	}
	return NULL;
}

bool cm_msg_find(struct span payload, struct cm_msg *m)
{
	uint16_t attribute;

	if (payload.len != MAD_LEN || payload.p[1] != CLASS_CM ||
	    payload.p[3] != METHOD_SEND)
		return false;
	attribute = get_be16(payload.p + ATTRIBUTE);
	*m = (struct cm_msg){(enum cm_kind)attribute, payload.p};
	return cm_kind_word(m->kind);
}

/* ROWS: there is none. */
static size_t find(enum cm_kind kind, enum cm_key key)
{
	size_t i = 0;

	while (i < ROWS && (rows[i].kind != kind || rows[i].key != key))
		i++;
	return i;
}

bool cm_has(enum cm_kind kind, enum cm_key key)
{
	return find(kind, key) < ROWS;
}

uint64_t cm_get(const struct cm_msg *m, enum cm_key key)
{
	size_t row = find(m->kind, key);
	uint64_t v = 0;

	if (row == ROWS)
		return 0;
	for (unsigned i = 0, at = rows[row].at; i < rows[row].bits; i++, at++)
		v = v << 1 | (m->mad[BODY + at / 8] >> (7 - at % 8) & 1);
	return v;
}

/* Of 16 bytes; IPv4 has the last four. */
static bool address(const uint8_t *p, unsigned version, struct ip_addr *a)
{
	if (version == 4)
		*a = ip_from_v4(p + 12);
	else
		memcpy(a->b, p, sizeof(a->b));
	return version == 4 || version == 6;
}

bool cm_address(const struct cm_msg *m, struct cm_address *a)
{
	uint64_t service = cm_get(m, CM_SERVICE_ID);
	const uint8_t *p = m->mad + BODY;
	unsigned version;

	if (service >> 24 != IP_SERVICE)
		return false;
	if (m->kind == CM_REQ)
		p += REQ_PRIVATE;
	else if (m->kind == CM_SIDR_REQ)
		p += SIDR_REQ_PRIVATE;
	else
		return false;
	version = p[IP_PRIVATE_VERSION] >> 4;
	a->space = (uint8_t)(service >> 16);
	a->dport = (uint16_t)service;
	a->sport = get_be16(p + IP_PRIVATE_SPORT);
	return address(p + IP_PRIVATE_SRC, version, &a->src) &&
	       address(p + IP_PRIVATE_DST, version, &a->dst);
}

const char *cm_reason_text(unsigned reason)
{
	static const char *const text[] = {
		[1] = "no QP available",
		[2] = "no EEC available",
		[3] = "no resources",
		[4] = "timeout",
		[5] = "unsupported request",
		[6] = "invalid communication ID",
		[7] = "invalid communication instance",
		[8] = "invalid service ID",
		[9] = "invalid transport service type",
		[10] = "stale connection",
		[11] = "RDC does not exist",
		[12] = "primary remote port GID rejected",
		[13] = "primary remote port LID rejected",
		[14] = "invalid primary SL",
		[15] = "invalid primary traffic class",
		[16] = "invalid primary hop limit",
		[17] = "invalid primary packet rate",
		[18] = "alternate remote port GID rejected",
		[19] = "alternate remote port LID rejected",
		[20] = "invalid alternate SL",
		[21] = "invalid alternate traffic class",
		[22] = "invalid alternate hop limit",
		[23] = "invalid alternate packet rate",
		[24] = "port and CM redirection",
		[25] = "port redirection",
		[26] = "invalid path MTU",
		[27] = "insufficient responder resources",
		[28] = "consumer reject",
		[29] = "RNR retry count reject",
		[30] = "duplicate local communication ID",
		[31] = "invalid class version",
		[32] = "invalid primary flow label",
		[33] = "invalid alternate flow label",
	};
	const size_t n = sizeof(text) / sizeof(*text);

	return reason < n && text[reason] ? text[reason] : "reserved";
}

const char *cm_sidr_text(unsigned status)
{
	static const char *const text[] = {
		"valid QPN",
		"invalid service ID",
		"rejected by the service provider",
		"no QP available",
		"redirected",
		"unsupported version",
	};

	return status < sizeof(text) / sizeof(*text) ? text[status]
						     : "reserved";
}
