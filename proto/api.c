/*
 * What follows from the list of APIs: headers, frames, negotiation. Follows Kafka's protocol guide;
 * the two rules that no table tells are that an ApiVersions answer has header version 0 at every
 * version (the client cannot know yet what the broker speaks, KIP-511), and that the client id of a
 * request header is in the old form even in flexible ones (KIP-482).
 */
#include "proto/api.h"

#include "proto/cluster.h"
#include "proto/fetch.h"
#include "proto/group.h"
#include "proto/metadata.h"
#include "proto/offsets.h"
#include "proto/produce.h"
#include "proto/topics.h"

const struct api_info api_infos[API_COUNT] = {
#define X(ENUM, prefix, kafka_name, api_key, first_version, last_version, first_flexible)          \
	[API_##ENUM] = {                                                                           \
		.name = kafka_name,                                                                \
		.key = api_key,                                                                    \
		.first = first_version,                                                            \
		.last = last_version,                                                              \
		.flexible = first_flexible,                                                        \
		.request = &prefix##_request_message,                                              \
		.response = &prefix##_response_message,                                            \
	},
	API_LIST(X)
#undef X
};

#define THIS struct request_header
static const struct field request_header_fields[] = {
	FIELD(request_api_key, SINCE(0)),
	FIELD(request_api_version, SINCE(0)),
	FIELD(correlation_id, SINCE(0)),
	FIELD(client_id, SINCE(1), NULLABLE(1), INFLEXIBLE),
};
#undef THIS
MESSAGE(request_header);

#define THIS struct response_header
static const struct field response_header_fields[] = {
	FIELD(correlation_id, SINCE(0)),
};
#undef THIS
MESSAGE(response_header);

struct edition request_header_edition(enum api api, int version)
{
	bool flexible = api_edition(api, version).flexible;
	return (struct edition){ flexible ? 2 : 1, flexible };
}

struct edition response_header_edition(enum api api, int version)
{
	bool flexible = api != API_API_VERSIONS && api_edition(api, version).flexible;
	return (struct edition){ flexible ? 1 : 0, flexible };
}

int api_of_key(int16_t key)
{
	for (int api = 0; api < API_COUNT; api++)
		if (api_infos[api].key == key)
			return api;
	return -ENOENT;
}

int api_negotiate(enum api api, int peer_min, int peer_max, int wanted_max)
{
	int version = MIN(MIN(peer_max, api_infos[api].last), wanted_max);
	int lowest = MAX(peer_min, api_infos[api].first);
	return version >= lowest ? version : -EPROTONOSUPPORT;
}

/* ---- whole frames ---- */

static int32_t frame_end(struct writer *w, int32_t mark, int32_t before)
{
	writer_frame_end(w, mark);
	return w->failed ? w->failed : writer_total(w) - before;
}

int32_t request_write(struct writer *w, enum api api, int version, int32_t correlation_id,
	struct string client_id, const void *body)
{
	assert(api_speaks(api, version));
	const struct request_header header = {
		.request_api_key = api_infos[api].key,
		.request_api_version = (int16_t)version,
		.correlation_id = correlation_id,
		.client_id = client_id,
	};
	int32_t before = writer_total(w);
	int32_t mark = writer_frame_begin(w);
	message_encode(w, &request_header_message, request_header_edition(api, version), &header);
	message_encode(w, api_infos[api].request, api_edition(api, version), body);
	return frame_end(w, mark, before);
}

int32_t response_write(
	struct writer *w, enum api api, int version, int32_t correlation_id, const void *body)
{
	assert(api_speaks(api, version));
	const struct response_header header = { .correlation_id = correlation_id };
	int32_t before = writer_total(w);
	int32_t mark = writer_frame_begin(w);
	message_encode(w, &response_header_message, response_header_edition(api, version), &header);
	message_encode(w, api_infos[api].response, api_edition(api, version), body);
	return frame_end(w, mark, before);
}

/* ---- the inside of a frame ---- */

int request_header_read(struct reader *r, struct request_header *header)
{
	struct reader start = *r;
	*header = (struct request_header){ .client_id = NULL_STRING };
	header->request_api_key = reader_int16(r);
	header->request_api_version = reader_int16(r);
	header->correlation_id = reader_int32(r);
	if (r->failed)
		return r->failed;
	int api = api_of_key(header->request_api_key);
	if (api < 0)
		return -ENOSYS;
	int version = header->request_api_version;
	if (!api_speaks((enum api)api, version))
		return -EPROTONOSUPPORT;
	*r = start;
	struct edition e = request_header_edition((enum api)api, version);
	message_decode(r, &request_header_message, e, header);
	return r->failed ? r->failed : api;
}

int response_header_read(struct reader *r, enum api api, int version, int32_t *correlation_id)
{
	struct response_header header;
	struct edition e = response_header_edition(api, version);
	message_decode(r, &response_header_message, e, &header);
	if (!r->failed)
		*correlation_id = header.correlation_id;
	return r->failed;
}

static int body_read(struct reader *r, const struct message *m, struct edition e, void *body)
{
	message_decode(r, m, e, body);
	if (reader_left(r) > 0) {
		reader_fail(r, -EBADMSG, "the frame goes on after its end");
		r->message = m->name;
	}
	return r->failed;
}

int request_body_read(struct reader *r, enum api api, int version, void *body)
{
	return body_read(r, api_infos[api].request, api_edition(api, version), body);
}

int response_body_read(struct reader *r, enum api api, int version, void *body)
{
	return body_read(r, api_infos[api].response, api_edition(api, version), body);
}
