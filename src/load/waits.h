/*
 * Where the time goes between a record's intended moment and the moment the loop takes it up
 * (DESIGN section 5): lingering, which was asked for; blocked, by a full window, a missing leader
 * or an exhausted pool; and lateness, the rest, which is the generator's own fault.
 *
 * One per stream of records. It remembers when the stream was blocked; pure, time is passed in.
 */
#ifndef LOAD_WAITS_H
#define LOAD_WAITS_H

#include "base.h"
#include "schedule.h"

#define WAITS_HISTORY 64 /* blocked stretches kept apart; beyond, the nearest two become one */

struct waits_stretch {
	int64_t from_ns, to_ns;
};

struct waits {
	bool blocked;
	int64_t since_ns; /* while blocked */
	int64_t total_ns; /* of all closed stretches, for the verdict */
	int32_t count;
	struct waits_stretch stretches[WAITS_HISTORY]; /* closed ones, oldest first, disjoint */
};

/* Where records are recorded. */
struct waits_figures {
	struct histogram *lateness, *blocked, *linger;
};

/* The stream can, or cannot, take records up from now on. Saying the same again changes nothing. */
void waits_set(struct waits *w, bool blocked, int64_t now_ns);

/* The loop itself was kept from running: that part of a blocked stretch is not the window's. */
void waits_stall(struct waits *w, int64_t from_ns, int64_t to_ns);

/*
 * Records `count` records at the cursor, whose intended times are times_ns (ascending), all taken
 * up at taken_ns. Up to ready_ns they were lingering (not later than taken_ns; without lingering
 * any time up to the first record's).
 */
void waits_record(const struct waits *w, const struct schedule *s,
	const struct schedule_cursor *cursor, const int64_t *times_ns, uint32_t count,
	int64_t ready_ns, int64_t taken_ns, const struct waits_figures *figures);

/* Nothing intended before this moment will be recorded any more. */
void waits_forget(struct waits *w, int64_t before_ns);

#endif
