/*
 * The verdict: what the figures of a producing run mean. In the order in which it reads: did the
 * generator spoil the measurement (invalid), was anything lost or missed (failed), what was in the
 * way, and how to say so.
 */
#include "verdict.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

#define ENOUGH_BLOCKED_SHARE 0.05 /* of the run waiting: below it nothing stood in the way */

static __attribute__((format(printf, 2, 3))) void add_reason(
	struct verdict *v, const char *format, ...)
{
	if (v->reason_count == VERDICT_REASONS_MAX)
		return;
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(v->reasons[v->reason_count++], VERDICT_REASON_SIZE, format, arguments);
	va_end(arguments);
}

static double share(double part, double whole)
{
	return whole > 0 ? part / whole : 0;
}

/* ---- is it valid ---- */

static bool lateness_is_bad(const struct verdict_figures *f)
{
	return f->open_loop && f->lateness_p99_us > VERDICT_LATENESS_US &&
	       f->lateness_p99_us > VERDICT_LATENESS_SHARE * f->latency_p99_us;
}

static bool shortfall_is_bad(const struct verdict_figures *f)
{
	return f->open_loop && f->scheduled > 0 &&
	       share((double)f->shortfall, (double)f->scheduled) > VERDICT_SHORTFALL_SHARE;
}

/* The broker kept up unless records wait when the schedule ends, or never go out at all. */
static bool rate_is_reached(const struct verdict_figures *f)
{
	double slack = VERDICT_BACKLOG_SHARE * (double)f->scheduled;
	if (f->duration_s > 0)
		slack = MAX(slack, (double)f->scheduled / f->duration_s * VERDICT_BACKLOG_S);
	return f->unsent == 0 && f->shortfall == 0 && (double)f->backlog_at_end <= slack;
}

/*
 * A thread that never rested while its rate was missed: the window was full because answers lay
 * unread, and nobody can say how fast the broker would have been.
 */
static bool core_was_used_up(const struct verdict_figures *f)
{
	return f->open_loop && !rate_is_reached(f) && f->busy_share > VERDICT_USED_UP_SHARE;
}

static void judge_generator(struct verdict *v, const struct verdict_figures *f)
{
	bool late = lateness_is_bad(f), short_of = shortfall_is_bad(f),
	     used_up = core_was_used_up(f);
	if (late)
		add_reason(v,
			"harrow took records up late: p99 %.3f ms, above %.0f ms and above %.0f %% "
			"of latency p99 (%.3f ms)",
			f->lateness_p99_us / 1000, VERDICT_LATENESS_US / 1000,
			VERDICT_LATENESS_SHARE * 100, f->latency_p99_us / 1000);
	if (short_of)
		add_reason(v,
			"harrow left %" PRId64 " of %" PRId64
			" scheduled records (%.1f %%) untouched "
			"although nothing was in its way",
			f->shortfall, f->scheduled,
			100 * share((double)f->shortfall, (double)f->scheduled));
	if (used_up)
		add_reason(v,
			"harrow's busiest thread had no time left (%.0f %% of a core) while "
			"the rate was missed",
			100 * f->busy_share);
	if (f->dropped_samples > 0)
		add_reason(v, "%" PRId64 " measurements were lost", f->dropped_samples);
	v->valid = !late && !short_of && !used_up && f->dropped_samples == 0;
}

/* ---- has it failed ---- */

/* Says it when there is something to say; true then. */
static bool judge_count(struct verdict *v, int64_t count, const char *what)
{
	if (count > 0)
		add_reason(v, "%" PRId64 " records %s", count, what);
	return count > 0;
}

