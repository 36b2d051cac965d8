/* Polling completion by completion.  Exactly the completion being read has left
 * the NIC's CQ, so that it mixes with ibv_poll_cq and with destroying QPs.
 */
#include <time.h>
#include "verbs_shim/cq.h"

#define NSEC_PER_SEC 1000000000ll

/* Takes the next completion: 0, ENOENT, or EIO after an overrun. */
static int take(struct shim_cq *cq)
{
	int got = gn_cq_poll(cq->cq, 1, &cq->wc);

	if (got < 0)
		return -got;
	if (got == 0)
		return ENOENT;
	cq->ex.status = (enum ibv_wc_status)cq->wc.status;
	cq->ex.wr_id = cq->wc.wr_id;
	return 0;
}

static int start_poll(struct ibv_cq_ex *ex, struct ibv_poll_cq_attr *attr)
{
	struct shim_cq *cq = cq_of_ex(ex);
	int err;

	if (attr->comp_mask)
		return EINVAL;
	pthread_mutex_lock(&cq->polling);
	err = take(cq);
	if (err)
		pthread_mutex_unlock(&cq->polling);
	return err;
}

static int next_poll(struct ibv_cq_ex *ex)
{
	return take(cq_of_ex(ex));
}

static void end_poll(struct ibv_cq_ex *ex)
{
	pthread_mutex_unlock(&cq_of_ex(ex)->polling);
}

static enum ibv_wc_opcode read_opcode(struct ibv_cq_ex *ex)
{
	return (enum ibv_wc_opcode)cq_of_ex(ex)->wc.opcode;
}

static uint32_t read_vendor_err(struct ibv_cq_ex *ex)
{
	return 0;
}

static uint32_t read_byte_len(struct ibv_cq_ex *ex)
{
	return cq_of_ex(ex)->wc.byte_len;
}

static __be32 read_imm_data(struct ibv_cq_ex *ex)
{
	return wc_imm_or_rkey(&cq_of_ex(ex)->wc);
}

static uint32_t read_qp_num(struct ibv_cq_ex *ex)
{
	return cq_of_ex(ex)->wc.qpn;
}

static uint32_t read_src_qp(struct ibv_cq_ex *ex)
{
	return cq_of_ex(ex)->wc.src_qp;
}

static unsigned read_wc_flags(struct ibv_cq_ex *ex)
{
	return wc_flags(&cq_of_ex(ex)->wc);
}

/* RoCE has no LIDs; VLAN tags, with the priority in them, are not taken out of
 * frames; and no flow tags what it steers.
 */
static uint32_t read_slid(struct ibv_cq_ex *ex)
{
	return 0;
}

static uint8_t read_sl(struct ibv_cq_ex *ex)
{
	return 0;
}

static uint8_t read_dlid_path_bits(struct ibv_cq_ex *ex)
{
	return 0;
}

static uint16_t read_cvlan(struct ibv_cq_ex *ex)
{
	return 0;
}

static uint32_t read_flow_tag(struct ibv_cq_ex *ex)
{
	return cq_of_ex(ex)->wc.flow_tag;
}

static uint64_t read_completion_ts(struct ibv_cq_ex *ex)
{
	return cq_of_ex(ex)->wc.timestamp;
}

static int64_t clock_nsec(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

static uint64_t read_completion_wallclock_ns(struct ibv_cq_ex *ex)
{
	int64_t offset =
		clock_nsec(CLOCK_REALTIME) - clock_nsec(CLOCK_MONOTONIC);

	return cq_of_ex(ex)->wc.timestamp + (uint64_t)offset;
}

void cq_ex_set_functions(struct ibv_cq_ex *ex)
{
	ex->start_poll = start_poll;
	ex->next_poll = next_poll;
	ex->end_poll = end_poll;
	ex->read_opcode = read_opcode;
	ex->read_vendor_err = read_vendor_err;
	ex->read_byte_len = read_byte_len;
	ex->read_imm_data = read_imm_data;
	ex->read_qp_num = read_qp_num;
	ex->read_src_qp = read_src_qp;
	ex->read_wc_flags = read_wc_flags;
	ex->read_slid = read_slid;
	ex->read_sl = read_sl;
	ex->read_dlid_path_bits = read_dlid_path_bits;
	ex->read_cvlan = read_cvlan;
	ex->read_flow_tag = read_flow_tag;
	ex->read_completion_ts = read_completion_ts;
	ex->read_completion_wallclock_ns = read_completion_wallclock_ns;
}
