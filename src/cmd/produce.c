/*
 * `harrow produce`, top down: options, the topic, the run, what the brokers confirm, the read-back,
 * the verdict, the report. Each step is a module of its own; this file is the order of them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "../interrupt.h"
#include "../load/run.h"
#include "../load/verify.h"
#include "../measure/hlog.h"
#include "../report/json.h"
#include "../report/output.h"
#include "../report/progress.h"
#include "../version.h"
#include "commands.h"
#include "produce_load.h"
#include "proto/error.h"

#define LINE_SIZE 1024

struct session {
	struct option_set options;
	struct produce_config config;
	json_t *effective;
	struct target target;
	struct payload payload;
	struct load load;
	struct run run;
	struct run_figures figures;
	struct readback readback;
	struct verify verify;
	struct progress progress;
	struct run_result *result;
	FILE *hlog;
	int64_t confirmed;
	char unconfirmed_by[RESULT_REASON_SIZE], failed_by[RESULT_REASON_SIZE], error[LINE_SIZE];
	/* for the progress line's rates */
	int64_t shown_ns;
	uint64_t shown_acked, shown_bytes;
};

static enum exit_status complain(enum exit_status status, const char *text)
{
	fprintf(stderr, "%s: %s\n", produce_options.command, text);
	return status;
}

/* ---- progress ---- */

static void progress_poll(void *context, int64_t now_ns)
{
	struct session *s = context;
	if (!progress_due(&s->progress, now_ns))
		return;
	struct progress_sample sample = { .elapsed_ns = MAX(now_ns - s->load.start_ns, 0) };
	uint64_t acked = 0, bytes = 0, backlog = 0, failed = 0;
	for (uint32_t i = 0; i < s->run.worker_count; i++) {
		const struct worker_totals *t = &s->run.workers[i].totals;
		acked += atomic_load_explicit(&t->acked, memory_order_relaxed);
		bytes += atomic_load_explicit(&t->payload_bytes, memory_order_relaxed);
		failed += atomic_load_explicit(&t->failed, memory_order_relaxed);
		backlog += atomic_load_explicit(&t->backlog, memory_order_relaxed) +
			   atomic_load_explicit(&t->in_flight, memory_order_relaxed);
	}
	bool over = s->load.duration_ns != NEVER_NS && sample.elapsed_ns > s->load.duration_ns;
	sample.phase = sample.elapsed_ns < s->load.warmup_ns ? "warm-up"
		       : over || atomic_load(&s->load.stop)  ? "draining"
							     : "sending";
	double passed_s = (double)MAX(now_ns - s->shown_ns, 1) / (double)NS_PER_S;
	sample.records_acked = (int64_t)acked;
	sample.records_per_second = (double)(acked - s->shown_acked) / passed_s;
	sample.payload_bytes_per_second = (double)(bytes - s->shown_bytes) / passed_s;
	sample.backlog = s->load.open_loop ? (int64_t)backlog : -1;
	sample.errors = (int64_t)failed;
	pthread_mutex_lock(&s->run.recorder.lock);
	bool rows = s->run.recorder.table.count > 0;
	sample.p99_ns = !rows               ? -1
			: s->load.open_loop ? s->run.recorder.latency_p99_ns
					    : s->run.recorder.service_p99_ns;
	sample.lateness_p99_ns = rows && s->load.open_loop ? s->run.recorder.lateness_p99_ns : -1;
	pthread_mutex_unlock(&s->run.recorder.lock);
	s->shown_ns = now_ns;
	s->shown_acked = acked;
	s->shown_bytes = bytes;
	progress_show(&s->progress, &sample, now_ns);
}

static void progress_open(struct session *s)
{
	char what[LINE_SIZE];
	snprintf(what, sizeof what, "producing to '%s', %d partitions, on %s", s->target.topic,
		s->target.cluster.topic.partition_count, s->target.cluster.control->name);
	struct progress_plan plan = {
		.what = what,
		.records = s->config.records,
		.duration_ns = s->config.duration_ns,
		.records_per_second =
			s->load.open_loop ? record_rate_per_second(s->load.plan.rate) : 0,
		.warmup_ns = s->config.warmup_ns,
		.drain_ns = s->config.drain_ns,
	};
	s->shown_ns = clock_monotonic_ns();
	progress_begin(&s->progress, &plan, stderr, s->config.quiet, s->shown_ns);
	s->progress.plan.what = "producing";
}

