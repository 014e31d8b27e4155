/*
 * CRC32C three ways: the processor's instruction (SSE4.2 on x86-64, the CRC extension on ARMv8) and
 * tables, eight bytes at a time, for processors that have neither.
 *
 * The instruction takes three cycles and starts every cycle, so three stripes of the data are
 * summed side by side and then joined. Joining moves a sum over the bytes that follow it, which is
 * a multiplication by x^(8 size) modulo the polynomial: four table look-ups for the stripe sizes
 * used here, a square-and-multiply for any other size (crc32c_combine). The method is that of Gopal
 * et al., "Fast CRC Computation for iSCSI Polynomial Using CRC32 Instruction" (Intel, 2011), with
 * Sarwate's and Kounavis and Berry's tables for the rest.
 *
 * Tables and choice are made once, by a constructor, before main and before any thread: after it
 * they are only read, so nothing races. An ifunc would save the pointer, but its resolver runs
 * before the sanitizers' runtimes and before relocation, and not every C library has it.
 */
#include "proto/crc32c.h"

#include <assert.h>
#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#define HARDWARE_NAME "sse4.2"
#define HARDWARE      __attribute__((target("sse4.2")))
#elif defined(__aarch64__)
#include <sys/auxv.h>
#define HARDWARE_NAME "armv8"
#define HARDWARE_BIT  (1ul << 7) /* HWCAP_CRC32 */
#if defined(__clang__)
#define HARDWARE __attribute__((target("crc")))
#else
#define HARDWARE __attribute__((target("+crc")))
#endif
#endif

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are summed as they lie");

#define POLYNOMIAL UINT32_C(0x82f63b78) /* reflected: bit 31 is x^0 */
#define ONE        UINT32_C(0x80000000) /* x^0 */
#define X8         UINT32_C(0x00800000) /* x^8: one byte */

#define LONG_STRIPE  ((size_t)2048)
#define SHORT_STRIPE ((size_t)256)

struct shift {
	uint32_t byte[4][256];
};

/* Written by the constructor only. */
static uint32_t slices[8][256];
static const struct crc32c_implementation *chosen;
#ifdef HARDWARE
static struct shift long_shift, short_shift;
#endif

/* ---- arithmetic modulo the polynomial ---- */

static uint32_t times_x(uint32_t a)
{
	return (a >> 1) ^ (a & 1 ? POLYNOMIAL : 0);
}

static uint32_t multiply(uint32_t a, uint32_t b)
{
	uint32_t product = 0;
	for (; a; a <<= 1, b = times_x(b))
		if (a & ONE)
			product ^= b;
	return product;
}

/* x^(8 size) */
static uint32_t power(uint64_t size)
{
	uint32_t result = ONE;
	for (uint32_t square = X8; size; size >>= 1, square = multiply(square, square))
		if (size & 1)
			result = multiply(result, square);
	return result;
}

uint32_t crc32c_combine(uint32_t crc_a, uint32_t crc_b, uint64_t size_b)
{
	/* The inversions before and after cancel out, as both sums have them. */
	return multiply(power(size_b), crc_a) ^ crc_b;
}

/* ---- tables ---- */

static inline uint64_t load(const uint8_t *p)
{
	uint64_t word;
	memcpy(&word, p, sizeof word);
	return word;
}

static uint32_t update_tables(uint32_t crc, const void *data, size_t size)
{
	const uint8_t *p = data;
	crc = ~crc;
	for (; size >= 8; size -= 8, p += 8) {
		uint64_t word = load(p) ^ crc;
		crc = slices[7][word & 0xff] ^ slices[6][word >> 8 & 0xff] ^
		      slices[5][word >> 16 & 0xff] ^ slices[4][word >> 24 & 0xff] ^
		      slices[3][word >> 32 & 0xff] ^ slices[2][word >> 40 & 0xff] ^
		      slices[1][word >> 48 & 0xff] ^ slices[0][word >> 56];
	}
	for (; size; size--, p++)
		crc = (crc >> 8) ^ slices[0][(crc ^ *p) & 0xff];
	return ~crc;
}

static bool tables_available(void)
{
	return true;
}

/* ---- the instruction ---- */

#ifdef HARDWARE

static bool hardware_available(void)
{
#if defined(__x86_64__)
	__builtin_cpu_init();
	return __builtin_cpu_supports("sse4.2");
#else
	return getauxval(AT_HWCAP) & HARDWARE_BIT;
#endif
}

