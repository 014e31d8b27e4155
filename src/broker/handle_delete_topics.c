/*
 * DeleteTopics, versions 1 to 6, as Kafka's ControllerApis: by name or, since version 6, by id.
 * What is named twice, in whatever way, is refused and stays.
 */
#include "exchange.h"
#include "proto/topics.h"
#include "stage.h"
#include "tally.h"

#define IDS_SINCE            6
#define DISABLED_ERROR_SINCE 3 /* TOPIC_DELETION_DISABLED is known */

/* One that the request names, in either of its forms. */
struct named_topic {
	struct string name; /* null: by id */
	struct uuid id;
	struct catalog_topic *known; /* NULL: nobody knows it, or it is refused */
	struct uuid known_id;
	int16_t error_code;
	struct string error_message;
	bool left_out; /* told already */
};

struct deletion {
	struct exchange *exchange;
	struct named_topic *items;
	int32_t count;
	struct tally names, ids;
};

static bool is_none(struct uuid id)
{
	static const struct uuid none;
	return memcmp(&id, &none, sizeof none) == 0;
}

static void refuse(struct named_topic *item, int16_t error, struct string message)
{
	item->known = NULL;
	item->error_code = error;
	item->error_message = message;
}

static void collect(struct deletion *d)
{
	const struct delete_topics_request *request = d->exchange->body;
	bool by_state = d->exchange->version >= IDS_SINCE;
	d->count = by_state ? request->topics.count : request->topic_names.count;
	d->items = exchange_alloc(d->exchange, (size_t)d->count * sizeof *d->items);
	if (exchange_full(d->exchange))
		return;
	for (int32_t i = 0; i < d->count; i++) {
		d->items[i].error_message = NULL_STRING;
		d->items[i].name =
			by_state ? request->topics.items[i].name : request->topic_names.items[i];
		if (by_state)
			d->items[i].id = request->topics.items[i].topic_id;
	}
}

/* ---- the three looks at a request ---- */

/* Neither or both of name and id; else how often it comes. */
static void count_item(struct deletion *d, struct named_topic *item)
{
	bool named = !string_is_null(item->name), has_id = !is_none(item->id);
	if (!named && !has_id)
		refuse(item, ERROR_INVALID_REQUEST,
			STRING("Neither topic name nor id were specified."));
	else if (named && has_id)
		refuse(item, ERROR_INVALID_REQUEST,
			STRING("You may not specify both topic name and topic id."));
	else if (named)
		++*tally_of(&d->names, item->name.data, item->name.size);
	else
		++*tally_of(&d->ids, item->id.bytes, sizeof item->id);
}

static void find_item(struct deletion *d, struct named_topic *item)
{
	struct catalog *catalog = &d->exchange->stage->catalog;
	bool named = !string_is_null(item->name);
	if (item->error_code)
		return;
	int32_t *count = named ? tally_of(&d->names, item->name.data, item->name.size)
			       : tally_of(&d->ids, item->id.bytes, sizeof item->id);
	item->left_out = *count < 0;
	if (*count < 0)
		return;
	if (*count > 1) {
		*count = -1;
		refuse(item, ERROR_INVALID_REQUEST,
			named ? STRING("Duplicate topic name.") : STRING("Duplicate topic id."));
		return;
	}
	item->known = named ? catalog_topic_named(catalog, item->name)
			    : catalog_topic_of_id(catalog, item->id);
	if (item->known) {
		item->known_id = item->known->id;
		return;
	}
	if (named)
		refuse(item, ERROR_UNKNOWN_TOPIC_OR_PARTITION,
			STRING("This server does not host this topic-partition."));
	else
		refuse(item, ERROR_UNKNOWN_TOPIC_ID,
			STRING("This server does not host this topic ID."));
}

/* A name and the id of the same topic: the name is refused, and the id is not told of. */
static void meet_item(struct deletion *d, struct named_topic *item)
{
	if (!item->known || string_is_null(item->name))
		return;
	int32_t *count = tally_of(&d->ids, item->known_id.bytes, sizeof item->known_id);
	if (*count == 0)
		return;
	*count = -1;
	item->id = item->known_id;
	refuse(item, ERROR_INVALID_REQUEST,
		STRING("The provided topic name maps to an ID that was already supplied."));
}

static void delete_item(struct deletion *d, struct named_topic *item)
{
	if (!item->known)
		return;
	if (string_is_null(item->name) && *tally_of(&d->ids, item->id.bytes, sizeof item->id) < 0) {
		item->left_out = true;
		return;
	}
	item->id = item->known_id;
	/* The name goes with the topic. */
	item->name = exchange_text(d->exchange, "%s", item->known->name);
	catalog_topic_delete(&d->exchange->stage->catalog, item->known);
}

static void answer(struct deletion *d)
{
	struct exchange *x = d->exchange;
	struct delete_topics_response *response = exchange_alloc(x, sizeof *response);
	struct deletable_topic_result *results =
		exchange_alloc(x, (size_t)d->count * sizeof *results);
	response->responses.items = results;
	for (int32_t i = 0; i < d->count && !exchange_full(x); i++) {
		const struct named_topic *item = &d->items[i];
		if (item->left_out)
			continue;
		results[response->responses.count++] = (struct deletable_topic_result){
			.name = item->name,
			.topic_id = item->id,
			.error_code = item->error_code,
			.error_message = item->error_message,
		};
	}
	exchange_answer(x, response);
}

static bool is_enabled(const struct exchange *x)
{
	return property_bool(NULL, &x->stage->catalog.properties, PROPERTY_DELETE_TOPIC_ENABLE);
}

void handle_delete_topics(struct exchange *x)
{
	struct deletion d = { .exchange = x };
	collect(&d);
	tally_open(&d.names, x, d.count);
	/* Of names that are looked up, ids are asked for too. */
	tally_open(&d.ids, x, 2 * d.count);
	if (exchange_full(x)) {
		answer(&d);
		return;
	}
	if (!is_enabled(x)) {
		for (int32_t i = 0; i < d.count; i++)
			d.items[i].error_code = x->version < DISABLED_ERROR_SINCE
							? ERROR_INVALID_REQUEST
							: ERROR_TOPIC_DELETION_DISABLED;
		answer(&d);
		return;
	}
	for (int32_t i = 0; i < d.count; i++)
		count_item(&d, &d.items[i]);
	for (int32_t i = 0; i < d.count; i++)
		find_item(&d, &d.items[i]);
	for (int32_t i = 0; i < d.count; i++)
		meet_item(&d, &d.items[i]);
	for (int32_t i = 0; i < d.count; i++)
		delete_item(&d, &d.items[i]);
	answer(&d);
}
