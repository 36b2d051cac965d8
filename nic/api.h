/* The device, as seen from outside: what the drop-in libraries, tests and tools
 * call.  It speaks the terms and the numbers of verbs (every enum here has the
 * value that <infiniband/verbs.h> gives to its namesake; the shim pins them),
 * but no struct of that header.
 *
 * Conventions: functions return 0 or -errno and change nothing when they fail;
 * objects come back through the last argument.  All may be called from any
 * thread.  Freeing an object that others still use is -EBUSY.
 */
#ifndef NIC_API_H
#define NIC_API_H

#include <stdbool.h>
#include <stdint.h>
#include "wire/ip.h"

#define GN_EXPORT __attribute__((visibility("default")))

struct gn_nic;	   /* an opened NIC: one engine, one address on the wire */
struct gn_pd;	   /* protection domain */
struct gn_mr;	   /* memory region */
struct gn_channel; /* completion channel */
struct gn_cq;	   /* completion queue */
struct gn_srq;	   /* shared receive queue */
struct gn_mw;	   /* memory window */
struct gn_xrcd;	   /* XRC domain */
struct gn_dm;	   /* memory of the device */
struct gn_recv_wr; /* a receive work request, below */
struct gn_qp;	   /* queue pair */

/* ---- devices ------------------------------------------------------------ */

#define GN_NAME_MAX 64

struct gn_device_info {
	char name[GN_NAME_MAX];	  /* "glass0" */
	char netdev[GN_NAME_MAX]; /* interface behind it ("lo"), or "" */
	uint64_t guid;		  /* host order */
};

/* How many NICs this process is configured with (GLASSNIC_NIC; one by default).
 * A bad configuration is said once on stderr and gives none.
 */
GN_EXPORT unsigned gn_device_count(void);
GN_EXPORT int gn_device_info(unsigned index, struct gn_device_info *info);

/* Opens NIC @index, claims its address.  Opening it again gives the same NIC,
 * which closes with its last gn_close.  -EADDRINUSE, -EADDRNOTAVAIL, -EACCES,
 * -ENODEV: said on stderr, too.
 */
GN_EXPORT int gn_open(unsigned index, struct gn_nic **nic);
GN_EXPORT void gn_close(struct gn_nic *nic);

struct gn_limits {
	uint32_t max_qp, max_cq, max_mr, max_pd, max_srq, max_ah, max_mw, max_xrcd;
	uint32_t max_qp_wr, max_cqe, max_sge, max_srq_wr, max_srq_sge;
	uint32_t max_inline;
	uint32_t max_rd_atomic; /* initiator and responder depth of one QP */
	uint32_t max_mcast_grp, max_mcast_qp_attach;
	uint64_t max_dm_size;
	uint32_t max_ind_size; /* queues in a table of gn_ind_new */
	bool raw_packet; /* this NIC's port carries Ethernet */
	uint64_t max_mr_size;
	uint32_t max_msg_size; /* 2^31 */
	uint32_t gid_count, pkey_count;
};

struct gn_port_info {
	bool active;
	unsigned max_mtu, active_mtu; /* PMTU in bytes: 256 .. 4096 */
	uint8_t mac[6];		      /* all zero on link_udp */
	uint64_t speed_mbps;
	const char *netdev;
	uint16_t lid; /* for programs that know no GIDs; 0: none, as RoCE has */
};

GN_EXPORT void gn_query_limits(const struct gn_nic *nic, struct gn_limits *l);
GN_EXPORT void gn_query_port(const struct gn_nic *nic, struct gn_port_info *p);
/* GID table; -ENODATA: no entry there; -EINVAL: past the table. */
GN_EXPORT int gn_query_gid(const struct gn_nic *nic, unsigned index,
			   struct ip_addr *gid);
GN_EXPORT int gn_query_pkey(const struct gn_nic *nic, unsigned index,
			    uint16_t *pkey);
GN_EXPORT void gn_device_of(const struct gn_nic *nic,
			    struct gn_device_info *info);