static void reading_poll(void *context, uint64_t records)
{
	struct session *s = context;
	int64_t now_ns = clock_monotonic_ns();
	if (!progress_due(&s->progress, now_ns))
		return;
	struct progress_sample sample = { .phase = "reading back",
		.elapsed_ns = now_ns - s->load.start_ns,
		.records_acked = (int64_t)records,
		.records_per_second = -1,
		.payload_bytes_per_second = -1,
		.p99_ns = -1,
		.lateness_p99_ns = -1,
		.backlog = -1,
		.errors = -1 };
	progress_show(&s->progress, &sample, now_ns);
}

/* ---- what the brokers confirm ---- */

static void read_back(struct session *s)
{
	s->verify =
		(struct verify){ .readback = &s->readback, .progress = reading_poll, .context = s };
	int result = readback_init(
		&s->readback, s->load.run_id, s->load.plan.producers, s->load.plan.partitions);
	if (result == 0)
		result = verify_read(&s->verify, &s->target.cluster, s->target.start_offsets,
			s->target.end_offsets);
	if (result == -EINTR)
		snprintf(s->error, sizeof s->error,
			"the read-back was interrupted: not every record was checked");
	else if (result < 0 && !s->error[0])
		snprintf(s->error, sizeof s->error, "the read-back failed: %s",
			s->target.cluster.reason);
	struct verdict_figures *v = &s->figures.verdict;
	v->read_back = result == 0;
	uint64_t unchecked = s->readback.unchecked;
	v->missing = (int64_t)run_missing(&s->run, &s->readback, &unchecked);
	v->unchecked = (int64_t)unchecked;
	v->duplicates = (int64_t)s->readback.duplicates;
}

static void confirm(struct session *s)
{
	const struct run_figures *f = &s->figures;
	s->confirmed = VERDICT_UNKNOWN;
	uint64_t expected = s->load.acks == 0 ? f->sent : f->acked;
	if (target_offsets(&s->target, (int64_t)expected) < 0) {
		snprintf(s->unconfirmed_by, sizeof s->unconfirmed_by,
			"the end offsets cannot be read: %.200s", s->target.reason);
		return;
	}
	if (s->config.verify_read)
		read_back(s);
	int64_t growth = target_growth(&s->target);
	int64_t most =
		s->load.acks == 0 ? (int64_t)f->sent : (int64_t)(f->acked + f->unknown + f->failed);
	if (growth <= most || s->target.created)
		s->confirmed = growth;
	else if (f->verdict.read_back)
		s->confirmed = (int64_t)(s->readback.received - s->readback.duplicates);
	else
		snprintf(s->unconfirmed_by, sizeof s->unconfirmed_by,
			"the topic grew by %lld records more than this run sent: others write to "
			"it "
			"(--verify-read tells them apart)",
			(long long)(growth - most));
}

/* ---- the result ---- */

static struct result_summary summary(const struct histogram *h, bool applies)
{
	return (struct result_summary){ applies, histogram_summary(h) };
}

static void verdict_make(struct session *s)
{
	struct run_figures *f = &s->figures;
	struct verdict_figures *v = &f->verdict;
	v->open_loop = s->load.open_loop;
	v->scheduled = (int64_t)f->scheduled;
	v->sent = (int64_t)f->sent;
	v->acked = s->load.acks == 0 ? VERDICT_UNKNOWN : (int64_t)f->acked;
	v->failed = (int64_t)f->failed;
	v->unknown = (int64_t)f->unknown;
	v->unsent = (int64_t)f->unsent;
	v->confirmed = s->confirmed;
	v->unconfirmed_by = s->unconfirmed_by[0] ? s->unconfirmed_by : NULL;
	v->failed_by = run_refusal(&s->run, s->failed_by, sizeof s->failed_by);
	v->signal = interrupt_signal();
	v->error = s->error[0] ? s->error : NULL;
	verdict_decide(&s->result->verdict, v);
}

static void cpu_set(struct session *s)
{
	struct run_result *r = s->result;
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	r->memory_bytes = (int64_t)usage.ru_maxrss * 1024;
	r->cpu.user_s = (double)s->run.cpu_user_ns / (double)NS_PER_S;
	r->cpu.system_s = (double)s->run.cpu_system_ns / (double)NS_PER_S;
	uint64_t records = s->load.acks == 0 ? s->figures.sent : s->figures.acked;
	if (records > 0)
		r->cpu.us_per_record = (r->cpu.user_s + r->cpu.system_s) * 1e6 / (double)records;
}

