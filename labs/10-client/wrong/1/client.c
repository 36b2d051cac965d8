/* client -p PORT HOST: SENDs to a server, WRITEs into its memory, and READs
 * from it.  Four functions are yours to write.
 */
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

/* TODO 1: takes s->qp from RESET by INIT and RTR to RTS, connected to s->theirs
 * (its qpn, psn and gid), with s->mine.psn for what we send.  server.c shows
 * the first two moves; `man ibv_modify_qp' says what the third requires.
 */
static void connect_qp(struct side *s)
{
	die("TODO 1: connect_qp is to be written");
}

/* TODO 2: copies SEND_TEXT to s->memory->outbox, posts it (all TEXT_LEN bytes)
 * as IBV_WR_SEND, and waits for the completion: side_wait(s, "SEND").
 */
static void send_text(struct side *s)
{
	die("TODO 2: send_text is to be written");
}

/* TODO 3: the same with WRITE_TEXT and IBV_WR_RDMA_WRITE, to the server's
 * slate. Its memory is a struct memory at s->theirs.addr; side_wait(s,
 * "WRITE").
 */
static void write_text(struct side *s)
{
	die("TODO 3: write_text is to be written");
}

/* TODO 4: reads the server's secret into s->memory->inbox by IBV_WR_RDMA_READ;
 * side_wait(s, "READ").
 */
static void read_secret(struct side *s)
{
	die("TODO 4: read_secret is to be written");
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