/* ---- protection domains and memory -------------------------------------- */

#define GN_ACCESS_LOCAL_WRITE	   (1u << 0)
#define GN_ACCESS_REMOTE_WRITE	   (1u << 1)
#define GN_ACCESS_REMOTE_READ	   (1u << 2)
#define GN_ACCESS_REMOTE_ATOMIC	   (1u << 3)
#define GN_ACCESS_MW_BIND	   (1u << 4)
#define GN_ACCESS_ZERO_BASED	   (1u << 5)
#define GN_ACCESS_ON_DEMAND	   (1u << 6)
#define GN_ACCESS_HUGETLB	   (1u << 7)
#define GN_ACCESS_FLUSH_GLOBAL	   (1u << 8)
#define GN_ACCESS_FLUSH_PERSISTENT (1u << 9)
#define GN_ACCESS_RELAXED	   (1u << 20)

struct gn_sge {
	uint64_t addr;
	uint32_t len;
	uint32_t lkey;
};

GN_EXPORT int gn_pd_new(struct gn_nic *nic, struct gn_pd **pd);
GN_EXPORT int gn_pd_free(struct gn_pd *pd);

/* Registers @len bytes at @addr; remote peers address them as @iova and on.
 * -EINVAL: rights that make no sense together (REMOTE_WRITE or REMOTE_ATOMIC
 * without LOCAL_WRITE), unknown bits, a range that wraps.  -EFAULT: no memory
 * there.  @lkey and @rkey are out.
 */
GN_EXPORT int gn_mr_new(struct gn_pd *pd, void *addr, uint64_t len,
			uint64_t iova, unsigned access, struct gn_mr **mr);
GN_EXPORT int gn_mr_free(struct gn_mr *mr);
GN_EXPORT uint32_t gn_mr_lkey(const struct gn_mr *mr);
GN_EXPORT uint32_t gn_mr_rkey(const struct gn_mr *mr);
/* Changes what @flags name; the keys stay.  What is in flight sees the old or
 * the new.  -EBUSY while windows are bound to it.
 */
#define GN_REREG_TRANSLATION (1u << 0) /* addr, len; iova becomes addr */
#define GN_REREG_PD	     (1u << 1)
#define GN_REREG_ACCESS	     (1u << 2)
GN_EXPORT int gn_mr_rereg(struct gn_mr *mr, unsigned flags, struct gn_pd *pd,
			  void *addr, uint64_t len, unsigned access);
/* A region of any address: reads give zeros, writes vanish. Local use only. */
GN_EXPORT int gn_mr_new_null(struct gn_pd *pd, struct gn_mr **mr);
/* Faults in what SGE @sge names, for writing if @write.  -ENOENT: no such lkey
 * in @pd; -EFAULT; -EINVAL: out of its range; -EPERM: rights.
 */
GN_EXPORT int gn_mr_prefetch(struct gn_pd *pd, const struct gn_sge *sge,
			     bool write);

/* Memory that lies in the device; it is not mapped for the program. */
GN_EXPORT int gn_dm_new(struct gn_nic *nic, uint64_t len, struct gn_dm **dm);
GN_EXPORT int gn_dm_free(struct gn_dm *dm);
/* -EFAULT: past its end. */
GN_EXPORT int gn_dm_write(struct gn_dm *dm, uint64_t offset, const void *from,
			  uint64_t len);
GN_EXPORT int gn_dm_read(struct gn_dm *dm, uint64_t offset, void *to,
			 uint64_t len);
/* A zero-based region over part of it. */
GN_EXPORT int gn_mr_new_dm(struct gn_pd *pd, struct gn_dm *dm, uint64_t offset,
			   uint64_t len, unsigned access, struct gn_mr **mr);

/* Windows: type 1 belongs to a PD, type 2 (2B) to a PD and the QP it was bound
 * on.  They are bound by GN_WR_BIND_MW.
 */
