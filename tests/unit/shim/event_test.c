/* Which events reach the program, and who waits for their acknowledgement. */
#include "verbs_shim/cq.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <unistd.h>
#include "tests/unit/shim/fake_nic.h"
#include "verbs_shim/pd.h"

static struct shim_pd pd;

static struct ibv_qp *make_qp(void)
{
	static struct shim_cq cq;
	struct ibv_qp_init_attr attr = {.qp_type = IBV_QPT_RC,
					.send_cq = cq_ibv(&cq),
					.recv_cq = cq_ibv(&cq)};

	pd.ibv.context = cq.ex.context = fake_open();
	return ibv_create_qp(&pd.ibv, &attr);
}

static volatile int destroyed;

static void *destroy_cq(void *cq)
{
	ibv_destroy_cq(cq);
	destroyed = 1;
	return NULL;
}

static void *destroy_qp(void *qp)
{
	ibv_destroy_qp(qp);
	destroyed = 1;
	return NULL;
}

/* Runs @destroy and checks that it has not returned after 50 ms. */
static pthread_t destroy_blocked(void *(*destroy)(void *), void *object)
{
	pthread_t thread;

	pthread_create(&thread, NULL, destroy, object);
	usleep(50000);
	cr_assert_not(destroyed, "destroyed before its event was acknowledged");
	return thread;
}

Test(event, completion_event_brings_the_cq_and_its_context)
{
	int mine;
	struct ibv_context *context = fake_open();
	struct ibv_comp_channel *ch = ibv_create_comp_channel(context);
	struct ibv_cq *cq = ibv_create_cq(context, 8, &mine, ch, 0), *of;
	void *cookie;

	fake_cookies[fake_queued++] = fake_cookie;
	cr_assert_eq(ibv_get_cq_event(ch, &of, &cookie), 0);
	cr_assert_eq(of, cq);
	cr_assert_eq(cookie, &mine);
	cr_assert_eq(ibv_get_cq_event(ch, &of, &cookie), -1);
	cr_assert_eq(errno, EAGAIN);
}

Test(event, of_a_cq_destroyed_meanwhile_is_skipped)
{
	struct ibv_context *context = fake_open();
	struct ibv_comp_channel *ch = ibv_create_comp_channel(context);
	struct ibv_cq *gone = ibv_create_cq(context, 8, NULL, ch, 0), *left,
		      *of;
	void *cookie;

	fake_cookies[fake_queued++] = fake_cookie;
	left = ibv_create_cq(context, 8, NULL, ch, 0);
	fake_cookies[fake_queued++] = fake_cookie;
	cr_assert_eq(ibv_destroy_cq(gone), 0);
	cr_assert_eq(ibv_get_cq_event(ch, &of, &cookie), 0);
	cr_assert_eq(of, left);
}

Test(event, destroy_cq_waits_for_the_acknowledgement, .timeout = 120)
{
	struct ibv_context *context = fake_open();
	struct ibv_comp_channel *ch = ibv_create_comp_channel(context);
	struct ibv_cq *cq = ibv_create_cq(context, 8, NULL, ch, 0), *of;
	pthread_t thread;
	void *cookie;

	fake_cookies[fake_queued++] = fake_cookie;
	fake_cookies[fake_queued++] = fake_cookie;
	ibv_get_cq_event(ch, &of, &cookie);
	ibv_get_cq_event(ch, &of, &cookie);
	ibv_ack_cq_events(cq, 1);
	thread = destroy_blocked(destroy_cq, cq);
	ibv_ack_cq_events(cq, 1);
	pthread_join(thread, NULL);
	cr_assert_eq(ibv_destroy_comp_channel(ch), 0);
}

Test(event, channel_with_a_cq_is_busy)
{
	struct ibv_context *context = fake_open();
	struct ibv_comp_channel *ch = ibv_create_comp_channel(context);
	struct ibv_cq *cq = ibv_create_cq(context, 8, NULL, ch, 0);

	cr_assert_eq(ibv_destroy_comp_channel(ch), EBUSY);
	cr_assert_eq(ibv_destroy_cq(cq), 0);
	cr_assert_eq(ibv_destroy_comp_channel(ch), 0);
}

Test(event, of_a_qp_is_acknowledged_to_it, .timeout = 120)
{
	struct ibv_qp *qp = make_qp();
	struct ibv_async_event event;
	pthread_t thread;

	fake_events[fake_queued++] = (struct gn_event){
		.type = GN_EVENT_COMM_EST, .cookie = fake_cookie};
	cr_assert_eq(ibv_get_async_event(qp->context, &event), 0);
	cr_assert_eq(event.event_type, IBV_EVENT_COMM_EST);
	cr_assert_eq(event.element.qp, qp);
	thread = destroy_blocked(destroy_qp, qp);
	ibv_ack_async_event(&event);
	pthread_join(thread, NULL);
}

Test(event, of_a_cq_is_not_taken_for_a_completion_event, .timeout = 120)
{
	struct ibv_cq *cq = ibv_create_cq(fake_open(), 8, NULL, NULL, 0);
	struct ibv_async_event event;
	pthread_t thread;

	fake_events[fake_queued++] = (struct gn_event){.type = GN_EVENT_CQ_ERR,
						       .cookie = fake_cookie};
	cr_assert_eq(ibv_get_async_event(cq->context, &event), 0);
	cr_assert_eq(event.element.cq, cq);
	thread = destroy_blocked(destroy_cq, cq);
	ibv_ack_async_event(&event);
	pthread_join(thread, NULL);
}

Test(event, of_the_port_needs_no_object)
{
	struct ibv_async_event event;

	fake_events[fake_queued++] =
		(struct gn_event){.type = GN_EVENT_PORT_ACTIVE};
	cr_assert_eq(ibv_get_async_event(fake_open(), &event), 0);
	cr_assert_eq(event.event_type, IBV_EVENT_PORT_ACTIVE);
	cr_assert_eq(event.element.port_num, 1);
}
