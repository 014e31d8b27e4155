/*
 * What rules decide. Their text is read by fault_rule.c; here they meet requests and partitions.
 */
#include "fault.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "fault_rule.h"

struct faults {
	struct random random;
	uint64_t acted;
	int32_t count;
	struct fault_rule *rules[FAULT_RULES_MAX];
};

int faults_open(struct faults **out, uint64_t seed)
{
	struct faults *f = calloc(1, sizeof *f);
	if (!f)
		return -ENOMEM;
	random_seed(&f->random, seed);
	*out = f;
	return 0;
}

void faults_close(struct faults *f)
{
	faults_clear(f);
	free(f);
}

int faults_add(struct faults *f, const char *text, int64_t now_ns, char why[FAULT_WHY_SIZE])
{
	if (f->count == FAULT_RULES_MAX) {
		snprintf(why, FAULT_WHY_SIZE, "there are %d rules already", FAULT_RULES_MAX);
		return -ENOSPC;
	}
	struct fault_rule *rule = malloc(sizeof *rule);
	if (!rule) {
		snprintf(why, FAULT_WHY_SIZE, "there is no memory for it");
		return -ENOMEM;
	}
	int failed = fault_rule_read(rule, text, why);
	if (failed) {
		free(rule);
		return failed;
	}
	rule->added_ns = now_ns;
	f->rules[f->count++] = rule;
	return 0;
}

void faults_clear(struct faults *f)
{
	for (int32_t i = 0; i < f->count; i++)
		free(f->rules[i]);
	f->count = 0;
}

bool faults_any(const struct faults *f, enum api api)
{
	for (int32_t i = 0; f && i < f->count; i++)
		if (f->rules[i]->count_left > 0 &&
			(f->rules[i]->api == FAULT_ANY || f->rules[i]->api == (int)api))
			return true;
	return false;
}

uint64_t faults_acted(const struct faults *f)
{
	return f->acted;
}

void faults_fill(struct faults *f, uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
		uint64_t word = random_next(&f->random);
		memcpy(data + i, &word, MIN(sizeof word, size - i));
	}
}

/* ---- does a rule act? ---- */

static bool selects(const struct fault_rule *rule, const struct fault_question *q)
{
	if (rule->api != FAULT_ANY && rule->api != (int)q->api)
		return false;
	if (rule->node_id != FAULT_ANY && rule->node_id != q->node_id)
		return false;
	return string_is_null(rule->client_id) || string_equal(rule->client_id, q->client_id);
}

/* Of those that the rule selects: skipped, too early or too late, unlucky, or used up? */
static bool fires(struct faults *f, struct fault_rule *rule, int64_t now_ns)
{
	int64_t age_ns = now_ns - rule->added_ns;
	if (age_ns < rule->from_ns || age_ns >= rule->until_ns)
		return false;
	if (rule->skip_left > 0) {
		rule->skip_left--;
		return false;
	}
	if (rule->count_left == 0)
		return false;
	if (rule->probability < 1 && random_unit(&f->random) >= rule->probability)
		return false;
	rule->count_left--;
	f->acted++;
	return true;
}

/* All that a rule does but its error. */
static void plan_add(struct fault_plan *plan, const struct fault_rule *rule)
{
	plan->disconnect_before |= rule->disconnect_before;
	plan->disconnect_after |= rule->disconnect_after;
	plan->half_frame |= rule->half_frame;
	plan->empty |= rule->empty;
	if (plan->garbage == GARBAGE_NONE)
		plan->garbage = rule->garbage;
	plan->delay_ns = MAX(plan->delay_ns, rule->delay_ns);
	plan->throttle_ms = MAX(plan->throttle_ms, rule->throttle_ms);
}

static bool is_applied(const struct fault_rule *rule, enum api api)
{
	if (rule->applied != FAULT_APPLIED_UNSAID)
		return rule->applied == FAULT_APPLIED_YES;
	return api == API_METADATA || api == API_DESCRIBE_CLUSTER || api == API_DESCRIBE_CONFIGS ||
	       api == API_API_VERSIONS;
}

void faults_plan(struct faults *f, const struct fault_question *q, struct fault_plan *plan)
{
	*plan = (struct fault_plan){ .topic = NULL_STRING, .partition = FAULT_ANY };
	for (int32_t i = 0; i < f->count; i++) {
		struct fault_rule *rule = f->rules[i];
		if (!selects(rule, q) || fault_rule_is_about_partitions(rule, q->api) ||
			!fault_rule_names(rule, q->api, q->request) || !fires(f, rule, q->now_ns))
			continue;
		plan_add(plan, rule);
		if (plan->error_code != 0 || rule->error_code == 0)
			continue;
		plan->error_code = rule->error_code;
		plan->applied = is_applied(rule, q->api);
		/* What was not applied failed as a whole. */
		plan->topic = plan->applied ? rule->topic : NULL_STRING;
		plan->partition = plan->applied ? rule->partition : FAULT_ANY;
	}
}

int16_t faults_partition(struct faults *f, const struct fault_question *q, struct string topic,
	int32_t partition, struct fault_plan *plan, bool *applied)
{
	int16_t error_code = 0;
	*applied = true;
	for (int32_t i = 0; i < f->count; i++) {
		struct fault_rule *rule = f->rules[i];
		if (!selects(rule, q) || !fault_rule_is_about_partitions(rule, q->api) ||
			!(string_is_null(rule->topic) || string_equal(rule->topic, topic)) ||
			(rule->partition != FAULT_ANY && rule->partition != partition) ||
			!fires(f, rule, q->now_ns))
			continue;
		plan_add(plan, rule);
		if (error_code != 0 || rule->error_code == 0)
			continue;
		error_code = rule->error_code;
		*applied = is_applied(rule, q->api);
	}
	return error_code;
}
