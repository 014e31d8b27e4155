/*
 * Walks over the tables. Fields play the same few roles in all APIs, whatever they are called: the
 * name or id of a topic (or resource), the index of a partition, the code of an error.
 */
#include "fault_answer.h"

#include "proto/message.h"

#define LEADER_NONE (-1)

enum role {
	ROLE_NAME,
	ROLE_ID,
	ROLE_RESOURCE_TYPE,
	ROLE_PARTITION,
	ROLE_ERROR,
	ROLE_LEADER,
	ROLES
};

static const struct {
	enum kind kind;
	const char *names[3];
} roles[ROLES] = {
	[ROLE_NAME] = { KIND_STRING, { "name", "topic", "resource_name" } },
	[ROLE_ID] = { KIND_UUID, { "topic_id" } },
	[ROLE_RESOURCE_TYPE] = { KIND_INT8, { "resource_type" } },
	[ROLE_PARTITION] = { KIND_INT32, { "partition_index", "index", "partition" } },
	[ROLE_ERROR] = { KIND_INT16, { "error_code" } },
	[ROLE_LEADER] = { KIND_INT32, { "leader_id" } },
};

/* Any ARRAY_OF. Copied in and out: the types of the items differ. */
struct items {
	char *items;
	int32_t count;
};

static struct items items_load(const struct field *f, const void *body)
{
	struct items items;
	memcpy(&items, (const char *)body + f->offset, sizeof items);
	return items;
}

static void items_store(const struct field *f, void *body, struct items items)
{
	memcpy((char *)body + f->offset, &items, sizeof items);
}

static bool has_role(const struct field *f, enum role role)
{
	if (f->kind != roles[role].kind)
		return false;
	for (size_t i = 0; i < COUNT_OF(roles[role].names) && roles[role].names[i]; i++)
		if (strcmp(f->name, roles[role].names[i]) == 0)
			return true;
	return false;
}

/* NULL when no field plays it. */
static const struct field *field_of(const struct message *m, enum role role)
{
	for (const struct field *f = m->fields; f < m->fields + m->field_count; f++)
		if (has_role(f, role))
			return f;
	return NULL;
}

static bool is_carried(const struct field *f, int version)
{
	return version >= f->since && (f->ended == 0 || version < f->ended);
}

static bool is_list(const struct field *f, enum role of)
{
	return f->kind == KIND_ARRAY && f->item_kind == KIND_STRUCT && field_of(f->of, of);
}

static const struct field *list_of(const struct message *m, enum role role)
{
	for (const struct field *f = m->fields; f < m->fields + m->field_count; f++)
		if (is_list(f, role))
			return f;
	return NULL;
}

/* A request's list of topics or resources: structs with a name, or names alone. */
static bool is_topics(const struct field *f)
{
	static const char *const names[] = { "topics", "topic_data", "topic_names", "resources" };
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (f->kind == KIND_ARRAY && strcmp(f->name, names[i]) == 0)
			return f->item_kind == KIND_STRING || is_list(f, ROLE_NAME);
	return false;
}

static struct string name_of(const struct message *m, const void *item)
{
	struct string name;
	memcpy(&name, (const char *)item + field_of(m, ROLE_NAME)->offset, sizeof name);
	return name;
}

static int32_t index_of(const struct message *m, const void *item)
{
	int32_t index;
	memcpy(&index, (const char *)item + field_of(m, ROLE_PARTITION)->offset, sizeof index);
	return index;
}

/* ---- stains ---- */

static void stain(const struct message *m, int version, void *body, int16_t error_code)
{
	const struct field *leader = field_of(m, ROLE_LEADER);
	for (const struct field *f = m->fields; f < m->fields + m->field_count; f++) {
		char *value = (char *)body + f->offset;
		if (!is_carried(f, version))
			continue;
		if (has_role(f, ROLE_ERROR)) {
			*(int16_t *)(void *)value = error_code;
			if (leader)
				*(int32_t *)(void *)((char *)body + leader->offset) = LEADER_NONE;
		} else if (f->kind == KIND_STRUCT) {
			stain(f->of, version, value, error_code);
		} else if (f->kind == KIND_ARRAY && f->item_kind == KIND_STRUCT) {
			struct items list = items_load(f, body);
			for (int32_t i = 0; i < list.count; i++)
				stain(f->of, version, list.items + (size_t)i * f->of->size,
					error_code);
		}
	}
}

/* A topic's item: itself, or one partition of it. */
static void stain_topic(
	const struct message *m, int version, void *item, const struct fault_plan *plan)
{
	if (plan->partition == FAULT_ANY) {
		stain(m, version, item, plan->error_code);
		return;
	}
	const struct field *partitions = list_of(m, ROLE_PARTITION);
	if (!partitions)
		return;
	struct items list = items_load(partitions, item);
	for (int32_t i = 0; i < list.count; i++) {
		char *partition = list.items + (size_t)i * partitions->of->size;
		if (index_of(partitions->of, partition) == plan->partition)
			stain(partitions->of, version, partition, plan->error_code);
	}
}

void fault_stain(enum api api, int version, void *response, const struct fault_plan *plan)
{
	const struct message *m = api_infos[api].response;
	if (string_is_null(plan->topic) && plan->partition == FAULT_ANY) {
		stain(m, version, response, plan->error_code);
		return;
	}
	const struct field *topics = list_of(m, ROLE_NAME);
	if (!topics)
		return;
	struct items list = items_load(topics, response);
	for (int32_t i = 0; i < list.count; i++) {
		char *item = list.items + (size_t)i * topics->of->size;
		if (string_is_null(plan->topic) ||
			string_equal(name_of(topics->of, item), plan->topic))
			stain_topic(topics->of, version, item, plan);
	}
}

