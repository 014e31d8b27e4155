/*
 * A lane: one producer's stream of records to one partition. It knows which records are due, builds
 * them into batches when its queue can send one at once, and books how each batch ends.
 */
#ifndef LOAD_LANE_H
#define LOAD_LANE_H

#include "batch_pool.h"
#include "load.h"
#include "readback.h"
#include "waits.h"

struct link;
struct worker;
struct producer;

#define LANE_LOST_MAX 4096 /* stretches of records that were not acknowledged, per lane */

struct lane {
	struct producer *producer;
	int32_t partition;
	struct link *link;  /* to the leader; NULL while it is unknown */
	int32_t link_place; /* among that link's lanes */
	struct produce_queue queue;
	struct schedule schedule;
	struct schedule_cursor cursor; /* of the next record to take up */
	int64_t next_due_ns;           /* of the first record not counted as due yet */
	int64_t ripe_ns;               /* of the next batch, see --linger; 0: not known */
	uint64_t taken, limit;         /* records taken up; closed loop: how many there are */
	double pace;                   /* closed loop: records taken per share, to keep the skew */
	/* The lane's own, so that a seed fixes what its records hold, whatever is taken up when. */
	struct payload_writer payload;
	struct random random;                    /* keys and headers */
	uint64_t acked, failed, unknown, unsent; /* of the taken records */
	/* Sequences that ended otherwise than acknowledged, for the read-back; ascending. */
	struct readback_range *lost;
	int32_t lost_count;
	bool lost_overflow;

	struct waits waits; /* last: it is large, and what is looked at every turn lies together */
};

void lane_init(struct lane *, struct producer *, int32_t partition);
void lane_free(struct lane *);
/* Once the start of the run is known. */
void lane_begin(struct lane *, int64_t start_ns);

/* Records that could be taken up now: due and not yet taken, none after the end of the run. */
uint64_t lane_due(struct lane *, int64_t now_ns);

/* When lane_take will have something to do of itself, or NEVER_NS. */
int64_t lane_next_ns(struct lane *, int64_t now_ns);

/* Whether a new batch would be sent at once, as far as its queue is concerned. */
bool lane_open(const struct lane *);

/*
 * The batch to send now: one that is due again, or a new one of the records that are due. NULL when
 * there is none, or the pool is empty.
 */
struct load_batch *lane_take(struct lane *, int64_t now_ns);

/* Books what has ended since the last call. */
void lane_collect(struct lane *, int64_t now_ns);

#endif
