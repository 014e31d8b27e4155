/* Progress on standard error: what a line says, and when it is written. */
#include "progress.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base.h"
#include "../units.h"

#define WIDTH_PRESET 80
#define WIDTH_MIN    20

/* A line that grows part by part, and never beyond its end. */
struct line {
	char *text;
	size_t size, used;
};

__attribute__((format(printf, 2, 3))) static void append(struct line *line, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int written =
		vsnprintf(line->text + line->used, line->size - line->used, format, arguments);
	va_end(arguments);
	line->used = MIN(line->used + (size_t)MAX(written, 0), line->size - 1);
}

/* How long the sending takes: 0 when only the brokers know. */
static int64_t expected_ns(const struct progress_plan *plan)
{
	double by_records = plan->records && plan->records_per_second > 0
				    ? (double)plan->records / plan->records_per_second * 1e9
				    : 0;
	if (plan->duration_ns && (by_records <= 0 || (double)plan->duration_ns < by_records))
		return plan->duration_ns;
	return (int64_t)by_records;
}

char *progress_format_start(const struct progress_plan *plan, char text[static PROGRESS_LINE_SIZE])
{
	struct line line = { .text = text, .size = PROGRESS_LINE_SIZE };
	char number[UNITS_TEXT_SIZE];
	int64_t expected = expected_ns(plan);
	append(&line, "%s", plan->what);
	if (plan->records_per_second > 0)
		append(&line, " at %s records/s",
			units_human_count(plan->records_per_second, number));
	else
		append(&line, " as fast as it goes");
	if (plan->records && (plan->records_per_second <= 0 || expected != plan->duration_ns))
		append(&line, ", %s records", units_human_count((double)plan->records, number));
	if (expected)
		append(&line, ": takes %s",
			units_human_duration((double)(expected + plan->warmup_ns), number));
	else
		append(&line, ": takes as long as the brokers need");
	if (expected && plan->records && plan->records_per_second <= 0)
		append(&line, " at most");
	if (plan->warmup_ns)
		append(&line, ", warm-up included");
	if (plan->drain_ns)
		append(&line, ", and up to %s for late answers",
			units_human_duration((double)plan->drain_ns, number));
	return text;
}

/* "12 s of 1 min", then "62 s of at most 65 s"; or "45 %" where records are the bound. */
static void append_position(
	struct line *line, const struct progress_plan *plan, const struct progress_sample *sample)
{
	char now[UNITS_TEXT_SIZE], end[UNITS_TEXT_SIZE];
	double seconds = (double)sample->elapsed_ns / 1e9;
	int64_t expected = expected_ns(plan);
	if (seconds < 120)
		append(line, "%.1f s", seconds);
	else
		append(line, "%s", units_human_duration((double)sample->elapsed_ns, now));
	int64_t schedule_ns = expected + plan->warmup_ns;
	if (expected && sample->elapsed_ns > schedule_ns && plan->drain_ns)
		append(line, " of at most %s",
			units_human_duration((double)(schedule_ns + plan->drain_ns), end));
	else if (expected)
		append(line, " of %s", units_human_duration((double)schedule_ns, end));
	else if (plan->records && sample->records_acked >= 0)
		append(line, ", %.0f %%",
			(double)sample->records_acked * 100.0 / (double)plan->records);
}

/* Drops whole parts from the end: "p99 4.20 m" of "4.20 ms" would say something else. */
static void cut_parts(struct line *line, size_t width)
{
	while (line->used > width) {
		const char *gap = memrchr(line->text, ' ', line->used);
		while (gap && gap > line->text && gap[-1] != ' ')
			gap = memrchr(line->text, ' ', (size_t)(gap - line->text));
		line->used = gap && gap > line->text ? (size_t)(gap - line->text) - 1 : width;
		line->text[line->used] = 0;
	}
}

