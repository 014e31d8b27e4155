/*
 * Jobs and servers. With first come, first served and jobs that arrive together, each job goes to
 * the server that is free first. That is a heap of N times; two cases are cheaper:
 * - Constant times: no two servers are further apart than one service time, so servers take turns
 *   in a fixed order, and n jobs are n / N rounds.
 * - One server: only the sum of the times matters, and a sum of exponentials is the logarithm of a
 *   product of uniforms, one logarithm for many.
 */
#include "service.h"

#include <errno.h>
#include <math.h>

#include "../units.h"

/* Uniforms are at least 2^-53: a product of so many is a normal double still. */
#define PRODUCT_MAX 16

int service_time_parse(const char *text, struct service_time *out)
{
	static const struct {
		const char *prefix;
		enum service_kind kind;
	} kinds[] = { { "const:", SERVICE_CONSTANT }, { "exp:", SERVICE_EXPONENTIAL } };
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		size_t size = strlen(kinds[i].prefix);
		if (strncmp(text, kinds[i].prefix, size) != 0)
			continue;
		int64_t mean_ns;
		int failed = units_parse_duration(text + size, &mean_ns);
		if (failed)
			return failed;
		if (mean_ns < 1 || mean_ns > SERVICE_TIME_MAX_NS)
			return -ERANGE;
		*out = (struct service_time){ kinds[i].kind, mean_ns };
		return 0;
	}
	return -EINVAL;
}

void service_init(struct service *s, struct service_time time, int32_t servers, uint64_t seed)
{
	assert(servers >= 1 && servers <= SERVERS_MAX);
	*s = (struct service){ .time = time, .server_count = servers };
	random_seed(&s->random, seed);
}

/* start + duration, or NEVER_NS where time ends. */
static int64_t time_after(int64_t start_ns, double duration_ns)
{
	/* Compared as doubles, with room for their rounding. */
	if ((double)start_ns + duration_ns >= 0x1p62)
		return NEVER_NS;
	return start_ns + (int64_t)(duration_ns + 0.5);
}

/* In (0, 1]. */
static double uniform(struct service *s)
{
	return 1.0 - random_unit(&s->random);
}

/* ---- constant times ---- */

static int64_t admit_constant(struct service *s, int64_t now_ns, int64_t records)
{
	double time_ns = (double)s->time.mean_ns;
	int32_t count = s->server_count;
	int64_t rounds = records / count;
	int32_t more = (int32_t)(records % count); /* servers that get one job above the rounds */
	int32_t touched = rounds > 0 ? count : more;
	int64_t last_ns = now_ns;
	for (int32_t i = 0; i < touched; i++) {
		int64_t *free_ns = &s->free_ns[(s->first + i) % count];
		double jobs = (double)(rounds + (i < more));
		*free_ns = time_after(MAX(*free_ns, now_ns), jobs * time_ns);
		last_ns = MAX(last_ns, *free_ns);
	}
	s->first = (s->first + more) % count;
	s->busy_ns += (double)records * time_ns;
	return last_ns;
}

/* ---- exponential times ---- */

/* The sum of so many exponential times. */
static double draw_sum(struct service *s, int64_t records)
{
	double sum = 0;
	while (records > 0) {
		int64_t count = MIN(records, PRODUCT_MAX);
		double product = 1;
		for (int64_t i = 0; i < count; i++)
			product *= uniform(s);
		sum -= log(product);
		records -= count;
	}
	return sum * (double)s->time.mean_ns;
}

/* The root has a new, later time: sinks to its place. */
static void heap_sink(int64_t *heap, int32_t count)
{
	int64_t moved = heap[0];
	int32_t hole = 0;
	for (;;) {
		int32_t child = 2 * hole + 1;
		if (child >= count)
			break;
		if (child + 1 < count && heap[child + 1] < heap[child])
			child++;
		if (heap[child] >= moved)
			break;
		heap[hole] = heap[child];
		hole = child;
	}
	heap[hole] = moved;
}

static int64_t admit_drawn(struct service *s, int64_t now_ns, int64_t records)
{
	if (s->server_count == 1) {
		double sum_ns = draw_sum(s, records);
		s->busy_ns += sum_ns;
		s->free_ns[0] = time_after(MAX(s->free_ns[0], now_ns), sum_ns);
		return s->free_ns[0];
	}
	int64_t last_ns = now_ns;
	for (int64_t i = 0; i < records; i++) {
		double time_ns = -log(uniform(s)) * (double)s->time.mean_ns;
		s->busy_ns += time_ns;
		int64_t done_ns = time_after(MAX(s->free_ns[0], now_ns), time_ns);
		last_ns = MAX(last_ns, done_ns);
		s->free_ns[0] = done_ns;
		heap_sink(s->free_ns, s->server_count);
	}
	return last_ns;
}

/* Every server is busy for so much longer: the order of the heap stays. */
static int64_t admit_mean(struct service *s, int64_t now_ns, int64_t records)
{
	double total_ns = (double)records * (double)s->time.mean_ns;
	double each_ns = total_ns / s->server_count;
	int64_t last_ns = now_ns;
	for (int32_t i = 0; i < s->server_count; i++) {
		s->free_ns[i] = time_after(MAX(s->free_ns[i], now_ns), each_ns);
		last_ns = MAX(last_ns, s->free_ns[i]);
	}
	s->busy_ns += total_ns;
	return last_ns;
}

int64_t service_admit(struct service *s, int64_t now_ns, int64_t records)
{
	assert(records >= 0);
	if (s->time.kind == SERVICE_NONE || records == 0)
		return now_ns;
	s->served += (uint64_t)records;
	if (s->time.kind == SERVICE_CONSTANT)
		return admit_constant(s, now_ns, records);
	int64_t last_ns = admit_drawn(s, now_ns, MIN(records, SERVICE_DRAWS_MAX));
	if (records <= SERVICE_DRAWS_MAX)
		return last_ns;
	return admit_mean(s, now_ns, records - SERVICE_DRAWS_MAX);
}
