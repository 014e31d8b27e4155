/*
 * Shows, for every API, direction and version: what is written is read back, a frame that is cut
 * short is refused, pieces do not matter; and that frames, headers and negotiation follow the list.
 */
#include "../test.h"

#include "proto/api.h"
#include "proto/cluster.h"
#include "proto/error.h"
#include "proto/fetch.h"
#include "proto/metadata.h"
#include "proto/produce.h"

#define MEMORY_SIZE (256 * 1024)

struct fixture {
	struct arena made, arena; /* what is sent, what is read */
	uint8_t memory[MEMORY_SIZE];
	struct writer w;
	void *in, *out;
	struct random random;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	arena_init(&f->made, 16 * MEMORY_SIZE);
	arena_init(&f->arena, 16 * MEMORY_SIZE);
	random_seed(&f->random, 1);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	arena_free(&f->made);
	arena_free(&f->arena);
	free(f);
	return 0;
}

/* One message at one version. */
struct subject {
	enum api api;
	bool is_request;
	int version;
	const struct message *message;
	struct edition edition;
};

/* Calls check for every one of them. */
static void each_subject(struct fixture *f, int rounds,
	void (*check)(struct fixture *f, const struct subject *s, int round))
{
	for (int api = 0; api < API_COUNT; api++) {
		for (int v = api_infos[api].first; v <= api_infos[api].last; v++) {
			for (int i = 0; i < 2 * rounds; i++) {
				bool is_request = i % 2 == 0;
				struct subject s = {
					.api = (enum api)api,
					.is_request = is_request,
					.version = v,
					.message = is_request ? api_infos[api].request
							      : api_infos[api].response,
					.edition = api_edition((enum api)api, v),
				};
				check(f, &s, i / 2);
			}
		}
	}
}

/* Makes up `in` and writes it as a whole frame. */
static int32_t invent_frame(struct fixture *f, const struct subject *s)
{
	arena_reset(&f->made);
	f->in = arena_alloc(&f->made, s->message->size);
	f->out = arena_alloc(&f->made, s->message->size);
	message_random(s->message, s->edition, &f->random, &f->made, f->in);
	writer_init(&f->w, f->memory, sizeof f->memory, NULL, 0);
	int32_t size = s->is_request ? request_write(&f->w, s->api, s->version, 77,
					       STRING("harrow"), f->in)
				     : response_write(&f->w, s->api, s->version, 77, f->in);
	assert_int_equal(size, f->w.size);
	return size;
}

/* Reads header and body of a frame behind its size. 0, or the failure. */
static int read_frame(struct fixture *f, const struct subject *s, struct reader *r)
{
	memset(f->out, 0x5a, s->message->size);
	if (!s->is_request) {
		int32_t correlation_id;
		if (response_header_read(r, s->api, s->version, &correlation_id) < 0)
			return r->failed;
		assert_int_equal(correlation_id, 77);
		return response_body_read(r, s->api, s->version, f->out);
	}
	struct request_header header;
	int api = request_header_read(r, &header);
	if (api < 0)
		return api;
	assert_int_equal(api, s->api);
	assert_int_equal(header.request_api_version, s->version);
	assert_int_equal(header.correlation_id, 77);
	assert_true(string_equal(header.client_id, STRING("harrow")));
	return request_body_read(r, s->api, s->version, f->out);
}

static void check_round_trip(struct fixture *f, const struct subject *s, int round)
{
	(void)round;
	int32_t size = invent_frame(f, s);
	struct reader r;
	arena_reset(&f->arena);
	reader_init_flat(&r, f->memory, size, &f->arena);
	assert_int_equal(reader_int32(&r), size - 4);
	assert_int_equal(read_frame(f, s, &r), 0);
	assert_true(message_equal(s->message, s->edition, f->in, f->out));

	/* Written again, it has the same bytes. */
	uint8_t *first = arena_alloc(&f->made, (size_t)size);
	memcpy(first, f->memory, (size_t)size);
	memset(f->memory, 0, (size_t)size);
	void *in = f->in;
	reader_init_flat(&r, first, size, &f->arena);
	reader_int32(&r);
	assert_int_equal(read_frame(f, s, &r), 0);
	writer_init(&f->w, f->memory, sizeof f->memory, NULL, 0);
	if (s->is_request)
		request_write(&f->w, s->api, s->version, 77, STRING("harrow"), f->out);
	else
		response_write(&f->w, s->api, s->version, 77, f->out);
	assert_int_equal(f->w.size, size);
	assert_memory_equal(f->memory, first, (size_t)size);
	f->in = in;
}

static void test_every_message_comes_back_at_every_version(void **state)
{
	each_subject(*state, 30, check_round_trip);
}

