/* Reads the records of a batch, and the headers of a record as far as someone asks for them. */
#include <errno.h>

#include "batch_layout.h"

#define CONTROL_KEY_SIZE 4 /* version and type, 16 bits each; later versions may add to it */

int record_iterator_init(struct record_iterator *it, const struct batch *batch,
	struct decompressor *decompressor, uint8_t *memory, size_t limit)
{
	const struct batch_header *h = &batch->header;
	const uint8_t *records = batch->data + BATCH_HEADER_SIZE;
	size_t size = batch->size - BATCH_HEADER_SIZE;
	if (h->codec != CODEC_NONE && h->record_count > 0) {
		ssize_t restored =
			decompressor_run(decompressor, h->codec, records, size, memory, limit);
		if (restored < 0)
			return (int)restored;
		records = memory;
		size = (size_t)restored;
	}
	*it = (struct record_iterator){
		.at = records,
		.end = records + size,
		.left = h->record_count,
		.base_offset = h->base_offset,
		.base_timestamp_ms = h->base_timestamp_ms,
		.append_time_ms = h->max_timestamp_ms,
		.last_offset_delta = h->last_offset_delta,
		.log_append_time = h->log_append_time,
	};
	return 0;
}

/* Reads a size and as many bytes; -1 is null where `nullable`. NULL when malformed. */
static const uint8_t *sized_load(
	const uint8_t *p, const uint8_t *end, bool nullable, struct bytes *out)
{
	int32_t size;
	p = varint32_load(p, end, &size);
	if (!p || size < (nullable ? -1 : 0) || size > end - p)
		return NULL;
	*out = (struct bytes){ size < 0 ? NULL : p, size };
	return p + MAX(size, 0);
}

int record_next(struct record_iterator *it, struct record *out)
{
	if (it->left == 0)
		return it->at == it->end ? 0 : -EPROTO;

	int32_t length, offset_delta;
	int64_t timestamp_delta_ms = 0;
	const uint8_t *p = varint32_load(it->at, it->end, &length);
	if (!p || length < RECORD_SIZE_MIN - 1 || length > it->end - p)
		return -EPROTO;
	const uint8_t *end = p + length;
	struct record r = { .end = end };
	p++; /* attributes: none are defined */
	p = varint_load(p, end, 64, &timestamp_delta_ms);
	p = varint32_load(p, end, &offset_delta);
	p = sized_load(p, end, true, &r.key);
	p = sized_load(p, end, true, &r.value);
	p = varint32_load(p, end, &r.header_count);
	if (!p || offset_delta < 0 || offset_delta > it->last_offset_delta)
		return -EPROTO;
	if (r.header_count < 0 || r.header_count > (end - p) / RECORD_HEADER_SIZE_MIN)
		return -EPROTO;
	if (r.header_count == 0 && p != end)
		return -EPROTO;

	r.offset = it->base_offset + offset_delta;
	r.timestamp_ms =
		it->log_append_time
			? it->append_time_ms
			: (int64_t)((uint64_t)it->base_timestamp_ms + (uint64_t)timestamp_delta_ms);
	r.headers = p;
	it->at = end;
	it->left--;
	*out = r;
	return 1;
}

int record_header_next(struct record *record, struct record_header *out)
{
	if (record->header_count == 0)
		return record->headers == record->end ? 0 : -EPROTO;
	struct bytes key, value;
	const uint8_t *p = sized_load(record->headers, record->end, false, &key);
	p = sized_load(p, record->end, true, &value);
	if (!p)
		return -EPROTO;
	*out = (struct record_header){ { (const char *)key.data, key.size }, value };
	record->headers = p;
	record->header_count--;
	return 1;
}

int control_type_read(struct bytes key)
{
	if (key.size < CONTROL_KEY_SIZE)
		return -EPROTO;
	int16_t version = (int16_t)load16(key.data), type = (int16_t)load16(key.data + 2);
	return version < 0 || type < 0 ? -EPROTO : type;
}
