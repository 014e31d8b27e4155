/* Shows: every CRC32C implementation equals the bitwise definition, and sums can be joined. */
#include "../test.h"

#include "proto/crc32c.h"
#include "random.h"

#define BUFFER_SIZE 40000 /* several long stripes of the three-way loop */

/* The definition, a bit at a time. */
static uint32_t reference(uint32_t crc, const uint8_t *data, size_t size)
{
	crc = ~crc;
	for (size_t i = 0; i < size; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

static uint8_t *random_buffer(struct random *r)
{
	uint8_t *buffer = malloc(BUFFER_SIZE);
	assert_non_null(buffer);
	for (size_t i = 0; i < BUFFER_SIZE; i++)
		buffer[i] = (uint8_t)random_next(r);
	return buffer;
}

/* The check value, and the four of RFC 3720 B.4. */
static void test_known_sums(void **state)
{
	(void)state;
	uint8_t block[32];
	for (size_t i = 0; i < crc32c_implementation_count; i++) {
		const struct crc32c_implementation *impl = &crc32c_implementations[i];
		if (!impl->available())
			continue;
		assert_int_equal(impl->update(0, "123456789", 9), 0xe3069283);
		assert_int_equal(impl->update(0, "", 0), 0);
		memset(block, 0, sizeof block);
		assert_int_equal(impl->update(0, block, sizeof block), 0x8a9136aa);
		memset(block, 0xff, sizeof block);
		assert_int_equal(impl->update(0, block, sizeof block), 0x62a8ab43);
		for (size_t k = 0; k < sizeof block; k++)
			block[k] = (uint8_t)k;
		assert_int_equal(impl->update(0, block, sizeof block), 0x46dd794e);
		for (size_t k = 0; k < sizeof block; k++)
			block[k] = (uint8_t)(31 - k);
		assert_int_equal(impl->update(0, block, sizeof block), 0x113fdb5c);
	}
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
}

static void test_every_implementation_equals_the_definition(void **state)
{
	(void)state;
	struct random r;
	random_seed(&r, 1);
	uint8_t *buffer = random_buffer(&r);
	for (int round = 0; round < 4000; round++) {
		/* Mostly short; some as long as the buffer; every alignment. */
		size_t bound =
			(size_t[]){ 70, 1000, 7000, BUFFER_SIZE - 64 }[round % 64 ? round % 3 : 3];
		size_t at = random_below(&r, 64), size = random_below(&r, bound);
		uint32_t seed = (uint32_t)random_next(&r);
		uint32_t expected = reference(seed, buffer + at, size);
		for (size_t i = 0; i < crc32c_implementation_count; i++) {
			const struct crc32c_implementation *impl = &crc32c_implementations[i];
			if (impl->available())
				assert_int_equal(impl->update(seed, buffer + at, size), expected);
		}
	}
	free(buffer);
}

static void test_pieces_continue_and_combine(void **state)
{
	(void)state;
	struct random r;
	random_seed(&r, 2);
	uint8_t *buffer = random_buffer(&r);
	for (int round = 0; round < 2000; round++) {
		size_t size = random_below(&r, BUFFER_SIZE), cut = random_below(&r, size + 1);
		uint32_t whole = crc32c(0, buffer, size);
		uint32_t first = crc32c(0, buffer, cut);
		assert_int_equal(crc32c(first, buffer + cut, size - cut), whole);
		uint32_t second = crc32c(0, buffer + cut, size - cut);
		assert_int_equal(crc32c_combine(first, second, size - cut), whole);
	}
	free(buffer);
}

/* 2^40 zero bytes cannot be summed here, but shifting by halves must agree with shifting at once.
 */
static void test_combine_takes_large_sizes(void **state)
{
	(void)state;
	uint32_t a = 0x12345678;
	uint32_t once = crc32c_combine(a, 0, UINT64_C(1) << 40);
	uint32_t twice =
		crc32c_combine(crc32c_combine(a, 0, UINT64_C(1) << 39), 0, UINT64_C(1) << 39);
	assert_int_equal(once, twice);
	assert_int_not_equal(once, a);
	assert_int_equal(crc32c_combine(a, 0, 0), a);
}

static void test_fastest_available_is_chosen(void **state)
{
	(void)state;
	size_t first = 0;
	while (!crc32c_implementations[first].available())
		first++;
	assert_ptr_equal(crc32c_chosen(), &crc32c_implementations[first]);
	const struct crc32c_implementation *last =
		&crc32c_implementations[crc32c_implementation_count - 1];
	assert_string_equal(last->name, "tables");
	assert_true(last->available());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_sums),
		cmocka_unit_test(test_every_implementation_equals_the_definition),
		cmocka_unit_test(test_pieces_continue_and_combine),
		cmocka_unit_test(test_combine_takes_large_sizes),
		cmocka_unit_test(test_fastest_available_is_chosen),
	};
	return RUN_TESTS(tests);
}
