/*
 * The text report. Counts of records are exact, with commas, because they are compared with each
 * other; everything else has three digits.
 */
#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>

#include "../units.h"
#include "../wrap.h"

#define LABEL_WIDTH     12 /* of the first column */
#define REPORT_WIDTH    96
#define COUNT_TEXT_SIZE 32

/* 1234567 -> "1,234,567". Returns `text`. */
static char *format_count(int64_t count, char text[static COUNT_TEXT_SIZE])
{
	char digits[COUNT_TEXT_SIZE];
	int size = snprintf(digits, sizeof digits, "%" PRId64, count), used = 0;
	for (int i = 0; i < size; i++) {
		bool comma = i > 0 && (size - i) % 3 == 0 && digits[i - 1] != '-';
		if (comma)
			text[used++] = ',';
		text[used++] = digits[i];
	}
	text[used] = 0;
	return text;
}

static void label(FILE *out, const char *name)
{
	fprintf(out, "%-*s", LABEL_WIDTH, name);
}

static void print_head(const struct run_result *result, FILE *out)
{
	char duration[UNITS_TEXT_SIZE], size[UNITS_TEXT_SIZE];
	const struct host *host = &result->host;
	fprintf(out, "harrow %s", result->command);
	if (result->topic)
		fprintf(out, " to '%s'", result->topic);
	if (result->partitions >= 0)
		fprintf(out, ", %" PRId64 " partition%s", result->partitions,
			result->partitions == 1 ? "" : "s");
	fprintf(out, ", %s", units_human_duration(result->duration_s * 1e9, duration));
	if (result->loop)
		fprintf(out, ", %s loop", result->loop);
	fprintf(out, "\n%s, Linux %s, %" PRId64 " CPU%s, %s", host->name, host->kernel, host->cpus,
		host->cpus == 1 ? "" : "s", units_human_size((double)host->memory_bytes, size));
	if (result->engine)
		fprintf(out, ", %s", result->engine);
	if (result->congestion_control)
		fprintf(out, ", TCP %s", result->congestion_control);
	fputs("\n\n", out);
}

/* "records     1,000,000 acknowledged, 1,000,000 confirmed" and below it what went wrong. */
static void print_records(const struct run_result *result, FILE *out)
{
	const struct {
		int64_t count;
		const char *word;
		bool shown; /* if it is known; else only when it is not 0 */
	} parts[] = {
		{ result->records.scheduled, "scheduled", true },
		{ result->records.acked < 0 ? result->records.sent : RESULT_NONE, "sent", true },
		{ result->records.acked, "acknowledged", true },
		{ result->records.confirmed, "confirmed", true },
		{ result->records.failed, "failed", false },
		{ result->records.unknown, "unknown", false },
		{ result->records.unsent, "unsent", false },
		{ result->records.received, "read back", true },
		{ result->records.gaps, "missing", false },
		{ result->records.duplicates, "doubled", false },
	};
	char count[COUNT_TEXT_SIZE], line[512] = "";
	size_t used = 0;
	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		if (parts[i].count < 0 || (!parts[i].count && !parts[i].shown))
			continue;
		used += (size_t)snprintf(line + used, sizeof line - used, "%s%s %s",
			used ? ", " : "", format_count(parts[i].count, count), parts[i].word);
	}
	label(out, "records");
	wrap_write(out, line, LABEL_WIDTH, REPORT_WIDTH);
	if (result->records.confirmed < 0 && result->records.confirmed_reason[0]) {
		label(out, "");
		snprintf(line, sizeof line, "not confirmed: %s", result->records.confirmed_reason);
		wrap_write(out, line, LABEL_WIDTH, REPORT_WIDTH);
	}
}

static void print_rate(const struct run_result *result, FILE *out)
{
	char records[UNITS_TEXT_SIZE], bytes[UNITS_TEXT_SIZE], target[UNITS_TEXT_SIZE];
	label(out, "rate");
	fprintf(out, "%s records/s, %s/s of values",
		units_human_count(result->rate.records_per_second, records),
		units_human_size(result->rate.payload_bytes_per_second, bytes));
	if (isfinite(result->rate.target_records_per_second))
		fprintf(out, " (asked for: %s records/s)",
			units_human_count(result->rate.target_records_per_second, target));
	fputc('\n', out);
	if (result->bytes.payload < 0 || result->bytes.wire < 0)
		return;
	label(out, "bytes");
	fprintf(out, "%s of values, %s on the wire\n",
		units_human_size((double)result->bytes.payload, records),
		units_human_size((double)result->bytes.wire, bytes));
}

