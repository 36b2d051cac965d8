#include <stdlib.h>
#include "verbs_shim/ack.h"
#include "verbs_shim/channel.h"
#include "verbs_shim/context.h"
#include "verbs_shim/cq.h"
#include "verbs_shim/fail.h"
#include "verbs_shim/handle.h"

struct ibv_comp_channel *ibv_create_comp_channel(struct ibv_context *context)
{
	struct shim_channel *ch = calloc(1, sizeof(*ch));
	int rc;

	if (!ch)
		return fail_null(-ENOMEM);
	rc = gn_channel_new(nic_of(context), &ch->channel);
	if (rc) {
		free(ch);
		return fail_null(rc);
	}
	ch->ibv.context = context;
	ch->ibv.fd = gn_channel_fd(ch->channel);
	return &ch->ibv;
}

void channel_count(struct ibv_comp_channel *channel, int by)
{
	pthread_mutex_lock(&channel->context->mutex);
	channel->refcnt += by;
	pthread_mutex_unlock(&channel->context->mutex);
}

int ibv_destroy_comp_channel(struct ibv_comp_channel *channel)
{
	struct ibv_context *context = channel->context;
	int rc = -EBUSY;

	pthread_mutex_lock(&context->mutex);
	if (channel->refcnt == 0)
		rc = gn_channel_free(channel_of(channel)->channel);
	pthread_mutex_unlock(&context->mutex);
	if (rc)
		return -rc;
	free(channel);
	return 0;
}

int ibv_get_cq_event(struct ibv_comp_channel *channel, struct ibv_cq **cq,
		     void **cq_context)
{
	struct shim_cq *c;
	void *cookie;

	do {
		int rc = gn_channel_get(channel_of(channel)->channel, &cookie);

		if (rc)
			return fail_minus1(rc);
		c = handle_lock(HANDLE_CQ, handle_of_cookie(cookie));
	} while (!c);
	c->comp_taken++;
	*cq = cq_ibv(c);
	*cq_context = c->ex.cq_context;
	handle_unlock();
	return 0;
}

void ibv_ack_cq_events(struct ibv_cq *cq, unsigned int nevents)
{
	ack_add(&cq->mutex, &cq->cond, &cq->comp_events_completed, nevents);
}