GN_EXPORT int gn_mw_new(struct gn_pd *pd, unsigned type, struct gn_mw **mw);
GN_EXPORT int gn_mw_free(struct gn_mw *mw);
GN_EXPORT uint32_t gn_mw_rkey(const struct gn_mw *mw);

/* ---- completion ---------------------------------------------------------- */

enum gn_wc_status {
	GN_WC_SUCCESS,
	GN_WC_LOC_LEN_ERR,
	GN_WC_LOC_QP_OP_ERR,
	GN_WC_LOC_EEC_OP_ERR,
	GN_WC_LOC_PROT_ERR,
	GN_WC_WR_FLUSH_ERR,
	GN_WC_MW_BIND_ERR,
	GN_WC_BAD_RESP_ERR,
	GN_WC_LOC_ACCESS_ERR,
	GN_WC_REM_INV_REQ_ERR,
	GN_WC_REM_ACCESS_ERR,
	GN_WC_REM_OP_ERR,
	GN_WC_RETRY_EXC_ERR,
	GN_WC_RNR_RETRY_EXC_ERR,
};

enum gn_wc_opcode {
	GN_WC_SEND = 0,
	GN_WC_RDMA_WRITE = 1,
	GN_WC_RDMA_READ = 2,
	GN_WC_COMP_SWAP = 3,
	GN_WC_FETCH_ADD = 4,
	GN_WC_BIND_MW = 5,
	GN_WC_LOCAL_INV = 6,
	GN_WC_FLUSH = 8,
	GN_WC_ATOMIC_WRITE = 9,
	GN_WC_RECV = 128,
	GN_WC_RECV_RDMA_WITH_IMM = 129,
};

#define GN_WC_GRH	(1u << 0)
#define GN_WC_WITH_IMM	(1u << 1)
#define GN_WC_WITH_INV	(1u << 3)

struct gn_wc {
	uint64_t wr_id;
	enum gn_wc_status status;
	enum gn_wc_opcode opcode;
	uint32_t byte_len;
	uint32_t imm_or_rkey; /* host order */
	uint32_t qpn;
	uint32_t src_qp;
	unsigned flags; /* GN_WC_* */
	uint16_t pkey_index;
	uint64_t timestamp; /* ns, CLOCK_MONOTONIC */
	struct gn_qp *qp;   /* whose; valid while it lives */
	struct ip_addr src; /* datagrams */
	uint8_t src_mac[6];
	uint8_t tos;
	bool solicited;
	uint32_t flow_tag; /* of the flow that brought it; 0: none */
};

/* A channel's descriptor is readable while events are queued; O_NONBLOCK on it
 * takes effect.
 */
GN_EXPORT int gn_channel_new(struct gn_nic *nic, struct gn_channel **ch);
GN_EXPORT int gn_channel_free(struct gn_channel *ch);
GN_EXPORT int gn_channel_fd(const struct gn_channel *ch);
/* Waits for an event; @cookie is that of the CQ.  -EAGAIN when the descriptor
 * is non-blocking and nothing is queued; -EINTR.
 */
GN_EXPORT int gn_channel_get(struct gn_channel *ch, void **cookie);

/* A CQ for at least @cqe entries.  @ch may be NULL.  @cookie comes back from
 * gn_channel_get and in events.
 */
GN_EXPORT int gn_cq_new(struct gn_nic *nic, unsigned cqe, struct gn_channel *ch,
			void *cookie, struct gn_cq **cq);
/* Drops the events not yet taken from the channel. */
GN_EXPORT int gn_cq_free(struct gn_cq *cq);
GN_EXPORT unsigned gn_cq_size(const struct gn_cq *cq);
/* -EINVAL: fewer entries than are queued, or more than max_cqe. */
GN_EXPORT int gn_cq_resize(struct gn_cq *cq, unsigned cqe);
/* Events only every @count completions (0: any number) or @usec after one; @usec
 * 0: at once.
 */
GN_EXPORT int gn_cq_moderate(struct gn_cq *cq, unsigned count, unsigned usec);
/* Up to @n completions, oldest first; runs the NIC when there are none.
 * Returns how many, or -EIO when the CQ has overrun and is empty.
 */