static void print_summary(
	const char *name, const char *meaning, const struct result_summary *summary, FILE *out)
{
	if (!summary->applies || !summary->us.count)
		return;
	const struct histogram_summary *us = &summary->us;
	const double figures[] = { us->p50, us->p90, us->p99, us->p999, us->max };
	char text[UNITS_TEXT_SIZE];
	label(out, name);
	for (size_t i = 0; i < COUNT_OF(figures); i++)
		fprintf(out, "%9s ", units_human_duration(figures[i] * 1e3, text));
	fprintf(out, "  %s\n", meaning);
}

static void print_times(const struct run_result *result, FILE *out)
{
	const struct {
		const char *name, *meaning;
		const struct result_summary *summary;
	} rows[] = {
		{ "latency", "intended time to acknowledgement", &result->latency },
		{ "service", "send to acknowledgement", &result->service },
		{ "lateness", "harrow itself being late", &result->lateness },
		{ "blocked", "waiting for room to send", &result->blocked },
		{ "linger", "waiting for a batch to fill", &result->linger },
	};
	bool any = false;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		any = any || (rows[i].summary->applies && rows[i].summary->us.count);
	if (!any)
		return;
	fprintf(out, "\n%*s%9s %9s %9s %9s %9s\n", LABEL_WIDTH, "", "p50", "p90", "p99", "p99.9",
		"max");
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		print_summary(rows[i].name, rows[i].meaning, rows[i].summary, out);
	fputc('\n', out);
}

static void print_cost(const struct run_result *result, FILE *out)
{
	char user[UNITS_TEXT_SIZE], kernel[UNITS_TEXT_SIZE], record[UNITS_TEXT_SIZE];
	label(out, "cost");
	fprintf(out, "%s user, %s system", units_human_duration(result->cpu.user_s * 1e9, user),
		units_human_duration(result->cpu.system_s * 1e9, kernel));
	if (isfinite(result->cpu.us_per_record))
		fprintf(out, ", %s of CPU per record",
			units_human_duration(result->cpu.us_per_record * 1e3, record));
	if (result->memory_bytes >= 0)
		fprintf(out, ", %s of memory",
			units_human_size((double)result->memory_bytes, record));
	fputc('\n', out);
}

static void print_requests(const struct run_result *result, FILE *out)
{
	if (result->requests.sent < 0)
		return;
	char count[COUNT_TEXT_SIZE], text[UNITS_TEXT_SIZE], line[1024];
	size_t used = (size_t)snprintf(
		line, sizeof line, "%s sent", format_count(result->requests.sent, count));
	if (result->requests.errors > 0)
		used += (size_t)snprintf(line + used, sizeof line - used,
			", %s answered with an error:",
			format_count(result->requests.errors, count));
	for (int32_t i = 0; i < result->requests.error_count && used < sizeof line; i++)
		used += (size_t)snprintf(line + used, sizeof line - used, "%s %s %s", i ? "," : "",
			format_count(result->requests.by_name[i].count, count),
			result->requests.by_name[i].name);
	if (result->throttle_ms > 0 && used < sizeof line)
		snprintf(line + used, sizeof line - used, "; throttled by the broker for %s",
			units_human_duration(result->throttle_ms * 1e6, text));
	label(out, "requests");
	wrap_write(out, line, LABEL_WIDTH, REPORT_WIDTH);
}

static void print_verdict(const struct run_result *result, FILE *out)
{
	const struct verdict *verdict = &result->verdict;
	if (!verdict->valid || verdict->status != EXIT_DONE || verdict->reason_count) {
		fputc('\n', out);
		label(out, !verdict->valid ? "INVALID" : verdict->status ? "FAILED" : "note");
		for (int32_t i = 0; i < verdict->reason_count; i++) {
			if (i)
				label(out, "");
			wrap_write(out, verdict->reasons[i], LABEL_WIDTH, REPORT_WIDTH);
		}
		if (!verdict->reason_count)
			fputc('\n', out);
	}
	if (verdict->sentence[0]) {
		fputc('\n', out);
		wrap_write(out, verdict->sentence, 0, REPORT_WIDTH);
	}
}

int text_write(const struct run_result *result, FILE *out)
{
	errno = 0;
	print_head(result, out);
	print_records(result, out);
	print_rate(result, out);
	print_times(result, out);
	print_cost(result, out);
	print_requests(result, out);
	print_verdict(result, out);
	if (fflush(out) || ferror(out))
		return errno ? -errno : -EIO;
	return 0;
}
