/*
 * An intrusive doubly linked ring: the node is embedded in its owner, CONTAINER_OF leads back.
 * A head is a node of its own; an empty list points at itself; a removed node is safe to remove
 * again.
 */
#ifndef HARROW_LIST_H
#define HARROW_LIST_H

#include <stdbool.h>

struct list {
	struct list *next, *previous;
};

static inline void list_init(struct list *head)
{
	head->next = head->previous = head;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

static inline void list_append(struct list *head, struct list *node)
{
	node->next = head;
	node->previous = head->previous;
	head->previous->next = node;
	head->previous = node;
}

static inline void list_prepend(struct list *head, struct list *node)
{
	list_append(head->next, node);
}

static inline void list_remove(struct list *node)
{
	node->next->previous = node->previous;
	node->previous->next = node->next;
	list_init(node);
}

/* The first node, unlinked; the list must not be empty. */
static inline struct list *list_take_first(struct list *head)
{
	struct list *first = head->next;
	list_remove(first);
	return first;
}

/* Moves every node of `from` to the end of `to`. */
static inline void list_splice(struct list *to, struct list *from)
{
	if (list_empty(from))
		return;
	from->next->previous = to->previous;
	to->previous->next = from->next;
	from->previous->next = to;
	to->previous = from->previous;
	list_init(from);
}

#define list_for_each(node, head) for (node = (head)->next; node != (head); node = node->next)
#define list_for_each_safe(node, after, head)                                                      \
	for (node = (head)->next, after = node->next; node != (head);                              \
		node = after, after = node->next)

#endif
