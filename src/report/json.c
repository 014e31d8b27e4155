/* The result object, key by key in the order that people read it; and the file that keeps it. */
#include "json.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../measure/verdict.h"

#define REAL_DIGITS 12 /* of numbers in the file: nothing here is known better */

static json_t *count_or_null(int64_t count)
{
	return count < 0 ? json_null() : json_integer(count);
}

static json_t *real_or_null(double real)
{
	return isfinite(real) ? json_real(real) : json_null();
}

/* A text that came from outside may not be UTF-8; then it is not worth losing the result. */
static json_t *text_or_null(const char *text)
{
	json_t *string = text && *text ? json_string(text) : NULL;
	return string ? string : json_null();
}

static json_t *borrowed_or_null(const json_t *value)
{
	return value ? json_deep_copy(value) : json_null();
}

static json_t *summary_json(const struct result_summary *summary)
{
	if (!summary->applies)
		return json_null();
	const struct histogram_summary *us = &summary->us;
	const struct {
		const char *name;
		double value;
	} figures[] = {
		{ "mean", us->mean },
		{ "p50", us->p50 },
		{ "p90", us->p90 },
		{ "p99", us->p99 },
		{ "p999", us->p999 },
		{ "max", us->max },
	};
	json_t *object = json_object();
	json_object_set_new(object, "count", json_integer((json_int_t)us->count));
	for (size_t i = 0; i < COUNT_OF(figures); i++)
		json_object_set_new(object, figures[i].name,
			us->count ? real_or_null(figures[i].value) : json_null());
	return object;
}

static json_t *host_json(const struct run_result *result)
{
	const struct host *host = &result->host;
	json_t *object = json_object();
	json_object_set_new(object, "name", text_or_null(host->name));
	json_object_set_new(object, "kernel", text_or_null(host->kernel));
	json_object_set_new(object, "machine", text_or_null(host->machine));
	json_object_set_new(object, "cpu_model", text_or_null(host->cpu_model));
	json_object_set_new(object, "cpus", count_or_null(host->cpus));
	json_object_set_new(object, "cpus_allowed", count_or_null(host->cpus_allowed));
	json_object_set_new(object, "memory_bytes", count_or_null(host->memory_bytes));
	json_object_set_new(object, "memory_limit_bytes", count_or_null(host->memory_limit_bytes));
	json_object_set_new(object, "open_files_max", count_or_null(host->open_files_max));
	json_object_set_new(object, "locked_memory_max", count_or_null(host->locked_memory_max));
	json_object_set_new(
		object, "default_congestion_control", text_or_null(host->congestion_control));
	json_object_set_new(object, "congestion_control", text_or_null(result->congestion_control));
	return object;
}

static json_t *verdict_json(const struct verdict *verdict)
{
	json_t *object = json_object(), *reasons = json_array();
	for (int32_t i = 0; i < verdict->reason_count; i++)
		json_array_append_new(reasons, text_or_null(verdict->reasons[i]));
	json_object_set_new(object, "valid", json_boolean(verdict->valid));
	json_object_set_new(object, "reasons", reasons);
	json_object_set_new(object, "exit_status", json_integer(verdict->status));
	json_object_set_new(object, "sentence", text_or_null(verdict->sentence));
	return object;
}

static json_t *records_json(const struct run_result *result)
{
	json_t *object = json_object();
	const struct {
		const char *name;
		int64_t count;
	} counts[] = {
		{ "scheduled", result->records.scheduled },
		{ "sent", result->records.sent },
		{ "acked", result->records.acked },
		{ "failed", result->records.failed },
		{ "unknown", result->records.unknown },
		{ "unsent", result->records.unsent },
		{ "confirmed", result->records.confirmed },
		{ "received", result->records.received },
		{ "gaps", result->records.gaps },
		{ "duplicates", result->records.duplicates },
	};
	for (size_t i = 0; i < COUNT_OF(counts); i++)
		json_object_set_new(object, counts[i].name, count_or_null(counts[i].count));
	json_object_set_new(
		object, "confirmed_reason", text_or_null(result->records.confirmed_reason));
	return object;
}

static json_t *rate_json(const struct run_result *result)
{
	json_t *object = json_object();
	json_object_set_new(
		object, "records_per_second", real_or_null(result->rate.records_per_second));
	json_object_set_new(object, "payload_bytes_per_second",
		real_or_null(result->rate.payload_bytes_per_second));
	json_object_set_new(object, "target_records_per_second",
		real_or_null(result->rate.target_records_per_second));
	return object;
}

static json_t *requests_json(const struct run_result *result)
{
	json_t *object = json_object(), *names = json_object();
	for (int32_t i = 0; i < result->requests.error_count; i++) {
		const struct result_error *row = &result->requests.by_name[i];
		json_object_set_new(names, row->name, json_integer(row->count));
	}
	json_object_set_new(object, "sent", count_or_null(result->requests.sent));
	json_object_set_new(object, "errors", count_or_null(result->requests.errors));
	json_object_set_new(object, "errors_by_name", names);
	return object;
}

static json_t *bytes_json(const struct run_result *result)
{
	json_t *object = json_object();
	json_object_set_new(object, "payload", count_or_null(result->bytes.payload));
	json_object_set_new(object, "wire", count_or_null(result->bytes.wire));
	return object;
}

