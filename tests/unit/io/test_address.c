/* Shows: addresses are resolved, printed, and refused with an error that tells why. */
#include "../test.h"

#include <errno.h>

#include "io/address.h"

static void test_numeric_addresses_print_as_they_came(void **state)
{
	(void)state;
	struct address address;
	char text[ADDRESS_TEXT_SIZE];
	assert_int_equal(address_resolve("127.0.0.1", 9092, &address, 1), 1);
	assert_string_equal(address_format(&address, text), "127.0.0.1:9092");
	assert_int_equal(address_port(&address), 9092);
	assert_int_equal(address_resolve("::1", 65535, &address, 1), 1);
	assert_string_equal(address_format(&address, text), "[::1]:65535");
	assert_int_equal(address_port(&address), 65535);
}

static void test_localhost_resolves_within_the_room_given(void **state)
{
	(void)state;
	struct address addresses[4];
	int count = address_resolve("localhost", 1, addresses, 4);
	assert_in_range(count, 1, 4);
	for (int i = 0; i < count; i++)
		assert_int_equal(address_port(&addresses[i]), 1);
	assert_int_equal(address_resolve("localhost", 1, addresses, 1), 1);
}

static void test_a_name_that_cannot_be_is_no_such_host(void **state)
{
	(void)state;
	struct address address;
	assert_int_equal(address_resolve("no such host", 1, &address, 1), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numeric_addresses_print_as_they_came),
		cmocka_unit_test(test_localhost_resolves_within_the_room_given),
		cmocka_unit_test(test_a_name_that_cannot_be_is_no_such_host),
	};
	return RUN_TESTS(tests);
}
