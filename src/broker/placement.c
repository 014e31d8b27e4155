/* Where replicas go. See the header. */
#include "placement.h"

static int32_t turn_of(struct random *random, int32_t count)
{
	return count > 0 ? (int32_t)random_below(random, (uint64_t)count) : 0;
}

void placement_begin(struct placement *p, struct random *random, const int32_t *up,
	int32_t up_count, const int32_t *down, int32_t down_count)
{
	assert(up_count > 0 && up_count <= PLACEMENT_NODES_MAX);
	assert(down_count >= 0 && down_count <= PLACEMENT_NODES_MAX);
	*p = (struct placement){ .random = random, .up_count = up_count, .down_count = down_count };
	memcpy(p->up, up, (size_t)up_count * sizeof *up);
	if (down_count > 0)
		memcpy(p->down, down, (size_t)down_count * sizeof *down);
	p->up_first = turn_of(random, up_count);
	p->down_first = turn_of(random, down_count);
}

/* Fisher and Yates. */
static void shuffle(struct random *random, int32_t *ids, int32_t count)
{
	for (int32_t i = count - 1; i > 0; i--) {
		int32_t other = turn_of(random, i + 1);
		int32_t id = ids[i];
		ids[i] = ids[other];
		ids[other] = id;
	}
}

static int32_t in_turn(const int32_t *ids, int32_t count, int32_t turn)
{
	assert(count > 0);
	return ids[turn % count];
}

void placement_next(struct placement *p, int32_t replica_count, int32_t *replicas)
{
	assert(p->up_count > 0 && replica_count <= p->up_count + p->down_count);
	if (p->round == p->up_count) {
		shuffle(p->random, p->up, p->up_count);
		shuffle(p->random, p->down, p->down_count);
		p->round = 0;
	}
	for (int32_t i = 0; i < replica_count; i++)
		replicas[i] = i < p->up_count ? in_turn(p->up, p->up_count, p->up_first + i)
					      : in_turn(p->down, p->down_count,
							p->down_first + i - p->up_count);
	p->up_first = (p->up_first + 1) % p->up_count;
	p->down_first = p->down_count > 0 ? (p->down_first + 1) % p->down_count : 0;
	p->round++;
}
