/* The port itself sends nowhere and receives what the input says; that the
 * output shows both is the business of a capture around it.
 */
#include "nic/port/port_pcap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nic/base/log.h"
#include "nic/port/capfile.h"
#include "nic/port/capture.h"

struct pcap_port {
	struct port port;
	pid_t owner; /* in a forked child nothing may be written */
	int lock;    /* holds the output for this NIC */
	struct tap *out;
	struct capfile *in; /* NULL: there is nothing more */
	nsec_t after;
	bool fast, started;
	struct capfile_frame next;
	nsec_t due;	/* when next arrives */
	uint64_t began; /* the recorded time of the first frame, and */
	nsec_t base;	/* when that arrives */
};

static void pcap_send(struct port *port, struct pkt *batch, unsigned n,
		      nsec_t now)
{
}

static void end_input(struct pcap_port *p)
{
	capfile_close(p->in);
	p->in = NULL;
}

/* The next frame of the input, and when it is due.  Time in a capture may go
 * backwards; here it stands.
 */
static void read_next(struct pcap_port *p)
{
	char why[CAPFILE_WHY_MAX];
	int rc = capfile_next(p->in, &p->next, why);

	if (rc < 0)
		log_warn("%s; nothing more is received", why);
	if (rc <= 0) {
		end_input(p);
		return;
	}
	if (!p->fast && p->next.realtime_nsec > p->began)
		p->due = p->base + (p->next.realtime_nsec - p->began);
}

static void start(struct pcap_port *p, nsec_t now)
{
	p->started = true;
	p->base = p->due = now + p->after;
	if (!p->in)
		return;
	p->began = UINT64_MAX;
	read_next(p);
	p->began = p->in ? p->next.realtime_nsec : 0;
}

/* Also where the output is written out: no later than the next time that
 * somebody looks at the NIC.
 */
static unsigned pcap_receive(struct port *port, unsigned budget, nsec_t now)
{
	struct pcap_port *p = (struct pcap_port *)port;
	unsigned n = 0;

	if (!p->started)
		start(p, now);
	while (p->in && p->due <= now && n < budget) {
		enum drop v =
			p->port.deliver(p->port.ctx, p->next.bytes, NULL, now);

		if (v != DROP_NONE)
			p->port.counters->drop[v]++;
		n++;
		read_next(p);
	}
	capture_flush(p->out);
	return n;
}

static nsec_t pcap_deadline(const struct port *port)
{
	const struct pcap_port *p = (const struct pcap_port *)port;

	if (!p->in)
		return NSEC_NEVER;
	return p->started ? p->due : 0;
}

static void pcap_tick(struct port *port, nsec_t now)
{
}

static unsigned pcap_fds(const struct port *port, int fd[PORT_FDS])
{
	return 0;
}

static void pcap_free(struct port *port)
{
	struct pcap_port *p = (struct pcap_port *)port;

	if (p->out && getpid() == p->owner)
		capture_free(p->out);
	else if (p->out)
		capture_forget(p->out);
	end_input(p);
	if (p->lock >= 0)
		close(p->lock);
	free(p);
}

static const struct port_ops pcap_ops = {
	.send = pcap_send,
	.receive = pcap_receive,
	.deadline = pcap_deadline,
	.tick = pcap_tick,
	.fds = pcap_fds,
	.free = pcap_free,
};

static int open_output(struct pcap_port *p, const struct pcap_config *cfg,
		       char *why)
{
	p->lock = open(cfg->out, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (p->lock >= 0 && flock(p->lock, LOCK_EX | LOCK_NB)) {
		snprintf(why, PCAP_WHY_MAX,
			 "port=pcap:%.150s: another NIC writes this file; name "
			 "another",
			 cfg->out);
		return -EBUSY;
	}
	return capture_new(cfg->out, cfg->name, &p->out, why);
}

static int open_files(struct pcap_port *p, const struct pcap_config *cfg,
		      char *why)
{
	struct stat in, out;
	int rc;

	/* A mistake here must not cost what was in the output. */
	if (cfg->in && !stat(cfg->in, &in) && !stat(cfg->out, &out) &&
	    in.st_dev == out.st_dev && in.st_ino == out.st_ino) {
		snprintf(why, PCAP_WHY_MAX,
			 "in=%.150s: this file would be overwritten; name "
			 "another behind pcap:",
			 cfg->in);
		return -EINVAL;
	}
	rc = cfg->in ? capfile_open(cfg->in, &p->in, why) : 0;
	return rc ? rc : open_output(p, cfg, why);
}

int port_pcap_new(const struct pcap_config *cfg, struct port **port, char *why)
{
	struct pcap_port *p = calloc(1, sizeof(*p));
	int rc;

	snprintf(why, PCAP_WHY_MAX, "out of memory");
	if (!p)
		return -ENOMEM;
	p->owner = getpid();
	p->lock = -1;
	p->port.ops = &pcap_ops;
	p->port.mtu = PCAP_MTU;
	p->port.counters = cfg->counters;
	p->after = cfg->after;
	p->fast = cfg->fast;
	rc = open_files(p, cfg, why);
	if (rc) {
		pcap_free(&p->port);
		return rc;
	}
	return capture_port_new(&p->port, p->out, port);
}
