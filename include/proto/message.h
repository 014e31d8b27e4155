/*
 * The protocol as data: a message is a plain struct, a constant table of its fields, and the one
 * interpreter below, which encodes, decodes, prints, compares and invents it at any version.
 *
 * A table lies in proto/<group>.c, its struct in include/proto/<group>.h:
 *
 *	#define THIS struct heartbeat_request
 *	static const struct field heartbeat_request_fields[] = {
 *		FIELD(group_id,          SINCE(0)),
 *		FIELD(group_instance_id, SINCE(3), NULLABLE(3), DEFAULT_NULL),
 *	};
 *	#undef THIS
 *	MESSAGE(heartbeat_request);
 *
 * FIELD takes the kind from the member's C type: a misspelt member, or one of a type that Kafka
 *does not have, does not compile. A row says only what C cannot: versions, nullability, tag,
 *default. The words are those of Kafka's message schemas
 *(clients/src/main/resources/common/message), which are also the tables' oracle in tests/schema.
 *
 * In memory, a size or count of -1 is null. A zeroed struct is not one of defaults: use
 * message_reset where a table says DEFAULT.
 */
#ifndef HARROW_PROTO_MESSAGE_H
#define HARROW_PROTO_MESSAGE_H

#include "arena.h"
#include "base.h"
#include "proto/cursor.h"
#include "random.h"

#define MESSAGE_DEPTH_LIMIT 8   /* structs within structs: a table is a tree, and this its depth */
#define MESSAGE_ERROR_SIZE  256 /* enough for message_write_error and message_read_error */

enum kind {
	KIND_BOOL,
	KIND_INT8,
	KIND_INT16,
	KIND_UINT16,
	KIND_INT32,
	KIND_INT64,
	KIND_UUID,
	KIND_STRING,
	KIND_BYTES,
	KIND_RECORDS,
	KIND_ARRAY,
	KIND_STRUCT,
	KIND_OPTIONAL, /* a struct that may be null: a pointer in C, a presence byte on the wire */
};

struct field {
	const char *name;         /* of the C member */
	const char *kafka_name;   /* where it does not follow from it, else NULL */
	const struct message *of; /* the struct, or what an array holds; NULL for scalars */
	uint16_t offset;
	uint8_t kind;
	uint8_t item_kind; /* of an array */
	int8_t since;      /* the first version that carries it */
	int8_t ended;      /* the first version that no longer does; 0: never */
	int8_t nullable;   /* the first version that may carry null, plus one; 0: none */
	bool tagged;       /* one of the tagged fields of flexible versions (KIP-482) */
	bool ignorable;    /* silently left out of a version that cannot carry it */
	bool inflexible;   /* in the old form even in flexible versions */
	uint8_t tag;
	int64_t preset; /* the default; -1 of a string, an array, ... is null */
};

struct message {
	const char *name;       /* of the C struct */
	const char *kafka_name; /* as in struct field */
	const struct field *fields;
	uint16_t field_count;
	uint16_t size; /* of the C struct */
};

/* ---- the words of a table ---- */

#define MEMBER_OF(type, member) (((type *)0)->member)
/* clang-format off */
#define KIND_OF(value) _Generic((value), \
	bool: KIND_BOOL, int8_t: KIND_INT8, int16_t: KIND_INT16, uint16_t: KIND_UINT16,            \
	int32_t: KIND_INT32, int64_t: KIND_INT64, struct uuid: KIND_UUID,                          \
	struct string: KIND_STRING, struct bytes: KIND_BYTES, struct records: KIND_RECORDS)

/* A scalar, string, bytes or records. */
#define FIELD(member, ...)                                                                         \
	{                                                                                          \
		.name = #member, .offset = offsetof(THIS, member),                                 \
		.kind = KIND_OF(MEMBER_OF(THIS, member)), __VA_ARGS__                              \
	}
/* An array of scalars or strings. */
#define SCALARS(member, ...)                                                                       \
	{                                                                                          \
		.name = #member, .offset = offsetof(THIS, member), .kind = KIND_ARRAY,             \
		.item_kind = KIND_OF(*MEMBER_OF(THIS, member).items), __VA_ARGS__                  \
	}
