/* server -p PORT: waits for a client that SENDs, WRITEs and READs, and says
 * whether it did.
 */
#include "side.h"

static int accept_client(int port)
{
	struct sockaddr_in any = {.sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) || listen(fd, 1))
		die("cannot listen on port %d", port);
	return accept(fd, NULL, NULL);
}

static void to_init(struct side *s)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_INIT,
		.port_num = 1,
		.qp_access_flags =
			IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ,
	};

	if (ibv_modify_qp(s->qp, &attr,
			  IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT |
				  IBV_QP_ACCESS_FLAGS))
		die("cannot go to INIT");
}

/* It sends nothing of its own, so that it need not go to RTS. */
static void to_rtr(struct side *s)
{
	struct ibv_qp_attr attr = {
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

	if (ibv_modify_qp(s->qp, &attr,
			  IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU |
				  IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
				  IBV_QP_MAX_DEST_RD_ATOMIC |
				  IBV_QP_MIN_RNR_TIMER))
		die("cannot go to RTR");
}

static void post_receive(struct side *s)
{
	struct ibv_sge sge = {.addr = (uintptr_t)s->memory->inbox,
			      .length = TEXT_LEN,
			      .lkey = s->mr->lkey};
	struct ibv_recv_wr wr = {.sg_list = &sge, .num_sge = 1}, *bad;

	if (ibv_post_recv(s->qp, &wr, &bad))
		die("cannot post a receive");
}

static void draw_secret(char *secret)
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) < 0)
		die("getrandom failed");
	snprintf(secret, TEXT_LEN, "%016llx", (unsigned long long)number);
}

int main(int argc, char **argv)
{
	char told[TEXT_LEN] = "";
	struct side s;
	int fd, read_it;

	if (argc != 3 || strcmp(argv[1], "-p"))
		die("usage: server -p PORT");
	side_open(&s);
	draw_secret(s.memory->secret);
	to_init(&s);
	post_receive(&s);
	fd = accept_client(atoi(argv[2]));
	side_exchange(&s, fd);
	to_rtr(&s);
	/* It may send now; then it says over TCP what it has read. */
	if (write(fd, "", 1) != 1)
		die("the client has gone");
	side_wait(&s, "server: waiting for the SEND");
	if (recv(fd, told, sizeof(told), MSG_WAITALL) != sizeof(told))
		die("the client has gone before it told the secret");
	read_it = !memcmp(told, s.memory->secret, sizeof(told));
	printf("SEND: %.*s\n", TEXT_LEN, s.memory->inbox);
	printf("WRITE: %.*s\n", TEXT_LEN, s.memory->slate);
	printf("READ: %s\n", read_it ? "the secret" : "something else");
	side_close(&s);
	return 0;
}