/* The sum is 32 bits in a word of 64: to narrow it at each step would cost a cycle of three. */
HARDWARE static inline uint64_t sum_word(uint64_t crc, uint64_t word)
{
#if defined(__x86_64__)
	return _mm_crc32_u64(crc, word);
#elif defined(__clang__)
	return __builtin_arm_crc32cd((uint32_t)crc, word);
#else
	return __builtin_aarch64_crc32cx((uint32_t)crc, word);
#endif
}

HARDWARE static inline uint32_t sum_byte(uint32_t crc, uint8_t byte)
{
#if defined(__x86_64__)
	return _mm_crc32_u8(crc, byte);
#elif defined(__clang__)
	return __builtin_arm_crc32cb(crc, byte);
#else
	return __builtin_aarch64_crc32cb(crc, byte);
#endif
}

/* The sum `crc`, moved over as many zero bytes as the table stands for. */
static inline uint32_t shift(const struct shift *s, uint32_t crc)
{
	return s->byte[0][crc & 0xff] ^ s->byte[1][crc >> 8 & 0xff] ^ s->byte[2][crc >> 16 & 0xff] ^
	       s->byte[3][crc >> 24];
}

/* Sums three stripes that lie one after the other. */
HARDWARE static inline uint32_t sum_stripes(
	uint32_t crc, const uint8_t *p, size_t stripe, const struct shift *s)
{
	uint64_t first = crc, second = 0, third = 0;
	for (size_t i = 0; i < stripe; i += 8) {
		first = sum_word(first, load(p + i));
		second = sum_word(second, load(p + stripe + i));
		third = sum_word(third, load(p + 2 * stripe + i));
	}
	return shift(s, shift(s, (uint32_t)first) ^ (uint32_t)second) ^ (uint32_t)third;
}

HARDWARE static uint32_t update_hardware(uint32_t crc, const void *data, size_t size)
{
	const uint8_t *p = data;
	crc = ~crc;
	for (; size >= 3 * LONG_STRIPE; size -= 3 * LONG_STRIPE, p += 3 * LONG_STRIPE)
		crc = sum_stripes(crc, p, LONG_STRIPE, &long_shift);
	for (; size >= 3 * SHORT_STRIPE; size -= 3 * SHORT_STRIPE, p += 3 * SHORT_STRIPE)
		crc = sum_stripes(crc, p, SHORT_STRIPE, &short_shift);
	uint64_t wide = crc;
	for (; size >= 8; size -= 8, p += 8)
		wide = sum_word(wide, load(p));
	crc = (uint32_t)wide;
	for (; size; size--, p++)
		crc = sum_byte(crc, *p);
	return ~crc;
}

static void shift_init(struct shift *s, size_t size)
{
	uint32_t factor = power(size);
	for (uint32_t i = 0; i < 4; i++)
		for (uint32_t byte = 0; byte < 256; byte++)
			s->byte[i][byte] = multiply(factor, byte << 8 * i);
}

#endif

/* ---- the choice ---- */

const struct crc32c_implementation crc32c_implementations[] = {
#ifdef HARDWARE
	{ HARDWARE_NAME, hardware_available, update_hardware },
#endif
	{ "tables", tables_available, update_tables },
};
const size_t crc32c_implementation_count =
	sizeof crc32c_implementations / sizeof crc32c_implementations[0];

/* 101 is the first priority that is ours to use: other constructors may want checksums. */
__attribute__((constructor(101))) static void crc32c_init(void)
{
	for (uint32_t byte = 0; byte < 256; byte++) {
		uint32_t crc = byte;
		for (int bit = 0; bit < 8; bit++)
			crc = times_x(crc);
		slices[0][byte] = crc;
	}
	for (int slice = 1; slice < 8; slice++) {
		for (int byte = 0; byte < 256; byte++) {
			uint32_t crc = slices[slice - 1][byte];
			slices[slice][byte] = (crc >> 8) ^ slices[0][crc & 0xff];
		}
	}
#ifdef HARDWARE
	shift_init(&long_shift, LONG_STRIPE);
	shift_init(&short_shift, SHORT_STRIPE);
#endif
	chosen = crc32c_implementations;
	while (!chosen->available())
		chosen++;
}

const struct crc32c_implementation *crc32c_chosen(void)
{
	return chosen;
}

uint32_t crc32c(uint32_t crc, const void *data, size_t size)
{
	return chosen->update(crc, data, size);
}
