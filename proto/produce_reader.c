/*
 * Straight-line reading of Produce requests, versions 3 to 13, one step at a time. A step is read
 * again from its first byte when more has come: steps are short, and seldom cut. What the fields
 * mean is in produce.h; tagged fields are KIP-482's, and all of them unknown here.
 */
#include "proto/produce_reader.h"

#define FLEXIBLE_SINCE 9
#define TOPIC_ID_SINCE 13

/* The least that an array's item takes on the wire: a count is checked against it. */
#define TOPIC_SIZE_MIN              (2 + 4)     /* name, count */
#define TOPIC_FLEXIBLE_SIZE_MIN     (1 + 1 + 1) /* name, count, tags */
#define TOPIC_ID_SIZE_MIN           (16 + 1 + 1)
#define PARTITION_SIZE_MIN          (4 + 4)     /* index, size */
#define PARTITION_FLEXIBLE_SIZE_MIN (4 + 1 + 1) /* index, size, tags */

static const char ends_early[] = "the frame ends before it does";
static const char negative[] = "a negative size";
static const char long_varint[] = "a varint that does not end within 32 bits";

enum state {
	STATE_HEAD,
	STATE_TOPIC,     /* the next one, or what follows the last */
	STATE_PARTITION, /* likewise */
	STATE_RECORDS,   /* the caller has them */
	STATE_TAG_COUNT,
	STATE_TAG,  /* the next one, or what follows the last */
	STATE_SKIP, /* the bytes of a tagged field */
	STATE_END,
	STATE_MALFORMED,
};

enum tags_of { TAGS_OF_PARTITION, TAGS_OF_TOPIC, TAGS_OF_REQUEST };

/* The bytes of one step. Past the end of them everything is zero, and `starved` stays. */
struct piece {
	const uint8_t *at, *end;
	bool starved;
	const char *reason; /* it is malformed, however many more bytes come */
};

static const uint8_t *piece_take(struct piece *p, size_t size)
{
	if (p->starved || p->reason || size > (size_t)(p->end - p->at)) {
		p->starved = true;
		return NULL;
	}
	p->at += size;
	return p->at - size;
}

static int16_t piece_int16(struct piece *p)
{
	uint16_t big = 0;
	const uint8_t *at = piece_take(p, sizeof big);
	if (at)
		memcpy(&big, at, sizeof big);
	return (int16_t)__builtin_bswap16(big);
}

static int32_t piece_int32(struct piece *p)
{
	uint32_t big = 0;
	const uint8_t *at = piece_take(p, sizeof big);
	if (at)
		memcpy(&big, at, sizeof big);
	return (int32_t)__builtin_bswap32(big);
}

static uint32_t piece_uvarint(struct piece *p)
{
	uint32_t value = 0;
	for (int shift = 0; shift < 35; shift += 7) {
		const uint8_t *at = piece_take(p, 1);
		if (!at)
			return 0;
		if (shift == 28 && *at > 0x0f)
			break;
		value |= (uint32_t)(*at & 0x7f) << shift;
		if (*at < 0x80)
			return value;
	}
	p->reason = long_varint;
	return 0;
}

static int64_t piece_string_size(struct piece *p, bool flexible)
{
	return flexible ? (int64_t)piece_uvarint(p) - 1 : piece_int16(p);
}

/* Of arrays and records. */
static int64_t piece_size(struct piece *p, bool flexible)
{
	return flexible ? (int64_t)piece_uvarint(p) - 1 : piece_int32(p);
}

static struct string piece_string(struct piece *p, bool flexible, bool nullable)
{
	int64_t size = piece_string_size(p, flexible);
	if (p->starved || p->reason)
		return NULL_STRING;
	if (size == -1 && nullable)
		return NULL_STRING;
	if (size < 0)
		p->reason = size == -1 ? "null where this version has none" : negative;
	else if (size > PRODUCE_FIELD_MAX)
		p->reason = "a string above 32767 bytes";
	if (p->reason)
		return NULL_STRING;
	const char *data = (const char *)piece_take(p, (size_t)size);
	return (struct string){ data, (int32_t)size };
}