static void result_make(struct session *s)
{
	struct run_result *r = s->result;
	const struct run_figures *f = &s->figures;
	const struct recorder *rec = &s->run.recorder;
	bool open = s->config.rate.unit != RATE_NONE, acked = s->config.acks != PRODUCE_ACKS_NONE;
	r->duration_s = f->measured_s;
	if (s->run.worker_count > 0) {
		r->engine = s->run.workers[0].engine;
		r->congestion_control = s->run.workers[0].congestion;
	}
	r->loop = open ? "open" : "closed";
	if (s->target.topic[0])
		r->topic = s->target.topic;
	if (s->load.plan.partitions > 0)
		r->partitions = s->load.plan.partitions;
	r->records.scheduled = (int64_t)f->scheduled;
	r->records.sent = (int64_t)f->sent;
	r->records.acked = acked ? (int64_t)f->acked : RESULT_NONE;
	r->records.failed = (int64_t)f->failed;
	r->records.unknown = (int64_t)f->unknown;
	r->records.unsent = (int64_t)f->unsent;
	r->records.confirmed = s->confirmed;
	snprintf(r->records.confirmed_reason, sizeof r->records.confirmed_reason, "%s",
		s->unconfirmed_by);
	if (f->verdict.read_back) {
		r->records.received = (int64_t)s->readback.received;
		r->records.gaps = f->verdict.missing;
		r->records.duplicates = f->verdict.duplicates;
	}
	r->bytes.payload = (int64_t)f->value_bytes;
	r->bytes.wire = (int64_t)f->wire_bytes;
	if (f->measured_s > 0) {
		r->rate.records_per_second = (double)f->measured_acked / f->measured_s;
		r->rate.payload_bytes_per_second = (double)f->measured_value_bytes / f->measured_s;
	}
	if (s->load.open_loop)
		r->rate.target_records_per_second = record_rate_per_second(s->load.plan.rate);
	if (s->run.workers) {
		r->latency = summary(rec->latency, open && acked);
		r->service = summary(rec->service, acked);
		r->lateness = summary(rec->lateness, open);
		r->blocked = summary(rec->blocked, open);
		r->linger = summary(rec->linger, open);
		run_errors(&s->run, r);
	}
	r->requests.sent = (int64_t)f->requests;
	r->requests.errors = (int64_t)f->request_errors;
	r->throttle_ms = (double)f->throttle_ms;
	r->broker = s->target.broker_config;
	cpu_set(s);
	verdict_make(s);
}

/* intervals.csv and the end of latency.hlog. 0 or -errno. */
static int figures_save(struct session *s)
{
	char path[LINE_SIZE];
	int result = s->run.recorder.hlog_error;
	if (s->hlog && fclose(s->hlog) != 0 && !result)
		result = -errno;
	s->hlog = NULL;
	if (result < 0 || !s->run.workers)
		return result;
	snprintf(path, sizeof path, "%s/intervals.csv", s->config.out);
	FILE *csv = fopen(path, "w");
	if (!csv)
		return -errno;
	result = interval_write_csv(&s->run.recorder.table, csv);
	if (fclose(csv) != 0 && !result)
		result = -errno;
	return result;
}

static enum exit_status report(struct session *s)
{
	struct output_options options = { s->config.format == PRODUCE_FORMAT_JSON, s->config.out };
	enum exit_status status = output_write(s->result, &options);
	int result = s->config.out ? figures_save(s) : 0;
	if (result < 0) {
		char line[LINE_SIZE];
		snprintf(line, sizeof line, "--out %.900s: %s", s->config.out, strerror(-result));
		enum exit_status unsaved = complain(EXIT_FAILED, line);
		status = MAX(status, unsaved);
	}
	return status;
}

/* ---- the order of it all ---- */

static enum exit_status folder_prepare(struct session *s)
{
	char error[LINE_SIZE + 64], path[LINE_SIZE];
	if (!s->config.out)
		return EXIT_DONE;
	if (json_prepare_directory(s->config.out, error, sizeof error) < 0)
		return complain(EXIT_FAILED, error);
	snprintf(path, sizeof path, "%s/latency.hlog", s->config.out);
	s->hlog = fopen(path, "w");
	if (s->hlog && hlog_write_header(s->hlog, "harrow produce", clock_wall_ns()) == 0)
		return EXIT_DONE;
	snprintf(error, sizeof error, "%s: %s", path, strerror(errno));
	return complain(EXIT_FAILED, error);
}