static void check_truncation(struct fixture *f, const struct subject *s, int round)
{
	(void)round;
	int32_t size = invent_frame(f, s) - 4;
	for (int32_t end = 0; end<size; end += size> 2000 ? 7 : 1) {
		/* Memory of exactly that size, so that AddressSanitizer sees a read past it. */
		uint8_t *exact = malloc((size_t)MAX(end, 1));
		memcpy(exact, f->memory + 4, (size_t)end);
		struct reader r;
		arena_reset(&f->arena);
		reader_init_flat(&r, exact, end, &f->arena);
		if (read_frame(f, s, &r) != -EBADMSG)
			fail_msg("%s %d is read from %d of %d bytes", s->message->name, s->version,
				end, size);
		assert_non_null(r.reason);
		free(exact);
	}
}

static void test_truncation_at_every_byte_is_refused(void **state)
{
	each_subject(*state, 2, check_truncation);
}

static void check_pieces(struct fixture *f, const struct subject *s, int round)
{
	(void)round;
	int32_t size = invent_frame(f, s) - 4;
	uint8_t *data = f->memory + 4;
	int32_t step = size > 2000 ? size / 300 : 1;
	for (int32_t cut = 0; cut <= size; cut += step) {
		int32_t second =
			cut + (int32_t)random_below(&f->random, (uint64_t)(size - cut) + 1);
		struct iovec pieces[] = {
			{ data, (size_t)cut },
			{ data + cut, (size_t)(second - cut) },
			{ data + second, (size_t)(size - second) },
		};
		struct reader r;
		arena_reset(&f->arena);
		reader_init(&r, pieces, COUNT_OF(pieces), &f->arena);
		if (read_frame(f, s, &r) != 0 ||
			!message_equal(s->message, s->edition, f->in, f->out))
			fail_msg("%s %d differs when cut at %d", s->message->name, s->version, cut);
	}
}

static void test_pieces_cut_at_every_byte_decode_alike(void **state)
{
	each_subject(*state, 2, check_pieces);
}

static void check_mutation(struct fixture *f, const struct subject *s, int round)
{
	(void)round;
	int32_t size = invent_frame(f, s) - 4;
	for (int i = 0; i < 20; i++) {
		uint64_t at = random_below(&f->random, (uint64_t)size);
		f->memory[4 + at] = (uint8_t)random_next(&f->random);
		struct reader r;
		arena_reset(&f->arena);
		reader_init_flat(&r, f->memory + 4, size, &f->arena);
		message_decode(&r, s->message, s->edition, f->out);
		/* 16 bytes of array per byte that was sent: strings are the dearest items. */
		assert_true(f->arena.total <= (size_t)size * 32 + ARENA_CHUNK_SIZE * 4);
	}
}

static void test_damaged_frames_neither_crash_nor_take_much_memory(void **state)
{
	each_subject(*state, 20, check_mutation);
}

static void check_trailing(struct fixture *f, const struct subject *s, int round)
{
	(void)round;
	int32_t size = invent_frame(f, s);
	f->memory[size] = 0;
	struct reader r;
	arena_reset(&f->arena);
	reader_init_flat(&r, f->memory + 4, size - 4 + 1, &f->arena);
	assert_int_equal(read_frame(f, s, &r), -EBADMSG);
	assert_string_equal(r.message, s->message->name);
}

static void test_bytes_after_the_end_are_refused(void **state)
{
	each_subject(*state, 1, check_trailing);
}

static void check_print(struct fixture *f, const struct subject *s, int round)
{
	(void)round;
	invent_frame(f, s);
	struct writer w;
	writer_init(&w, f->memory, sizeof f->memory, NULL, 0);
	message_print(&w, s->message, s->edition, f->in);
	assert_int_equal(w.failed, 0);
	assert_true(f->memory[0] == '{' && f->memory[w.size - 1] == '}');
	assert_null(memchr(f->memory, '\n', (size_t)w.size));
}

static void test_every_message_prints_in_one_line(void **state)
{
	each_subject(*state, 2, check_print);
}

/* ---- tables ---- */

static void check_table(const struct message *m, int depth)
{
	assert_true(depth <= MESSAGE_DEPTH_LIMIT);
	int last_tag = -1;
	for (int i = 0; i < m->field_count; i++) {
		const struct field *f = &m->fields[i];
		assert_true(f->ended == 0 || f->ended > f->since);
		assert_true(f->kind == KIND_ARRAY || f->item_kind == 0);
		assert_int_equal(f->kind == KIND_STRUCT || f->kind == KIND_OPTIONAL ||
					 (f->kind == KIND_ARRAY && f->item_kind == KIND_STRUCT),
			f->of != NULL);
		if (f->kind == KIND_OPTIONAL)
			assert_true(f->nullable && f->preset == -1);
		if (f->preset < 0 && f->kind >= KIND_STRING)
			assert_true(f->preset == -1 && f->nullable);
		if (f->tagged) {
			assert_true(f->tag > last_tag); /* the wire's order is the table's */
			last_tag = f->tag;
		}
		if (f->of)
			check_table(f->of, depth + 1);
	}
}

