#ifndef NIC_PORT_XDP_WAY_H
#define NIC_PORT_XDP_WAY_H

/* How frames come to an AF_XDP socket. */
enum xdp_way {
	XDP_WAY_AUTO,	  /* the first of these that works */
	XDP_WAY_ZEROCOPY, /* the driver writes into the socket's memory */
	XDP_WAY_NATIVE,	  /* the driver runs the program, frames are copied */
	XDP_WAY_GENERIC	  /* the kernel runs it, any driver will do */
};

#endif