/* An array of `struct element`. */
#define ITEMS(member, element, ...)                                                                \
	{                                                                                          \
		.name = #member, .offset = offsetof(THIS, member), .kind = KIND_ARRAY,             \
		.item_kind = KIND_STRUCT,                                                          \
		.of = _Generic(*MEMBER_OF(THIS, member).items, struct element: &element##_message), \
		__VA_ARGS__                                                                        \
	}
/* A `struct element` in line, and a pointer to one that may be NULL. */
#define STRUCT(member, element, ...)                                                               \
	{                                                                                          \
		.name = #member, .offset = offsetof(THIS, member), .kind = KIND_STRUCT,            \
		.of = _Generic(MEMBER_OF(THIS, member), struct element: &element##_message), \
		__VA_ARGS__                                                                        \
	}
#define OPTIONAL(member, element, ...)                                                             \
	{                                                                                          \
		.name = #member, .offset = offsetof(THIS, member), .kind = KIND_OPTIONAL,          \
		.of = _Generic(*MEMBER_OF(THIS, member), struct element: &element##_message), \
		__VA_ARGS__                                                                        \
	}

/* clang-format on */

#define SINCE(version)     .since = (version)
#define UNTIL(version)     .ended = (version) + 1    /* the last version that carries it */
#define NULLABLE(version)  .nullable = (version) + 1 /* the first version that may carry null */
#define TAGGED(number, v)  .tagged = true, .tag = (number), .since = (v)
#define DEFAULT(value)     .preset = (value)
#define DEFAULT_NULL       .preset = -1
#define IGNORABLE          .ignorable = true
#define INFLEXIBLE         .inflexible = true
#define NAMED(schema_name) .kafka_name = (schema_name)

/* The message of `struct type`, from type_fields[]; NAMED(...) may follow. */
#define MESSAGE(type, ...)                                                                         \
	const struct message type##_message = { .name = #type,                                     \
		.fields = type##_fields,                                                           \
		.field_count = COUNT_OF(type##_fields),                                            \
		.size = sizeof(struct type),                                                       \
		__VA_ARGS__ }

/* ---- the interpreter ---- */

/* What decides a message's bytes: its version, and whether that is a flexible one (KIP-482). */
struct edition {
	int8_t version;
	bool flexible;
};

/* Sets every field to its default. */
void message_reset(const struct message *m, void *body);

/*
 * Writes the body. Fails the writer with -EINVAL where the version cannot carry a value (a null, or
 * a field that it lacks and that is neither default nor ignorable), with -EMSGSIZE where the memory
 * ends; `message` and `field` of the writer then say where.
 */
void message_encode(struct writer *w, const struct message *m, struct edition e, const void *body);

/*
 * Reads into body, every field of it: what the version lacks gets its default. Arrays are in the
 * reader's arena, strings and bytes where the reader says. No count is believed before the bytes
 * left could hold it. Unknown tagged fields are skipped. After a failure the body must not be used.
 */
void message_decode(struct reader *r, const struct message *m, struct edition e, void *body);

/* Whether two bodies would say the same at this version: what it does not carry is not compared. */
bool message_equal(const struct message *m, struct edition e, const void *a, const void *b);

/*
 * Writes the body as JSON, in one line: the text that Kafka's own ...DataJsonConverter reads and
 * writes. Bytes and records are base64, a uuid is Kafka's 22 characters, a tagged field is left out
 * when it has its default.
 */
void message_print(struct writer *w, const struct message *m, struct edition e, const void *body);

/*
 * Makes up a body that is valid at this version: boundary values, nulls, empty ones, tagged fields
 * present and absent. What it points at is in the arena. The version's absent fields are defaults.
 */
void message_random(const struct message *m, struct edition e, struct random *random,
	struct arena *arena, void *body);

/*
 * Writes the fields of a table as a JSON array in the vocabulary of Kafka's schemas. An attribute
 * that has the schemas' own default (not nullable, not tagged, zero or empty, not ignorable) is
 * left out.
 */
void message_dump(struct writer *w, const struct message *m);

/* The name in Kafka's schemas: of the message, and of one of its fields. Written to w. */
void message_schema_name(struct writer *w, const struct message *m);
void field_schema_name(struct writer *w, const struct field *f);

/* "heartbeat_request.group_id: null is not carried by this version": a cursor's failure in words.
 */
const char *message_write_error(const struct writer *w, char text[static MESSAGE_ERROR_SIZE]);
const char *message_read_error(const struct reader *r, char text[static MESSAGE_ERROR_SIZE]);

#endif
