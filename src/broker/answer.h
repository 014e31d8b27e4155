/*
 * An answer: the bytes of a response on their way to the client, in one piece of memory, with the
 * slabs that its records lie in.
 */
#ifndef BROKER_ANSWER_H
#define BROKER_ANSWER_H

#include "base.h"
#include "fault.h"
#include "io/buffers.h"
#include "io/stream.h"
#include "list.h"
#include "proto/api.h"
#include "proto/cursor.h"

/* Responses above this are not sent: the connection is closed. */
#define ANSWER_SIZE_MAX   ((int32_t)64 * 1024 * 1024) /* beside the records */
#define ANSWER_SPLICE_MAX ((int32_t)1 << 20)

struct session;

struct answer {
	struct session *session;
	struct list node;
	struct send send;
	int64_t due_ns;
	bool last;          /* the connection is closed after it */
	size_t size;        /* of the frame, with the records */
	size_t memory_size; /* without them */
	int32_t hold_count;
	struct slab **holds;
	uint8_t *spoilt; /* random bytes that are sent instead, or NULL */
};

/* Where responses are encoded, before their size is known: one per stage. */
struct answer_desk {
	uint8_t *data;
	int32_t size;
	struct splice *splices;
	int32_t splice_count;
};

void answer_desk_close(struct answer_desk *);

/*
 * Encodes the response. 0 and *out, which takes over nothing yet (see answer_hold); -EMSGSIZE,
 * -EINVAL (a value that the version cannot carry, in `why`), -ENOMEM.
 */
int answer_encode(struct answer_desk *, enum api, int version, int32_t correlation_id,
	const void *body, int32_t hold_count, struct answer **out, char why[MESSAGE_ERROR_SIZE]);

/* Gives the slab's use to the answer, which must have been encoded for that many. */
void answer_hold(struct answer *, struct slab *);

/* What faults do to it: half of it, or random bytes. 0 or -ENOMEM, and nothing has changed. */
int answer_spoil(struct answer *, struct faults *, const struct fault_plan *);

/* Gives back the slabs and the memory. */
void answer_free(struct answer *);

#endif
