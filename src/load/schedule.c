/*
 * The send schedule. Constant streams are ramps (histogram.h). A Poisson stream is a row of windows
 * that each expect SCHEDULE_WINDOW records; given their count, the records of a window are uniform
 * in it, so that each half gets a binomial share (a count of random bits), and so on down to one
 * record.
 */
#include "schedule.h"

#include "random.h"

/* Windows are halved this often; records still together then share their instant. */
#define WINDOW_DEPTH 40

static uint64_t mix(uint64_t key)
{
	return random_mix(&key);
}

/* ---- a stream ---- */

static void start_constant_uniform(
	struct schedule *s, const struct plan *plan, uint64_t stream, uint64_t streams)
{
	s->ramp.records = plan->rate.records;
	s->ramp.interval_ns = plan->rate.interval_ns;
	s->ramp.first = stream;
	s->ramp.stride = streams;
}

/* Its own rate; the first record comes at its stream's part of one gap: none start together. */
static void start_constant_skewed(
	struct schedule *s, struct record_rate rate, uint64_t stream, uint64_t streams)
{
	s->ramp.records = rate.records;
	s->ramp.interval_ns = rate.interval_ns;
	s->ramp.stride = 1;
	uint64_t gap_ns = rate.interval_ns / rate.records;
	s->ramp.start_ns += (int64_t)((unsigned __int128)gap_ns * stream / streams);
}

static uint32_t window_count(const struct schedule *s, uint64_t window);

static void start_poisson(
	struct schedule *s, struct record_rate rate, uint64_t stream, uint64_t seed)
{
	/* Instant w of the ramp is where window w begins. */
	s->ramp.records = rate.records;
	s->ramp.interval_ns = rate.interval_ns;
	s->ramp.stride = SCHEDULE_WINDOW;
	s->seed = mix(mix(seed) ^ stream);
	s->window_count = window_count(s, 0);
}

void schedule_init(struct schedule *s, const struct plan *plan, uint32_t producer,
	uint32_t partition, int64_t start_ns)
{
	assert(producer < plan->producers && partition < plan->partitions);
	assert(plan->rate.records > 0 && start_ns >= 0);
	uint64_t stream = (uint64_t)producer * plan->partitions + partition;
	uint64_t streams = (uint64_t)plan->producers * plan->partitions;
	bool uniform = plan->skew.kind == SKEW_UNIFORM;
	uint64_t share = plan_share(plan, partition);
	*s = (struct schedule){
		.arrivals = plan->arrivals,
		.ramp.start_ns = start_ns,
		.records = plan->records ? plan_records(plan, producer, partition) : UINT64_MAX,
		.end_ns = plan->duration_ns ? start_ns + plan->duration_ns : NEVER_NS,
	};
	if (share == 0 && !uniform)
		s->records = 0;
	struct record_rate rate = plan_rate(plan, partition);
	if (plan->arrivals == ARRIVALS_POISSON)
		start_poisson(s, rate, stream, plan->seed);
	else if (uniform)
		start_constant_uniform(s, plan, stream, streams);
	else
		start_constant_skewed(s, rate, stream, streams);
}

/* ---- Poisson: windows ---- */

static uint64_t window_key(const struct schedule *s, uint64_t window)
{
	return mix(s->seed + window * UINT64_C(0xd1342543de82ef95));
}

/*
 * A Poisson number of mean SCHEDULE_WINDOW by inversion, from the most likely count outwards.
 * Nothing but +, * and / on doubles: the same on every machine.
 */
static uint32_t poisson_count(double unit)
{
	const double mean = SCHEDULE_WINDOW;
	const double likeliest = 0.02492577734864527; /* 256^256 e^-256 / 256! */
	double below = likeliest, above = likeliest;
	uint32_t low = SCHEDULE_WINDOW, high = SCHEDULE_WINDOW;
	unit -= likeliest;
	while (unit >= 0) {
		if (low > 0) {
			below *= (double)low-- / mean;
			unit -= below;
			if (unit < 0)
				return low;
		}
		if (high == SCHEDULE_WINDOW_MAX)
			return high;
		above *= mean / (double)++high;
		unit -= above;
	}
	return high;
}

static uint32_t window_count(const struct schedule *s, uint64_t window)
{
	return poisson_count((double)(mix(window_key(s, window) ^ 1) >> 11) * 0x1p-53);
}

/* How many of `count` records lie in the first half of a node: heads among so many coins. */
static uint32_t first_half(uint64_t key, uint64_t node, uint32_t count)
{
	uint64_t word_key = key + node * UINT64_C(0xda942042e4dd58b5);
	uint32_t heads = 0;
	for (; count >= 64; count -= 64)
		heads += (uint32_t)__builtin_popcountll(random_mix(&word_key));
	if (count > 0)
		heads += (uint32_t)__builtin_popcountll(random_mix(&word_key) >> (64 - count));
	return heads;
}

