/* Filling a result in. */
#include "result.h"

void result_init(struct run_result *result)
{
	*result = (struct run_result){
		.partitions = RESULT_NONE,
		.duration_s = NAN,
		.memory_bytes = RESULT_NONE,
		.throttle_ms = NAN,
		.bytes = { RESULT_NONE, RESULT_NONE },
		.rate = { NAN, NAN, NAN },
		.cpu = { NAN, NAN, NAN },
		.verdict = { .valid = true, .status = EXIT_DONE },
	};
	int64_t *const absent[] = {
		&result->records.scheduled,
		&result->records.sent,
		&result->records.acked,
		&result->records.failed,
		&result->records.unknown,
		&result->records.unsent,
		&result->records.confirmed,
		&result->records.received,
		&result->records.gaps,
		&result->records.duplicates,
		&result->requests.sent,
		&result->requests.errors,
	};
	for (size_t i = 0; i < COUNT_OF(absent); i++)
		*absent[i] = RESULT_NONE;
}

void result_error(struct run_result *result, const char *name, int64_t count)
{
	result->requests.errors = MAX(result->requests.errors, 0) + count;
	for (int32_t i = 0; i < result->requests.error_count; i++) {
		struct result_error *row = &result->requests.by_name[i];
		if (!strcmp(row->name, name)) {
			row->count += count;
			return;
		}
	}
	/* Kafka has about 130 codes, a run meets a handful; what comes last is only in the sum. */
	if (result->requests.error_count == RESULT_ERRORS_MAX)
		return;
	result->requests.by_name[result->requests.error_count++] =
		(struct result_error){ .name = name, .count = count };
}
