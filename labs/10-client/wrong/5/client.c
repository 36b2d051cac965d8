/* client -p PORT HOST: SENDs to a server, WRITEs into its memory, and READs
 * from it.
 */
#include <stddef.h>
#include "side.h"

/* What to say. */
#define SEND_TEXT  "hello from the client"
#define WRITE_TEXT "written by the client"

static int dial(const char *port, const char *host)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)atoi(port))};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	inet_pton(AF_INET, host, &to.sin_addr);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
		die("cannot connect to %s, port %s", host, port);
	return fd;
}

static void modify(struct side *s, struct ibv_qp_attr *attr, int mask,
		   const char *what)
{
	if (ibv_modify_qp(s->qp, attr, mask | IBV_QP_STATE))
		die("cannot go to %s", what);
}

static void connect_qp(struct side *s)
{
	struct ibv_qp_attr init = {.qp_state = IBV_QPS_INIT, .port_num = 1};
	struct ibv_qp_attr rtr = {
		.qp_state = IBV_QPS_RTR,
		.path_mtu = IBV_MTU_1024,
		.dest_qp_num = s->theirs.qpn,
		.rq_psn = s->theirs.psn,
		.max_dest_rd_atomic = 1,
		.min_rnr_timer = 12,
		.ah_attr = {.is_global = 1,
			    .port_num = 1,
			    .grh = {.dgid = s->theirs.gid,
				    .sgid_index = GID_INDEX,
				    .hop_limit = 64}},
	};
	struct ibv_qp_attr rts = {
		.qp_state = IBV_QPS_RTS,
		.sq_psn = s->mine.psn,
		.timeout = 14,
		.retry_cnt = 7,
		.rnr_retry = 7,
		.max_rd_atomic = 1,
	};

	modify(s, &init, IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS,
	       "INIT");
	modify(s, &rtr,
	       IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
		       IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER,
	       "RTR");
	modify(s, &rts,
	       IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT |
		       IBV_QP_RNR_RETRY | IBV_QP_MAX_QP_RD_ATOMIC,
	       "RTS");
}

/* Posts @opcode, of @local and of what is at @offset in the server's memory,
 * and waits for its completion.
 */
static void post(struct side *s, enum ibv_wr_opcode opcode, char *local,
		 size_t offset, const char *what)
{
	struct ibv_sge sge = {.addr = (uintptr_t)local,
			      .length = TEXT_LEN,
			      .lkey = s->mr->lkey};
	struct ibv_send_wr wr = {.opcode = opcode,
				 .sg_list = &sge,
				 .num_sge = 1},
			   *bad;

	wr.wr.rdma.remote_addr = s->theirs.addr + offset;
	wr.wr.rdma.rkey = s->theirs.rkey;
	if (ibv_post_send(s->qp, &wr, &bad))
		die("%s: cannot be posted", what);
	side_wait(s, what);
}

static void send_text(struct side *s)
{
	strcpy(s->memory->outbox, SEND_TEXT);
	post(s, IBV_WR_SEND, s->memory->outbox, 0, "SEND");
}

static void write_text(struct side *s)
{
	strcpy(s->memory->outbox, WRITE_TEXT);
	post(s, IBV_WR_RDMA_WRITE, s->memory->outbox,
	     offsetof(struct memory, slate), "WRITE");
}

static void read_secret(struct side *s)
{
	post(s, IBV_WR_RDMA_READ, s->memory->inbox,
	     offsetof(struct memory, secret), "READ");
}

int main(int argc, char **argv)
{
	struct side s;
	char go;
	int fd;

	if (argc != 4 || strcmp(argv[1], "-p"))
		die("usage: client -p PORT HOST");
	side_open(&s);
	fd = dial(argv[2], argv[3]);
	side_exchange(&s, fd);
	connect_qp(&s);
	if (recv(fd, &go, 1, 0) != 1) /* the server is ready to receive */
		die("the server has gone");
	send_text(&s);
	write_text(&s);
	read_secret(&s);
	if (write(fd, s.memory->inbox, TEXT_LEN) != TEXT_LEN)
		die("the server has gone");
	side_close(&s);
	return 0;
}