static void test_tables_are_sound(void **state)
{
	(void)state;
	check_table(&request_header_message, 1);
	check_table(&response_header_message, 1);
	for (int api = 0; api < API_COUNT; api++) {
		assert_true(api_infos[api].first <= api_infos[api].last);
		assert_int_equal(api_of_key(api_infos[api].key), api);
		check_table(api_infos[api].request, 1);
		check_table(api_infos[api].response, 1);
	}
	assert_int_equal(api_of_key(9999), -ENOENT);
}

static void test_requests_without_their_defaults_are_still_written(void **state)
{
	struct fixture *f = *state;
	for (int api = 0; api < API_COUNT; api++) {
		for (int v = api_infos[api].first; v <= api_infos[api].last; v++) {
			void *body = arena_alloc(&f->made, api_infos[api].request->size);
			message_reset(api_infos[api].request, body);
			writer_init(&f->w, f->memory, sizeof f->memory, NULL, 0);
			assert_true(
				request_write(&f->w, (enum api)api, v, 1, NULL_STRING, body) > 0);
		}
	}
}

/* ---- frames ---- */

static void test_api_versions_bytes_are_as_the_protocol_guide_says(void **state)
{
	struct fixture *f = *state;
	struct api_versions_request request = { STRING("harrow"), STRING("1") };
	static const uint8_t version0[] = { 0, 0, 0, 12, 0, 18, 0, 0, 0, 0, 0, 5, 0, 2, 'm', 'e' };
	static const uint8_t version3[] = { 0, 0, 0, 23, 0, 18, 0, 3, 0, 0, 0, 5, 0, 2, 'm', 'e', 0,
		7, 'h', 'a', 'r', 'r', 'o', 'w', 2, '1', 0 };
	writer_init(&f->w, f->memory, sizeof f->memory, NULL, 0);
	assert_int_equal(request_write(&f->w, API_API_VERSIONS, 0, 5, STRING("me"), &request),
		sizeof version0);
	assert_memory_equal(f->memory, version0, sizeof version0);
	writer_init(&f->w, f->memory, sizeof f->memory, NULL, 0);
	assert_int_equal(request_write(&f->w, API_API_VERSIONS, 3, 5, STRING("me"), &request),
		sizeof version3);
	assert_memory_equal(f->memory, version3, sizeof version3);
}

static void test_header_versions_follow_from_the_api(void **state)
{
	struct fixture *f = *state;
	struct api_versions_response response;
	message_reset(&api_versions_response_message, &response);
	writer_init(&f->w, f->memory, sizeof f->memory, NULL, 0);
	/* size, correlation id, error code, empty array, throttle time, no tagged fields */
	assert_int_equal(
		response_write(&f->w, API_API_VERSIONS, 3, 5, &response), 4 + 4 + 2 + 1 + 4 + 1);
	assert_int_equal(request_header_edition(API_METADATA, 8).version, 1);
	assert_int_equal(request_header_edition(API_METADATA, 9).version, 2);
	assert_true(response_header_edition(API_METADATA, 9).flexible);
	assert_false(response_header_edition(API_METADATA, 8).flexible);
	assert_false(response_header_edition(API_API_VERSIONS, 4).flexible);
}

/*
 * Two frames in one writer, with batches spliced in: how a connection gathers its ready requests.
 */