/* A count of items of that least size, of which `left` bytes and what is in the piece are there. */
static int32_t piece_count(struct piece *p, const struct produce_reader *r, const uint8_t *start,
	int32_t item_size_min)
{
	int64_t count = piece_size(p, r->flexible);
	if (p->starved || p->reason)
		return 0;
	if (count < 0)
		p->reason = count == -1 ? "null where this version has none" : negative;
	else if (count * item_size_min > r->left - (p->at - start))
		p->reason = "more items than the rest of the frame can hold";
	return p->reason ? 0 : (int32_t)count;
}

void produce_reader_init(struct produce_reader *r, int version, int64_t size)
{
	assert(size >= 0);
	*r = (struct produce_reader){ .transactional_id = NULL_STRING,
		.version = version,
		.flexible = version >= FLEXIBLE_SINCE,
		.state = STATE_HEAD,
		.left = size };
}

/* Where to go on after a struct's own fields. */
static enum state after_fields(struct produce_reader *r, enum tags_of what)
{
	if (r->flexible) {
		r->tags_of = (uint8_t)what;
		return STATE_TAG_COUNT;
	}
	switch (what) {
	case TAGS_OF_PARTITION:
		return STATE_PARTITION;
	case TAGS_OF_TOPIC:
		return STATE_TOPIC;
	case TAGS_OF_REQUEST:
		break;
	}
	return STATE_END;
}

static enum state after_tags(const struct produce_reader *r)
{
	return r->tags_of == TAGS_OF_PARTITION ? STATE_PARTITION
	       : r->tags_of == TAGS_OF_TOPIC   ? STATE_TOPIC
					       : STATE_END;
}

/* The readers of single states leave the piece behind what they took; the state moves on only when
 * it was there. */
static void read_head(struct produce_reader *r, struct piece *p)
{
	const uint8_t *start = p->at;
	r->transactional_id = piece_string(p, r->flexible, true);
	r->acks = piece_int16(p);
	r->timeout_ms = piece_int32(p);
	r->topic_count = r->topics_left = piece_count(p, r, start,
		!r->flexible                   ? TOPIC_SIZE_MIN
		: r->version >= TOPIC_ID_SINCE ? TOPIC_ID_SIZE_MIN
					       : TOPIC_FLEXIBLE_SIZE_MIN);
}

static void read_topic(struct produce_reader *r, struct piece *p)
{
	const uint8_t *start = p->at;
	if (r->version >= TOPIC_ID_SINCE) {
		const uint8_t *id = piece_take(p, sizeof r->topic_id);
		if (id)
			memcpy(&r->topic_id, id, sizeof r->topic_id);
	} else {
		r->topic = piece_string(p, r->flexible, false);
	}
	r->partition_count = r->partitions_left = piece_count(
		p, r, start, r->flexible ? PARTITION_FLEXIBLE_SIZE_MIN : PARTITION_SIZE_MIN);
}

static void read_partition(struct produce_reader *r, struct piece *p)
{
	const uint8_t *start = p->at;
	r->partition_index = piece_int32(p);
	int64_t size = piece_size(p, r->flexible);
	if (p->starved || p->reason)
		return;
	if (size < -1)
		p->reason = negative;
	else if (size > r->left - (p->at - start))
		p->reason = ends_early;
	else
		r->records_size = (int32_t)size;
}

static void read_tag(struct produce_reader *r, struct piece *p)
{
	const uint8_t *start = p->at;
	piece_uvarint(p);
	r->skip_left = piece_uvarint(p);
	if (!p->starved && !p->reason && r->skip_left > r->left - (p->at - start))
		p->reason = ends_early;
}

static enum produce_step malformed(struct produce_reader *r, const char *reason)
{
	r->state = STATE_MALFORMED;
	r->reason = reason;
	return PRODUCE_MALFORMED;
}

