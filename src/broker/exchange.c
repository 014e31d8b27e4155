/*
 * The life of an exchange, between the session that reads it and the handler that answers it, and
 * the one place where faults and quotas are asked: see exchange.h.
 */
#include "exchange.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>

#include "fault_answer.h"
#include "session.h"

#define SPARE_EXCHANGES_MAX 256

struct exchange_hold {
	struct exchange_hold *next;
	struct slab *slab;
};

/* ---- memory ---- */

/* Books what the arena holds with the stage's total. */
static void account(struct exchange *x)
{
	x->stage->exchange_bytes += x->memory.total - x->accounted;
	x->accounted = x->memory.total;
}

struct exchange *exchange_open(struct session *session)
{
	struct stage *stage = session->stage;
	struct exchange *x;
	if (!list_empty(&stage->spare_exchanges)) {
		x = CONTAINER_OF(list_take_first(&stage->spare_exchanges), struct exchange, node);
		stage->spare_count--;
	} else {
		x = calloc(1, sizeof *x);
		if (!x)
			return NULL;
	}
	struct arena memory = x->memory;
	*x = (struct exchange){
		.stage = stage,
		.session = session,
		.node_id = session->node->id,
		.client_id = NULL_STRING,
		.memory = memory,
		.plan = { .topic = NULL_STRING, .partition = FAULT_ANY },
	};
	x->arena = &x->memory;
	x->memory.limit = EXCHANGE_REQUEST_MAX;
	list_init(&x->node);
	account(x);
	return x;
}

void exchange_close(struct exchange *x)
{
	struct stage *stage = x->stage;
	for (struct exchange_hold *hold = x->holds; hold; hold = hold->next)
		slab_release(hold->slab);
	x->holds = NULL;
	if (x->memory.total > 2 * ARENA_CHUNK_SIZE)
		arena_free(&x->memory);
	else
		arena_reset(&x->memory);
	account(x);
	stage->exchange_bytes -= x->accounted;
	if (stage->spare_count == SPARE_EXCHANGES_MAX) {
		arena_free(&x->memory);
		free(x);
		return;
	}
	stage->spare_count++;
	list_prepend(&stage->spare_exchanges, &x->node);
}

void exchange_free_spares(struct stage *stage)
{
	struct list *node, *after;
	list_for_each_safe (node, after, &stage->spare_exchanges) {
		struct exchange *x = CONTAINER_OF(node, struct exchange, node);
		arena_free(&x->memory);
		free(x);
	}
	list_init(&stage->spare_exchanges);
	stage->spare_count = 0;
}

void *exchange_memory(struct exchange *x, size_t size)
{
	/* Who holds the memory may do so for minutes: small requests go on meanwhile. */
	if (x->stage->exchange_bytes > STAGE_EXCHANGE_BYTES_MAX &&
		x->memory.total + size > STAGE_SMALL_BYTES_MAX)
		return NULL;
	void *memory = arena_alloc(&x->memory, size);
	account(x);
	return memory;
}

void *exchange_alloc(struct exchange *x, size_t size)
{
	assert(size <= EXCHANGE_ALLOC_MAX);
	void *memory = x->full ? NULL : exchange_memory(x, size);
	if (memory)
		return memory;
	/* Nobody will read what is written there; see exchange_full. */
	struct stage *stage = x->stage;
	x->full = true;
	size = (size + 15) & ~(size_t)15;
	if (size > STAGE_SCRATCH_SIZE - stage->scratch_used)
		stage->scratch_used = 0;
	memory = stage->scratch + stage->scratch_used;
	stage->scratch_used += size;
	return memset(memory, 0, size);
}

bool exchange_full(const struct exchange *x)
{
	return x->full;
}

struct string exchange_text(struct exchange *x, const char *format, ...)
{
	char text[1024];
	va_list arguments;
	va_start(arguments, format);
	int size = vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	assert(size >= 0);
	size = MIN(size, (int)sizeof text - 1);
	char *copy = exchange_alloc(x, (size_t)size);
	memcpy(copy, text, (size_t)size);
	return (struct string){ copy, size };
}

void exchange_hold(struct exchange *x, struct slab *slab)
{
	struct exchange_hold *hold = exchange_alloc(x, sizeof *hold);
	if (x->full) {
		slab_release(slab);
		return;
	}
	*hold = (struct exchange_hold){ x->holds, slab };
	x->holds = hold;
	x->hold_count++;
}

/* ---- faults ---- */

static struct fault_question question(const struct exchange *x)
{
	return (struct fault_question){
		.api = x->api,
		.node_id = x->node_id,
		.client_id = x->client_id,
		.now_ns = x->now_ns,
		.request = x->body,
	};
}

int16_t exchange_fault(struct exchange *x, struct string topic, int32_t partition, bool *applied)
{
	*applied = false;
	if (!x->faulty)
		return 0;
	struct fault_question q = question(x);
	q.request = NULL;
	return faults_partition(x->stage->faults, &q, topic, partition, &x->plan, applied);
}