GN_EXPORT int gn_cq_poll(struct gn_cq *cq, unsigned n, struct gn_wc *wc);
/* One event for the next completion (or the next solicited or failed one). */
GN_EXPORT int gn_cq_arm(struct gn_cq *cq, bool solicited_only);

/* ---- asynchronous events -------------------------------------------------- */

enum gn_event_type {
	GN_EVENT_CQ_ERR,
	GN_EVENT_QP_FATAL,
	GN_EVENT_QP_REQ_ERR,
	GN_EVENT_QP_ACCESS_ERR,
	GN_EVENT_COMM_EST,
	GN_EVENT_SQ_DRAINED,
	GN_EVENT_PATH_MIG,
	GN_EVENT_PATH_MIG_ERR,
	GN_EVENT_DEVICE_FATAL,
	GN_EVENT_PORT_ACTIVE,
	GN_EVENT_PORT_ERR,
	GN_EVENT_LID_CHANGE,
	GN_EVENT_PKEY_CHANGE,
	GN_EVENT_SM_CHANGE,
	GN_EVENT_SRQ_ERR,
	GN_EVENT_SRQ_LIMIT_REACHED,
	GN_EVENT_QP_LAST_WQE_REACHED,
	GN_EVENT_CLIENT_REREGISTER,
	GN_EVENT_GID_CHANGE,
};

struct gn_event {
	enum gn_event_type type;
	void *cookie; /* of the QP, CQ or SRQ; NULL for port events */
};

/* A listener hears the events of the objects made with it; one per context.
 * Descriptor and waiting behave as a channel's.
 */
struct gn_listener;
GN_EXPORT int gn_listener_new(struct gn_nic *nic, struct gn_listener **l);
GN_EXPORT void gn_listener_free(struct gn_listener *l);
GN_EXPORT int gn_listener_fd(const struct gn_listener *l);
GN_EXPORT int gn_listener_get(struct gn_listener *l, struct gn_event *ev);
/* Whose events the CQ's are (a QP's are those of its init attributes). */
GN_EXPORT void gn_cq_set_listener(struct gn_cq *cq, struct gn_listener *l);

/* ---- shared receive queues and XRC ------------------------------------------ */

struct gn_srq_init {
	uint32_t max_wr, max_sge; /* out: what it got, never less */
	uint32_t limit;
	/* XRC: both set, else NULL */
	struct gn_xrcd *xrcd;
	struct gn_cq *cq;
	struct gn_listener *listener; /* or NULL */
	void *cookie;
};

GN_EXPORT int gn_srq_new(struct gn_pd *pd, struct gn_srq_init *init,
			 struct gn_srq **srq);
GN_EXPORT int gn_srq_free(struct gn_srq *srq);
/* SRQ_LIMIT_REACHED is raised once, when fewer than @limit requests wait. */
GN_EXPORT int gn_srq_set_limit(struct gn_srq *srq, uint32_t limit);
GN_EXPORT void gn_srq_query(struct gn_srq *srq, struct gn_srq_init *init);
GN_EXPORT uint32_t gn_srq_num(const struct gn_srq *srq); /* XRC: the SRQN */

/* The domain @key (of the process; 0: a private one).  Opening it again gives
 * the same one.  -ENOENT if it is not there and not @create; -EEXIST if it is
 * and @exclusive.
 */
GN_EXPORT int gn_xrcd_open(struct gn_nic *nic, uint64_t key, bool create,
			   bool exclusive, struct gn_xrcd **xrcd);
GN_EXPORT int gn_xrcd_close(struct gn_xrcd *xrcd);

/* ---- receive side scaling ------------------------------------------------------ */

struct gn_wq;  /* a receive queue without a QP */
struct gn_ind; /* a table of them */

enum gn_wq_state { GN_WQS_RESET, GN_WQS_RDY, GN_WQS_ERR };

