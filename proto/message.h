/* What the files of the interpreter share: how a field lies in memory, and which versions have it.
 */
#ifndef PROTO_MESSAGE_PRIVATE_H
#define PROTO_MESSAGE_PRIVATE_H

#include "proto/message.h"

/* Any ARRAY_OF. Copied in and out: the types of the items differ. */
struct array {
	void *items;
	int32_t count;
};

_Static_assert(sizeof(struct array) == sizeof(ARRAY_OF(int64_t)), "one layout for all arrays");

static inline struct array array_load(const void *value)
{
	struct array array;
	memcpy(&array, value, sizeof array);
	return array;
}

static inline void array_store(void *value, struct array array)
{
	memcpy(value, &array, sizeof array);
}

/* The pointer that an OPTIONAL is. */
static inline void *optional_load(const void *value)
{
	void *body;
	memcpy(&body, value, sizeof body);
	return body;
}

static inline void optional_store(void *value, void *body)
{
	memcpy(value, &body, sizeof body);
}

static inline bool field_is_carried(const struct field *f, struct edition e)
{
	return e.version >= f->since && (f->ended == 0 || e.version < f->ended);
}

/* Whether a value of this kind may be null: that of the field itself, never an array's item. */
static inline bool null_is_carried(const struct field *f, enum kind kind, struct edition e)
{
	return f->kind == kind && f->nullable != 0 && e.version >= f->nullable - 1;
}

/* Bytes in memory from one item of an array to the next. */
size_t field_item_size(const struct field *f);

void field_reset(const struct field *f, void *value);
bool field_is_default(const struct field *f, const void *value);

#endif
