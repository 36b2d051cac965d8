/* The values of a NIC spec's options: one kind for each way to write a value,
 * with a parser and the printer that undoes it.
 */
#ifndef NIC_HOST_SPEC_VALUE_H
#define NIC_HOST_SPEC_VALUE_H

#include "nic/host/spec.h"

#define SPEC_VALUE_MAX 256u

/* Where in the spec an option's value is, and its limits. */
struct spec_field {
	size_t at, width;  /* offset and size in struct nic_spec */
	uint64_t min, max; /* numbers */
	const char *unset; /* numbers: the word that stands for 0, or NULL */
	/* of an enum, by its values, and NULL */
	const char *const *words;
};

struct spec_kind {
	/* Sets the value.  NULL, or what is wrong with @text ("not a number"),
	 * and then the spec is as before.
	 */
	const char *(*take)(struct nic_spec *spec, const struct spec_field *f,
			    const char *text);
	/* Prints value number @i into @text (SPEC_VALUE_MAX bytes) in the form
	 * that take accepts; false: there is no such value.
	 */
	bool (*put)(const struct nic_spec *spec, const struct spec_field *f,
		    unsigned i, char *text);
	bool repeatable;
};

extern const struct spec_kind spec_kind_name, spec_kind_port, spec_kind_number,
	spec_kind_yesno, spec_kind_ip, spec_kind_gateway, spec_kind_mac,
	spec_kind_local, spec_kind_via, spec_kind_remote, spec_kind_chance,
	spec_kind_duration, spec_kind_rate, spec_kind_path, spec_kind_word;

/* "udp", "vxlan". */
const char *port_kind_name(enum port_kind kind);

#endif
