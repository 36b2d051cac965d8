/* One drill's connection, and the objects that its lines made. */
#ifndef PEER_SESSION_H
#define PEER_SESSION_H

#include "peer/device.h"
#include "drill/call.h"

#define AHS_MAX	     64u
#define GROUPS_MAX   64u
#define LINE_MAX_LEN 2048u

/* Where datagrams go; kept to the end, as they may be under way. */
struct address {
	struct ibv_ah *ah; /* NULL: free */
	struct ibv_pd *pd;
	union ibv_gid gid;
	uint8_t traffic_class;
};

struct membership {
	struct ibv_qp *qp; /* NULL: free */
	union ibv_gid group;
};

struct session {
	struct device *device;
	int fd;
	bool lost; /* nobody hears us any more */
	struct ibv_comp_channel *channel;
	struct objects objects;
	struct address address[AHS_MAX];
	struct membership member[GROUPS_MAX];
	char in[LINE_MAX_LEN];
	size_t nin;
};

/* Serves the drill at @fd until it hangs up; what it made is gone then. */
void session_run(struct device *d, int fd);

/* Sends what has completed and happened. */
void session_report(struct session *s);

/* Makes "pd" and "cq"; errno. */
int session_make_first(struct session *s);
/* Destroys everything. */
void session_destroy(struct session *s);

#endif
