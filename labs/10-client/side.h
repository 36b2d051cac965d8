/* What server.c and client.c have in common: one side of a connection, with its
 * device, memory and queue pair.  Whatever fails ends the program with one
 * line.
 */
#ifndef SIDE_H
#define SIDE_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <infiniband/verbs.h>

#define GID_INDEX 1 /* the RoCEv2 address, on IPv4 */
#define TEXT_LEN  32
#define WAIT_SEC  5

/* What one side tells the other over TCP. */
struct place {
	uint32_t qpn, psn;
	union ibv_gid gid;
	uint64_t addr; /* of its memory */
	uint32_t rkey;
};

/* Registered as one memory region. */
struct memory {
	char slate[TEXT_LEN];  /* the server's: for the client to WRITE */
	char secret[TEXT_LEN]; /* the server's: for the client to READ */
	char inbox[TEXT_LEN];  /* for what is received, or read */
	char outbox[TEXT_LEN]; /* what is sent, or written */
};

struct side {
	struct ibv_context *context;
	struct ibv_pd *pd;
	struct ibv_cq *cq;
	struct ibv_mr *mr;
	struct ibv_qp *qp;
	struct memory *memory;
	struct place mine, theirs;
};

static inline void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	exit(1);
}

/* A device, memory, and a queue pair in RESET. */
static inline void side_open(struct side *s)
{
	struct ibv_device **list = ibv_get_device_list(NULL);
	struct ibv_qp_init_attr init = {
		.qp_type = IBV_QPT_RC,
		.cap = {.max_send_wr = 8,
			.max_recv_wr = 8,
			.max_send_sge = 1,
			.max_recv_sge = 1},
		.sq_sig_all = 1,
	};

	memset(s, 0, sizeof(*s));
	if (!list || !list[0])
		die("no RDMA device: use glassnic run");
	s->context = ibv_open_device(list[0]);
	ibv_free_device_list(list);
	s->pd = ibv_alloc_pd(s->context);
	s->cq = ibv_create_cq(s->context, 16, NULL, NULL, 0);
	s->memory = calloc(1, sizeof(*s->memory));
	s->mr = ibv_reg_mr(s->pd, s->memory, sizeof(*s->memory),
			   IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |
				   IBV_ACCESS_REMOTE_READ);
	init.send_cq = init.recv_cq = s->cq;
	s->qp = ibv_create_qp(s->pd, &init);
	if (!s->qp || !s->mr)
		die("cannot create the queue pair or register memory");
	s->mine.qpn = s->qp->qp_num;
	if (getrandom(&s->mine.psn, sizeof(s->mine.psn), 0) < 0)
		die("getrandom failed");
	s->mine.psn &= 0xffffff;
	s->mine.addr = (uintptr_t)s->memory;
	s->mine.rkey = s->mr->rkey;
	ibv_query_gid(s->context, 1, GID_INDEX, &s->mine.gid);
}

/* Both sides have the same byte order here. */
static inline void side_exchange(struct side *s, int fd)
{
	if (write(fd, &s->mine, sizeof(s->mine)) != sizeof(s->mine) ||
	    recv(fd, &s->theirs, sizeof(s->theirs), MSG_WAITALL) !=
		    sizeof(s->theirs))
		die("the other side has gone");
}

/* Waits for the next completion; @what is for the message if it is none, or an
 * error.
 */
static inline void side_wait(struct side *s, const char *what)
{
	time_t until = time(NULL) + WAIT_SEC;
	struct ibv_wc wc;
	int n;

	while (!(n = ibv_poll_cq(s->cq, 1, &wc)))
		if (time(NULL) > until)
			die("%s: no completion within %d s", what, WAIT_SEC);
	if (n < 0 || wc.status)
		die("%s: %s", what,
		    n < 0 ? "cannot poll" : ibv_wc_status_str(wc.status));
}

static inline void side_close(struct side *s)
{
	ibv_destroy_qp(s->qp);
	ibv_dereg_mr(s->mr);
	ibv_destroy_cq(s->cq);
	ibv_dealloc_pd(s->pd);
	ibv_close_device(s->context);
	free(s->memory);
}

#endif