/*
 * A node of the halving: `count` records in the 2^-depth of the window that begins at `base`; both
 * as 0.64 fixed point. `node` numbers it like a heap, children 2n and 2n + 1.
 */
struct node {
	uint64_t node, base;
	uint32_t depth, count;
};

static uint64_t node_half(const struct node *n)
{
	return UINT64_C(1) << (63 - n->depth);
}

static struct node node_child(const struct node *n, uint32_t second, uint32_t count)
{
	return (struct node){ n->node * 2 + second, n->base + (second ? node_half(n) : 0),
		n->depth + 1, count };
}

/* A node with one record: anywhere in it. Deeper than WINDOW_DEPTH all lie at its begin. */
static uint64_t leaf_position(uint64_t key, const struct node *n)
{
	if (n->depth >= WINDOW_DEPTH || n->count > 1)
		return n->base;
	uint64_t offset = mix(key ^ (n->node * UINT64_C(0xc6a4a7935bd1e995)));
	return n->base + (n->depth ? offset >> n->depth : offset);
}

/* The border of windows and what turns a position in one into time. */
struct window {
	uint64_t key;
	int64_t start_ns;
	uint64_t length_ns;
};

static struct window window_at(const struct schedule *s, uint64_t window)
{
	int64_t start_ns = ramp_instant(&s->ramp, window);
	int64_t end_ns = ramp_instant(&s->ramp, window + 1);
	return (struct window){ window_key(s, window), start_ns, (uint64_t)(end_ns - start_ns) };
}

static int64_t window_time(const struct window *w, uint64_t position)
{
	return w->start_ns + (int64_t)(((unsigned __int128)position * w->length_ns) >> 64);
}

/*
 * Writes the times of the records [first, end) of a node, counted within it, and returns the place
 * after the last. The depth of the recursion is bounded by WINDOW_DEPTH.
 */
static int64_t *node_times(const struct window *w, const struct node *n, uint32_t first,
	uint32_t end, int64_t *times_ns)
{
	if (first >= end)
		return times_ns;
	if (n->count == 1 || n->depth == WINDOW_DEPTH) {
		int64_t time_ns = window_time(w, leaf_position(w->key, n));
		for (; first < end; first++)
			*times_ns++ = time_ns;
		return times_ns;
	}
	uint32_t heads = first_half(w->key, n->node, n->count);
	struct node halves[] = { node_child(n, 0, heads), node_child(n, 1, n->count - heads) };
	if (first < heads)
		times_ns = node_times(w, &halves[0], first, MIN(end, heads), times_ns);
	if (end > heads)
		times_ns = node_times(
			w, &halves[1], first > heads ? first - heads : 0, end - heads, times_ns);
	return times_ns;
}

static void window_times(const struct schedule *s, uint64_t window, uint32_t count, uint32_t first,
	uint32_t end, int64_t *times_ns)
{
	struct window w = window_at(s, window);
	struct node root = { .node = 1, .count = count };
	node_times(&w, &root, first, end, times_ns);
}

/* How many records of the window are due at now_ns, which lies in it. */
static uint32_t window_due(
	const struct schedule *s, uint64_t window, uint32_t count, int64_t now_ns)
{
	struct window w = window_at(s, window);
	struct node n = { .node = 1, .count = count };
	/* Positions below `limit` are due: position * length < (now - start + 1) * 2^64. */
	unsigned __int128 due = (unsigned __int128)(uint64_t)(now_ns - w.start_ns + 1) << 64;
	unsigned __int128 limit = (due + w.length_ns - 1) / w.length_ns;
	if (limit >> 64)
		return count;
	uint32_t before = 0;
	while (n.count > 1 && n.depth < WINDOW_DEPTH) {
		uint32_t heads = first_half(w.key, n.node, n.count);
		bool second = (uint64_t)limit > n.base + node_half(&n);
		before += second ? heads : 0;
		n = node_child(&n, second, second ? n.count - heads : heads);
	}
	if (n.count == 0)
		return before;
	return before + (leaf_position(w.key, &n) < (uint64_t)limit ? n.count : 0);
}

/* The next window's place, from a window's. */
static void next_window(const struct schedule *s, struct schedule_cursor *c)
{
	c->window_first += c->window_count;
	c->window++;
	c->window_count = window_count(s, c->window);
}

static struct schedule_cursor due_cursor(const struct schedule *s)
{
	return (struct schedule_cursor){ .index = s->due,
		.window = s->window,
		.window_first = s->window_first,
		.window_count = s->window_count };
}

