/* Lingering, blocked and late: see waits.h. */
#include "waits.h"

/*
 * Makes room by closing the smallest gap. To forget the oldest stretch instead would turn all of
 * what the broker took into our lateness: on a busy machine, where most waits end a little late, a
 * broker that was away for two seconds made a run invalid.
 */
static void stretches_join(struct waits *w)
{
	int32_t best = 1;
	for (int32_t i = 2; i < w->count; i++)
		if (w->stretches[i].from_ns - w->stretches[i - 1].to_ns <
			w->stretches[best].from_ns - w->stretches[best - 1].to_ns)
			best = i;
	w->stretches[best - 1].to_ns = w->stretches[best].to_ns;
	memmove(w->stretches + best, w->stretches + best + 1,
		(size_t)(--w->count - best) * sizeof w->stretches[0]);
}

static void stretch_close(struct waits *w, int64_t to_ns)
{
	int64_t from_ns = w->since_ns;
	w->blocked = false;
	if (to_ns <= from_ns)
		return;
	w->total_ns += to_ns - from_ns;
	if (w->count > 0 && w->stretches[w->count - 1].to_ns >= from_ns) {
		w->stretches[w->count - 1].to_ns = to_ns;
		return;
	}
	if (w->count == WAITS_HISTORY)
		stretches_join(w);
	w->stretches[w->count++] = (struct waits_stretch){ from_ns, to_ns };
}

void waits_set(struct waits *w, bool blocked, int64_t now_ns)
{
	if (blocked && !w->blocked) {
		w->blocked = true;
		w->since_ns = now_ns;
	} else if (!blocked && w->blocked) {
		stretch_close(w, now_ns);
	}
}

void waits_stall(struct waits *w, int64_t from_ns, int64_t to_ns)
{
	if (!w->blocked || to_ns <= from_ns)
		return;
	stretch_close(w, from_ns);
	w->blocked = true;
	w->since_ns = to_ns;
}

void waits_forget(struct waits *w, int64_t before_ns)
{
	int32_t gone = 0;
	while (gone < w->count && w->stretches[gone].to_ns <= before_ns)
		gone++;
	if (gone > 0) {
		w->count -= gone;
		memmove(w->stretches, w->stretches + gone,
			(size_t)w->count * sizeof w->stretches[0]);
	}
}

/* How much of [from, to) the stream was blocked. */
static int64_t blocked_between(const struct waits *w, int64_t from_ns, int64_t to_ns)
{
	int64_t sum = 0;
	for (int32_t i = 0; i < w->count; i++) {
		int64_t from = MAX(w->stretches[i].from_ns, from_ns);
		int64_t to = MIN(w->stretches[i].to_ns, to_ns);
		if (to > from)
			sum += to - from;
	}
	return sum;
}

/* How many of the ascending times lie before the limit. */
static uint32_t count_before(const int64_t *times_ns, uint32_t count, int64_t limit_ns)
{
	uint32_t low = 0, high = count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (times_ns[middle] < limit_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct walk {
	const struct schedule *schedule;
	struct schedule_cursor cursor;
	const int64_t *times_ns;
	uint32_t left;
	const struct waits_figures *figures;
};

/* Passes the records before limit_ns; records their time until until_ns into one histogram, and a
 * time that is the same for all of them into the other. */
static void walk_to(struct walk *k, int64_t limit_ns, struct histogram *growing, int64_t until_ns,
	struct histogram *fixed, int64_t fixed_ns)
{
	uint32_t n = count_before(k->times_ns, k->left, limit_ns);
	if (n == 0)
		return;
	schedule_record(k->schedule, &k->cursor, n, until_ns, growing);
	histogram_record_n(fixed, fixed_ns, n);
	schedule_skip(k->schedule, &k->cursor, n);
	k->times_ns += n;
	k->left -= n;
}

void waits_record(const struct waits *w, const struct schedule *s,
	const struct schedule_cursor *cursor, const int64_t *times_ns, uint32_t count,
	int64_t ready_ns, int64_t taken_ns, const struct waits_figures *figures)
{
	assert(!w->blocked);
	struct walk k = { s, *cursor, times_ns, count, figures };
	uint32_t lingered = count_before(times_ns, count, ready_ns);
	if (lingered > 0) {
		int64_t blocked_ns = blocked_between(w, ready_ns, taken_ns);
		schedule_record(s, &k.cursor, lingered, ready_ns, figures->linger);
		histogram_record_n(figures->blocked, blocked_ns, lingered);
		histogram_record_n(figures->lateness, taken_ns - ready_ns - blocked_ns, lingered);
		schedule_skip(s, &k.cursor, lingered);
		k.times_ns += lingered;
		k.left -= lingered;
	}
	histogram_record_n(figures->linger, 0, k.left);

	/* Between two stretches lateness falls with the intended time and the blocked time to come
	 * is the same for all; within one it is the other way round. */
	for (int32_t i = 0; i < w->count && k.left > 0; i++) {
		const struct waits_stretch *stretch = &w->stretches[i];
		int64_t later_ns = blocked_between(w, stretch->to_ns, taken_ns);
		int64_t this_ns = stretch->to_ns - stretch->from_ns;
		walk_to(&k, stretch->from_ns, figures->lateness, taken_ns - this_ns - later_ns,
			figures->blocked, this_ns + later_ns);
		walk_to(&k, stretch->to_ns, figures->blocked, stretch->to_ns + later_ns,
			figures->lateness, taken_ns - stretch->to_ns - later_ns);
	}
	walk_to(&k, INT64_MAX, figures->lateness, taken_ns, figures->blocked, 0);
}