struct gn_wq_init {
	uint32_t max_wr, max_sge; /* max_wr is out: never less */
	struct gn_cq *cq;
};

#define GN_HASH_SRC_IPV4     (1u << 0)
#define GN_HASH_DST_IPV4     (1u << 1)
#define GN_HASH_SRC_IPV6     (1u << 2)
#define GN_HASH_DST_IPV6     (1u << 3)
#define GN_HASH_SRC_PORT_TCP (1u << 4)
#define GN_HASH_DST_PORT_TCP (1u << 5)
#define GN_HASH_SRC_PORT_UDP (1u << 6)
#define GN_HASH_DST_PORT_UDP (1u << 7)
#define GN_HASH_ALL	     0xffu
#define GN_RX_HASH_KEY	     40u

/* Toeplitz over the fields named. */
struct gn_rx_hash {
	uint64_t fields; /* GN_HASH_* */
	uint8_t key[GN_RX_HASH_KEY];
};

GN_EXPORT int gn_wq_new(struct gn_pd *pd, struct gn_wq_init *init,
			struct gn_wq **wq);
GN_EXPORT int gn_wq_free(struct gn_wq *wq);
GN_EXPORT int gn_wq_modify(struct gn_wq *wq, enum gn_wq_state state);
GN_EXPORT uint32_t gn_wq_num(const struct gn_wq *wq);
/* -EINVAL unless the queue is RDY. */
GN_EXPORT int gn_post_wq(struct gn_wq *wq, const struct gn_recv_wr *wr);
/* @n is a power of two. */
GN_EXPORT int gn_ind_new(struct gn_nic *nic, struct gn_wq *const *wq,
			 uint32_t n, struct gn_ind **ind);
GN_EXPORT int gn_ind_free(struct gn_ind *ind);

/* ---- queue pairs ---------------------------------------------------------- */

enum gn_qp_type {
	GN_QPT_RC = 2,
	GN_QPT_UC = 3,
	GN_QPT_UD = 4,
	GN_QPT_RAW_PACKET = 8,
	GN_QPT_XRC_SEND = 9,
	GN_QPT_XRC_RECV = 10,
};

enum gn_qp_state {
	GN_QPS_RESET,
	GN_QPS_INIT,
	GN_QPS_RTR,
	GN_QPS_RTS,
	GN_QPS_SQD,
	GN_QPS_SQE,
	GN_QPS_ERR,
	GN_QPS_N
};

struct gn_qp_cap {
	uint32_t max_send_wr, max_recv_wr;
	uint32_t max_send_sge, max_recv_sge;
	uint32_t max_inline;
};

struct gn_qp_init {
	enum gn_qp_type type;
	struct gn_cq *send_cq, *recv_cq;
	struct gn_srq *srq; /* or NULL */
	struct gn_xrcd *xrcd; /* XRC_RECV */
	/* RAW_PACKET that only receives, spread over a table; or NULL. */
	struct gn_ind *ind;
	struct gn_rx_hash hash;
	struct gn_qp_cap cap; /* out: what it got, never less */
	bool sq_sig_all;
	struct gn_listener *listener; /* or NULL */
	void *cookie;
};

struct gn_ah {
	bool is_global; /* must be set, unless the NIC plays at having LIDs */
	struct ip_addr dgid;
	uint8_t sgid_index;
	uint32_t flow_label; /* 20 bits */
	uint8_t hop_limit, traffic_class;
	uint8_t sl;
	uint16_t dlid; /* when not is_global; else kept and given back */
	uint8_t port_num; /* 1 */
};

