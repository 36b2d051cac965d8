/* CRC-32 of IBTA 7.8.1 (the polynomial of Ethernet), reflected, as a bare
 * register: no complement before or after.  The register is a polynomial over
 * GF(2) whose highest bit is the coefficient of x^0; a zero byte multiplies it
 * by x^8.
 */
#ifndef WIRE_CRC32_H
#define WIRE_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* The register after @len bytes at @p: ISA-L's if built with it. */
uint32_t crc32_add(uint32_t reg, const uint8_t *p, size_t len);
uint32_t crc32_add_portable(uint32_t reg, const uint8_t *p, size_t len);
/* The register that @len zero bytes turn into @reg. */
uint32_t crc32_unwind(uint32_t reg, size_t len);

#endif
