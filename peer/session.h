/* One drill's connection, and the objects that its lines made. */
#ifndef PEER_SESSION_H
#define PEER_SESSION_H

#include "peer/device.h"
#include "drill/words.h"

#define OBJECTS_MAX  256u
#define OBJECT_NAME  32u
#define MEMORY_GUARD 64u
#define AHS_MAX	     64u
#define GROUPS_MAX   64u
#define LINE_MAX_LEN 2048u
#define REPLY_MAX    8192u

enum object_kind { O_PD, O_MR, O_MW, O_CQ, O_SRQ, O_XRCD, O_QP, O_N };

struct object {
	char name[OBJECT_NAME]; /* "": free */
	enum object_kind kind;
	union {
		struct ibv_pd *pd;
		struct ibv_mr *mr;
		struct ibv_mw *mw;
		struct ibv_cq *cq;
		struct ibv_srq *srq;
		struct ibv_xrcd *xrcd;
		struct ibv_qp *qp;
		void *any;
	};
	uint8_t *memory; /* O_MR: guard, len bytes, guard */
	size_t len;
	uint64_t iova;
	bool extended; /* O_QP: can do what only ibv_wr_* calls can */
	bool held;     /* O_CQ: nobody polls it */
};

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
	struct object object[OBJECTS_MAX];
	struct object *pd, *cq; /* those that are there from the start */
	struct address address[AHS_MAX];
	struct membership member[GROUPS_MAX];
	unsigned nregion; /* made so far */
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
/* The name of the object that @any is, or "?". */
const char *session_name(const struct session *s, const void *any);

#endif
