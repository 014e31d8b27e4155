/* Encoding answers, and what faults do to their bytes: see answer.h. */
#include "answer.h"

#include <stdlib.h>

#include "proto/api.h"

#define DESK_SIZE         ((int32_t)64 * 1024) /* kept between answers */
#define DESK_SPLICES      256
#define GARBAGE_MAX       ((size_t)1024 * 1024) /* of an answer that is spoilt; the rest is left out */
#define FRAME_PREFIX_SIZE 4
#define HEADER_SIZE       8 /* with the frame's size: up to the correlation id */

void answer_desk_close(struct answer_desk *desk)
{
	free(desk->data);
	desk->data = NULL;
	free(desk->splices);
	desk->splices = NULL;
	desk->size = desk->splice_count = 0;
}

/* 0, -EMSGSIZE at the largest, -ENOMEM. */
static int desk_grow(struct answer_desk *desk, int32_t size, int32_t splice_count)
{
	if (size > ANSWER_SIZE_MAX || splice_count > ANSWER_SPLICE_MAX)
		return -EMSGSIZE;
	answer_desk_close(desk);
	desk->data = malloc((size_t)size);
	desk->splices = malloc((size_t)splice_count * sizeof *desk->splices);
	if (!desk->data || !desk->splices) {
		answer_desk_close(desk);
		return -ENOMEM;
	}
	desk->size = size;
	desk->splice_count = splice_count;
	return 0;
}

/* One piece: the struct, the iovecs, the slabs, the bytes. */
static struct answer *answer_new(const struct writer *w, int32_t hold_count)
{
	size_t pieces = (size_t)writer_piece_count(w);
	size_t holds_at = sizeof(struct answer) + pieces * sizeof(struct iovec);
	size_t data_at = holds_at + (size_t)hold_count * sizeof(struct slab *);
	size_t memory_size = data_at + (size_t)w->size;
	char *memory = malloc(memory_size);
	if (!memory)
		return NULL;
	struct answer *answer = (struct answer *)memory;
	struct iovec *iov = (struct iovec *)(memory + sizeof *answer);
	*answer = (struct answer){
		.holds = (struct slab **)(memory + holds_at),
		.memory_size = memory_size,
	};
	struct writer moved = *w;
	moved.data = (uint8_t *)memory + data_at;
	memcpy(moved.data, w->data, (size_t)w->size);
	answer->send.iov = iov;
	answer->send.count = writer_gather(&moved, iov, (int)pieces);
	answer->size = (size_t)writer_total(w);
	list_init(&answer->node);
	return answer;
}

int answer_encode(struct answer_desk *desk, enum api api, int version, int32_t correlation_id,
	const void *body, int32_t hold_count, struct answer **out, char why[MESSAGE_ERROR_SIZE])
{
	int result = desk->size ? 0 : desk_grow(desk, DESK_SIZE, DESK_SPLICES);
	while (result == 0) {
		struct writer w;
		writer_init(&w, desk->data, desk->size, desk->splices, desk->splice_count);
		response_write(&w, api, version, correlation_id, body);
		result = w.failed;
		if (result == 0) {
			*out = answer_new(&w, hold_count);
			result = *out ? 0 : -ENOMEM;
			break;
		}
		message_write_error(&w, why);
		if (result == -EMSGSIZE)
			result = desk_grow(desk, desk->size * 4, desk->splice_count * 4);
	}
	if (desk->size > DESK_SIZE * 16)
		answer_desk_close(desk);
	return result;
}

void answer_hold(struct answer *answer, struct slab *slab)
{
	answer->holds[answer->hold_count++] = slab;
}

static size_t garbage_begin(enum fault_garbage garbage)
{
	switch (garbage) {
	case GARBAGE_NONE:
	case GARBAGE_SIZE:
		return 0;
	case GARBAGE_HEADER:
		return FRAME_PREFIX_SIZE;
	case GARBAGE_BODY:
		return HEADER_SIZE;
	}
	return 0;
}

/* Copies the first bytes of the answer. */
static void flatten(const struct answer *answer, uint8_t *to, size_t size)
{
	for (int i = 0; i < answer->send.count && size > 0; i++) {
		size_t part = MIN(size, answer->send.iov[i].iov_len);
		memcpy(to, answer->send.iov[i].iov_base, part);
		to += part;
		size -= part;
	}
}

int answer_spoil(struct answer *answer, struct faults *faults, const struct fault_plan *plan)
{
	struct iovec *iov = (struct iovec *)(answer + 1);
	if (plan->garbage != GARBAGE_NONE) {
		size_t size = MIN(answer->size, GARBAGE_MAX);
		size_t begin = MIN(garbage_begin(plan->garbage), size);
		uint8_t *data = malloc(size);
		if (!data)
			return -ENOMEM;
		flatten(answer, data, begin);
		faults_fill(faults, data + begin, size - begin);
		answer->spoilt = data;
		answer->memory_size += size;
		answer->last |= size < answer->size;
		answer->size = size;
		iov[0] = (struct iovec){ data, size };
		answer->send.count = 1;
	}
	if (plan->half_frame) {
		size_t left = MAX(answer->size / 2, 1);
		answer->size = left;
		answer->last = true;
		int count = 0;
		for (; left > 0; count++) {
			iov[count].iov_len = MIN(iov[count].iov_len, left);
			left -= iov[count].iov_len;
		}
		answer->send.count = count;
	}
	return 0;
}

void answer_free(struct answer *answer)
{
	for (int32_t i = 0; i < answer->hold_count; i++)
		slab_release(answer->holds[i]);
	free(answer->spoilt);
	free(answer);
}
