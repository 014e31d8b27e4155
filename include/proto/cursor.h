/*
 * Cursors own the wire's bytes: a writer puts values into memory of the caller, a reader takes them
 * from the pieces that a frame arrived in. Integers are big-endian; varints are those of protobuf,
 * as Kafka uses them.
 *
 * A cursor latches its first failure in `failed` (0 or -errno) with a `reason` for people; from
 * then on writes do nothing and reads yield zeroes, so callers check once per message. Cursors know
 * bytes, not messages: what a field means is message.h's business.
 */
#ifndef HARROW_PROTO_CURSOR_H
#define HARROW_PROTO_CURSOR_H

#include <errno.h>
#include <sys/uio.h>

#include "arena.h"
#include "base.h"

struct uuid {
	uint8_t bytes[16];
};

/* Record batches where they lie: in one piece or several. A size of -1 is null. Never owned. */
struct records {
	const struct iovec *segments;
	int32_t segment_count;
	int32_t size; /* the sum of the segments */
};

#define NULL_RECORDS ((struct records){ NULL, 0, -1 })

/* ---- writing ---- */

/* A place in the written bytes where records belong that were not copied. */
struct splice {
	int32_t position; /* in the writer's memory */
	struct records records;
};

struct writer {
	uint8_t *data;
	int32_t size;  /* written into data so far */
	int32_t limit; /* of data */
	struct splice *splices;
	int32_t splice_count, splice_limit;
	int32_t spliced_size; /* of all splices */
	int failed;           /* -EMSGSIZE: no room; -EINVAL: a value that cannot be written */
	const char *reason;   /* of the failure, in words; NULL while all is well */
	const char *message;  /* where it happened: set by message_encode, else NULL */
	const char *field;
};

/*
 * Writes into data[0, limit). Records are noted in splices[0, splice_limit) and sent from where
 * they lie: they must stay there until the frame has been sent. Without room for splices (NULL, 0)
 * they are copied.
 */
void writer_init(
	struct writer *w, void *data, int32_t limit, struct splice *splices, int32_t splice_limit);

/* Latches a failure: the first one stays. */
void writer_fail(struct writer *w, int error, const char *reason);

/* Bytes of the whole: written and spliced. */
static inline int32_t writer_total(const struct writer *w)
{
	return w->size + w->spliced_size;
}

/*
 * What to send: pieces of the writer's memory with the spliced records between them, in iov[0,
 * limit), none of them empty. Returns their number, or -ENOBUFS when limit is too low;
 * writer_piece_count says how many are enough.
 */
int writer_gather(const struct writer *w, struct iovec *iov, int limit);
int writer_piece_count(const struct writer *w);

/* Room for `size` bytes that the caller fills; NULL, and the writer has failed, when there is none.
 */
static inline uint8_t *writer_reserve(struct writer *w, int32_t size)
{
	if (w->failed || (uint32_t)size > (uint32_t)(w->limit - w->size)) {
		writer_fail(w, -EMSGSIZE, "does not fit into the memory for the frame");
		return NULL;
	}
	uint8_t *at = w->data + w->size;
	w->size += size;
	return at;
}

static inline void writer_put(struct writer *w, const void *data, int32_t size)
{
	uint8_t *at = writer_reserve(w, size);
	if (at && size > 0)
		memcpy(at, data, (size_t)size);
}

static inline void writer_int8(struct writer *w, int8_t value)
{
	uint8_t *at = writer_reserve(w, 1);
	if (at)
		*at = (uint8_t)value;
}

static inline void writer_int16(struct writer *w, int16_t value)
{
	uint16_t big = __builtin_bswap16((uint16_t)value);
	uint8_t *at = writer_reserve(w, sizeof big);
	if (at)
		memcpy(at, &big, sizeof big);
}

static inline void writer_int32(struct writer *w, int32_t value)
{
	uint32_t big = __builtin_bswap32((uint32_t)value);
	uint8_t *at = writer_reserve(w, sizeof big);
	if (at)
		memcpy(at, &big, sizeof big);
}

static inline void writer_int64(struct writer *w, int64_t value)
{
	uint64_t big = __builtin_bswap64((uint64_t)value);
	uint8_t *at = writer_reserve(w, sizeof big);
	if (at)
		memcpy(at, &big, sizeof big);
}

/* Unsigned varints, of up to 5 and up to 10 bytes. */
void writer_uvarlong(struct writer *w, uint64_t value);

static inline void writer_uvarint(struct writer *w, uint32_t value)
{
	if (value < 0x80)
		writer_int8(w, (int8_t)value);
	else
		writer_uvarlong(w, value);
}

