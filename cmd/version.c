#include <stdio.h>
#include <string.h>
#include "cmd/cmd.h"

#define VERSION "0.1"

#ifdef HAVE_ISAL
#define ICRC_BY "ISA-L"
#else
#define ICRC_BY "portable code (slower; build with libisal-dev)"
#endif
#ifdef HAVE_PCAP
#define CAPTURES "pcapng, and pcap by libpcap"
#else
#define CAPTURES "only pcapng can be read (build with libpcap-dev)"
#endif
#ifdef HAVE_XDP
#define XDP "by libxdp"
#else
#define XDP "none (build with libxdp-dev and libbpf-dev)"
#endif
#ifdef HAVE_JANSSON
#define SHOW "by jansson"
#else
#define SHOW "cannot show (build with libjansson-dev)"
#endif

int cmd_version(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--help"))
		return usage_error(argv[0], "%s: takes no argument", argv[1]);
	if (argc > 1)
		puts("usage: glassnic version\n"
		     "\n"
		     "Prints the version, and what was built in.");
	else
		puts("glassnic " VERSION "\n"
		     "  ICRC: " ICRC_BY "\n"
		     "  captures: " CAPTURES "\n"
		     "  AF_XDP: " XDP "\n"
		     "  glassnic show: " SHOW);
	return EXIT_OK;
}
