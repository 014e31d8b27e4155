/*
 * Golden frames: decodes each captured frame, header and body, encodes it again, and wants the same
 * bytes.
 *
 *	golden FILE...
 *
 * A line is "request|response ApiName VERSION HEX", size prefix included, as tests/tools/capture
 * writes it; '#' begins a comment. Every frame must be of an API and version in our list. A client
 * that sends tagged fields which our tables lack would fail here, as they are skipped on decoding.
 */
#include <ctype.h>
#include <stdio.h>

#include "proto/api.h"

#define FRAME_LIMIT (1 << 20)
#define ARENA_LIMIT ((size_t)64 * FRAME_LIMIT)

struct golden {
	struct arena arena;
	uint8_t *frame, *again; /* FRAME_LIMIT bytes each */
	int requests[API_COUNT], responses[API_COUNT];
	uint32_t versions[API_COUNT]; /* a bit for each that was seen */
	int total, failed;
};

static int hex_read(const char *hex, uint8_t *data)
{
	int size = 0;
	for (; isxdigit((unsigned char)hex[0]) && isxdigit((unsigned char)hex[1]); hex += 2) {
		if (size == FRAME_LIMIT)
			return -EMSGSIZE;
		char digits[] = { hex[0], hex[1], '\0' };
		data[size++] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return *hex == '\0' ? size : -EINVAL;
}

/* Encodes what the frame says. The size of the new frame, or -errno of a cursor, with its reason.
 */
static int32_t frame_again(struct golden *g, enum api api, int version, bool is_request, int size,
	char reason[static MESSAGE_ERROR_SIZE])
{
	const struct message *m = is_request ? api_infos[api].request : api_infos[api].response;
	void *body = arena_alloc(&g->arena, m->size);
	struct request_header header = { .client_id = NULL_STRING };
	struct reader r;
	struct writer w;
	reader_init_flat(&r, g->frame + 4, size - 4, &g->arena);
	int status;
	if (is_request)
		status = request_header_read(&r, &header);
	else
		status = response_header_read(&r, api, version, &header.correlation_id);
	if (is_request && (status != (int)api || header.request_api_version != version)) {
		snprintf(reason, MESSAGE_ERROR_SIZE, "its header is of another API or version");
		return -EINVAL;
	}
	if (status >= 0)
		status = is_request ? request_body_read(&r, api, version, body)
				    : response_body_read(&r, api, version, body);
	if (status < 0) {
		message_read_error(&r, reason);
		return status;
	}
	writer_init(&w, g->again, FRAME_LIMIT, NULL, 0);
	int32_t written = is_request
				  ? request_write(&w, api, version, header.correlation_id,
					    header.client_id, body)
				  : response_write(&w, api, version, header.correlation_id, body);
	if (written < 0)
		message_write_error(&w, reason);
	return written;
}

static int api_of_name(const char *name)
{
	for (int api = 0; api < API_COUNT; api++)
		if (strcmp(api_infos[api].name, name) == 0)
			return api;
	return -ENOENT;
}

/* What is wrong with the line, or NULL. */
static const char *line_check(
	struct golden *g, const char *line, char reason[static MESSAGE_ERROR_SIZE])
{
	char direction[16], name[64];
	int version, hex_at = 0;
	if (sscanf(line, "%15s %63s %d %n", direction, name, &version, &hex_at) != 3 || !hex_at)
		return "not a frame's line";
	int found = api_of_name(name);
	if (found < 0 || !api_speaks((enum api)found, version))
		return "an API or version that is not in the list";
	enum api api = (enum api)found;
	bool is_request = strcmp(direction, "request") == 0;
	int size = hex_read(line + hex_at, g->frame);
	if (size < 8)
		return "not hexadecimal";
	arena_reset(&g->arena);
	int32_t again = frame_again(g, api, version, is_request, size, reason);
	if (again < 0)
		return reason;
	if (again != size || memcmp(g->frame, g->again, (size_t)size) != 0)
		return "other bytes when it is encoded again";
	(is_request ? g->requests : g->responses)[api]++;
	g->versions[api] |= UINT32_C(1) << version;
	return NULL;
}

static bool file_check(struct golden *g, const char *path)
{
	FILE *file = fopen(path, "r");
	if (!file) {
		perror(path);
		return false;
	}
	char *line = NULL, reason[MESSAGE_ERROR_SIZE];
	size_t capacity = 0;
	for (int number = 1; getline(&line, &capacity, file) > 0; number++) {
		if (*line == '#')
			continue;
		line[strcspn(line, "\n")] = '\0';
		const char *problem = line_check(g, line, reason);
		g->total++;
		g->failed += problem != NULL;
		if (problem)
			printf("%s:%d: %s\n  %s\n", path, number, problem, line);
	}
	free(line);
	fclose(file);
	return true;
}

static void report(const struct golden *g)
{
	for (int api = 0; api < API_COUNT; api++) {
		printf("# %s: %d requests, %d responses, versions", api_infos[api].name,
			g->requests[api], g->responses[api]);
		for (int version = 0; version < 32; version++)
			if (g->versions[api] >> version & 1)
				printf(" %d", version);
		printf("\n");
	}
	printf("# %d frames, %d not identical\n", g->total, g->failed);
}

int main(int argc, char **argv)
{
	struct golden g = { .frame = malloc(FRAME_LIMIT), .again = malloc(FRAME_LIMIT) };
	bool opened = g.frame && g.again;
	arena_init(&g.arena, ARENA_LIMIT);
	for (int i = 1; i < argc && opened; i++)
		opened = file_check(&g, argv[i]);
	report(&g);
	bool good = opened && g.failed == 0 && g.total > 0;
	arena_free(&g.arena);
	free(g.frame);
	free(g.again);
	return good ? 0 : 1;
}
