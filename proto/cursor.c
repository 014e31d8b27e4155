/*
 * The parts of the cursors that are not worth inlining: varints, splices, values that cross from
 * one piece of a frame into the next. The format is Kafka's protocol guide's; varints follow
 * protobuf's encoding, zigzag for signed ones.
 */
#include "proto/cursor.h"

#define UVARINT_SIZE_MAX  5
#define UVARLONG_SIZE_MAX 10

/* ---- writing ---- */

void writer_init(
	struct writer *w, void *data, int32_t limit, struct splice *splices, int32_t splice_limit)
{
	*w = (struct writer){
		.data = data, .limit = limit, .splices = splices, .splice_limit = splice_limit
	};
}

void writer_fail(struct writer *w, int error, const char *reason)
{
	if (w->failed)
		return;
	w->failed = error;
	w->reason = reason;
}

static int32_t uvarlong_put(uint8_t at[static UVARLONG_SIZE_MAX], uint64_t value)
{
	int32_t size = 0;
	for (; value >= 0x80; value >>= 7)
		at[size++] = (uint8_t)(value | 0x80);
	at[size++] = (uint8_t)value;
	return size;
}

void writer_uvarlong(struct writer *w, uint64_t value)
{
	uint8_t bytes[UVARLONG_SIZE_MAX];
	writer_put(w, bytes, uvarlong_put(bytes, value));
}

void writer_varint(struct writer *w, int32_t value)
{
	writer_uvarint(w, ((uint32_t)value << 1) ^ (uint32_t)(value >> 31));
}