static bool judge_confirmation(struct verdict *v, const struct verdict_figures *f)
{
	if (f->confirmed == VERDICT_UNKNOWN) {
		if (f->unconfirmed_by)
			add_reason(v, "not confirmed: %s", f->unconfirmed_by);
		return false;
	}
	if (f->acked == VERDICT_UNKNOWN) {
		/* acks=0 promises nothing, so that nothing is broken: but it is said. */
		if (f->confirmed < f->sent)
			add_reason(v,
				"%" PRId64 " records were sent (acks=0) but are not in the log",
				f->sent - f->confirmed);
		return false;
	}
	bool lost = f->confirmed < f->acked;
	if (lost)
		add_reason(v,
			"LOST: %" PRId64
			" records were acknowledged but are not in the log (%" PRId64
			" acknowledged, %" PRId64 " confirmed)",
			f->acked - f->confirmed, f->acked, f->confirmed);
	/* A record whose fate is unknown, or that was given up after a timeout, may be there. */
	int64_t most = f->acked + f->unknown + f->failed;
	bool doubled = f->confirmed > most;
	if (doubled)
		add_reason(v, "%" PRId64 " records are in the log more than once%s",
			f->confirmed - most,
			f->idempotent ? "" : " (retries without idempotence may do that)");
	return lost || (doubled && f->idempotent);
}

static bool judge_read_back(struct verdict *v, const struct verdict_figures *f)
{
	if (!f->read_back)
		return false;
	bool lost = judge_count(v, f->missing, "were acknowledged but not read back: LOST");
	bool doubled = judge_count(v, f->duplicates, "were read back more than once");
	bool unchecked = judge_count(v, f->unchecked, "could not be checked: too many gaps");
	return lost || (doubled && f->idempotent) || unchecked;
}

static bool judge_rate(struct verdict *v, const struct verdict_figures *f)
{
	if (!f->open_loop || f->error || rate_is_reached(f))
		return false;
	add_reason(v,
		"the rate of %.0f records/s was not reached: when the schedule ended %" PRId64
		" of %" PRId64 " records were waiting, and %" PRId64 " were never sent",
		f->rate_per_second, f->backlog_at_end, f->scheduled, f->unsent);
	return true;
}

static bool judge_failed(struct verdict *v, const struct verdict_figures *f)
{
	if (f->failed == 0 || !f->failed_by)
		return judge_count(v, f->failed, "were refused or given up");
	add_reason(v, "%" PRId64 " records were refused or given up: %s", f->failed, f->failed_by);
	return true;
}

static bool judge_outcome(struct verdict *v, const struct verdict_figures *f, bool missed_rate)
{
	bool bad = missed_rate;
	if (f->error) {
		add_reason(v, "%s", f->error);
		bad = true;
	}
	bad |= judge_failed(v, f);
	bad |= judge_count(v, f->unknown, "were sent but never answered: they may be in the log");
	/* In an open loop the rate has its own words for these; who interrupts a run of so many
	 * records wants fewer. */
	if (!f->open_loop || f->error)
		bad |= judge_count(v, f->unsent, "were not sent") && !f->signal;
	bad |= judge_confirmation(v, f);
	bad |= judge_read_back(v, f);
	if (f->signal)
		add_reason(v, "stopped early by %s",
			f->signal == SIGINT    ? "SIGINT"
			: f->signal == SIGTERM ? "SIGTERM"
					       : "a signal");
	return bad;
}

/* ---- what was in the way ---- */

/*
 * Once records waited for the window: a broker that throttles, whose socket stays full, or that
 * takes several times its quickest answer, is itself the limit, and a larger window would only
 * lengthen its queue. A broker that answers as quickly as it can is waiting for us.
 */
static enum limited_by window_or_broker(const struct verdict_figures *f)
{
	bool throttled = share(f->throttled_s, f->duration_s) > VERDICT_THROTTLE_SHARE;
	bool socket_full = share(f->socket_full_s, f->blocked_s) > VERDICT_SOCKET_SHARE;
	bool queueing = f->service_p50_us > VERDICT_QUEUE_FACTOR * f->service_min_us;
	return throttled || socket_full || queueing ? LIMITED_BY_BROKER : LIMITED_BY_WINDOW;
}

static enum limited_by closed_loop_limit(const struct verdict_figures *f)
{
	if (share(f->throttled_s, f->duration_s) > VERDICT_THROTTLE_SHARE)
		return LIMITED_BY_BROKER;
	bool waited = share(f->blocked_s, f->duration_s) > ENOUGH_BLOCKED_SHARE;
	if (f->busy_share >= VERDICT_BUSY_SHARE || !waited)
		return LIMITED_BY_GENERATOR;
	return window_or_broker(f);
}

/* Then nothing was measured, and no limit was met. */
static bool nothing_arrived(const struct verdict_figures *f)
{
	return f->acked == 0 && f->failed + f->unknown + f->unsent > 0;
}