/* ---- answers ---- */

/* What the request's item is called, the answer's is called. */
static void copy_key(const struct message *to, void *answer, int version,
	const struct message *from, const void *asked, enum role role)
{
	const struct field *target = field_of(to, role), *source = field_of(from, role);
	if (!target || !source)
		return;
	static const size_t sizes[ROLES] = {
		[ROLE_NAME] = sizeof(struct string),
		[ROLE_ID] = sizeof(struct uuid),
		[ROLE_RESOURCE_TYPE] = sizeof(int8_t),
		[ROLE_PARTITION] = sizeof(int32_t),
	};
	char *value = (char *)answer + target->offset;
	memcpy(value, (const char *)asked + source->offset, sizes[role]);
	bool nullable = target->nullable != 0 && version >= target->nullable - 1;
	if (role == ROLE_NAME && !nullable && string_is_null(*(struct string *)(void *)value))
		*(struct string *)(void *)value = STRING("");
}

/* Makes an item of `list` in the answer for each of `asked`. NULL: no memory. */
static char *make_items(const struct field *list, void *body, int32_t count, struct arena *arena)
{
	const struct message *m = list->of;
	char *items = arena_alloc(arena, (size_t)count * m->size);
	if (!items)
		return NULL;
	for (int32_t i = 0; i < count; i++)
		message_reset(m, items + (size_t)i * m->size);
	items_store(list, body, (struct items){ items, count });
	return items;
}

static bool mirror(const struct field *from, const void *request, const struct field *to,
	void *response, int version, struct arena *arena)
{
	struct items asked = items_load(from, request);
	if (asked.count <= 0)
		return true;
	char *answers = make_items(to, response, asked.count, arena);
	if (!answers)
		return false;
	for (int32_t i = 0; i < asked.count; i++) {
		void *answer = answers + (size_t)i * to->of->size;
		if (from->item_kind == KIND_STRING) {
			struct string name = ((struct string *)(void *)asked.items)[i];
			memcpy((char *)answer + field_of(to->of, ROLE_NAME)->offset, &name,
				sizeof name);
			continue;
		}
		const void *item = asked.items + (size_t)i * from->of->size;
		for (int role = ROLE_NAME; role <= ROLE_PARTITION; role++)
			copy_key(to->of, answer, version, from->of, item, (enum role)role);
		const struct field *inner_from = list_of(from->of, ROLE_PARTITION);
		const struct field *inner_to = list_of(to->of, ROLE_PARTITION);
		if (inner_from && inner_to &&
			!mirror(inner_from, item, inner_to, answer, version, arena))
			return false;
	}
	return true;
}

void *fault_answer(enum api api, int version, const void *request, const struct fault_plan *plan,
	struct arena *arena)
{
	const struct message *from = api_infos[api].request, *to = api_infos[api].response;
	void *response = arena_alloc(arena, to->size);
	if (!response)
		return NULL;
	message_reset(to, response);
	const struct field *topics = list_of(to, ROLE_NAME);
	for (const struct field *f = from->fields; f < from->fields + from->field_count; f++)
		if (topics && is_topics(f) && is_carried(f, version) &&
			!mirror(f, request, topics, response, version, arena))
			return NULL;
	struct fault_plan whole = *plan;
	whole.topic = NULL_STRING;
	whole.partition = FAULT_ANY;
	fault_stain(api, version, response, &whole);
	return response;
}

/* ---- what a request names ---- */

bool fault_request_names_topics(enum api api)
{
	const struct message *m = api_infos[api].request;
	for (const struct field *f = m->fields; f < m->fields + m->field_count; f++)
		if (is_topics(f))
			return true;
	return false;
}

bool fault_request_names_partitions(enum api api)
{
	const struct message *m = api_infos[api].request;
	for (const struct field *f = m->fields; f < m->fields + m->field_count; f++)
		if (is_topics(f) && f->item_kind == KIND_STRUCT && list_of(f->of, ROLE_PARTITION))
			return true;
	return false;
}

static bool has_partition(const struct message *m, const void *item, int32_t partition)
{
	const struct field *partitions = list_of(m, ROLE_PARTITION);
	if (partition == FAULT_ANY || !partitions)
		return true;
	struct items list = items_load(partitions, item);
	for (int32_t i = 0; i < list.count; i++)
		if (index_of(partitions->of, list.items + (size_t)i * partitions->of->size) ==
			partition)
			return true;
	return false;
}

static bool list_has(
	const struct field *f, struct items list, struct string topic, int32_t partition)
{
	for (int32_t i = 0; i < list.count; i++) {
		if (f->item_kind == KIND_STRING) {
			if (string_equal(((struct string *)(void *)list.items)[i], topic))
				return true;
			continue;
		}
		const void *item = list.items + (size_t)i * f->of->size;
		if ((string_is_null(topic) || string_equal(name_of(f->of, item), topic)) &&
			has_partition(f->of, item, partition))
			return true;
	}
	return false;
}

bool fault_request_has(enum api api, const void *request, struct string topic, int32_t partition)
{
	const struct message *m = api_infos[api].request;
	for (const struct field *f = m->fields; f < m->fields + m->field_count; f++) {
		if (!is_topics(f))
			continue;
		struct items list = items_load(f, request);
		if (list.count < 0 || list_has(f, list, topic, partition))
			return true;
	}
	return false;
}
