/*
 * The judgement over a run (DESIGN sections 5 and 7): was the generator itself good enough for the
 * figures to count, what limited the run, which exit status it deserves, and one plain sentence to
 * close with. Pure: figures in, words out. It decides about producing runs; the arithmetic that
 * yields the figures belongs to the workers.
 */
#ifndef HARROW_MEASURE_VERDICT_H
#define HARROW_MEASURE_VERDICT_H

#include "base.h"
#include "../exit_status.h"

#define VERDICT_REASONS_MAX     12
#define VERDICT_REASON_SIZE     200
#define VERDICT_SENTENCE_SIZE   400
#define VERDICT_LATENESS_US     1000.0 /* lateness p99 above this ... */
#define VERDICT_LATENESS_SHARE  0.10   /* ... and above this part of latency p99 is invalid */
#define VERDICT_SHORTFALL_SHARE 0.01   /* of the schedule not taken up by own fault: invalid */
#define VERDICT_BACKLOG_SHARE   0.01   /* of the schedule waiting at its end: rate not reached */
#define VERDICT_BACKLOG_S       0.1    /* ... unless it is less than this much of the schedule */
#define VERDICT_BUSY_SHARE      0.80   /* closed loop: a core this busy is the limit */
#define VERDICT_USED_UP_SHARE   0.95   /* open loop, rate missed: busier than this is invalid */
#define VERDICT_THROTTLE_SHARE  0.10   /* of the run under quota: the broker is the limit */
#define VERDICT_SOCKET_SHARE    0.50   /* of the blocked time with a full socket: the broker */
#define VERDICT_QUEUE_FACTOR    3.0 /* service p50 over the lowest: requests queue in the broker */

enum limited_by { LIMITED_BY_NOTHING, LIMITED_BY_GENERATOR, LIMITED_BY_WINDOW, LIMITED_BY_BROKER };

/* A count that does not apply or is not known. */
#define VERDICT_UNKNOWN INT64_C(-1)

struct verdict_figures {
	bool open_loop;
	bool idempotent;
	double duration_s;      /* of the schedule, or of the closed loop's sending */
	double rate_per_second; /* asked for; open loop */

	int64_t scheduled, sent, acked; /* acked VERDICT_UNKNOWN with acks=0 */
	int64_t failed, unknown, unsent;
	int64_t confirmed;          /* by end offsets or read-back, or VERDICT_UNKNOWN ... */
	const char *unconfirmed_by; /* ... and why, in words; or NULL: not asked for */

	/* Open loop. */
	/* Scheduled and never taken up, while nothing but ourselves was in the way. */
	int64_t shortfall;
	int64_t backlog_at_end; /* due but not yet sent when the schedule ended */
	double lateness_p99_us, latency_p99_us;

	/* What stood in the way, summed over threads or streams as named. */
	double busy_share; /* of the busiest thread's wall time spent on a core, 0..1 */
	double blocked_s;  /* waited for the window or a pool with work at hand, mean per stream */
	double socket_full_s; /* of that, with sends waiting for the socket, mean per connection */
	double throttled_s;   /* waited at the broker's wish (throttle_time_ms), the same mean */
	double service_min_us, service_p50_us;

	int64_t dropped_samples; /* measurements lost */

	/* Read-back (--verify-read). */
	bool read_back;
	int64_t missing;    /* acknowledged, but not read */
	int64_t duplicates; /* read more than once */
	int64_t unchecked;  /* beyond the checker's limits */

	const char *failed_by; /* the broker's answer to records that failed, in words, or NULL */
	int signal;            /* that ended the run early, or 0 */
	const char *error;     /* what kept the run from finishing, in words, or NULL */
};

struct verdict {
	bool valid;
	enum exit_status status;
	enum limited_by limited_by;
	int32_t reason_count;
	char reasons[VERDICT_REASONS_MAX][VERDICT_REASON_SIZE];
	char sentence[VERDICT_SENTENCE_SIZE];
};

void verdict_decide(struct verdict *v, const struct verdict_figures *f);

/* "generator", "window", "broker", or NULL for nothing. */
const char *limited_by_name(enum limited_by limited_by);

#endif
