/*
 * Reads record batches: headers, and the batches of a Fetch partition that lie in segments. Records
 * are in record.c, building in batch_build.c.
 */
#include <errno.h>

#include "batch_layout.h"
#include "proto/crc32c.h"

int batch_header_read(const uint8_t *data, size_t size, struct batch_header *out)
{
	if (size <= MAGIC_AT)
		return -ENODATA;
	int8_t magic = (int8_t)data[MAGIC_AT];
	if (magic == 0 || magic == 1)
		return -ENOTSUP;
	if (magic != MAGIC_V2)
		return -EPROTO;
	if (size < BATCH_HEADER_SIZE)
		return -ENODATA;

	int16_t attributes = (int16_t)load16(data + ATTRIBUTES_AT);
	struct batch_header h = {
		.base_offset = (int64_t)load64(data + BASE_OFFSET_AT),
		.length = (int32_t)load32(data + LENGTH_AT),
		.leader_epoch = (int32_t)load32(data + LEADER_EPOCH_AT),
		.magic = magic,
		.crc = load32(data + CRC_AT),
		.attributes = attributes,
		.last_offset_delta = (int32_t)load32(data + LAST_OFFSET_DELTA_AT),
		.base_timestamp_ms = (int64_t)load64(data + BASE_TIMESTAMP_AT),
		.max_timestamp_ms = (int64_t)load64(data + MAX_TIMESTAMP_AT),
		.producer_id = (int64_t)load64(data + PRODUCER_ID_AT),
		.producer_epoch = (int16_t)load16(data + PRODUCER_EPOCH_AT),
		.base_sequence = (int32_t)load32(data + BASE_SEQUENCE_AT),
		.record_count = (int32_t)load32(data + RECORD_COUNT_AT),
		.codec = (enum codec)(attributes & ATTRIBUTE_CODEC),
		.log_append_time = attributes & ATTRIBUTE_LOG_APPEND_TIME,
		.transactional = attributes & ATTRIBUTE_TRANSACTIONAL,
		.control = attributes & ATTRIBUTE_CONTROL,
		.delete_horizon = attributes & ATTRIBUTE_DELETE_HORIZON,
	};
	if (h.length < BATCH_HEADER_SIZE - LENGTH_OVERHEAD || (unsigned)h.codec >= CODEC_COUNT)
		return -EPROTO;
	if (h.record_count < 0 || h.last_offset_delta < 0 || h.base_offset < 0)
		return -EPROTO;
	if (h.base_offset > INT64_MAX - h.last_offset_delta)
		return -EPROTO;
	*out = h;
	return 0;
}

bool batch_checksum_matches(const uint8_t *batch, size_t size)
{
	assert(size >= BATCH_HEADER_SIZE);
	return crc32c(0, batch + ATTRIBUTES_AT, size - ATTRIBUTES_AT) == load32(batch + CRC_AT);
}

int batch_verify(const struct batch *batch)
{
	const struct batch_header *h = &batch->header;
	assert(batch->size >= BATCH_HEADER_SIZE);
	if (batch->size != (size_t)h->length + LENGTH_OVERHEAD)
		return -EPROTO;
	if (!batch_checksum_matches(batch->data, batch->size))
		return -EBADMSG;
	/* Compaction takes records away and leaves the last offset: fewer are right, more are not.
	 */
	if (h->record_count > (int64_t)h->last_offset_delta + 1)
		return -EPROTO;
	size_t records_size = batch->size - BATCH_HEADER_SIZE;
	if (h->codec == CODEC_NONE && (size_t)h->record_count > records_size / RECORD_SIZE_MIN)
		return -EPROTO;
	return 0;
}

void batch_iterator_init(
	struct batch_iterator *it, const struct iovec *segments, size_t count, struct arena *arena)
{
	*it = (struct batch_iterator){ .segments = segments, .count = count, .arena = arena };
	for (size_t i = 0; i < count; i++)
		it->left += segments[i].iov_len;
}

/* Moves on by `size` bytes, which must be left. */
static void iterator_skip(struct batch_iterator *it, size_t size)
{
	it->left -= size;
	it->offset += size;
	while (it->index < it->count && it->offset >= it->segments[it->index].iov_len)
		it->offset -= it->segments[it->index++].iov_len;
}

/* Copies the next `size` bytes, which must be left; the iterator stays where it is. */
static void iterator_copy(const struct batch_iterator *it, uint8_t *out, size_t size)
{
	size_t offset = it->offset;
	for (size_t i = it->index; size; i++) {
		size_t here = MIN(size, it->segments[i].iov_len - offset);
		if (here)
			memcpy(out, (const uint8_t *)it->segments[i].iov_base + offset, here);
		out += here;
		size -= here;
		offset = 0;
	}
}

/* Where the next `size` bytes lie; false when they cross into another segment. */
static bool iterator_peek(const struct batch_iterator *it, size_t size, const uint8_t **data)
{
	const struct iovec *segment = &it->segments[it->index];
	if (it->index == it->count || size > segment->iov_len - it->offset)
		return false;
	*data = (const uint8_t *)segment->iov_base + it->offset;
	return true;
}

static int iterator_end(struct batch_iterator *it)
{
	it->cut_short = it->left;
	return 0;
}

int batch_next(struct batch_iterator *it, struct batch *out)
{
	uint8_t copy[BATCH_HEADER_SIZE];
	iterator_skip(it, 0); /* past empty segments */
	size_t header_size = MIN(it->left, sizeof copy);
	const uint8_t *data = copy;
	if (!iterator_peek(it, header_size, &data))
		iterator_copy(it, copy, header_size);
	struct batch_header header;
	int status = batch_header_read(data, header_size, &header);
	if (status == -ENODATA)
		return iterator_end(it);
	if (status < 0)
		return status;
	size_t size = (size_t)header.length + LENGTH_OVERHEAD;
	if (size > it->left)
		return iterator_end(it);

	if (!iterator_peek(it, size, &data)) {
		uint8_t *gathered = arena_alloc(it->arena, size);
		if (!gathered)
			return -ENOMEM;
		iterator_copy(it, gathered, size);
		data = gathered;
	}
	iterator_skip(it, size);
	*out = (struct batch){ header, data, size };
	return 1;
}