#define GN_QP_STATE		  (1u << 0)
#define GN_QP_CUR_STATE		  (1u << 1)
#define GN_QP_EN_SQD_ASYNC_NOTIFY (1u << 2)
#define GN_QP_ACCESS_FLAGS	  (1u << 3)
#define GN_QP_PKEY_INDEX	  (1u << 4)
#define GN_QP_PORT		  (1u << 5)
#define GN_QP_QKEY		  (1u << 6)
#define GN_QP_AV		  (1u << 7)
#define GN_QP_PATH_MTU		  (1u << 8)
#define GN_QP_TIMEOUT		  (1u << 9)
#define GN_QP_RETRY_CNT		  (1u << 10)
#define GN_QP_RNR_RETRY		  (1u << 11)
#define GN_QP_RQ_PSN		  (1u << 12)
#define GN_QP_MAX_QP_RD_ATOMIC	  (1u << 13)
#define GN_QP_ALT_PATH		  (1u << 14)
#define GN_QP_MIN_RNR_TIMER	  (1u << 15)
#define GN_QP_SQ_PSN		  (1u << 16)
#define GN_QP_MAX_DEST_RD_ATOMIC  (1u << 17)
#define GN_QP_PATH_MIG_STATE	  (1u << 18)
#define GN_QP_CAP		  (1u << 19)
#define GN_QP_DEST_QPN		  (1u << 20)
#define GN_QP_RATE_LIMIT	  (1u << 25)

struct gn_qp_attr {
	enum gn_qp_state state, cur_state;
	unsigned path_mtu; /* bytes */
	uint8_t mig_state; /* 0 migrated, 1 rearm, 2 armed */
	uint32_t qkey;
	uint32_t rq_psn, sq_psn;
	uint32_t dest_qpn;
	unsigned access;
	struct gn_qp_cap cap;
	struct gn_ah ah, alt_ah;
	uint16_t pkey_index, alt_pkey_index;
	bool en_sqd_async_notify, sq_draining;
	uint8_t max_rd_atomic, max_dest_rd_atomic;
	uint8_t min_rnr_timer, timeout, alt_timeout; /* 5-bit codes */
	uint8_t retry_cnt, rnr_retry;
	uint8_t port_num, alt_port_num;
	uint32_t rate_limit;
};

GN_EXPORT int gn_qp_new(struct gn_pd *pd, struct gn_qp_init *init,
			struct gn_qp **qp);
/* Takes its completions out of its CQs, too.  -EBUSY: a flow ends at it, or it is
 * attached to a multicast group.
 */
GN_EXPORT int gn_qp_free(struct gn_qp *qp);
/* The XRC_RECV QP @qpn of @xrcd, once more; gn_qp_free gives it back.  -EINVAL:
 * there is none.
 */
GN_EXPORT int gn_qp_open(struct gn_xrcd *xrcd, uint32_t qpn, struct gn_qp **qp);
/* Datagrams to group @gid are delivered to @qp, a UD QP.  -EINVAL: not a group;
 * -ENOMEM: too many.
 */
GN_EXPORT int gn_qp_attach(struct gn_qp *qp, const struct ip_addr *gid);
GN_EXPORT int gn_qp_detach(struct gn_qp *qp, const struct ip_addr *gid);
/* A RAW_PACKET QP sends whole Ethernet frames (without FCS), and receives those
 * that one of its flows matches.  Only on ports that carry Ethernet: else
 * -EOPNOTSUPP.  Without rights (not root, no CAP_NET_RAW): -EPERM.
 */
struct gn_flow_match {
	uint8_t dst_mac[6], dst_mac_mask[6];
	uint8_t src_mac[6], src_mac_mask[6];
	uint16_t ethertype, ethertype_mask;
	uint16_t vlan, vlan_mask; /* TCI; mask 0: tagged or not */
	uint8_t ip_version; /* 4 or 6; 0: IP is not looked at */
	struct ip_addr src_ip, src_ip_mask, dst_ip, dst_ip_mask;
	uint8_t ip_protocol, ip_protocol_mask; /* 17 UDP, 6 TCP */
	uint16_t src_port, src_port_mask, dst_port, dst_port_mask;
	uint32_t tag;	/* comes back in the completion */
	bool drop;	/* what matches goes to nobody */
	bool sniffer; /* a copy of every frame, whatever the rest says */
	unsigned priority; /* 0 is looked at first */
};
struct gn_flow;
GN_EXPORT int gn_flow_new(struct gn_qp *qp, const struct gn_flow_match *match,
			  struct gn_flow **flow);