static enum limited_by find_limit(const struct verdict_figures *f, bool valid, bool missed_rate)
{
	if (f->error || nothing_arrived(f))
		return LIMITED_BY_NOTHING;
	if (!f->open_loop)
		return closed_loop_limit(f);
	if (!valid || (missed_rate && f->shortfall > 0 && f->shortfall >= f->unsent))
		return LIMITED_BY_GENERATOR;
	return missed_rate ? window_or_broker(f) : LIMITED_BY_NOTHING;
}

const char *limited_by_name(enum limited_by limited_by)
{
	switch (limited_by) {
	case LIMITED_BY_NOTHING:
		return NULL;
	case LIMITED_BY_GENERATOR:
		return "generator";
	case LIMITED_BY_WINDOW:
		return "window";
	case LIMITED_BY_BROKER:
		return "broker";
	}
	return NULL;
}

/* ---- the sentence ---- */

static const char *limit_in_words(const struct verdict *v, const struct verdict_figures *f)
{
	switch (v->limited_by) {
	case LIMITED_BY_GENERATOR:
		if (f->open_loop)
			return "harrow itself could not keep the schedule: give it a core of its "
			       "own, more --threads, or a lower --rate.";
		return "harrow's own CPU was the limit: try more --threads or larger batches, on a "
		       "machine apart from the broker.";
	case LIMITED_BY_WINDOW:
		/* With idempotence Kafka allows five requests in flight, and no more. */
		if (f->idempotent)
			return "the window was the limit: answers came about as fast as the "
			       "broker's "
			       "quickest, so it may take more: try more --connections or "
			       "--producers, larger batches or more partitions.";
		return "the window was the limit: answers came about as fast as the broker's "
		       "quickest, so it may take more: try more --in-flight, --connections, "
		       "larger batches or more partitions.";
	case LIMITED_BY_BROKER:
		if (share(f->throttled_s, f->duration_s) > VERDICT_THROTTLE_SHARE)
			return "the broker throttled this client by its quota: raise the quota, or "
			       "lower the rate.";
		if (f->open_loop)
			return "the broker was the limit: requests queued there. Try a lower "
			       "--rate, "
			       "more brokers or partitions, compression, or --acks 1 if you can "
			       "afford it.";
		return "the broker was the limit: requests queued there. Try more brokers or "
		       "partitions, compression, or --acks 1 if you can afford it.";
	case LIMITED_BY_NOTHING:
		break;
	}
	return "the rate was reached and nothing was in the way: raise --rate to find where that "
	       "ends.";
}

static void write_sentence(struct verdict *v, const struct verdict_figures *f, bool lost)
{
	const char *opening = "";
	if (!v->valid)
		opening = "These figures do not count: ";
	else if (lost)
		opening = "Acknowledged records were lost, see the reasons; beside that, ";
	else if (f->failed > 0 || f->unknown > 0)
		opening = "Not every record arrived, see the reasons; beside that, ";
	if (f->error)
		(void)snprintf(
			v->sentence, sizeof v->sentence, "The run did not finish: %s.", f->error);
	else if (v->valid && nothing_arrived(f))
		(void)snprintf(v->sentence, sizeof v->sentence,
			"Not one record was acknowledged, see the reasons.");
	else
		(void)snprintf(
			v->sentence, sizeof v->sentence, "%s%s", opening, limit_in_words(v, f));
	if (v->sentence[0] >= 'a' && v->sentence[0] <= 'z')
		v->sentence[0] = (char)(v->sentence[0] - 'a' + 'A');
}

void verdict_decide(struct verdict *v, const struct verdict_figures *f)
{
	memset(v, 0, sizeof *v);
	judge_generator(v, f);
	bool missed_rate = judge_rate(v, f);
	bool failed = judge_outcome(v, f, missed_rate);
	v->status = !v->valid ? EXIT_INVALID : failed ? EXIT_FAILED : EXIT_DONE;
	v->limited_by = find_limit(f, v->valid, missed_rate);
	bool lost = (f->read_back && f->missing > 0) ||
		    (f->acked != VERDICT_UNKNOWN && f->confirmed != VERDICT_UNKNOWN &&
			    f->confirmed < f->acked);
	write_sentence(v, f, lost);
}