/* Moves the cursor to the window of now_ns and returns how many records are due, without bounds. */
static uint64_t poisson_due(const struct schedule *s, struct schedule_cursor *c, int64_t now_ns)
{
	if (now_ns < s->ramp.start_ns)
		return 0;
	while (ramp_instant(&s->ramp, c->window + 1) <= now_ns && c->window_first < s->records)
		next_window(s, c);
	if (now_ns < ramp_instant(&s->ramp, c->window) || c->window_first >= s->records)
		return c->window_first;
	return c->window_first + window_due(s, c->window, c->window_count, now_ns);
}

/* ---- what is due ---- */

uint64_t schedule_due(struct schedule *s, int64_t now_ns)
{
	if (s->end_ns != NEVER_NS)
		now_ns = MIN(now_ns, s->end_ns - 1);
	uint64_t due;
	if (s->arrivals == ARRIVALS_POISSON) {
		struct schedule_cursor c = due_cursor(s);
		due = poisson_due(s, &c, now_ns);
		s->window = c.window;
		s->window_first = c.window_first;
		s->window_count = c.window_count;
	} else {
		due = ramp_count(&s->ramp, now_ns);
	}
	s->due = MAX(s->due, MIN(due, s->records));
	return s->due;
}

int64_t schedule_next_ns(const struct schedule *s)
{
	if (s->due >= s->records)
		return NEVER_NS;
	int64_t next_ns;
	struct schedule_cursor c = due_cursor(s);
	if (s->arrivals == ARRIVALS_POISSON)
		schedule_times(s, &c, &next_ns, 1);
	else
		next_ns = ramp_instant(&s->ramp, s->due);
	return next_ns < s->end_ns ? next_ns : NEVER_NS;
}

uint64_t schedule_total(const struct schedule *s)
{
	if (s->end_ns == NEVER_NS)
		return s->records;
	uint64_t due;
	struct schedule_cursor c = due_cursor(s);
	if (s->arrivals == ARRIVALS_POISSON)
		due = poisson_due(s, &c, s->end_ns - 1);
	else
		due = ramp_count(&s->ramp, s->end_ns - 1);
	return MIN(due, s->records);
}

/* ---- cursors ---- */

struct schedule_cursor schedule_begin(const struct schedule *s)
{
	struct schedule_cursor c = { 0 };
	if (s->arrivals == ARRIVALS_POISSON)
		c.window_count = window_count(s, 0);
	return c;
}

void schedule_skip(const struct schedule *s, struct schedule_cursor *cursor, uint64_t count)
{
	cursor->index += count;
	if (s->arrivals == ARRIVALS_CONSTANT)
		return;
	while (cursor->index - cursor->window_first >= cursor->window_count)
		next_window(s, cursor);
}

/* Poisson: the next records, at most `count` and not beyond the cursor's window. How many. */
static uint32_t times_in_window(
	const struct schedule *s, struct schedule_cursor *c, int64_t *times_ns, uint64_t count)
{
	/* A cursor made by schedule_due may stand at the end of its window. */
	schedule_skip(s, c, 0);
	uint32_t first = (uint32_t)(c->index - c->window_first);
	uint32_t some = (uint32_t)MIN(count, c->window_count - first);
	window_times(s, c->window, c->window_count, first, first + some, times_ns);
	schedule_skip(s, c, some);
	return some;
}

void schedule_times(
	const struct schedule *s, struct schedule_cursor *cursor, int64_t *times_ns, uint32_t count)
{
	if (s->arrivals == ARRIVALS_POISSON) {
		while (count > 0) {
			uint32_t some = times_in_window(s, cursor, times_ns, count);
			times_ns += some;
			count -= some;
		}
		return;
	}
	ramp_instants(&s->ramp, cursor->index, count, times_ns);
	cursor->index += count;
}

void schedule_record(const struct schedule *s, const struct schedule_cursor *cursor, uint64_t count,
	int64_t at_ns, struct histogram *h)
{
	if (s->arrivals == ARRIVALS_CONSTANT) {
		histogram_record_ramp(h, &s->ramp, cursor->index, count, at_ns);
		return;
	}
	struct schedule_cursor c = *cursor;
	int64_t times_ns[SCHEDULE_WINDOW_MAX];
	while (count > 0) {
		uint32_t some = times_in_window(s, &c, times_ns, count);
		for (uint32_t i = 0; i < some; i++)
			/* Filled by a recursion that the analyzer does not follow. */
			histogram_record(h, at_ns - times_ns[i]); // NOLINT(clang-analyzer-core*)
		count -= some;
	}
}