/* Also then there is a result: of nothing. */
static void interrupted_early(struct session *s)
{
	snprintf(s->error, sizeof s->error, "interrupted before anything was sent");
	s->confirmed = 0;
}

/* Runs the workers. 0 when there is something to report, else the exit status. */
static enum exit_status load_run(struct session *s)
{
	int result = run_open(&s->run, &s->load, (uint32_t)s->config.threads, s->hlog);
	if (result == 0)
		result = run_connect(&s->run, s->error, sizeof s->error);
	else
		snprintf(s->error, sizeof s->error, "the threads cannot be started: %s",
			strerror(-result));
	if (result == 0) {
		progress_open(s);
		run_go(&s->run, progress_poll, s);
	} else {
		atomic_store(&s->load.stop, 2);
		atomic_store(&s->load.abort, true);
	}
	char reason[WORKER_REASON_SIZE];
	int failed = run_join(&s->run, reason, sizeof reason);
	if (result == 0 && failed < 0)
		snprintf(s->error, sizeof s->error, "%s", reason);
	if (result == -EINTR)
		interrupted_early(s);
	else if (result < 0)
		return complain(EXIT_FAILED, s->error);
	return EXIT_DONE;
}

/* With a topic at hand. Returns the exit status. */
static enum exit_status session_run(struct session *s)
{
	struct load_sources sources = { &s->config, &s->target, &s->payload,
		options_source(&s->options, "batch_size") != OPTION_PRESET };
	int result = produce_load_make(&s->load, &sources, s->error, sizeof s->error);
	if (result < 0)
		return complain(EXIT_USAGE, s->error);
	enum exit_status status = load_run(s);
	if (status || atomic_load(&s->load.start_ns) == 0)
		return status;
	run_sum(&s->run, interrupt_count() > 0, &s->figures);
	if (s->figures.gave_up && !s->error[0])
		snprintf(s->error, sizeof s->error,
			"nothing more was acknowledged for as long as --delivery-timeout: look "
			"whether all brokers are up");
	confirm(s);
	progress_end(&s->progress);
	return EXIT_DONE;
}

static enum exit_status session_open(struct session *s)
{
	enum exit_status status = folder_prepare(s);
	if (status)
		return status;
	if (produce_payload_make(&s->payload, &s->config, s->error, sizeof s->error) < 0)
		return complain(EXIT_USAGE, s->error);
	int result = target_open(&s->target, &s->config);
	if (result == -EINTR)
		interrupted_early(s);
	else if (result < 0)
		return complain(s->target.status, s->target.reason);
	return EXIT_DONE;
}

static enum exit_status session_all(struct session *s)
{
	interrupt_install();
	result_init(s->result);
	s->effective = options_json(&s->options);
	s->result->command = "produce";
	s->result->version = version_text();
	s->result->seed = s->config.seed;
	s->result->config = s->effective;
	host_read(&s->result->host);
	enum exit_status status = session_open(s);
	if (status == EXIT_DONE && !s->error[0])
		status = session_run(s);
	if (status == EXIT_DONE) {
		result_make(s);
		status = report(s);
	}
	if (target_cleanup(&s->target) < 0)
		status = MAX(status, complain(EXIT_FAILED, s->target.reason));
	return status;
}

static void session_close(struct session *s)
{
	run_close(&s->run);
	if (s->hlog)
		fclose(s->hlog);
	readback_free(&s->readback);
	plan_free(&s->load.plan);
	payload_free(&s->payload);
	target_close(&s->target);
	json_decref(s->effective);
	options_free(&s->options);
	free(s->result);
	free(s);
}

enum exit_status produce_command(int count, char *const arguments[])
{
	struct session *s = calloc(1, sizeof *s);
	if (!s || !(s->result = calloc(1, sizeof *s->result))) {
		free(s);
		return complain(EXIT_FAILED, "out of memory");
	}
	enum exit_status status = EXIT_DONE;
	if (produce_options_read(&s->options, &s->config, count, arguments, options_seed()) < 0)
		status = complain(EXIT_USAGE, s->options.error);
	else if (s->options.wants_help)
		options_help(&produce_options, stdout);
	else
		status = session_all(s);
	session_close(s);
	return status;
}