void writer_varlong(struct writer *w, int64_t value)
{
	writer_uvarlong(w, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

void writer_records(struct writer *w, struct records records)
{
	if (w->failed || records.size <= 0)
		return;
	if (!w->splices) {
		for (int32_t i = 0; i < records.segment_count; i++)
			writer_put(w, records.segments[i].iov_base,
				(int32_t)records.segments[i].iov_len);
		return;
	}
	if (w->splice_count == w->splice_limit) {
		writer_fail(w, -EMSGSIZE, "more records than the frame has places for");
		return;
	}
	if (records.size > INT32_MAX - w->limit - w->spliced_size) {
		writer_fail(w, -EMSGSIZE, "makes the frame larger than 2 GiB");
		return;
	}
	w->splices[w->splice_count++] = (struct splice){ w->size, records };
	w->spliced_size += records.size;
}

int writer_piece_count(const struct writer *w)
{
	int count = w->splice_count + 1;
	for (int32_t i = 0; i < w->splice_count; i++)
		count += w->splices[i].records.segment_count;
	return count;
}

int writer_gather(const struct writer *w, struct iovec *iov, int limit)
{
	int count = 0;
	int32_t position = 0;
	for (int32_t i = 0; i <= w->splice_count; i++) {
		bool last = i == w->splice_count;
		int32_t until = last ? w->size : w->splices[i].position;
		if (until > position) {
			if (count == limit)
				return -ENOBUFS;
			iov[count++] =
				(struct iovec){ w->data + position, (size_t)(until - position) };
			position = until;
		}
		for (int32_t j = 0; !last && j < w->splices[i].records.segment_count; j++) {
			if (w->splices[i].records.segments[j].iov_len == 0)
				continue;
			if (count == limit)
				return -ENOBUFS;
			iov[count++] = w->splices[i].records.segments[j];
		}
	}
	return count;
}

int32_t writer_frame_begin(struct writer *w)
{
	int32_t mark = w->size;
	writer_int32(w, 0);
	return mark;
}

void writer_frame_end(struct writer *w, int32_t mark)
{
	if (w->failed)
		return;
	int32_t size = w->size - mark - (int32_t)sizeof(int32_t);
	for (int32_t i = w->splice_count; i-- > 0 && w->splices[i].position > mark;)
		size += w->splices[i].records.size;
	uint32_t big = __builtin_bswap32((uint32_t)size);
	memcpy(w->data + mark, &big, sizeof big);
}

int32_t writer_sized_begin(struct writer *w)
{
	int32_t mark = w->size;
	writer_int8(w, 0);
	return mark;
}

void writer_sized_end(struct writer *w, int32_t mark)
{
	if (w->failed)
		return;
	assert(w->splice_count == 0 || w->splices[w->splice_count - 1].position <= mark);
	int32_t size = w->size - mark - 1;
	uint8_t prefix[UVARLONG_SIZE_MAX];
	int32_t prefix_size = uvarlong_put(prefix, (uint64_t)size);
	if (prefix_size > 1 && !writer_reserve(w, prefix_size - 1))
		return;
	memmove(w->data + mark + prefix_size, w->data + mark + 1, (size_t)size);
	memcpy(w->data + mark, prefix, (size_t)prefix_size);
}

/* ---- reading ---- */

void reader_init(
	struct reader *r, const struct iovec *segments, int32_t segment_count, struct arena *arena)
{
	*r = (struct reader){ .next = segments, .next_count = segment_count, .arena = arena };
	for (int32_t i = 0; i < segment_count; i++)
		r->beyond += (int64_t)segments[i].iov_len;
}

void reader_init_flat(struct reader *r, const void *data, int32_t size, struct arena *arena)
{
	*r = (struct reader){ .at = data, .end = (const uint8_t *)data + size, .arena = arena };
}

void reader_fail(struct reader *r, int error, const char *reason)
{
	if (r->failed)
		return;
	r->failed = error;
	r->reason = reason;
}

/* Moves to the next piece that holds anything, once this one is used up. */
static void reader_advance(struct reader *r)
{
	while (r->at == r->end && r->next_count > 0) {
		r->at = r->next->iov_base;
		r->end = r->at + r->next->iov_len;
		r->beyond -= (int64_t)r->next->iov_len;
		r->next++;
		r->next_count--;
	}
}

/* Whether `size` bytes are there; when they are, the current piece holds at least one of them. */
static bool reader_holds(struct reader *r, int64_t size)
{
	if (size < 0)
		reader_fail(r, -EBADMSG, "a negative size");
	else if (!r->failed && size > reader_left(r))
		reader_fail(r, -EBADMSG, "the frame ends before it does");
	if (r->failed)
		return false;
	reader_advance(r);
	return true;
}

static void reader_copy(struct reader *r, uint8_t *to, int32_t size)
{
	while (size > 0) {
		reader_advance(r);
		int32_t part = (int32_t)MIN((ptrdiff_t)size, r->end - r->at);
		memcpy(to, r->at, (size_t)part);
		r->at += part;
		to += part;
		size -= part;
	}
}

void *reader_alloc(struct reader *r, size_t size)
{
	void *memory = r->arena ? arena_alloc(r->arena, size) : NULL;
	if (!memory)
		reader_fail(r, -ENOMEM, "needs more memory than one message may take");
	return memory;
}

const uint8_t *reader_gather(struct reader *r, int32_t size)
{
	if (!reader_holds(r, size))
		return NULL;
	if (size <= r->end - r->at) {
		r->at += size;
		return r->at - size;
	}
	bool small = size <= (int32_t)sizeof r->gathered;
	uint8_t *to = small ? r->gathered : reader_alloc(r, (size_t)size);
	if (to)
		reader_copy(r, to, size);
	return to;
}

struct bytes reader_bytes(struct reader *r, int32_t size)
{
	if (!reader_holds(r, size))
		return (struct bytes){ 0 };
	if (size <= r->end - r->at) {
		r->at += size;
		return (struct bytes){ r->at - size, size };
	}
	uint8_t *to = reader_alloc(r, (size_t)size);
	if (!to)
		return (struct bytes){ 0 };
	reader_copy(r, to, size);
	return (struct bytes){ to, size };
}

struct records reader_records(struct reader *r, int32_t size)
{
	if (!reader_holds(r, size) || size == 0)
		return (struct records){ 0 };
	int32_t count = 1;
	int64_t held = r->end - r->at;
	for (const struct iovec *next = r->next; held < size; next++, count++)
		held += (int64_t)next->iov_len;
	struct iovec *segments = reader_alloc(r, (size_t)count * sizeof *segments);
	if (!segments)
		return (struct records){ 0 };
	int32_t left = size;
	for (count = 0; left > 0; count++) {
		reader_advance(r);
		int32_t part = (int32_t)MIN((ptrdiff_t)left, r->end - r->at);
		segments[count] = (struct iovec){ (void *)r->at, (size_t)part };
		r->at += part;
		left -= part;
	}
	return (struct records){ segments, count, size };
}

void reader_skip(struct reader *r, int64_t size)
{
	if (!reader_holds(r, size))
		return;
	while (size > 0) {
		reader_advance(r);
		ptrdiff_t part = MIN((ptrdiff_t)size, r->end - r->at);
		r->at += part;
		size -= part;
	}
}

uint64_t reader_uvarlong(struct reader *r)
{
	uint64_t value = 0;
	for (int shift = 0; shift < 7 * UVARLONG_SIZE_MAX; shift += 7) {
		uint8_t byte = (uint8_t)reader_int8(r);
		if (shift == 63 && byte > 1)
			break;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
	}
	reader_fail(r, -EBADMSG, "a varint that does not end within 64 bits");
	return 0;
}

uint32_t reader_long_uvarint(struct reader *r)
{
	uint32_t value = 0;
	for (int shift = 0; shift < 7 * UVARINT_SIZE_MAX; shift += 7) {
		uint8_t byte = (uint8_t)reader_int8(r);
		if (shift == 28 && byte > 0x0f)
			break;
		value |= (uint32_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
	}
	reader_fail(r, -EBADMSG, "a varint that does not end within 32 bits");
	return 0;
}

int32_t reader_varint(struct reader *r)
{
	uint32_t value = reader_uvarint(r);
	return (int32_t)(value >> 1) ^ -(int32_t)(value & 1);
}

int64_t reader_varlong(struct reader *r)
{
	uint64_t value = reader_uvarlong(r);
	return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}