/* Signed ones, zigzag: small magnitudes of either sign are short. */
void writer_varint(struct writer *w, int32_t value);
void writer_varlong(struct writer *w, int64_t value);

/* The bytes of the records, without their size: spliced, or copied where there are no splices. */
void writer_records(struct writer *w, struct records records);

/*
 * A size that is known only afterwards. An int32 before a frame: begin returns the mark that end
 * needs; the size counts what was spliced. An unsigned varint before a tagged field: end moves the
 * field up by a few bytes when it is longer than 127 (no splices inside).
 */
int32_t writer_frame_begin(struct writer *w);
void writer_frame_end(struct writer *w, int32_t mark);
int32_t writer_sized_begin(struct writer *w);
void writer_sized_end(struct writer *w, int32_t mark);

/* ---- reading ---- */

struct reader {
	const uint8_t *at, *end;  /* the piece being read */
	const struct iovec *next; /* pieces after it */
	int32_t next_count;
	int64_t beyond;       /* bytes in them */
	struct arena *arena;  /* takes what cannot be pointed at */
	uint8_t gathered[16]; /* a small value that crosses pieces */
	int failed;         /* -EBADMSG: ended early or malformed; -EMSGSIZE: a size past its limit;
			       -ENOMEM: the arena is at its limit */
	const char *reason; /* in words, as in struct writer */
	const char *message, *field;
};

/*
 * Reads the segments in turn. They, and the arena, must outlive what is read: strings and bytes
 * point into the segments, except where one crosses a boundary and is gathered into the arena.
 */
void reader_init(
	struct reader *r, const struct iovec *segments, int32_t segment_count, struct arena *arena);

/* The same for bytes in one piece. */
void reader_init_flat(struct reader *r, const void *data, int32_t size, struct arena *arena);

void reader_fail(struct reader *r, int error, const char *reason);

/* Bytes not yet read; 0 after a failure. */
static inline int64_t reader_left(const struct reader *r)
{
	return r->failed ? 0 : r->end - r->at + r->beyond;
}

/* The slow half of reader_take: across pieces, or past the end. */
const uint8_t *reader_gather(struct reader *r, int32_t size);

/*
 * The next `size` bytes in one piece, or NULL, and the reader has failed. Up to 16 of them are good
 * only until the next call when they crossed a boundary: for values that are decoded at once.
 */
static inline const uint8_t *reader_take(struct reader *r, int32_t size)
{
	if (r->failed || (uint64_t)size > (uint64_t)(r->end - r->at)) /* a negative one, too */
		return reader_gather(r, size);
	const uint8_t *at = r->at;
	r->at += size;
	return at;
}

static inline int8_t reader_int8(struct reader *r)
{
	const uint8_t *at = reader_take(r, 1);
	return at ? (int8_t)*at : 0;
}

static inline int16_t reader_int16(struct reader *r)
{
	uint16_t big = 0;
	const uint8_t *at = reader_take(r, sizeof big);
	if (at)
		memcpy(&big, at, sizeof big);
	return (int16_t)__builtin_bswap16(big);
}

static inline int32_t reader_int32(struct reader *r)
{
	uint32_t big = 0;
	const uint8_t *at = reader_take(r, sizeof big);
	if (at)
		memcpy(&big, at, sizeof big);
	return (int32_t)__builtin_bswap32(big);
}

static inline int64_t reader_int64(struct reader *r)
{
	uint64_t big = 0;
	const uint8_t *at = reader_take(r, sizeof big);
	if (at)
		memcpy(&big, at, sizeof big);
	return (int64_t)__builtin_bswap64(big);
}

uint64_t reader_uvarlong(struct reader *r);
uint32_t reader_long_uvarint(struct reader *r);

static inline uint32_t reader_uvarint(struct reader *r)
{
	if (!r->failed && r->at < r->end && *r->at < 0x80)
		return *r->at++;
	return reader_long_uvarint(r);
}

int32_t reader_varint(struct reader *r);
int64_t reader_varlong(struct reader *r);

/* `size` bytes that stay good as long as the segments and the arena do. */
struct bytes reader_bytes(struct reader *r, int32_t size);

/* `size` bytes of records as the segments that hold them; the list of segments is in the arena. */
struct records reader_records(struct reader *r, int32_t size);

void reader_skip(struct reader *r, int64_t size);

/* Zeroed memory of the reader's arena; NULL, and the reader has failed, when it is at its limit. */
void *reader_alloc(struct reader *r, size_t size);

#endif
