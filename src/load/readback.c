/* The read-back checker: per stream the sequences seen, as ascending ranges that never touch. */
#include "readback.h"

#include <errno.h>
#include <stdlib.h>

#define RANGES_AT_FIRST 4

int readback_init(struct readback *r, uint64_t run_id, uint32_t producers, uint32_t partitions)
{
	if (producers == 0 || partitions == 0 || producers > READBACK_STREAMS_MAX / partitions)
		return -EINVAL;
	struct readback_stream *streams = calloc((size_t)producers * partitions, sizeof *streams);
	if (!streams)
		return -ENOMEM;
	*r = (struct readback){
		.run_id = run_id,
		.producers = producers,
		.partitions = partitions,
		.streams = streams,
	};
	return 0;
}

void readback_free(struct readback *r)
{
	for (size_t i = 0; r->streams && i < (size_t)r->producers * r->partitions; i++)
		free(r->streams[i].ranges);
	free(r->streams);
	r->streams = NULL;
}

static struct readback_stream *stream_of(
	const struct readback *r, uint32_t producer, uint32_t partition)
{
	return &r->streams[(size_t)partition * r->producers + producer];
}

/* The index of the first range that ends after the sequence; count when there is none. */
static uint32_t range_after(const struct readback_stream *s, uint64_t sequence)
{
	/* Records mostly come in order: the last range first. */
	if (s->count == 0 || s->ranges[s->count - 1].end <= sequence)
		return s->count;
	uint32_t low = 0, high = s->count - 1;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (s->ranges[middle].end > sequence)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* Room for one more range: 0, or -ENOSPC at the limit, or -ENOMEM. */
static int reserve(struct readback_stream *s)
{
	if (s->count < s->capacity)
		return 0;
	if (s->count >= READBACK_RANGES_MAX)
		return -ENOSPC;
	uint32_t capacity = s->capacity ? s->capacity * 2 : RANGES_AT_FIRST;
	struct readback_range *ranges = realloc(s->ranges, capacity * sizeof *ranges);
	if (!ranges)
		return -ENOMEM;
	s->ranges = ranges;
	s->capacity = capacity;
	return 0;
}

/* Adds a sequence that no range holds, before range `at`. */
static int insert(struct readback_stream *s, uint32_t at, uint64_t sequence)
{
	bool joins_before = at > 0 && s->ranges[at - 1].end == sequence;
	bool joins_after = at < s->count && s->ranges[at].first == sequence + 1;
	if (joins_before && joins_after) {
		s->ranges[at - 1].end = s->ranges[at].end;
		memmove(s->ranges + at, s->ranges + at + 1,
			(--s->count - at) * sizeof s->ranges[0]);
		return 0;
	}
	if (joins_before) {
		s->ranges[at - 1].end++;
		return 0;
	}
	if (joins_after) {
		s->ranges[at].first--;
		return 0;
	}
	int status = reserve(s);
	if (status < 0)
		return status;
	memmove(s->ranges + at + 1, s->ranges + at, (s->count++ - at) * sizeof s->ranges[0]);
	s->ranges[at] = (struct readback_range){ sequence, sequence + 1 };
	return 0;
}

void readback_add_stamp(
	struct readback *r, uint32_t partition, const struct stamp *stamp, bool full)
{
	if (partition >= r->partitions || stamp->producer >= r->producers ||
		(full && stamp->run_id != r->run_id) || stamp->sequence == UINT64_MAX) {
		r->foreign++;
		return;
	}
	r->received++;
	struct readback_stream *s = stream_of(r, stamp->producer, partition);
	uint32_t at = range_after(s, stamp->sequence);
	if (at < s->count && s->ranges[at].first <= stamp->sequence) {
		r->duplicates++;
		return;
	}
	if (at < s->count)
		r->out_of_order++;
	if (insert(s, at, stamp->sequence) < 0)
		r->unchecked++;
}

void readback_add(struct readback *r, uint32_t partition, const uint8_t *value, uint32_t size)
{
	struct stamp stamp;
	if (stamp_parse(value, size, &stamp))
		readback_add_stamp(r, partition, &stamp, stamp_size(size) == STAMP_SIZE);
	else
		r->foreign++;
}

uint64_t readback_missing(const struct readback *r, uint32_t producer, uint32_t partition,
	uint64_t first, uint64_t end)
{
	assert(producer < r->producers && partition < r->partitions);
	if (first >= end)
		return 0;
	const struct readback_stream *s = stream_of(r, producer, partition);
	uint64_t seen = 0;
	for (uint32_t i = range_after(s, first); i < s->count && s->ranges[i].first < end; i++)
		seen += MIN(s->ranges[i].end, end) - MAX(s->ranges[i].first, first);
	return end - first - seen;
}

uint64_t readback_gaps(const struct readback *r)
{
	uint64_t gaps = 0;
	for (uint32_t partition = 0; partition < r->partitions; partition++)
		for (uint32_t producer = 0; producer < r->producers; producer++) {
			const struct readback_stream *s = stream_of(r, producer, partition);
			if (s->count > 0)
				gaps += readback_missing(
					r, producer, partition, 0, s->ranges[s->count - 1].end);
		}
	return gaps;
}
