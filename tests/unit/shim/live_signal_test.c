/* Signals while a program waits for an event, on a real NIC that talks to
 * itself.
 */
#include "tests/unit/shim/world.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

TestSuite(live_signal, .init = world_open, .timeout = 120);

#define SIGNALS 20u

static struct ibv_comp_channel *channel;
static struct ibv_qp *qp;
static pthread_t waiter;
static volatile sig_atomic_t caught;
static _Atomic bool returned;

static void on_signal(int sig)
{
	caught++;
}

static void catch_usr1(int flags)
{
	struct sigaction a = {.sa_handler = on_signal, .sa_flags = flags};

	cr_assert_eq(sigaction(SIGUSR1, &a, NULL), 0);
}

static void make_waiter(void)
{
	struct ibv_qp_init_attr a = qp_attr(IBV_QPT_RC);

	channel = ibv_create_comp_channel(ctx);
	a.send_cq = ibv_create_cq(ctx, 16, NULL, channel, 0);
	qp = ibv_create_qp(pd, &a);
	to_rts(qp);
	cr_assert_eq(ibv_req_notify_cq(a.send_cq, 0), 0);
	waiter = pthread_self();
}

/* Signals, and then the event. */
static void *disturb(void *arg)
{
	struct ibv_send_wr wr = {.opcode = IBV_WR_RDMA_WRITE,
				 .send_flags = IBV_SEND_SIGNALED},
			   *bad;

	for (unsigned i = 0; i < SIGNALS; i++) {
		usleep(2000);
		pthread_kill(waiter, SIGUSR1);
	}
	return (void *)(intptr_t)ibv_post_send(qp, &wr, &bad);
}

static void *disturb_until_it_returns(void *arg)
{
	while (!returned) {
		usleep(2000);
		pthread_kill(waiter, SIGUSR1);
	}
	return NULL;
}

/* As the read() in a real driver's ibv_get_cq_event would. */
Test(live_signal, waits_on_if_the_handler_wants_it)
{
	struct ibv_cq *of;
	void *context, *posted;
	pthread_t other;

	make_waiter();
	catch_usr1(SA_RESTART);
	cr_assert_eq(pthread_create(&other, NULL, disturb, NULL), 0);
	cr_assert_eq(ibv_get_cq_event(channel, &of, &context), 0);
	cr_assert_eq(pthread_join(other, &posted), 0);
	cr_assert_null(posted);
	cr_assert_gt(caught, 0);
	ibv_ack_cq_events(of, 1);
}

Test(live_signal, ends_the_wait_otherwise)
{
	struct ibv_cq *of;
	void *context;
	pthread_t other;
	int rc, err;

	make_waiter();
	catch_usr1(0);
	cr_assert_eq(
		pthread_create(&other, NULL, disturb_until_it_returns, NULL),
		0);
	rc = ibv_get_cq_event(channel, &of, &context);
	err = errno;
	returned = true;
	cr_assert_eq(pthread_join(other, NULL), 0);
	cr_assert_eq(rc, -1);
	cr_assert_eq(err, EINTR);
}