/* What a finished read leads to. PRODUCE_MORE: to the next state. */
static enum produce_step advance(struct produce_reader *r)
{
	switch ((enum state)r->state) {
	case STATE_HEAD:
		r->state = STATE_TOPIC;
		return PRODUCE_HEAD;
	case STATE_TOPIC:
		r->topics_left--;
		r->state = STATE_PARTITION;
		return PRODUCE_TOPIC;
	case STATE_PARTITION:
		r->partitions_left--;
		r->state = STATE_RECORDS;
		return PRODUCE_PARTITION;
	case STATE_TAG_COUNT:
		r->state = STATE_TAG;
		break;
	case STATE_TAG:
		r->tags_left--;
		r->state = STATE_SKIP;
		break;
	case STATE_SKIP: /* until skip_left is 0 */
	case STATE_RECORDS:
	case STATE_END:
	case STATE_MALFORMED:
		break;
	}
	return PRODUCE_MORE;
}

/* Leaves states that have nothing more to read. */
static void settle(struct produce_reader *r)
{
	if (r->state == STATE_RECORDS) {
		assert(r->records_size <= 0 && "the caller takes the records first");
		produce_reader_records_taken(r);
	}
	for (;;) {
		if (r->state == STATE_PARTITION && r->partitions_left == 0)
			r->state = (uint8_t)after_fields(r, TAGS_OF_TOPIC);
		else if (r->state == STATE_TOPIC && r->topics_left == 0)
			r->state = (uint8_t)after_fields(r, TAGS_OF_REQUEST);
		else if (r->state == STATE_SKIP && r->skip_left == 0)
			r->state = STATE_TAG;
		else if (r->state == STATE_TAG && r->tags_left == 0)
			r->state = (uint8_t)after_tags(r);
		else
			return;
	}
}

static void read_state(struct produce_reader *r, struct piece *p)
{
	switch ((enum state)r->state) {
	case STATE_HEAD:
		read_head(r, p);
		break;
	case STATE_TOPIC:
		read_topic(r, p);
		break;
	case STATE_PARTITION:
		read_partition(r, p);
		break;
	case STATE_TAG_COUNT:
		r->tags_left = piece_uvarint(p);
		break;
	case STATE_TAG:
		read_tag(r, p);
		break;
	case STATE_SKIP: {
		size_t size = MIN((size_t)(p->end - p->at), (size_t)r->skip_left);
		p->starved = size == 0;
		p->at += size;
		r->skip_left -= (uint32_t)size;
		break;
	}
	case STATE_RECORDS:
	case STATE_END:
	case STATE_MALFORMED:
		break;
	}
}

enum produce_step produce_reader_next(
	struct produce_reader *r, const uint8_t *data, size_t size, size_t *used)
{
	static const uint8_t nothing[1];
	const uint8_t *at = data ? data : nothing;
	enum produce_step step = PRODUCE_MORE;
	*used = 0;
	while (step == PRODUCE_MORE) {
		settle(r);
		if (r->state == STATE_MALFORMED)
			return PRODUCE_MALFORMED;
		if (r->state == STATE_END)
			return r->left == 0 ? PRODUCE_END
					    : malformed(r, "the frame goes on after its end");
		bool whole = r->left <= (int64_t)(size - *used); /* nothing more is to come */
		size_t there = whole ? (size_t)r->left : size - *used;
		struct piece p = { .at = at, .end = at + there };
		read_state(r, &p);
		if (p.reason)
			return malformed(r, p.reason);
		if (p.starved)
			return whole ? malformed(r, ends_early) : PRODUCE_MORE;
		r->left -= p.at - at;
		*used += (size_t)(p.at - at);
		at = p.at;
		step = advance(r);
	}
	return step;
}

void produce_reader_records_taken(struct produce_reader *r)
{
	assert(r->state == STATE_RECORDS);
	if (r->records_size > 0)
		r->left -= r->records_size;
	r->state = (uint8_t)after_fields(r, TAGS_OF_PARTITION);
}
