/*
 * The binary heap behind io/timer.h. Deadlines are copied into the entries, so that sifting does
 * not touch the timers except to tell them their place.
 */
#include "io/timer.h"

#include <errno.h>
#include <sys/mman.h>

int timer_heap_open(struct timer_heap *heap, size_t limit)
{
	assert(limit > 0 && limit <= TIMERS_MAX);
	void *memory = mmap(NULL, limit * sizeof *heap->entries, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return -ENOMEM;
	*heap = (struct timer_heap){ .entries = memory, .limit = limit };
	return 0;
}

void timer_heap_close(struct timer_heap *heap)
{
	for (size_t i = 0; i < heap->count; i++)
		heap->entries[i].timer->index = 0;
	munmap(heap->entries, heap->limit * sizeof *heap->entries);
	*heap = (struct timer_heap){ 0 };
}

static bool entry_before(const struct timer_entry *a, const struct timer_entry *b)
{
	if (a->deadline_ns != b->deadline_ns)
		return a->deadline_ns < b->deadline_ns;
	return a->order < b->order;
}

static void heap_put(struct timer_heap *heap, size_t place, struct timer_entry entry)
{
	heap->entries[place] = entry;
	entry.timer->index = place + 1;
}

/* Finds the place for `entry`, starting from the hole at `place`, and puts it there. */
static void heap_sift(struct timer_heap *heap, size_t place, struct timer_entry entry)
{
	while (place > 0) {
		size_t parent = (place - 1) / 2;
		if (!entry_before(&entry, &heap->entries[parent]))
			break;
		heap_put(heap, place, heap->entries[parent]);
		place = parent;
	}
	for (;;) {
		size_t child = 2 * place + 1;
		if (child >= heap->count)
			break;
		if (child + 1 < heap->count &&
			entry_before(&heap->entries[child + 1], &heap->entries[child]))
			child++;
		if (!entry_before(&heap->entries[child], &entry))
			break;
		heap_put(heap, place, heap->entries[child]);
		place = child;
	}
	heap_put(heap, place, entry);
}

void timer_heap_start(struct timer_heap *heap, struct timer *timer, int64_t deadline_ns)
{
	struct timer_entry entry = { deadline_ns, heap->order++, timer };
	timer->deadline_ns = deadline_ns;
	if (!timer_started(timer)) {
		assert(heap->count < heap->limit);
		heap->count++;
		heap_sift(heap, heap->count - 1, entry);
	} else {
		heap_sift(heap, timer->index - 1, entry);
	}
}

void timer_heap_stop(struct timer_heap *heap, struct timer *timer)
{
	if (!timer_started(timer))
		return;
	size_t place = timer->index - 1;
	assert(place < heap->count && heap->entries[place].timer == timer);
	timer->index = 0;
	struct timer_entry last = heap->entries[--heap->count];
	if (last.timer != timer)
		heap_sift(heap, place, last);
}

int64_t timer_heap_next_ns(const struct timer_heap *heap)
{
	return heap->count > 0 ? heap->entries[0].deadline_ns : NEVER_NS;
}

unsigned timer_heap_run(struct timer_heap *heap, int64_t now_ns)
{
	/*
	 * What a callback starts is due in the next call. A due timer of this call could hide
	 * behind a newer one with an earlier deadline; it then waits for the next call too, which
	 * comes at once because something is due.
	 */
	uint64_t order = heap->order;
	unsigned fired = 0;
	while (heap->count > 0 && heap->entries[0].deadline_ns <= now_ns &&
		heap->entries[0].order < order) {
		struct timer *timer = heap->entries[0].timer;
		timer_heap_stop(heap, timer);
		timer->fire(timer, now_ns);
		fired++;
	}
	return fired;
}
