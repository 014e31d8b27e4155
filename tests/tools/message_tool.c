/*
 * The protocol tables from the command line: what the schema and byte oracles in tests/schema talk
 * to, and a way to look into a captured frame. A line of a message is
 *
 *	ApiName request|response VERSION HEX [JSON]
 *
 * where HEX is the body without header ("-" when it is empty) and JSON is the rest of the line.
 *
 * message_tool dump: every table, as one JSON array.
 * message_tool random SEED COUNT [API]: COUNT invented lines per message and version.
 * message_tool decode: reads lines, prints them encoded again, with our JSON.
 * message_tool frame request|response API VERSION HEXFRAME: the header and the body of a frame,
 *with or without its four bytes of size, as two lines of JSON.
 */
#include <ctype.h>
#include <stdio.h>

#include "proto/api.h"

#define MEMORY_SIZE (64 * 1024 * 1024) /* of one message: bytes, text, and what it decodes into */

struct tool {
	struct arena arena;
	uint8_t *bytes;
	char *text;
};

static const struct message *message_of(enum api api, bool is_request)
{
	return is_request ? api_infos[api].request : api_infos[api].response;
}

static const char *direction_name(bool is_request)
{
	return is_request ? "request" : "response";
}

static int api_of_name(const char *name)
{
	for (int api = 0; api < API_COUNT; api++)
		if (strcmp(api_infos[api].name, name) == 0)
			return api;
	return -ENOENT;
}

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "message_tool: %s: %s\n", what, why);
	return 1;
}

/* ---- lines ---- */

static void print_hex(const uint8_t *data, int32_t size)
{
	for (int32_t i = 0; i < size; i++)
		printf("%02x", data[i]);
	if (size == 0)
		putchar('-');
}

static int print_json(struct tool *t, const struct message *m, struct edition e, const void *body)
{
	struct writer w;
	writer_init(&w, t->text, MEMORY_SIZE, NULL, 0);
	message_print(&w, m, e, body);
	if (w.failed)
		return fail(m->name, w.reason);
	fwrite(t->text, 1, (size_t)w.size, stdout);
	return 0;
}

static int print_line(
	struct tool *t, enum api api, bool is_request, struct edition e, const void *body)
{
	char text[MESSAGE_ERROR_SIZE];
	struct writer w;
	writer_init(&w, t->bytes, MEMORY_SIZE, NULL, 0);
	message_encode(&w, message_of(api, is_request), e, body);
	if (w.failed)
		return fail(api_infos[api].name, message_write_error(&w, text));
	printf("%s %s %d ", api_infos[api].name, direction_name(is_request), e.version);
	print_hex(t->bytes, w.size);
	putchar(' ');
	int status = print_json(t, message_of(api, is_request), e, body);
	putchar('\n');
	return status;
}