static void test_produce_frames_are_spliced_one_after_the_other(void **state)
{
	struct fixture *f = *state;
	char batch[] = "a batch that is not copied";
	struct iovec segment = { batch, sizeof batch };
	struct produce_partition partition = { 3, { &segment, 1, sizeof batch } };
	struct produce_topic topic = { .name = STRING("t"), .partition_data = { &partition, 1 } };
	struct produce_request request;
	message_reset(&produce_request_message, &request);
	request.acks = -1;
	request.topic_data.items = &topic;
	request.topic_data.count = 1;

	uint8_t head[512];
	struct splice splices[2];
	struct writer w;
	writer_init(&w, head, sizeof head, splices, COUNT_OF(splices));
	writer_init(&f->w, f->memory, sizeof f->memory, NULL, 0);
	for (int32_t id = 1; id <= 2; id++) {
		int32_t size = request_write(&w, API_PRODUCE, 9, id, STRING("me"), &request);
		assert_int_equal(
			request_write(&f->w, API_PRODUCE, 9, id, STRING("me"), &request), size);
		assert_int_equal(writer_total(&w), id * size);
	}
	struct iovec iov[8];
	int count = writer_gather(&w, iov, COUNT_OF(iov));
	assert_int_equal(count, 5);
	size_t at = 0;
	for (int i = 0; i < count; i++) {
		assert_memory_equal(iov[i].iov_base, f->memory + at, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	assert_int_equal(at, f->w.size);
	assert_ptr_equal(iov[1].iov_base, batch);
	assert_ptr_equal(iov[3].iov_base, batch);
}

static void test_writing_what_a_version_cannot_carry_says_where(void **state)
{
	struct fixture *f = *state;
	char text[MESSAGE_ERROR_SIZE];
	struct metadata_request request;
	message_reset(&metadata_request_message, &request);
	request.topics.count = -1;
	writer_init(&f->w, f->memory, sizeof f->memory, NULL, 0);
	assert_int_equal(request_write(&f->w, API_METADATA, 0, 1, NULL_STRING, &request), -EINVAL);
	assert_string_equal(message_write_error(&f->w, text),
		"metadata_request.topics: null is not carried by this version");
	writer_init(&f->w, f->memory, 20, NULL, 0);
	assert_int_equal(
		request_write(&f->w, API_METADATA, 9, 1, STRING("a long client id"), &request),
		-EMSGSIZE);
	assert_string_equal(message_write_error(&f->w, text),
		"request_header.client_id: does not fit into the memory for the frame");
}

static int read_header(const void *data, int32_t size, struct request_header *header)
{
	struct reader r;
	reader_init_flat(&r, data, size, NULL);
	return request_header_read(&r, header);
}

static void test_unknown_requests_keep_their_correlation_id(void **state)
{
	(void)state;
	static const uint8_t unknown_api[] = { 0x27, 0x0f, 0, 1, 0, 0, 0, 9 };
	static const uint8_t unknown_version[] = { 0, 18, 0, 99, 0, 0, 0, 9, 0xff };
	static const uint8_t negative_version[] = { 0, 18, 0xff, 0xff, 0, 0, 0, 9, 0xff, 0xff };
	struct request_header header;
	assert_int_equal(read_header(unknown_api, sizeof unknown_api, &header), -ENOSYS);
	assert_int_equal(header.correlation_id, 9);
	assert_int_equal(
		read_header(unknown_version, sizeof unknown_version, &header), -EPROTONOSUPPORT);
	assert_int_equal(header.correlation_id, 9);
	assert_int_equal(header.request_api_version, 99);
	assert_int_equal(
		read_header(negative_version, sizeof negative_version, &header), -EPROTONOSUPPORT);
	assert_int_equal(read_header(unknown_api, 7, &header), -EBADMSG);
}

static void test_negotiation_takes_the_highest_common_version(void **state)
{
	(void)state;
	assert_int_equal(api_negotiate(API_PRODUCE, 0, 9, INT16_MAX), 9);
	assert_int_equal(api_negotiate(API_PRODUCE, 3, 99, INT16_MAX), 13);
	assert_int_equal(api_negotiate(API_PRODUCE, 3, 13, 12), 12);
	assert_int_equal(api_negotiate(API_PRODUCE, 3, 3, INT16_MAX), 3);
	assert_int_equal(api_negotiate(API_PRODUCE, 0, 2, INT16_MAX), -EPROTONOSUPPORT);
	assert_int_equal(api_negotiate(API_PRODUCE, 14, 20, INT16_MAX), -EPROTONOSUPPORT);
	assert_int_equal(api_negotiate(API_PRODUCE, 9, 13, 8), -EPROTONOSUPPORT);
	assert_int_equal(api_negotiate(API_API_VERSIONS, 0, 0, INT16_MAX), 0);
	assert_true(api_speaks(API_PRODUCE, 3) && api_speaks(API_PRODUCE, 13));
	assert_false(api_speaks(API_PRODUCE, 2) || api_speaks(API_PRODUCE, 14));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_every_message_comes_back_at_every_version),
		CASE(test_truncation_at_every_byte_is_refused),
		CASE(test_pieces_cut_at_every_byte_decode_alike),
		CASE(test_damaged_frames_neither_crash_nor_take_much_memory),
		CASE(test_bytes_after_the_end_are_refused),
		CASE(test_every_message_prints_in_one_line),
		CASE(test_tables_are_sound),
		CASE(test_requests_without_their_defaults_are_still_written),
		CASE(test_api_versions_bytes_are_as_the_protocol_guide_says),
		CASE(test_header_versions_follow_from_the_api),
		CASE(test_produce_frames_are_spliced_one_after_the_other),
		CASE(test_writing_what_a_version_cannot_carry_says_where),
		CASE(test_unknown_requests_keep_their_correlation_id),
		CASE(test_negotiation_takes_the_highest_common_version),
	};
	return RUN_TESTS(tests);
}
