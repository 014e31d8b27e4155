/*
 * How fast each CRC32C is: GB/s (10^9 bytes) over buffers from one record to a megabyte, the best
 * of several runs, so that a disturbed run does not count.
 *
 *     crc32c [SECONDS per figure, default 0.2]
 */
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "proto/crc32c.h"
#include "random.h"

#define RUNS       5
#define BUFFER_MAX ((size_t)1 << 20)

/* Bytes per nanosecond, which are GB/s. */
static double rate_measure(const struct crc32c_implementation *impl, const uint8_t *data,
	size_t size, int64_t duration_ns, uint32_t *sum)
{
	int64_t started_ns = clock_monotonic_ns(), now_ns;
	size_t bytes = 0;
	do {
		for (size_t done = 0; done < BUFFER_MAX; done += size, bytes += size)
			*sum = impl->update(*sum, data, size);
		now_ns = clock_monotonic_ns();
	} while (now_ns - started_ns < duration_ns);
	return (double)bytes / (double)(now_ns - started_ns);
}

int main(int argc, char **argv)
{
	static const size_t sizes[] = { 100, 1024, 4096, 65536, 262144, BUFFER_MAX };
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 0.2;
	int64_t duration_ns = (int64_t)(seconds * (double)NS_PER_S / RUNS);
	uint8_t *data = malloc(BUFFER_MAX);
	if (!data)
		return 1;
	struct random r;
	random_seed(&r, 1);
	for (size_t i = 0; i < BUFFER_MAX; i++)
		data[i] = (uint8_t)random_next(&r);

	uint32_t sum = 0;
	for (size_t i = 0; i < crc32c_implementation_count; i++) {
		const struct crc32c_implementation *impl = &crc32c_implementations[i];
		if (!impl->available())
			continue;
		for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
			double best = 0;
			for (int run = 0; run < RUNS; run++) {
				double rate = rate_measure(impl, data, sizes[k], duration_ns, &sum);
				best = rate > best ? rate : best;
			}
			printf("crc32c %-8s %8zu B %7.2f GB/s%s\n", impl->name, sizes[k], best,
				impl == crc32c_chosen() ? "" : " (not chosen)");
		}
	}
	free(data);
	return sum == 1; /* used, so that nothing is optimised away */
}