/* Bytes of a hexadecimal word, or -1. Reads at most `limit` of them. */
static int32_t hex_read(const char *hex, uint8_t *bytes, int32_t limit)
{
	if (strcmp(hex, "-") == 0)
		return 0;
	int32_t size = 0;
	for (; isxdigit((unsigned char)hex[0]) && isxdigit((unsigned char)hex[1]); hex += 2) {
		char digits[] = { hex[0], hex[1], '\0' };
		if (size == limit)
			return -1;
		bytes[size++] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return *hex == '\0' ? size : -1;
}

/* ---- commands ---- */

static int dump_message(struct tool *t, const struct message *m)
{
	struct writer w;
	writer_init(&w, t->text, MEMORY_SIZE, NULL, 0);
	message_schema_name(&w, m);
	printf("\"name\":\"%.*s\",\"fields\":", w.size, t->text);
	writer_init(&w, t->text, MEMORY_SIZE, NULL, 0);
	message_dump(&w, m);
	printf("%.*s}", w.size, t->text);
	return w.failed ? fail(m->name, w.reason) : 0;
}

static int dump(struct tool *t)
{
	printf("[\n{\"type\":\"header\",\"validVersions\":\"1-2\",\"flexibleVersions\":\"2+\",");
	int status = dump_message(t, &request_header_message);
	printf(",\n{\"type\":\"header\",\"validVersions\":\"0-1\",\"flexibleVersions\":\"1+\",");
	status |= dump_message(t, &response_header_message);
	for (int i = 0; i < 2 * API_COUNT; i++) {
		const struct api_info *info = &api_infos[i / 2];
		bool is_request = i % 2 == 0;
		printf(",\n{\"apiKey\":%d,\"type\":\"%s\",\"validVersions\":\"%d-%d\","
		       "\"flexibleVersions\":\"%d+\",",
			info->key, direction_name(is_request), info->first, info->last,
			info->flexible);
		status |= dump_message(t, message_of((enum api)(i / 2), is_request));
	}
	printf("\n]\n");
	return status;
}

static int invent(struct tool *t, uint64_t seed, long count, const char *only)
{
	struct random random;
	random_seed(&random, seed);
	for (int i = 0; i < 2 * API_COUNT; i++) {
		enum api api = (enum api)(i / 2);
		bool is_request = i % 2 == 0;
		if (only && strcmp(only, api_infos[api].name) != 0)
			continue;
		for (int version = api_infos[api].first; version <= api_infos[api].last;
			version++) {
			for (long n = 0; n < count; n++) {
				const struct message *m = message_of(api, is_request);
				struct edition e = api_edition(api, version);
				arena_reset(&t->arena);
				void *body = arena_alloc(&t->arena, m->size);
				message_random(m, e, &random, &t->arena, body);
				if (print_line(t, api, is_request, e, body))
					return 1;
			}
		}
	}
	return 0;
}

/* The words of a line or a command line, once they are known to make sense. */
struct words {
	enum api api;
	bool is_request;
	int version;
	int32_t size; /* of the bytes that HEX was */
};

static int words_read(struct tool *t, const char *name, const char *direction, const char *version,
	const char *hex, struct words *out)
{
	int api = name ? api_of_name(name) : -ENOENT;
	if (api < 0)
		return fail(name ? name : "an empty line", "no API of that name");
	if (!direction || (strcmp(direction, "request") != 0 && strcmp(direction, "response") != 0))
		return fail(name, "request or response?");
	char *end = NULL;
	long number = version ? strtol(version, &end, 10) : -1;
	if (number < INT8_MIN || number > INT8_MAX || !end || *end ||
		!api_speaks((enum api)api, (int)number))
		return fail(name, "no such version");
	int32_t size = hex ? hex_read(hex, t->bytes, MEMORY_SIZE) : -1;
	if (size < 0)
		return fail(name, "not hexadecimal");
	*out = (struct words){ (enum api)api, strcmp(direction, "request") == 0, (int)number,
		size };
	return 0;
}

static int decode_line(struct tool *t, char *line)
{
	char *rest = NULL;
	const char *name = strtok_r(line, " \n", &rest);
	const char *direction = strtok_r(NULL, " \n", &rest);
	const char *version = strtok_r(NULL, " \n", &rest);
	const char *hex = strtok_r(NULL, " \n", &rest);
	struct words words;
	if (words_read(t, name, direction, version, hex, &words))
		return 1;
	const struct message *m = message_of(words.api, words.is_request);
	struct reader r;
	arena_reset(&t->arena);
	/* The bytes are copied: encoding uses their memory. */
	uint8_t *bytes = arena_alloc(&t->arena, (size_t)words.size);
	void *body = arena_alloc(&t->arena, m->size);
	if (!bytes || !body)
		return fail(name, "larger than this tool's memory");
	memcpy(bytes, t->bytes, (size_t)words.size);
	reader_init_flat(&r, bytes, words.size, &t->arena);
	if (words.is_request)
		request_body_read(&r, words.api, words.version, body);
	else
		response_body_read(&r, words.api, words.version, body);
	char text[MESSAGE_ERROR_SIZE];
	if (r.failed)
		return fail(name, message_read_error(&r, text));
	return print_line(
		t, words.api, words.is_request, api_edition(words.api, words.version), body);
}

static int decode(struct tool *t)
{
	char *line = NULL;
	size_t capacity = 0;
	int status = 0;
	while (getline(&line, &capacity, stdin) > 0)
		status |= decode_line(t, line);
	free(line);
	return status;
}

static int frame(struct tool *t, char **words_in)
{
	struct words words;
	if (words_read(t, words_in[1], words_in[0], words_in[2], words_in[3], &words))
		return 1;
	struct reader r;
	reader_init_flat(&r, t->bytes, words.size, &t->arena);
	if (words.size >= 4 && reader_int32(&r) != words.size - 4)
		reader_init_flat(&r, t->bytes, words.size, &t->arena);

	struct request_header request;
	struct response_header response;
	int status;
	if (words.is_request)
		status = request_header_read(&r, &request);
	else
		status = response_header_read(
			&r, words.api, words.version, &response.correlation_id);
	char text[MESSAGE_ERROR_SIZE];
	if (status < 0)
		return fail("header", r.failed ? message_read_error(&r, text) : "no such API here");
	if (words.is_request &&
		(status != (int)words.api || request.request_api_version != words.version))
		return fail("header", "is of another API or version");
	print_json(t, words.is_request ? &request_header_message : &response_header_message,
		words.is_request ? request_header_edition(words.api, words.version)
				 : response_header_edition(words.api, words.version),
		words.is_request ? (const void *)&request : &response);
	putchar('\n');

	const struct message *m = message_of(words.api, words.is_request);
	void *body = arena_alloc(&t->arena, m->size);
	status = words.is_request ? request_body_read(&r, words.api, words.version, body)
				  : response_body_read(&r, words.api, words.version, body);
	if (status < 0)
		return fail("body", message_read_error(&r, text));
	print_json(t, m, api_edition(words.api, words.version), body);
	putchar('\n');
	return 0;
}

int main(int argc, char **argv)
{
	static uint8_t bytes[MEMORY_SIZE];
	static char text[MEMORY_SIZE];
	struct tool t = { .bytes = bytes, .text = text };
	int status = 2;
	arena_init(&t.arena, (size_t)4 * MEMORY_SIZE);
	if (argc == 2 && strcmp(argv[1], "dump") == 0)
		status = dump(&t);
	else if ((argc == 4 || argc == 5) && strcmp(argv[1], "random") == 0)
		status =
			invent(&t, strtoull(argv[2], NULL, 10), strtol(argv[3], NULL, 10), argv[4]);
	else if (argc == 2 && strcmp(argv[1], "decode") == 0)
		status = decode(&t);
	else if (argc == 6 && strcmp(argv[1], "frame") == 0)
		status = frame(&t, argv + 2);
	else
		fprintf(stderr, "usage: message_tool dump | random SEED COUNT [API] | decode |"
				" frame request|response API VERSION HEXFRAME\n");
	arena_free(&t.arena);
	return status;
}