static json_t *cpu_json(const struct run_result *result)
{
	json_t *object = json_object();
	json_object_set_new(object, "user_s", real_or_null(result->cpu.user_s));
	json_object_set_new(object, "system_s", real_or_null(result->cpu.system_s));
	json_object_set_new(object, "us_per_record", real_or_null(result->cpu.us_per_record));
	return object;
}

/* "uring (defer, multishot)" is one of the two engines to whoever compares results. */
static json_t *first_word_or_null(const char *text)
{
	return text ? json_stringn(text, strcspn(text, " ")) : json_null();
}

json_t *json_result(const struct run_result *result)
{
	json_t *object = json_object();
	if (!object)
		return NULL;
	json_object_set_new(object, "command", text_or_null(result->command));
	json_object_set_new(object, "version", text_or_null(result->version));
	json_object_set_new(object, "seed", json_integer(result->seed));
	json_object_set_new(object, "config", borrowed_or_null(result->config));
	json_object_set_new(object, "duration_s", real_or_null(result->duration_s));
	json_object_set_new(object, "host", host_json(result));
	json_object_set_new(object, "engine", first_word_or_null(result->engine));
	json_object_set_new(object, "engine_detail", text_or_null(result->engine));
	json_object_set_new(object, "broker", borrowed_or_null(result->broker));
	json_object_set_new(object, "topic", text_or_null(result->topic));
	json_object_set_new(object, "partitions", count_or_null(result->partitions));
	json_object_set_new(object, "verdict", verdict_json(&result->verdict));
	json_object_set_new(
		object, "limited_by", text_or_null(limited_by_name(result->verdict.limited_by)));
	json_object_set_new(object, "loop", text_or_null(result->loop));
	json_object_set_new(object, "records", records_json(result));
	json_object_set_new(object, "bytes", bytes_json(result));
	json_object_set_new(object, "rate", rate_json(result));
	json_object_set_new(object, "latency_us", summary_json(&result->latency));
	json_object_set_new(object, "service_us", summary_json(&result->service));
	json_object_set_new(object, "lateness_us", summary_json(&result->lateness));
	json_object_set_new(object, "blocked_us", summary_json(&result->blocked));
	json_object_set_new(object, "linger_us", summary_json(&result->linger));
	json_object_set_new(object, "cpu", cpu_json(result));
	json_object_set_new(object, "memory_bytes", count_or_null(result->memory_bytes));
	json_object_set_new(object, "requests", requests_json(result));
	json_object_set_new(object, "throttle_ms", real_or_null(result->throttle_ms));
	return object;
}

int json_write(const json_t *object, FILE *out)
{
	errno = 0;
	if (json_dumpf(object, out, JSON_INDENT(2) | JSON_REAL_PRECISION(REAL_DIGITS)) ||
		fputc('\n', out) == EOF || fflush(out))
		return errno ? -errno : -EIO;
	return 0;
}

/* ---- --out DIR ---- */

static int fail(int error, const char *directory, char *text, size_t size)
{
	snprintf(text, size, "cannot write to --out %s: %s", directory, strerror(error));
	return -error;
}

/* mkdir -p. */
static int make_directories(const char *directory)
{
	char path[PATH_MAX];
	size_t size = strlen(directory);
	if (size >= sizeof path)
		return ENAMETOOLONG;
	memcpy(path, directory, size + 1);
	for (size_t i = 1; i <= size; i++) {
		if (path[i] != '/' && path[i])
			continue;
		path[i] = 0;
		if (mkdir(path, 0777) && errno != EEXIST)
			return errno;
		path[i] = i < size ? '/' : 0;
	}
	struct stat status;
	if (stat(path, &status))
		return errno;
	return S_ISDIR(status.st_mode) ? 0 : ENOTDIR;
}

int json_prepare_directory(const char *directory, char *error, size_t error_size)
{
	int code = make_directories(directory);
	if (!code && access(directory, W_OK | X_OK))
		code = errno;
	return code ? fail(code, directory, error, error_size) : 0;
}

/* A file that nobody reads yet, then under its name in one step. */
static int save(const json_t *object, const char *temporary, const char *path)
{
	FILE *file = fopen(temporary, "we");
	if (!file)
		return errno;
	int error = -json_write(object, file);
	if (!error && fsync(fileno(file)))
		error = errno;
	if (fclose(file) && !error)
		error = errno;
	if (!error && rename(temporary, path))
		error = errno;
	if (error)
		unlink(temporary);
	return error;
}

int json_save(const json_t *object, const char *directory, char *error, size_t error_size)
{
	char temporary[PATH_MAX], path[PATH_MAX];
	int size = snprintf(path, sizeof path, "%s/result.json", directory);
	int temporary_size = snprintf(
		temporary, sizeof temporary, "%s/.result.json.%d", directory, (int)getpid());
	if (size >= (int)sizeof path || temporary_size >= (int)sizeof temporary)
		return fail(ENAMETOOLONG, directory, error, error_size);
	int code = save(object, temporary, path);
	return code ? fail(code, directory, error, error_size) : 0;
}