void exchange_plan(struct exchange *x)
{
	struct faults *faults = x->stage->faults;
	x->faulty = faults_any(faults, x->api);
	if (!x->faulty)
		return;
	struct fault_question q = question(x);
	if (x->api == API_FETCH || x->api == API_LIST_OFFSETS)
		q.request = NULL;
	faults_plan(faults, &q, &x->plan);
}

bool exchange_disconnected(struct exchange *x)
{
	if (!x->plan.disconnect_before)
		return false;
	exchange_drop(x, "a fault rule disconnects it before its request is applied");
	return true;
}

/* ---- from the session to the handler ---- */

void exchange_handle(struct exchange *x)
{
	struct stage *stage = x->stage;
	x->now_ns = loop_now_ns(stage->loop);
	x->memory.limit = x->memory.total + EXCHANGE_ALLOC_MAX;
	stage->figures.requests++;
	account(x);
	exchange_plan(x);
	if (exchange_disconnected(x))
		return;
	if (x->plan.error_code && !x->plan.applied) {
		void *body = fault_answer(x->api, x->version, x->body, &x->plan, x->arena);
		if (body)
			exchange_answer(x, body);
		else
			exchange_drop(x, "no memory for the answer");
		return;
	}
	handlers[x->api].handle(x);
}

void exchange_defer(struct exchange *x, void (*cancelled)(struct exchange *), void *handler_data)
{
	assert(!x->deferred);
	x->deferred = true;
	x->cancelled = cancelled;
	x->handler_data = handler_data;
}

/* ---- the end ---- */

static void end(struct exchange *x)
{
	struct session *session = x->session;
	exchange_close(x);
	session_exchange_over(session);
}

/* The response's throttle_time_ms, or NULL. */
static int32_t *throttle_member(const struct exchange *x, void *body)
{
	const struct message *m = api_infos[x->api].response;
	for (uint16_t i = 0; i < m->field_count; i++)
		if (m->fields[i].kind == KIND_INT32 &&
			!strcmp(m->fields[i].name, "throttle_time_ms"))
			return (int32_t *)((char *)body + m->fields[i].offset);
	return NULL;
}

/* Says in the answer for how long the client has to be silent, and mutes it. */
static void throttle(struct exchange *x, void *body)
{
	struct stage *stage = x->stage;
	int32_t *member = body ? throttle_member(x, body) : NULL;
	int32_t ms = x->plan.throttle_ms;
	if (x->api == API_PRODUCE) {
		int32_t quota_ms = quotas_record(
			stage->quotas, QUOTA_PRODUCE, x->node_id, x->client_id, x->size, x->now_ns);
		ms = MAX(ms, quota_ms);
	}
	if (member)
		*member = ms = MAX(ms, *member);
	if (ms > 0)
		session_mute(x->session, x->now_ns + ms * NS_PER_MS);
}

/* The answer's bytes; NULL, and the connection has been dropped. */
static struct answer *answer_of(struct exchange *x, void *body)
{
	char why[MESSAGE_ERROR_SIZE] = "";
	struct answer *answer = NULL;
	throttle(x, body);
	int result = answer_encode(&x->stage->desk, x->api, x->version, x->correlation_id, body,
		x->hold_count, &answer, why);
	if (result == 0 && x->faulty)
		result = answer_spoil(answer, x->stage->faults, &x->plan);
	if (result < 0) {
		if (answer)
			answer_free(answer);
		session_drop(x->session, "no answer to %s: %s", api_infos[x->api].name,
			*why ? why : strerror(-result));
		return NULL;
	}
	for (struct exchange_hold *hold = x->holds; hold; hold = hold->next)
		answer_hold(answer, hold->slab);
	x->holds = NULL;
	return answer;
}

void exchange_answer(struct exchange *x, void *body)
{
	struct session *session = x->session;
	x->now_ns = loop_now_ns(x->stage->loop);
	if (x->full) {
		exchange_drop(x, "its answer needs more memory than one may take");
		return;
	}
	if (x->plan.disconnect_after) {
		exchange_drop(x, "a fault rule disconnects it after its request was applied");
		return;
	}
	if (x->api == API_API_VERSIONS && x->plan.error_code == ERROR_UNSUPPORTED_VERSION)
		x->version = 0; /* KIP-511: that is how it is said to a newer client */
	if (x->plan.error_code && x->plan.applied)
		fault_stain(x->api, x->version, body, &x->plan);
	if (x->plan.empty)
		message_reset(api_infos[x->api].response, body);
	struct answer *answer = answer_of(x, body);
	if (answer) {
		answer->due_ns = MAX(x->now_ns + x->plan.delay_ns, x->served_ns);
		if (x->plan.delay_ns > 0)
			session_mute(session, x->now_ns + x->plan.delay_ns);
		session_answer(session, answer);
	}
	end(x);
}

void exchange_end(struct exchange *x)
{
	x->now_ns = loop_now_ns(x->stage->loop);
	throttle(x, NULL);
	if (x->plan.disconnect_after)
		session_drop(
			x->session, "a fault rule disconnects it after its request was applied");
	end(x);
}

void exchange_drop(struct exchange *x, const char *reason)
{
	session_drop(x->session, "%s: %s", api_infos[x->api].name, reason);
	end(x);
}