GN_EXPORT int gn_flow_free(struct gn_flow *flow);

GN_EXPORT uint32_t gn_qp_num(const struct gn_qp *qp);
/* Moves the QP (IBTA 10.3).  -EINVAL names on stderr the attribute that is
 * missing, not allowed or wrong, and the usual cure.
 */
GN_EXPORT int gn_qp_modify(struct gn_qp *qp, const struct gn_qp_attr *attr,
			   unsigned mask);
GN_EXPORT int gn_qp_query(struct gn_qp *qp, struct gn_qp_attr *attr,
			  struct gn_qp_init *init);

/* ---- work requests -------------------------------------------------------- */

enum gn_wr_opcode {
	GN_WR_RDMA_WRITE = 0,
	GN_WR_RDMA_WRITE_IMM = 1,
	GN_WR_SEND = 2,
	GN_WR_SEND_IMM = 3,
	GN_WR_RDMA_READ = 4,
	GN_WR_CMP_SWAP = 5,
	GN_WR_FETCH_ADD = 6,
	GN_WR_LOCAL_INV = 7,
	GN_WR_BIND_MW = 8,
	GN_WR_SEND_INV = 9,
	GN_WR_FLUSH = 14,
	GN_WR_ATOMIC_WRITE = 15,
	GN_WR_N
};

#define GN_SEND_FENCE	  (1u << 0)
#define GN_SEND_SIGNALED  (1u << 1)
#define GN_SEND_SOLICITED (1u << 2)
#define GN_SEND_INLINE	  (1u << 3)

struct gn_send_wr {
	uint64_t wr_id;
	enum gn_wr_opcode opcode;
	unsigned flags; /* GN_SEND_* */
	const struct gn_sge *sge;
	unsigned nsge;
	uint32_t imm; /* host order; SEND_INV, LOCAL_INV: the rkey */
	uint64_t remote_addr;
	uint32_t rkey;
	uint64_t compare_add, swap; /* atomics; ATOMIC_WRITE takes its SGE */
	/* datagrams */
	const struct gn_ah *ah;
	uint32_t remote_qpn, remote_qkey;
	uint32_t remote_srqn; /* XRC */
	/* BIND_MW: [remote_addr, + bind_len) of bind_mr; type 2: imm is the new
	 * rkey; type 1: the rkey after the window's present one.
	 */
	struct gn_mw *mw;
	struct gn_mr *bind_mr;
	uint64_t bind_len;
	unsigned bind_access;
	/* FLUSH */
	uint32_t flush_len;
	uint8_t flush_type, flush_level;
};

struct gn_recv_wr {
	uint64_t wr_id;
	const struct gn_sge *sge;
	unsigned nsge;
};

/* Queues one request; nothing moves before gn_qp_ring.  SGEs and inline data
 * are copied.  -EINVAL: QP state, opcode, SGE count, inline size, ...; -ENOMEM:
 * the queue is full.
 */
GN_EXPORT int gn_post_send(struct gn_qp *qp, const struct gn_send_wr *wr);
/* Queues all of the @n requests, or none. */
GN_EXPORT int gn_post_send_list(struct gn_qp *qp, const struct gn_send_wr *wr,
				unsigned n);
/* The doorbell: lets the NIC work on what was queued. Never waits for it. */
GN_EXPORT void gn_qp_ring(struct gn_qp *qp);
GN_EXPORT int gn_post_recv(struct gn_qp *qp, const struct gn_recv_wr *wr);
GN_EXPORT int gn_post_srq(struct gn_srq *srq, const struct gn_recv_wr *wr);

/* ---- looking inside -------------------------------------------------------- */

/* Value of counter @name ("packet_seq_err") or drop word; -ENOENT. */
GN_EXPORT int gn_counter(const struct gn_nic *nic, const char *name,
			 uint64_t *value);

#endif
