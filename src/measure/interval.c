/* The table of intervals and its CSV. */
#include "interval.h"

#include <errno.h>
#include <stdlib.h>

#define ROWS_AT_FIRST 64

void interval_move(struct interval_sample *to, struct interval_sample *from)
{
	to->acked += from->acked;
	to->payload_bytes += from->payload_bytes;
	to->errors += from->errors;
	to->in_flight += from->in_flight;
	to->backlog += from->backlog;
	from->acked = from->payload_bytes = from->errors = from->in_flight = from->backlog = 0;
	histogram_move(&to->latency, &from->latency);
	histogram_move(&to->service, &from->service);
	histogram_move(&to->lateness, &from->lateness);
}

int64_t interval_length_ns(const struct interval_table *table)
{
	/* Rows that were dropped count as well: the worker must not speed up again. */
	uint32_t doublings = MIN(table->count, INTERVAL_ROWS_MAX - 1) / INTERVAL_ROWS_PER_LENGTH;
	return INTERVAL_LENGTH_NS << doublings;
}

static bool reserve(struct interval_table *table)
{
	if (table->count < table->capacity)
		return true;
	if (table->count == INTERVAL_ROWS_MAX)
		return false;
	uint32_t capacity = table->capacity ? table->capacity * 2 : ROWS_AT_FIRST;
	capacity = MIN(capacity, INTERVAL_ROWS_MAX);
	struct interval_row *rows = realloc(table->rows, capacity * sizeof *rows);
	if (!rows)
		return false;
	table->rows = rows;
	table->capacity = capacity;
	return true;
}

void interval_append(struct interval_table *table, int64_t start_ns, int64_t length_ns,
	const struct interval_sample *sample)
{
	if (!reserve(table)) {
		table->dropped++;
		return;
	}
	table->rows[table->count++] = (struct interval_row){
		.start_ns = start_ns,
		.length_ns = length_ns,
		.acked = sample->acked,
		.payload_bytes = sample->payload_bytes,
		.errors = sample->errors,
		.in_flight = sample->in_flight,
		.backlog = sample->backlog,
		.latency_us = histogram_summary(&sample->latency),
		.service_us = histogram_summary(&sample->service),
		.lateness_us = histogram_summary(&sample->lateness),
	};
}

void interval_table_free(struct interval_table *table)
{
	free(table->rows);
	*table = (struct interval_table){ 0 };
}

/* ---- CSV ---- */

static void write_header(FILE *file)
{
	static const char *const quantities[] = { "latency", "service", "lateness" };
	static const char *const figures[] = { "count", "mean_us", "p50_us", "p90_us", "p99_us",
		"p999_us", "max_us" };
	fputs("start_s,length_s,records_acked,records_per_second,payload_bytes,errors,in_flight,"
	      "backlog",
		file);
	for (size_t i = 0; i < COUNT_OF(quantities); i++)
		for (size_t j = 0; j < COUNT_OF(figures); j++)
			fprintf(file, ",%s_%s", quantities[i], figures[j]);
	fputc('\n', file);
}

static void write_summary(FILE *file, const struct histogram_summary *s)
{
	if (s->count == 0)
		fputs(",0,,,,,,", file);
	else
		fprintf(file, ",%llu,%.3f,%.3f,%.3f,%.3f,%.3f,%.3f", (unsigned long long)s->count,
			s->mean, s->p50, s->p90, s->p99, s->p999, s->max);
}

static void write_row(FILE *file, const struct interval_row *row)
{
	double length_s = (double)row->length_ns / (double)NS_PER_S;
	fprintf(file, "%.3f,%.3f,%llu,%.3f,%llu,%llu,%llu,%llu",
		(double)row->start_ns / (double)NS_PER_S, length_s, (unsigned long long)row->acked,
		length_s > 0 ? (double)row->acked / length_s : 0,
		(unsigned long long)row->payload_bytes, (unsigned long long)row->errors,
		(unsigned long long)row->in_flight, (unsigned long long)row->backlog);
	write_summary(file, &row->latency_us);
	write_summary(file, &row->service_us);
	write_summary(file, &row->lateness_us);
	fputc('\n', file);
}

int interval_write_csv(const struct interval_table *table, FILE *file)
{
	write_header(file);
	for (uint32_t i = 0; i < table->count; i++)
		write_row(file, &table->rows[i]);
	return fflush(file) == 0 && !ferror(file) ? 0 : -EIO;
}
