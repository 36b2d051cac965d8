/* One thread waits for three things: a line of the drill, a completion, an
 * event of the device.  Each is told as soon as it occurs, and always before
 * the answer to the next line.
 */
#include "peer/session.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "peer/call.h"

#define SEND_MSEC 10000 /* a drill that does not read is gone */

/* ---- lines out ---- */

static void put(struct session *s, const char *text, size_t len)
{
	while (len && !s->lost) {
		struct pollfd p = {s->fd, POLLOUT, 0};
		ssize_t n = send(s->fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0) {
			text += n;
			len -= (size_t)n;
		} else if (errno != EAGAIN && errno != EINTR) {
			s->lost = true;
		} else if (!poll(&p, 1, SEND_MSEC)) {
			s->lost = true;
		}
	}
}

/* @text has room for one character more. */
static void put_line(struct session *s, char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		if (text[i] == '\n')
			text[i] = ' ';
	text[len] = '\n';
	put(s, text, len + 1);
}

/* ---- completions ---- */

static const char *name_of_qpn(const struct session *s, uint32_t qpn)
{
	for (unsigned i = 0; i < OBJECTS_MAX; i++)
		if (s->objects.object[i].name[0] &&
		    s->objects.object[i].kind == O_QP &&
		    s->objects.object[i].ibv_qp->qp_num == qpn)
			return s->objects.object[i].name;
	return "?";
}

/* Of a failed request only this much is valid (ibv_poll_cq(3)). */
static int format_failed(const struct session *s, const struct ibv_wc *wc,
			 char *text, size_t size)
{
	return snprintf(text, size, "wc id=%llu status=%s qp=%s",
			(unsigned long long)wc->wr_id,
			verbs_word(verbs_statuses, wc->status),
			name_of_qpn(s, wc->qp_num));
}

static void tell_completion(struct session *s, const struct ibv_wc *wc)
{
	char text[256];
	int n = format_failed(s, wc, text, sizeof(text));
	size_t room = sizeof(text) - (size_t)n;

	if (!wc->status) {
		n += snprintf(text + n, room, " opcode=%s len=%u src_qp=0x%x",
			      verbs_word(verbs_wc_opcodes, wc->opcode),
			      wc->byte_len, wc->src_qp);
		room = sizeof(text) - (size_t)n;
		if (wc->wc_flags & IBV_WC_WITH_IMM)
			n += snprintf(text + n, room, " imm=0x%x",
				      ntohl(wc->imm_data));
		if (wc->wc_flags & IBV_WC_WITH_INV)
			n += snprintf(text + n, room, " inv_rkey=0x%x",
				      wc->invalidated_rkey);
		room = sizeof(text) - (size_t)n;
		if (wc->wc_flags & IBV_WC_GRH)
			snprintf(text + n, room, " grh");
	}
	put_line(s, text);
}

static void poll_cqs(struct session *s)
{
	for (unsigned i = 0; i < OBJECTS_MAX; i++) {
		struct object *o = &s->objects.object[i];
		struct ibv_wc wc;

		if (!o->name[0] || o->kind != O_CQ || o->held)
			continue;
		while (ibv_poll_cq(o->ibv_cq, 1, &wc) == 1)
			tell_completion(s, &wc);
	}
}

/* The CQ may be gone already. */
static void arm(struct session *s, const struct ibv_cq *cq)
{
	for (unsigned i = 0; i < OBJECTS_MAX; i++)
		if (s->objects.object[i].name[0] &&
		    s->objects.object[i].kind == O_CQ &&
		    s->objects.object[i].ibv_cq == cq)
			ibv_req_notify_cq(s->objects.object[i].ibv_cq, 0);
}

static void take_completion_events(struct session *s)
{
	struct ibv_cq *cq;
	void *ctx;

	while (!ibv_get_cq_event(s->channel, &cq, &ctx)) {
		ibv_ack_cq_events(cq, 1);
		arm(s, cq);
	}
}

/* ---- events ---- */

static const char *subject(const struct session *s,
			   const struct ibv_async_event *ev)
{
	switch ((int)ev->event_type) {
	case IBV_EVENT_CQ_ERR: return objects_name(&s->objects, ev->element.cq);
	case IBV_EVENT_SRQ_ERR:
	case IBV_EVENT_SRQ_LIMIT_REACHED:
		return objects_name(&s->objects, ev->element.srq);
	default: return objects_name(&s->objects, ev->element.qp);
	}
}

/* Events of ports are not the drill's. */
static void take_async_events(struct session *s)
{
	struct ibv_async_event ev;
	char text[96];

	while (!ibv_get_async_event(s->device->context, &ev)) {
		const char *word = verbs_word(verbs_events, ev.event_type);

		if (strcmp(word, "?")) {
			snprintf(text, sizeof(text), "event %s %s", word,
				 subject(s, &ev));
			put_line(s, text);
		} else if (ev.event_type == IBV_EVENT_DEVICE_FATAL) {
			fprintf(stderr, "glassnic peer: the device has "
					"failed\n");
			s->lost = true;
		}
		ibv_ack_async_event(&ev);
	}
}

void session_report(struct session *s)
{
	take_completion_events(s);
	poll_cqs(s);
	take_async_events(s);
}

/* ---- lines in ---- */

static void answer(struct session *s, const char *line)
{
	static char text[REPLY_MAX + 17];

	/* Polling also has glassnic's NIC take in what has arrived, which is to
	 * happen before the verb.
	 */
	session_report(s);
	session_call(s, line, text);
	session_report(s);
	put_line(s, text);
}

/* Answers the whole lines that have come. */
static void take_lines(struct session *s)
{
	char *end;

	while (!s->lost && (end = memchr(s->in, '\n', s->nin))) {
		size_t used = (size_t)(end - s->in) + 1;
		char line[LINE_MAX_LEN];

		memcpy(line, s->in, used);
		line[used - 1] = '\0';
		s->nin -= used;
		memmove(s->in, s->in + used, s->nin);
		answer(s, line);
	}
	if (s->nin == sizeof(s->in)) {
		char text[] = "refused the line is too long ";

		put_line(s, text);
		s->lost = true;
	}
}

static void take_input(struct session *s)
{
	ssize_t n = recv(s->fd, s->in + s->nin, sizeof(s->in) - s->nin,
			 MSG_DONTWAIT);

	if (n > 0)
		s->nin += (size_t)n;
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		s->lost = true;
	take_lines(s);
}

static void serve(struct session *s)
{
	struct pollfd p[] = {{s->fd, POLLIN, 0},
			     {s->channel->fd, POLLIN, 0},
			     {s->device->context->async_fd, POLLIN, 0}};

	while (!s->lost) {
		if (poll(p, 3, -1) < 0 && errno != EINTR)
			return;
		session_report(s);
		if (p[0].revents)
			take_input(s);
	}
}

/* ---- from hello to the end ---- */

static void be_nonblocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static void greet(struct session *s)
{
	char text[512];

	device_greeting(s->device, text, sizeof(text) - 1);
	put_line(s, text);
}

void session_run(struct device *d, int fd)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return;
	s->device = d;
	s->fd = fd;
	s->channel = ibv_create_comp_channel(d->context);
	if (s->channel) {
		be_nonblocking(s->channel->fd);
		be_nonblocking(d->context->async_fd);
		if (!session_make_first(s)) {
			greet(s);
			serve(s);
		} else {
			fprintf(stderr,
				"glassnic peer: no protection domain and CQ "
				"to begin with: %s\n",
				strerror(errno));
		}
		session_destroy(s);
		ibv_destroy_comp_channel(s->channel);
	}
	free(s);
}