char *progress_format(const struct progress_plan *plan, const struct progress_sample *sample,
	int width, char text[static PROGRESS_LINE_SIZE])
{
	struct line line = { .text = text, .size = PROGRESS_LINE_SIZE };
	char number[UNITS_TEXT_SIZE];
	append(&line, "%-8s ", sample->phase);
	append_position(&line, plan, sample);
	if (sample->records_per_second >= 0)
		append(&line, "  %s rec/s", units_human_count(sample->records_per_second, number));
	if (sample->payload_bytes_per_second >= 0)
		append(&line, "  %s/s", units_human_size(sample->payload_bytes_per_second, number));
	if (sample->p99_ns >= 0)
		append(&line, "  p99 %s", units_human_duration((double)sample->p99_ns, number));
	if (sample->errors > 0)
		append(&line, "  %s errors", units_human_count((double)sample->errors, number));
	if (sample->backlog > 0)
		append(&line, "  %s waiting", units_human_count((double)sample->backlog, number));
	if (sample->lateness_p99_ns >= 0)
		append(&line, "  late %s",
			units_human_duration((double)sample->lateness_p99_ns, number));
	cut_parts(&line, (size_t)width);
	return text;
}

/* ---- the writer ---- */

static int terminal_width(FILE *out)
{
	struct winsize size;
	if (ioctl(fileno(out), TIOCGWINSZ, &size) || size.ws_col == 0)
		return WIDTH_PRESET;
	/* One column is left free: a full line wraps on some terminals. */
	return MIN(MAX((int)size.ws_col, WIDTH_MIN), PROGRESS_LINE_SIZE) - 1;
}

static int64_t plain_interval_ns(const struct progress_plan *plan)
{
	int64_t interval = expected_ns(plan) / PROGRESS_PLAIN_LINES_MAX;
	/* Whole seconds read better. */
	interval -= interval % PROGRESS_PLAIN_NS;
	return MAX(interval, PROGRESS_PLAIN_NS);
}

void progress_begin(struct progress *progress, const struct progress_plan *plan, FILE *out,
	bool quiet, int64_t now_ns)
{
	*progress = (struct progress){ .out = quiet ? NULL : out, .plan = *plan };
	if (!progress->out)
		return;
	progress->terminal = isatty(fileno(out)) == 1;
	progress->interval_ns = progress->terminal ? PROGRESS_TERMINAL_NS : plain_interval_ns(plan);
	progress->next_ns = now_ns + progress->interval_ns;
	char line[PROGRESS_LINE_SIZE];
	fprintf(out, "%s\n", progress_format_start(plan, line));
	fflush(out);
}

bool progress_due(const struct progress *progress, int64_t now_ns)
{
	return progress->out && now_ns >= progress->next_ns;
}

void progress_show(struct progress *progress, const struct progress_sample *sample, int64_t now_ns)
{
	if (!progress->out)
		return;
	char line[PROGRESS_LINE_SIZE];
	int width = progress->terminal ? terminal_width(progress->out) : PROGRESS_LINE_SIZE - 1;
	progress_format(&progress->plan, sample, width, line);
	if (progress->terminal)
		fprintf(progress->out, "\r%s\033[K", line);
	else
		fprintf(progress->out, "%s\n", line);
	fflush(progress->out);
	progress->drawn = progress->terminal;
	/* From the plan, not from now: lines keep to whole intervals, and none is made up for. */
	while (progress->next_ns <= now_ns)
		progress->next_ns += progress->interval_ns;
}

void progress_note(struct progress *progress, const char *format, ...)
{
	if (!progress->out)
		return;
	progress_end(progress);
	va_list arguments;
	va_start(arguments, format);
	vfprintf(progress->out, format, arguments);
	va_end(arguments);
	fputc('\n', progress->out);
	fflush(progress->out);
}

void progress_end(struct progress *progress)
{
	if (!progress->drawn)
		return;
	fputc('\n', progress->out);
	fflush(progress->out);
	progress->drawn = false;
}
