/* Asynchronous events: what happens to a device, CQ, QP or SRQ unasked. */
#include <stdbool.h>
#include "verbs_shim/ack.h"
#include "verbs_shim/context.h"
#include "verbs_shim/cq.h"
#include "verbs_shim/fail.h"
#include "verbs_shim/handle.h"
#include "verbs_shim/port.h"
#include "verbs_shim/qp.h"
#include "verbs_shim/srq.h"

enum about { ABOUT_PORT, ABOUT_CQ, ABOUT_QP, ABOUT_SRQ, ABOUT_OTHER };

static enum about event_about(enum ibv_event_type type)
{
	switch ((int)type) { /* headers of other versions know more */
	case IBV_EVENT_CQ_ERR: return ABOUT_CQ;
	case IBV_EVENT_QP_FATAL:
	case IBV_EVENT_QP_REQ_ERR:
	case IBV_EVENT_QP_ACCESS_ERR:
	case IBV_EVENT_COMM_EST:
	case IBV_EVENT_SQ_DRAINED:
	case IBV_EVENT_PATH_MIG:
	case IBV_EVENT_PATH_MIG_ERR:
	case IBV_EVENT_QP_LAST_WQE_REACHED: return ABOUT_QP;
	case IBV_EVENT_DEVICE_FATAL:
	case IBV_EVENT_PORT_ACTIVE:
	case IBV_EVENT_PORT_ERR:
	case IBV_EVENT_LID_CHANGE:
	case IBV_EVENT_PKEY_CHANGE:
	case IBV_EVENT_SM_CHANGE:
	case IBV_EVENT_CLIENT_REREGISTER:
	case IBV_EVENT_GID_CHANGE: return ABOUT_PORT;
	case IBV_EVENT_SRQ_ERR:
	case IBV_EVENT_SRQ_LIMIT_REACHED: return ABOUT_SRQ;
	case IBV_EVENT_WQ_FATAL: break;
	}
	return ABOUT_OTHER;
}

static bool take_cq(uint32_t handle, struct ibv_async_event *event)
{
	struct shim_cq *cq = handle_lock(HANDLE_CQ, handle);

	if (!cq)
		return false;
	cq->async_taken++;
	event->element.cq = cq_ibv(cq);
	handle_unlock();
	return true;
}

static bool take_qp(uint32_t handle, struct ibv_async_event *event)
{
	struct shim_qp *qp = handle_lock(HANDLE_QP, handle);

	if (!qp)
		return false;
	qp->events_taken++;
	event->element.qp = &qp->ex.qp_base;
	handle_unlock();
	return true;
}

static bool take_srq(uint32_t handle, struct ibv_async_event *event)
{
	struct shim_srq *srq = handle_lock(HANDLE_SRQ, handle);

	if (!srq)
		return false;
	srq->events_taken++;
	event->element.srq = &srq->ibv;
	handle_unlock();
	return true;
}

/* False if the event's object is gone. */
static bool take_event(const struct gn_event *ev, struct ibv_async_event *event)
{
	uint32_t handle = handle_of_cookie(ev->cookie);

	event->event_type = (enum ibv_event_type)ev->type;
	switch (event_about(event->event_type)) {
	case ABOUT_CQ: return take_cq(handle, event);
	case ABOUT_QP: return take_qp(handle, event);
	case ABOUT_SRQ: return take_srq(handle, event);
	case ABOUT_PORT: event->element.port_num = PORT_NUM; return true;
	case ABOUT_OTHER: break;
	}
	return false;
}

int ibv_get_async_event(struct ibv_context *context,
			struct ibv_async_event *event)
{
	struct gn_event ev;

	do {
		int rc = gn_listener_get(context_of(context)->events, &ev);

		if (rc)
			return fail_minus1(rc);
	} while (!take_event(&ev, event));
	return 0;
}

void ibv_ack_async_event(struct ibv_async_event *event)
{
	struct ibv_cq *cq = event->element.cq;
	struct ibv_qp *qp = event->element.qp;
	struct ibv_srq *srq = event->element.srq;

	switch (event_about(event->event_type)) {
	case ABOUT_CQ:
		ack_add(&cq->mutex, &cq->cond, &cq->async_events_completed, 1);
		break;
	case ABOUT_QP:
		ack_add(&qp->mutex, &qp->cond, &qp->events_completed, 1);
		break;
	case ABOUT_SRQ:
		ack_add(&srq->mutex, &srq->cond, &srq->events_completed, 1);
		break;
	case ABOUT_PORT:
	case ABOUT_OTHER: break;
	}
}
